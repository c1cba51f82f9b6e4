-- What a reconciliation knows: the ids that a listing showed, in what they differ from what is stored, what may have
-- been deleted at the source, and what was.

CREATE TABLE openfaith.listing (
    entity_run_id bigint PRIMARY KEY REFERENCES openfaith.entity_run ON DELETE CASCADE,
    org_id        text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter       text NOT NULL,
    entity        text NOT NULL,
    started_at    timestamptz NOT NULL,
    permissions   text,
    counted       bigint NOT NULL DEFAULT 0 CHECK (counted >= 0),
    unusable      bigint NOT NULL DEFAULT 0 CHECK (unusable >= 0),
    closed_at     timestamptz,
    rows          bigint CHECK (rows >= 0),
    proven        boolean NOT NULL DEFAULT false,
    doubts        text[] NOT NULL DEFAULT '{}',
    side          text NOT NULL DEFAULT 'listed' CHECK (side IN ('listed', 'stored')),
    compared_to   text COLLATE "C" NOT NULL DEFAULT '',
    compared_at   timestamptz,
    guard         text CHECK (guard IN ('allowed', 'stopped')),
    guard_reason  text,
    missing       bigint NOT NULL DEFAULT 0 CHECK (missing >= 0),
    stale         bigint NOT NULL DEFAULT 0 CHECK (stale >= 0),
    suspects      bigint NOT NULL DEFAULT 0 CHECK (suspects >= 0),
    held          bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    refuted       bigint NOT NULL DEFAULT 0 CHECK (refuted >= 0),
    deleted       bigint NOT NULL DEFAULT 0 CHECK (deleted >= 0),
    merged        bigint NOT NULL DEFAULT 0 CHECK (merged >= 0),
    forgotten_at  timestamptz,
    CHECK ((closed_at IS NULL) = (rows IS NULL)),
    CHECK (NOT proven OR (closed_at IS NOT NULL AND cardinality(doubts) = 0 AND rows = counted AND unusable = 0)),
    CHECK (closed_at IS NULL OR proven OR cardinality(doubts) > 0),
    CHECK (compared_at IS NULL OR closed_at IS NOT NULL),
    CHECK (side = 'listed' OR closed_at IS NOT NULL),
    CHECK (suspects = 0 OR proven),
    CHECK (guard IS NULL OR compared_at IS NOT NULL),
    CHECK ((guard IS NOT DISTINCT FROM 'stopped') = (guard_reason IS NOT NULL)),
    CHECK (guard IS DISTINCT FROM 'allowed' OR proven)
);
COMMENT ON TABLE openfaith.listing IS 'One reading of the ids of all records that the source has of an entity: whether it is proven complete, and what came of it.';
COMMENT ON COLUMN openfaith.listing.started_at IS 'Before its first request, by the clock of the source. What was requested later than that is no part of what it can prove.';
COMMENT ON COLUMN openfaith.listing.permissions IS 'Fingerprint of what the token may see, where that is known.';
COMMENT ON COLUMN openfaith.listing.counted IS 'Different ids, counted page by page as they were committed. A listing that has not as many rows has lost some.';
COMMENT ON COLUMN openfaith.listing.unusable IS 'Records that had no usable id.';
COMMENT ON COLUMN openfaith.listing.rows IS 'Different ids, counted at its end.';
COMMENT ON COLUMN openfaith.listing.proven IS 'Whether what it did not show was not there. Nothing is deleted without that.';
COMMENT ON COLUMN openfaith.listing.doubts IS 'Why it is not proven.';
COMMENT ON COLUMN openfaith.listing.side IS 'Which side is being gone through to compare: what was listed, then what is stored.';
COMMENT ON COLUMN openfaith.listing.compared_to IS 'The last id of that side that was compared.';
COMMENT ON COLUMN openfaith.listing.guard IS 'Whether the deletions that follow from it may go on by themselves.';
COMMENT ON COLUMN openfaith.listing.refuted IS 'Suspects that turned out to exist.';
COMMENT ON COLUMN openfaith.listing.forgotten_at IS 'When its rows were removed; what came of it stays.';
CREATE INDEX listing_of_entity ON openfaith.listing (org_id, adapter, entity, entity_run_id DESC);
CREATE INDEX listing_remembered ON openfaith.listing (entity_run_id) WHERE forgotten_at IS NULL;

CREATE TABLE openfaith.listing_row (
    entity_run_id bigint NOT NULL REFERENCES openfaith.listing ON DELETE CASCADE,
    id            text COLLATE "C" NOT NULL,
    updated_at    timestamptz,
    PRIMARY KEY (entity_run_id, id)
);
COMMENT ON TABLE openfaith.listing_row IS 'An id that a listing showed. Removed after its entity run. Not to be made UNLOGGED: PostgreSQL empties such a table when it recovers from a crash, and to have seen nothing looks like everything is gone.';
COMMENT ON COLUMN openfaith.listing_row.updated_at IS 'As listed; null where the record did not say it, or not as a time.';

