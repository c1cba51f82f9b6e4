-- name: list_org_ids
-- Every organization that there is.
SELECT org_id FROM openfaith.organization ORDER BY org_id;

-- name: list_sync_outcomes
-- How the last run of each kind ended for every entity of some organizations. The age is by the clock of this database.
SELECT org_id, adapter, entity, kind, run_id, status, reason, finished_at, completed_at,
       EXTRACT(epoch FROM now() - completed_at)::double precision AS completed_seconds
FROM openfaith.sync_outcome
WHERE org_id = ANY(%(org_ids)s) AND adapter = openfaith.base_adapter(adapter)
ORDER BY org_id, adapter, entity, completed_at DESC NULLS LAST, kind;
