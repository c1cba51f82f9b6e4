"""One column of a mapping file, read member by member and checked against what its mirror tables hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from openfaith.manifest.canonical import (
    OWN_COLUMNS,
    Amount,
    CanonicalColumn,
    Choice,
    ColumnSource,
    Expression,
    First,
    Joined,
    Lowered,
    PhoneE164,
    Plain,
    Reference,
    ValueType,
    same_entities,
)
from openfaith.manifest.entity import AttributeType, Entity, Manifest
from openfaith.manifest.naming import Column, columns
from openfaith.manifest.problems import Place
from openfaith.records import EntityName

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
NAME_EXPECTED = "small letters, digits and _, beginning with a letter, at most 41 in all"

VALUE_TYPES: Mapping[AttributeType | None, ValueType] = {
    AttributeType.STRING: ValueType.TEXT,
    AttributeType.INTEGER: ValueType.INTEGER,
    AttributeType.FLOAT: ValueType.NUMBER,
    AttributeType.BOOLEAN: ValueType.BOOLEAN,
    AttributeType.DATE: ValueType.DATE,
    AttributeType.DATE_TIME: ValueType.TIME,
    AttributeType.JSON: ValueType.JSON,
    AttributeType.ARRAY: ValueType.JSON,
    None: ValueType.TEXT,
}
"""What the mirror's columns hold, in the canonical model's words. Ids of other records are text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MirrorColumn:
    """A mirror column, as a mapping sees it."""

    type: ValueType
    target: EntityName | None
    """Whose ids it holds, as far as the manifest says so."""


def mirror_columns(entity: Entity) -> dict[str, MirrorColumn]:
    """The columns that a mapping may name, the record's own id included."""
    found = {"id": MirrorColumn(type=ValueType.TEXT, target=entity.name)}
    for column in columns(entity):
        found[column.name] = MirrorColumn(type=VALUE_TYPES[column.type], target=_target(entity, column))
    return found


