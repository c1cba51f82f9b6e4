-- name: lock_organization
-- Serializes everything that decides about an organization's runs.
SELECT 1 FROM openfaith.organization WHERE org_id = %(org_id)s FOR NO KEY UPDATE;

-- name: find_same_run
-- The run that already does, or will do, what is asked for, by whatever strategy. What writes nothing is another thing.
SELECT run_id FROM openfaith.sync_run
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND kind = %(kind)s AND dry_run = %(dry_run)s
  AND entities IS NOT DISTINCT FROM %(entities)s::text[]
  AND status IN ('queued', 'running') AND cancel_requested_at IS NULL
ORDER BY status DESC, run_id LIMIT 1;

-- name: insert_run
-- A new run, waiting for its turn.
INSERT INTO openfaith.sync_run (org_id, adapter, kind, entities, strategy, requested_by, dry_run)
VALUES (%(org_id)s, %(adapter)s, %(kind)s, %(entities)s, %(strategy)s, %(requested_by)s, %(dry_run)s)
RETURNING run_id;

-- name: begin_run
-- Gives the run the organization's one place; violates sync_run_one_running while another run has it.
UPDATE openfaith.sync_run
SET status = 'running', started_at = COALESCE(started_at, now())
WHERE run_id = %(run_id)s AND status IN ('queued', 'running')
RETURNING run_id;

-- name: insert_entity_runs
-- One row per planned entity, unless the run was planned before. A run that was cancelled before it was planned is so
-- for its entities too. Those of a dry run belong to its copy.
INSERT INTO openfaith.entity_run
    (run_id, org_id, adapter, entity, position, reading, path, parent, carrier, include, cancel_requested)
SELECT run.run_id, run.org_id, %(adapter)s, planned.entity, planned.position, planned.reading, planned.path,
       planned.parent, planned.carrier, planned.include, run.cancel_requested_at IS NOT NULL
FROM openfaith.sync_run AS run
CROSS JOIN unnest(%(entities)s::text[], %(readings)s::text[], %(paths)s::text[], %(parents)s::text[],
                  %(carriers)s::text[], %(includes)s::text[])
    WITH ORDINALITY AS planned (entity, reading, path, parent, carrier, include, position)
WHERE run.run_id = %(run_id)s AND NOT EXISTS (SELECT FROM openfaith.entity_run WHERE run_id = %(run_id)s);

-- name: note_permissions
-- What the token may see, as it was told to a run's attempt.
UPDATE openfaith.sync_run SET permissions = %(permissions)s
WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND status = 'running';

-- name: take_entity_run
-- Raises the fencing token: from now on every older holder is refused. A final entity run is not taken. What the token may
-- see is noted before anything is stored, also of what comes along. What speaks against the listing of a carrier speaks
-- against that of what came along with it.
WITH taken AS (
    UPDATE openfaith.entity_run
    SET fence = fence + 1, status = 'running', started_at = COALESCE(started_at, now()), progressed_at = now()
    WHERE run_id = %(run_id)s AND entity = %(entity)s AND status IN ('waiting', 'running')
    RETURNING *
), seen AS (
    INSERT INTO openfaith.sight (org_id, adapter, entity, permissions)
    SELECT stored.org_id, stored.adapter, stored.entity, COALESCE(run.permissions, '')
    FROM taken JOIN openfaith.sync_run AS run ON run.run_id = taken.run_id
    JOIN openfaith.entity_run AS stored
      ON stored.run_id = taken.run_id AND (stored.entity = taken.entity OR stored.carrier = taken.entity)
    ON CONFLICT (org_id, adapter, entity, permissions) DO UPDATE SET noted_at = excluded.noted_at
)
SELECT e.entity_run_id, e.fence, e.checkpoint, e.pages, e.records, e.dead_letters, e.forgiven_records,
       e.forgiven_dead_letters, e.cancel_requested, e.carrier, (
    SELECT c.status FROM openfaith.entity_run AS c WHERE c.run_id = e.run_id AND c.entity = e.carrier
) AS carrier_status, (
    SELECT CASE WHEN l.doubts IS NULL THEN c.doubts
           ELSE l.doubts || ARRAY(SELECT unnest(c.doubts) EXCEPT SELECT unnest(l.doubts)) END
    FROM openfaith.entity_run AS c
    LEFT JOIN openfaith.listing AS l ON l.entity_run_id = c.entity_run_id AND l.closed_at IS NOT NULL
    WHERE c.run_id = e.run_id AND c.entity = e.carrier
) AS carrier_doubts, EXISTS (
    SELECT FROM openfaith.sync_state AS s
    WHERE s.org_id = e.org_id AND s.adapter = e.adapter AND s.entity = e.entity AND s.doubts IS NOT NULL
) AS read_before
FROM taken AS e;

