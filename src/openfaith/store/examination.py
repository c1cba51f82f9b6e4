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

import psycopg
from psycopg.rows import class_row

from openfaith.manifest import Entity, columns
from openfaith.store.mirror import column_type
from openfaith.store.queries import query
from openfaith.store.upserts import is_versioned

_LONGEST_KEY = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A record that cannot be stored."""

    record_key: str
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
    letters: tuple[DeadLetter, ...]

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
                    DeadLetter(
                        record_key=record_key(self.records[key].original),
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
            DeadLetter(record_key=record_key(bodies[v.place]), reason=v.reason, body=bodies[v.place])
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
