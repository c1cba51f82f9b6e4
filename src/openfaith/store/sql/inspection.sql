-- name: has_migrations
-- Whether openfaith has ever been here.
SELECT to_regclass('openfaith.migration') IS NOT NULL;

-- name: list_migrations
-- What was applied.
SELECT number, checksum FROM openfaith.migration;
