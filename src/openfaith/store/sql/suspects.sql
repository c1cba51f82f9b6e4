-- name: lock
-- Keeps everybody else who decides about an entity's suspects waiting until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended(format('openfaith.suspects.%%s.%%s.%%s', %(org_id)s::text, %(adapter)s::text, %(entity)s::text), 0));

-- name: list_open
-- The next suspects of a listing that may be confirmed: those that a person approved, and where the guard allowed it
-- all that nobody rejected. Where some parents could not be read, it may be below one of these, unless a person says
-- otherwise. And where the listing leaves out others that exist, it may have left out this one, unless a person who could
-- know of these says otherwise.
SELECT d.id, s.times_missed, s.state <> 'approved' AND EXISTS (
    SELECT FROM openfaith.parent_failure AS f WHERE f.entity_run_id = d.entity_run_id) AS may_be_elsewhere,
       EXISTS (
    SELECT FROM openfaith.suspect AS u
    WHERE u.org_id = l.org_id AND u.adapter = l.adapter AND u.entity = l.entity AND u.state = 'unlisted'
      AND (s.state <> 'approved' OR u.found_at >= s.decided_at)) AS may_be_unlisted
FROM openfaith.difference AS d
JOIN openfaith.listing AS l ON l.entity_run_id = d.entity_run_id AND l.proven AND l.guard IS NOT NULL
JOIN openfaith.suspect AS s
  ON s.org_id = l.org_id AND s.adapter = l.adapter AND s.entity = l.entity AND s.id = d.id
WHERE d.entity_run_id = %(entity_run_id)s AND d.kind = 'suspect' AND d.state = 'open' AND d.id > %(after)s
  AND (s.state = 'approved' OR s.state = 'suspect' AND l.guard = 'allowed')
ORDER BY d.id LIMIT %(limit)s;

-- name: list_unlisted
-- The next records of which the source has said that they exist although they were not listed, and that a proven listing
-- did not show either. Those that a later listing has missed since are asked for by its run.
SELECT d.id, s.times_missed
FROM openfaith.difference AS d
JOIN openfaith.listing AS l ON l.entity_run_id = d.entity_run_id AND l.proven
JOIN openfaith.suspect AS s
  ON s.org_id = l.org_id AND s.adapter = l.adapter AND s.entity = l.entity AND s.id = d.id
WHERE d.entity_run_id = %(entity_run_id)s AND d.kind = 'suspect' AND d.state = 'open' AND s.state = 'unlisted'
  AND s.entity_run_id = d.entity_run_id
ORDER BY d.id LIMIT %(limit)s;

-- name: suspect_again
-- The source has these no more, which existed although they were not listed: they are suspects like any other, and were
-- missed once since.
WITH again AS (
    UPDATE openfaith.suspect AS s SET state = 'suspect', times_missed = 1, found_at = now()
    WHERE s.entity_run_id = %(entity_run_id)s AND s.id = ANY(%(ids)s) AND s.state = 'unlisted' RETURNING s.id
)
UPDATE openfaith.listing AS l SET suspects = l.suspects + (SELECT count(*) FROM again)
WHERE l.entity_run_id = %(entity_run_id)s;

-- name: discount
-- A listing that leaves out what exists, as the source or a person says, counts for nothing against what else it missed.
UPDATE openfaith.suspect AS s SET times_missed = 0
WHERE s.entity_run_id = %(entity_run_id)s AND s.state IN ('suspect', 'held') AND (
    EXISTS (
        SELECT FROM openfaith.suspect AS u
        WHERE u.org_id = s.org_id AND u.adapter = s.adapter AND u.entity = s.entity AND u.state = 'unlisted')
    OR EXISTS (SELECT FROM openfaith.suspect AS u WHERE u.entity_run_id = %(entity_run_id)s AND u.state = 'rejected'));

-- name: count
-- What the guard must know, but for the rows that live.
SELECT l.proven, l.doubts, l.rows,
       count(s.id) FILTER (WHERE s.state IN ('suspect', 'held', 'approved', 'rejected')) AS suspects,
       count(s.id) FILTER (WHERE s.state = 'approved') AS approved,
       count(s.id) FILTER (WHERE s.state = 'rejected') AS rejected,
       EXISTS (
           SELECT FROM openfaith.sight AS seen
           WHERE seen.org_id = l.org_id AND seen.adapter = l.adapter AND seen.entity = l.entity
             AND seen.permissions <> COALESCE(l.permissions, '')) AS permissions_changed
