"""Records on their way to PostgreSQL as they came: nothing of them is decoded here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper

_BIGGEST_COUNT = 2**63 - 1

_HEAD = struct.Struct("!iiI").pack
"""How many dimensions, whether there are nulls, the type of the elements."""
_DIMENSION = struct.Struct("!ii").pack
"""How many elements, and the number of the first."""
_ELEMENT = struct.Struct("!iB").pack
"""How many bytes follow; the first of them is the version of jsonb's binary form."""
_NO_NULLS = 0
_JSONB_VERSION = 1


@dataclass(frozen=True, slots=True)
class RawRecords:
    """Records as they came, to be sent as one JSON array."""

    bodies: Sequence[bytes]

    def parameters(self, suffix: str = "") -> dict[str, object]:
        """What a statement that reads them carefully is given."""
        return {f"records{suffix}": self}


class _RawRecordsDumper(Dumper):
    """Sends records as binary jsonb: the server parses them, once, and sees every byte of them."""

    format = pq.Format.BINARY
    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: RawRecords) -> bytes:
        return b"\x01[" + b",".join(obj.bodies) + b"]"


psycopg.adapters.register_dumper(RawRecords, _RawRecordsDumper)


@dataclass(frozen=True, slots=True)
class RawDocuments:
    """JSON texts, to be sent as an array of jsonb."""

    bodies: Sequence[bytes]


class _RawDocumentsDumper(Dumper):
    """Sends documents as a binary array of jsonb, which the server parses one by one."""

    format = pq.Format.BINARY
    oid = psycopg.adapters.types["jsonb"].array_oid

    def dump(self, obj: RawDocuments) -> bytes:
        head = (_NO_NULLS, psycopg.adapters.types["jsonb"].oid)
        if not obj.bodies:
            return _HEAD(0, *head)
        parts = [_HEAD(1, *head), _DIMENSION(len(obj.bodies), 1)]
        for body in obj.bodies:
            parts += (_ELEMENT(len(body) + 1, _JSONB_VERSION), body)
        return b"".join(parts)


psycopg.adapters.register_dumper(RawDocuments, _RawDocumentsDumper)


def storable_count(count: int | None) -> int | None:
    """For display only: a count that no column holds is no reason to refuse the page."""
    return count if count is not None and count <= _BIGGEST_COUNT else None
