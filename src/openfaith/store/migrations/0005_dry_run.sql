-- Runs that show what they would do. They work on a copy: tables and control rows of their own, under the name
-- <adapter>_dry_<run_id> in the place of the adapter's, which go when the run ends.

ALTER TABLE openfaith.sync_run ADD COLUMN dry_run boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN openfaith.sync_run.dry_run IS 'Whether it works on a copy and changes nothing of the organization. What its entity runs count is what a sync would do.';

DROP INDEX openfaith.sync_run_one_queued;
CREATE UNIQUE INDEX sync_run_one_queued ON openfaith.sync_run (org_id, adapter, kind, dry_run, COALESCE(entities, '{}'))
    WHERE status = 'queued';

CREATE FUNCTION openfaith.base_adapter(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(substring(name FROM '^(.+)_dry_[0-9]+$'), name)
$$;
COMMENT ON FUNCTION openfaith.base_adapter IS 'The adapter itself, also where the name is that of a dry run''s copy.';

CREATE FUNCTION openfaith.keep_dry() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM made JOIN openfaith.sync_run AS run USING (run_id) WHERE run.dry_run AND made.adapter = run.adapter) THEN
        RAISE EXCEPTION 'a dry run must not write to the tables themselves' USING HINT = 'This program is older than the run: end it.';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION openfaith.keep_dry IS 'Trigger: a program that does not know of dry runs, as it may be while others are newer, cannot plan one as if it were none.';
CREATE TRIGGER keep_dry AFTER INSERT ON openfaith.entity_run REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION openfaith.keep_dry();
