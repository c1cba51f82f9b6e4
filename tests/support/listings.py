"""A collection at a source, in memory: it filters, orders and pages like the API, changes between pages, and lies on demand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from openfaith.records import Page
from openfaith.source import Rows
from openfaith.strategies import PageRequest

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def at(seconds: int) -> datetime:
    """So many seconds after the beginning of the story."""
    return EPOCH + timedelta(seconds=seconds)


@dataclass
class Collection:
    """Records by id, each with the seconds of its `created_at` and `updated_at`."""

    records: dict[int, tuple[int, int]] = field(default_factory=dict)
    filters: bool = True
    """False: filters are ignored with 200."""
    orders: bool = True
    counts: bool = True
    links: bool = True
    says: frozenset[str] | None = None
    """`can_query_by` and `can_order_by`; None: it says nothing of them."""
    cap: int = 100
    spoil: Callable[[Page], Page] = lambda page: page

    @property
    def ids(self) -> set[str]:
        return {str(number) for number in self.records}

    def answer(self, request: PageRequest) -> Page:
        asked = request.parameters
        rows = sorted(self.records.items())
        if self.filters:
            rows = [row for row in rows if self._fits(row[1], asked)]
        if self.orders and "order" in asked:
            key, descending = asked["order"].lstrip("-"), asked["order"].startswith("-")
            rows.sort(key=lambda row: row[1][key == "updated_at"], reverse=descending)
        size = min(int(asked["per_page"]), self.cap)
        sent = rows[request.offset : request.offset + size]
        more = request.offset + size < len(rows)
        records = tuple(json.dumps(self._written(*row)).encode() for row in sent)
        return self.spoil(
            Page(
                records=records,
                rows=Rows(records),
                included={},
                total_count=len(rows) if self.counts else None,
                has_next=more and self.links,
                can_query_by=self.says,
                can_order_by=self.says,
                can_include=None,
                requested_at=EPOCH,
                size_bytes=0,
            )
        )

    @staticmethod
    def _written(number: int, times: tuple[int, int]) -> dict[str, object]:
        created, updated = (at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ") for seconds in times)
        return {
            "type": "Thing",
            "id": str(number),
            "attributes": {"created_at": created, "updated_at": updated},
        }

    @staticmethod
    def _fits(times: tuple[int, int], asked: dict[str, str]) -> bool:
        for place, key in enumerate(("created_at", "updated_at")):
            low, high = asked.get(f"where[{key}][gte]"), asked.get(f"where[{key}][lt]")
            if low is not None and at(times[place]) < datetime.fromisoformat(low):
                return False
            if high is not None and at(times[place]) >= datetime.fromisoformat(high):
                return False
        return True
