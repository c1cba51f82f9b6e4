"""However long the list and whatever changes between two sweeps, a cycle of them reads every record that stayed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import BrokenResponseError
from openfaith.strategies import (
    SHARES,
    FullState,
    NestedState,
    SweepState,
    advance_full,
    advance_sweep,
    begin_sweep,
    begin_sweep_below,
    check_sweep,
    is_sweep,
    read_sweep_below,
    share_of,
    share_of_parents,
    upcoming_full,
)
from openfaith.strategies import full as full_module
from openfaith.strategies import offsets as offsets_module
from openfaith.strategies import sweep as sweep_module
from openfaith.strategies.sweep import SweepBelow
from support.listings import Collection

PAGE = 5
MOST_PAGES = 2_000

seconds = st.integers(0, 40)
records = st.lists(seconds, max_size=120).map(
    lambda made: {number: (second, second) for number, second in enumerate(made, 1)}
)
collections = records.map(lambda found: Collection(records=found))
windowed = st.booleans()
sizes = st.integers(0, 1_000_000)
page_sizes = st.integers(2, 100)
shares = st.integers(1, 30)


@pytest.fixture(autouse=True, scope="module")
def _small() -> object:
    """Windows of a size that a few records fill, and ways back that are soon at their end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_module, "WINDOW", 20)
        patch.setattr(full_module, "_SLACK", 2)
        patch.setattr(offsets_module, "MOST_SHIFTS", 3)
        patch.setattr(sweep_module, "MOST_SHIFTS", 3)
        yield


def pages_of(total: int, page_size: int) -> int:
    return max(1, math.ceil((total - 1) / (page_size - 1)))


@given(sizes, page_sizes, shares)
def test_all_shares_are_the_list_and_no_more_than_that_is_asked_of_one(
    total: int, page_size: int, parts: int
) -> None:
    share, pages = share_of(total, page_size, parts), pages_of(total, page_size)
    assert share >= 1
    assert share * parts >= pages
    assert share == 1 or (share - 1) * parts < pages


@given(page_sizes, shares)
def test_of_a_list_that_nobody_counts_a_page_is_read(page_size: int, parts: int) -> None:
    assert share_of(None, page_size, parts) == share_of(0, page_size, parts) == 1


@given(sizes, shares)
def test_all_shares_are_all_parents(parents: int, parts: int) -> None:
    share = share_of_parents(parents, parts)
    assert share >= 1
    assert share * parts >= parents
    assert share == 1 or (share - 1) * parts < parents


@dataclass
class Swept:
    """What sweeps have read."""

    asked: list[tuple[int, str]] = field(default_factory=list)
    """Offset and filter of every request."""
    seen: set[str] = field(default_factory=set)
    sweeps: int = 0
    pages: list[int] = field(default_factory=list)
    """By sweep."""


def sweep(
    collection: Collection, last: dict[str, Any] | None, swept: Swept, *, windowed: bool
) -> dict[str, Any]:
    """One sweep, resumed from its stored checkpoint after every page. Returns what it leaves behind."""
    state, pages, stored = begin_sweep(last), 0, dict[str, Any]()
    while not state.done:
        assert pages < MOST_PAGES, "it never ends"
        request = next(upcoming_full(state.inner, PAGE))
        page = collection.answer(request)
        check_sweep(request, state, page)
        state = advance_sweep(state, page, PAGE, windowed=windowed)
        swept.asked.append((request.offset, request.token))
        swept.seen |= {row.id for row in page.rows if row.id is not None and request.page_size > 1}
        pages += 1
        stored = json.loads(json.dumps(state.to_json()))
        assert is_sweep(stored, "list")
        assert SweepState.from_json(stored) == state
    swept.pages.append(pages)
    swept.sweeps += 1
    return stored


def cycle(
    collection: Collection, between: Callable[[int], None] = lambda _: None, *, windowed: bool
) -> Swept:
    swept, last = Swept(), dict[str, Any]()
    while not last or not last["closed"]:
        assert swept.sweeps < SHARES, "a cycle has no more"
        last = sweep(collection, last or None, swept, windowed=windowed)
        if not last["closed"]:
            between(swept.sweeps)
    return swept


def walk(collection: Collection, *, windowed: bool) -> list[tuple[int, str]]:
    """The requests of a full walk."""
    state, asked = FullState(), []
    while request := next(upcoming_full(state, PAGE), None):
        asked.append((request.offset, request.token))
        state = advance_full(state, collection.answer(request), PAGE, windowed=windowed)
    return asked


