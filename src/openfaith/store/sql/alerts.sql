-- name: begin_look
-- Lets one process look now, and nobody else before `apart` has gone by.
UPDATE openfaith.alert_look SET looked_at = now() WHERE looked_at <= now() - %(apart)s::interval RETURNING 1;

-- name: list_next_org_ids
-- The next organizations in the order of their names.
SELECT org_id FROM openfaith.organization WHERE org_id > %(after)s ORDER BY org_id LIMIT %(limit)s;

-- name: lock
-- Keeps everybody else who decides about alerts waiting until the transaction ends. What is read afterwards is no older
-- than what they have gone by.
SELECT pg_advisory_xact_lock(hashtextextended('openfaith.alerts', 0));

-- name: now
-- The time by the clock of this database, and not of the transaction: it may have waited.
SELECT clock_timestamp();

-- name: list_entity_facts
-- What the rules look at in every entity of some organizations; not in dry runs' copies.
SELECT s.org_id, s.adapter, s.entity, s.watermark, s.last_completed_at IS NOT NULL AS is_synced,
       s.last_status <> 'not_accessible' AS is_accessible, o.created_at AS connected_at, s.proven_at,
       COALESCE(cardinality(s.doubts), 0) > 0 AS is_doubted, COALESCE(s.sampled, 0) AS sampled,
       COALESCE(s.sampled_different, 0) AS sampled_different, COALESCE(p.held, 0) AS held,
       COALESCE(d.dead_letters, 0) AS dead_letters
FROM openfaith.organization AS o
JOIN openfaith.sync_state AS s ON s.org_id = o.org_id
LEFT JOIN (
    SELECT org_id, adapter, entity, count(*) AS held FROM openfaith.suspect
    WHERE org_id = ANY(%(org_ids)s) AND state = 'held' GROUP BY org_id, adapter, entity
) AS p ON p.org_id = s.org_id AND p.adapter = s.adapter AND p.entity = s.entity
LEFT JOIN (
    SELECT org_id, adapter, entity, count(*) AS dead_letters FROM openfaith.dead_letter
    WHERE org_id = ANY(%(org_ids)s) AND status = 'open' GROUP BY org_id, adapter, entity
) AS d ON d.org_id = s.org_id AND d.adapter = s.adapter AND d.entity = s.entity
WHERE o.org_id = ANY(%(org_ids)s) AND s.org_id = ANY(%(org_ids)s) AND s.adapter = openfaith.base_adapter(s.adapter);

-- name: list_run_facts
-- What of each kind of run failed and was not made up for since, of some organizations: not what a person gave up. A retry
-- that is under way has made up for nothing yet. And where the token may see nothing at all, no entity has failed, but the
-- last run has.
SELECT f.org_id, f.adapter, f.kind, max(f.run_id) AS run_id,
       EXISTS (SELECT FROM openfaith.entity_run AS e WHERE e.run_id = max(f.run_id) AND e.status = 'completed') AS is_partial,
       COALESCE(array_agg(f.entity ORDER BY f.entity) FILTER (WHERE f.entity <> '*'), '{}') AS entities
FROM openfaith.failed_run AS f
WHERE f.org_id = ANY(%(org_ids)s) AND f.status = 'open'
GROUP BY f.org_id, f.adapter, f.kind
UNION ALL
SELECT run.org_id, run.adapter, run.kind, run.run_id, false, '{}'
FROM openfaith.credential AS c
CROSS JOIN unnest(%(kinds)s::text[]) AS of (kind)
CROSS JOIN LATERAL (
    SELECT r.org_id, r.adapter, r.kind, r.run_id, r.status FROM openfaith.sync_run AS r
    WHERE r.org_id = c.org_id AND r.adapter = c.adapter AND r.kind = of.kind AND r.status <> 'cancelled' AND NOT r.dry_run
    ORDER BY r.run_id DESC LIMIT 1
) AS run
WHERE c.org_id = ANY(%(org_ids)s) AND run.status = 'failed' AND NOT EXISTS (
    SELECT FROM openfaith.failed_run AS f
    WHERE f.org_id = ANY(%(org_ids)s) AND f.org_id = run.org_id AND f.adapter = run.adapter AND f.kind = run.kind);

