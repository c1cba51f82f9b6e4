-- name: examine
-- What keeps the records of a refused page from being stored as they came, asked of the server that would store them.
WITH parsed AS MATERIALIZED (
    SELECT b.n, p.record, p.refusal
    FROM unnest(%(bodies)b::bytea[]) WITH ORDINALITY AS b (body, n)
    CROSS JOIN LATERAL openfaith.parse(b.body) AS p
), judged AS MATERIALIZED (
    SELECT n, record, refusal, COALESCE(refusal, CASE
        WHEN jsonb_typeof(record) <> 'object' THEN 'it is not an object'
        WHEN openfaith.is_id(record ->> 'id') IS NOT TRUE THEN 'it has no id'
        WHEN record ->> 'type' IS DISTINCT FROM %(type)s THEN format('its type is not %%s', %(type)s::text)
        WHEN jsonb_typeof(record -> 'attributes') IS DISTINCT FROM 'object' THEN 'it has no attributes'
        WHEN jsonb_typeof(record -> 'relationships') NOT IN ('object', 'null') THEN 'its relationships are not an object'
    END) AS reason
    FROM parsed
), fitted AS MATERIALIZED (
    SELECT n, record, record ->> 'id' AS id, (
        SELECT COALESCE(jsonb_object_agg(c.name, record -> 'attributes' -> c.name), '{}')
        FROM unnest(%(names)s::text[], %(types)s::text[]) AS c (name, type)
        WHERE NOT openfaith.fits(record -> 'attributes' ->> c.name, c.type)
    ) AS attributes, (
        SELECT COALESCE(jsonb_object_agg(c.name, COALESCE(c.found -> 'data', c.found)), '{}')
        FROM (SELECT name, record -> 'relationships' -> name FROM unnest(%(to_one)s::text[]) AS r (name)) AS c (name, found)
        WHERE openfaith.is_id(c.found #>> '{data,id}') IS NOT TRUE AND NOT openfaith.is_unset(c.found)
    ) AS relationships
    FROM judged WHERE reason IS NULL
), storable AS (
    SELECT n, id, record, attributes, relationships, row_number() OVER (
        PARTITION BY id
        ORDER BY CASE WHEN %(versioned)s AND NOT attributes ? 'updated_at'
                 THEN (record -> 'attributes' ->> 'updated_at')::timestamptz END DESC NULLS LAST, n DESC
    ) = 1 AS newest
    FROM fitted
)
SELECT judged.n::integer - 1 AS place, judged.reason,
       CASE WHEN judged.refusal = 'it is not valid JSON' THEN 'json' WHEN judged.refusal IS NOT NULL THEN 'value' ELSE 'shape' END AS fault,
       s.id, s.newest,
       ARRAY(SELECT jsonb_object_keys(s.attributes) UNION ALL SELECT jsonb_object_keys(s.relationships)) AS names,
       jsonb_build_object('attributes', s.attributes, 'relationships', s.relationships)::text AS misfits,
       jsonb_build_object(
           'type', s.record -> 'type', 'id', s.record -> 'id',
           'attributes', (s.record -> 'attributes') - ARRAY(SELECT jsonb_object_keys(s.attributes)),
           'relationships', NULLIF(s.record -> 'relationships', 'null') - ARRAY(SELECT jsonb_object_keys(s.relationships))
       )::text AS body
FROM judged LEFT JOIN storable AS s USING (n)
ORDER BY judged.n;
