"""The rate limit: how many requests one credential may make within a period."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limit says of one request."""

    count: int
    """Requests of the period with this one, refused ones too: seen answers say `118 of 100`."""
    limit: int
    retry_after_seconds: int | None
    """None: the request may pass. Else when to come again, at least 1."""


class FixedWindow:
    """Counts anew with each period."""

    def __init__(self, period_seconds: int) -> None:
        self._period = period_seconds
        self._number = -1
        self._count = 0

    def admit(self, now: float, limit: int) -> Verdict:
        number = math.floor(now / self._period)
        if number != self._number:
            self._number, self._count = number, 0
        self._count += 1
        end = (number + 1) * self._period
        return Verdict(self._count, limit, _at_least_one(end - now) if self._count > limit else None)


class SlidingWindow:
    """Counts the requests of the last period."""

    def __init__(self, period_seconds: int) -> None:
        self._period = period_seconds
        self._moments: deque[float] = deque()

    def admit(self, now: float, limit: int) -> Verdict:
        while self._moments and self._moments[0] <= now - self._period:
            self._moments.popleft()
        self._moments.append(now)
        count = len(self._moments)
        if count <= limit:
            return Verdict(count, limit, None)
        # One more request passes when only limit - 1 of these are left in the window.
        return Verdict(count, limit, _at_least_one(self._moments[count - limit] + self._period - now))


class RateLimiter:
    """One window per credential."""

    def __init__(self, window: str, period_seconds: int) -> None:
        """``window`` is `fixed` or `sliding`."""
        self._window = window
        self._period = period_seconds
        self._windows: dict[str, FixedWindow | SlidingWindow] = {}

    def admit(self, credential: str, now: float, limit: int) -> Verdict:
        """Count one request. ``now`` is in seconds and never goes back."""
        if credential not in self._windows:
            self._windows[credential] = (
                FixedWindow(self._period) if self._window == "fixed" else SlidingWindow(self._period)
            )
        return self._windows[credential].admit(now, limit)


def _at_least_one(seconds: float) -> int:
    return max(1, math.ceil(seconds))
