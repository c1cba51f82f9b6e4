"""Paging by offset through a collection that changes meanwhile.

Offsets count from the start, so whatever goes or comes before them moves all that follows: rows repeat, and rows go
missing. Each page therefore begins with the row that the page before it ended with. Is that row, the anchor, not
where it should be, then the ground has shifted: further back, something was deleted, and as many rows slipped past
the walk. It goes back until it finds a row that it knows, and reads on from there. Rows that repeat do no harm.

Pure: a state, what a page showed, the next state. The state is the checkpoint that is committed with the page, so its
members are a stored format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from openfaith.errors import BrokenResponseError
from openfaith.records import Page, Row

MOST_SHIFTS = 20
"""How often a walk goes back. A collection that shifts faster than it can be read is read to its end regardless."""

_MOST_STUCK = 3
"""Pages in a row that show nothing new although the source says that more follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """What to ask for: the parameters of one listing request."""

    offset: int
    page_size: int
    """Records asked for. More than the source's most would be cut silently."""
    narrowed: Mapping[str, str] = field(default_factory=dict)
    """Filters and order."""

    @property
    def parameters(self) -> dict[str, str]:
        return {"per_page": str(self.page_size), "offset": str(self.offset), **self.narrowed}

    @property
    def token(self) -> str:
        """The page token, for ledgers and messages."""
        return "&".join([*(f"{k}={v}" for k, v in self.narrowed.items()), f"offset={self.offset}"])


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetState:
    """How far one walk by offsets has come."""

    offset: int = 0
    """Where the next page starts: with the anchor, if there is one."""
    anchors: tuple[str, ...] = ()
    """Ids of rows of the page before: its last one, which the next page begins with, then some further back."""
    read: int | None = 0
    """How many different records were read; None where the ground shifted so that nobody can say."""
    total: int | None = None
    """What the source counted last."""
    most: int | None = None
    """The most that it counted: where it counts less than before, some are gone, or it is not to be believed."""
    shifts: int = 0
    """How often the walk had to go back."""
    stuck: int = 0
    """How many pages in a row showed nothing new."""
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "offset": self.offset,
            "anchors": list(self.anchors),
            "read": self.read,
            "total": self.total,
            "most": self.most,
            "shifts": self.shifts,
            "stuck": self.stuck,
            "done": self.done,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> OffsetState:
        return cls(**{**stored, "anchors": tuple(stored["anchors"])})