CREATE TABLE openfaith.difference (
    entity_run_id bigint NOT NULL REFERENCES openfaith.listing ON DELETE CASCADE,
    id            text COLLATE "C" NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('missing', 'stale', 'suspect')),
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'failed')),
    PRIMARY KEY (entity_run_id, id)
);
COMMENT ON TABLE openfaith.difference IS 'A record that a listing showed and that is not stored, or older, or that is stored and was not listed. Removed after its entity run.';
CREATE INDEX difference_open ON openfaith.difference (entity_run_id, kind, id) WHERE state = 'open';

CREATE TABLE openfaith.suspect (
    org_id             text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter            text NOT NULL,
    entity             text NOT NULL,
    id                 text COLLATE "C" NOT NULL,
    state              text NOT NULL DEFAULT 'suspect'
                       CHECK (state IN ('suspect', 'held', 'approved', 'rejected', 'confirmed')),
    reason             text,
    found_at           timestamptz NOT NULL DEFAULT now(),
    entity_run_id      bigint REFERENCES openfaith.listing ON DELETE SET NULL,
    listing_started_at timestamptz NOT NULL,
    permissions        text,
    times_missed       integer NOT NULL DEFAULT 1 CHECK (times_missed > 0),
    decided_by         text,
    decided_at         timestamptz,
    confirmed_at       timestamptz,
    PRIMARY KEY (org_id, adapter, entity, id),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (state NOT IN ('approved', 'rejected') OR decided_at IS NOT NULL),
    CHECK (state NOT IN ('suspect', 'held') OR decided_at IS NULL),
    CHECK (state <> 'held' OR reason IS NOT NULL),
    CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL))
);
COMMENT ON TABLE openfaith.suspect IS 'A stored record that a proven listing did not show. It stays as it is until the source confirms that it is gone, and is forgotten when it is seen again.';
COMMENT ON COLUMN openfaith.suspect.state IS 'held: too many at once, or otherwise strange, so that a person must approve or reject it; confirmed: gone at the source, and deleted here. Kept for ninety days then.';
COMMENT ON COLUMN openfaith.suspect.entity_run_id IS 'Whose listing missed it last.';
COMMENT ON COLUMN openfaith.suspect.listing_started_at IS 'When that listing started, by the clock of the source.';
COMMENT ON COLUMN openfaith.suspect.permissions IS 'What the token could see in that listing. An approval holds as long as that is the same.';
COMMENT ON COLUMN openfaith.suspect.times_missed IS 'How many proven listings in a row did not show it.';
COMMENT ON COLUMN openfaith.suspect.confirmed_at IS 'By the clock of the source: when it was asked, and had it no more.';
CREATE INDEX suspect_of_run ON openfaith.suspect (entity_run_id, state, id);
CREATE INDEX suspect_by_age ON openfaith.suspect (confirmed_at) WHERE state = 'confirmed';

CREATE TABLE openfaith.deletion_policy (
    org_id  text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter text NOT NULL,
    entity  text NOT NULL,
    policy  text NOT NULL CHECK (policy IN ('soft', 'hard', 'archive')),
    set_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, adapter, entity)
);
COMMENT ON TABLE openfaith.deletion_policy IS 'What becomes of the row of a record that is gone at the source, where it is not the usual (soft).';
COMMENT ON COLUMN openfaith.deletion_policy.policy IS 'soft: it stays, with the time of its deletion; hard: it is removed; archive: it is moved to the schema <adapter>_archive.';

CREATE TABLE openfaith.removal (
    org_id     text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter    text NOT NULL,
    entity     text NOT NULL,
    id         text COLLATE "C" NOT NULL,
    deleted_at timestamptz NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, adapter, entity, id)
);
COMMENT ON TABLE openfaith.removal IS 'The tombstone of a record whose row was removed or archived: an older page that is still on its way must not bring it back. Kept for ninety days.';
COMMENT ON COLUMN openfaith.removal.deleted_at IS 'By the clock of the source: when it was asked, and had it no more.';
CREATE INDEX removal_by_age ON openfaith.removal (noted_at);

CREATE FUNCTION openfaith.keep_removed() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    gone timestamptz;
BEGIN
    -- Shared by all who insert, and exclusive to whoever removes: so either is over before the other looks.
    PERFORM FROM openfaith.deletion_policy
    WHERE org_id = NEW.org_id AND adapter = TG_TABLE_SCHEMA AND entity = TG_ARGV[0] FOR SHARE;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    SELECT deleted_at INTO gone FROM openfaith.removal
    WHERE org_id = NEW.org_id AND adapter = TG_TABLE_SCHEMA AND entity = TG_ARGV[0] AND id = NEW.id COLLATE "C";
    IF gone > NEW._requested_at THEN
        RETURN NULL;
    ELSIF gone IS NOT NULL THEN
        DELETE FROM openfaith.removal
        WHERE org_id = NEW.org_id AND adapter = TG_TABLE_SCHEMA AND entity = TG_ARGV[0] AND id = NEW.id COLLATE "C";
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION openfaith.keep_removed IS 'Trigger of mirror tables whose rows are removed or archived: what was requested before the proof of its deletion is not stored.';
