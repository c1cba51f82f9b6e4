"""The delta: what changed since a moment of the source's clock, in the cheapest way that the collection allows.

    keyset         filtered and ordered by `updated_at`: each page begins at the last stamp of the page before. No
                   offsets, so nothing shifts; only within a second that fills a page are there any.
    window         filtered only: the records since that moment, by offset.
    newest first   ordered only: from the newest back, until one is older.

What the source does not honour it says nothing of: an unknown filter or order is ignored with 200. So every answer is
held against what was asked, and where it does not fit, everything is read instead.

Whatever changes meanwhile gets a newer stamp than the moment this run began at, and is the next delta's: its mark is
that moment. A keyset that has come past it is through, however fast the source goes on changing. Pure; the state is a
stored format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any, Literal

from openfaith.records import Page
from openfaith.strategies.offsets import (
    OffsetState,
    PageRequest,
    advance,
    asked,
    begins_with_anchor,
    check,
    upcoming,
)

DeltaKind = Literal["keyset", "window", "newest_first"]

OVERLAP = timedelta(minutes=2)
"""Read again before the mark: reads after a write can lag by seconds (measured by others), and clocks differ."""

OLDEST_MARK = timedelta(days=30)
"""After so long everything is read: most has changed, and what was deleted has piled up."""

_EARLIEST = datetime.min.replace(tzinfo=UTC) + OVERLAP
"""No mark is earlier: there would be nothing before it to overlap with."""

_VERSION = 1
_KEY = "updated_at"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaState:
    """How far a delta has come. Stored as JSON with every page."""

    kind: DeltaKind
    since: datetime
    """From which stamp on records are wanted, the overlap included."""
    low: datetime
    """Of a keyset: from which stamp on the next page is asked."""
    watermark: datetime
    """The source's clock before the last completed run: how old what is stored may be."""
    until: datetime | None = None
    """Of a keyset: from which stamp on everything is the next delta's. None until the source has told the time."""
    known: tuple[str, ...] = ()
    """Of a keyset: ids of the records stamped `low` that were read with the page before."""
    inner: OffsetState = field(default_factory=OffsetState)
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """The stored form. Its version is raised when a member changes its meaning."""
        return {
            "delta": _VERSION,
            "kind": self.kind,
            "since": self.since.isoformat(),
            "low": self.low.isoformat(),
            "watermark": self.watermark.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "known": list(self.known),
            "inner": self.inner.to_json(),
            "done": self.done,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> DeltaState:
        return cls(
            kind=stored["kind"],
            since=datetime.fromisoformat(stored["since"]),
            low=datetime.fromisoformat(stored["low"]),
            watermark=datetime.fromisoformat(stored["watermark"]),
            until=None if (until := stored.get("until")) is None else datetime.fromisoformat(until),
            known=tuple(stored["known"]),
            inner=OffsetState.from_json(stored["inner"]),
            done=stored["done"],
        )


def is_delta(stored: dict[str, Any] | None) -> bool:
    """Whether a checkpoint is a delta's."""
    return stored is not None and stored.get("delta") == _VERSION


def begin_delta(kind: DeltaKind, watermark: datetime, newest: datetime | None = None) -> DeltaState:
    """The state of a delta that has asked nothing yet.

    Args:
        kind: how the collection can be asked.
        watermark: the source's clock before the last completed run.
        newest: the newest stamp of the records that are stored. The source's clock may be ahead of its stamps.
    """
    mark = max(min(watermark, newest or watermark), _EARLIEST)
    since = (mark - OVERLAP).astimezone(UTC).replace(microsecond=0)
    return DeltaState(kind=kind, since=since, low=since, watermark=watermark)


def upcoming_delta(state: DeltaState, page_size: int) -> Iterator[PageRequest]:
    """The next request, then those that will follow if every page comes full."""
    requests = upcoming(state.inner, page_size, _narrowed(state)) if not state.done else iter(())
    if state.kind == "keyset":
        # What the page after the next asks for, the next one tells.
        requests = iter(list(_first(requests)))
    yield from requests


def _first(requests: Iterator[PageRequest]) -> Iterator[PageRequest]:
    first = next(requests, None)
    if first is not None:
        yield first


def check_delta(request: PageRequest, state: DeltaState, page: Page) -> None:
    """Refuse a page that cannot be true.

    Raises:
        BrokenResponseError: ask again.
    """
    check(request, state.inner, page)


def unusable(state: DeltaState, page: Page) -> str | None:
    """Why a delta cannot go on by this page, so that everything is read instead; None where it can."""
    if page.dated_by_source and page.requested_at - state.watermark > OLDEST_MARK:
        return f"the last complete run is older than {OLDEST_MARK.days} days"
    seen = _dishonoured(state, page)
    return None if seen is None else f"the source did not do as it was asked: {seen}"


def _dishonoured(state: DeltaState, page: Page) -> str | None:
    if _must_filter(state) and page.can_query_by is not None and _KEY not in page.can_query_by:
        return f"it says that it does not filter by {_KEY}"
    if _must_order(state) and page.can_order_by is not None and _KEY not in page.can_order_by:
        return f"it says that it does not order by {_KEY}"
    stamps = [row.updated_at for row in page.rows]
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps):
        return f"a record without a readable {_KEY}"
    if _must_filter(state) and known and min(known) < state.low:
        return f"a record of {asked(min(known))}, older than was asked for"
    if _must_order(state) and not _is_ordered(known, descending=state.kind == "newest_first"):
        return f"records that are not ordered by {_KEY}"
    return None


