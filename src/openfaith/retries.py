"""How often everything is tried, and how long is waited in between: every policy of the program, and what it decides.

Each fault has one layer that retries it, and no layer above does so again: a request is retried by the source's client
under `REQUEST`, the database by the durable step under `STEP`. Pure: moments and random numbers are passed in, and the
caller waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from openfaith.errors import SyncError, Treatment, treatment_of


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How patient to be with one request, or one step."""

    attempts: int = 6
    """How often it is tried at most, answers of 429 not counted."""
    base: timedelta = timedelta(seconds=0.5)
    """The longest wait after the first failure; it doubles with each further one."""
    cap: timedelta = timedelta(seconds=30)
    """The longest wait that backoff comes to."""
    longest_wait: timedelta = timedelta(minutes=15)
    """A source that fails and asks for more time than this is not waited for; the run can go on later."""
    refusals: int = 20
    """After so many answers of 429 to one request in a row, the request is given up."""


REQUEST = RetryPolicy()
"""One request to a source. An adapter may have a policy of its own, and so may an entity of its manifest."""

REQUEST_OF_A_PERSON = RetryPolicy(attempts=2)
"""One request that somebody waits for at a terminal, as when a token is tried."""

PROBE = RetryPolicy(attempts=1, refusals=1)
"""The one request that shows whether a source is well again: its breaker waits before the next."""

STEP = RetryPolicy(attempts=9, base=timedelta(seconds=1), cap=timedelta(seconds=128))
"""One durable step, while the database is away. The durable engine waits, without jitter: it is one process that asks."""


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
    if treatment_of(error) is not Treatment.RETRIED or attempt >= policy.attempts:
        return None
    asked = retry_after or timedelta()
    if asked > policy.longest_wait:
        return None
    backoff = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 30))
    return max(asked, backoff * random())


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryShare:
    """How many of a credential's requests may be retries: a source that fails is not asked more, but less."""

    share: float = 0.1
    """Of all requests in the stretch of time."""
    over: timedelta = timedelta(minutes=5)
    always: int = 20
    """So many are allowed in any case: one request in trouble is tried again, though it is the first of all."""


class RetryBudget:
    """Counts a credential's requests and retries, and says whether one more retry is within its share.

    Answers of 429 are not counted among the retries: they are waited for, and the wait is the source's own. Time is
    kept by whole seconds, so that what is remembered does not grow with the number of requests.
    """

    def __init__(self, share: RetryShare | None = None) -> None:
        self._share = share or RetryShare()
        self._seconds: deque[_Second] = deque()
        self._sent = 0
        self._retried = 0

    def sent(self, now: float) -> None:
        """A request was sent, whether a retry or not. ``now`` is in seconds since any fixed moment."""
        self._at(now).sent += 1
        self._sent += 1

    def may_retry(self, now: float) -> bool:
        """Whether one more of the requests of the last minutes may be a retry."""
        self._forget(now)
        return self._retried < max(self._share.always, int(self._share.share * (self._sent + 1)))

    def retried(self, now: float) -> None:
        """The next request is a retry."""
        self._at(now).retried += 1
        self._retried += 1

    def _at(self, now: float) -> _Second:
        self._forget(now)
        number = int(now)
        if not self._seconds or self._seconds[-1].number != number:
            self._seconds.append(_Second(number))
        return self._seconds[-1]

    def _forget(self, now: float) -> None:
        oldest = int(now) - self._share.over.total_seconds()
        while self._seconds and self._seconds[0].number < oldest:
            gone = self._seconds.popleft()
            self._sent -= gone.sent
            self._retried -= gone.retried


@dataclass(slots=True)
class _Second:
    """What happened within one second."""

    number: int
    sent: int = 0
    retried: int = 0
