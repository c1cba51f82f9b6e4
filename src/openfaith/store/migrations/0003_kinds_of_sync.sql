-- What is known of an entity from runs of every kind: what a delta begins from, and how true the table is.

ALTER TABLE openfaith.entity_run ADD COLUMN doubts text[];
COMMENT ON COLUMN openfaith.entity_run.doubts IS 'Why what was read is not proven to be all that there is; empty where it is, null where nobody can tell: in the middle, or where a part was asked for.';

ALTER TABLE openfaith.sync_state
    ADD COLUMN newest       timestamptz,
    ADD COLUMN source_count bigint CHECK (source_count >= 0),
    ADD COLUMN counted_at   timestamptz,
    ADD COLUMN proven_at    timestamptz,
    ADD COLUMN doubts       text[];
COMMENT ON COLUMN openfaith.sync_state.newest IS 'The newest stamp of a stored record that is no later than the watermark. Where the source stamps by a clock that is slow, a delta begins there.';
COMMENT ON COLUMN openfaith.sync_state.source_count IS 'How many records the source had when everything was last read or listed.';
COMMENT ON COLUMN openfaith.sync_state.counted_at IS 'When that was, by the clock of the source.';
COMMENT ON COLUMN openfaith.sync_state.proven_at IS 'When a listing that was proven complete last began, by the clock of the source.';
COMMENT ON COLUMN openfaith.sync_state.doubts IS 'What speaks against the last whole listing; empty where it was proven.';

ALTER TABLE openfaith.parent_failure ADD COLUMN gone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN openfaith.parent_failure.gone IS 'Whether the source denies the parent. Noted by reconciliations: what was below it may have moved.';

CREATE TABLE openfaith.sync_outcome (
    org_id       text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter      text NOT NULL,
    entity       text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('full', 'delta', 'reconciliation', 'sweep')),
    run_id       bigint REFERENCES openfaith.sync_run ON DELETE SET NULL,
    status       text NOT NULL,
    reason       text,
    finished_at  timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (org_id, adapter, entity, kind)
);
CREATE INDEX sync_outcome_by_run ON openfaith.sync_outcome (run_id);
COMMENT ON TABLE openfaith.sync_outcome IS 'How the last run of each kind ended for an entity.';
COMMENT ON COLUMN openfaith.sync_outcome.completed_at IS 'When one of that kind last completed.';
