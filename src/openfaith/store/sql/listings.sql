-- name: open_listings
-- Begins the listings of an entity run and of those that ride on it. One that has a page keeps its start, and what the token
-- could see then. The start of one that has none may have been told by another clock. Where nobody is asked, it is that of the
-- parents' listing, which has shown that there are none.
WITH held AS MATERIALIZED (
    SELECT run_id, entity, parent, pages FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running' FOR UPDATE
), start AS (
    SELECT COALESCE(%(started_at)s::timestamptz, (
        SELECT l.started_at FROM held
        JOIN openfaith.entity_run AS p ON p.run_id = held.run_id AND p.entity = held.parent
        JOIN openfaith.listing AS l ON l.entity_run_id = p.entity_run_id
    ), now()) AS started_at
), opened AS (
    INSERT INTO openfaith.listing (entity_run_id, org_id, adapter, entity, started_at, permissions)
    SELECT e.entity_run_id, e.org_id, e.adapter, e.entity, start.started_at, run.permissions
    FROM openfaith.entity_run AS e JOIN held ON held.run_id = e.run_id CROSS JOIN start
    JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
    WHERE e.entity_run_id = %(entity_run_id)s OR e.carrier = held.entity
    ON CONFLICT (entity_run_id) DO UPDATE SET started_at = excluded.started_at, permissions = excluded.permissions
    WHERE (SELECT pages FROM held) = 0
)
SELECT FROM held;

-- name: ids_of_page
-- Part of the next two statements: the ids of a page go to the listing of `holder`, and are counted. Where an id is listed
-- twice, its newest stamp counts. A record of which it is not plain who it is has none, and so the table refuses the page,
-- which is then looked at record by record. As many as nobody can name even so come as `unusable`.
page AS MATERIALIZED (
    SELECT CASE WHEN record.type = %(type)s AND openfaith.is_id(record.id) AND octet_length(record.id) <= 2000
           THEN record.id END AS id,
           CASE WHEN %(versioned)s AND openfaith.is_time(record.attributes ->> 'updated_at')
           THEN (record.attributes ->> 'updated_at')::timestamptz END AS updated_at
    FROM jsonb_to_recordset(%(records)b::jsonb) AS record (type text, id text, attributes jsonb)
), listed AS (
    INSERT INTO openfaith.listing_row AS r (entity_run_id, id, updated_at)
    SELECT holder.entity_run_id, page.id, max(page.updated_at)
    FROM holder CROSS JOIN page GROUP BY holder.entity_run_id, page.id
    ON CONFLICT (entity_run_id, id) DO UPDATE SET updated_at = excluded.updated_at
    WHERE excluded.updated_at > COALESCE(r.updated_at, '-infinity')
    RETURNING (r.xmax = 0) AS first
), tally AS (
    UPDATE openfaith.listing AS l
    SET counted = l.counted + (SELECT count(*) FROM listed WHERE first), unusable = l.unusable + %(unusable)s,
        forgotten_at = NULL
    FROM holder WHERE l.entity_run_id = holder.entity_run_id
)

-- name: list_page
-- Commits a page of ids with its checkpoint and counts, if the caller still holds the fencing token and this is the
-- entity run's next page.
WITH holder AS MATERIALIZED (
    SELECT e.entity_run_id, e.cancel_requested
    FROM openfaith.entity_run AS e JOIN openfaith.listing AS l ON l.entity_run_id = e.entity_run_id
    WHERE e.entity_run_id = %(entity_run_id)s AND e.fence = %(fence)s AND e.status = 'running'
      AND e.pages = %(page)s - 1 AND l.closed_at IS NULL
    FOR UPDATE OF e
), {ids_of_page}, read_below AS (
    DELETE FROM openfaith.parent_failure AS f USING holder
    WHERE f.entity_run_id = holder.entity_run_id AND f.parent_id = %(read_below)s
), ledger AS (
    INSERT INTO openfaith.page_commit
        (entity_run_id, page, fence, token, requested_at, records, inserted, updated, dead_letters)
    SELECT holder.entity_run_id, %(page)s, %(fence)s, %(token)s, %(requested_at)s, %(size)s, 0, 0, %(dead_letters)s
    FROM holder
)
UPDATE openfaith.entity_run AS e
SET checkpoint = %(checkpoint)s::jsonb,
    pages = %(page)s,
    requests = e.requests + %(requests)s,
    records = e.records + %(size)s,
    dead_letters = e.dead_letters + %(dead_letters)s,
    total_count = COALESCE(%(total_count)s, e.total_count),
    progressed_at = now()
FROM holder
WHERE e.entity_run_id = holder.entity_run_id
RETURNING holder.cancel_requested;

-- name: list_beside
-- Keeps the ids of records that are stored in the same transaction, whose own statement has checked the lease.
WITH holder AS MATERIALIZED (
    SELECT entity_run_id FROM openfaith.listing
    WHERE entity_run_id = %(listed_run_id)s AND closed_at IS NULL FOR UPDATE
), {ids_of_page}
SELECT FROM holder;

