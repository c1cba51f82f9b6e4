-- A letter that a run has settled says so, and since when: it is kept for as long as one that was discarded.

ALTER TABLE openfaith.dead_letter
    DROP CONSTRAINT dead_letter_check3,
    ADD CONSTRAINT dead_letter_decided CHECK (decided_by IS NULL OR status <> 'open');
COMMENT ON COLUMN openfaith.dead_letter.decided_by IS 'Who discarded it, or which run has settled it.';
