"""The mirror tables: one per entity, made from the manifest, in a schema named after the adapter.

A table holds what the source says and nothing else: a typed column per attribute, an id per to-one
relationship, and the columns below, which are the engine's own. Making tables only ever adds: a table that is
missing, a column that is missing. What it finds it leaves alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import psycopg
from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns, table_name

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


async def ensure_mirror_tables(connection: psycopg.AsyncConnection, manifest: Manifest) -> bool:
    """Make what is missing. Safe in several processes at once; False when there was nothing to do.

    The manifest's fingerprint is kept, so that an unchanged manifest costs one query.
    """
    wanted = fingerprint(manifest)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        found = await (
            await connection.execute(
                "SELECT fingerprint FROM openfaith.mirror_schema WHERE adapter = %s", (manifest.adapter,)
            )
        ).fetchone()
        if found is not None and found[0] == wanted:
            return False
        await connection.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(manifest.adapter))
        )
        present = await _present_columns(connection, manifest.adapter)
        for entity in manifest.entities.values():
            for statement in statements(manifest, entity, present.get(table_name(entity))):
                await connection.execute(statement)
        await connection.execute(
            "INSERT INTO openfaith.mirror_schema (adapter, fingerprint) VALUES (%s, %s)"
            " ON CONFLICT (adapter) DO UPDATE SET fingerprint = excluded.fingerprint, applied_at = now()",
            (manifest.adapter, wanted),
        )
    return True


async def _present_columns(connection: psycopg.AsyncConnection, schema: str) -> dict[str, frozenset[str]]:
    rows = await (
        await connection.execute(
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " WHERE table_schema = %s GROUP BY table_name",
            (schema,),
        )
    ).fetchall()
    return {name: frozenset(names) for name, names in rows}


def statements(manifest: Manifest, entity: Entity, present: frozenset[str] | None) -> Iterable[sql.Composed]:
    """What makes one entity's table as the manifest wants it, given the columns it has (None: no table)."""
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


def _comments(name: sql.Identifier) -> Iterable[sql.Composed]:
    for column, _, comment in _OWN_COLUMNS:
        yield sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
            name, sql.Identifier(column), sql.Literal(comment)
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
