-- Runs that were accepted and could not be finished: the dead letters of runs.

CREATE TABLE openfaith.failed_run (
    org_id          text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter         text NOT NULL,
    entity          text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('full', 'delta', 'reconciliation', 'sweep')),
    run_id          bigint NOT NULL REFERENCES openfaith.sync_run ON DELETE CASCADE,
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
COMMENT ON COLUMN openfaith.failed_run.run_id IS 'The last one that failed. Where that run is kept no longer, this is not either.';
COMMENT ON COLUMN openfaith.failed_run.times IS 'How often it failed in a row.';
COMMENT ON COLUMN openfaith.failed_run.status IS 'discarded: a person gave it up. If it fails again, it is open again.';
COMMENT ON COLUMN openfaith.failed_run.entity IS 'An asterisk stands for a run of everything that failed before it knew how to read it.';

CREATE FUNCTION openfaith.kinds_made_up_for(kind text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'full' THEN ARRAY['full', 'delta']
        WHEN 'reconciliation' THEN ARRAY['reconciliation', 'full', 'delta'] ELSE ARRAY[kind] END
$$;
COMMENT ON FUNCTION openfaith.kinds_made_up_for IS 'The kinds of runs that would have brought no more than a completed one of this kind.';

-- What failed before this table was there.
INSERT INTO openfaith.failed_run (org_id, adapter, entity, kind, run_id, reason, first_failed_at, last_failed_at)
SELECT o.org_id, o.adapter, o.entity, o.kind, o.run_id, COALESCE(o.reason, 'nobody knows why'), o.finished_at, o.finished_at
FROM openfaith.sync_outcome AS o
WHERE o.status IN ('failed', 'skipped') AND o.run_id IS NOT NULL AND o.adapter = openfaith.base_adapter(o.adapter)
  AND NOT EXISTS (
      SELECT FROM openfaith.sync_outcome AS since
      WHERE since.org_id = o.org_id AND since.adapter = o.adapter AND since.entity = o.entity
        AND since.completed_at > o.finished_at AND o.kind = ANY(openfaith.kinds_made_up_for(since.kind)));
