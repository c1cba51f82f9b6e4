-- The control tables: who is synced, with what, by whom, how far, and what went wrong.

CREATE TABLE openfaith.organization (
    org_id     text PRIMARY KEY CHECK (org_id ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE openfaith.organization IS 'One row per organization whose data is kept here.';

CREATE TABLE openfaith.credential (
    org_id     text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter    text NOT NULL,
    base_url   text NOT NULL,
    source_org text,
    key_id     text NOT NULL,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, adapter)
);
COMMENT ON COLUMN openfaith.credential.sealed IS 'AES-256-GCM: nonce, then ciphertext; organization and adapter are authenticated with it.';
COMMENT ON COLUMN openfaith.credential.source_org IS 'The organization''s id at its source: a token of another one is refused.';
COMMENT ON COLUMN openfaith.credential.key_id IS 'Which of the secret keys sealed it, so that keys can be rotated.';

CREATE TABLE openfaith.executor (
    executor_id         text PRIMARY KEY,
    role                text NOT NULL CHECK (role IN ('worker', 'command')),
    application_version text NOT NULL,
    host                text NOT NULL,
    pid                 integer NOT NULL,
    started_at          timestamptz NOT NULL DEFAULT now(),
    expires_at          timestamptz NOT NULL
);
COMMENT ON TABLE openfaith.executor IS 'The lease of every process that runs workflows. An expired lease is never revived: its process must end.';

CREATE TABLE openfaith.sync_run (
    run_id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id              text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter             text NOT NULL,
    kind                text NOT NULL CHECK (kind IN ('full', 'delta', 'reconciliation', 'sweep')),
    entities            text[] CHECK (cardinality(entities) > 0),
    strategy            text NOT NULL DEFAULT 'hybrid' CHECK (strategy IN ('sequential', 'parallel', 'hybrid')),
    closed_products     jsonb NOT NULL DEFAULT '{}',
    requested_by        text NOT NULL,
    status              text NOT NULL DEFAULT 'queued'
                        CHECK (status IN ('queued', 'running', 'completed', 'partial', 'failed', 'cancelled')),
    reason              text,
    attempt             integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    requested_at        timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    finished_at         timestamptz,
    cancel_requested_at timestamptz,
    CHECK ((status IN ('completed', 'partial', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (status <> 'running' OR started_at IS NOT NULL)
);
COMMENT ON COLUMN openfaith.sync_run.entities IS 'The entities that were asked for; null means all that can be read.';
COMMENT ON COLUMN openfaith.sync_run.strategy IS 'How its entities wait for each other. No part of what makes two runs the same: the tables come out alike.';
COMMENT ON COLUMN openfaith.sync_run.closed_products IS 'Products of which the token may see nothing, as this run found, each with the reason.';
COMMENT ON COLUMN openfaith.sync_run.attempt IS 'Counts retries of the same run; part of the id of its workflow.';
CREATE UNIQUE INDEX sync_run_one_running ON openfaith.sync_run (org_id, adapter) WHERE status = 'running';
CREATE UNIQUE INDEX sync_run_one_queued ON openfaith.sync_run (org_id, adapter, kind, COALESCE(entities, '{}'))
    WHERE status = 'queued';
CREATE INDEX sync_run_by_organization ON openfaith.sync_run (org_id, run_id DESC);
CREATE INDEX sync_run_unfinished ON openfaith.sync_run (run_id) WHERE status IN ('queued', 'running');
CREATE INDEX sync_run_by_age ON openfaith.sync_run (finished_at);

CREATE TABLE openfaith.entity_run (
    entity_run_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id            bigint NOT NULL REFERENCES openfaith.sync_run ON DELETE CASCADE,
    org_id            text NOT NULL,
    adapter           text NOT NULL,
    entity            text NOT NULL,
    position          integer NOT NULL,
    status            text NOT NULL DEFAULT 'waiting'
                      CHECK (status IN ('waiting', 'running', 'completed', 'failed', 'skipped', 'cancelled', 'not_accessible')),
    reason            text,
    reading           text NOT NULL DEFAULT 'top' CHECK (reading IN ('top', 'include', 'nested')),
    path              text NOT NULL DEFAULT '',
    parent            text,
    carrier           text,
    include           text,
    fence             bigint NOT NULL DEFAULT 0,
    checkpoint        jsonb,
    pages             bigint NOT NULL DEFAULT 0,
    requests          bigint NOT NULL DEFAULT 0,
    records           bigint NOT NULL DEFAULT 0,
    inserted          bigint NOT NULL DEFAULT 0,
    updated           bigint NOT NULL DEFAULT 0,
    unchanged         bigint NOT NULL DEFAULT 0,
    deleted           bigint NOT NULL DEFAULT 0,
    suspects          bigint NOT NULL DEFAULT 0,
    dead_letters      bigint NOT NULL DEFAULT 0,
    total_count       bigint,
    live_rows         bigint,
    cancel_requested  boolean NOT NULL DEFAULT false,
    source_started_at timestamptz,
    started_at        timestamptz,
    progressed_at     timestamptz,
    finished_at       timestamptz,
    UNIQUE (run_id, entity),
    CHECK ((reading = 'nested') = (parent IS NOT NULL)),
    CHECK ((reading = 'include') = (carrier IS NOT NULL) AND (carrier IS NULL) = (include IS NULL)),
    CHECK ((status IN ('completed', 'failed', 'skipped', 'cancelled', 'not_accessible')) = (finished_at IS NOT NULL)),
    CHECK (status NOT IN ('running', 'completed') OR started_at IS NOT NULL)
);
COMMENT ON COLUMN openfaith.entity_run.reading IS 'How it is read in this run: by a list of its own, riding on the pages of its carrier, or below each of its parent''s rows.';
COMMENT ON COLUMN openfaith.entity_run.path IS 'Of the collection that is asked.';
COMMENT ON COLUMN openfaith.entity_run.fence IS 'The fencing token: raised by whoever takes the work over; every page commit checks it.';
COMMENT ON COLUMN openfaith.entity_run.checkpoint IS 'Where the walk continues; committed with the page it follows.';
COMMENT ON COLUMN openfaith.entity_run.total_count IS 'What the source last said it has; for display only.';
COMMENT ON COLUMN openfaith.entity_run.live_rows IS 'Rows in the mirror table, not deleted, when this entity run completed.';
COMMENT ON COLUMN openfaith.entity_run.source_started_at IS 'When the first request started, by the clock of the source: the next watermark.';
CREATE UNIQUE INDEX entity_run_one_running ON openfaith.entity_run (org_id, adapter, entity) WHERE status = 'running';

CREATE TABLE openfaith.parent_failure (
    entity_run_id bigint NOT NULL REFERENCES openfaith.entity_run ON DELETE CASCADE,
    parent_id     text NOT NULL,
    reason        text NOT NULL,
    denied        boolean NOT NULL DEFAULT false,
    failed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entity_run_id, parent_id)
);
COMMENT ON TABLE openfaith.parent_failure IS 'Parents below which a nested walk could not read, and did not let its siblings suffer. They are walked again, but for those below which the token may see nothing.';

CREATE TABLE openfaith.page_commit (
    entity_run_id bigint NOT NULL REFERENCES openfaith.entity_run ON DELETE CASCADE,
    page          bigint NOT NULL,
    fence         bigint NOT NULL,
    token         text NOT NULL,
    requested_at  timestamptz NOT NULL,
    committed_at  timestamptz NOT NULL DEFAULT now(),
    records       integer NOT NULL,
    inserted      integer NOT NULL,
    updated       integer NOT NULL,
    dead_letters  integer NOT NULL,
    PRIMARY KEY (entity_run_id, page)
);
CREATE INDEX page_commit_by_age ON openfaith.page_commit (committed_at);
COMMENT ON TABLE openfaith.page_commit IS 'The ledger of pages: one row per page, in the transaction of its records and its checkpoint. Kept for a week after its run.';

CREATE TABLE openfaith.sync_state (
    org_id            text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter           text NOT NULL,
    entity            text NOT NULL,
    watermark         timestamptz,
    live_rows         bigint NOT NULL DEFAULT 0,
    last_run_id       bigint REFERENCES openfaith.sync_run ON DELETE SET NULL,
    last_status       text NOT NULL,
    last_completed_at timestamptz,
    PRIMARY KEY (org_id, adapter, entity)
);
CREATE INDEX sync_state_by_run ON openfaith.sync_state (last_run_id);
COMMENT ON COLUMN openfaith.sync_state.watermark IS 'The clock of the source before the last completed run. Moves only after that run has committed.';

CREATE TABLE openfaith.dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id         text NOT NULL REFERENCES openfaith.organization ON DELETE CASCADE,
    adapter        text NOT NULL,
    entity         text NOT NULL,
    record_key     text NOT NULL,
    reason         text NOT NULL,
    body           bytea NOT NULL,
    status         text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'discarded')),
    run_id         bigint REFERENCES openfaith.sync_run ON DELETE SET NULL,
    requested_at   timestamptz NOT NULL,
    times_seen     bigint NOT NULL DEFAULT 1,
    first_seen_at  timestamptz NOT NULL DEFAULT now(),
    last_seen_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN openfaith.dead_letter.record_key IS 'The record''s id; where it has none, sha256: and the digest of its body.';
COMMENT ON COLUMN openfaith.dead_letter.body IS 'The record exactly as the source sent it.';
CREATE UNIQUE INDEX dead_letter_one_open ON openfaith.dead_letter (org_id, adapter, entity, record_key)
    WHERE status = 'open';
CREATE INDEX dead_letter_by_run ON openfaith.dead_letter (run_id);
CREATE INDEX dead_letter_by_age ON openfaith.dead_letter (last_seen_at) WHERE status <> 'open';

CREATE TABLE openfaith.event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    org_id   text,
    run_id   bigint,
    entity   text,
    name     text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    message  text NOT NULL,
    details  jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE openfaith.event IS 'Every decision a person could wonder about. No personal data, no secrets.';
CREATE INDEX event_by_run ON openfaith.event (run_id, event_id);
CREATE INDEX event_by_age ON openfaith.event (at);

CREATE TABLE openfaith.mirror_schema (
    adapter     text NOT NULL,
    fingerprint text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (adapter, fingerprint)
);
COMMENT ON TABLE openfaith.mirror_schema IS 'The forms of a manifest that the mirror tables were made for. An older program finds its own here, and leaves to the tables what a newer one changed.';

CREATE TABLE openfaith.canonical_form (
    adapter      text NOT NULL,
    form         text NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (adapter, form)
);
COMMENT ON TABLE openfaith.canonical_form IS 'The forms of the canonical model that were installed, and when last. An older program finds its own here and a newer one, and leaves the views to that.';

CREATE TABLE openfaith.mirror_filling (
    adapter      text NOT NULL,
    table_name   text NOT NULL,
    entity       text NOT NULL,
    columns      jsonb NOT NULL,
    passes_left  integer NOT NULL DEFAULT 2 CHECK (passes_left > 0),
    due_at       timestamptz NOT NULL DEFAULT now(),
    after_org_id text,
    after_id     text,
    moved        bigint NOT NULL DEFAULT 0,
    kept         jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (adapter, table_name),
    CHECK ((after_org_id IS NULL) = (after_id IS NULL))
);
COMMENT ON TABLE openfaith.mirror_filling IS 'Mirror tables whose new columns are being filled from _extra, and how far that is.';
COMMENT ON COLUMN openfaith.mirror_filling.columns IS 'By name: kind, source and type of each column to fill.';
COMMENT ON COLUMN openfaith.mirror_filling.after_id IS 'With after_org_id the last key that is done in this pass.';
COMMENT ON COLUMN openfaith.mirror_filling.kept IS 'How many values of this pass stay in _extra because their column cannot hold them, by attribute or relationship.';

-- What a record may be. The page statement and the examination of a refused page ask the same functions.

CREATE FUNCTION openfaith.is_id(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ascii(value) <> 0 AND ascii(value) <> ascii('[') AND ascii(value) <> ascii('{')
        AND value <> 'true' AND value <> 'false'
$$;
COMMENT ON FUNCTION openfaith.is_id IS 'Whether the text of a JSON value can be an id: not empty, and no list, object or truth value.';

CREATE FUNCTION openfaith.is_flag(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value = 'true' OR value = 'false'
$$;
COMMENT ON FUNCTION openfaith.is_flag IS 'Whether a text is a truth value as JSON writes it. PostgreSQL would also take "of", "y" and "1".';

CREATE FUNCTION openfaith.is_date(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value LIKE '____-__-__'
$$;
COMMENT ON FUNCTION openfaith.is_date IS 'Whether a text has the shape of a date. PostgreSQL would also take "today" and "infinity", and cut off a time.';

CREATE FUNCTION openfaith.is_time(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value LIKE '____-__-__%'
$$;
COMMENT ON FUNCTION openfaith.is_time IS 'Whether a text begins with a date, so that its time is a fixed one.';

CREATE FUNCTION openfaith.is_unset(relationship jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(relationship)
        WHEN 'object' THEN COALESCE(jsonb_typeof(relationship -> 'data'), 'null') = 'null'
        WHEN 'null' THEN true
        ELSE relationship IS NULL
    END
$$;
COMMENT ON FUNCTION openfaith.is_unset IS 'Whether a to-one relationship points nowhere, as opposed to having a shape of another kind.';

CREATE FUNCTION openfaith.extra(unknown jsonb, others jsonb, misfits jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT NULLIF(
        unknown || COALESCE(misfits -> 'attributes', '{}')
        || CASE WHEN others IS NULL AND COALESCE(misfits -> 'relationships', '{}') = '{}' THEN '{}'
           ELSE jsonb_build_object('relationships', COALESCE(others, '{}') || COALESCE(misfits -> 'relationships', '{}'))
           END,
        '{}')
$$;
COMMENT ON FUNCTION openfaith.extra IS 'The _extra of a row: unknown attributes and those that do not fit, and below relationships the same of these.';

CREATE FUNCTION openfaith.fits(value text, type text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    CASE type
        WHEN 'bigint' THEN PERFORM value::bigint;
        WHEN 'double precision' THEN PERFORM value::double precision;
        WHEN 'boolean' THEN RETURN openfaith.is_flag(value);
        WHEN 'date' THEN PERFORM value::date; RETURN openfaith.is_date(value);
        WHEN 'timestamptz' THEN PERFORM value::timestamptz; RETURN openfaith.is_time(value);
        ELSE RETURN true;
    END CASE;
    RETURN true;
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $$;
COMMENT ON FUNCTION openfaith.fits IS 'Whether a mirror column of this type can hold a value, as the source means it. Null for null.';

CREATE FUNCTION openfaith.parse(body bytea, OUT record jsonb, OUT refusal text)
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    record := convert_from(body, 'UTF8')::jsonb;
EXCEPTION
    WHEN untranslatable_character THEN
        refusal := 'it holds the character U+0000, which PostgreSQL cannot store';
    WHEN numeric_value_out_of_range THEN
        refusal := 'it holds a number beyond what PostgreSQL can store';
    WHEN statement_too_complex OR program_limit_exceeded THEN
        refusal := 'it is larger or nested more deeply than PostgreSQL can store';
    WHEN data_exception THEN
        refusal := 'it is not valid JSON';
END $$;
COMMENT ON FUNCTION openfaith.parse IS 'A record''s text as JSON, or why that cannot be.';
