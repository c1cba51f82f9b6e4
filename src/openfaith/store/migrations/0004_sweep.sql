-- What is known of changes that move no stamp: where sweeps stand, what they and the samples of reconciliations found.

ALTER TABLE openfaith.entity_run
    ADD COLUMN blind_changes bigint NOT NULL DEFAULT 0 CHECK (blind_changes >= 0),
    ADD COLUMN sampled       bigint CHECK (sampled >= 0);
COMMENT ON COLUMN openfaith.entity_run.blind_changes IS 'Rows whose content differed from the source although their updated_at did not; counted by sweeps, and among the sample of a reconciliation.';
COMMENT ON COLUMN openfaith.entity_run.sampled IS 'How many stored records a reconciliation asked for once more, to compare their content; null where it did not.';

ALTER TABLE openfaith.sync_state
    ADD COLUMN sweep_checkpoint    jsonb,
    ADD COLUMN last_swept_at       timestamptz,
    ADD COLUMN swept_rows          bigint NOT NULL DEFAULT 0 CHECK (swept_rows >= 0),
    ADD COLUMN blind_changes       bigint NOT NULL DEFAULT 0 CHECK (blind_changes >= 0),
    ADD COLUMN cycle_closed_at     timestamptz,
    ADD COLUMN cycle_rows          bigint NOT NULL DEFAULT 0 CHECK (cycle_rows >= 0),
    ADD COLUMN cycle_blind_changes bigint NOT NULL DEFAULT 0 CHECK (cycle_blind_changes >= 0),
    ADD COLUMN sampled             bigint CHECK (sampled >= 0),
    ADD COLUMN sampled_different   bigint CHECK (sampled_different >= 0),
    ADD COLUMN sampled_at          timestamptz,
    ADD CHECK ((sampled IS NULL) = (sampled_different IS NULL));
COMMENT ON COLUMN openfaith.sync_state.sweep_checkpoint IS 'Where the last completed sweep ended, and the next one begins.';
COMMENT ON COLUMN openfaith.sync_state.last_swept_at IS 'When the last completed sweep began, by the clock of the source.';
COMMENT ON COLUMN openfaith.sync_state.swept_rows IS 'Records that the present cycle of sweeps has read so far.';
COMMENT ON COLUMN openfaith.sync_state.blind_changes IS 'How many of these had changed without a new updated_at.';
COMMENT ON COLUMN openfaith.sync_state.cycle_closed_at IS 'When a cycle of sweeps last came to its end: everything was read once.';
COMMENT ON COLUMN openfaith.sync_state.cycle_rows IS 'Records that that cycle has read.';
COMMENT ON COLUMN openfaith.sync_state.cycle_blind_changes IS 'How many of these had changed without a new updated_at.';
COMMENT ON COLUMN openfaith.sync_state.sampled IS 'How many stored records the last reconciliation asked for once more.';
COMMENT ON COLUMN openfaith.sync_state.sampled_different IS 'How many of these had another content although their updated_at was the same.';
COMMENT ON COLUMN openfaith.sync_state.sampled_at IS 'When that reconciliation began, by the clock of the source.';
