"""The mirror tables as the manifest wants them: one per entity, in a schema named after the adapter.

A table holds what the source says and nothing else: a typed column per attribute, an id per to-one relationship, the
ids of the parents where it is read below some, and the columns below, which are the engine's own. Table and columns
carry comments that say what they are and where it comes from. How a table that stands there already comes to look so
is decided in `table_changes` and done in `evolution`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns, table_name
from openfaith.records import EntityName

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

_KEY = (
    ("org_id", "text NOT NULL", "The organization, by the name it was connected with."),
    ("id", "text NOT NULL", "The record's id at the source."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedColumn:
    """A column as the manifest, or the engine, wants it."""

    name: str
    definition: str
    """Its type, and what follows that in a definition."""
    comment: str
    content: Column | None
    """What of the record it holds; None for the key and the engine's own."""

    @property
    def type(self) -> str:
        """As in `timestamptz`."""
        return self.definition.partition(" NOT NULL")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedTable:
    """A mirror table as the manifest wants it."""

    schema: str
    name: str
    entity: EntityName
    comment: str
    columns: tuple[WantedColumn, ...]
    """All of them, in order; the key first."""

    @property
    def identifier(self) -> sql.Identifier:
        """Qualified and quoted."""
        return sql.Identifier(self.schema, self.name)


def column_type(column: Column) -> str:
    """PostgreSQL's type for a mirror column. Whatever holds an id is text."""
    return "text" if column.type is None else _COLUMN_TYPES[column.type]


def table(manifest: Manifest, entity: Entity) -> sql.Identifier:
    """The qualified, quoted name of an entity's mirror table."""
    return sql.Identifier(manifest.adapter, table_name(entity))


def beside_parameters(part: sql.Composable) -> sql.Composable:
    """The same for a statement that has parameters: there the driver takes a single `%` for the start of one."""
    return sql.SQL(part.as_string().replace("%", "%%"))


def wanted_tables(manifest: Manifest) -> tuple[WantedTable, ...]:
    """Every mirror table of a manifest, in its order."""
    return tuple(
        WantedTable(
            schema=manifest.adapter,
            name=table_name(entity),
            entity=entity.name,
            comment=_table_comment(manifest, entity),
            columns=tuple(_wanted_columns(entity)),
        )
        for entity in manifest.entities.values()
    )


def _wanted_columns(entity: Entity) -> Iterator[WantedColumn]:
    yield from _own(_KEY)
    for column in columns(entity):
        comment = column_comment(entity, column)
        yield WantedColumn(name=column.name, definition=column_type(column), comment=comment, content=column)
    yield from _own(_OWN_COLUMNS)


def _own(definitions: tuple[tuple[str, str, str], ...]) -> Iterator[WantedColumn]:
    for name, definition, comment in definitions:
        yield WantedColumn(name=name, definition=definition, comment=comment, content=None)


def _table_comment(manifest: Manifest, entity: Entity) -> str:
    origin = "" if entity.collection is None else f" Source: {entity.collection.path},"
    version = manifest.products[entity.product].version
    return f"{entity.name}: one row for each record of type {entity.type}.{origin} API version {version}."


def column_comment(entity: Entity, column: Column) -> str:
    """What a column holds, of which kind, and what of the source it comes from."""
    if column.kind == "attribute":
        asked = entity.attributes[column.source].only_when_asked
        told = " The source sends it only when asked for it by name." if asked else ""
        return f"Attribute {column.source} of {entity.name}, {column.type}.{told}"
    relationship = entity.relationships.get(column.source)
    if relationship is None:
        return f"Parent of {entity.name}: the {column.source} of the path it was read by."
    target = "record it points to" if relationship.to is None else f"{relationship.to} it points to"
    what = "type" if column.kind == "relationship_type" else "id"
    return f"Relationship {column.source} of {entity.name}: the {what} of the {target}."


def fingerprint(tables: Iterable[WantedTable]) -> str:
    """Changes whenever a table, a column or a comment does."""
    parts = (
        f"{wanted.name} {wanted.comment}\n"
        + "\n".join(f"{c.name} {c.definition} {c.comment}" for c in wanted.columns)
        for wanted in tables
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
