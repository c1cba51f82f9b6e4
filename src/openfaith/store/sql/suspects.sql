-- name: lock
-- Keeps everybody else who decides about an entity's suspects waiting until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended(format('openfaith.suspects.%%s.%%s.%%s', %(org_id)s::text, %(adapter)s::text, %(entity)s::text), 0));

-- name: list_open
-- The next suspects of a listing that may be confirmed: those that a person approved, and where the guard allowed it
-- all that nobody rejected.
SELECT d.id, s.times_missed
FROM openfaith.difference AS d
JOIN openfaith.listing AS l ON l.entity_run_id = d.entity_run_id AND l.proven AND l.guard IS NOT NULL
JOIN openfaith.suspect AS s
  ON s.org_id = l.org_id AND s.adapter = l.adapter AND s.entity = l.entity AND s.id = d.id
WHERE d.entity_run_id = %(entity_run_id)s AND d.kind = 'suspect' AND d.state = 'open' AND d.id > %(after)s
  AND (s.state = 'approved' OR s.state = 'suspect' AND l.guard = 'allowed')
ORDER BY d.id LIMIT %(limit)s;

-- name: count
-- What the guard must know, but for the rows that live.
SELECT l.proven, l.doubts, l.rows, l.permissions,
       count(s.id) FILTER (WHERE s.state IN ('suspect', 'held', 'approved')) AS suspects,
       count(s.id) FILTER (WHERE s.state = 'approved') AS approved,
       (SELECT former.permissions FROM openfaith.listing AS former
        WHERE former.org_id = l.org_id AND former.adapter = openfaith.base_adapter(l.adapter) AND former.entity = l.entity
          AND former.guard = 'allowed' AND former.entity_run_id < l.entity_run_id AND former.permissions IS NOT NULL
        ORDER BY former.entity_run_id DESC LIMIT 1) AS accepted_permissions
FROM openfaith.listing AS l
LEFT JOIN openfaith.suspect AS s ON s.entity_run_id = l.entity_run_id
WHERE l.entity_run_id = %(entity_run_id)s
GROUP BY l.entity_run_id;

-- name: allow
-- The guard lets the listing's deletions go on. What waited for a person because of a former listing waits no more.
WITH allowed AS (
    UPDATE openfaith.listing SET guard = 'allowed', guard_reason = NULL, held = 0
    WHERE entity_run_id = %(entity_run_id)s RETURNING entity_run_id
)
UPDATE openfaith.suspect AS s SET state = 'suspect', reason = NULL
FROM allowed WHERE s.entity_run_id = allowed.entity_run_id AND s.state = 'held';

-- name: hold
-- The guard stopped the listing's deletions: its suspects wait for a person.
WITH held AS (
    UPDATE openfaith.suspect SET state = 'held', reason = %(reason)s
    WHERE entity_run_id = %(entity_run_id)s AND state IN ('suspect', 'held') RETURNING id
)
UPDATE openfaith.listing SET guard = 'stopped', guard_reason = %(reason)s, held = (SELECT count(*) FROM held)
WHERE entity_run_id = %(entity_run_id)s
RETURNING held;

-- name: refute
-- These exist after all: they are no suspects any more.
WITH held AS MATERIALIZED (
    SELECT l.* FROM openfaith.entity_run AS e JOIN openfaith.listing AS l ON l.entity_run_id = e.entity_run_id
    WHERE e.entity_run_id = %(entity_run_id)s AND e.fence = %(fence)s AND e.status = 'running' FOR UPDATE OF e, l
), refuted AS (
    DELETE FROM openfaith.suspect AS s USING held
    WHERE s.org_id = held.org_id AND s.adapter = held.adapter AND s.entity = held.entity
      AND s.id = ANY(%(ids)s) AND s.state <> 'confirmed'
    RETURNING s.id
), settled AS (
    UPDATE openfaith.difference AS d SET state = 'settled' FROM held
    WHERE d.entity_run_id = held.entity_run_id AND d.id = ANY(%(ids)s) AND d.kind = 'suspect'
)
UPDATE openfaith.listing AS l SET refuted = l.refuted + (SELECT count(*) FROM refuted)
FROM held WHERE l.entity_run_id = held.entity_run_id
RETURNING l.entity_run_id;

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
