-- What a retry forgives, and that a run goes on once it is over.

ALTER TABLE openfaith.entity_run
    ADD COLUMN forgiven_records      bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgiven_dead_letters bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN openfaith.entity_run.forgiven_dead_letters IS 'So many of its dead letters are from before it was last retried: they do not stop it again.';

ALTER TABLE openfaith.sync_run ADD COLUMN goes_on boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN openfaith.sync_run.goes_on IS 'Other credentials came while it was still at it: what these of before have failed begins again as soon as it is over.';
