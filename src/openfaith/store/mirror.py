"""The mirror tables: one per entity, made from the manifest, in a schema named after the adapter.

A table holds what the source says and nothing else: a typed column per attribute, an id per to-one
relationship, and the columns below, which are the engine's own. Making tables only ever adds: a table that is
missing, a column that is missing. What it finds it leaves alone, but for one thing: what `_extra` holds because
no column did until now moves into its column, so that a wider manifest costs no request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping

import psycopg
from psycopg import sql

from openfaith.errors import ManifestError
from openfaith.manifest import AttributeType, Column, Entity, Manifest, Relationship, columns, table_name
from openfaith.store.queries import query

_COLUMN_TYPES = {
    AttributeType.STRING: "text",
    AttributeType.INTEGER: "bigint",
    AttributeType.FLOAT: "double precision",
    AttributeType.BOOLEAN: "boolean",
    AttributeType.DATE: "date",
    AttributeType.DATE_TIME: "timestamptz",
    AttributeType.JSON: "jsonb",
    AttributeType.ARRAY: "jsonb",
}

_OWN_COLUMNS = (
    (
        "_extra",
        "jsonb",
        "What the source sent and the manifest does not know, or what did not fit its column.",
    ),
    ("_source_updated_at", "timestamptz", "updated_at of the source: the first part of the version guard."),
    (
        "_requested_at",
        "timestamptz NOT NULL",
        "Start of the request that brought this content, by the source's clock: the second part.",
    ),
    ("_hash", "bigint NOT NULL", "Hash of the content; equal content is not written again."),
    ("_synced_at", "timestamptz NOT NULL DEFAULT now()", "When this content was written here."),
    ("_run_id", "bigint NOT NULL", "The sync run that wrote it."),
    ("_deleted_at", "timestamptz", "Since when it is gone at the source; null while it lives."),
    ("_merged_into", "text", "The id of the record that took its place, where it was merged."),
)

_LOCK = 0x6F70656E66616975


def column_type(column: Column) -> str:
    """PostgreSQL's type for a mirror column. Relationship columns hold ids, which are text."""
    return "text" if column.type is None else _COLUMN_TYPES[column.type]


def table(manifest: Manifest, entity: Entity) -> sql.Identifier:
    """The qualified, quoted name of an entity's mirror table."""
    return sql.Identifier(manifest.adapter, table_name(entity))


def beside_parameters(part: sql.Composable) -> sql.Composable:
    """The same for a statement that has parameters: there the driver takes a single `%` for the start of one."""
    return sql.SQL(part.as_string().replace("%", "%%"))


async def ensure_mirror_tables(connection: psycopg.AsyncConnection, manifest: Manifest) -> bool:
    """Make what is missing. Safe in several processes at once; False when there was nothing to do.

    The manifest's fingerprint is kept, so that an unchanged manifest costs one query.

    Raises:
        ManifestError: a column is there with another type than the manifest's.
    """
    wanted = {
        "adapter": manifest.adapter,
        "fingerprint": fingerprint(manifest),
        "tables": [table_name(entity) for entity in manifest.entities.values()],
    }
    async with connection.transaction():
        await connection.execute(query("mirror", "lock"), {"lock": _LOCK})
        if await _is_current(connection, wanted):
            return False
        await connection.execute(query("mirror", "forget"), wanted)
        present = await _make(connection, manifest)
    # Only now, when the new columns are committed: nobody who reads the tables waits while rows are moved.
    async with connection.transaction():
        await connection.execute(query("mirror", "lock"), {"lock": _LOCK})
        if await _is_current(connection, wanted):
            return False
        for entity in manifest.entities.values():
            if table_name(entity) in present:
                await _fill(connection, manifest, entity)
        await connection.execute(query("mirror", "note"), wanted)
    return True


async def _is_current(connection: psycopg.AsyncConnection, wanted: Mapping[str, object]) -> bool:
    found = await (await connection.execute(query("mirror", "is_current"), wanted)).fetchone()
    return found is not None and bool(found[0])


async def _make(connection: psycopg.AsyncConnection, manifest: Manifest) -> dict[str, dict[str, str]]:
    """Add tables and columns. Returns what was there before."""
    await connection.execute(
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(manifest.adapter))
    )
    present = await _present_columns(connection, manifest.adapter)
    for entity in manifest.entities.values():
        for statement in statements(manifest, entity, present.get(table_name(entity))):
            await connection.execute(statement)
    return present


async def _present_columns(connection: psycopg.AsyncConnection, adapter: str) -> dict[str, dict[str, str]]:
    present: dict[str, dict[str, str]] = {}
    cursor = await connection.execute(query("mirror", "present_columns"), {"adapter": adapter})
    for name, column, kind in await cursor.fetchall():
        present.setdefault(name, {})[column] = kind
    return present


