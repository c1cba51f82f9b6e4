"""The arithmetic of a plan is the number of requests that the walk makes when nothing changes meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.planning import costs
from openfaith.planning.costs import count_pages, count_requests
from openfaith.records import Page
from openfaith.strategies import (
    FullState,
    NestedState,
    PageRequest,
    advance_below,
    advance_full,
    check_full,
    upcoming_below,
    upcoming_full,
)
from openfaith.strategies import full as full_module
from support.listings import EPOCH, at
from support.mirror import make_page


@dataclass(frozen=True)
class Source:
    """So many records, one made every second."""

    records: int

    def answer(self, request: PageRequest) -> Page:
        asked = request.parameters
        low, high = asked.get("where[created_at][gte]"), asked.get("where[created_at][lt]")
        first = 0 if low is None else _second(low)
        end = self.records if high is None else min(self.records, _second(high))
        start = first + request.offset
        sent = (_record(number) for number in range(start, min(start + request.page_size, end)))
        return make_page(*sent, total=end - first)


def _second(moment: str) -> int:
    return int((datetime.fromisoformat(moment) - EPOCH).total_seconds())


def _record(number: int) -> bytes:
    made = at(number).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"id": str(number), "attributes": {"created_at": made}}).encode()


def requests_of_walk(records: int, page_size: int, *, windowed: bool = False) -> int:
    source, state, requests = Source(records), FullState(), 0
    while request := next(upcoming_full(state, page_size), None):
        page = source.answer(request)
        requests += 1
        check_full(request, state, page)
        state = advance_full(state, page, page_size, windowed=windowed)
    assert state.read == records
    return requests


@given(st.integers(0, 400), st.integers(2, 30))
def test_a_list_costs_what_is_counted(records: int, page_size: int) -> None:
    assert count_requests(records, page_size, windowed=False) == requests_of_walk(records, page_size)


@pytest.mark.parametrize(
    ("records", "requests"),
    [(0, 1), (1, 1), (100, 1), (101, 2), (199, 2), (200, 3), (250, 3), (298, 3), (299, 4), (10_000, 101)],
)
def test_where_a_page_more_begins(records: int, requests: int) -> None:
    assert count_requests(records, 100, windowed=True) == requests
    assert requests_of_walk(records, 100, windowed=True) == requests


@given(st.integers(2, 100), st.integers(1, 5), st.integers(-1, 1))
def test_at_the_end_of_every_page(page_size: int, pages: int, more: int) -> None:
    """And one record before and after it."""
    records = max(0, 1 + pages * (page_size - 1) + more)
    assert count_pages(records, page_size) == requests_of_walk(records, page_size)


@given(st.integers(0, 300), st.integers(2, 30), st.integers(5, 40), st.integers(0, 10))
def test_a_list_in_windows_costs_what_is_counted(
    records: int, page_size: int, window: int, slack: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_module, "WINDOW", window)
        patch.setattr(full_module, "_SLACK", slack)
        patch.setattr(costs, "WINDOW", window)
        patch.setattr(costs, "SLACK", slack)
        expected = count_requests(records, page_size, windowed=True)
        assert expected == requests_of_walk(records, page_size, windowed=True)


@pytest.mark.parametrize(
    ("records", "requests"),
    [(10_001, 105), (19_800, 203), (19_801, 205), (25_000, 257)],
)
def test_windows_of_their_real_size(records: int, requests: int) -> None:
    """The first page tells that there are too many, and each window is asked for its end."""
    assert count_requests(records, 100, windowed=True) == requests
    assert requests_of_walk(records, 100, windowed=True) == requests


def test_the_windows_are_those_of_the_walk() -> None:
    assert (costs.WINDOW, costs.SLACK) == (full_module.WINDOW, full_module._SLACK)


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(2, 12))
def test_a_nested_walk_costs_a_list_for_each_parent(sizes: list[int], page_size: int) -> None:
    parents = {f"{number:02}": size for number, size in enumerate(sizes)}
    state, requests, left = NestedState(), 0, sorted(parents)
    while left:
        parent, request = next(upcoming_below(state, left, page_size))
        state = advance_below(state, parent, Source(parents[parent]).answer(request), page_size)
        requests += 1
        left = [name for name in left if state.after is None or name > state.after]
    assert requests == sum(count_pages(size, page_size) for size in sizes)
