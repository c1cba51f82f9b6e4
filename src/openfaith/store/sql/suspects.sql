-- name: lock
-- Keeps everybody else who decides about an entity's suspects waiting until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended(format('openfaith.suspects.%%s.%%s.%%s', %(org_id)s::text, %(adapter)s::text, %(entity)s::text), 0));

-- name: list_open
-- The next suspects of a listing that may be confirmed: those that a person approved, and where the guard allowed it
-- all that nobody rejected. Where some parents could not be read, it may be below one of these, unless a person says
-- otherwise.
SELECT d.id, s.times_missed, s.state <> 'approved' AND EXISTS (
    SELECT FROM openfaith.parent_failure AS f WHERE f.entity_run_id = d.entity_run_id) AS may_be_elsewhere
FROM openfaith.difference AS d
JOIN openfaith.listing AS l ON l.entity_run_id = d.entity_run_id AND l.proven AND l.guard IS NOT NULL
JOIN openfaith.suspect AS s
  ON s.org_id = l.org_id AND s.adapter = l.adapter AND s.entity = l.entity AND s.id = d.id
WHERE d.entity_run_id = %(entity_run_id)s AND d.kind = 'suspect' AND d.state = 'open' AND d.id > %(after)s
  AND (s.state = 'approved' OR s.state = 'suspect' AND l.guard = 'allowed')
ORDER BY d.id LIMIT %(limit)s;

-- name: count
-- What the guard must know, but for the rows that live.
SELECT l.proven, l.doubts, l.rows,
       count(s.id) FILTER (WHERE s.state IN ('suspect', 'held', 'approved')) AS suspects,
       count(s.id) FILTER (WHERE s.state = 'approved') AS approved,
       EXISTS (
           SELECT FROM openfaith.sight AS seen
           WHERE seen.org_id = l.org_id AND seen.adapter = l.adapter AND seen.entity = l.entity
             AND seen.permissions <> COALESCE(l.permissions, '')) AS permissions_changed
FROM openfaith.listing AS l
LEFT JOIN openfaith.suspect AS s ON s.entity_run_id = l.entity_run_id
WHERE l.entity_run_id = %(entity_run_id)s
GROUP BY l.entity_run_id;

-- name: allow
-- The guard lets the listing's deletions go on. What waited for a person because it did not waits no more; what was asked
-- about in this very run, and waits because of what was said, does. What is stored is accepted under what the token sees
-- now, but for what may have been stored since the listing began, which was not held against it.
WITH asked AS MATERIALIZED (
    SELECT s.id, EXISTS (
        SELECT FROM openfaith.difference AS d
        WHERE d.entity_run_id = %(entity_run_id)s AND d.id = s.id AND d.state <> 'open') AS is_settled
    FROM openfaith.suspect AS s WHERE s.entity_run_id = %(entity_run_id)s AND s.state = 'held'
), allowed AS (
    UPDATE openfaith.listing
    SET guard = 'allowed', guard_reason = NULL, held = (SELECT count(*) FROM asked WHERE is_settled)
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
  AND NOT asked.is_settled;

-- name: hold
-- The guard stopped the listing's deletions: its suspects wait for a person.
WITH held AS (
    UPDATE openfaith.suspect SET state = 'held', reason = %(reason)s
    WHERE entity_run_id = %(entity_run_id)s AND state IN ('suspect', 'held') RETURNING id
)
UPDATE openfaith.listing SET guard = 'stopped', guard_reason = %(reason)s, held = (SELECT count(*) FROM held)
WHERE entity_run_id = %(entity_run_id)s
RETURNING held;

-- name: hold_some
-- Of a listing whose deletions go on, these suspects wait for a person.
WITH held AS (
    UPDATE openfaith.suspect SET state = 'held', reason = %(reason)s
    WHERE entity_run_id = %(entity_run_id)s AND id = ANY(%(ids)s) AND state = 'suspect' RETURNING id
)
UPDATE openfaith.listing SET held = held + (SELECT count(*) FROM held)
WHERE entity_run_id = %(entity_run_id)s
RETURNING (SELECT count(*) FROM held);

-- name: refute
-- These exist after all: they are no suspects any more.
WITH refuted AS (
    DELETE FROM openfaith.suspect AS s USING openfaith.listing AS l
    WHERE l.entity_run_id = %(entity_run_id)s
      AND s.org_id = l.org_id AND s.adapter = l.adapter AND s.entity = l.entity
      AND s.id = ANY(%(ids)s) AND s.state <> 'confirmed'
    RETURNING s.id
)
UPDATE openfaith.listing AS l SET refuted = l.refuted + (SELECT count(*) FROM refuted)
WHERE l.entity_run_id = %(entity_run_id)s;

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
-- A person approves these deletions, and no others.
UPDATE openfaith.suspect SET state = 'approved', decided_by = %(by)s, decided_at = now()
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
  AND (%(ids)s::text[] IS NULL OR id = ANY(%(ids)s)) AND state = 'held'
RETURNING id;

-- name: reject
-- A person says that these are not gone, whatever a listing shows.
UPDATE openfaith.suspect SET state = 'rejected', decided_by = %(by)s, decided_at = now()
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
  AND (%(ids)s::text[] IS NULL AND state = 'held' OR id = ANY(%(ids)s) AND state IN ('suspect', 'held', 'approved'))
RETURNING id;
