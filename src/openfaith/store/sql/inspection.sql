-- name: has_migrations
-- Whether openfaith has ever been here.
SELECT to_regclass('openfaith.migration') IS NOT NULL;

-- name: list_migrations
-- What was applied.
SELECT number, checksum FROM openfaith.migration;

-- name: identify
-- Which database this is, by whatever address and name it is reached: since when it has been ours, and its number in its
-- server, which tells it from its copies there.
SELECT to_char(m.applied_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || '-' || d.oid
FROM openfaith.migration AS m, pg_database AS d WHERE m.number = 1 AND d.datname = current_database();
