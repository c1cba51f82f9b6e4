-- name: list_org_ids
-- Every organization that there is.
SELECT org_id FROM openfaith.organization ORDER BY org_id;

-- name: list_sync_outcomes
-- How the last run of each kind ended for every entity of some organizations. The age is by the clock of this database.
SELECT org_id, adapter, entity, kind, run_id, status, reason, finished_at, completed_at,
       EXTRACT(epoch FROM now() - completed_at)::double precision AS completed_seconds
FROM openfaith.sync_outcome
WHERE org_id = ANY(%(org_ids)s) AND adapter = openfaith.base_adapter(adapter)
ORDER BY org_id, adapter, entity, completed_at DESC NULLS LAST, kind;

-- name: note_sync_state
-- What is known of an entity after its run. The watermark only ever moves forward, and only by completed runs that have
-- seen all of what changed: not what came along with a part of its carrier's records, no share of a sweep, no listing
-- without a proof, nor one so strange that its deletions wait for a person: it may not have shown what is new either. What
-- was read with doubts moves it where there is none yet, or one that no delta goes by any more: else no delta could ever
-- begin, and it would never be moved. So does what showed nothing at all: no delta goes by that mark before it does.
INSERT INTO openfaith.sync_state AS s (org_id, adapter, entity, watermark, live_rows, last_run_id, last_status,
    last_completed_at, newest, source_count, counted_at, proven_at, doubts)
SELECT e.org_id, e.adapter, e.entity,
       CASE WHEN whole.seen THEN e.source_started_at END,
       COALESCE(e.live_rows, 0), e.run_id, e.status,
       CASE WHEN e.status = 'completed' THEN now() END,
       CASE WHEN whole.seen THEN %(newest)s::timestamptz END,
       whole.counted, CASE WHEN whole.counted IS NOT NULL THEN e.source_started_at END,
       CASE WHEN whole.read AND cardinality(whole.doubts) = 0 THEN e.source_started_at END,
       CASE WHEN whole.read THEN whole.doubts END
FROM openfaith.entity_run AS e
JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
LEFT JOIN openfaith.entity_run AS c ON c.run_id = e.run_id AND c.entity = e.carrier
LEFT JOIN openfaith.listing AS l ON l.entity_run_id = e.entity_run_id
LEFT JOIN openfaith.listing AS cl ON cl.entity_run_id = c.entity_run_id
LEFT JOIN openfaith.sync_state AS known
  ON known.org_id = e.org_id AND known.adapter = e.adapter AND known.entity = e.entity
CROSS JOIN LATERAL (SELECT 'stopped' IN (COALESCE(l.guard, ''), COALESCE(cl.guard, '')) AS stopped) AS guard
CROSS JOIN LATERAL (
    SELECT e.status = 'completed' AND c.checkpoint ->> 'delta' IS NULL AND CASE run.kind
               WHEN 'sweep' THEN false
               WHEN 'reconciliation' THEN l.proven AND NOT guard.stopped
               ELSE known.watermark IS NULL OR COALESCE(cardinality(e.doubts), 0) = 0
                    OR 'it shows nothing at all, and was not asked twice' = ANY(e.doubts)
                    OR e.source_started_at - known.watermark > %(mark_lasts)s::interval END AS seen,
           e.status = 'completed' AND e.doubts IS NOT NULL AND NOT guard.stopped AS read,
           COALESCE(CASE WHEN NOT l.proven THEN l.doubts END, e.doubts) AS doubts,
           CASE WHEN e.status <> 'completed' OR e.doubts IS NULL THEN NULL
                WHEN run.kind = 'reconciliation' THEN l.rows
                WHEN e.reading = 'top' THEN e.total_count END AS counted
) AS whole
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s
ON CONFLICT (org_id, adapter, entity) DO UPDATE
SET watermark = GREATEST(s.watermark, excluded.watermark),
    newest = COALESCE(excluded.newest, s.newest),
    source_count = CASE WHEN excluded.counted_at IS NULL THEN s.source_count ELSE excluded.source_count END,
    counted_at = COALESCE(excluded.counted_at, s.counted_at),
    proven_at = COALESCE(excluded.proven_at, s.proven_at),
    doubts = COALESCE(excluded.doubts, s.doubts),
    live_rows = CASE WHEN excluded.last_status = 'completed' THEN excluded.live_rows ELSE s.live_rows END,
    last_run_id = excluded.last_run_id,
    last_status = excluded.last_status,
    last_completed_at = COALESCE(excluded.last_completed_at, s.last_completed_at);

-- name: note_sync_outcome
-- How the last run of its kind ended for an entity.
INSERT INTO openfaith.sync_outcome AS o (org_id, adapter, entity, kind, run_id, status, reason, finished_at, completed_at)
SELECT e.org_id, e.adapter, e.entity, run.kind, e.run_id, e.status, e.reason, e.finished_at,
       CASE WHEN e.status = 'completed' THEN e.finished_at END
FROM openfaith.entity_run AS e JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s
ON CONFLICT (org_id, adapter, entity, kind) DO UPDATE
SET (run_id, status, reason, finished_at, completed_at) =
    (excluded.run_id, excluded.status, excluded.reason, excluded.finished_at, COALESCE(excluded.completed_at, o.completed_at));

