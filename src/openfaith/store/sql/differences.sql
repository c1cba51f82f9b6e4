-- name: advance
-- A range of ids is compared.
WITH noted AS (
    UPDATE openfaith.listing
    SET side = %(side)s, compared_to = %(compared_to)s, compared_at = CASE WHEN %(done)s THEN now() END,
        missing = missing + %(missing)s, stale = stale + %(stale)s, suspects = suspects + %(suspects)s,
        refuted = refuted + %(refuted)s
    WHERE entity_run_id = %(entity_run_id)s
    RETURNING entity_run_id
)
UPDATE openfaith.entity_run AS e
SET suspects = e.suspects + %(suspects)s, progressed_at = now()
FROM noted WHERE e.entity_run_id = noted.entity_run_id;

-- name: distrust
-- A closed listing is not what it was: nothing follows from what it does not have, whatever was made of it before. What a
-- person decided stays, and whoever was passed over by that.
WITH distrusted AS (
    UPDATE openfaith.listing AS l
    SET proven = false, doubts = array_remove(l.doubts, %(doubt)s::text) || %(doubt)s::text, suspects = 0, held = 0,
        guard = NULL, guard_reason = NULL, compared_at = COALESCE(l.compared_at, now())
    WHERE l.entity_run_id = %(entity_run_id)s RETURNING l.entity_run_id
), counted AS (
    UPDATE openfaith.entity_run AS e SET suspects = 0 FROM distrusted WHERE e.entity_run_id = distrusted.entity_run_id
), undone AS (
    DELETE FROM openfaith.difference AS d USING distrusted
    WHERE d.entity_run_id = distrusted.entity_run_id AND d.kind = 'suspect'
), kept AS (
    UPDATE openfaith.suspect AS s SET times_missed = 0 FROM distrusted
    WHERE s.entity_run_id = distrusted.entity_run_id AND (s.state = 'approved' OR s.must_wait)
)
DELETE FROM openfaith.suspect AS s USING distrusted
WHERE s.entity_run_id = distrusted.entity_run_id AND s.state IN ('suspect', 'held') AND NOT s.must_wait;

-- name: list_open
-- The next records that a listing showed and that are to be fetched: not stored, or older.
SELECT id, kind FROM openfaith.difference
WHERE entity_run_id = %(entity_run_id)s AND kind = %(kind)s AND state = 'open' AND id > %(after)s
ORDER BY id LIMIT %(limit)s;

-- name: settle
-- What was to be done about these differences is done, or cannot be; how many cannot is kept with the listing, but for
-- those that are dead letters of this run: these are known one by one, for longer than differences are.
WITH held AS MATERIALIZED (
    SELECT entity_run_id FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running' FOR UPDATE
), settled AS (
    UPDATE openfaith.difference AS d SET state = %(state)s FROM held
    WHERE d.entity_run_id = held.entity_run_id AND d.id = ANY(%(ids)s) AND d.state <> %(state)s
    RETURNING d.id, d.state
), failed AS (
    SELECT settled.id FROM settled CROSS JOIN held
    JOIN openfaith.entity_run AS e ON e.entity_run_id = held.entity_run_id
    WHERE settled.state = 'failed' AND NOT EXISTS (
        SELECT FROM openfaith.dead_letter AS d
        WHERE d.org_id = e.org_id AND d.adapter = e.adapter AND d.entity = e.entity
          AND d.record_key = settled.id COLLATE "default" AND d.run_id = e.run_id)
)
UPDATE openfaith.listing AS l SET failed = l.failed + (SELECT count(*) FROM failed)
FROM held WHERE l.entity_run_id = held.entity_run_id;
