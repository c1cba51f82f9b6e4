"""Whether records are plain: whether all that they say fits the columns made for it, and nothing is left over.

Nearly all are. A decoder that is made of the manifest tells it for 0.8 µs a record, throwing away what it decodes; to
look at each value in the statement costs PostgreSQL 2.5 µs. So a page of plain records is stored by a statement that
does not look, and any other page by one that does (`writing`). To be not plain is no fault: it may be an attribute that
the manifest does not know. Both store the same, where a page is plain: whatever the decoder accepts, PostgreSQL's own
functions accept, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from types import NoneType
from typing import Any

import msgspec

from openfaith.manifest import AttributeType, Column, Entity, columns

_NOTHING = msgspec.Raw(b"")
_OPTIONS: dict[str, Any] = {"kw_only": True, "gc": False}

_LOOKED_AT: dict[AttributeType | None, object] = {
    AttributeType.BOOLEAN: bool | None,
    AttributeType.DATE: date | None,
    AttributeType.DATE_TIME: datetime | None,
}
"""As what a value of this type is decoded. All others are skipped: PostgreSQL refuses by itself what it cannot cast."""


class _Identifier(msgspec.Struct, **_OPTIONS):
    id: str


class _ToOne(msgspec.Struct, **_OPTIONS):
    data: _Identifier | None = None


class _ToMany(msgspec.Struct, **_OPTIONS):
    data: list[msgspec.Raw] | None = None


class PlainRecords:
    """Knows the plain records of one entity."""

    def __init__(self, entity: Entity, includes: Sequence[str] = (), *, rides: bool = False) -> None:
        """Make the decoder.

        Args:
            includes: what is asked to come along with them, and may be named among their relationships.
            rides: whether they come along themselves. Then a plain one has every attribute that is always sent: it is no
                thin copy of what is stored.
        """
        own = columns(entity)
        optional = {
            name for name, attribute in entity.attributes.items() if attribute.only_when_asked or not rides
        }
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
            ("attributes", _attributes(own, optional)),
            ("relationships", _relationships(entity, own, includes), None),
        ]
        record = msgspec.defstruct("PlainRecord", fields, **_OPTIONS)
        self._decode = msgspec.json.Decoder(record).decode

    def has_all(self, records: Iterable[bytes]) -> bool:
        """Whether all of these are plain."""
        try:
            for _ in map(self._decode, records):
                pass
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return True


def _attributes(own: Iterable[Column], optional: set[str]) -> object:
    """Of known attributes only; a column that is filled by none is not among them."""
    members: dict[str, tuple[object, ...]] = {}
    for column in own:
        if column.kind == "attribute":
            default = (_NOTHING,) if column.source in optional else ()
            members[column.source] = (_LOOKED_AT.get(column.type, msgspec.Raw), *default)
    return _struct("PlainAttributes", members)


def _relationships(entity: Entity, own: Iterable[Column], includes: Sequence[str]) -> object:
    """Of known relationships, and those of what comes along, which must not look like one that points to one record."""
    held = {column.source for column in own if column.kind == "relationship_id"}
    members: dict[str, tuple[object, ...]] = dict.fromkeys(includes, (_ToMany | None, None))
    members |= {
        name: (_ToOne | None, None) if name in held else (msgspec.Raw, _NOTHING)
        for name in entity.relationships
    }
    return _struct("PlainRelationships", members) | None


def _struct(name: str, members: Mapping[str, tuple[object, ...]]) -> type:
    """A struct of these members and no others. Its fields have names of their own, since any name may be a member's.

    No decoder can have names that JSON writes with an escape. Where there is such a one, nothing is plain but null.
    """
    if any(json.dumps(member, ensure_ascii=False) != f'"{member}"' for member in members):
        return NoneType
    fields = [f"member_{number}" for number in range(len(members))]
    return msgspec.defstruct(
        name,
        [(field, *described) for field, described in zip(fields, members.values(), strict=True)],  # type: ignore[misc]
        rename=dict(zip(fields, members, strict=True)),
        forbid_unknown_fields=True,
        **_OPTIONS,
    )