-- name: list_riders
-- The entities that ride on one of a run, however they stand.
SELECT entity, entity_run_id, include, records, dead_letters FROM openfaith.entity_run
WHERE run_id = %(run_id)s AND carrier = %(entity)s ORDER BY position;

-- name: note_checkpoint
-- Where the walk continues, where no page says so: a parent was left behind (with the reason) or has nothing below it.
-- Only the holder writes it.
WITH held AS (
    UPDATE openfaith.entity_run
    SET checkpoint = %(checkpoint)s::jsonb, requests = requests + %(requests)s, progressed_at = now()
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running'
    RETURNING entity_run_id, cancel_requested
), left_behind AS (
    INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason, denied, gone)
    SELECT held.entity_run_id, %(parent_id)s, %(reason)s, %(denied)s, %(gone)s FROM held WHERE %(reason)s::text IS NOT NULL
    ON CONFLICT (entity_run_id, parent_id) DO UPDATE
    SET reason = excluded.reason, denied = excluded.denied, gone = excluded.gone, failed_at = now()
), settled AS (
    DELETE FROM openfaith.parent_failure AS f USING held
    WHERE f.entity_run_id = held.entity_run_id AND f.parent_id = %(parent_id)s AND %(reason)s::text IS NULL
)
SELECT cancel_requested FROM held;

-- name: count_parent_failures
-- How many parents a walk could not read below, with one reason, and below how many it may not read.
SELECT count(*) FILTER (WHERE NOT denied AND NOT gone) AS failed,
       min(reason) FILTER (WHERE NOT denied AND NOT gone) AS failure,
       count(*) FILTER (WHERE denied) AS denied
FROM openfaith.parent_failure WHERE entity_run_id = %(entity_run_id)s;

-- name: is_cancelled
-- Whether an entity run is to stop. No row where somebody else holds it now.
SELECT cancel_requested FROM openfaith.entity_run
WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running';

-- name: is_dated
-- Whether the source told the time when an entity run, or what it came along with, asked it first. One that has asked
-- nobody, as there is nobody to look below, goes by its parents.
SELECT e.source_started_at IS NOT NULL OR c.source_started_at IS NOT NULL
       OR e.pages = 0 AND p.source_started_at IS NOT NULL
FROM openfaith.entity_run AS e
LEFT JOIN openfaith.entity_run AS c ON c.run_id = e.run_id AND c.entity = e.carrier
LEFT JOIN openfaith.entity_run AS p ON p.run_id = e.run_id AND p.entity = e.parent
WHERE e.entity_run_id = %(entity_run_id)s;

-- name: note_requests
-- Counts requests of which no page came. Only the holder counts.
UPDATE openfaith.entity_run SET requests = requests + %(requests)s
WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running';

-- name: note_source_start
-- Remembers the clock of the source before the first request; a resumed run keeps the first value.
UPDATE openfaith.entity_run
SET source_started_at = %(at)s
WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND source_started_at IS NULL;

