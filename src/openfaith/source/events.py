"""What the client tells of its own decisions. No event holds a secret or a value of a filter."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitPaused:
    """The source answered 429, and everything on this credential waits."""

    what: str
    """The request that was refused."""
    pause: timedelta
    """How long nothing is sent, from now."""
    announced: bool
    """True where the source said how long; False where the limit's period is taken instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitChanged:
    """The limit that is kept to is another than before this answer."""

    what: str
    """The request whose answer announced it."""
    before: RateLimit
    now: RateLimit


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFallback:
    """The source sends no readable `Date`, so pages are dated by this machine's clock. Told once per client."""

    host: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockMoved:
    """The source's clock jumped against the time that has passed here; what was known of it was dropped."""

    what: str
    jump: timedelta
    """How far at least; negative where it was put back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweredAsVersion:
    """Which API version the source says it answered with. Told once for each product and pair of versions."""

    product: str
    """The first part of the path, as in `people`."""
    asked: str | None
    """The version sent; None leaves it to the application's default at the source."""
    answered: str


SourceEvent = (
    RequestRetried | RateLimitPaused | RateLimitChanged | ClockFallback | ClockMoved | AnsweredAsVersion
)
