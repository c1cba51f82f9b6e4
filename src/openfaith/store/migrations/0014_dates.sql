-- Dates and times are digits. PostgreSQL reads others into them: 2026-01-1x as the first, 10:11x12 as twelve hours later.

CREATE OR REPLACE FUNCTION openfaith.is_date(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value LIKE '____-__-__' AND translate(value, '0123456789', '') = '--'
$$;

CREATE OR REPLACE FUNCTION openfaith.is_time(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        -- The usual form by itself: a regular expression costs more than twice as much.
        WHEN value LIKE '____-__-__T__:__:__Z' THEN translate(value, '0123456789', '') = '--T::Z'
        ELSE value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?)?$'
    END
$$;
COMMENT ON FUNCTION openfaith.is_time IS 'Whether a text has the shape of a date, with a time of day or without, as ISO 8601 writes it.';
