"""The one statement by which a page enters the database.

A page is not decoded in Python. Its records go to PostgreSQL as one JSON array, and a single statement,
composed here from the manifest, does everything that must be atomic:

    holder     the entity run, locked, if the caller still holds its fencing token; else no row, and
               everything below finds nothing to do
    page       the array as rows: id, attributes, relationships
    written    insert, or update where the incoming version is newer and differs (the guard)
    ledger     the page's line in openfaith.page_commit
    progress   the entity run's checkpoint and counts

One statement is one transaction and one round trip. A page is stored with its checkpoint or not at all, and
a process that lost its lease cannot write.

The guard compares (updated_at of the source, start of the request by the source's clock). Equal content
(`_hash`) is not written again, unless it brings a deleted record back to life.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns
from openfaith.store.mirror import column_type, table

_STATEMENT = """
WITH holder AS MATERIALIZED (
    SELECT entity_run_id, run_id, org_id, cancel_requested
    FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running'
    FOR UPDATE
), page AS (
    SELECT type, id, attributes AS a, relationships AS r, {misfits} AS misfits
    FROM jsonb_to_recordset(%(records)s::jsonb)
      AS record (type text, id text, attributes jsonb, relationships jsonb, {misfits} jsonb)
    OFFSET 0
), written AS (
    INSERT INTO {table} AS t (org_id, id, {names})
    SELECT holder.org_id, page.id, {values}
    FROM holder CROSS JOIN page
    ON CONFLICT (org_id, id) DO UPDATE
    SET ({names}, _synced_at, _deleted_at, _merged_into) = ({excluded}, now(), NULL, NULL)
    WHERE (t._hash <> excluded._hash OR t._deleted_at IS NOT NULL)
      AND (COALESCE(excluded._source_updated_at, '-infinity'), excluded._requested_at)
       >= (COALESCE(t._source_updated_at, '-infinity'), t._requested_at)
    RETURNING (t.xmax = 0) AS inserted
), counts AS (
    SELECT count(*) FILTER (WHERE inserted) AS inserted, count(*) FILTER (WHERE NOT inserted) AS updated FROM written
), ledger AS (
    INSERT INTO openfaith.page_commit
        (entity_run_id, page, fence, token, requested_at, records, inserted, updated, dead_letters)
    SELECT holder.entity_run_id, %(page)s, %(fence)s, %(token)s, %(requested_at)s, %(size)s,
           counts.inserted, counts.updated, %(dead_letters)s
    FROM holder CROSS JOIN counts
)
UPDATE openfaith.entity_run AS e
SET checkpoint = %(checkpoint)s::jsonb,
    pages = %(page)s,
    requests = e.requests + %(requests)s,
    records = e.records + %(size)s,
    inserted = e.inserted + counts.inserted,
    updated = e.updated + counts.updated,
    unchanged = e.unchanged + %(size)s - %(dead_letters)s - counts.inserted - counts.updated,
    dead_letters = e.dead_letters + %(dead_letters)s,
    total_count = COALESCE(%(total_count)s, e.total_count),
    progressed_at = now()
FROM holder CROSS JOIN counts
WHERE e.entity_run_id = holder.entity_run_id
RETURNING counts.inserted, counts.updated, holder.cancel_requested
"""

MISFITS = "_openfaith_misfits"
"""A member that the slow path adds to a record: values that do not fit their columns, kept in `_extra`."""


def page_statement(manifest: Manifest, entity: Entity) -> sql.Composed:
    """Compose the statement that commits a page of `entity`.

    Its parameters: entity_run_id, fence, records (a JSON array, as bytes), requested_at, page (its number in
    the entity run, from 1), token, size (records in the page, set-aside ones included), dead_letters,
    requests, checkpoint (JSON), total_count. It returns one row (inserted, updated, cancel_requested), or
    none when the token is no longer the newest.
    """
    own = columns(entity)
    values: dict[str, sql.Composable] = {c.name: _value(c) for c in own}
    values |= {
        "_extra": _extra(entity, own),
        "_source_updated_at": _updated_at(entity),
        "_requested_at": sql.SQL("%(requested_at)s"),
        "_hash": _hash(entity, own),
        "_run_id": sql.SQL("holder.run_id"),
    }
    return sql.SQL(_STATEMENT).format(
        table=table(manifest, entity),
        misfits=sql.Identifier(MISFITS),
        names=_joined(sql.Identifier(name) for name in values),
        excluded=_joined(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in values),
        values=_joined(values.values()),
    )


def _value(column: Column) -> sql.Composable:
    """What fills one column, from `a` (the attributes) and `r` (the relationships) of a record."""
    if column.kind == "relationship_id":
        return sql.SQL("r #>> {}").format(_path(column.source, "data", "id"))
    if column.kind == "relationship_type":
        return sql.SQL("r #>> {}").format(_path(column.source, "data", "type"))
    if column.type in {AttributeType.JSON, AttributeType.ARRAY}:
        return sql.SQL("NULLIF(a -> {}, 'null'::jsonb)").format(sql.Literal(column.source))
    if column.type is AttributeType.STRING:
        return sql.SQL("a ->> {}").format(sql.Literal(column.source))
    return sql.SQL("(a ->> {})::{}").format(sql.Literal(column.source), sql.SQL(column_type(column)))


def _extra(entity: Entity, own: tuple[Column, ...]) -> sql.Composable:
    """What no column holds: unknown attributes, values that do not fit, and unknown to-one relationships.

    Unknown to-many relationships are left out: their ends say the same from the other side, and a nested
    include makes some up.
    """
    attributes = sql.SQL("(a - {})").format(_array(c.source for c in own if c.kind == "attribute"))
    known = _array(entity.relationships)
    return sql.SQL(
        "NULLIF(CASE WHEN misfits IS NULL THEN {attributes} ELSE {attributes} || misfits END"
        " || CASE WHEN r IS NULL OR r - {known} = '{{}}' THEN '{{}}' ELSE COALESCE((SELECT jsonb_build_object("
        "'relationships', jsonb_object_agg(key, value -> 'data')) FROM jsonb_each(r - {known})"
        " WHERE jsonb_typeof(value -> 'data') = 'object' HAVING count(*) > 0), '{{}}') END, '{{}}')"
    ).format(attributes=attributes, known=known)


def _updated_at(entity: Entity) -> sql.Composable:
    attribute = entity.attributes.get("updated_at")
    if attribute is None or attribute.type is not AttributeType.DATE_TIME:
        return sql.SQL("NULL::timestamptz")
    return sql.SQL("(a ->> 'updated_at')::timestamptz")


def _hash(entity: Entity, own: tuple[Column, ...]) -> sql.Composable:
    """Hash of the content; null, and so refused by the table, for what is no record of this entity."""
    identity = [_value(c) for c in own if c.kind != "attribute"]
    related = (
        sql.SQL(" # hashtextextended(jsonb_build_array({})::text, 1)").format(_joined(identity))
        if identity
        else sql.SQL("")
    )
    return sql.SQL(
        "CASE WHEN type = {type} AND jsonb_typeof(a) = 'object' THEN"
        " jsonb_hash_extended(CASE WHEN misfits IS NULL THEN a ELSE a || misfits END, 0){related} END"
    ).format(type=sql.Literal(entity.type), related=related)


def _path(*steps: str) -> sql.Composable:
    return _array(steps)


def _array(names: Iterable[str]) -> sql.Composable:
    return sql.SQL("ARRAY[{}]::text[]").format(_joined(sql.Literal(name) for name in names))


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
