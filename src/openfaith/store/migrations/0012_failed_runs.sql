-- Runs that were accepted and could not be finished: the dead letters of runs.

CREATE TABLE openfaith.failed_run (
    org_id          text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter         text NOT NULL,
    entity          text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('full', 'delta', 'reconciliation', 'sweep')),
    run_id          bigint REFERENCES openfaith.sync_run ON DELETE SET NULL,
    reason          text NOT NULL,
    times           bigint NOT NULL DEFAULT 1,
    first_failed_at timestamptz NOT NULL DEFAULT now(),
    last_failed_at  timestamptz NOT NULL DEFAULT now(),
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'discarded')),
    decided_by      text,
    decided_at      timestamptz,
    PRIMARY KEY (org_id, adapter, entity, kind)
);
CREATE INDEX failed_run_by_run ON openfaith.failed_run (run_id);
COMMENT ON TABLE openfaith.failed_run IS 'What failed for good and was not made up for since, by entity and kind of run. A row goes as soon as a run completes that has read as much.';
COMMENT ON COLUMN openfaith.failed_run.run_id IS 'The last one that failed; null where it is no longer kept.';
COMMENT ON COLUMN openfaith.failed_run.times IS 'How often it failed in a row.';
COMMENT ON COLUMN openfaith.failed_run.status IS 'discarded: a person gave it up. If it fails again, it is open again.';
COMMENT ON COLUMN openfaith.failed_run.entity IS 'An asterisk stands for a run that failed before it knew what to read.';

CREATE FUNCTION openfaith.kinds_made_up_for(kind text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'full' THEN ARRAY['full', 'delta']
        WHEN 'reconciliation' THEN ARRAY['reconciliation', 'full', 'delta'] ELSE ARRAY[kind] END
$$;
COMMENT ON FUNCTION openfaith.kinds_made_up_for IS 'The kinds of runs that would have brought no more than a completed one of this kind.';
