"""The one statement by which a page enters the database.

A page is not decoded in Python. Its records go to PostgreSQL as one JSON array, and a single statement,
composed here from the manifest, does everything that must be atomic:

    holder     the entity run, locked, if the caller still holds its fencing token and this is its next page;
               else no row, and everything below finds nothing to do
    page       the array as rows: id, attributes, relationships, and the texts that are looked at twice
    written    insert, or update where the incoming version is newer and differs (the guard)
    ledger     the page's line in openfaith.page_commit
    progress   the entity run's checkpoint and counts

One statement is one transaction and one round trip. A page is stored with its checkpoint or not at all, and
a process that lost its lease cannot write.

The guard compares (updated_at of the source, start of the request by the source's clock). Equal content
(`_hash`) is not written again. A tombstone gives way to whatever was requested after the proof of its deletion,
whose time its `_requested_at` is: a record that is listed later lives again, whatever its stamp.

What is not plainly a record of this entity gets no hash. The table refuses that, and so the whole page, which is
then taken apart (`examination`). Such are values that PostgreSQL would cast to something that the source did
not say: it takes `today` for a date, cuts the time off where a date is wanted, and takes `of` for false.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns
from openfaith.store.mirror import beside_parameters, column_type, table

_STATEMENT = """
WITH holder AS MATERIALIZED (
    SELECT entity_run_id, run_id, org_id, cancel_requested
    FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running' AND pages = %(page)s - 1
    FOR UPDATE
), page AS (
    SELECT {read}
    FROM jsonb_to_recordset(%(records)b::jsonb)
      AS record (type text, id text, attributes jsonb, relationships jsonb)
    OFFSET 0
), written AS (
    INSERT INTO {table} AS t (org_id, id, {names})
    SELECT holder.org_id, page.id, {values}
    FROM holder CROSS JOIN page
    ON CONFLICT (org_id, id) DO UPDATE
    SET ({names}, _synced_at, _deleted_at, _merged_into) = ({excluded}, now(), NULL, NULL)
    WHERE CASE
        WHEN t._deleted_at IS NOT NULL THEN excluded._requested_at >= t._requested_at
        ELSE t._hash <> excluded._hash
             AND (COALESCE(excluded._source_updated_at, '-infinity'), excluded._requested_at)
              >= (COALESCE(t._source_updated_at, '-infinity'), t._requested_at)
    END
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

_READ = (
    sql.SQL("id"),
    sql.SQL("type AS _type"),
    sql.SQL("attributes AS _attributes"),
    sql.SQL("relationships AS _relationships"),
    sql.SQL("%(misfits)s::jsonb -> id AS _misfits"),
)

_CHECKS = {
    AttributeType.BOOLEAN: sql.SQL("NOT openfaith.is_flag({})"),
    AttributeType.DATE: sql.SQL("NOT openfaith.is_date({})"),
    AttributeType.DATE_TIME: sql.SQL("NOT openfaith.is_time({})"),
}
"""What a text of this type must not be, although PostgreSQL would cast it."""


def page_statement(manifest: Manifest, entity: Entity) -> sql.Composed:
    """Compose the statement that commits a page of `entity`.

    Its parameters: entity_run_id, fence, records (a JSON array, as bytes), requested_at, page (its number in
    the entity run, from 1), token, size (records in the page, set-aside ones included), dead_letters,
    requests, checkpoint (JSON), total_count, and misfits (JSON; what was taken out of the records because no
    column can hold it: by id, then `attributes` and `relationships`; null for a page as it came). It returns one
    row (inserted, updated, cancel_requested), or none when the token is no longer the newest, or the page is not
    the next one.
    """
    own = columns(entity)
    values: dict[str, sql.Composable] = {c.name: _value(c) for c in own}
    values |= {"updated_at": sql.SQL("_stamp")} if is_versioned(entity) else {}
    values |= {
        "_extra": _extra(own),
        "_source_updated_at": sql.SQL("_stamp"),
        "_requested_at": sql.SQL("%(requested_at)s"),
        "_hash": _hash(entity, own),
        "_run_id": sql.SQL("holder.run_id"),
    }
    names = [_name(name) for name in values]
    return sql.SQL(_STATEMENT).format(
        table=beside_parameters(table(manifest, entity)),
        read=_joined([*_READ, _stamp(entity), _others(entity), *_texts(own)]),
        names=_joined(names),
        excluded=_joined(sql.SQL("excluded.{}").format(name) for name in names),
        values=_joined(values.values()),
    )


def is_versioned(entity: Entity) -> bool:
    """Whether its records say when they changed last, in the way the guard can use."""
    attribute = entity.attributes.get("updated_at")
    return attribute is not None and attribute.type is AttributeType.DATE_TIME


def _texts(own: Iterable[Column]) -> Iterator[sql.Composable]:
    """The texts that are looked at more than once, read once, under the names of their columns."""
    for column in own:
        if column.kind != "attribute":
            member = "id" if column.kind == "relationship_id" else "type"
            path = _array((column.source, "data", member))
            yield sql.SQL("relationships #>> {} AS {}").format(path, _name(column.name))
        elif column.type in _CHECKS:
            yield sql.SQL("attributes ->> {} AS {}").format(_literal(column.source), _name(column.name))


def _value(column: Column) -> sql.Composable:
    """What fills one column."""
    if column.kind != "attribute":
        return _text(column)
    if column.type in _CHECKS:
        return sql.SQL("{}::{}").format(_text(column), sql.SQL(column_type(column)))
    if column.type in {AttributeType.JSON, AttributeType.ARRAY}:
        return sql.SQL("NULLIF(_attributes -> {}, 'null'::jsonb)").format(_literal(column.source))
    if column.type is AttributeType.STRING:
        return sql.SQL("_attributes ->> {}").format(_literal(column.source))
    return sql.SQL("(_attributes ->> {})::{}").format(_literal(column.source), sql.SQL(column_type(column)))


def _others(entity: Entity) -> sql.Composable:
    """The relationships that no column holds: unknown to-one relationships, and misfits.

    Unknown to-many relationships are left out: their ends say the same from the other side, and a nested
    include makes some up.
    """
    return sql.SQL(
        "CASE WHEN relationships - {known} <> '{{}}' THEN"
        " (SELECT jsonb_object_agg(key, value -> 'data') FROM jsonb_each(relationships - {known})"
        " WHERE jsonb_typeof(value -> 'data') = 'object') END AS _others"
    ).format(known=_array(entity.relationships))


def _extra(own: Iterable[Column]) -> sql.Composable:
    """What no column holds: unknown attributes, values that do not fit, and `_others`. Null where there is nothing."""
    return sql.SQL(
        "CASE WHEN _others IS NULL AND _misfits IS NULL THEN NULLIF({unknown}, '{{}}')"
        " ELSE openfaith.extra({unknown}, _others, _misfits) END"
    ).format(
        unknown=sql.SQL("(_attributes - {})").format(_array(c.source for c in own if c.kind == "attribute"))
    )


def _stamp(entity: Entity) -> sql.Composable:
    """The first part of a record's version."""
    text = "(attributes ->> 'updated_at')" if is_versioned(entity) else "NULL"
    return sql.SQL("{}::timestamptz AS _stamp").format(sql.SQL(text))


def _hash(entity: Entity, own: tuple[Column, ...]) -> sql.Composable:
    """Hash of the content, misfits included; null, and so refused by the table, for what must not be stored so.

    The columns are part of it: where the manifest holds a value otherwise than before, content is written again.
    """
    identity = [c for c in own if c.kind != "attribute"]
    hashes = [
        sql.SQL(
            "jsonb_hash_extended(CASE WHEN _misfits IS NULL THEN _attributes"
            " ELSE _attributes || (_misfits -> 'attributes') END, {})"
        ).format(_number(_seed(own))),
        *(_hash_of_text(column, seed) for seed, column in enumerate(identity, start=1)),
        sql.SQL("COALESCE(jsonb_hash_extended(_others, 0), 0)"),
        sql.SQL("COALESCE(jsonb_hash_extended(_misfits -> 'relationships', 1), 0)"),
    ]
    return sql.SQL(
        "CASE WHEN _type = {type} AND openfaith.is_id(id) AND jsonb_typeof(_attributes) = 'object' THEN"
        " CASE WHEN {unfit} THEN NULL ELSE {hash} END END"
    ).format(
        type=_literal(entity.type),
        unfit=sql.SQL(" OR ").join([sql.SQL("false"), *_unfit(own)]),
        hash=sql.SQL(" # ").join(hashes),
    )


def _unfit(own: Iterable[Column]) -> Iterator[sql.Composable]:
    """What makes a record one that PostgreSQL would store otherwise than the source meant it."""
    for column in own:
        if column.type in _CHECKS:
            yield _CHECKS[column.type].format(_text(column))
        elif column.kind == "relationship_id":
            yield sql.SQL(
                "CASE WHEN {text} IS NULL THEN NOT openfaith.is_unset(_relationships -> {name})"
                " ELSE NOT openfaith.is_id({text}) END"
            ).format(text=_text(column), name=_literal(column.source))


def _hash_of_text(column: Column, seed: int) -> sql.Composable:
    return sql.SQL("COALESCE(hashtextextended({}, {}), 0)").format(_text(column), _number(seed))


def _seed(own: tuple[Column, ...]) -> int:
    described = "\n".join(f"{c.name} {c.kind} {c.source} {column_type(c)}" for c in own)
    return int.from_bytes(hashlib.sha256(described.encode()).digest()[:8], "big", signed=True)


def _text(column: Column) -> sql.Composable:
    """One of `_texts`, as the rest of the statement calls it."""
    return sql.SQL("page.{}").format(_name(column.name))


def _name(name: str) -> sql.Composable:
    return beside_parameters(sql.Identifier(name))


def _literal(text: str) -> sql.Composable:
    return beside_parameters(sql.Literal(text))


def _number(number: int) -> sql.Composable:
    return sql.Literal(number)


def _array(texts: Iterable[str]) -> sql.Composable:
    return sql.SQL("ARRAY[{}]::text[]").format(_joined(map(_literal, texts)))


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
