"""Plain records: all that they say fits the columns made for it, and nothing is left over.

Nearly all are. For PostgreSQL it is dear to find that out, value by value, and to read what no column holds: links, and the
ids of what came along. So a decoder that is made of the manifest takes a page's records apart before they are sent, and
proves the attributes, throwing away what it decodes of them. Plain records are sent column by column: ids, attributes as
they came, and the ends of relationships; the statement that stores them looks at no value (`readings`). Any other page is
sent as it came, to a statement that looks. To be not plain is no fault: it may be an attribute that the manifest does not
know. Both store the same, where a page is plain: whatever is accepted here, PostgreSQL's own functions accept, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, columns
from openfaith.store.composing import identifier, joined
from openfaith.store.raw_records import RawDocuments

_NOTHING = msgspec.Raw(b"")
_OPTIONS: dict[str, Any] = {"kw_only": True, "gc": False, "forbid_unknown_fields": True}

_LOOKED_AT: dict[AttributeType | None, object] = {
    AttributeType.BOOLEAN: bool | None,
    AttributeType.DATE: date | None,
    AttributeType.DATE_TIME: datetime | None,
}
"""As what a value of this type is decoded. All others are skipped: PostgreSQL refuses by itself what it cannot cast."""


class _Identifier(msgspec.Struct, **_OPTIONS):
    id: str
    type: str | None = None


class _Relationship(msgspec.Struct, **_OPTIONS):
    links: msgspec.Raw = _NOTHING
    meta: msgspec.Raw = _NOTHING


class _ToOne(_Relationship, **_OPTIONS):
    data: _Identifier | None = None


class _ToMany(_Relationship, **_OPTIONS):
    data: list[msgspec.Raw] | None = None


class _Unread(_Relationship, **_OPTIONS):
    """One that no column holds."""

    data: list[_Identifier] | _Identifier | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainRows:
    """Plain records, column by column. The texts are arrays as PostgreSQL writes them."""

    ids: str
    attributes: RawDocuments
    ends: tuple[str, ...]
    """For each column that is the end of a relationship."""

    def parameters(self, suffix: str) -> dict[str, object]:
        """What stands for the parameters of `plain_source`."""
        ends = {f"end_{number}{suffix}": texts for number, texts in enumerate(self.ends)}
        return {f"ids{suffix}": self.ids, f"attributes{suffix}": self.attributes, **ends}


def plain_source(entity: Entity, suffix: str = "") -> sql.Composed:
    """Plain records as rows: `id`, `attributes`, and the columns that are ends of relationships, under their names."""
    ends = ends_of_relationships(columns(entity))
    arrays = [f"%(ids{suffix})s::text[]", f"%(attributes{suffix})b::jsonb[]"]
    arrays += [f"%(end_{number}{suffix})s::text[]" for number in range(len(ends))]
    return sql.SQL("unnest({}) AS record ({})").format(
        joined(map(sql.SQL, arrays)),
        joined([sql.SQL("id"), sql.SQL("attributes"), *(identifier(column.name) for column in ends)]),
    )


def ends_of_relationships(own: Iterable[Column]) -> list[Column]:
    """The columns that say where a record points."""
    return [column for column in own if column.kind in {"relationship_id", "relationship_type"}]


class PlainRecords:
    """Knows the plain records of one entity."""

    def __init__(self, entity: Entity, includes: Sequence[str] = (), *, rides: bool = False) -> None:
        """Make the decoders.

        Args:
            includes: what is asked to come along with them, and may be named among their relationships.
            rides: whether they come along themselves. Then a plain one has every attribute that is always sent, and speaks
                of each relationship that a column holds: it is no thin copy of what is stored.
        """
        own = columns(entity)
        self._members = {name: f"member_{number}" for number, name in enumerate(entity.relationships)}
        self._ends = [
            (self._members[c.source], c.kind == "relationship_id") for c in ends_of_relationships(own)
        ]
        # No decoder can have names that JSON writes with an escape. Where there is such a one, no record is plain.
        names = (*entity.attributes, *entity.relationships, *includes)
        self._is_known = all(json.dumps(name, ensure_ascii=False) == f'"{name}"' for name in names)
        if not self._is_known:
            return
        related = self._relationships(includes, rides=rides)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
            ("type", Literal[entity.type]),
            ("id", str),
            ("attributes", msgspec.Raw),
            ("relationships", related) if rides and self._ends else ("relationships", related | None, None),
        ]
        record = msgspec.defstruct("PlainRecord", fields, kw_only=True, gc=False)
        proof = _attributes(entity, own, rides=rides)
        self._take_apart: Callable[[bytes], Any] = msgspec.json.Decoder(record).decode
        self._prove: Callable[[bytes], object] = msgspec.json.Decoder(proof).decode

    def _relationships(self, includes: Sequence[str], *, rides: bool) -> type:
        """Of known relationships, and those of what comes along, which must not look like one that points to one record."""
        held = {member for member, _ in self._ends}
        one = (_ToOne | None,) if rides else (_ToOne | None, None)
        members = {
            name: (field, *(one if field in held else (_Unread | None, None)))
            for name, field in self._members.items()
        }
        asked = {include: number for number, include in enumerate(includes) if include not in members}
        members |= {name: (f"include_{number}", _ToMany | None, None) for name, number in asked.items()}
        return _struct("PlainRelationships", members)

    def read(self, records: Sequence[bytes]) -> PlainRows | None:
        """These records column by column; None unless all are plain."""
        if not self._is_known or _hold_nul(records):
            return None
        try:
            found = [*map(self._take_apart, records)]
            attributes = [record.attributes for record in found]
            for _ in map(self._prove, attributes):
                pass
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        ids = _array([record.id for record in found])
        ends = [_array(_column(found, field, is_id=is_id)) for field, is_id in self._ends]
        told = [texts for texts in ends if texts is not None]
        if ids is None or len(told) < len(ends):
            return None
        return PlainRows(ids=ids, attributes=RawDocuments(attributes), ends=tuple(told))


def _hold_nul(records: Iterable[bytes]) -> bool:
    """Whether there may be U+0000 in any, which PostgreSQL keeps nowhere.

    What is not sent counts, too: a record ends the same beside any other.
    """
    escaping = [record for record in records if b"\\" in record]  # a single byte is looked for much faster
    return any(b"\\u0000" in record for record in escaping)


def _attributes(entity: Entity, own: Iterable[Column], *, rides: bool) -> type:
    """Of known attributes only; a column that is filled by none is not among them."""
    members: dict[str, tuple[Any, ...]] = {}
    for number, column in enumerate(column for column in own if column.kind == "attribute"):
        sent = rides and not entity.attributes[column.source].only_when_asked
        looked_at = _LOOKED_AT.get(column.type, msgspec.Raw)
        members[column.source] = (f"member_{number}", looked_at, *(() if sent else (_NOTHING,)))
    return _struct("PlainAttributes", members)


def _struct(name: str, members: Mapping[str, tuple[Any, ...]]) -> type:
    """A struct of these members and no others. Its fields have names of their own, since any name may be a member's."""
    names = {field: member for member, (field, *_) in members.items()}
    return msgspec.defstruct(name, members.values(), rename=names, **_OPTIONS)


def _column(found: Iterable[Any], field: str, *, is_id: bool) -> list[str | None]:
    """Where each record points by one relationship."""
    related = [record.relationships and getattr(record.relationships, field) for record in found]
    if is_id:
        return [one.data.id if one and one.data else None for one in related]
    return [one.data.type if one and one.data else None for one in related]


def _array(texts: Sequence[str | None]) -> str | None:
    """An array as PostgreSQL writes it; None where that takes an escape, or cannot be stored. No id has been seen so."""
    told = [text for text in texts if text is not None]
    whole = "".join(told)
    if '"' in whole or "\\" in whole or "\0" in whole:
        return None
    if len(told) == len(texts) > 0:
        return '{"' + '","'.join(told) + '"}'
    return "{" + ",".join(["NULL" if text is None else f'"{text}"' for text in texts]) + "}"
