"""The full walk: every record of a collection.

By offset, as far as that goes: Planning Center throttles offsets above 30,000 hard, and the further back a page lies,
the more can shift under it. A collection that is larger than a window is therefore cut by `created_at`, which never
changes, into windows that are walked one after the other, each from offset 0. Where the next window ends, one request
tells: it asks, ordered by `created_at`, for the one record that stands where the window shall end. What was created
meanwhile is in the last window and was not counted at the beginning: where the sum of the windows is another than that
count, one last request asks for the count again.

Pure, like `offsets`, whose walk it takes within each window. The state is a stored format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from openfaith.records import Page, Row
from openfaith.strategies.offsets import OffsetState, PageRequest, advance, asked, check, proves, upcoming

WINDOW = 9_900
"""Records in a window, ties at its end apart: its last page starts below 10,000."""

_SLACK = 100
"""Not for so few more."""

_VERSION = 2
"""Of the stored state."""

_KEY = "created_at"
_SECOND = timedelta(seconds=1)
_LATEST = datetime.max.replace(tzinfo=UTC) - _SECOND
"""No window ends later: nothing could follow it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FullState:
    """How far a full walk has come. Stored as JSON with every page."""

    inner: OffsetState = field(default_factory=OffsetState)
    """Within the window; without windows, all there is."""
    windows: bool = False
    """Whether the collection is cut by windows."""
    low: datetime | None = None
    """Where the window begins; None for the first."""
    high: datetime | None = None
    """Where it ends, without that moment; None while that is asked, and for the last window."""
    bounded: bool = True
    """False while the end of the window has yet to be asked for."""
    recounting: bool = False
    """True once all windows are closed, while the whole collection has yet to be counted again."""
    read: int | None = 0
    """Records of the windows that are closed; None where nobody can say."""
    total: int | None = None
    """What the source counted last of the whole collection."""
    repeats: int = 0
    """How often the window at hand was walked again, because it proved nothing."""
    distrusted: bool = False
    """True where the source did not honour the windows, so that everything was read again without."""
    done: bool = False

    @property
    def brings_nothing(self) -> bool:
        """Whether the next page is not for its records: it tells where a window ends, or how many records there are."""
        return self.recounting or not self.bounded

    def to_json(self) -> dict[str, Any]:
        """The stored form. Its version is raised when a member changes its meaning."""
        return {
            "version": _VERSION,
            "inner": self.inner.to_json(),
            "windows": self.windows,
            "low": _written(self.low),
            "high": _written(self.high),
            "bounded": self.bounded,
            "recounting": self.recounting,
            "read": self.read,
            "total": self.total,
            "repeats": self.repeats,
            "distrusted": self.distrusted,
            "done": self.done,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> FullState:
        """Read a checkpoint; None is the beginning, and so is one of another version: reading again does no harm."""
        if stored is None or stored.get("version") != _VERSION:
            return cls()
        return cls(
            inner=OffsetState.from_json(stored["inner"]),
            windows=stored["windows"],
            low=_read_time(stored["low"]),
            high=_read_time(stored["high"]),
            bounded=stored["bounded"],
            recounting=stored.get("recounting", False),
            read=stored["read"],
            total=stored["total"],
            repeats=stored["repeats"],
            distrusted=stored["distrusted"],
            done=stored["done"],
        )


def upcoming_full(state: FullState, page_size: int) -> Iterator[PageRequest]:
    """The next request, then those that will follow if every page comes full."""
    if state.done:
        return
    if state.recounting:
        yield PageRequest(offset=0, page_size=1, narrowed={"order": _KEY})
        return
    if not state.bounded:
        narrowed = _from(state.low) | {"order": _KEY}
        yield PageRequest(offset=WINDOW, page_size=1, narrowed=narrowed)
        return
    yield from upcoming(state.inner, page_size, _window(state))


def check_full(request: PageRequest, state: FullState, page: Page) -> None:
    """Refuse a page that cannot be true.

    Raises:
        BrokenResponseError: ask again.
    """
    if not state.brings_nothing:
        check(request, state.inner, page)


def advance_full(
    state: FullState,
    page: Page,
    page_size: int,
    *,
    windowed: bool = False,
    repeats: int = 0,
    recounts: bool = True,
) -> FullState:
    """The state after a page was committed.

    Args:
        windowed: whether the collection can be both filtered and ordered by `created_at`, as far as is known.
        repeats: how often a window (without windows: everything) that proves nothing is walked again.
        recounts: whether the source is asked to count again where the windows do not add up to what it counted first.

    Raises:
        BrokenResponseError: page after page shows nothing new, although more is said to follow.
    """
    if state.recounting:
        return replace(state, total=_grown(state.total, page.total_count), recounting=False, done=True)
    if not state.bounded:
        return _bounded(state, page)
    if state.windows and not _is_honoured(state, page):
        return FullState(distrusted=True, total=state.total)
    state = replace(state, inner=advance(state.inner, page, page_size))
    if not state.windows and _is_too_large(state) and windowed and _can_be_cut(page):
        return FullState(windows=True, bounded=False, total=state.inner.total)
    if not state.inner.done:
        return replace(state, total=state.total if state.windows else state.inner.total)
    if (not proves(state.inner) or _is_bare(state)) and state.repeats < repeats:
        return replace(state, inner=OffsetState(), repeats=state.repeats + 1)
    return _closed(state, recounts=recounts) if state.windows else _ended(state)


def _is_bare(state: FullState) -> bool:
    """Whether there seems to be nothing at all, which a source says that lies, too."""
    return not state.windows and state.inner.read == 0


def _is_too_large(state: FullState) -> bool:
    total = state.inner.total
    return not state.distrusted and total is not None and total > WINDOW + _SLACK


def _can_be_cut(page: Page) -> bool:
    """What the source says today, where it says anything, and what it shows."""
    queries = page.can_query_by is None or _KEY in page.can_query_by
    orders = page.can_order_by is None or _KEY in page.can_order_by
    return queries and orders and all(_time(row) is not None for row in page.rows)


def _bounded(state: FullState, page: Page) -> FullState:
    """The window's end: the moment of the record that stands there. It belongs to the next window, and its ties too."""
    if not page.records:
        return replace(state, bounded=True, high=None, inner=OffsetState())
    high = _time(page.rows[0])
    backwards = state.low is not None and high is not None and high < state.low
    if high is None or backwards or high > _LATEST or len(page.records) > 1:
        return FullState(distrusted=True, total=state.total)
    if high == state.low:
        high += _SECOND  # more records in one second than a window holds
    return replace(state, bounded=True, high=high, inner=OffsetState())


def _grown(before: int | None, now: int | None) -> int | None:
    """A collection that lost records while it was read may have shown too many that make up for others."""
    return None if before is None or now is None else max(before, now)


def _ended(state: FullState) -> FullState:
    read = state.inner.read if proves(state.inner) else None
    return replace(state, read=read, total=state.inner.total, done=True)


def _closed(state: FullState, *, recounts: bool) -> FullState:
    sure = proves(state.inner) and state.read is not None and state.inner.read is not None
    read = state.read + state.inner.read if sure else None  # type: ignore[operator]  # neither is None where it is sure
    if state.high is None:
        recounting = recounts and read is not None and read != state.total
        return replace(state, read=read, recounting=recounting, done=not recounting)
    return replace(state, inner=OffsetState(), low=state.high, high=None, bounded=False, repeats=0, read=read)


def _is_honoured(state: FullState, page: Page) -> bool:
    """Whether the filter was: what lies outside of the window has no business in the answer."""
    return all(
        (time := _time(row)) is not None
        and (state.low is None or time >= state.low)
        and (state.high is None or time < state.high)
        for row in page.rows
    )


def _window(state: FullState) -> dict[str, str]:
    to = {f"where[{_KEY}][lt]": asked(state.high)} if state.high is not None else {}
    return _from(state.low) | to


def _from(low: datetime | None) -> dict[str, str]:
    return {f"where[{_KEY}][gte]": asked(low)} if low is not None else {}


def _time(row: Row) -> datetime | None:
    return row.created_at


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
