"""Taking a refused page apart: what of it can be stored, and as what.

PostgreSQL judges, because it is PostgreSQL that would have to store: by the functions that the page statement asks,
so that a record ends the same, whatever else stands in its page. Nothing is decoded here. A number of 400 digits or
half of a surrogate pair means one thing to Python and another to PostgreSQL.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg.rows import class_row

from openfaith.manifest import Entity, columns
from openfaith.store.mirror import column_type
from openfaith.store.queries import query
from openfaith.store.writing import is_versioned

_LONGEST_KEY = 200


class Fault(StrEnum):
    """The class of a reason why a record cannot be stored."""

    JSON = "json"
    """It is no JSON. Nothing but another answer of the source helps."""
    SHAPE = "shape"
    """It is no record of its entity: without an id, of another type. Another manifest may see one in it."""
    VALUE = "value"
    """It holds what PostgreSQL cannot: the character U+0000, a number or a depth beyond all bounds."""
    REFUSED = "refused"
    """PostgreSQL refused it when it was tried."""
    PLACE = "place"
    """Nobody knows where it belongs: a replay found no such entity, or nothing of its parents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unstorable:
    """A record that cannot be stored."""

    record_key: str
    fault: Fault
    reason: str
    """One of a fixed few; never a value."""
    body: bytes
    """As it came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Storable:
    """A record that can be stored."""

    body: bytes
    """What goes to the page statement: as it came, or without its misfits."""
    original: bytes
    """As it came."""
    names: tuple[str, ...] = ()
    """The attributes and relationships that do not fit their columns."""
    misfits: str = ""
    """Their values, as JSON; empty where everything fits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A page that was taken apart."""

    records: dict[str, Storable]
    """By id, one copy of each: the newest, of equals the last."""
    letters: tuple[Unstorable, ...]

    @property
    def misfits(self) -> str | None:
        """What was taken out of the records, as the page statement wants it."""
        found = [f"{json.dumps(key)}:{r.misfits}" for key, r in self.records.items() if r.misfits]
        return "{" + ",".join(found) + "}" if found else None

    def count_misfits(self) -> dict[str, int]:
        """How many values of each attribute or relationship do not fit."""
        return dict(Counter(name for record in self.records.values() for name in record.names))

    def without(self, reasons: dict[str, str]) -> Examined:
        """The same page, with further records set aside: reason by id."""
        return Examined(
            records={key: record for key, record in self.records.items() if key not in reasons},
            letters=(
                *self.letters,
                *(
                    Unstorable(
                        record_key=record_key(self.records[key].original),
                        fault=Fault.REFUSED,
                        reason=reason,
                        body=self.records[key].original,
                    )
                    for key, reason in reasons.items()
                ),
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdict:
    """A row of the examination."""

    place: int
    """In the page, from 0."""
    reason: str | None
    """Why it cannot be stored; None where it can."""
    fault: str
    """Of the reason, where there is one."""
    id: str | None
    newest: bool | None
    names: list[str]
    misfits: str
    body: str
    """The record without its misfits."""


async def examine(connection: psycopg.AsyncConnection, entity: Entity, bodies: Sequence[bytes]) -> Examined:
    """Have a page's records judged, one by one. Writes nothing."""
    attributes = [c for c in columns(entity) if c.kind == "attribute"]
    cursor = connection.cursor(row_factory=class_row(_Verdict))
    await cursor.execute(
        query("pages", "examine"),
        {
            "bodies": list(bodies),
            "type": entity.type,
            "names": [c.source for c in attributes],
            "types": [column_type(c) for c in attributes],
            "to_one": [r.name for r in entity.to_one],
            "versioned": is_versioned(entity),
        },
    )
    return _sorted(bodies, await cursor.fetchall())


def _sorted(bodies: Sequence[bytes], verdicts: Sequence[_Verdict]) -> Examined:
    return Examined(
        records={v.id: _storable(v, bodies[v.place]) for v in verdicts if v.id is not None and v.newest},
        letters=tuple(
            Unstorable(
                record_key=record_key(bodies[v.place]),
                fault=Fault(v.fault),
                reason=v.reason,
                body=bodies[v.place],
            )
            for v in verdicts
            if v.reason is not None
        ),
    )


def _storable(verdict: _Verdict, original: bytes) -> Storable:
    if not verdict.names:
        return Storable(body=original, original=original)
    return Storable(
        body=verdict.body.encode(), original=original, names=tuple(verdict.names), misfits=verdict.misfits
    )


def refusal(exc: psycopg.Error) -> str:
    """The reason of what PostgreSQL refused when it was tried."""
    return f"PostgreSQL refuses it ({exc.sqlstate}: {type(exc).__name__})"


def record_key(body: bytes) -> str:
    """What identifies a record that cannot be stored: its id, where it has one that can be kept, else a digest."""
    try:
        found = json.loads(body)["id"]
        key = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
        key.encode()
    except (ValueError, TypeError, LookupError, RecursionError):
        key = ""
    if key and "\x00" not in key and len(key) <= _LONGEST_KEY:
        return key
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