FROM openfaith.listing AS l
LEFT JOIN openfaith.suspect AS s ON s.entity_run_id = l.entity_run_id
WHERE l.entity_run_id = %(entity_run_id)s
GROUP BY l.entity_run_id;

-- name: allow
-- The guard lets the listing's deletions go on. What waited for a person because it did not waits no more; what must wait,
-- or was asked about in this very run and waits because of what was said, does. What is stored is accepted under what the
-- token sees now, but for what may have been stored since the listing began, which was not held against it.
WITH asked AS MATERIALIZED (
    SELECT s.id, s.must_wait OR EXISTS (
        SELECT FROM openfaith.difference AS d
        WHERE d.entity_run_id = %(entity_run_id)s AND d.id = s.id AND d.state <> 'open') AS waits_on
    FROM openfaith.suspect AS s WHERE s.entity_run_id = %(entity_run_id)s AND s.state = 'held'
), allowed AS (
    UPDATE openfaith.listing
    SET guard = 'allowed', guard_reason = NULL, held = (SELECT count(*) FROM asked WHERE waits_on)
    WHERE entity_run_id = %(entity_run_id)s RETURNING org_id, adapter, entity, permissions
), accepted AS (
    DELETE FROM openfaith.sight AS seen
    USING allowed, openfaith.entity_run AS e
    LEFT JOIN openfaith.entity_run AS c ON c.run_id = e.run_id AND c.entity = e.carrier
    WHERE e.entity_run_id = %(entity_run_id)s
      AND seen.org_id = allowed.org_id AND seen.adapter = allowed.adapter AND seen.entity = allowed.entity
      AND seen.permissions <> COALESCE(allowed.permissions, '')
      AND seen.noted_at < COALESCE(c.started_at, e.started_at)
)
UPDATE openfaith.suspect AS s SET state = 'suspect', reason = NULL
FROM allowed CROSS JOIN asked
WHERE s.org_id = allowed.org_id AND s.adapter = allowed.adapter AND s.entity = allowed.entity AND s.id = asked.id
  AND NOT asked.waits_on;

-- name: hold
-- The guard stopped the listing's deletions: its suspects wait for a person.
WITH held AS (
    UPDATE openfaith.suspect SET state = 'held', reason = CASE WHEN must_wait THEN reason ELSE %(reason)s END
    WHERE entity_run_id = %(entity_run_id)s AND state IN ('suspect', 'held') RETURNING id
)
UPDATE openfaith.listing SET guard = 'stopped', guard_reason = %(reason)s, held = (SELECT count(*) FROM held)
WHERE entity_run_id = %(entity_run_id)s
RETURNING held;

-- name: hold_some
-- Of a listing whose deletions go on, these suspects wait until a person decides. Who approved one before it was known what
-- the listing leaves out could not know, and is asked again.
WITH held AS (
    UPDATE openfaith.suspect AS s
    SET state = 'held', must_wait = true, reason = %(reason)s, decided_by = NULL, decided_at = NULL
    WHERE s.entity_run_id = %(entity_run_id)s AND s.id = ANY(%(ids)s)
      AND (s.state IN ('suspect', 'unlisted') OR s.state = 'approved' AND s.decided_at <= (
          SELECT max(u.found_at) FROM openfaith.suspect AS u
          WHERE u.org_id = s.org_id AND u.adapter = s.adapter AND u.entity = s.entity AND u.state = 'unlisted'))
    RETURNING s.id
)
UPDATE openfaith.listing AS l
SET held = l.held + (SELECT count(*) FROM held), suspects = l.suspects + (
    SELECT count(*) FROM openfaith.suspect AS s
    WHERE s.entity_run_id = %(entity_run_id)s AND s.id = ANY(%(ids)s) AND s.state = 'unlisted')
WHERE l.entity_run_id = %(entity_run_id)s
RETURNING (SELECT count(*) FROM held);

