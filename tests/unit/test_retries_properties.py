"""Whatever happens, waits stay within their bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import SourceUnavailableError
from openfaith.retries import RetryPolicy, decide_retry
from openfaith.source.retry_after import parse_retry_after

FAILURE = SourceUnavailableError("GET /p", "status 503")
DURATIONS = st.timedeltas(timedelta(milliseconds=1), timedelta(hours=1))
POLICIES = st.builds(
    RetryPolicy, attempts=st.integers(1, 10_000), base=DURATIONS, cap=DURATIONS, longest_wait=DURATIONS
)
SHARES = st.floats(0, 1, exclude_max=True)


@given(POLICIES, st.integers(1, 10_000), SHARES, st.none() | DURATIONS)
def test_no_wait_undercuts_the_source_or_exceeds_the_cap(
    policy: RetryPolicy, attempt: int, share: float, asked: timedelta | None
) -> None:
    wait = decide_retry(FAILURE, attempt, policy, lambda: share, retry_after=asked)
    if wait is None:
        assert attempt >= policy.attempts or (asked is not None and asked > policy.longest_wait)
    else:
        assert (asked or timedelta()) <= wait <= max(asked or timedelta(), policy.cap)


@given(POLICIES, SHARES)
def test_a_request_that_always_fails_is_sent_as_often_as_the_policy_says(
    policy: RetryPolicy, share: float
) -> None:
    waits = (decide_retry(FAILURE, n, policy, lambda: share) for n in range(1, policy.attempts + 1))
    assert [number for number, wait in enumerate(waits, start=1) if wait is None] == [policy.attempts]


@given(st.text(), st.none() | st.just(datetime(2025, 11, 2, tzinfo=UTC)))
def test_no_retry_after_is_too_strange(text: str, answered_at: datetime | None) -> None:
    wait = parse_retry_after(text, answered_at)
    assert wait is None or wait >= timedelta()
