"""The rate limit: how many requests one credential may make within a period."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MICROSECONDS = 1_000_000
"""In a second."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limit says of one request."""

    count: int
    """Requests of the period with this one, refused ones too: seen answers say `118 of 100`."""
    limit: int
    retry_after_seconds: int | None
    """None: the request may pass. Else when to come again, at least 1."""


class FixedWindow:
    """Counts anew with each period. Times are in whole microseconds: seconds with fractions would not add up."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._number = -1
        self._count = 0

    def admit(self, now: int, limit: int) -> Verdict:
        number = now // self._period
        if number != self._number:
            self._number, self._count = number, 0
        self._count += 1
        end = (number + 1) * self._period
        return Verdict(self._count, limit, _seconds_until(end, now) if self._count > limit else None)


class SlidingWindow:
    """Counts the requests of the last period."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._moments: deque[int] = deque()

    def admit(self, now: int, limit: int) -> Verdict:
        while self._moments and self._moments[0] <= now - self._period:
            self._moments.popleft()
        self._moments.append(now)
        count = len(self._moments)
        if count <= limit:
            return Verdict(count, limit, None)
        # One more request passes when only limit - 1 of these are left in the window.
        return Verdict(count, limit, _seconds_until(self._moments[count - limit] + self._period, now))


class RateLimiter:
    """One window per credential."""

    def __init__(self, window: str, period_seconds: int) -> None:
        """``window`` is `fixed` or `sliding`."""
        self._kind = FixedWindow if window == "fixed" else SlidingWindow
        self._period = period_seconds * MICROSECONDS
        self._windows: dict[str, FixedWindow | SlidingWindow] = {}

    def admit(self, credential: str, now: float, limit: int) -> Verdict:
        """Count one request. ``now`` is in seconds and never goes back."""
        if credential not in self._windows:
            self._windows[credential] = self._kind(self._period)
        return self._windows[credential].admit(round(now * MICROSECONDS), limit)


def _seconds_until(moment: int, now: int) -> int:
    """Whole seconds, at least one."""
    return max(1, -((now - moment) // MICROSECONDS))
