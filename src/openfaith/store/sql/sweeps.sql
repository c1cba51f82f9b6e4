-- name: get_sweep_checkpoint
-- Where the last sweep of an entity has come to.
SELECT sweep_checkpoint FROM openfaith.sync_state
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s;

-- name: ids_of
-- The ids of records as they came, as far as they can be read.
SELECT DISTINCT p.record ->> 'id'
FROM unnest(%(bodies)s::bytea[]) AS b (body) CROSS JOIN LATERAL openfaith.parse(b.body) AS p
WHERE jsonb_typeof(p.record -> 'id') = 'string';

-- name: count_blind_changes
-- Adds to what an entity run has found to have changed without a new stamp, in the transaction that has stored it.
UPDATE openfaith.entity_run SET blind_changes = blind_changes + %(blind_changes)s WHERE entity_run_id = %(entity_run_id)s;

-- name: note_sample
-- How many records a reconciliation has asked for once more. Only the holder writes it.
UPDATE openfaith.entity_run SET sampled = %(sampled)s
WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running';
