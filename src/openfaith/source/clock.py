"""What time it is at the source, learned from its `Date` headers and the time that passes here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

_RESOLUTION = 1.0
"""Seconds. `Date` is cut to whole seconds (RFC 9110): the true time lies in [Date, Date + 1 s)."""

_DRIFT = 0.001
"""How far two clocks may drift apart, per second. Twice what two clocks being slewed by NTP (500 ppm each) can do
over the short time between two answers would still be inside; a bound that old evidence gives is widened by it."""

_LAST_YEAR = 9998
"""A clock that is told a later one could not go on from there."""


class ServerClock:
    """Bounds for (source's time - monotonic time here), narrowed by every answer.

    An answer that carries `Date` was made between its request's start and its arrival, so it proves
    ``Date - received < offset < Date + 1 s - sent``. The lower bound is what is told: a time that is never later
    than the source's own, and at most one second and one latency earlier. A watermark must err to that side.
    Moments are monotonic seconds.
    """

    def __init__(self) -> None:
        self._bounds: tuple[float, float] | None = None
        self._learned = 0.0
        """The moment that the bounds are for."""

    def observe(self, date: datetime, *, sent: float, received: float) -> timedelta:
        """Learn from one answer.

        Returns:
            Zero, or how far the clock must have jumped at least because the answer contradicts all before it.
            Then only this answer counts.
        """
        seconds = date.timestamp()
        low, high = seconds - received, seconds + _RESOLUTION - sent
        known_low, known_high = self._bounds_at(received) or (low, high)
        self._learned = received
        jump = min(high - known_low, 0.0) or max(low - known_high, 0.0)
        self._bounds = (low, high) if jump else (max(low, known_low), min(high, known_high))
        return timedelta(seconds=jump)

    @property
    def knows_the_time(self) -> bool:
        """Whether an answer ever carried a `Date`."""
        return self._bounds is not None

    def at(self, moment: float) -> datetime | None:
        """The source's time at a moment, or a little earlier; None before the first answer with a `Date`."""
        bounds = self._bounds_at(moment)
        return None if bounds is None else datetime.fromtimestamp(moment + bounds[0], tz=UTC)

    def _bounds_at(self, moment: float) -> tuple[float, float] | None:
        if self._bounds is None:
            return None
        drift = _DRIFT * abs(moment - self._learned)
        return self._bounds[0] - drift, self._bounds[1] + drift


@lru_cache(maxsize=16)  # the same second comes with many answers
def parse_http_date(text: str | None) -> datetime | None:
    """Read a date of RFC 9110, always in UTC; None where it is absent, unreadable, or no time that a clock can show."""
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            return None
        date = date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return date if date.year <= _LAST_YEAR else None
