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

-- name: copy_rows
-- Rows of a control table. Every column as it is, but for the name: also those that a later migration adds.
INSERT INTO openfaith.{table}
SELECT copied.* FROM openfaith.{table} AS original
CROSS JOIN LATERAL jsonb_populate_record(original, jsonb_build_object('adapter', %(copy)s::text)) AS copied
WHERE original.org_id = %(org_id)s AND original.adapter = %(adapter)s;

-- name: discard_rows
-- What a control table has of a copy.
DELETE FROM openfaith.{table} WHERE org_id = ANY(%(org_ids)s) AND adapter = %(copy)s;

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
