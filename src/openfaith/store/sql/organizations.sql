-- name: ensure_organization
-- An organization exists from its first connection on.
INSERT INTO openfaith.organization (org_id) VALUES (%(org_id)s) ON CONFLICT DO NOTHING;

-- name: save_credential
-- One credential per organization and adapter; the newest counts, unless it belongs to another organization.
INSERT INTO openfaith.credential AS c (org_id, adapter, base_url, source_org, key_id, sealed)
VALUES (%(org_id)s, %(adapter)s, %(base_url)s, %(source_org)s, %(key_id)s, %(sealed)s)
ON CONFLICT (org_id, adapter) DO UPDATE
SET base_url = excluded.base_url, source_org = COALESCE(excluded.source_org, c.source_org),
    key_id = excluded.key_id, sealed = excluded.sealed, updated_at = now()
WHERE COALESCE(c.source_org = excluded.source_org, true)
RETURNING 1;

-- name: find_run_under_way
-- A run that still reads the source as it is connected now, where that is another address.
SELECT run.run_id, c.base_url
FROM openfaith.credential AS c
JOIN openfaith.sync_run AS run USING (org_id, adapter)
WHERE c.org_id = %(org_id)s AND c.adapter = %(adapter)s AND c.base_url <> %(base_url)s
  AND run.status IN ('queued', 'running')
ORDER BY run.run_id LIMIT 1;

-- name: get_credential
-- The sealed secret and what is needed to open and use it.
SELECT base_url, key_id, sealed, updated_at FROM openfaith.credential WHERE org_id = %(org_id)s AND adapter = %(adapter)s;

-- name: list_organizations
-- Who is connected to what.
SELECT org_id, adapter, base_url FROM openfaith.credential ORDER BY org_id, adapter;