def asked(moment: datetime) -> str:
    """A time as the source takes it: in UTC, and it keeps whole seconds. The year has four digits, however early it is."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def upcoming(
    state: OffsetState, page_size: int, narrowed: Mapping[str, str] | None = None
) -> Iterator[PageRequest]:
    """The next request, then those that will follow if every page comes full.

    Guesses stop at the count of the source: asking past the end would cost a request for nothing.
    """
    if state.done:
        return
    offset, narrowed = state.offset, narrowed or {}
    yield PageRequest(offset=offset, page_size=page_size, narrowed=narrowed)
    while page_size > 1 and state.total is not None and offset + page_size < state.total:
        offset += page_size - 1
        yield PageRequest(offset=offset, page_size=page_size, narrowed=narrowed)


def check(request: PageRequest, state: OffsetState, page: Page) -> None:
    """Refuse a page that cannot be true: empty, where the source itself counts more.

    Raises:
        BrokenResponseError: ask again.
    """
    if page.records:
        return
    total = page.total_count if page.total_count is not None else state.total
    if total is not None and request.offset < total:
        raise BrokenResponseError(_place(request), "no records", f"some, as it counts {total}")
    if total is not None and total < request.offset - request.page_size:
        # Some records may have gone while the others were read; a page's worth and more has not.
        raise BrokenResponseError(
            _place(request),
            f"no records and a count of {total}",
            f"{request.offset} and more, as these were read",
        )
    if page.has_next:
        raise BrokenResponseError(_place(request), "no records", "some, as it says that more follow")


def _place(request: PageRequest) -> str:
    return f"the page at offset {request.offset}"


def begins_with_anchor(state: OffsetState, page: Page) -> bool:
    """Whether the page begins with the record that the page before it ended with."""
    return bool(state.anchors) and len(page.rows) > 0 and page.rows[0].id == state.anchors[0]


def advance(state: OffsetState, page: Page, page_size: int) -> OffsetState:
    """The state after a page was committed.

    Raises:
        BrokenResponseError: page after page shows nothing new, although more is said to follow.
    """
    total = page.total_count if page.total_count is not None else state.total
    state = replace(
        state, total=total, most=max((n for n in (state.most, total) if n is not None), default=None)
    )
    if begins_with_anchor(state, page):
        return _advanced(state, page, 1)
    known = _known(state, page.rows) if state.shifts < MOST_SHIFTS else min(1, len(page.records))
    if known is None:
        return _gone_back(state, page_size) if state.offset else _advanced(_afresh(state), page, 0)
    return _advanced(state, page, known)


def proves(state: OffsetState) -> bool:
    """Whether a walk that came to its end saw all that the source counted, on firm ground."""
    return state.done and state.read is not None and state.read == state.most and not state.shifts


def _known(state: OffsetState, rows: Sequence[Row]) -> int | None:
    """How many rows at the beginning of the page were read before; None where none of the anchors is there."""
    if not state.anchors:
        return 0
    places = {row.id: place for place, row in enumerate(rows)}
    return next((places[anchor] + 1 for anchor in state.anchors if anchor in places), None)


def _gone_back(state: OffsetState, page_size: int) -> OffsetState:
    """A page back, where the anchors may be; at the very beginning the walk begins afresh."""
    offset = max(0, state.offset - max(1, page_size - 1))
    back = replace(state, offset=offset, shifts=state.shifts + 1)
    return back if offset else _afresh(back)


def _afresh(state: OffsetState) -> OffsetState:
    return replace(state, offset=0, anchors=(), read=0, most=state.total)


def _advanced(state: OffsetState, page: Page, known: int) -> OffsetState:
    count, new = len(page.records), max(0, len(page.records) - known)
    end = state.offset + count
    read = None if state.read is None or not _is_sure(state, page.rows, known) else state.read + new
    anchors = _anchors(page.rows)
    after = replace(state, offset=end - 1 if anchors else end, anchors=anchors, read=read)
    if _is_last(page, new, end, state):
        return replace(after, done=True, stuck=0)
    if new:
        return replace(after, stuck=0)
    if count == 1:
        # A source that sends no more than the anchor at a time: on without it, so that nobody knows what repeats.
        return replace(after, offset=end, anchors=(), read=None, stuck=state.stuck + 1)
    if state.stuck + 1 >= _MOST_STUCK:
        raise BrokenResponseError(
            f"the page at offset {state.offset}", "the same records again and again", "those that follow"
        )
    return replace(after, stuck=state.stuck + 1)


def _is_sure(state: OffsetState, rows: Sequence[Row], known: int) -> bool:
    """Whether the rows after `known` are just those that were not read: so the last row read must be before them."""
    return not state.anchors or (0 < known <= len(rows) and rows[known - 1].id == state.anchors[0])


def _anchors(rows: Sequence[Row]) -> tuple[str, ...]:
    """The last row, one from the middle, and the first. None where the last has no id: it would not be known again."""
    if not rows or rows[-1].id is None:
        return ()
    places = dict.fromkeys((len(rows) - 1, len(rows) // 2, 0))
    return tuple(name for place in places if (name := rows[place].id) is not None)


def _is_last(page: Page, new: int, end: int, state: OffsetState) -> bool:
    if new == 0 and state.total is None:
        # The anchor alone: it may be all that the source sends at a time.
        return not page.records
    if new == 0:
        # A link beyond the source's own count is not believed.
        return state.total is not None and end >= state.total
    if page.has_next:
        return False
    # Without a link and a count only a page with nothing new says that nothing follows: one that is short may have been
    # cut to fewer records than were asked for. So does a count that is lower than before.
    return state.most is not None and end >= state.most
