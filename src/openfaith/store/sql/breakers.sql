-- name: find
-- What keeps an organization from its source, the trouble of all who read it first.
SELECT b.breaker_id, b.adapter, b.base_url, b.org_id, b.run_id, b.reason, b.what, b.seen, b.opened_at, b.probes,
       b.next_probe_at, b.probing_until > now() IS TRUE AS is_probed, now() AS at
FROM openfaith.credential AS c
JOIN openfaith.breaker AS b
  ON b.adapter = c.adapter AND b.base_url = c.base_url AND COALESCE(b.org_id, '') = ANY(ARRAY['', c.org_id])
WHERE c.org_id = %(org_id)s AND c.adapter = %(adapter)s
ORDER BY b.org_id NULLS FIRST LIMIT 1;

-- name: open
-- Opens an organization's breaker. No row where it is open already, or where the credentials were replaced since those
-- that were rejected were looked up. Who replaces them meanwhile waits, and finds the row.
INSERT INTO openfaith.breaker (adapter, base_url, org_id, run_id, reason, what, seen, next_probe_at)
SELECT c.adapter, c.base_url, c.org_id, %(run_id)s, %(reason)s, %(what)s, %(seen)s, now() + %(wait)s::interval
FROM openfaith.credential AS c
WHERE c.org_id = %(org_id)s AND c.adapter = %(adapter)s
  AND (%(reason)s <> 'rejected' OR %(saved_at)s::timestamptz IS NULL OR c.updated_at = %(saved_at)s)
FOR SHARE OF c
ON CONFLICT (adapter, base_url, COALESCE(org_id, '')) DO NOTHING
RETURNING breaker_id;

-- name: reject
-- What was open for an outage is open for the credentials from now on, as far as it is these that were rejected.
UPDATE openfaith.breaker SET reason = 'rejected'
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND reason <> 'rejected'
  AND (%(saved_at)s::timestamptz IS NULL OR EXISTS (
      SELECT FROM openfaith.credential AS c
      WHERE c.org_id = %(org_id)s AND c.adapter = %(adapter)s AND c.updated_at = %(saved_at)s))
RETURNING breaker_id;

-- name: meet
-- A further run has met an open breaker; what it has seen is the newest that is known. Who waited for an answer from before
-- the credentials were rejected does not know of that. Nor does who was rejected with those of before speak of these.
UPDATE openfaith.breaker SET run_id = COALESCE(%(run_id)s, run_id),
    reason = CASE WHEN reason = 'rejected' THEN reason ELSE %(reason)s END,
    what = CASE WHEN reason = 'rejected' AND %(reason)s <> 'rejected' THEN what ELSE %(what)s END,
    seen = CASE WHEN reason = 'rejected' AND %(reason)s <> 'rejected' THEN seen ELSE %(seen)s END
WHERE org_id = %(org_id)s AND adapter = %(adapter)s
  AND (%(reason)s <> 'rejected' OR %(saved_at)s::timestamptz IS NULL OR EXISTS (
      SELECT FROM openfaith.credential AS c
      WHERE c.org_id = %(org_id)s AND c.adapter = %(adapter)s AND c.updated_at = %(saved_at)s));

-- name: open_shared
-- Opens the breaker of all who read a source, once so many of those that are being read have found it in trouble. What
-- nobody waits for any more, and so nobody probes, says nothing of now.
WITH source AS (
    SELECT adapter, base_url FROM openfaith.credential WHERE org_id = %(org_id)s AND adapter = %(adapter)s
), troubled AS (
    SELECT count(*) AS organizations FROM openfaith.breaker JOIN source USING (adapter, base_url)
    WHERE org_id IS NOT NULL AND reason = 'outage' AND next_probe_at > now() - %(awaited)s::interval
), asked AS (
    SELECT count(DISTINCT run.org_id) AS organizations
    FROM source JOIN openfaith.credential AS c USING (adapter, base_url)
    JOIN openfaith.sync_run AS run ON run.org_id = c.org_id AND run.adapter = c.adapter AND run.status = 'running'
)
INSERT INTO openfaith.breaker (adapter, base_url, reason, what, seen, next_probe_at)
SELECT source.adapter, source.base_url, 'outage', %(what)s, %(seen)s, now() + %(wait)s::interval
FROM source, troubled, asked
WHERE troubled.organizations >= %(organizations)s AND troubled.organizations >= %(part)s * asked.organizations
ON CONFLICT (adapter, base_url, COALESCE(org_id, '')) DO NOTHING
RETURNING breaker_id, adapter, (SELECT organizations FROM troubled) AS organizations;

-- name: claim_probe
-- Half-open: one of all asks. No row where it is not time yet, or another asks.
UPDATE openfaith.breaker SET probing_until = now() + %(takes)s::interval
WHERE breaker_id = %(breaker_id)s AND next_probe_at <= now() AND (probing_until > now()) IS NOT TRUE
RETURNING breaker_id;

-- name: prolong
-- A probe has failed: the next one waits longer.
UPDATE openfaith.breaker
SET probes = probes + 1, seen = %(seen)s, next_probe_at = now() + %(wait)s::interval, probing_until = NULL
WHERE breaker_id = %(breaker_id)s
RETURNING probes;

-- name: close
-- The source is well again. What was everybody's trouble ends for everybody.
DELETE FROM openfaith.breaker AS b USING openfaith.breaker AS probed
WHERE probed.breaker_id = %(breaker_id)s
  AND (b.breaker_id = probed.breaker_id
       OR probed.org_id IS NULL AND b.adapter = probed.adapter AND b.base_url = probed.base_url AND b.reason = 'outage')
RETURNING b.org_id, b.adapter, b.reason, b.probes, extract(epoch FROM now() - b.opened_at)::double precision AS seconds;

-- name: forget
-- An organization has other credentials: what was known of the old ones says nothing of these.
DELETE FROM openfaith.breaker WHERE org_id = %(org_id)s AND adapter = %(adapter)s RETURNING run_id, reason;

-- name: has_read
-- Whether a run has read anything lately, in whatever attempt. One that its source keeps from every page is not kept for
-- ever, however often that is well in between.
SELECT EXISTS (
    SELECT FROM openfaith.entity_run AS e
    CROSS JOIN LATERAL (
        SELECT p.committed_at FROM openfaith.page_commit AS p
        WHERE p.entity_run_id = e.entity_run_id ORDER BY p.page DESC LIMIT 1
    ) AS last
    WHERE e.run_id = %(run_id)s AND last.committed_at > now() - %(within)s::interval);

-- name: list
-- All that are open, of some organizations and of what all of them read.
SELECT b.breaker_id, b.adapter, b.base_url, b.org_id, b.run_id, b.reason, b.what, b.seen, b.opened_at, b.probes,
       b.next_probe_at, b.probing_until > now() IS TRUE AS is_probed, now() AS at
FROM openfaith.breaker AS b WHERE b.org_id IS NULL OR b.org_id = ANY(%(org_ids)s)
ORDER BY b.adapter, b.base_url, b.org_id NULLS FIRST;
