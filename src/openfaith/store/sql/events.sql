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
