"""Who the records of a refused page are.

A listing proves what is gone by what it shows. For that a record need not be one that can be stored, only one that is
known; and most that cannot are: a name holds U+0000, a number is too large. So of such a record its id and its stamp
are listed, and nothing else of it is looked at. There are three cases:

    listable     a row of ours can have its id
    unstorable   no table can hold its id, so no row that a listing misses can be this record
    unknown      it has no id, or none that is plainly one: it could be anybody, and such a listing proves nothing

Nothing here decides what PostgreSQL would take: what may be doubted is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from openfaith.manifest import Entity
from openfaith.texts import storable_text

_LONGEST_ID = 2000
"""Bytes, as in `ids_of_page`. A longer one may yet fit the key of a table, if it can be compressed."""

_LONGEST_NUMBER = 200
"""Digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """The records of a page, told apart by whether one knows who they are."""

    listable: list[bytes] = field(default_factory=list)
    """Of each what a listing needs: type, id and stamp."""
    unstorable: list[bytes] = field(default_factory=list)
    """As they came: what no program can ever store, as there is no id in it that a table could hold."""
    unknown: int = 0
    """How many could be anybody, also of those in `unstorable`."""


class _Name(Enum):
    """What is the matter with an id that cannot be listed."""

    NONE = auto()
    UNSTORABLE = auto()
    STRANGE = auto()
    """Another program may take it for one."""


class _Number(str):
    """A number of JSON as it stands there. Some have more digits than Python reads."""

    __slots__ = ()


_TOO_DEEP = 0.0
"""In place of the id of a record that is nested more deeply than Python reads: nobody knows it."""

_READER = json.JSONDecoder(parse_int=_Number, parse_float=lambda _: 0.0, parse_constant=lambda _: None)


def tell_apart(entity: Entity, bodies: Sequence[bytes]) -> Named:
    """Tell the records of a page apart by who they are."""
    listable, unstorable, unknown = [], [], 0
    for body in bodies:
        record = _read(body)
        name = _name(record)
        is_own = record.get("type") == entity.type
        if isinstance(name, str) and is_own:
            listable.append(_shortened(entity, name, record.get("attributes")))
        elif name is not _Name.UNSTORABLE or not is_own:
            unknown += 1
        if name in {_Name.UNSTORABLE, _Name.NONE}:
            unstorable.append(body)
    return Named(listable=listable, unstorable=unstorable, unknown=unknown)


def _read(body: bytes) -> dict[str, object]:
    """The record; empty where it is none. Bytes that are not UTF-8 become what cannot be stored either."""
    try:
        record = _READER.decode(body.decode("utf-8", "surrogateescape"))
    except ValueError:
        return {}
    except RecursionError:
        return {"id": _TOO_DEEP}
    return record if isinstance(record, dict) else {}


def _name(record: dict[str, object]) -> str | _Name:
    """The id as PostgreSQL would have it, by the rules of `openfaith.is_id`."""
    found = record.get("id")
    if isinstance(found, _Number):
        return str(int(found)) if len(found) <= _LONGEST_NUMBER else _Name.STRANGE
    if isinstance(found, float):
        return _Name.STRANGE
    if not isinstance(found, str) or found in {"", "true", "false"} or found[0] in "[{":
        return _Name.NONE
    if storable_text(found) != found:
        return _Name.UNSTORABLE
    return found if len(found.encode()) <= _LONGEST_ID else _Name.STRANGE


def _shortened(entity: Entity, name: str, attributes: object) -> bytes:
    stamp = attributes.get("updated_at") if isinstance(attributes, dict) else None
    plain = isinstance(stamp, str) and not isinstance(stamp, _Number) and storable_text(stamp) == stamp
    stamps = {"updated_at": stamp} if plain else {}
    return json.dumps({"type": entity.type, "id": name, "attributes": stamps}).encode()
