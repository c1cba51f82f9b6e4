-- name: beat
-- Starts or renews a lease. An expired one is never revived: no row comes back, and the process must end.
INSERT INTO openfaith.executor AS e (executor_id, role, application_version, host, pid, expires_at)
VALUES (%(executor_id)s, %(role)s, %(application_version)s, %(host)s, %(pid)s, clock_timestamp() + %(ttl)s)
ON CONFLICT (executor_id) DO UPDATE SET expires_at = excluded.expires_at
WHERE e.expires_at > clock_timestamp()
RETURNING 1;

-- name: release
-- Gives a lease back: the work it still holds may be taken over at once.
DELETE FROM openfaith.executor WHERE executor_id = %(executor_id)s;

-- name: expire
-- Ends leases whose process is known to be gone.
UPDATE openfaith.executor SET expires_at = clock_timestamp() - interval '1 second'
WHERE executor_id = ANY(%(executor_ids)s) AND expires_at > clock_timestamp();

-- name: forget
-- Bounds the table: leases that ended a day ago.
DELETE FROM openfaith.executor WHERE expires_at < clock_timestamp() - interval '1 day';

-- name: list_alive
-- The processes whose lease has not ended.
SELECT executor_id, role, host, pid, started_at FROM openfaith.executor
WHERE expires_at > clock_timestamp() ORDER BY started_at;
