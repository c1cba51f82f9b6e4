"""The canonical views, composed from a mapping. Pure: nothing here asks the database.

    _<entity>_survivor  for entities that the source merges: who took the place of a record that was merged away, to
                        the end of the chain
    <entity>            the living records of one entity, one row each
    external_link       every record that was ever seen, whatever became of it, and which canonical record it stands for
    edge                every reference, from record to record

A view that is there already can only be replaced by one that begins with the same columns of the same types. So each
view knows its columns, and `outdated` says which ones must be dropped first, dependents before what they need. `edge`
rests on every entity and hardly ever changes its columns: it need not go with them if it is `emptied` before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

from psycopg import sql

from openfaith.manifest import (
    CanonicalEntity,
    CanonicalMapping,
    ColumnSource,
    Manifest,
    ValueType,
    linked_entities,
    table_name,
)
from openfaith.manifest.canonical import OWN_COLUMNS
from openfaith.records import EntityName
from openfaith.store.canonical_values import (
    TYPES,
    MirrorTypes,
    Values,
    coalesced,
    join_alias,
    listed,
    record_column,
    survivor_alias,
)
from openfaith.store.mirror import table

SCHEMA = "canonical"

EXTERNAL_LINK = (
    ("org_id", "text", "The organization."),
    ("canonical_id", "text", "The id of the canonical record that this one stands for: after a merge, the survivor's."),
    ("canonical_entity", "text", "The canonical entity, as person."),
    ("adapter", "text", "The adapter through which the record came, as pco."),
    ("entity", "text", "The entity at the source, as giving.Person."),
    ("external_id", "text", "The record's id at the source."),
    ("own_id", "text", "The canonical id that follows from this record's own id: another one than canonical_id after a merge."),
    ("is_merged", "boolean", "Whether another record took its place."),
    ("deleted_at", "timestamp with time zone", "Since when it is gone at the source; null while it lives."),
)  # fmt: skip
"""The columns of the view `external_link`: name, type, meaning."""

EDGE = (
    ("org_id", "text", "The organization."),
    ("from_id", "text", "The canonical id of the record that refers."),
    ("to_id", "text", "The canonical id of the record that is referred to."),
    ("kind", "text", "Which reference it is, as donation.person."),
    ("from_entity", "text", "The canonical entity of the record that refers."),
    ("to_entity", "text", "The canonical entity of the record that is referred to."),
)
"""The columns of the view `edge`, likewise."""

OWN_VIEW_COMMENTS = {
    "external_link": "Which record of which source stands for which canonical record; the deleted and the merged too.",
    "edge": "Every reference between canonical records, as (from_id, to_id, kind).",
}

Columns = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One view, as it should be."""

    name: str
    comment: str
    columns: Columns
    """Name, type, comment."""
    body: sql.Composed

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(SCHEMA, self.name)

    def statements(self) -> Iterator[sql.Composed]:
        """What makes it, or replaces one that it `can_replace`."""
        names = sql.SQL(", ").join(sql.Identifier(name) for name, _, _ in self.columns)
        yield sql.SQL("CREATE OR REPLACE VIEW {} ({}) AS {}").format(self.identifier, names, self.body)
        yield sql.SQL("COMMENT ON VIEW {} IS {}").format(self.identifier, sql.Literal(self.comment))
        for name, _, comment in self.columns:
            yield sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                self.identifier, sql.Identifier(name), sql.Literal(comment)
            )

    def emptied(self) -> sql.Composed:
        """What replaces it by a view of the same columns that rests on nothing."""
        names = sql.SQL(", ").join(sql.Identifier(name) for name, _, _ in self.columns)
        nulls = sql.SQL(", ").join(sql.SQL("NULL::{}").format(sql.SQL(kind)) for _, kind, _ in self.columns)
        return sql.SQL("CREATE OR REPLACE VIEW {} ({}) AS SELECT {} WHERE false").format(
            self.identifier, names, nulls
        )

    def can_replace(self, present: Sequence[tuple[str, str]]) -> bool:
        """Whether PostgreSQL lets it take the place of a view with these columns (name, type): it may only add some."""
        return [(name, kind) for name, kind, _ in self.columns][: len(present)] == list(present)


