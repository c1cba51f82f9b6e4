"""The sweep: the full walk in instalments, to find what changed without a new stamp.

A *blind* change moves no `updated_at`, so neither a delta nor the stamps of a listing show it: only reading the record
does. Each sweep therefore reads the next share of the pages and begins where the one before it ended; the last of a
cycle goes to the end, however long the list has become. Days may lie between two of them. The anchors hold the place,
as they do within a walk: where they are not found, the walk goes back, at once to where they may be by the source's
count; and where it has gone back too often, it reads its window, or its list, again from the beginning.

Below parents a sweep takes the next share of the parents instead, up to one that is chosen when it begins.

Pure; the states are stored formats, both as the checkpoint of an entity run and, once that has completed, as the place
where the next one begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from openfaith.records import Page
from openfaith.strategies.full import FullState, advance_full, check_full
from openfaith.strategies.nested import NestedState
from openfaith.strategies.offsets import MOST_SHIFTS, PageRequest

SHARES = 7
"""Sweeps in a cycle, at most: with one a day, a blind change is found within a week."""

_VERSION = 1
"""Of the stored states."""


def share_of(total: int | None, page_size: int, shares: int = SHARES) -> int:
    """How many pages of a list one sweep reads: at least one, and of a list that nobody counts just that.

    Args:
        total: records in the list.
        page_size: records in a page. Every page but the first begins with the last record of the page before.
        shares: into how many parts the list is cut.
    """
    pages = math.ceil(max(0, (total or 0) - 1) / max(1, page_size - 1))
    return max(1, math.ceil(pages / shares))


def share_of_parents(parents: int, shares: int = SHARES) -> int:
    """Below how many parents one sweep reads: at least one."""
    return max(1, math.ceil(parents / shares))


def is_last(turn: int) -> bool:
    """Whether a sweep is the one of its cycle that reads all that is left."""
    return turn >= SHARES


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepState:
    """How far the sweeps of a list have come. Stored as JSON with every page."""

    inner: FullState = field(default_factory=FullState)
    """The walk of which this sweep is a part."""
    turn: int = 1
    """Which sweep of its cycle it is, from 1."""
    left: int | None = None
    """Pages that it has yet to read; None until its first one has shown where it stands, and how long the list is."""

    @property
    def done(self) -> bool:
        return self.inner.done or (self.left == 0 and not is_last(self.turn))

    @property
    def pages(self) -> int | None:
        """How many more it reads, as far as is known; None for all that there are."""
        if self.left is None:
            return 1
        return None if is_last(self.turn) else self.left

    def to_json(self) -> dict[str, Any]:
        """The stored form. Its version is raised when a member changes its meaning."""
        return {
            "sweep": _VERSION,
            "of": "list",
            "turn": self.turn,
            "left": self.left,
            "closed": self.inner.done,
            "inner": self.inner.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> SweepState:
        """Read a checkpoint of which `is_sweep` is true."""
        return cls(inner=FullState.from_json(stored["inner"]), turn=stored["turn"], left=stored["left"])


def is_sweep(stored: dict[str, Any] | None, of: Literal["list", "parents"]) -> bool:
    """Whether a checkpoint is one of a sweep of this sort: an entity may be read otherwise than the last time."""
    return stored is not None and stored.get("sweep") == _VERSION and stored.get("of") == of


def begin_sweep(last: dict[str, Any] | None) -> SweepState:
    """The state of the next sweep of a list, by what the last one that completed has left behind."""
    if last is None or not is_sweep(last, "list"):
        return SweepState()
    state = SweepState.from_json(last)
    if state.inner.done:
        return SweepState()
    # What the walk has gone through counts for one part of it only: a walk of a week is no shaky one.
    walk = replace(state.inner.inner, shifts=0, stuck=0, most=None)
    return SweepState(inner=replace(state.inner, inner=walk), turn=state.turn + 1)


def check_sweep(request: PageRequest, state: SweepState, page: Page) -> None:
    """Refuse a page that cannot be true. Before a sweep has found its place, a list may well have become shorter.

    Raises:
        BrokenResponseError: ask again.
    """
    shrunk = page.total_count is not None and page.total_count <= request.offset
    if state.left is None and request.offset and not page.records and shrunk:
        return
    check_full(request, state.inner, page)


def advance_sweep(state: SweepState, page: Page, page_size: int, *, windowed: bool = False) -> SweepState:
    """The state after a page was committed. A page by which the walk only finds its place is none of the share.

    Raises:
        BrokenResponseError: page after page shows nothing new, although more is said to follow.
    """
    before = state.inner
    # What the source counted days ago proves nothing.
    inner = advance_full(before, page, page_size, windowed=windowed, recounts=False)
    if not before.bounded or (inner.windows and not before.windows):
        return replace(state, inner=inner)
    if inner.distrusted and not before.distrusted:
        return replace(state, inner=inner)
    if inner.inner.shifts > before.inner.shifts:
        return replace(state, inner=_further_back(state, inner))
    left = state.left
    if left is None:
        left = share_of(inner.total if inner.total is not None else before.inner.total, page_size)
    return replace(state, inner=inner, left=max(0, left - 1))


def _further_back(state: SweepState, inner: FullState) -> FullState:
    """The walk that has not found its anchors, where it may find them at once; at the beginning if it cannot."""
    before, walk = state.inner.inner, inner.inner
    if walk.shifts >= MOST_SHIFTS:
        return replace(inner, inner=replace(walk, offset=0, anchors=(), read=None))
    if state.left is None and before.total and walk.total is not None:
        # As if what is gone had stood everywhere alike. If it stood further to the front, it takes a few more pages.
        there = before.offset * walk.total // before.total
        walk = replace(walk, offset=min(walk.offset, there))
    return replace(inner, inner=walk)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepBelow:
    """Below which parents one sweep reads: what the walk through parents is not told of by its own state."""

    turn: int = 1
    """Which sweep of its cycle it is, from 1."""
    upto: str | None = None
    """The last parent of its share; None where it goes to the end."""

    @property
    def is_whole(self) -> bool:
        """Whether its share is all there is."""
        return self.turn == 1 and self.upto is None

    def to_json(self, state: NestedState) -> dict[str, Any]:
        """The stored form of it and of the walk. Its version is raised when a member changes its meaning."""
        return {
            "sweep": _VERSION,
            "of": "parents",
            "turn": self.turn,
            "upto": self.upto,
            "closed": state.done and self.upto is None,
            "inner": state.to_json(),
        }


def read_sweep_below(stored: dict[str, Any]) -> tuple[SweepBelow, NestedState]:
    """Read a checkpoint of which `is_sweep` is true. What a retry adds to it is the walk's to know."""
    retried = {"retried": True} if stored.get("retried") else {}
    state = NestedState.from_json({**stored["inner"], **retried})
    return SweepBelow(turn=stored["turn"], upto=stored["upto"]), state


def begin_sweep_below(last: dict[str, Any] | None) -> tuple[int, NestedState]:
    """Which turn the next sweep below parents has, and where it begins, by what the last one has left behind."""
    if last is None or not is_sweep(last, "parents") or last["upto"] is None:
        return 1, NestedState()
    return last["turn"] + 1, NestedState(after=last["upto"])
