-- What a statement decides by the stored rows that it sees must not be written over newer ones.

CREATE FUNCTION openfaith.refuse_unseen() RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the stored row is newer than what was seen of it' USING ERRCODE = 'serialization_failure';
END $$;
COMMENT ON FUNCTION openfaith.refuse_unseen IS 'Ends a statement that would write over a row which it could not see when it began.';
