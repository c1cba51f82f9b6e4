-- name: lock_entity_runs
-- The entity run that is held, and the one of the same run that a deletion is counted in; or all of that run, where
-- records of any entity are written. In the plan's order, and before any record: so do pages.
SELECT entity_run_id, run_id, org_id, entity, fence = %(fence)s AND status = 'running' AS is_held
FROM openfaith.entity_run
WHERE run_id = (SELECT run_id FROM openfaith.entity_run WHERE entity_run_id = %(entity_run_id)s)
  AND (%(whole)s OR entity = %(entity)s OR entity_run_id = %(entity_run_id)s)
ORDER BY position FOR UPDATE;

-- name: read_policy
-- What becomes of an entity's deleted rows, where it is not the usual.
SELECT p.policy FROM openfaith.deletion_policy AS p
JOIN openfaith.entity_run AS e ON e.org_id = p.org_id AND e.adapter = p.adapter
WHERE e.entity_run_id = %(entity_run_id)s AND p.entity = %(entity)s;

-- name: lock_policy
-- Waits for pages that are writing to a table from which rows are to be removed, and keeps others waiting.
SELECT FROM openfaith.deletion_policy
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
FOR UPDATE;

-- name: get_policy
-- What becomes of an entity's deleted rows.
SELECT policy FROM openfaith.deletion_policy
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s;

-- name: set_policy
-- What is to become of an entity's deleted rows. A row is never removed: writers lock it.
INSERT INTO openfaith.deletion_policy (org_id, adapter, entity, policy)
VALUES (%(org_id)s, %(adapter)s, %(entity)s, %(policy)s)
ON CONFLICT (org_id, adapter, entity) DO UPDATE SET policy = excluded.policy, set_at = now();

-- name: is_guarded
-- Whether a mirror table has the trigger that keeps removed rows from coming back with an older page.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)) AND tgname = %(name)s);

-- name: table_columns
-- A table's columns and their types, in order.
SELECT a.attname, format_type(a.atttypid, NULL)
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text))
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: note_removals
-- The tombstones of rows that are removed.
INSERT INTO openfaith.removal AS r (org_id, adapter, entity, id, deleted_at)
SELECT %(org_id)s, %(adapter)s, %(entity)s, id, %(confirmed_at)s FROM unnest(%(ids)s::text[]) AS gone (id)
ON CONFLICT (org_id, adapter, entity, id) DO UPDATE
SET deleted_at = GREATEST(r.deleted_at, excluded.deleted_at), noted_at = now();

-- name: confirm_suspects
-- These were gone at the source, and are deleted.
UPDATE openfaith.suspect SET state = 'confirmed', must_wait = false, confirmed_at = %(confirmed_at)s
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s AND id = ANY(%(ids)s)
  AND state <> 'confirmed';

-- name: count_deleted
-- Records that live no more, in the entity run of their entity, if the run has one.
UPDATE openfaith.entity_run SET deleted = deleted + %(deleted)s, progressed_at = now()
WHERE run_id = %(run_id)s AND entity = %(entity)s;

-- name: count_confirmed
-- What became of suspects of a listing; nothing is left to be done about them.
WITH settled AS (
    UPDATE openfaith.difference SET state = 'settled'
    WHERE entity_run_id = %(entity_run_id)s AND id = ANY(%(ids)s) AND kind = 'suspect'
)
UPDATE openfaith.listing
SET deleted = deleted + %(deleted)s, merged = merged + %(merged)s, refuted = refuted + %(refuted)s
WHERE entity_run_id = %(entity_run_id)s;
