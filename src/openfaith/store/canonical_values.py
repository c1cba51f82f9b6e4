"""What stands in a canonical view's columns: an expression of a mapping, as SQL. Pure.

In every statement the row of the entity's own mirror table goes by the name `record`, that of a join `x` by `joined_x`,
and that of whoever took the place of a merged record by `survivor_` and the column's name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from psycopg import sql

from openfaith.manifest import (
    Amount,
    CanonicalColumn,
    CanonicalEntity,
    CanonicalMapping,
    Choice,
    ColumnSource,
    Expression,
    First,
    Joined,
    Lowered,
    Manifest,
    PhoneE164,
    Plain,
    Reference,
    ValueType,
    table_name,
)
from openfaith.manifest.canonical import id_space
from openfaith.records import EntityName
from openfaith.store.canonical_conversions import shown
from openfaith.store.mirror import table

TYPES = {
    ValueType.TEXT: "text",
    ValueType.INTEGER: "bigint",
    ValueType.NUMBER: "double precision",
    ValueType.MONEY: "numeric",
    ValueType.BOOLEAN: "boolean",
    ValueType.DATE: "date",
    ValueType.TIME: "timestamp with time zone",
    ValueType.JSON: "jsonb",
}
"""PostgreSQL's types, as its catalog spells them."""

MirrorTypes = Mapping[str, Mapping[str, str]]
"""Mirror table → column → its type, as the catalog has it."""

RECORD = "record"


class Values:
    """Composes the values of one mapping's columns."""

    def __init__(self, manifest: Manifest, mapping: CanonicalMapping, types: MirrorTypes) -> None:
        self._manifest = manifest
        self._mapping = mapping
        self._types = types

    def merged(self, column: CanonicalColumn) -> Reference | None:
        """The column's expression, if it is a reference that may lead to a record that was merged away."""
        expression = column.expression
        if isinstance(expression, Reference) and self._mapping.entities[expression.to].merges:
            return expression
        return None

    def id(self, entity: CanonicalEntity, external_id: sql.Composable) -> sql.Composed:
        """The canonical id of the entity's record with that id at the source, in the organization of `record`."""
        return sql.SQL("canonical.record_id({}, record.org_id, {}, {})").format(
            sql.Literal(entity.name), sql.Literal(id_space(self._manifest.adapter, entity)), external_id
        )

    def table(self, name: EntityName) -> sql.Identifier:
        """An entity's mirror table."""
        return table(self._manifest, self._manifest.entities[name])

    def table_name(self, name: EntityName) -> str:
        return table_name(self._manifest.entities[name])

    def value(self, entity: CanonicalEntity, column: CanonicalColumn) -> sql.Composable:
        """What one column of the entity's view shows."""
        reference = self.merged(column)
        if reference is None:
            return self._expression(entity, column.expression, column.type)
        survivor = record_column("survivor_id", survivor_alias(column))
        own = self.source(entity, reference.source, ValueType.TEXT)
        return self.id(self._mapping.entities[reference.to], coalesced([survivor, own]))

    def _expression(self, entity: CanonicalEntity, expression: Expression, kind: ValueType) -> sql.Composable:
        def value(source: ColumnSource, kind: ValueType = kind) -> sql.Composable:
            return self.source(entity, source, kind)

        match expression:
            case Plain(source=source):
                return value(source)
            case Lowered(source=source):
                return _lowered(value(source))
            case Joined(sources=sources, separator=separator):
                return _joined(map(value, sources), separator)
            case First(sources=sources):
                return coalesced(map(value, sources))
            case Choice(source=source, values=values):
                return _chosen(_lowered(value(source)), values)
            case Amount(source=source, currency=currency):
                return sql.SQL("canonical.amount({}, {})").format(
                    value(source, ValueType.INTEGER), value(currency, ValueType.TEXT)
                )
            case PhoneE164(source=source, number=number, country=country):
                return sql.SQL("canonical.e164({})").format(listed(map(value, (source, number, country))))
            case Reference(source=source, to=to):
                return self.id(self._mapping.entities[to], value(source))

    def source(self, entity: CanonicalEntity, source: ColumnSource, kind: ValueType) -> sql.Composable:
        """The column, with the type the model promises."""
        of = entity.source if source.join is None else entity.joins[source.join].entity
        column = record_column(source.column, RECORD if source.join is None else join_alias(source.join))
        wanted = TYPES[kind]
        return shown(column, self._types.get(self.table_name(of), {}).get(source.column, wanted), wanted)


def join_alias(join: str) -> str:
    return f"joined_{join}"


def survivor_alias(column: CanonicalColumn) -> str:
    return f"survivor_{column.name}"


def record_column(name: str, alias: str = RECORD) -> sql.Identifier:
    return sql.Identifier(alias, name)


def _lowered(value: sql.Composable) -> sql.Composed:
    return sql.SQL("NULLIF(lower(btrim({})), '')").format(value)


def _joined(values: Iterable[sql.Composable], separator: str) -> sql.Composed:
    parts = listed(sql.SQL("NULLIF(btrim({}), '')").format(value) for value in values)
    return sql.SQL("NULLIF(concat_ws({}, {}), '')").format(sql.Literal(separator), parts)


def coalesced(values: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("COALESCE({})").format(listed(values))


def _chosen(lowered: sql.Composed, values: Mapping[str, Collection[str]]) -> sql.Composed:
    whens = [
        sql.SQL(" WHEN {} THEN {}").format(sql.Literal(spelling.lower()), sql.Literal(word))
        for word, spellings in values.items()
        for spelling in spellings
    ]
    if not whens:
        return lowered
    return sql.SQL("CASE {value}{whens} ELSE {value} END").format(value=lowered, whens=sql.Composed(whens))


def listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