-- name: finish_entity_run
-- Settles an entity run, unless it is settled already. What nobody has taken cannot have been read. What rode on another
-- has seen the source when its carrier did, with the same doubts where it completed, and a listing for which nobody was
-- asked when that of its parents did. One that completed although the token may see nothing below some parents says so,
-- and that speaks against its having read all: what is kept of single parents goes, and this stays.
UPDATE openfaith.entity_run AS e
SET status = %(status)s, finished_at = now(), progressed_at = now(),
    reason = COALESCE(%(reason)s, (
        SELECT 'the token may see nothing below ' || count(*) || ' of its parents' FROM openfaith.parent_failure AS f
        WHERE f.entity_run_id = e.entity_run_id AND f.denied HAVING count(*) > 0
    )),
    live_rows = %(live_rows)s,
    suspects = (
        SELECT count(*) FROM openfaith.suspect AS s WHERE s.entity_run_id = e.entity_run_id AND s.state NOT IN ('unlisted', 'confirmed')
    ),
    (source_started_at, doubts) = (
        SELECT COALESCE(e.source_started_at, c.source_started_at, p.source_started_at), CASE
            WHEN %(status)s <> 'completed' THEN e.doubts
            WHEN e.doubts IS NULL THEN c.doubts
            WHEN EXISTS (SELECT FROM openfaith.parent_failure AS f WHERE f.entity_run_id = e.entity_run_id)
                THEN e.doubts || ARRAY['below some parents nothing could be read']
            ELSE e.doubts END
        FROM (VALUES (e.run_id, e.carrier)) AS own (run_id, carrier)
        LEFT JOIN openfaith.entity_run AS c ON c.run_id = own.run_id AND c.entity = own.carrier
        LEFT JOIN openfaith.entity_run AS p ON p.run_id = own.run_id AND p.entity = e.parent AND e.pages = 0
            AND %(status)s = 'completed'
            AND EXISTS (SELECT FROM openfaith.listing AS l WHERE l.entity_run_id = e.entity_run_id)
    )
WHERE run_id = %(run_id)s AND entity = %(entity)s AND status IN ('waiting', 'running')
  AND (%(status)s <> 'completed' OR status = 'running')
RETURNING entity_run_id;

-- name: find_open_entity_run
-- The entity run, unless it is settled.
SELECT entity_run_id, fence FROM openfaith.entity_run
WHERE run_id = %(run_id)s AND entity = %(entity)s AND status IN ('waiting', 'running');

-- name: list_marks
-- From where on deltas of these entities have to read, and whether they showed anything when they were read whole: one
-- wrong answer can make a list look empty, and what has stood there all along no delta by a mark would ever meet.
SELECT entity, watermark, newest, 'it shows nothing at all, and was not asked twice' <> ALL(COALESCE(doubts, '{}')) AS shown
FROM openfaith.sync_state
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = ANY(%(entities)s) AND watermark IS NOT NULL;

-- name: note_doubts
-- Keeps why what was read is not proven to be all. Only the holder writes it.
UPDATE openfaith.entity_run SET doubts = %(doubts)s
WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running';

-- name: resolve_dead_letters
-- Letters from before a completed full run that it did not meet again: the record was stored since, or is gone. Nobody
-- knows that where anything speaks against its having read all, or it could not look below every parent.
UPDATE openfaith.dead_letter AS d
SET status = 'resolved', decided_by = 'run ' || e.run_id, decided_at = now()
FROM openfaith.entity_run AS e
WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s
  AND d.org_id = e.org_id AND d.adapter = e.adapter AND d.entity = e.entity AND d.status = 'open'
  AND d.run_id IS DISTINCT FROM e.run_id AND d.requested_at < e.source_started_at
  AND cardinality(e.doubts) = 0
  AND NOT EXISTS (SELECT FROM openfaith.parent_failure AS f WHERE f.entity_run_id = e.entity_run_id);

-- name: finish_run
-- Settles a run by the outcomes of its entities. What the token may not see is no failure, unless everything was asked
-- for and it may see nothing at all.
WITH outcome AS (
    SELECT count(*) AS all_of_them,
           count(*) FILTER (WHERE status <> 'not_accessible') AS planned,
           count(*) FILTER (WHERE status = 'completed') AS completed,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled
    FROM openfaith.entity_run WHERE run_id = %(run_id)s
)
UPDATE openfaith.sync_run AS run
SET finished_at = now(),
    reason = COALESCE(%(reason)s, run.reason),
    status = CASE
        WHEN outcome.all_of_them > 0 AND outcome.completed = outcome.planned
             AND (outcome.planned > 0 OR run.entities IS NOT NULL) THEN 'completed'
        WHEN run.cancel_requested_at IS NOT NULL OR outcome.cancelled > 0 THEN 'cancelled'
        WHEN outcome.completed > 0 THEN 'partial'
        ELSE 'failed'
    END
