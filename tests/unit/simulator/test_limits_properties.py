"""Both windows against a list of all requests."""

from __future__ import annotations

import math
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from openfaith.simulator.limits import RateLimiter

PERIOD = 20

moments = st.lists(st.integers(0, 4000), min_size=1, max_size=60).map(
    lambda gaps: [gap / 100 for gap in accumulate(gaps)]
)


@given(moments, st.integers(1, 8))
def test_a_sliding_window_counts_the_requests_of_the_last_period(times: list[float], limit: int) -> None:
    limiter = RateLimiter("sliding", PERIOD)
    for number, now in enumerate(times):
        verdict = limiter.admit("one", now, limit)
        count = sum(round((now - before) * 100) < 100 * PERIOD for before in times[: number + 1])
        assert (verdict.count, verdict.retry_after_seconds is None) == (count, count <= limit)


@given(moments, st.integers(1, 8))
def test_a_fixed_window_counts_the_requests_of_its_period(times: list[float], limit: int) -> None:
    limiter = RateLimiter("fixed", PERIOD)
    for number, now in enumerate(times):
        verdict = limiter.admit("one", now, limit)
        count = sum(math.floor(before / PERIOD) == math.floor(now / PERIOD) for before in times[: number + 1])
        assert (verdict.count, verdict.retry_after_seconds is None) == (count, count <= limit)


@given(moments, st.integers(1, 8), st.sampled_from(["sliding", "fixed"]))
def test_whoever_waits_as_told_passes(times: list[float], limit: int, window: str) -> None:
    limiter = RateLimiter(window, PERIOD)
    verdicts = [limiter.admit("one", now, limit) for now in times]
    wait = verdicts[-1].retry_after_seconds
    if wait is not None:
        assert 1 <= wait <= PERIOD
        assert limiter.admit("one", times[-1] + wait, limit).retry_after_seconds is None
