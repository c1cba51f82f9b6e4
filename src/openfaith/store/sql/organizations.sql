-- name: ensure_organization
-- An organization exists from its first connection on.
INSERT INTO openfaith.organization (org_id) VALUES (%(org_id)s) ON CONFLICT DO NOTHING;

-- name: save_credential
-- One credential per organization and adapter; the newest counts.
INSERT INTO openfaith.credential (org_id, adapter, base_url, key_id, sealed)
VALUES (%(org_id)s, %(adapter)s, %(base_url)s, %(key_id)s, %(sealed)s)
ON CONFLICT (org_id, adapter) DO UPDATE
SET base_url = excluded.base_url, key_id = excluded.key_id, sealed = excluded.sealed, updated_at = now();

-- name: get_credential
-- The sealed secret and what is needed to open and use it.
SELECT base_url, key_id, sealed FROM openfaith.credential WHERE org_id = %(org_id)s AND adapter = %(adapter)s;

-- name: list_organizations
-- Who is connected to what.
SELECT org_id, adapter, base_url FROM openfaith.credential ORDER BY org_id, adapter;