FROM outcome
WHERE run.run_id = %(run_id)s AND run.status IN ('queued', 'running')
RETURNING run.status;

-- name: settle_entities_of_run
-- Entities that can no longer run because their run ends.
WITH open AS MATERIALIZED (
    -- In the plan's order: so a page locks its carrier's row before those of its riders.
    SELECT entity_run_id FROM openfaith.entity_run
    WHERE run_id = %(run_id)s AND status IN ('waiting', 'running') ORDER BY position FOR UPDATE
)
UPDATE openfaith.entity_run AS e
SET status = %(status)s, reason = %(reason)s, finished_at = now(), fence = fence + 1
FROM open WHERE e.entity_run_id = open.entity_run_id
RETURNING e.entity;

-- name: request_cancel
-- Marks a run that is not final; running entities stop after their present page.
UPDATE openfaith.sync_run
SET cancel_requested_at = COALESCE(cancel_requested_at, now())
WHERE run_id = %(run_id)s AND status IN ('queued', 'running');

-- name: request_cancel_of_entities
-- Seen by each entity run at its next page commit.
WITH open AS MATERIALIZED (
    -- In the plan's order: so a page locks its carrier's row before those of its riders.
    SELECT entity_run_id FROM openfaith.entity_run
    WHERE run_id = %(run_id)s AND status IN ('waiting', 'running') ORDER BY position FOR UPDATE
)
UPDATE openfaith.entity_run AS e SET cancel_requested = true
FROM open WHERE e.entity_run_id = open.entity_run_id;

-- name: retry_run
-- Puts a run that did not complete back into the queue. What the token may see by then, nobody knows yet.
UPDATE openfaith.sync_run
SET status = 'queued', attempt = attempt + 1, finished_at = NULL, reason = NULL, cancel_requested_at = NULL,
    closed_products = '{}', permissions = NULL, goes_on = false
WHERE run_id = %(run_id)s AND status IN ('partial', 'failed', 'cancelled')
RETURNING attempt;

-- name: note_goes_on
-- What is at it cannot be retried yet.
UPDATE openfaith.sync_run SET goes_on = true
WHERE run_id = %(run_id)s AND status = 'running' AND cancel_requested_at IS NULL;

-- name: is_to_go_on
-- Whether somebody has promised so.
SELECT 1 FROM openfaith.sync_run
WHERE run_id = %(run_id)s AND goes_on AND status IN ('partial', 'failed') AND cancel_requested_at IS NULL;

-- name: retry_entities
-- What completed stays; the rest continues at its last committed page, and can tell that from going on after a crash.
-- What could not be seen may have been granted since: also below single parents. The bad records that it has met are
-- forgiven, but not what rode on another's pages, of which the later ones have none.
WITH asked_again AS (
    UPDATE openfaith.parent_failure AS f SET denied = false, gone = false
    FROM openfaith.entity_run AS e
    WHERE e.run_id = %(run_id)s AND e.status IN ('failed', 'skipped', 'cancelled', 'not_accessible')
      AND f.entity_run_id = e.entity_run_id AND (f.denied OR f.gone)
)
UPDATE openfaith.entity_run
SET status = 'waiting', checkpoint = checkpoint || '{"retried": true}', reason = NULL, finished_at = NULL, cancel_requested = false, fence = fence + 1,
    forgiven_records = CASE WHEN carrier IS NULL THEN records ELSE 0 END,
    forgiven_dead_letters = CASE WHEN carrier IS NULL THEN dead_letters ELSE 0 END
WHERE run_id = %(run_id)s AND status IN ('failed', 'skipped', 'cancelled', 'not_accessible');

-- name: get_run
-- One run.
SELECT run_id, org_id, adapter, kind, entities, strategy, requested_by, status, reason, attempt,
       requested_at, started_at, finished_at, cancel_requested_at, dry_run
