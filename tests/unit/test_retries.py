"""What is tried again, and what a source may ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from openfaith.errors import (
    BrokenResponseError,
    CredentialsRejectedError,
    RequestRejectedError,
    SourceUnavailableError,
    SyncError,
)
from openfaith.retries import RetryPolicy, decide_retry
from openfaith.source.retry_after import parse_retry_after

FAILURE = SourceUnavailableError("GET /p", "status 503")
POLICY = RetryPolicy()
NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)


def longest() -> float:
    """The largest share that a random number comes to."""
    return 1.0


def test_the_longest_wait_doubles_up_to_the_cap() -> None:
    policy = RetryPolicy(attempts=10)
    waits = [decide_retry(FAILURE, attempt, policy, longest) for attempt in range(1, 10)]
    assert waits == [timedelta(seconds=s) for s in (0.5, 1, 2, 4, 8, 16, 30, 30, 30)]


def test_the_sixth_attempt_is_the_last() -> None:
    assert decide_retry(FAILURE, 5, POLICY, longest) is not None
    assert decide_retry(FAILURE, 6, POLICY, longest) is None


@pytest.mark.parametrize("error", [FAILURE, BrokenResponseError("GET /p", "HTML")])
def test_what_time_may_mend_is_tried_again(error: SyncError) -> None:
    assert decide_retry(error, 1, POLICY, longest) is not None


@pytest.mark.parametrize(
    "error", [CredentialsRejectedError("GET /p", "401"), RequestRejectedError("GET /p", 422, "no")]
)
def test_what_time_does_not_mend_is_not(error: SyncError) -> None:
    assert decide_retry(error, 1, POLICY, longest) is None


def test_a_source_that_asks_for_too_much_time_is_not_waited_for() -> None:
    assert decide_retry(FAILURE, 1, POLICY, longest, retry_after=timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("text", "answered_at", "wait"),
    [
        ("20", None, timedelta(seconds=20)),
        (" 7 ", NOON, timedelta(seconds=7)),
        ("1.5", None, timedelta(seconds=1.5)),
        ("0", None, timedelta()),
        ("Sun, 02 Nov 2025 12:00:30 GMT", NOON, timedelta(seconds=30)),
        ("Sun, 02 Nov 2025 11:00:00 GMT", NOON, timedelta()),
        ("Sun, 02 Nov 2025 12:00:30 GMT", None, None),
        ("-5", None, None),
        ("soon", NOON, None),
        ("inf", NOON, None),
        ("", NOON, None),
        (None, NOON, None),
    ],
)
def test_retry_after(text: str | None, answered_at: datetime | None, wait: timedelta | None) -> None:
    assert parse_retry_after(text, answered_at) == wait
