-- name: set_aside
-- Keeps a record that cannot be stored, once, however often it is met: as the newest request brought it. Whose it is, of
-- one that rode, the page's other records say.
INSERT INTO openfaith.dead_letter AS d (org_id, adapter, entity, record_key, run_id, requested_at, reason, fault, body, path,
    page_token, api_version, parents, carrier, owner_id)
SELECT e.org_id, e.adapter, e.entity, %(record_key)s, e.run_id, %(requested_at)s, %(reason)s, %(fault)s, %(body)s, asked.path,
       %(token)s, %(version)s, %(parents)s::jsonb, NULLIF(asked.entity, e.entity), (
           SELECT min(c.id) FROM jsonb_to_recordset(%(carriers)b::jsonb) AS c (id text, relationships jsonb)
           CROSS JOIN LATERAL jsonb_path_query(
               c.relationships -> %(include)s::text, '$.data[*] ? (@.type() == "object")') AS child
           WHERE child ->> 'id' = %(record_key)s)
FROM openfaith.entity_run AS e CROSS JOIN openfaith.entity_run AS asked
WHERE e.entity_run_id = %(entity_run_id)s AND asked.entity_run_id = %(asked_run_id)s
ON CONFLICT (org_id, adapter, entity, record_key) WHERE status = 'open' DO UPDATE
SET (requested_at, reason, fault, body, path, page_token, api_version, parents, carrier, owner_id) = (
        SELECT n.requested_at, n.reason, n.fault, n.body, n.path, n.page_token, n.api_version, n.parents, n.carrier, n.owner_id
        FROM (SELECT (CASE WHEN excluded.requested_at >= d.requested_at THEN excluded ELSE d END).*) AS n),
    run_id = excluded.run_id, times_seen = d.times_seen + 1, last_seen_at = now();

-- name: list
-- Dead letters of an organization, a part at a time in the order of their entities and numbers; not of dry runs' copies.
SELECT dead_letter_id, adapter, entity, record_key, fault, reason, status, octet_length(body) AS bytes, requested_at,
       first_seen_at, last_seen_at, EXTRACT(epoch FROM now() - last_seen_at)::double precision AS seen_seconds, times_seen,
       run_id, path, page_token, api_version, parents, carrier, owner_id,
       attempts, last_attempt_at, last_outcome, decided_by, decided_at
FROM openfaith.dead_letter
WHERE org_id = %(org_id)s AND adapter = openfaith.base_adapter(adapter)
  AND (adapter, entity, dead_letter_id) > (%(after_adapter)s, %(after_entity)s, %(after_id)s)
  AND (%(ids)s::bigint[] IS NULL OR dead_letter_id = ANY(%(ids)s))
  AND (%(entity)s::text IS NULL OR entity = %(entity)s)
  AND (%(reason)s::text IS NULL OR fault = %(reason)s OR reason = %(reason)s)
  AND status = ANY(%(statuses)s)
ORDER BY adapter, entity, dead_letter_id LIMIT %(limit)s;

-- name: summarize
-- An organization's dead letters by entity, reason and status: how many, how large, and since when by the clock of this
-- database.
SELECT adapter, entity, fault, reason, status, count(*) AS letters, sum(octet_length(body))::bigint AS bytes,
       min(first_seen_at) AS since, EXTRACT(epoch FROM now() - min(first_seen_at))::double precision AS since_seconds,
       max(attempts) AS attempts
FROM openfaith.dead_letter
WHERE org_id = %(org_id)s AND adapter = openfaith.base_adapter(adapter)
  AND (%(entity)s::text IS NULL OR entity = %(entity)s)
  AND (%(reason)s::text IS NULL OR fault = %(reason)s OR reason = %(reason)s)
  AND status = ANY(%(statuses)s)
GROUP BY adapter, entity, fault, reason, status
ORDER BY adapter, entity, status, letters DESC, reason;

-- name: read_body
-- The record itself.
SELECT body FROM openfaith.dead_letter WHERE org_id = %(org_id)s AND dead_letter_id = %(dead_letter_id)s;

-- name: choose
-- The next letters to decide about, in the order in which they are locked.
SELECT dead_letter_id, entity FROM openfaith.dead_letter
WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND (entity, dead_letter_id) > (%(after_entity)s, %(after_id)s)
  AND (%(ids)s::bigint[] IS NULL AND status = 'open' OR dead_letter_id = ANY(%(ids)s))
  AND (%(entity)s::text IS NULL OR entity = %(entity)s)
  AND (%(reason)s::text IS NULL OR fault = %(reason)s OR reason = %(reason)s)
ORDER BY entity, dead_letter_id LIMIT %(limit)s;

-- name: find_unknown
-- Numbers that no such letter has.
SELECT wanted.id FROM unnest(%(ids)s::bigint[]) AS wanted (id)
WHERE NOT EXISTS (
    SELECT FROM openfaith.dead_letter AS d
    WHERE d.dead_letter_id = wanted.id AND d.org_id = %(org_id)s AND d.adapter = %(adapter)s
      AND (%(entity)s::text IS NULL OR d.entity = %(entity)s)
      AND (%(reason)s::text IS NULL OR d.fault = %(reason)s OR d.reason = %(reason)s))
ORDER BY 1;

-- name: hold_pages
-- Keeps the pages that bring an entity's records, and whoever ends its part of a run, waiting until the transaction ends.
-- Before any letter or record, and in the plan's order: so do pages.
SELECT FROM openfaith.entity_run AS e
WHERE e.run_id = (
        SELECT run_id FROM openfaith.sync_run WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND status = 'running'
        AND NOT dry_run LIMIT 1)
  AND (e.entity = %(entity)s OR e.entity = (
        SELECT own.carrier FROM openfaith.entity_run AS own WHERE own.run_id = e.run_id AND own.entity = %(entity)s))
ORDER BY e.position FOR SHARE OF e;

-- name: lock
-- A letter that is still open, for whoever decides about it.
SELECT dead_letter_id, org_id, entity, body, requested_at, path, carrier FROM openfaith.dead_letter
WHERE dead_letter_id = %(dead_letter_id)s AND status = 'open' FOR UPDATE;

-- name: note_failure
-- It still cannot be stored, and why.
UPDATE openfaith.dead_letter
SET attempts = attempts + 1, last_attempt_at = now(), last_outcome = 'unstorable', fault = %(fault)s, reason = %(reason)s
WHERE dead_letter_id = %(dead_letter_id)s;

-- name: note_sight
-- What a replayed record was read under counts as seen, as if its page had been stored now.
INSERT INTO openfaith.sight (org_id, adapter, entity, permissions)
SELECT d.org_id, d.adapter, d.entity, COALESCE(run.permissions, '')
FROM openfaith.dead_letter AS d LEFT JOIN openfaith.sync_run AS run ON run.run_id = d.run_id
WHERE d.dead_letter_id = %(dead_letter_id)s
ON CONFLICT (org_id, adapter, entity, permissions) DO UPDATE SET noted_at = excluded.noted_at;

-- name: discard
-- Gives a locked letter up.
UPDATE openfaith.dead_letter SET status = 'discarded', decided_by = %(by)s, decided_at = now()
WHERE dead_letter_id = %(dead_letter_id)s;
