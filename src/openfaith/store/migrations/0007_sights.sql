-- What the token's user may see, known of every run: what is stored under one sight is not gone because another, which
-- shows less, does not show it.

ALTER TABLE openfaith.sync_run ADD COLUMN permissions text;
COMMENT ON COLUMN openfaith.sync_run.permissions IS 'Fingerprint of what the token may see, asked when the run''s present attempt began; null where the source did not tell.';

CREATE TABLE openfaith.sight (
    org_id      text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter     text NOT NULL,
    entity      text NOT NULL,
    permissions text NOT NULL,
    noted_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, adapter, entity, permissions)
);
COMMENT ON TABLE openfaith.sight IS 'What the token could see whenever rows of an entity may have been stored, since its deletions were last accepted. Where that is anything else than what it sees now, a person decides about deletions. As many rows for an entity as there were different ones since then.';
COMMENT ON COLUMN openfaith.sight.permissions IS 'As the run has it; empty where it was not known.';
COMMENT ON COLUMN openfaith.sight.noted_at IS 'When an entity run was last taken under it.';

-- Nobody knows what the token could see when what is there was stored.
INSERT INTO openfaith.sight (org_id, adapter, entity, permissions)
SELECT org_id, adapter, entity, '' FROM openfaith.entity_run WHERE adapter = openfaith.base_adapter(adapter)
UNION SELECT org_id, adapter, entity, '' FROM openfaith.sync_state WHERE adapter = openfaith.base_adapter(adapter);
