"""What the client tells of its own decisions. No event holds a secret or a value of a filter.

Each says itself in one sentence (`str`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from openfaith.source.limits import RateLimit


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRetried:
    """An attempt failed and is made again."""

    what: str
    """The request: method, path and the harmless part of its query."""
    attempt: int
    """The attempt that failed, from 1."""
    seen: str
    """The failure, as its error says it."""
    delay: timedelta
    """How long the next attempt waits before it asks the budget."""

    def __str__(self) -> str:
        return f"attempt {self.attempt} failed and is made again in {_seconds(self.delay)}: {self.seen}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryRefused:
    """An attempt failed and would be made again, but too many of the last requests were retries."""

    what: str
    attempt: int
    """The attempt that failed, from 1."""
    seen: str

    def __str__(self) -> str:
        return f"attempt {self.attempt} failed and is the last, since too many requests were retries: {self.seen}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitPaused:
    """The source answered 429, and everything on this credential waits."""

    what: str
    """The request that was refused."""
    pause: timedelta
    """How long nothing is sent, from now."""
    announced: bool
    """True where the source said how long; False where the limit's period is taken instead."""

    def __str__(self) -> str:
        asked = "as it asked" if self.announced else "as it did not say how long"
        return f"the source refused {self.what}: nothing is sent for {_seconds(self.pause)}, {asked}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitChanged:
    """The limit that is kept to is another than before this answer."""

    what: str
    """The request whose answer announced it."""
    before: RateLimit
    now: RateLimit

    def __str__(self) -> str:
        return f"the source now allows {_limit(self.now)}; before it was {_limit(self.before)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFallback:
    """The source sends no readable `Date`, so pages are dated by this machine's clock. Told once per client."""

    host: str

    def __str__(self) -> str:
        return f"{self.host} sends no date: pages are dated by the clock of this machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockMoved:
    """The source's clock jumped against the time that has passed here; what was known of it was dropped."""

    what: str
    jump: timedelta
    """How far at least; negative where it was put back."""

    def __str__(self) -> str:
        direction = "back" if self.jump < timedelta(0) else "ahead"
        return f"the clock of the source was put {direction} by at least {_seconds(abs(self.jump))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweredAsVersion:
    """Which API version the source says it answered with. Told once for each product and pair of versions."""

    product: str
    """The first part of the path, as in `people`."""
    asked: str | None
    """The version sent; None leaves it to the application's default at the source."""
    answered: str

    def __str__(self) -> str:
        asked = self.asked or "no particular version"
        return f"{self.product}: asked for {asked}, answered as version {self.answered}"


SourceEvent = (
    RequestRetried
    | RetryRefused
    | RateLimitPaused
    | RateLimitChanged
    | ClockFallback
    | ClockMoved
    | AnsweredAsVersion
)


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.3g} s"


def _limit(limit: RateLimit) -> str:
    return f"{limit.requests} requests per {_seconds(limit.period)}"
