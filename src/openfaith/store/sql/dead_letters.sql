-- name: set_aside
-- Keeps a record that cannot be stored, once, however often it is met: as the newest request brought it.
INSERT INTO openfaith.dead_letter AS d (org_id, adapter, entity, record_key, reason, body, run_id, requested_at)
SELECT e.org_id, e.adapter, e.entity, %(record_key)s, %(reason)s, %(body)s, e.run_id, %(requested_at)s
FROM openfaith.entity_run AS e WHERE e.entity_run_id = %(entity_run_id)s
ON CONFLICT (org_id, adapter, entity, record_key) WHERE status = 'open' DO UPDATE
SET reason = CASE WHEN excluded.requested_at >= d.requested_at THEN excluded.reason ELSE d.reason END,
    body = CASE WHEN excluded.requested_at >= d.requested_at THEN excluded.body ELSE d.body END,
    requested_at = GREATEST(d.requested_at, excluded.requested_at),
    run_id = excluded.run_id, times_seen = d.times_seen + 1, last_seen_at = now();
