-- name: insert_event
-- One decision.
INSERT INTO openfaith.event (org_id, run_id, entity, name, severity, message, details)
VALUES (%(org_id)s, %(run_id)s, %(entity)s, %(name)s, %(severity)s, %(message)s, %(details)s);

-- name: list_events
-- The newest events of a run, in the order they happened.
SELECT * FROM (
    SELECT event_id, at, org_id, run_id, entity, name, severity, message, details
    FROM openfaith.event WHERE run_id = %(run_id)s ORDER BY event_id DESC LIMIT %(limit)s
) AS newest ORDER BY event_id;

-- name: list_troubles
-- What went wrong in a run, by kind: an error's class, a notice of the source's client, or the event itself. Retries are
-- told as information and are troubles all the same. The example is the last one's.
SELECT kind,
       CASE WHEN bool_or(severity = 'error') THEN 'error' WHEN bool_or(severity = 'warning') THEN 'warning' ELSE 'info' END
           AS severity,
       count(*) AS times, min(at) AS first_at, max(at) AS last_at,
       array_remove(array_agg(DISTINCT entity), NULL) AS entities,
       (array_agg(message ORDER BY event_id DESC))[1] AS example
FROM (
    SELECT event_id, at, severity, entity, message,
           COALESCE(details ->> 'error', details ->> 'notice', name) AS kind
    FROM openfaith.event
    WHERE run_id = %(run_id)s
      AND name NOT IN ('RunFinished', 'EntitySkipped')
      AND (severity <> 'info' OR details ->> 'notice' IN ('RequestRetried', 'RetryRefused', 'RateLimitPaused'))
) AS trouble
GROUP BY kind ORDER BY bool_or(severity = 'error') DESC, times DESC, kind;
