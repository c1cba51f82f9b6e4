"""One credential's budget of requests, shared by everything in this process that uses the credential."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from openfaith.source.limits import (
    ASSUMED,
    Announcement,
    ConcurrencyLimit,
    RateLimit,
    RequestWindow,
    Ticket,
)

_SHORTEST_PAUSE = timedelta(seconds=1)
"""`Retry-After` is cut to whole seconds, so `0` means less than one, not none."""


class RateBudget:
    """Lets requests pass in the order they asked, as fast as the source's announced limit allows.

    The decisions are `RequestWindow`'s and `ConcurrencyLimit`'s; this class waits. It belongs to one event loop.
    """

    def __init__(
        self,
        *,
        assumed: RateLimit = ASSUMED,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = RequestWindow(assumed)
        self._concurrency = ConcurrencyLimit()
        self._sleep = sleep
        self._monotonic = monotonic
        self._turn = asyncio.Lock()  # fair: whoever waited first is let in first
        self._settled = asyncio.Event()
        self._waiting = 0
        self._asleep_until: float | None = None

    @property
    def limit(self) -> RateLimit:
        """The limit that is kept to."""
        return self._window.limit(self._monotonic())

    @property
    def used(self) -> int:
        """How much of the limit is taken, by our requests and by others'."""
        return self._window.used(self._monotonic())

    @property
    def in_flight(self) -> int:
        return self._window.in_flight

    @property
    def in_flight_limit(self) -> int:
        return self._concurrency.limit

    @property
    def waiting(self) -> int:
        """Requests that have asked and may not be sent yet."""
        return self._waiting

    @property
    def next_request_in(self) -> timedelta | None:
        """How long the first of them still waits at least; None while none waits for time to pass."""
        if self._asleep_until is None:
            return None
        return timedelta(seconds=max(self._asleep_until - self._monotonic(), 0.0))

    async def take(self) -> Ticket:
        """Wait until a request may be sent. Every ticket is settled, whatever becomes of the request."""
        self._waiting += 1
        try:
            async with self._turn:
                while seconds := self._seconds_to_wait():
                    await self._wait(seconds)
                return self._window.send(self._monotonic())
        finally:
            self._waiting -= 1

    def answered(self, ticket: Ticket, announcement: Announcement, *, overloaded: bool) -> None:
        """Settle: the source answered. `overloaded` is true where it shows that it could not keep up."""
        self._judge(ticket, overloaded=overloaded)
        self._window.answered(ticket, self._monotonic(), announcement)
        self._settled.set()

    def unanswered(self, ticket: Ticket, *, reached: bool) -> None:
        """Settle: no answer came. `reached` is false where the source cannot have seen the request."""
        self._judge(ticket, overloaded=True)
        if reached:
            self._window.unanswered(self._monotonic())
        else:
            self._window.never_sent()
        self._settled.set()

    def abandoned(self) -> None:
        """Settle: we gave the request up ourselves, at a moment when the source may have counted it."""
        self._window.unanswered(self._monotonic())
        self._settled.set()

    def pause(self, duration: timedelta | None) -> timedelta:
        """Send nothing for so long, or for one period where the source did not say. Returns the pause."""
        pause = self.limit.period if duration is None else max(duration, _SHORTEST_PAUSE)
        self._window.pause(self._monotonic() + pause.total_seconds())
        return pause

    def _judge(self, ticket: Ticket, *, overloaded: bool) -> None:
        if overloaded:
            self._concurrency.failed(ticket.sent_at, self._monotonic())
        else:
            self._concurrency.succeeded(self._window.in_flight)

    def _seconds_to_wait(self) -> float:
        if self._window.in_flight >= self._concurrency.limit:
            return math.inf
        return self._window.seconds_to_wait(self._monotonic())

    async def _wait(self, seconds: float) -> None:
        if math.isinf(seconds):
            self._settled.clear()
            await self._settled.wait()
            return
        self._asleep_until = self._monotonic() + seconds
        try:
            await self._sleep(seconds)
        finally:
            self._asleep_until = None