def statements(
    manifest: Manifest, entity: Entity, present: Mapping[str, str] | None
) -> Iterator[sql.Composed]:
    """What makes one entity's table as the manifest wants it, given the columns it has (None: no table).

    Raises:
        ManifestError: one of the columns has another type.
    """
    name = table(manifest, entity)
    definitions = {c.name: column_type(c) for c in columns(entity)} | {n: t for n, t, _ in _OWN_COLUMNS}
    if present is None:
        yield sql.SQL(
            "CREATE TABLE {} (org_id text NOT NULL, id text NOT NULL, {}, PRIMARY KEY (org_id, id))"
        ).format(
            name,
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
                for column, kind in definitions.items()
            ),
        )
        yield from _comments(name)
        return
    for column, kind in definitions.items():
        if column not in present:
            yield sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                name, sql.Identifier(column), sql.SQL(kind)
            )
        elif present[column] != _type_of(kind):
            raise ManifestError(
                f"{manifest.adapter}.{table_name(entity)}.{column}",
                f"the column's type is {present[column]}",
                f"{_type_of(kind)}, as the manifest has it: rename or drop the column, the next full sync fills it",
            )


def _type_of(definition: str) -> str:
    """The type in a column's definition, in PostgreSQL's own spelling."""
    words = definition.partition(" NOT NULL")[0]
    return "timestamp with time zone" if words == "timestamptz" else words


def _comments(name: sql.Identifier) -> Iterator[sql.Composed]:
    for column, _, comment in _OWN_COLUMNS:
        yield sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
            name, sql.Identifier(column), sql.Literal(comment)
        )


async def _fill(connection: psycopg.AsyncConnection, manifest: Manifest, entity: Entity) -> None:
    """Move what has a column now out of `_extra`."""
    kept = sql.SQL(
        "SELECT 'attribute', key FROM {table} CROSS JOIN jsonb_object_keys(_extra) AS key GROUP BY key UNION ALL"
        " SELECT 'relationship', key FROM {table}"
        " CROSS JOIN jsonb_object_keys(CASE WHEN jsonb_typeof(_extra -> 'relationships') = 'object'"
        " THEN _extra -> 'relationships' END) AS key GROUP BY key"
    ).format(table=table(manifest, entity))
    found = await (await connection.execute(kept)).fetchall()
    for statement in fillings(
        manifest,
        entity,
        attributes={key for member, key in found if member == "attribute"},
        relationships={key for member, key in found if member == "relationship"},
    ):
        await connection.execute(statement)


def fillings(
    manifest: Manifest, entity: Entity, *, attributes: Collection[str], relationships: Collection[str]
) -> Iterator[sql.Composed]:
    """What moves values from `_extra` into their columns, given what `_extra` has in any row. What does not fit stays."""
    name = table(manifest, entity)
    for column in columns(entity):
        if column.kind == "attribute" and column.source in attributes:
            yield _filling_of_attribute(name, column)
    for relationship in entity.to_one:
        if relationship.name in relationships:
            yield _filling_of_relationship(name, entity, relationship)


def _filling_of_attribute(name: sql.Identifier, column: Column) -> sql.Composed:
    kind = column_type(column)
    return sql.SQL(
        "UPDATE {table} SET {column} = {value}, _extra = NULLIF(_extra - {source}, '{{}}')"
        " WHERE _extra ? {source} AND openfaith.fits(_extra ->> {source}, {kind}) IS NOT FALSE"
    ).format(
        table=name,
        column=sql.Identifier(column.name),
        value=sql.SQL(
            "NULLIF(_extra -> {}, 'null')" if kind == "jsonb" else f"(_extra ->> {{}})::{kind}"
        ).format(sql.Literal(column.source)),
        source=sql.Literal(column.source),
        kind=sql.Literal(kind),
    )


def _filling_of_relationship(
    name: sql.Identifier, entity: Entity, relationship: Relationship
) -> sql.Composed:
    own = [c for c in columns(entity) if c.kind != "attribute" and c.source == relationship.name]
    members = {"relationship_id": "id", "relationship_type": "type"}
    values = [
        sql.SQL("{} = _extra #>> {}").format(
            sql.Identifier(c.name), sql.Literal(["relationships", relationship.name, members[c.kind]])
        )
        for c in own
    ]
    return sql.SQL(
        "UPDATE {table} SET {values}, _extra = NULLIF(CASE"
        " WHEN (_extra -> 'relationships') - {source} = '{{}}' THEN _extra - 'relationships'"
        " ELSE _extra #- {path} END, '{{}}')"
        " WHERE _extra -> 'relationships' ? {source}"
        " AND openfaith.is_id(_extra #>> {id})"
    ).format(
        table=name,
        values=sql.SQL(", ").join(values),
        source=sql.Literal(relationship.name),
        path=sql.Literal(["relationships", relationship.name]),
        id=sql.Literal(["relationships", relationship.name, "id"]),
    )


def fingerprint(manifest: Manifest) -> str:
    """Changes whenever a table or column of the manifest does."""
    parts = [
        f"{table_name(entity)}.{column.name} {column_type(column)}"
        for entity in manifest.entities.values()
        for column in columns(entity)
    ]
    parts += [f"{name} {kind}" for name, kind, _ in _OWN_COLUMNS]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