FROM openfaith.sync_run WHERE run_id = %(run_id)s;

-- name: lock_run
-- One run, kept from everybody else who changes runs.
SELECT run_id, org_id, adapter, kind, entities, strategy, requested_by, status, reason, attempt,
       requested_at, started_at, finished_at, cancel_requested_at, dry_run
FROM openfaith.sync_run WHERE run_id = %(run_id)s FOR NO KEY UPDATE;

-- name: list_runs
-- The newest runs first.
SELECT run_id, org_id, adapter, kind, entities, strategy, requested_by, status, reason, attempt,
       requested_at, started_at, finished_at, cancel_requested_at, dry_run
FROM openfaith.sync_run
ORDER BY run_id DESC LIMIT %(limit)s;

-- name: list_runs_of_organization
-- The newest runs of one organization first. A statement of its own, because one plan serves every call.
SELECT run_id, org_id, adapter, kind, entities, strategy, requested_by, status, reason, attempt,
       requested_at, started_at, finished_at, cancel_requested_at, dry_run
FROM openfaith.sync_run
WHERE org_id = %(org_id)s
ORDER BY run_id DESC LIMIT %(limit)s;

-- name: list_unfinished_runs
-- Runs that some process must still work on.
SELECT run_id, org_id, adapter, kind, entities, strategy, requested_by, status, reason, attempt,
       requested_at, started_at, finished_at, cancel_requested_at, dry_run
FROM openfaith.sync_run WHERE status IN ('queued', 'running') ORDER BY run_id;

-- name: list_entity_runs
-- The entities of a run, in the order of its plan.
SELECT entity_run_id, run_id, entity, position, status, reason, fence, pages, requests, records, inserted, updated,
       unchanged, deleted, suspects, COALESCE((
           SELECT l.held FROM openfaith.listing AS l WHERE l.entity_run_id = e.entity_run_id
       ), 0) AS held, dead_letters, total_count, live_rows, started_at, progressed_at, finished_at,
       reading, path, parent, carrier, include, blind_changes, sampled,
       CASE WHEN started_at IS NOT NULL
       THEN GREATEST(0, EXTRACT(epoch FROM COALESCE(finished_at, now()) - started_at))::double precision END AS seconds
FROM openfaith.entity_run AS e WHERE run_id = %(run_id)s ORDER BY position;

-- name: get_entity_run
-- One entity of a run.
SELECT entity_run_id, run_id, entity, position, status, reason, fence, pages, requests, records, inserted, updated,
       unchanged, deleted, suspects, COALESCE((
           SELECT l.held FROM openfaith.listing AS l WHERE l.entity_run_id = e.entity_run_id
       ), 0) AS held, dead_letters, total_count, live_rows, started_at, progressed_at, finished_at,
       reading, path, parent, carrier, include, blind_changes, sampled,
       CASE WHEN started_at IS NOT NULL
       THEN GREATEST(0, EXTRACT(epoch FROM COALESCE(finished_at, now()) - started_at))::double precision END AS seconds
FROM openfaith.entity_run AS e WHERE run_id = %(run_id)s AND entity = %(entity)s;

-- name: close_product
-- Remembers that the token may see nothing of a product. Returns a row where nobody had found out before.
UPDATE openfaith.sync_run SET closed_products = closed_products || jsonb_build_object(%(product)s::text, %(reason)s::text)
WHERE run_id = %(run_id)s AND NOT closed_products ? %(product)s
RETURNING run_id;

-- name: is_product_closed
-- Whether the run is known to see nothing of a product.
SELECT FROM openfaith.sync_run WHERE run_id = %(run_id)s AND closed_products ? %(product)s;

