-- What a person shall be told of, and how far that has come.

CREATE TABLE openfaith.alert (
    alert_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule            text NOT NULL,
    org_id          text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter         text NOT NULL,
    entity          text NOT NULL DEFAULT '',
    aspect          text NOT NULL DEFAULT '',
    severity        text NOT NULL CHECK (severity IN ('warning', 'error')),
    message         text NOT NULL,
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'resolved')),
    opened_at       timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    times_seen      bigint NOT NULL DEFAULT 1 CHECK (times_seen > 0),
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at     timestamptz,
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CHECK (state <> 'acknowledged' OR acknowledged_at IS NOT NULL),
    CHECK (state <> 'open' OR acknowledged_at IS NULL)
);
COMMENT ON TABLE openfaith.alert IS 'Something that a person shall be told of. Open while its rule holds and nobody knows, acknowledged while it holds and a person knows, resolved since it holds no more; kept for ninety days then. No personal data, no secrets.';
COMMENT ON COLUMN openfaith.alert.entity IS 'Empty where it is about all of the organization.';
COMMENT ON COLUMN openfaith.alert.aspect IS 'What of it, where the rule tells several apart: of run_failed the kind of sync. Else empty.';
COMMENT ON COLUMN openfaith.alert.last_seen_at IS 'When its rule last held.';
COMMENT ON COLUMN openfaith.alert.times_seen IS 'How often somebody looked and it held.';
CREATE UNIQUE INDEX alert_one_unresolved ON openfaith.alert (org_id, rule, adapter, entity, aspect) WHERE resolved_at IS NULL;
CREATE INDEX alert_of_organization ON openfaith.alert (org_id, alert_id);
CREATE INDEX alert_by_age ON openfaith.alert (resolved_at) WHERE resolved_at IS NOT NULL;

CREATE TABLE openfaith.alert_delivery (
    alert_id        bigint NOT NULL REFERENCES openfaith.alert ON DELETE CASCADE,
    channel         text NOT NULL CHECK (channel IN ('webhook', 'email')),
    occasion        text NOT NULL CHECK (occasion IN ('opened', 'resolved')),
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    error           text,
    delivered_at    timestamptz,
    given_up_at     timestamptz,
    PRIMARY KEY (alert_id, channel, occasion),
    CHECK (delivered_at IS NULL OR given_up_at IS NULL),
    CHECK (delivered_at IS NULL OR (attempts > 0 AND error IS NULL)),
    CHECK (given_up_at IS NULL OR error IS NOT NULL)
);
COMMENT ON TABLE openfaith.alert_delivery IS 'An alert on its way: one row for each channel and occasion. Delivered at least once: who is killed after sending and before noting it has it sent again.';
COMMENT ON COLUMN openfaith.alert_delivery.attempts IS 'Those that were begun. Counted before anything is sent.';
COMMENT ON COLUMN openfaith.alert_delivery.next_attempt_at IS 'Not before then. While an attempt is under way: when it counts as lost.';
COMMENT ON COLUMN openfaith.alert_delivery.error IS 'Why the last attempt failed.';
CREATE INDEX alert_delivery_due ON openfaith.alert_delivery (channel, next_attempt_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;

CREATE TABLE openfaith.alert_look (
    only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    looked_at timestamptz NOT NULL
);
COMMENT ON TABLE openfaith.alert_look IS 'When some process last began to look for alerts: one row. Others need not look again so soon.';
INSERT INTO openfaith.alert_look (looked_at) VALUES ('-infinity');

-- What the rules ask for, however long an organization is kept.
CREATE INDEX sync_run_last_of_kind ON openfaith.sync_run (org_id, adapter, kind, run_id DESC)
    WHERE status IN ('completed', 'partial', 'failed') AND NOT dry_run;
CREATE INDEX suspect_held ON openfaith.suspect (org_id, adapter, entity) WHERE state = 'held';
