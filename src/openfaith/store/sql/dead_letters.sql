-- name: set_aside
-- Keeps a record that cannot be stored, once, however often it is met.
INSERT INTO openfaith.dead_letter AS d (org_id, adapter, entity, record_key, reason, body, run_id, requested_at)
SELECT e.org_id, e.adapter, e.entity, %(record_key)s, %(reason)s, %(body)s, e.run_id, %(requested_at)s
FROM openfaith.entity_run AS e WHERE e.entity_run_id = %(entity_run_id)s
ON CONFLICT (org_id, adapter, entity, record_key) WHERE status = 'open' DO UPDATE
SET reason = excluded.reason, body = excluded.body, run_id = excluded.run_id, requested_at = excluded.requested_at,
    times_seen = d.times_seen + 1, last_seen_at = now();

-- name: find_misfits
-- The places of the values that their columns cannot hold, asked of the server that would have to cast them.
SELECT ordinality::integer - 1
FROM unnest(%(texts)s::text[], %(types)s::text[]) WITH ORDINALITY AS v (value, type, ordinality)
WHERE NOT openfaith.fits(v.value, v.type);
