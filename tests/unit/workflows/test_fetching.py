"""Fetching ahead: what was asked for early is used whenever its turn comes, and nothing is asked for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import BrokenResponseError, RunCancelledError
from openfaith.manifest import Below, Endpoint, Method, PathId
from openfaith.records import EntityName, Page, RunId
from openfaith.source import RateLimit, SourceClient
from openfaith.store import ParentRow
from openfaith.strategies import MOST_PAGES_IN_FLIGHT, FullState, NestedState, OffsetState
from openfaith.workflows.fetching import PagesInFlight, fetching
from openfaith.workflows.list_walks import TopWalk
from openfaith.workflows.nested_walks import NestedWalk
from openfaith.workflows.walks import Walk, refuse_ignored
from support.mirror import make_page

LISTING = Endpoint(name="list", method=Method.GET, path="/lists", collection=True)
BELOW = Below(
    endpoint=Endpoint(name="list", method=Method.GET, path="/lists/{list_id}/results", collection=True),
    parent=EntityName("church.List"),
    ids=(PathId(name="list_id", column="id"),),
)

Place = tuple[str, int]
"""Path and offset."""


@dataclass
class Source:
    """Answers what stands at a path, each request after so many turns of the event loop, and so slowly by its own
    account that fetching ahead pays.
    """

    rows: Mapping[str, int]
    turns: Iterator[int] = field(default_factory=lambda: cycle([0]))
    asked: list[Place] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    cancelled: list[Place] = field(default_factory=list)
    rate_limit: RateLimit = RateLimit(requests=100, period=timedelta(seconds=20))  # noqa: RUF009  # frozen

    async def get_page(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        version: str,
        check: Callable[[Page], None],
        **_others: object,
    ) -> Page:
        assert version == "v"
        place = path, int(params["offset"])
        self.asked.append(place)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            for _ in range(next(self.turns)):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(place)
            raise
        finally:
            self.under_way -= 1
        page = self._page(*place, int(params["per_page"]))
        check(page)
        return page

    def _page(self, path: str, offset: int, size: int) -> Page:
        records = (b'{"id": "%d"}' % n for n in range(offset, min(offset + size, self.rows[path])))
        return replace(make_page(*records, total=self.rows[path]), latency_seconds=60.0)


def open_pages(source: Source) -> PagesInFlight:
    return PagesInFlight(cast("SourceClient", source), "v")


def below(*parents: str, page_size: int = 100) -> NestedWalk:
    rows = tuple(ParentRow(id=parent, ids={"list_id": parent}) for parent in parents)
    return NestedWalk(state=NestedState(), place=BELOW, page_size=page_size, parents=rows)


def results(parent: str) -> str:
    return f"/lists/{parent}/results"


@pytest.mark.parametrize(
    ("state", "read_before", "doubts"),
    [
        (NestedState(), False, ()),
        (
            NestedState(empty=3),
            False,
            ("below some parents it shows nothing at all, and was not asked twice",),
        ),
        (NestedState(empty=3), True, ()),
        (NestedState(unproven=1), True, ("below a parent the source counts otherwise than it shows",)),
        (NestedState(unproven=2), True, ("below 2 parents the source counts otherwise than it shows",)),
    ],
)
def test_what_speaks_against_a_walk_below_parents(
    state: NestedState, read_before: bool, doubts: tuple[str, ...]
) -> None:
    """Where another run has asked below everyone, too, nothing is asked for the first time."""
    assert replace(below("1"), state=state, read_before=read_before).doubts() == doubts


async def settle() -> None:
    """Let everything under way end."""
    for _ in range(9):
        await asyncio.sleep(0)


async def test_what_is_below_the_next_parent_is_kept_where_the_one_before_has_several_pages() -> None:
    source = Source({results("1"): 1, results("2"): 250, results("3"): 1})
    trip = Trip(source)
    await trip.go(below("1", "2", "3"), no_parents_left)
    one, three, *two = (results("1"), 0), (results("3"), 0), *((results("2"), n) for n in (0, 99, 198))
    assert trip.taken == [one, *two, three]
    assert source.asked == [one, two[0], three, *two[1:]]


async def test_an_early_guess_that_is_not_answered_yet_counts_among_what_is_under_way() -> None:
    source = Source({results("1"): 1, results("2"): 950, results("3"): 1}, turns=iter([0, 0, *[999] * 9]))
    pages, walk = open_pages(source), below("1", "2", "3")
    for _ in range(2):
        ask, page = await pages.take(walk)
        walk = walk.advanced(ask, page)
        pages.look_ahead(walk)
        await settle()
    await pages.cancel()
    assert source.asked == [(results("1"), 0), (results("2"), 0), (results("3"), 0), (results("2"), 99)]


async def test_a_guess_that_the_walk_does_not_come_to_any_more_is_dropped_and_its_requests_are_told() -> None:
    """A page came short, and so all that follow begin elsewhere. What a request that is cut off cost nobody knows."""
    source = Source({"/lists": 1000}, turns=iter([0, 0, 99, 0]))
    walk = TopWalk(state=FullState(inner=OffsetState(total=1000)), endpoint=LISTING, page_size=100)
    pages = open_pages(source)
    ask, page = await pages.take(walk)
    pages.look_ahead(walk.advanced(ask, page))
    await settle()
    short = replace(page, records=page.records[:95], rows=page.rows[:95])
    after = walk.advanced(ask, short)
    ask, _ = await pages.take(after)
    assert [offset for _, offset in source.asked] == [0, 99, 198, 94]
    assert ask.request.offset == 94
    assert source.cancelled == [("/lists", 198)]
    assert (pages.settle_wasted(), pages.settle_wasted()) == (1, 0)


@pytest.mark.parametrize("fault", [None, "", "../../giving/v2/donations"])
def test_nothing_is_asked_below_a_parent_whose_ids_cannot_stand_in_the_path(fault: str | None) -> None:
    """Nor ahead of it: what stands below the ones after it is asked for once the walk has passed it."""
    walk = below("1", "2", "3")
    broken = replace(walk.parents[1], ids={"list_id": fault})
    walk = walk.with_parents((walk.parents[0], broken, walk.parents[2]))
    assert {ask.path for ask in walk.asks()} == {results("1")}
    assert {ask.path for ask in walk.without_first().without_first().asks()} == {results("3")}


async def test_an_error_tells_what_was_fetched_in_vain_before_it() -> None:
    source = Source({"/lists": 1000})
    walk = TopWalk(state=FullState(), endpoint=LISTING, page_size=100)

    async def cancelled() -> None:
        async with fetching(cast("SourceClient", source), "v") as pages:
            ask, page = await pages.take(walk)
            pages.look_ahead(walk.advanced(ask, page))
            await settle()
            raise RunCancelledError(RunId(1))

    with pytest.raises(RunCancelledError) as raised:
        await cancelled()
    assert raised.value.requests == len(source.asked) - 1 > 0


async def test_what_is_left_is_dropped_at_the_end() -> None:
    source = Source({"/lists": 1000}, turns=iter([0, 99, 99]))
    walk = TopWalk(state=FullState(), endpoint=LISTING, page_size=100)
    async with fetching(cast("SourceClient", source), "v") as pages:
        ask, page = await pages.take(walk)
        after = walk.advanced(ask, page)
        pages.look_ahead(after)
        await settle()
        assert pages.has_next(after)
        assert not pages.has_next(replace(after, state=FullState(inner=OffsetState(offset=500, total=1000))))
    assert source.under_way == 0
    assert source.cancelled == [("/lists", 99), ("/lists", 198)]


@dataclass
class Trip:
    """Goes through a walk as a segment does."""

    source: Source
    taken: list[Place] = field(default_factory=list)
    most_ahead: int = 0

    async def go(self, walk: Walk, at_end: Callable[[Walk], bool]) -> None:
        async with fetching(cast("SourceClient", self.source), "v") as pages:
            while not at_end(walk):
                ask, page = await pages.take(walk)
                self.taken.append((ask.path, ask.request.offset))
                walk = walk.advanced(ask, page)
                pages.look_ahead(walk)
                self.most_ahead = max(self.most_ahead, self._ahead)
                await settle()
            assert pages.settle_wasted() == 0

    @property
    def _ahead(self) -> int:
        return len(self.source.asked) - len(self.taken)


def no_parents_left(walk: Walk) -> bool:
    return not cast("NestedWalk", walk).parents


def offsets(rows: int, page_size: int) -> list[int]:
    """Of the pages that so many rows fill, each with the last row of the page before."""
    return list(range(0, max(1, rows - 1), page_size - 1))


turns = st.lists(st.integers(0, 30), min_size=1, max_size=9)


@given(st.lists(st.integers(0, 30), max_size=9), st.integers(2, 9), turns)
def test_every_page_below_every_parent_is_asked_for_once_in_whatever_order_answers_come(
    sizes: list[int], page_size: int, turns: list[int]
) -> None:
    """And there are never more under way than the pace wants, nor more ahead than were under way together."""
    parents = [str(n) for n in range(len(sizes))]
    rows = {results(parent): size for parent, size in zip(parents, sizes, strict=True)}
    trip = Trip(Source(rows, cycle(turns)))
    walk = below(*parents, page_size=page_size)
    asyncio.run(trip.go(walk, no_parents_left))
    every = [(path, offset) for path in rows for offset in offsets(rows[path], page_size)]
    assert trip.taken == every
    assert sorted(trip.source.asked) == sorted(every)
    assert trip.source.most_under_way <= MOST_PAGES_IN_FLIGHT
    assert trip.most_ahead <= 2 * (MOST_PAGES_IN_FLIGHT - 1)


@given(st.integers(0, 99), st.integers(2, 9), turns)
def test_every_page_of_a_list_is_asked_for_once(rows: int, page_size: int, turns: list[int]) -> None:
    trip = Trip(Source({"/lists": rows}, cycle(turns)))
    walk = TopWalk(state=FullState(), endpoint=LISTING, page_size=page_size)
    asyncio.run(trip.go(walk, lambda w: w.done))
    assert [offset for _, offset in trip.taken] == offsets(rows, page_size)
    assert sorted(trip.source.asked) == trip.taken
    assert trip.source.most_under_way <= MOST_PAGES_IN_FLIGHT


EMAILS = {"emails": "Email"}


@pytest.mark.parametrize(
    ("records", "included", "refused"),
    [
        ([b'{"id": "1", "relationships": {"campus": {}}}', b'{"id": "2"}'], {}, True),
        ([b'{"id": "1"}', b'{"id": "2", "relationships": {"emails": {"data": []}}}'], {}, False),
        ([b'{"id": "1"}'], {"Email": (b"{}",)}, False),
        ([b'{"id": "1"}'], {"Address": (b"{}",)}, True),
        ([b"1"], {}, True),
        ([], {}, False),
    ],
)
def test_a_page_that_leaves_out_what_was_to_come_along_is_asked_for_again(
    records: list[bytes], included: dict[str, tuple[bytes, ...]], refused: bool
) -> None:
    """None of its records speaks of it, not even to say that it has none: it looks as if all of that were gone."""
    page = replace(make_page(*records), included=included)
    ask = next(below("1").asks())
    refuse_ignored(ask, page, {})
    with pytest.raises(BrokenResponseError, match="include=emails") if refused else nullcontext():
        refuse_ignored(ask, page, EMAILS)


async def test_every_page_is_looked_at_for_what_was_to_come_along() -> None:
    source = Source(rows={results("1"): 1})
    pages = PagesInFlight(cast("SourceClient", source), "v", includes=EMAILS)
    with pytest.raises(BrokenResponseError):
        await pages.take(below("1"))