-- name: dated
-- What is listed of a refused page, without stamps that are none.
SELECT COALESCE(jsonb_agg(CASE WHEN openfaith.fits(r.record #>> '{attributes,updated_at}', 'timestamptz') THEN r.record
                          ELSE r.record - 'attributes' END), '[]')::text
FROM jsonb_array_elements(%(records)b::jsonb) AS r (record);

-- name: get_listing
-- A listing as it stands.
SELECT l.entity_run_id, l.org_id, l.adapter, l.entity, l.started_at, l.permissions, l.counted, l.unusable, e.dead_letters, l.closed_at,
       l.rows, l.proven, l.doubts, l.side, l.compared_to, l.compared_at, l.missing, l.stale, l.forgotten_at, e.parent
FROM openfaith.listing AS l JOIN openfaith.entity_run AS e ON e.entity_run_id = l.entity_run_id
WHERE l.entity_run_id = %(entity_run_id)s;

-- name: lock_listing
-- A listing in the hands of whoever holds its entity run.
SELECT l.entity_run_id, l.org_id, l.adapter, l.entity, l.started_at, l.permissions, l.counted, l.unusable, e.dead_letters, l.closed_at,
       l.rows, l.proven, l.doubts, l.side, l.compared_to, l.compared_at, l.missing, l.stale, l.forgotten_at, e.parent
FROM openfaith.listing AS l JOIN openfaith.entity_run AS e ON e.entity_run_id = l.entity_run_id
WHERE e.entity_run_id = %(entity_run_id)s AND e.fence = %(fence)s AND e.status = 'running'
FOR UPDATE OF e, l;

-- name: count_rows
-- How many ids a listing has.
SELECT count(*) FROM openfaith.listing_row WHERE entity_run_id = %(entity_run_id)s;

-- name: get_standing_of_parents
-- How the same run has read the parents that an entity is read below, or listed them where this is listed too. No row
-- where it is not read so. Of what is listed, single parents that could not be stored are left out when it is compared.
SELECT e.parent AS entity, own.entity_run_id IS NOT NULL AS listed,
       CASE WHEN own.entity_run_id IS NULL THEN p.entity_run_id ELSE l.entity_run_id END IS NOT NULL AS was_read,
       own.entity_run_id IS NULL AND p.status = 'completed' AND p.doubts IS NULL AS in_part,
       COALESCE(p.status = 'completed' AND CASE WHEN own.entity_run_id IS NULL THEN cardinality(p.doubts) = 0
           ELSE l.proven END, false) AS proven,
       COALESCE((own.entity_run_id IS NOT NULL OR p.dead_letters = 0) AND COALESCE(l.failed, 0) = 0, false) AS stored,
       NOT EXISTS (SELECT FROM openfaith.parent_failure AS f WHERE f.entity_run_id = p.entity_run_id)
           AND COALESCE('below some parents nothing could be read' <> ALL(p.doubts), true) AS read
FROM openfaith.entity_run AS e
LEFT JOIN openfaith.listing AS own ON own.entity_run_id = e.entity_run_id
LEFT JOIN openfaith.entity_run AS p ON p.run_id = e.run_id AND p.entity = e.parent
LEFT JOIN openfaith.listing AS l ON l.entity_run_id = p.entity_run_id
WHERE e.entity_run_id = %(entity_run_id)s AND e.parent IS NOT NULL;

-- name: close_listing
-- Ends a listing, with a proof or with what speaks against one.
UPDATE openfaith.listing
SET closed_at = now(), rows = %(rows)s, doubts = %(doubts)s, proven = cardinality(%(doubts)s::text[]) = 0
WHERE entity_run_id = %(entity_run_id)s;

-- name: list_reconciliations
-- What came of the listings of a run, in the order of its plan.
SELECT l.entity_run_id, l.entity, l.started_at, l.closed_at, l.compared_at, COALESCE(l.rows, l.counted) AS listed, l.proven,
       l.doubts, l.guard, l.guard_reason, l.missing, l.stale, l.suspects, l.held, l.refuted, l.deleted, l.merged
FROM openfaith.listing AS l JOIN openfaith.entity_run AS e ON e.entity_run_id = l.entity_run_id
WHERE e.run_id = %(run_id)s ORDER BY e.position;

-- name: forget_next
-- Says of one listing that it is forgotten, whose rows nobody needs any more: of an entity run that completed, or is over
-- and nothing but a dry one, at once, of another after a week, in which it may be retried. Whoever retries it, or forgets
-- it, has it in hand: then it is left alone, or the one who retries waits, and finds that it is forgotten.
WITH over AS MATERIALIZED (
    SELECT l.entity_run_id
    FROM openfaith.listing AS l JOIN openfaith.entity_run AS e ON e.entity_run_id = l.entity_run_id
    JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
    WHERE l.forgotten_at IS NULL
      AND (e.status = 'completed' OR e.finished_at < now() - interval '7 days' OR run.dry_run AND e.finished_at IS NOT NULL)
    ORDER BY l.entity_run_id LIMIT 1 FOR UPDATE OF e, l SKIP LOCKED
)
UPDATE openfaith.listing AS l SET forgotten_at = now() FROM over WHERE l.entity_run_id = over.entity_run_id
RETURNING l.entity_run_id;

-- name: forget_rows
-- Removes the ids of a listing that is forgotten. What came of it stays as long as its run.
DELETE FROM openfaith.listing_row WHERE entity_run_id = %(entity_run_id)s;

-- name: forget_differences
-- Removes its differences.
DELETE FROM openfaith.difference WHERE entity_run_id = %(entity_run_id)s;

-- name: prune_confirmed
-- Bounds the suspects that were confirmed: ninety days.
DELETE FROM openfaith.suspect WHERE state = 'confirmed' AND confirmed_at < now() - interval '90 days';

-- name: prune_removals
-- Bounds the tombstones of removed rows: ninety days, longer than any page is on its way. Those of records whose older
-- dead letter may still be replayed stay as long as that is open.
DELETE FROM openfaith.removal AS r WHERE r.noted_at < now() - interval '90 days'
  AND NOT EXISTS (
      SELECT FROM openfaith.dead_letter AS d
      WHERE d.org_id = r.org_id AND d.adapter = r.adapter AND d.entity = r.entity
        AND d.record_key = r.id COLLATE "default" AND d.status = 'open');
