-- name: lock
-- Lets nobody else make the copy of the same run meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended(format('openfaith.copy.%%s', %(copy)s::text), 0));

-- name: is_copied
-- Whether the copy is there: it is made in one transaction, so it is complete.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname = %(copy)s AND obj_description(n.oid, 'pg_namespace') = %(comment)s);

-- name: lock_open_run
-- The run, unless it is over: whoever ends it waits, and then finds what it has to discard.
SELECT run_id FROM openfaith.sync_run WHERE run_id = %(run_id)s AND finished_at IS NULL FOR NO KEY UPDATE;

-- name: policies
-- The entities whose deleted rows may have left their tables, and how they leave them now.
SELECT entity, policy FROM openfaith.deletion_policy WHERE org_id = %(org_id)s AND adapter = %(adapter)s;

-- name: copy_sync_state
-- What is known of the entities. Every column as it is, but for the name: also those that a later migration adds.
INSERT INTO openfaith.sync_state
SELECT copied.* FROM openfaith.sync_state AS s
CROSS JOIN LATERAL jsonb_populate_record(s, jsonb_build_object('adapter', %(copy)s::text)) AS copied
WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s;

-- name: copy_suspects
-- What may be gone, how often it was missed, and what was decided about it.
INSERT INTO openfaith.suspect
SELECT copied.* FROM openfaith.suspect AS s
CROSS JOIN LATERAL jsonb_populate_record(s, jsonb_build_object('adapter', %(copy)s::text)) AS copied
WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s;

-- name: copy_policies
-- What becomes of deleted rows.
INSERT INTO openfaith.deletion_policy
SELECT copied.* FROM openfaith.deletion_policy AS p
CROSS JOIN LATERAL jsonb_populate_record(p, jsonb_build_object('adapter', %(copy)s::text)) AS copied
WHERE p.org_id = %(org_id)s AND p.adapter = %(adapter)s;

-- name: copy_removals
-- The tombstones of rows that left their tables.
INSERT INTO openfaith.removal
SELECT copied.* FROM openfaith.removal AS r
CROSS JOIN LATERAL jsonb_populate_record(r, jsonb_build_object('adapter', %(copy)s::text)) AS copied
WHERE r.org_id = %(org_id)s AND r.adapter = %(adapter)s;

-- name: discard_sync_state
-- What was known of the entities of the copy.
DELETE FROM openfaith.sync_state WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

-- name: discard_sync_outcomes
-- How its entity runs ended.
DELETE FROM openfaith.sync_outcome WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

-- name: discard_suspects
-- Its suspects.
DELETE FROM openfaith.suspect WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

-- name: discard_policies
-- What was to become of its deleted rows.
DELETE FROM openfaith.deletion_policy WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

-- name: discard_removals
-- Its tombstones.
DELETE FROM openfaith.removal WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

-- name: discard_dead_letters
-- The records that could not be stored in it.
DELETE FROM openfaith.dead_letter WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

-- name: schemas_of
-- The schemas of one copy: that of its tables, and that of its archive.
SELECT n.nspname FROM pg_catalog.pg_namespace AS n
WHERE n.nspname = ANY (ARRAY[%(copy)s::text, %(copy)s::text || '_archive'])
  AND obj_description(n.oid, 'pg_namespace') = %(comment)s
ORDER BY n.nspname;

-- name: find_orphans
-- Copies whose run is over, or gone.
SELECT n.nspname, obj_description(n.oid, 'pg_namespace')
FROM pg_catalog.pg_namespace AS n
WHERE openfaith.base_adapter(n.nspname) <> n.nspname AND obj_description(n.oid, 'pg_namespace') LIKE %(any_comment)s
  AND NOT EXISTS (
      SELECT FROM openfaith.sync_run AS run
      WHERE run.finished_at IS NULL AND run.dry_run AND n.nspname = format('%%s_dry_%%s', run.adapter, run.run_id))
ORDER BY n.nspname;
