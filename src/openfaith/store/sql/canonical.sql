-- name: lock
-- One process at a time installs the canonical model.
SELECT pg_advisory_xact_lock(%(lock)s);

-- name: is_there
-- Whether the model was ever installed.
SELECT to_regclass('canonical._installation') IS NOT NULL;

-- name: standing_of_nothing
-- Which forms were met before, where the schema is not there any more, or not yet.
SELECT EXISTS (SELECT FROM openfaith.canonical_form WHERE adapter = %(adapter)s AND form = %(form)s) AS is_known,
       COALESCE((SELECT form = %(form)s FROM openfaith.canonical_form WHERE adapter = %(adapter)s
                 ORDER BY installed_at DESC LIMIT 1), false) AS is_newest,
       false AS is_intact, '{}'::jsonb AS kept, false AS is_freed;

-- name: standing
-- Whether this form was met before, and is the newest; whether these very views were installed, and are all there; and
-- which of them were kept as they were. One is freed when nothing but our own new views rests on it, or its row type.
WITH installed AS (
    SELECT COALESCE(max(fingerprint), '') AS fingerprint, COALESCE(max(views), '{}') AS views,
           COALESCE(max(kept::text)::jsonb, '{}') AS kept
    FROM canonical._installation WHERE adapter = %(adapter)s
), kept AS (
    SELECT c.oid, c.reltype FROM installed AS i CROSS JOIN pg_catalog.pg_class AS c
    WHERE c.relnamespace = to_regnamespace('canonical') AND i.kept ? c.relname
), blocked AS (
    SELECT DISTINCT k.oid FROM installed AS i CROSS JOIN kept AS k
    JOIN pg_catalog.pg_depend AS d
      ON (d.refclassid, d.refobjid) IN (('pg_catalog.pg_class'::regclass, k.oid), ('pg_catalog.pg_type'::regclass, k.reltype))
    LEFT JOIN pg_catalog.pg_rewrite AS r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_catalog.pg_class AS by ON by.oid = r.ev_class
    -- Up to PostgreSQL 15 a view's own rule depends on it as any other does.
    WHERE d.deptype = 'n' AND by.oid IS DISTINCT FROM k.oid
      AND (by.oid IS NULL OR by.relnamespace <> to_regnamespace('canonical')
           OR NOT by.relname = ANY (i.views) OR i.kept ? by.relname)
)
SELECT EXISTS (SELECT FROM openfaith.canonical_form WHERE adapter = %(adapter)s AND form = %(form)s) AS is_known,
       COALESCE((SELECT form = %(form)s FROM openfaith.canonical_form WHERE adapter = %(adapter)s
                 ORDER BY installed_at DESC LIMIT 1), false) AS is_newest,
       i.fingerprint = %(fingerprint)s
           AND (SELECT count(*) FROM pg_catalog.pg_views AS v
                WHERE v.schemaname = 'canonical' AND v.viewname = ANY(i.views)) = cardinality(i.views) AS is_intact,
       i.kept,
       i.kept <> '{}' AND (SELECT count(*) FROM blocked) < (SELECT count(*) FROM jsonb_object_keys(i.kept)) AS is_freed
FROM installed AS i;

-- name: note_form
-- From now on this form is the newest.
INSERT INTO openfaith.canonical_form (adapter, form) VALUES (%(adapter)s, %(form)s)
ON CONFLICT (adapter, form) DO UPDATE SET installed_at = clock_timestamp();

-- name: former_views
-- What this adapter's model consisted of before.
SELECT unnest(views) FROM canonical._installation WHERE adapter = %(adapter)s;

-- name: all_views
-- What all adapters' models consist of, in the order in which it was made.
SELECT name FROM canonical._installation, unnest(views) WITH ORDINALITY AS v (name, place) ORDER BY adapter, place;

-- name: mirror_types
-- The types that an adapter's mirror tables have: table, column, type.
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace(%(adapter)s) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped;

-- name: present_columns
-- What is in the schema already: relation, its kind, column, type; in the columns' order.
SELECT c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace('canonical') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum;

-- name: note
-- The views are as this mapping wants them.
INSERT INTO canonical._installation (adapter, fingerprint, views, kept)
VALUES (%(adapter)s, %(fingerprint)s, %(views)s, %(kept)s)
ON CONFLICT (adapter) DO UPDATE
SET fingerprint = excluded.fingerprint, views = excluded.views, kept = excluded.kept, installed_at = now();

-- name: foundation
-- The schema, what is known of the installation, and the functions that the views are made with.
CREATE SCHEMA IF NOT EXISTS canonical;
COMMENT ON SCHEMA canonical IS
    'The OpenFaith model: what the mirror tables mean, as views. Read it; openfaith makes it anew when it changes.';

