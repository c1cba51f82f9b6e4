"""Records on their way to PostgreSQL as they came: nothing of them is decoded here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper

_BIGGEST_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RawRecords:
    """Records as they came, to be sent as one JSON array."""

    bodies: Sequence[bytes]


class _RawRecordsDumper(Dumper):
    """Sends records as binary jsonb: the server parses them, once, and sees every byte of them."""

    format = pq.Format.BINARY
    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: RawRecords) -> bytes:
        return b"\x01[" + b",".join(obj.bodies) + b"]"


psycopg.adapters.register_dumper(RawRecords, _RawRecordsDumper)


def storable_count(count: int | None) -> int | None:
    """For display only: a count that no column holds is no reason to refuse the page."""
    return count if count is not None and count <= _BIGGEST_COUNT else None