@given(collection=collections, windowed=windowed)
def test_a_cycle_over_a_quiet_list_is_the_full_walk_in_parts(
    collection: Collection, *, windowed: bool
) -> None:
    swept = cycle(collection, windowed=windowed)
    assert swept.asked == walk(collection, windowed=windowed)
    assert swept.seen == collection.ids
    assert swept.sweeps <= SHARES


@given(records)
def test_no_sweep_but_the_last_reads_more_than_its_share(found: dict[int, tuple[int, int]]) -> None:
    swept = cycle(Collection(records=found), windowed=False)
    share = share_of(len(found), PAGE)
    assert all(pages == share for pages in swept.pages[:-1])
    assert swept.pages[-1] <= share


@dataclass
class Change:
    """What happens between two sweeps."""

    after: int
    delete: list[int]
    """Places in the list, as parts of it: a thousandth each."""
    add: int


changes = st.lists(
    st.builds(
        Change,
        after=st.integers(1, SHARES),
        delete=st.lists(st.integers(0, 999), max_size=100),
        add=st.integers(0, 30),
    ),
    max_size=6,
)


@given(found=records, happens=changes, windowed=windowed)
def test_nothing_is_skipped_that_was_there_all_the_time(
    found: dict[int, tuple[int, int]], happens: list[Change], *, windowed: bool
) -> None:
    collection = Collection(records=dict(found))
    stayed = set(collection.ids)

    def between(sweeps: int) -> None:
        for change in (change for change in happens if change.after == sweeps):
            for place in change.delete:
                if collection.records:
                    ids = sorted(collection.records)
                    del collection.records[ids[place * len(ids) // 1000]]
            newest = max(collection.records, default=0) + len(found) + 1
            collection.records |= {newest + n: (41, 41) for n in range(change.add)}
            stayed.intersection_update(collection.ids)

    swept = cycle(collection, between, windowed=windowed)
    assert stayed <= swept.seen


def test_a_list_that_has_become_short_is_read_from_where_the_anchors_are() -> None:
    """An empty page is no lie then, and its count says how far back they may be."""
    collection, swept = Collection(records={n: (n, n) for n in range(1, 101)}), Swept()
    last = sweep(collection, sweep(collection, None, swept, windowed=False), swept, windowed=False)
    kept = [n for n in collection.records if n % 2 or n > 90]
    collection.records = {n: collection.records[n] for n in kept}
    before = len(swept.asked)
    sweep(collection, last, swept, windowed=False)
    assert len(swept.asked) - before <= share_of(len(kept), PAGE) + 3
    assert {str(n) for n in kept if n < 45} <= swept.seen


def test_a_new_cycle_begins_at_the_beginning() -> None:
    collection, swept = Collection(records={1: (0, 0)}), Swept()
    last = sweep(collection, None, swept, windowed=False)
    assert last["closed"]
    assert begin_sweep(last) == SweepState()


def test_a_place_of_another_sort_is_none() -> None:
    """An entity that was read below parents the last time."""
    below = SweepBelow(turn=2, upto="7").to_json(NestedState())
    assert begin_sweep(below) == SweepState()
    assert begin_sweep_below(SweepState(turn=3).to_json()) == (1, NestedState())
    assert begin_sweep(None) == SweepState()
    assert begin_sweep_below(None) == (1, NestedState())


def test_sweeps_below_parents_go_on_after_the_last_parent_of_their_share() -> None:
    share = SweepBelow(turn=2, upto="7")
    stored = json.loads(json.dumps(share.to_json(NestedState(after="5", done=True))))
    assert not stored["closed"]
    assert begin_sweep_below(stored) == (3, NestedState(after="7"))
    assert read_sweep_below(stored) == (share, NestedState(after="5", done=True))
    end = SweepBelow(turn=3).to_json(NestedState(done=True))
    assert end["closed"]
    assert begin_sweep_below(end) == (1, NestedState())


def test_a_retried_sweep_below_parents_asks_again_for_those_left_behind() -> None:
    stored = SweepBelow(turn=2, upto="7").to_json(NestedState(after="6", again=True, done=True))
    assert read_sweep_below({**stored, "retried": True})[1] == NestedState(again=True)


def test_a_page_that_cannot_be_true_is_refused_once_the_place_is_found() -> None:
    collection, swept = Collection(records={n: (n, n) for n in range(1, 101)}), Swept()
    resumed = begin_sweep(sweep(collection, None, swept, windowed=False))
    request = next(upcoming_full(resumed.inner, PAGE))
    few = Collection(records={1: (0, 0)}).answer(request)
    check_sweep(request, resumed, few)
    found = advance_sweep(resumed, collection.answer(request), PAGE)
    assert found.left is not None
    with pytest.raises(BrokenResponseError):
        check_sweep(next(upcoming_full(found.inner, PAGE)), found, few)
