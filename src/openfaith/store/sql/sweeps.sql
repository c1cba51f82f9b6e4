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

-- name: note_swept
-- Moves an entity's place forward after a completed sweep. What was read is added up until the cycle closes. What rides
-- has its carrier's place.
UPDATE openfaith.sync_state AS s
SET sweep_checkpoint = COALESCE(CASE WHEN e.carrier IS NULL THEN e.checkpoint END, s.sweep_checkpoint),
    last_swept_at = COALESCE(e.source_started_at, s.last_swept_at),
    swept_rows = CASE WHEN cycle.closes THEN 0 ELSE s.swept_rows + e.records END,
    blind_changes = CASE WHEN cycle.closes THEN 0 ELSE s.blind_changes + e.blind_changes END,
    cycle_closed_at = CASE WHEN cycle.closes THEN now() ELSE s.cycle_closed_at END,
    cycle_rows = CASE WHEN cycle.closes THEN s.swept_rows + e.records ELSE s.cycle_rows END,
    cycle_blind_changes = CASE WHEN cycle.closes THEN s.blind_changes + e.blind_changes ELSE s.cycle_blind_changes END
FROM openfaith.entity_run AS e
JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
LEFT JOIN openfaith.entity_run AS c ON c.run_id = e.run_id AND c.entity = e.carrier
CROSS JOIN LATERAL (
    SELECT COALESCE((CASE WHEN e.carrier IS NULL THEN e.checkpoint ELSE c.checkpoint END ->> 'closed')::boolean, false) AS closes
) AS cycle
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s AND e.status = 'completed' AND run.kind = 'sweep'
  AND s.org_id = e.org_id AND s.adapter = e.adapter AND s.entity = e.entity;

-- name: note_sampled
-- What the sample of a completed reconciliation came to.
UPDATE openfaith.sync_state AS s
SET sampled = e.sampled, sampled_different = e.blind_changes, sampled_at = COALESCE(e.source_started_at, s.sampled_at)
FROM openfaith.entity_run AS e
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s AND e.status = 'completed' AND e.sampled IS NOT NULL
  AND s.org_id = e.org_id AND s.adapter = e.adapter AND s.entity = e.entity;