-- name: settle_closed_products
-- Settles what has not begun of the products that turned out to be closed: no request is spent on it.
WITH open AS MATERIALIZED (
    -- In the plan's order: so a page locks its carrier's row before those of its riders.
    SELECT e.entity_run_id, closed.reason
    FROM openfaith.sync_run AS run CROSS JOIN LATERAL jsonb_each_text(run.closed_products) AS closed (product, reason)
    JOIN openfaith.entity_run AS e ON e.run_id = run.run_id AND split_part(e.entity, '.', 1) = closed.product
    WHERE run.run_id = %(run_id)s AND e.status = 'waiting' AND NOT e.entity = ANY (%(running)s)
    ORDER BY e.position FOR UPDATE OF e
)
UPDATE openfaith.entity_run AS e
SET status = 'not_accessible', reason = open.reason, finished_at = now(), progressed_at = now()
FROM open WHERE e.entity_run_id = open.entity_run_id
RETURNING e.entity;

-- name: list_settled_entity_runs
-- Which of these entities of a run have ended, and how.
SELECT entity, status FROM openfaith.entity_run
WHERE run_id = %(run_id)s AND entity = ANY (%(entities)s) AND status NOT IN ('waiting', 'running');

-- name: list_sync_state
-- What is known of every entity of some organizations; not of dry runs' copies. The ages are by the clock of this
-- database.
SELECT s.org_id, s.adapter, s.entity, s.watermark, s.live_rows, s.last_run_id, s.last_status, s.last_completed_at,
       s.newest, s.source_count, s.counted_at, s.proven_at, s.doubts, suspects.suspects, suspects.held,
       s.last_swept_at, s.swept_rows + s.cycle_rows AS swept_rows, s.blind_changes + s.cycle_blind_changes AS blind_changes,
       s.cycle_closed_at, s.sampled, s.sampled_different, s.sampled_at,
       EXTRACT(epoch FROM now() - s.watermark)::double precision AS behind_seconds,
       EXTRACT(epoch FROM now() - s.counted_at)::double precision AS counted_seconds,
       EXTRACT(epoch FROM now() - s.proven_at)::double precision AS proven_seconds,
       EXTRACT(epoch FROM now() - s.last_swept_at)::double precision AS swept_seconds,
       EXTRACT(epoch FROM now() - s.sampled_at)::double precision AS sampled_seconds,
       (SELECT count(*) FROM openfaith.dead_letter AS d
        WHERE d.org_id = s.org_id AND d.adapter = s.adapter AND d.entity = s.entity AND d.status = 'open') AS dead_letters
FROM openfaith.sync_state AS s
CROSS JOIN LATERAL (
    SELECT count(*) AS suspects, count(*) FILTER (WHERE p.state = 'held') AS held FROM openfaith.suspect AS p
    WHERE p.org_id = s.org_id AND p.adapter = s.adapter AND p.entity = s.entity
      AND p.state IN ('suspect', 'held', 'approved')
) AS suspects
WHERE s.org_id = ANY(%(org_ids)s) AND s.adapter = openfaith.base_adapter(s.adapter)
ORDER BY s.org_id, s.adapter, s.entity;

-- name: prune_page_commits
-- Bounds the ledger: a week after a run has finished, its totals are enough.
DELETE FROM openfaith.page_commit AS p
USING openfaith.entity_run AS e
WHERE p.committed_at < now() - interval '7 days'
  AND e.entity_run_id = p.entity_run_id AND e.finished_at < now() - interval '7 days';

-- name: prune_parent_failures
-- Bounds what is kept of single parents: a week after a run has completed, its reason says how many there were. What
-- failed can be retried, and needs them.
DELETE FROM openfaith.parent_failure AS f
USING openfaith.entity_run AS e
WHERE f.failed_at < now() - interval '7 days'
  AND e.entity_run_id = f.entity_run_id AND e.status = 'completed' AND e.finished_at < now() - interval '7 days';

-- name: prune_events
-- Bounds the events: ninety days.
DELETE FROM openfaith.event WHERE at < now() - interval '90 days';

-- name: prune_dead_letters
-- Bounds the letters that nobody waits for any more: ninety days after they were last met, replayed or decided about.
DELETE FROM openfaith.dead_letter
WHERE status <> 'open' AND last_seen_at < now() - interval '90 days'
  AND GREATEST(last_seen_at, last_attempt_at, decided_at) < now() - interval '90 days';

-- name: prune_runs
-- Bounds the runs, and with them their entity runs: a year.
DELETE FROM openfaith.sync_run WHERE finished_at < now() - interval '1 year';