def advance_delta(state: DeltaState, page: Page, page_size: int) -> DeltaState:
    """The state after a page that was honoured and committed.

    Raises:
        BrokenResponseError: page after page shows nothing new, although more is said to follow.
    """
    state = _bounded(state, page)
    inner = advance(state.inner, page, page_size)
    stamps = [row.updated_at for row in page.rows if row.updated_at is not None]
    # Where the ground shifted, newer ones may have slipped past: the walk has gone back for them.
    on_firm_ground = inner.shifts == state.inner.shifts
    if state.kind == "newest_first" and on_firm_ground and stamps and min(stamps) < state.since:
        return replace(state, inner=inner, done=True)
    if state.until is not None and on_firm_ground and stamps and stamps[-1] > state.until:
        return replace(state, inner=inner, done=True)
    if state.kind == "keyset" and on_firm_ground and not inner.done and stamps and stamps[-1] > state.low:
        known = tuple(row.id for row in page.rows if row.id is not None and row.updated_at == stamps[-1])
        return replace(state, low=stamps[-1], known=known, inner=OffsetState())
    return replace(state, inner=inner, done=inner.done)


def _bounded(state: DeltaState, page: Page) -> DeltaState:
    """The state with its end, as soon as that is known. Stamps may be ahead of the source's clock by a little."""
    if state.kind != "keyset" or state.until is not None or not page.dated_by_source:
        return state
    return replace(state, until=page.requested_at + OVERLAP)


def count_known(state: DeltaState, page: Page) -> int:
    """How many records at the beginning of the next page were read before."""
    if begins_with_anchor(state.inner, page):
        return 1
    if state.inner != OffsetState():
        return 0
    return sum(1 for _ in takewhile(lambda row: row.id in state.known, page.rows))


def _narrowed(state: DeltaState) -> dict[str, str]:
    low = state.low if state.kind == "keyset" else state.since
    filtered = {f"where[{_KEY}][gte]": asked(low)} if _must_filter(state) else {}
    ordered = {"order": f"-{_KEY}" if state.kind == "newest_first" else _KEY} if _must_order(state) else {}
    return filtered | ordered


def _must_filter(state: DeltaState) -> bool:
    return state.kind != "newest_first"


def _must_order(state: DeltaState) -> bool:
    return state.kind != "window"


def _is_ordered(stamps: Sequence[datetime], *, descending: bool) -> bool:
    return all(a >= b if descending else a <= b for a, b in pairwise(stamps))