-- name: note_failed_run
-- Keeps a failure, and what was skipped because of one, until a run makes up for it. A dry run promises nobody anything.
INSERT INTO openfaith.failed_run AS f (org_id, adapter, entity, kind, run_id, reason)
SELECT e.org_id, e.adapter, e.entity, run.kind, e.run_id, COALESCE(e.reason, 'nobody knows why')
FROM openfaith.entity_run AS e JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s AND e.status IN ('failed', 'skipped') AND NOT run.dry_run
ON CONFLICT (org_id, adapter, entity, kind) DO UPDATE
SET (run_id, reason, last_failed_at, status, decided_by, decided_at) = (excluded.run_id, excluded.reason, now(), 'open', NULL, NULL),
    times = CASE f.status WHEN 'open' THEN f.times + 1 ELSE 1 END,
    first_failed_at = CASE f.status WHEN 'open' THEN f.first_failed_at ELSE now() END;

-- name: settle_failed_runs
-- A completed run makes up for those that would have read no more than it has: not what came along with a part of its
-- carrier's records, and no reconciliation whose listing may have left out what is new, but for another such one. What the
-- token may not see any more is no failure.
DELETE FROM openfaith.failed_run AS f
USING openfaith.entity_run AS e JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
LEFT JOIN openfaith.entity_run AS c ON c.run_id = e.run_id AND c.entity = e.carrier
LEFT JOIN openfaith.listing AS l ON l.entity_run_id = e.entity_run_id
LEFT JOIN openfaith.listing AS cl ON cl.entity_run_id = c.entity_run_id
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s AND NOT run.dry_run
  AND f.org_id = e.org_id AND f.adapter = e.adapter AND f.entity = e.entity
  AND f.kind = ANY(openfaith.kinds_made_up_for(run.kind))
  AND (e.status = 'not_accessible' OR e.status = 'completed' AND c.checkpoint ->> 'delta' IS NULL
       AND (run.kind <> 'reconciliation' OR f.kind = 'reconciliation'
            OR l.proven AND 'stopped' NOT IN (COALESCE(l.guard, ''), COALESCE(cl.guard, ''))));

-- name: note_unplanned_run
-- Keeps that a run failed before it knew how to read anything: for all that it was to read, or for everything.
INSERT INTO openfaith.failed_run AS f (org_id, adapter, entity, kind, run_id, reason)
SELECT run.org_id, run.adapter, wanted.entity, run.kind, run.run_id, COALESCE(run.reason, 'nobody knows why')
FROM openfaith.sync_run AS run
CROSS JOIN LATERAL (SELECT DISTINCT unnest(COALESCE(run.entities, ARRAY['*']))) AS wanted (entity)
WHERE run.run_id = %(run_id)s AND run.status = 'failed' AND NOT run.dry_run
  AND NOT EXISTS (SELECT FROM openfaith.entity_run AS e WHERE e.run_id = run.run_id)
ORDER BY wanted.entity
ON CONFLICT (org_id, adapter, entity, kind) DO UPDATE
SET (run_id, reason, last_failed_at, status, decided_by, decided_at) = (excluded.run_id, excluded.reason, now(), 'open', NULL, NULL),
    times = CASE f.status WHEN 'open' THEN f.times + 1 ELSE 1 END,
    first_failed_at = CASE f.status WHEN 'open' THEN f.first_failed_at ELSE now() END;

-- name: settle_unplanned_runs
-- Whatever kept a run of everything from knowing how to read is over, once another one knows. What failed of that stands
-- for itself.
DELETE FROM openfaith.failed_run AS f USING openfaith.sync_run AS run
WHERE run.run_id = %(run_id)s AND run.status IN ('completed', 'partial') AND run.entities IS NULL AND NOT run.dry_run
  AND f.org_id = run.org_id AND f.adapter = run.adapter AND f.entity = '*'
  AND f.kind = ANY(openfaith.kinds_made_up_for(run.kind))
  AND EXISTS (SELECT FROM openfaith.entity_run AS e WHERE e.run_id = run.run_id);

-- name: list_failed_runs
-- What failed and was not made up for, by organization: the newest run first.
SELECT org_id, adapter, entity, kind, run_id, reason, times, first_failed_at, last_failed_at,
       EXTRACT(epoch FROM now() - first_failed_at)::double precision AS since_seconds, status, decided_by, decided_at
FROM openfaith.failed_run
WHERE org_id = %(org_id)s AND (%(entity)s::text IS NULL OR entity = %(entity)s)
  AND (%(reason)s::text IS NULL OR reason = %(reason)s) AND status = ANY(%(statuses)s)
  AND (%(run_ids)s::bigint[] IS NULL OR run_id = ANY(%(run_ids)s))
ORDER BY last_failed_at DESC, adapter, entity, kind;

-- name: discard_failed_runs
-- Gives up what is open of some runs.
UPDATE openfaith.failed_run SET status = 'discarded', decided_by = %(by)s, decided_at = now()
WHERE org_id = %(org_id)s AND run_id = ANY(%(run_ids)s) AND status = 'open'
  AND (%(entity)s::text IS NULL OR entity = %(entity)s)
RETURNING run_id, entity;
