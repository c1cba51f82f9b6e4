-- name: lock
-- One process at a time installs the canonical model.
SELECT pg_advisory_xact_lock(%(lock)s);

-- name: is_there
-- Whether the model was ever installed.
SELECT to_regclass('canonical._installation') IS NOT NULL;

-- name: is_current
-- Whether these very views were installed, and are all still there.
SELECT i.fingerprint = %(fingerprint)s
       AND (SELECT count(*) FROM pg_catalog.pg_views AS v WHERE v.schemaname = 'canonical' AND v.viewname = ANY(i.views))
           = cardinality(i.views)
FROM canonical._installation AS i WHERE i.adapter = %(adapter)s;

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
INSERT INTO canonical._installation (adapter, fingerprint, views)
VALUES (%(adapter)s, %(fingerprint)s, %(views)s)
ON CONFLICT (adapter) DO UPDATE
SET fingerprint = excluded.fingerprint, views = excluded.views, installed_at = now();

-- name: foundation
-- The schema, what is known of the installation, and the functions that the views are made with.
CREATE SCHEMA IF NOT EXISTS canonical;
COMMENT ON SCHEMA canonical IS
    'The OpenFaith model: what the mirror tables mean, as views. Read it; openfaith makes it anew when it changes.';

CREATE TABLE IF NOT EXISTS canonical._installation (
    adapter      text PRIMARY KEY,
    fingerprint  text NOT NULL,
    views        text[] NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE canonical._installation IS 'openfaith''s own: which definitions the views were last made from.';

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

CREATE OR REPLACE FUNCTION canonical.e164(given text, number text, country text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- What is plainly in that form, else what was typed with a +, else a number of the North American plan: country
-- code 1, ten digits, neither the first nor the fourth of which is 0 or 1.
RETURN CASE
    WHEN given ~ '^\+[1-9][0-9]{6,14}$' THEN given
    WHEN number ~ '^\s*\+[0-9 ().\-/]+$' AND regexp_replace(number, '[^0-9]', '', 'g') ~ '^[1-9][0-9]{6,14}$'
        THEN '+' || regexp_replace(number, '[^0-9]', '', 'g')
    WHEN upper(country) IN ('US', 'CA', 'AG', 'AI', 'AS', 'BB', 'BM', 'BS', 'DM', 'DO', 'GD', 'GU', 'JM', 'KN', 'KY',
                            'LC', 'MP', 'MS', 'PR', 'SX', 'TC', 'TT', 'VC', 'VG', 'VI')
        AND number ~ '^[0-9 ().\-/]+$' AND regexp_replace(number, '[^0-9]', '', 'g') ~ '^1?[2-9][0-9]{2}[2-9][0-9]{6}$'
        THEN '+1' || right(regexp_replace(number, '[^0-9]', '', 'g'), 10)
END;
COMMENT ON FUNCTION canonical.e164 IS 'A phone number as +12125550123, where it can be had without a guess.';