def _target(entity: Entity, column: Column) -> EntityName | None:
    if column.kind == "relationship_id":
        return entity.relationships[column.source].to
    below = entity.below
    if below is None or column.kind != "parent_id":
        return None
    own = {i.name for i in below.ids if i.column == "id"}
    return below.parent if column.source in own else None


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """Reads one column of an entity. A faulty one is left out: its problems are noted, and the reading fails."""

    place: Place
    tables: Mapping[str | None, Mapping[str, MirrorColumn]]
    """What can be named: under None the entity's own columns, else those of a join."""
    manifest: Manifest
    sources: Mapping[str, str]
    """The source of every canonical entity."""

    def column(self, name: str, value: object) -> CanonicalColumn | None:
        before = len(self.place.problems)
        if not NAME.fullmatch(name) or name in OWN_COLUMNS:
            self.place.wrong(f"the name {name!r}", f"{NAME_EXPECTED}, and none of {', '.join(OWN_COLUMNS)}")
        kind = self.place.mapping(value).get("kind", "")
        if not isinstance(kind, str) or kind not in KINDS:
            (self.place / "kind").known((self.place / "kind").text(kind), KINDS, "the kind")
            return None
        members = self.place.members(value, required=("kind", "meaning", *KINDS[kind].members), optional=())
        meaning = read_meaning(self.place, members)
        if len(self.place.problems) > before:
            return None
        value_type, expression = KINDS[kind].read(self, members)
        if name.endswith("_id") != isinstance(expression, Reference):
            self.place.wrong(
                f"the kind {kind!r} in a column of this name", "`_id` at the end of references only"
            )
        return CanonicalColumn(name=name, type=value_type, meaning=meaning, expression=expression)

    def plain(self, members: _Members) -> _Read:
        kind = self._type(members)
        return kind, Plain(source=self._source("from", members["from"], kind))

    def lowered(self, members: _Members) -> _Read:
        return ValueType.TEXT, Lowered(source=self._source("from", members["from"], ValueType.TEXT))

    def joined(self, members: _Members) -> _Read:
        separator = (self.place / "separator").text(members["separator"])
        return ValueType.TEXT, Joined(sources=self._sources(members, ValueType.TEXT), separator=separator)

    def first(self, members: _Members) -> _Read:
        kind = self._type(members)
        return kind, First(sources=self._sources(members, kind))

    def choice(self, members: _Members) -> _Read:
        place = self.place / "values"
        values = {word: (place / word).names(v) for word, v in place.mapping(members["values"]).items()}
        spellings = Counter(s.casefold() for word, others in values.items() for s in (word, *others))
        for spelling in (spelling for spelling, times in spellings.items() if times > 1):
            place.wrong(f"{spelling!r} more than once", "one word for each spelling")
        source = self._source("from", members["from"], ValueType.TEXT)
        return ValueType.TEXT, Choice(source=source, values=values)

    def amount(self, members: _Members) -> _Read:
        return ValueType.MONEY, Amount(
            source=self._source("from", members["from"], ValueType.INTEGER),
            currency=self._source("currency", members["currency"], ValueType.TEXT),
        )

    def e164(self, members: _Members) -> _Read:
        return ValueType.TEXT, PhoneE164(
            source=self._source("from", members["from"], ValueType.TEXT),
            number=self._source("number", members["number"], ValueType.TEXT),
            country=self._source("country", members["country"], ValueType.TEXT),
        )

    def reference(self, members: _Members) -> _Read:
        source = self._source("from", members["from"], ValueType.TEXT)
        to = (self.place / "to").text(members["to"])
        if (self.place / "to").known(to, self.sources, "no canonical entity"):
            self._check_target(source, to)
        return ValueType.TEXT, Reference(source=source, to=to)

    def _check_target(self, source: ColumnSource, to: str) -> None:
        """The ids in the column must be those of the canonical entity's records."""
        found = self.tables.get(source.join, {}).get(source.column)
        same = tuple(same_entities(self.manifest, EntityName(self.sources[to])))
        if found is not None and found.target is not None and found.target not in same:
            (self.place / "to").wrong(
                f"{to}, whose records are those of {' and '.join(same)}",
                f"the canonical entity of {found.target}, to which {source} leads",
            )

    def _type(self, members: _Members) -> ValueType:
        place = self.place / "type"
        name = place.text(members["type"])
        place.known(name, tuple(ValueType), "the type")
        return ValueType(name) if name in tuple(ValueType) else ValueType.TEXT

    def _sources(self, members: _Members, kind: ValueType) -> tuple[ColumnSource, ...]:
        rows = (self.place / "from").rows(members["from"])
        sources = tuple(self._source(f"from.{number}", value, kind) for number, (_, value) in enumerate(rows))
        if len(sources) == 1:
            (self.place / "from").wrong("one column", "at least two")
        return sources

    def _source(self, member: str, value: object, kind: ValueType) -> ColumnSource:
        """The column of that name, `column` or `join.column`, which must hold values of that kind."""
        place = self.place / member
        join, dot, column = place.text(value).rpartition(".")
        source = ColumnSource(column=column, join=join if dot else None)
        if dot and not place.known(join, [name for name in self.tables if name], "no join"):
            return source
        table = self.tables[source.join]
        if table and place.known(column, table, "no column") and table[column].type is not kind:
            place.wrong(f"{source}, which holds {table[column].type}", f"a column that holds {kind}")
        return source


_Members = Mapping[str, object]
_Read = tuple[ValueType, Expression]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of expression."""

    members: tuple[str, ...]
    """Beside `kind` and `meaning`; all of them required."""
    read: Callable[[ColumnReader, _Members], _Read]


KINDS: Mapping[str, _Kind] = {
    "column": _Kind(("from", "type"), ColumnReader.plain),
    "lower": _Kind(("from",), ColumnReader.lowered),
    "concat": _Kind(("from", "separator"), ColumnReader.joined),
    "first": _Kind(("from", "type"), ColumnReader.first),
    "enum": _Kind(("from", "values"), ColumnReader.choice),
    "money": _Kind(("from", "currency"), ColumnReader.amount),
    "e164": _Kind(("from", "number", "country"), ColumnReader.e164),
    "reference": _Kind(("from", "to"), ColumnReader.reference),
}
"""The whole vocabulary."""


def read_meaning(place: Place, members: Mapping[str, object]) -> str:
    if "meaning" not in members:
        return ""
    meaning = (place / "meaning").text(members["meaning"]).strip()
    if not meaning or "\n" in meaning:
        (place / "meaning").wrong(repr(meaning), "one line that says what it means")
    return meaning
