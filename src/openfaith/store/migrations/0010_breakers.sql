-- Sources that are left alone for a while.

CREATE TABLE openfaith.breaker (
    breaker_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    adapter       text NOT NULL,
    base_url      text NOT NULL,
    org_id        text REFERENCES openfaith.organization ON DELETE CASCADE,
    run_id        bigint,
    reason        text NOT NULL CHECK (reason IN ('outage', 'rejected')),
    what          text NOT NULL,
    seen          text NOT NULL,
    opened_at     timestamptz NOT NULL DEFAULT now(),
    probes        integer NOT NULL DEFAULT 0 CHECK (probes >= 0),
    next_probe_at timestamptz NOT NULL,
    probing_until timestamptz,
    CHECK (org_id IS NOT NULL OR reason = 'outage')
);
COMMENT ON TABLE openfaith.breaker IS 'An open circuit breaker: while the row is there, nothing is asked of that source but a probe. Closed ones have no row. No personal data, no secrets.';
COMMENT ON COLUMN openfaith.breaker.org_id IS 'Whose credentials are concerned; NULL where all who read this source wait.';
COMMENT ON COLUMN openfaith.breaker.run_id IS 'The last run that met it.';
COMMENT ON COLUMN openfaith.breaker.what IS 'The request that opened it.';
COMMENT ON COLUMN openfaith.breaker.seen IS 'What came of that, or of the last probe.';
COMMENT ON COLUMN openfaith.breaker.probes IS 'How many have failed since it opened.';
COMMENT ON COLUMN openfaith.breaker.probing_until IS 'Half-open: somebody asks once. Who has not said by then what came of it is taken for dead.';
CREATE UNIQUE INDEX breaker_one_each ON openfaith.breaker (adapter, base_url, COALESCE(org_id, ''));
CREATE INDEX breaker_of_organization ON openfaith.breaker (org_id);
