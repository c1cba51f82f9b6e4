-- name: is_current
-- Whether the tables were once made for this form of the manifest, and are all still there.
SELECT EXISTS (SELECT FROM openfaith.mirror_schema WHERE adapter = %(adapter)s AND fingerprint = %(fingerprint)s)
       AND (SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = %(adapter)s AND c.relkind IN ('r', 'p') AND c.relname = ANY(%(tables)s))
           = cardinality(%(tables)s::text[]);

-- name: is_known
-- Whether the tables were once made for this form of the manifest.
SELECT EXISTS (SELECT FROM openfaith.mirror_schema WHERE adapter = %(adapter)s AND fingerprint = %(fingerprint)s);

-- name: present
-- What is there already, of all tables: table and its comment, column, type and comment.
SELECT c.relname, d.description, a.attname, format_type(a.atttypid, NULL), e.description
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description AS d
  ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
LEFT JOIN pg_catalog.pg_description AS e
  ON e.classoid = 'pg_catalog.pg_class'::regclass AND e.objoid = c.oid AND e.objsubid = a.attnum
WHERE n.nspname = %(adapter)s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum;

-- name: column_types
-- The types of one table's columns.
SELECT a.attname, format_type(a.atttypid, NULL)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(adapter)s AND c.relname = %(table)s AND a.attnum > 0 AND NOT a.attisdropped;

-- name: note
-- The tables are as this form of the manifest wants them.
INSERT INTO openfaith.mirror_schema (adapter, fingerprint) VALUES (%(adapter)s, %(fingerprint)s)
ON CONFLICT (adapter, fingerprint) DO UPDATE SET applied_at = now();

-- name: queue_filling
-- Have columns filled from _extra; what was queued for the table before is done again with it.
INSERT INTO openfaith.mirror_filling AS f (adapter, table_name, entity, columns)
VALUES (%(adapter)s, %(table)s, %(entity)s, %(columns)s)
ON CONFLICT (adapter, table_name) DO UPDATE
SET columns = f.columns || excluded.columns, passes_left = DEFAULT, due_at = DEFAULT,
    after_org_id = NULL, after_id = NULL, moved = DEFAULT, kept = DEFAULT;

-- name: take_filling
-- The next table that is due, unless another process is at it. Held until the transaction ends.
SELECT adapter, table_name, entity, columns, passes_left, after_org_id, after_id, moved, kept
FROM openfaith.mirror_filling WHERE due_at <= now()
ORDER BY due_at, adapter, table_name LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: advance_filling
-- A range of keys is done.
UPDATE openfaith.mirror_filling
SET after_org_id = %(org_id)s, after_id = %(id)s, moved = %(moved)s, kept = %(kept)s
WHERE adapter = %(adapter)s AND table_name = %(table)s;

-- name: repeat_filling
-- The table is done; once more a day later, for what programs that do not know the columns wrote meanwhile.
UPDATE openfaith.mirror_filling
SET passes_left = passes_left - 1, due_at = now() + %(after)s,
    after_org_id = NULL, after_id = NULL, moved = DEFAULT, kept = DEFAULT
WHERE adapter = %(adapter)s AND table_name = %(table)s;

-- name: end_filling
-- Nothing is left to do.
DELETE FROM openfaith.mirror_filling WHERE adapter = %(adapter)s AND table_name = %(table)s;
