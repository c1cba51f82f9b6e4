"""Whether to try a request again, and when. Pure: the client waits and sends."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from openfaith.errors import SyncError, TransientError
from openfaith.source.clock import parse_http_date

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How patient the client is with one request."""

    attempts: int = 6
    """How often a request is sent at most, answers of 429 not counted."""
    base: timedelta = timedelta(seconds=0.5)
    """The longest wait after the first failure; it doubles with each further one."""
    cap: timedelta = timedelta(seconds=30)
    """The longest wait that backoff comes to."""
    longest_wait: timedelta = timedelta(minutes=15)
    """A source that fails and asks for more time than this is not waited for; the run can go on later."""
    refusals: int = 20
    """After so many answers of 429 to one request in a row, the request is given up."""


def decide_retry(
    error: SyncError,
    attempt: int,
    policy: RetryPolicy,
    random: Callable[[], float],
    *,
    retry_after: timedelta | None = None,
) -> timedelta | None:
    """How long to wait before the next attempt, or None to give up.

    Exponential backoff with full jitter: clients that failed together do not come back together.

    Args:
        error: What the attempt ended with.
        attempt: The attempt that failed, from 1.
        policy: How patient to be.
        random: Draws from [0, 1).
        retry_after: What the source asked for, if it did. Never undercut.
    """
    if not isinstance(error, TransientError) or attempt >= policy.attempts:
        return None
    asked = retry_after or timedelta()
    if asked > policy.longest_wait:
        return None
    backoff = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 30))
    return max(asked, backoff * random())


def parse_retry_after(text: str | None, answered_at: datetime | None) -> timedelta | None:
    """Read a `Retry-After`: a number of seconds, or a date, which is compared with the answer's own `Date`.

    None where it is absent, unreadable, or a date while the answer has none.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return timedelta(seconds=float(text))
    until = parse_http_date(text)
    if until is None or answered_at is None:
        return None
    return max(until - answered_at, timedelta())
