-- Records that exist although no listing shows them, and suspects that wait for a person whatever the guard says of those of
-- the next listing.

ALTER TABLE openfaith.suspect
    DROP CONSTRAINT suspect_state_check,
    ADD CONSTRAINT suspect_state_check
        CHECK (state IN ('suspect', 'held', 'approved', 'rejected', 'unlisted', 'confirmed')),
    DROP CONSTRAINT suspect_times_missed_check,
    ADD CONSTRAINT suspect_times_missed_check CHECK (times_missed >= 0),
    ADD COLUMN must_wait boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT suspect_waits_as_held CHECK (NOT must_wait OR state = 'held'),
    ADD CONSTRAINT suspect_unlisted_undecided CHECK (state <> 'unlisted' OR decided_at IS NULL);
COMMENT ON COLUMN openfaith.suspect.state IS 'held: too many at once, or otherwise strange, so that a person must approve or reject it; unlisted: it exists, as the source said when it was asked for it, although the listing did not show it: asked for again by each reconciliation whose listing does not either; confirmed: gone at the source, and deleted here. Kept for ninety days then.';
COMMENT ON COLUMN openfaith.suspect.times_missed IS 'How many listings in a row did not show it that are proven, and leave out nothing that is known to exist.';
COMMENT ON COLUMN openfaith.suspect.must_wait IS 'It waits until a person decides about it, or it is seen, also where the next guard would let it go: a person decided about others that waited with it, and not about it; or nobody can ask for it, and a listing that does not show it may be wrong.';
CREATE INDEX suspect_unlisted ON openfaith.suspect (org_id, adapter, entity) WHERE state = 'unlisted';
CREATE INDEX suspect_open ON openfaith.suspect (org_id, adapter, entity, id) WHERE state <> 'confirmed';
