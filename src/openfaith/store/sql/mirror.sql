-- name: lock
-- One process at a time makes mirror tables.
SELECT pg_advisory_xact_lock(%(lock)s);

-- name: is_current
-- Whether the tables were made for this manifest, and are all still there.
SELECT s.fingerprint = %(fingerprint)s
       AND (SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = s.adapter AND tablename = ANY(%(tables)s))
           = cardinality(%(tables)s::text[])
FROM openfaith.mirror_schema AS s WHERE s.adapter = %(adapter)s;

-- name: forget
-- The tables are being changed: whoever comes before that is done takes part in it.
DELETE FROM openfaith.mirror_schema WHERE adapter = %(adapter)s;

-- name: present_columns
-- What is there already: table, column, type.
SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(adapter)s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped;

-- name: note
-- The tables are as this manifest wants them.
INSERT INTO openfaith.mirror_schema (adapter, fingerprint) VALUES (%(adapter)s, %(fingerprint)s)
ON CONFLICT (adapter) DO UPDATE SET fingerprint = excluded.fingerprint, applied_at = now();