def canonical_views(
    manifest: Manifest,
    mapping: CanonicalMapping,
    types: MirrorTypes,
    *,
    kept: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> tuple[View, ...]:
    """All views of a mapping, each after those it needs.

    Args:
        types: of the mirror tables' columns as they are. Where one differs from the manifest's, its values are shown
            in the manifest's type (`canonical_conversions`).
        kept: views that keep an older form, and which columns for ids they have. A reference that they lack is none.
    """
    composer = _Composer(manifest, mapping, types, kept)
    survivors = [composer.survivors(entity) for entity in mapping.entities.values() if entity.merges]
    entities = [composer.entity(entity) for entity in mapping.entities.values()]
    return (*survivors, *entities, composer.external_link(), composer.edge())


def outdated(
    views: Sequence[View], former: Sequence[str], present: Mapping[str, Sequence[tuple[str, str]]]
) -> tuple[str, ...]:
    """Which of the views that are there must be dropped before these can be made; dependents first.

    Args:
        views: as they should be.
        former: the names of those that were installed last, in the order in which they were made.
        present: the columns (name, type) of every view that is there.
    """
    ours = dict.fromkeys(chain(former, (view.name for view in views)))
    gone = {name for name in former if name in present} - {view.name for view in views}
    gone |= {view.name for view in views if view.name in present and not view.can_replace(present[view.name])}
    if any(map(is_survivor_view, gone)):
        gone = set(ours)  # they may all rest on it
    return tuple(name for name in reversed(ours) if name in gone and name in present)


def survivor_view(entity: str) -> str:
    """The name of the view that says who took the place of a merged record."""
    return f"_{entity}_survivor"


def is_survivor_view(name: str) -> bool:
    """Whether it is a view of that kind: no entity's name begins so."""
    return name.startswith("_")


def merge_indexes(manifest: Manifest, mapping: CanonicalMapping) -> Iterator[sql.Composed]:
    """What lets the merged records be found without reading all others: an index that has only them in it."""
    for entity in mapping.entities.values():
        if entity.merges:
            source = manifest.entities[entity.source]
            yield sql.SQL(
                "CREATE INDEX IF NOT EXISTS {} ON {} (org_id, id) WHERE _merged_into IS NOT NULL"
            ).format(sql.Identifier(f"{table_name(source)}_merged"), table(manifest, source))


_SURVIVORS = """
WITH RECURSIVE merged AS (
    SELECT org_id, id, _merged_into AS survivor FROM {table} WHERE _merged_into IS NOT NULL
), chain AS (
    SELECT org_id, id, survivor FROM merged
    UNION
    SELECT chain.org_id, chain.id, merged.survivor
    FROM chain JOIN merged ON merged.org_id = chain.org_id AND merged.id = chain.survivor
)
SELECT org_id, id, survivor FROM chain
WHERE NOT EXISTS (SELECT FROM merged WHERE merged.org_id = chain.org_id AND merged.id = chain.survivor)
"""
"""UNION drops what is known already, so that a circle ends. Nobody survives one: its records stay what they are."""

_LINK = """
SELECT record.org_id, {canonical_id}, {canonical_entity}::text, {adapter}::text, {entity}::text, record.id, {own_id},
       {is_merged}, {deleted_at}
FROM {table} AS record{joins}
"""

_EDGE = """
SELECT org_id, id, {column}, {kind}::text, {from_entity}::text, {to_entity}::text FROM {view} WHERE {column} IS NOT NULL
"""

_NO_EDGE = sql.SQL(
    "SELECT NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text WHERE false"
)
"""What is left where nothing refers to anything; the planner drops it."""

_UNION = sql.SQL(" UNION ALL ")


class _Composer:
    """Composes the views of one mapping."""

    def __init__(
        self,
        manifest: Manifest,
        mapping: CanonicalMapping,
        types: MirrorTypes,
        kept: Mapping[str, Collection[str]],
    ) -> None:
        self._manifest = manifest
        self._mapping = mapping
        self._values = Values(manifest, mapping, types)
        self._kept = kept

    # The views

    def survivors(self, entity: CanonicalEntity) -> View:
        return View(
            name=survivor_view(entity.name),
            comment=f"openfaith's own: which {entity.name} took the place of one that was merged away.",
            columns=(
                ("org_id", "text", "The organization."),
                ("external_id", "text", "The merged record's id at the source."),
                ("survivor_id", "text", "The id of the record at the end of the chain."),
            ),
            body=sql.SQL(_SURVIVORS).format(table=self._values.table(entity.source)),
        )

    def entity(self, entity: CanonicalEntity) -> View:
        own = tuple((name, "text", meaning) for name, meaning in OWN_COLUMNS.items())
        declared = tuple((c.name, TYPES[c.type], c.meaning) for c in entity.columns.values())
        values = (
            self._values.id(entity, record_column("id")),
            record_column("org_id"),
            record_column("id"),
            *(self._values.value(entity, column) for column in entity.columns.values()),
        )
        return View(
            name=entity.name,
            comment=f"{entity.meaning} Source: {self._manifest.adapter}.{self._values.table_name(entity.source)}.",
            columns=own + declared,
            body=sql.SQL("SELECT {} FROM {} AS record{} WHERE {}").format(
                listed(values),
                self._values.table(entity.source),
                sql.Composed([*self._joins(entity), *self._survivor_joins(entity)]),
                _is_alive(entity),
            ),
        )

    def external_link(self) -> View:
        parts = [
            self._links(entity, name)
            for entity in self._mapping.entities.values()
            for name in linked_entities(self._manifest, entity)
        ]
        return View(
            name="external_link",
            comment=OWN_VIEW_COMMENTS["external_link"],
            columns=EXTERNAL_LINK,
            body=_UNION.join(parts),
        )

    def edge(self) -> View:
        parts = [
            sql.SQL(_EDGE).format(
                column=sql.Identifier(reference.column),
                kind=sql.Literal(reference.kind),
                from_entity=sql.Literal(reference.entity),
                to_entity=sql.Literal(reference.to),
                view=sql.Identifier(SCHEMA, reference.entity),
            )
            for reference in self._mapping.references
            if reference.column in self._kept.get(reference.entity, (reference.column,))
        ]
        return View(
            name="edge",
            comment=OWN_VIEW_COMMENTS["edge"],
            columns=EDGE,
            body=_UNION.join([*parts, _NO_EDGE]),
        )

    # Their parts

    def _links(self, entity: CanonicalEntity, name: EntityName) -> sql.Composed:
        own_id = self._values.id(entity, record_column("id"))
        survivor = record_column("survivor_id", "survivor")
        own_mark = entity.deleted_at if name == entity.source else None
        return sql.SQL(_LINK).format(
            canonical_id=self._values.id(entity, coalesced([survivor, record_column("id")]))
            if entity.merges
            else own_id,
            canonical_entity=sql.Literal(entity.name),
            adapter=sql.Literal(self._manifest.adapter),
            entity=sql.Literal(name),
            own_id=own_id,
            is_merged=sql.SQL("{} IS NOT NULL").format(survivor) if entity.merges else sql.SQL("false"),
            deleted_at=record_column("_deleted_at")
            if own_mark is None
            else coalesced([record_column("_deleted_at"), self._own(entity, own_mark, ValueType.TIME)]),
            table=self._values.table(name),
            joins=_survivor_join(entity.name, "survivor", record_column("id"))
            if entity.merges
            else sql.SQL(""),
        )

    def _joins(self, entity: CanonicalEntity) -> Iterator[sql.Composed]:
        for join in entity.joins.values():
            yield sql.SQL(" LEFT JOIN {table} AS {alias} ON {org} = record.org_id AND {id} = {by}").format(
                table=self._values.table(join.entity),
                alias=sql.Identifier(join_alias(join.name)),
                org=record_column("org_id", join_alias(join.name)),
                id=record_column("id", join_alias(join.name)),
                by=self._own(entity, join.by, ValueType.TEXT),
            )

    def _own(self, entity: CanonicalEntity, column: str, kind: ValueType) -> sql.Composable:
        """A column of the entity's own table, with the type that the manifest gives it."""
        return self._values.source(entity, ColumnSource(column=column), kind)

    def _survivor_joins(self, entity: CanonicalEntity) -> Iterator[sql.Composed]:
        for column in entity.columns.values():
            if (reference := self._values.merged(column)) is not None:
                source = self._values.source(entity, reference.source, ValueType.TEXT)
                yield _survivor_join(reference.to, survivor_alias(column), source)


def _is_alive(entity: CanonicalEntity) -> sql.Composed:
    marks = ["_deleted_at", "_merged_into", *([entity.deleted_at] if entity.deleted_at else [])]
    return sql.SQL(" AND ").join(sql.SQL("{} IS NULL").format(record_column(mark)) for mark in marks)


def _survivor_join(entity: str, alias: str, external_id: sql.Composable) -> sql.Composed:
    return sql.SQL(" LEFT JOIN {view} AS {alias} ON {org} = record.org_id AND {id} = {external_id}").format(
        view=sql.Identifier(SCHEMA, survivor_view(entity)),
        alias=sql.Identifier(alias),
        org=record_column("org_id", alias),
        id=record_column("external_id", alias),
        external_id=external_id,
    )