CREATE TABLE IF NOT EXISTS canonical._installation (
    adapter      text PRIMARY KEY,
    fingerprint  text NOT NULL,
    views        text[] NOT NULL,
    kept         jsonb NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE canonical._installation IS 'openfaith''s own: which definitions the views were last made from, and which kept an older form because something rests on them.';

CREATE OR REPLACE FUNCTION canonical.record_id(entity text, org_id text, id_space text, external_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- A text becomes bytes by the escape format, in which a backslash must be doubled: convert_to is not immutable.
RETURN entity || '_' || left(encode(sha256(
    replace(org_id || E'\n' || id_space || E'\n' || external_id, '\', '\\')::bytea
), 'hex'), 26);
COMMENT ON FUNCTION canonical.record_id IS
    'The canonical id of a record: canonical.record_id(''person'', ''grace'', ''pco/people.Person'', ''123'').';

CREATE OR REPLACE FUNCTION canonical.amount(minor_units bigint, currency text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- ISO 4217: most currencies have two decimals, these have none or three.
RETURN CASE
    WHEN upper(currency) IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
                             'VUV', 'XAF', 'XOF', 'XPF')
        THEN minor_units::numeric
    WHEN upper(currency) IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN round(minor_units / 1000.0, 3)
    ELSE round(minor_units / 100.0, 2)
END;
COMMENT ON FUNCTION canonical.amount IS 'A whole number of a currency''s smallest units as an amount in its units.';

CREATE OR REPLACE FUNCTION canonical.e164(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- Of a number typed with a +. A zero in parentheses after the country code is dialled inside the country only; not so
-- in Italy (39, with the Vatican) and San Marino (378), where nobody knows what (0) means. Nor does anybody of a zero
-- that other digits follow in the parentheses.
RETURN (
    SELECT '+' || n.digits
    FROM (SELECT regexp_replace(typed, '([0-9][0-9 .\-/)]*)\(\s*0\s*\)', '\1') AS plain) AS p
    CROSS JOIN LATERAL (SELECT regexp_replace(p.plain, '[^0-9]', '', 'g') AS digits) AS n
    WHERE typed ~ '^\s*\+[0-9 ().\-/]+$' AND p.plain !~ '\(\s*0' AND n.digits ~ '^(1[0-9]{10}|[2-9][0-9]{7,14})$'
      AND (p.plain = typed OR n.digits !~ '^(39|378)')
);
COMMENT ON FUNCTION canonical.e164(text) IS 'A phone number typed as +44 (0)20 7946 0123 as +442079460123; null where it is none.';

CREATE OR REPLACE FUNCTION canonical.e164(given text, number text, country text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- What is plainly in that form, else what was typed with a +, else a number of the North American plan: country
-- code 1, ten digits, neither the first nor the fourth of which is 0 or 1. No number has less than eight digits.
RETURN CASE
    WHEN given ~ '^\+(1[0-9]{10}|[2-9][0-9]{7,14})$' THEN given
    WHEN number ~ '^\s*\+' THEN canonical.e164(number)
    WHEN upper(country) IN ('US', 'CA', 'AG', 'AI', 'AS', 'BB', 'BM', 'BS', 'DM', 'DO', 'GD', 'GU', 'JM', 'KN', 'KY',
                            'LC', 'MP', 'MS', 'PR', 'SX', 'TC', 'TT', 'VC', 'VG', 'VI')
        AND number ~ '^[0-9 ().\-/]+$' AND regexp_replace(number, '[^0-9]', '', 'g') ~ '^1?[2-9][0-9]{2}[2-9][0-9]{6}$'
        THEN '+1' || right(regexp_replace(number, '[^0-9]', '', 'g'), 10)
END;
COMMENT ON FUNCTION canonical.e164(text, text, text) IS 'A phone number as +12125550123, where it can be had without a guess.';

CREATE OR REPLACE FUNCTION canonical.as_integer(written text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN written ~ '^(0|-?[1-9][0-9]{0,18})$'
       THEN CASE WHEN written::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN written::bigint END
END;
COMMENT ON FUNCTION canonical.as_integer IS 'A whole number as JSON writes it; null for any other text.';

CREATE OR REPLACE FUNCTION canonical.as_number(written text) RETURNS double precision
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    RETURN CASE WHEN written ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$' THEN written::double precision END;
EXCEPTION WHEN numeric_value_out_of_range THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION canonical.as_number IS 'The number nearest to one as JSON writes it; null for any other text.';

CREATE OR REPLACE FUNCTION canonical.as_boolean(written text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE written WHEN 'true' THEN true WHEN 'false' THEN false END;
COMMENT ON FUNCTION canonical.as_boolean IS 'A truth value as JSON writes it; null for any other text.';

CREATE OR REPLACE FUNCTION canonical.as_date(written text) RETURNS date
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    RETURN CASE WHEN written ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN written::date END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION canonical.as_date IS 'A day written as 2026-01-31; null for any other text.';

CREATE OR REPLACE FUNCTION canonical.as_time(written text) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT SET timezone TO 'UTC' AS $$
BEGIN
    -- As openfaith.is_time, which who reads the model only may not call.
    RETURN CASE WHEN written ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?)?$'
        THEN written::timestamptz END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION canonical.as_time IS 'An instant as ISO 8601 writes it, in UTC where it names no zone; null for any other text.';

CREATE OR REPLACE FUNCTION canonical.as_json(written text) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    RETURN CASE WHEN left(written, 1) IN ('{', '[') THEN written::jsonb ELSE to_jsonb(written) END;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN to_jsonb(written);
END $$;
COMMENT ON FUNCTION canonical.as_json IS 'The list or the object that a text is the JSON of; any other text as it is.';