-- name: list_breaker_facts
-- Whose source is left alone. What everybody waits for is told of those who found it out.
SELECT org_id, adapter, reason = 'rejected' AS is_rejected, opened_at, seen
FROM openfaith.breaker WHERE org_id = ANY(%(org_ids)s);

-- name: refresh
-- What was found again goes on, acknowledged or not.
UPDATE openfaith.alert AS a
SET last_seen_at = GREATEST(a.last_seen_at, %(at)s), times_seen = a.times_seen + 1, severity = f.severity, message = f.message
FROM unnest(%(rules)s::text[], %(orgs)s::text[], %(adapters)s::text[], %(entities)s::text[], %(aspects)s::text[],
            %(severities)s::text[], %(messages)s::text[])
     AS f (rule, org_id, adapter, entity, aspect, severity, message)
WHERE a.org_id = f.org_id AND a.rule = f.rule AND a.adapter = f.adapter AND a.entity = f.entity AND a.aspect = f.aspect
  AND a.resolved_at IS NULL;

-- name: resolve
-- What was not found again, of organizations that were looked at, holds no more. To be asked after `refresh`.
UPDATE openfaith.alert SET state = 'resolved', resolved_at = %(at)s
WHERE org_id = ANY(%(org_ids)s) AND resolved_at IS NULL AND last_seen_at < %(at)s
RETURNING alert_id, rule, org_id, adapter, NULLIF(entity, '') AS entity, NULLIF(aspect, '') AS aspect, severity, message,
          state, opened_at, last_seen_at, times_seen, acknowledged_at, acknowledged_by, resolved_at;

-- name: open
-- What was found and is not there yet is new.
INSERT INTO openfaith.alert (rule, org_id, adapter, entity, aspect, severity, message, opened_at, last_seen_at)
SELECT f.rule, f.org_id, f.adapter, f.entity, f.aspect, f.severity, f.message, %(at)s, %(at)s
FROM unnest(%(rules)s::text[], %(orgs)s::text[], %(adapters)s::text[], %(entities)s::text[], %(aspects)s::text[],
            %(severities)s::text[], %(messages)s::text[])
     AS f (rule, org_id, adapter, entity, aspect, severity, message)
ON CONFLICT (org_id, rule, adapter, entity, aspect) WHERE resolved_at IS NULL DO NOTHING
RETURNING alert_id, rule, org_id, adapter, NULLIF(entity, '') AS entity, NULLIF(aspect, '') AS aspect, severity, message,
          state, opened_at, last_seen_at, times_seen, acknowledged_at, acknowledged_by, resolved_at;

-- name: prune
-- Bounds the alerts, and with them their deliveries: ninety days after they were resolved.
DELETE FROM openfaith.alert WHERE resolved_at < now() - interval '90 days';

-- name: list
-- Alerts of some organizations, the oldest first.
SELECT alert_id, rule, org_id, adapter, NULLIF(entity, '') AS entity, NULLIF(aspect, '') AS aspect, severity, message,
       state, opened_at, last_seen_at, times_seen, acknowledged_at, acknowledged_by, resolved_at
FROM openfaith.alert
WHERE org_id = ANY(%(org_ids)s) AND (%(resolved)s OR resolved_at IS NULL)
ORDER BY org_id, alert_id;

-- name: list_deliveries
-- How far these alerts have come.
SELECT alert_id, channel, occasion, attempts, next_attempt_at, error, delivered_at, given_up_at
FROM openfaith.alert_delivery WHERE alert_id = ANY(%(alert_ids)s) ORDER BY alert_id, channel, occasion;

-- name: count
-- How many alerts of some organizations hold.
SELECT org_id, adapter, rule, severity, state, count(*) AS alerts
FROM openfaith.alert WHERE org_id = ANY(%(org_ids)s) AND resolved_at IS NULL
GROUP BY org_id, adapter, rule, severity, state ORDER BY org_id, adapter, rule, severity, state;