-- name: refute
-- These exist after all: they are suspects no more, but known to be left out by listings.
WITH refuted AS (
    UPDATE openfaith.suspect AS s
    SET state = 'unlisted', must_wait = false, reason = NULL, found_at = now(), times_missed = 0, decided_by = NULL,
        decided_at = NULL
    FROM openfaith.listing AS l
    WHERE l.entity_run_id = %(entity_run_id)s
      AND s.org_id = l.org_id AND s.adapter = l.adapter AND s.entity = l.entity
      AND s.id = ANY(%(ids)s) AND s.state IN ('suspect', 'held', 'approved')
    RETURNING s.id
)
UPDATE openfaith.listing AS l SET refuted = l.refuted + (SELECT count(*) FROM refuted)
WHERE l.entity_run_id = %(entity_run_id)s;

-- name: is_any_open
-- Whether there are suspects that live of an entity run's own entity, or of those that ride on it.
SELECT EXISTS (
    SELECT FROM openfaith.entity_run AS held
    JOIN openfaith.entity_run AS e ON e.run_id = held.run_id AND (e.entity = held.entity OR e.carrier = held.entity)
    JOIN openfaith.suspect AS s
      ON s.org_id = e.org_id AND s.adapter = e.adapter AND s.entity = e.entity AND s.state <> 'confirmed'
    WHERE held.entity_run_id = %(entity_run_id)s);

-- name: forget_shown
-- Records that a page shows are no suspects, if it was requested after the listing began that missed them.
DELETE FROM openfaith.suspect AS s
WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s AND s.entity = %(entity)s AND s.state <> 'confirmed'
  AND s.listing_started_at < %(requested_at)s
  AND s.id = ANY (ARRAY(
      SELECT p.record ->> 'id' COLLATE "C"
      FROM unnest(%(bodies)b::bytea[]) AS b (body) CROSS JOIN LATERAL openfaith.parse(b.body) AS p
      WHERE p.record ->> 'type' = %(type)s));

-- name: list
-- Suspects of an organization, a part at a time in the order of their keys.
SELECT adapter, entity, id, state, found_at, listing_started_at, times_missed, reason, decided_by, decided_at, confirmed_at
FROM openfaith.suspect
WHERE org_id = %(org_id)s AND adapter = openfaith.base_adapter(adapter) AND (adapter, entity, id) > (%(after_adapter)s, %(after_entity)s, %(after_id)s::text COLLATE "C")
  AND (%(entity)s::text IS NULL OR entity = %(entity)s) AND state = ANY(%(states)s)
ORDER BY adapter, entity, id LIMIT %(limit)s;

-- name: summarize
-- An organization's suspects by entity and state: how many, why, and since when by the clock of this database.
SELECT adapter, entity, state, count(*) AS suspects, min(found_at) AS since,
       EXTRACT(epoch FROM now() - min(found_at))::double precision AS since_seconds,
       COALESCE(array_agg(DISTINCT reason) FILTER (WHERE reason IS NOT NULL), '{}') AS reasons
FROM openfaith.suspect
WHERE org_id = %(org_id)s AND adapter = openfaith.base_adapter(adapter)
  AND (%(entity)s::text IS NULL OR entity = %(entity)s) AND state = ANY(%(states)s)
GROUP BY adapter, entity, state ORDER BY adapter, entity, state;

-- name: approve
-- A person approves these deletions, and no others: what waited with them waits until one decides about it, or it is
-- seen, however few are left by then. Who names one that was rejected has changed his mind.
WITH approved AS (
    UPDATE openfaith.suspect SET state = 'approved', must_wait = false, decided_by = %(by)s, decided_at = now()
    WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
      AND (%(ids)s::text[] IS NULL AND state = 'held' OR id = ANY(%(ids)s) AND state IN ('held', 'rejected'))
    RETURNING id
), passed_over AS (
    UPDATE openfaith.suspect SET must_wait = true
    WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s AND state = 'held' AND id <> ALL(%(ids)s)
      AND EXISTS (SELECT FROM approved)
)
SELECT id FROM approved;

-- name: reject
-- A person says that these are not gone, whatever a listing shows. What waited with them waits on, as above.
WITH rejected AS (
    UPDATE openfaith.suspect SET state = 'rejected', must_wait = false, decided_by = %(by)s, decided_at = now()
    WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
      AND (%(ids)s::text[] IS NULL AND state = 'held' OR id = ANY(%(ids)s) AND state IN ('suspect', 'held', 'approved'))
    RETURNING id
), passed_over AS (
    UPDATE openfaith.suspect SET must_wait = true
    WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s AND state = 'held' AND id <> ALL(%(ids)s)
      AND EXISTS (SELECT FROM rejected)
)
SELECT id FROM rejected;
