-- name: advance
-- A range of ids is compared.
WITH noted AS (
    UPDATE openfaith.listing
    SET side = %(side)s, compared_to = %(compared_to)s, compared_at = CASE WHEN %(done)s THEN now() END,
        missing = missing + %(missing)s, stale = stale + %(stale)s, suspects = suspects + %(suspects)s,
        refuted = refuted + %(refuted)s, forgotten_at = NULL
    WHERE entity_run_id = %(entity_run_id)s
    RETURNING entity_run_id
)
UPDATE openfaith.entity_run AS e
SET suspects = e.suspects + %(suspects)s, progressed_at = now()
FROM noted WHERE e.entity_run_id = noted.entity_run_id;

-- name: distrust
-- A listing lost rows after it was closed: nothing follows from what it does not have.
WITH distrusted AS (
    UPDATE openfaith.listing AS l
    SET proven = false, doubts = l.doubts || %(doubt)s::text, suspects = 0
    WHERE l.entity_run_id = %(entity_run_id)s RETURNING l.entity_run_id
), counted AS (
    UPDATE openfaith.entity_run AS e SET suspects = 0 FROM distrusted WHERE e.entity_run_id = distrusted.entity_run_id
), undone AS (
    DELETE FROM openfaith.difference AS d USING distrusted
    WHERE d.entity_run_id = distrusted.entity_run_id AND d.kind = 'suspect'
)
DELETE FROM openfaith.suspect AS s USING distrusted
WHERE s.entity_run_id = distrusted.entity_run_id AND s.state IN ('suspect', 'held', 'approved');

-- name: list_open
-- The next records that a listing showed and that are to be fetched: not stored, or older.
SELECT id, kind FROM openfaith.difference
WHERE entity_run_id = %(entity_run_id)s AND kind = %(kind)s AND state = 'open' AND id > %(after)s
ORDER BY id LIMIT %(limit)s;

-- name: settle
-- What was to be done about these differences is done, or cannot be.
UPDATE openfaith.difference AS d SET state = %(state)s
FROM openfaith.entity_run AS e
WHERE e.entity_run_id = %(entity_run_id)s AND e.fence = %(fence)s AND e.status = 'running'
  AND d.entity_run_id = e.entity_run_id AND d.id = ANY(%(ids)s);