-- name: list_states
-- What became of these.
SELECT alert_id, state FROM openfaith.alert WHERE alert_id = ANY(%(alert_ids)s);

-- name: list_open_ids
-- Those that nobody knows of yet.
SELECT alert_id FROM openfaith.alert WHERE resolved_at IS NULL AND state = 'open' ORDER BY alert_id;

-- name: acknowledge
-- A person knows of these. Who knew before stays noted.
UPDATE openfaith.alert SET state = 'acknowledged', acknowledged_at = now(), acknowledged_by = %(by)s
WHERE alert_id = ANY(%(alert_ids)s) AND state = 'open';

-- name: enlist
-- Every channel owes word of what is open, and of the end of what it has told. It follows from the alerts alone, so that
-- nothing depends on who was there when they were opened.
INSERT INTO openfaith.alert_delivery (alert_id, channel, occasion)
SELECT a.alert_id, c.channel, 'opened'
FROM openfaith.alert AS a CROSS JOIN unnest(%(channels)s::text[]) AS c (channel)
WHERE a.resolved_at IS NULL AND a.state = 'open'
UNION ALL
SELECT a.alert_id, c.channel, 'resolved'
FROM openfaith.alert AS a CROSS JOIN unnest(%(channels)s::text[]) AS c (channel)
WHERE a.resolved_at > now() - interval '1 day'
  -- Looked up one by one: there are few, and the deliveries of ninety days are many.
  AND (SELECT d.delivered_at FROM openfaith.alert_delivery AS d
       WHERE d.alert_id = a.alert_id AND d.channel = c.channel AND d.occasion = 'opened') IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: claim
-- Takes the next that are due, of one channel: for as long as `patience` they are this process's, and each has one attempt
-- more. What has ended, or is known to a person, need not be told as new any more.
WITH due AS MATERIALIZED (
    SELECT d.alert_id, d.occasion
    FROM openfaith.alert_delivery AS d JOIN openfaith.alert AS a ON a.alert_id = d.alert_id
    WHERE d.channel = %(channel)s AND d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.next_attempt_at <= now()
      AND a.state = CASE d.occasion WHEN 'opened' THEN 'open' ELSE 'resolved' END
    ORDER BY d.next_attempt_at, d.alert_id LIMIT %(limit)s
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE openfaith.alert_delivery AS d SET attempts = d.attempts + 1, next_attempt_at = now() + %(patience)s::interval
FROM due JOIN openfaith.alert AS a ON a.alert_id = due.alert_id
WHERE d.alert_id = due.alert_id AND d.channel = %(channel)s AND d.occasion = due.occasion
RETURNING d.occasion, d.attempts AS attempt, a.alert_id, a.rule, a.org_id, a.adapter, NULLIF(a.entity, '') AS entity,
          NULLIF(a.aspect, '') AS aspect, a.severity, a.message, a.state, a.opened_at, a.last_seen_at, a.times_seen,
          a.acknowledged_at, a.acknowledged_by, a.resolved_at;

-- name: note_delivered
-- These have arrived.
UPDATE openfaith.alert_delivery AS d SET delivered_at = now(), given_up_at = NULL, error = NULL
FROM unnest(%(alert_ids)s::bigint[], %(occasions)s::text[]) AS of (alert_id, occasion)
WHERE d.alert_id = of.alert_id AND d.channel = %(channel)s AND d.occasion = of.occasion AND d.delivered_at IS NULL;

-- name: note_failed
-- These have not: each is tried again after its wait, or never, where there is none.
UPDATE openfaith.alert_delivery AS d
SET error = %(error)s, next_attempt_at = now() + COALESCE(of.wait, interval '0'),
    given_up_at = CASE WHEN of.wait IS NULL THEN now() END
FROM unnest(%(alert_ids)s::bigint[], %(occasions)s::text[], %(waits)s::interval[]) AS of (alert_id, occasion, wait)
WHERE d.alert_id = of.alert_id AND d.channel = %(channel)s AND d.occasion = of.occasion
  AND d.delivered_at IS NULL AND d.given_up_at IS NULL;
