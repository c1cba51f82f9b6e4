-- What outlives the differences of a listing: whether everything that it showed could be fetched.

ALTER TABLE openfaith.listing ADD COLUMN failed bigint NOT NULL DEFAULT 0 CHECK (failed >= 0);
COMMENT ON COLUMN openfaith.listing.failed IS 'How many of the missing and stale could not be fetched. What is read below such records proves nothing.';
COMMENT ON COLUMN openfaith.listing.forgotten_at IS 'When its rows and differences were removed; what came of it stays. Whoever goes on with it after that can prove nothing by it.';
