"""When a source is left alone, for how long, and when it is asked again: what a circuit breaker decides.

A breaker is open while there is a row of it in the database (`store.breakers`), so that every process keeps to it. Each
credential has one, and so has each source, for everybody who reads it. Pure: moments and random numbers are passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from openfaith.errors import (
    BreakerOpenError,
    BrokenResponseError,
    CredentialsRejectedError,
    RateLimitedError,
    SourceUnavailableError,
    SyncError,
)


class BreakerReason(StrEnum):
    """Why a breaker is open."""

    OUTAGE = "outage"
    """The source does not answer, or with failures of its own. It is asked again by itself."""
    REJECTED = "rejected"
    """It does not accept the credentials. Nothing but others, or a new run that tries, can change that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and how patient everybody is then."""

    calls: int = 20
    """So many calls there must be before their failures are weighed."""
    share: float = 0.5
    """Of these calls, this many failures open it."""
    over: timedelta = timedelta(seconds=60)
    """Calls longer ago than this do not count. For as long after it was closed it is opened by a probe only: what fails
    in particular comes to its end in that time."""
    first_wait: timedelta = timedelta(seconds=5)
    """From its opening to the first probe; it doubles with each that fails."""
    longest_wait: timedelta = timedelta(minutes=5)
    """Between two probes."""
    probe_takes: timedelta = timedelta(seconds=90)
    """Whoever has not said after this what its probe came to is taken for dead."""
    shortest_sleep: timedelta = timedelta(milliseconds=200)
    """How long an entity sleeps at least."""
    longest_sleep: timedelta = timedelta(minutes=1)
    """How long an entity sleeps at most before it looks whether it was cancelled."""
    patience: timedelta = timedelta(hours=24)
    """What is open for longer than this is waited for no more: entities fail, and a later run tries again."""
    organizations: int = 3
    """So many organizations must find the same source in trouble before it counts as everybody's."""
    part: float = 0.5
    """And this part of those that are being read."""


BREAKER = BreakerPolicy()


def is_outage(error: SyncError | None) -> bool:
    """Whether an answer, or its absence, speaks against the source, and not against what was asked."""
    if error is None:
        return False
    return error.wait is not None or isinstance(error, SourceUnavailableError | BrokenResponseError)


def opened_by(error: SyncError) -> BreakerOpenError:
    """What an error means that speaks against the source, for everybody who would ask it."""
    what, seen = str(error.args[0]), str(error.args[1])
    if error.wait is not None:
        said = "429" if isinstance(error, RateLimitedError) else seen
        seen = f"{said}, and asks to be left alone for {error.wait.total_seconds():g} s"
    opened = BreakerOpenError(BreakerReason.OUTAGE, what, seen)
    opened.wait = error.wait
    return opened


def probe_wait(probes: int, policy: BreakerPolicy, random: Callable[[], float]) -> timedelta:
    """How long to wait for the next probe: doubled with each that failed, and up to a quarter more, so that those who
    failed together do not come back together.

    Args:
        probes: how many have failed since it opened.
        policy: how patient to be.
        random: draws from [0, 1).
    """
    wait = min(policy.longest_wait, policy.first_wait * 2.0 ** min(probes, 30))
    return wait * (1 + random() / 4)


@dataclass(kw_only=True)
class Gate:
    """What one process knows of one credential's breaker: it counts calls, and says when no more are to be made.

    ``now`` is in seconds since any fixed moment.
    """

    policy: BreakerPolicy = BREAKER
    _calls: deque[tuple[float, bool]] = field(default_factory=deque)
    _failures: int = 0
    _quiet_until: float = 0.0
    _shut: BreakerOpenError | None = None

    @property
    def is_shut(self) -> bool:
        return self._shut is not None

    def check(self) -> None:
        """Refuse a call while the breaker is open.

        Raises:
            BreakerOpenError: it is.
        """
        if self._shut is not None:
            # An error of its own for everybody: each carries how many requests were spent until it was raised.
            error = BreakerOpenError(*self._shut.args)
            error.wait = self._shut.wait
            raise error

    def note(self, now: float, error: SyncError | None) -> None:
        """A call has ended: with this error, or well. Shuts where that opens the breaker."""
        if isinstance(error, CredentialsRejectedError):
            self._shut = BreakerOpenError(BreakerReason.REJECTED, error.what, error.seen)
            return
        if error is not None and error.wait is not None:
            self._shut = opened_by(error)
            return
        failed = is_outage(error)
        self._calls.append((now, failed))
        self._failures += failed
        while self._calls and self._calls[0][0] < now - self.policy.over.total_seconds():
            self._failures -= self._calls.popleft()[1]
        if failed and now >= self._quiet_until and self._is_too_much():
            assert error is not None, "what failed has an error"
            self._shut = opened_by(error)

    def _is_too_much(self) -> bool:
        calls = len(self._calls)
        return calls >= self.policy.calls and self._failures >= self.policy.share * calls

    def open(self, now: float) -> None:
        """Let calls pass again, where none did. Of what was before nothing is held against the source."""
        if self._shut is None:
            return
        self._quiet_until = now + self.policy.over.total_seconds()
        self._shut = None
        self._calls.clear()
        self._failures = 0
