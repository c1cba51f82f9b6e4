"""How many pages are under way, and when bad records are too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.strategies import MOST_PAGES_IN_FLIGHT, pages_in_flight, too_many

rates = st.floats(0.01, 1000)
latencies = st.floats(0, 100)


@pytest.mark.parametrize(
    ("rate", "latency", "pages"),
    [(5, 0, 1), (5, 0.01, 1), (5, 0.2, 1), (5, 0.21, 2), (5, 0.3, 2), (5, 0.5, 3), (5, 30, 3), (0.5, 1, 1)],
)
def test_as_many_pages_are_under_way_as_use_the_rate_up(rate: float, latency: float, pages: int) -> None:
    assert pages_in_flight(requests_per_second=rate, latency_seconds=latency) == pages


@given(rate=rates, latency=latencies)
def test_there_is_always_one_page_and_never_too_many(rate: float, latency: float) -> None:
    pages = pages_in_flight(requests_per_second=rate, latency_seconds=latency)
    assert 1 <= pages <= MOST_PAGES_IN_FLIGHT
    assert pages >= rate * latency or pages == MOST_PAGES_IN_FLIGHT
    assert pages - 1 < max(rate * latency, 0.5)


@given(rate=rates, latency=latencies, slower=latencies)
def test_a_slower_source_never_gets_fewer(rate: float, latency: float, slower: float) -> None:
    first, second = sorted([latency, slower])
    assert pages_in_flight(requests_per_second=rate, latency_seconds=first) <= pages_in_flight(
        requests_per_second=rate, latency_seconds=second
    )


@pytest.mark.parametrize(
    ("dead", "seen", "stop"),
    [
        (0, 0, False), (20, 20, False), (21, 21, True), (21, 2099, True), (21, 2100, False),
        (100, 10_000, False), (101, 10_000, True), (10_000, 10**7, False),
    ],
)  # fmt: skip
def test_bad_records_are_too_many_beyond_twenty_and_one_in_a_hundred(
    dead: int, seen: int, *, stop: bool
) -> None:
    assert too_many(dead, seen) is stop
