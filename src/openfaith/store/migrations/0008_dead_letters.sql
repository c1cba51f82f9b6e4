-- What a dead letter is replayed by, and what came of that: the request that brought it, the class of its fault, whose the
-- record is where it does not say so itself, the attempts, and who gave it up.

ALTER TABLE openfaith.dead_letter
    ADD COLUMN fault           text CHECK (fault IN ('json', 'shape', 'value', 'refused', 'place')),
    ADD COLUMN path            text,
    ADD COLUMN page_token      text,
    ADD COLUMN api_version     text,
    ADD COLUMN parents         jsonb,
    ADD COLUMN carrier         text,
    ADD COLUMN owner_id        text,
    ADD COLUMN attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ADD COLUMN last_attempt_at timestamptz,
    ADD COLUMN last_outcome    text CHECK (last_outcome IN ('stored', 'superseded', 'unstorable')),
    ADD COLUMN decided_by      text,
    ADD COLUMN decided_at      timestamptz,
    ADD CHECK ((attempts = 0) = (last_attempt_at IS NULL)),
    ADD CHECK ((last_attempt_at IS NULL) = (last_outcome IS NULL)),
    ADD CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    ADD CHECK (decided_by IS NULL OR status = 'discarded'),
    ADD CHECK (owner_id IS NULL OR carrier IS NOT NULL);
COMMENT ON COLUMN openfaith.dead_letter.fault IS 'The class of the reason: json is no JSON, shape is no record of the entity, value holds what PostgreSQL cannot, refused fails for another reason when it is tried, place belongs nobody knows where. Null where a program of before these classes set it aside.';
COMMENT ON COLUMN openfaith.dead_letter.path IS 'Of the collection whose page brought it; null as fault is.';
COMMENT ON COLUMN openfaith.dead_letter.page_token IS 'By which that page was asked for.';
COMMENT ON COLUMN openfaith.dead_letter.api_version IS 'Of its product, in the manifest by which it was read.';
COMMENT ON COLUMN openfaith.dead_letter.parents IS 'The ids of the path, by placeholder; null for a list of its own.';
COMMENT ON COLUMN openfaith.dead_letter.carrier IS 'The entity on whose page it rode; null for a page of its own.';
COMMENT ON COLUMN openfaith.dead_letter.owner_id IS 'Which record of the carrier''s it belongs to, where the page said so.';
COMMENT ON COLUMN openfaith.dead_letter.attempts IS 'How often it was replayed.';
COMMENT ON COLUMN openfaith.dead_letter.last_outcome IS 'Of the last replay. superseded: what is stored is newer, or says the same, or was deleted since.';
COMMENT ON COLUMN openfaith.dead_letter.decided_by IS 'Who discarded it.';

UPDATE openfaith.dead_letter SET fault = CASE
    WHEN reason = 'it is not valid JSON' THEN 'json'
    WHEN reason LIKE 'PostgreSQL refuses it%' THEN 'refused'
    WHEN reason LIKE 'it holds %' OR reason LIKE 'it is larger %' THEN 'value'
    ELSE 'shape'
END;

CREATE INDEX dead_letter_by_entity ON openfaith.dead_letter (org_id, adapter, entity, dead_letter_id);
