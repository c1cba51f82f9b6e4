"""How many requests may be sent, and how many may be in flight. Pure: moments are passed in, nothing waits.

Planning Center announces its limit on every answer (`X-PCO-API-Request-Rate-Limit`, `-Period`, `-Count`) and says
neither whether its window slides nor when it begins (overview of rate limiting), so no window of that length may
hold more requests than announced, wherever it begins.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_LEADING_NUMBER = re.compile(r"\s*(\d{1,9})(?!\d)")
_LONGEST_PERIOD = timedelta(hours=1)
"""A longer period is taken for nonsense: obeying it would stop the work for good."""

_MARGIN = 0.005
"""A slot is kept for this share of the period longer, so that two clocks need not run at exactly one speed."""

_SHORTEST_WAIT = 0.001
"""Seconds. Keeps rounding from turning the last instant of a wait into many."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many requests in any stretch of time of this length."""

    requests: int
    period: timedelta


ASSUMED = RateLimit(100, timedelta(seconds=20))
"""What is kept to until the source announces its limit (overview of rate limiting, 2026)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """What one answer says of the limit; None for what is absent or makes no sense."""

    requests: int | None = None
    period: timedelta | None = None
    count: int | None = None
    """Requests counted in the present window, this one and those of other users of the credential included."""


def read_announcement(headers: Mapping[str, str]) -> Announcement:
    """The period is written `20` on most answers and `20 seconds` on some (recorded): the leading number counts."""
    seconds = _leading_number(headers.get("X-PCO-API-Request-Rate-Period"))
    period = timedelta(seconds=seconds) if seconds else None
    return Announcement(
        requests=_leading_number(headers.get("X-PCO-API-Request-Rate-Limit")) or None,
        period=period if period and period <= _LONGEST_PERIOD else None,
        count=_leading_number(headers.get("X-PCO-API-Request-Rate-Count")),
    )


def _leading_number(text: str | None) -> int | None:
    found = _LEADING_NUMBER.match(text or "")
    return int(found[1]) if found else None


class Recent(Generic[T]):
    """Values that count until a moment, each until the last one it was noted with."""

    def __init__(self) -> None:
        self._until: dict[T, float] = {}

    def note(self, value: T, until: float) -> None:
        self._until[value] = until

    def live(self, now: float) -> tuple[T, ...]:
        if self.next_end() <= now:
            self._until = {value: until for value, until in self._until.items() if until > now}
        return tuple(self._until)

    def next_end(self) -> float:
        return min(self._until.values(), default=math.inf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """One request's place in the window, from when it is sent until it is settled."""

    sent_at: float
    held: int
    """Slots taken when it was sent, its own included."""
    number: int
    """How many requests were sent before it."""


class RequestWindow:
    """Which requests may be sent so that no window of the source, wherever it begins, holds more than announced.

    A request takes a slot when it is sent and gives it back one period after its answer came: the source counted
    it somewhere in between, so every window it can have been counted in has passed by then. What the source counts
    beyond our own requests was sent by other users of the credential, and is held against us for a period.
    Several limits may be announced side by side (deep offsets have a lower one): the strictest of the last period
    is kept to, so a lowered limit is obeyed at once and a raised one after a period without a lower word.
    """

    def __init__(self, assumed: RateLimit = ASSUMED) -> None:
        self._latest = assumed
        self._announced: Recent[RateLimit] = Recent()
        self._others: Recent[int] = Recent()
        self._answered: deque[float] = deque()
        self._in_flight = 0
        self._sent = 0
        self._opened = False
        self._paused_until = -math.inf

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def limit(self, now: float) -> RateLimit:
        """The limit that is kept to."""
        limits = self._announced.live(now)
        if limits in ((), (self._latest,)):
            return self._latest
        limits = (self._latest, *limits)
        return RateLimit(min(limit.requests for limit in limits), max(limit.period for limit in limits))

    def used(self, now: float) -> int:
        """Slots that are taken, by our requests and by others'."""
        self._free_slots(now)
        return self._in_flight + len(self._answered) + max(self._others.live(now), default=0)

    def seconds_to_wait(self, now: float) -> float:
        """Zero: send. Positive: ask again after so many seconds. Infinite: only an answer can change anything."""
        if now < self._paused_until:
            return self._paused_until - now
        if not self._opened and self._in_flight:
            return math.inf
        if self.used(now) < self.limit(now).requests:
            return 0.0
        return max(self._next_end(now) - now, _SHORTEST_WAIT)

    def send(self, now: float) -> Ticket:
        """Take a slot. The caller has asked whether one is free."""
        self._in_flight += 1
        self._sent += 1
        return Ticket(sent_at=now, held=self.used(now), number=self._sent - 1)

    def answered(self, ticket: Ticket, now: float, announcement: Announcement) -> None:
        """The source answered: it has counted the request by now."""
        self._opened = True
        self._learn_limit(announcement, now)
        self._learn_others(ticket, announcement, now)
        self._keep_slot(now)

    def unanswered(self, now: float) -> None:
        """No answer came, but the source may have counted the request."""
        self._keep_slot(now)

    def never_sent(self) -> None:
        """No connection came about, so the source cannot have counted anything."""
        self._in_flight -= 1

    def pause(self, until: float) -> None:
        """Send nothing before this moment."""
        self._paused_until = max(self._paused_until, until)

    def _keep_slot(self, now: float) -> None:
        self._in_flight -= 1
        self._answered.append(now)

    def _learn_limit(self, announcement: Announcement, now: float) -> None:
        self._latest = RateLimit(
            announcement.requests or self._latest.requests, announcement.period or self._latest.period
        )
        self._announced.note(self._latest, now + self._latest.period.total_seconds())

    def _learn_others(self, ticket: Ticket, announcement: Announcement, now: float) -> None:
        """Hold against us only what cannot be our own: any request of ours that the count may include is ours."""
        own_at_most = ticket.held + self._sent - ticket.number - 1
        others = (announcement.count or 0) - own_at_most
        if others > 0:
            self._others.note(others, now + self._slot_seconds(now))

    def _slot_seconds(self, now: float) -> float:
        return self.limit(now).period.total_seconds() * (1 + _MARGIN)

    def _free_slots(self, now: float) -> None:
        kept = self._slot_seconds(now)
        while self._answered and self._answered[0] + kept <= now:
            self._answered.popleft()

    def _next_end(self, now: float) -> float:
        """When something that stands against sending ends by itself."""
        slot = self._answered[0] + self._slot_seconds(now) if self._answered else math.inf
        return min(slot, self._others.next_end(), self._announced.next_end())


class ConcurrencyLimit:
    """How many requests may be in flight: up by one while that is what holds us back, halved on trouble (AIMD)."""

    def __init__(self, *, start: int = 2, largest: int = 8) -> None:
        self._limit = start
        self._largest = largest
        self._halved_at = -math.inf

    @property
    def limit(self) -> int:
        """At least one."""
        return self._limit

    def succeeded(self, in_flight: int) -> None:
        """An answer came while so many were in flight, itself included. An idle client proves nothing."""
        if in_flight * 2 >= self._limit:
            self._limit = min(self._limit + 1, self._largest)

    def failed(self, sent_at: float, now: float) -> None:
        """Trouble. Requests sent before the last halving tell of the same trouble, and do not halve again."""
        if sent_at >= self._halved_at:
            self._limit = max(self._limit // 2, 1)
            self._halved_at = now
