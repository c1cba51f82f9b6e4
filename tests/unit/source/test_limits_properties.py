"""Strict servers of every kind, random latencies: never a request too many, hardly one too few."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.source.limits import Announcement, ConcurrencyLimit, RequestWindow, Ticket

PERIODS = 5
"""How long a simulated run takes."""


@dataclass
class SlidingServer:
    """Counts the requests of the last period, both ends included: the strictest reading."""

    limit: int
    period: float
    counted: deque[float] = field(default_factory=deque)

    def count(self, now: float) -> int:
        while self.counted and self.counted[0] < now - self.period:
            self.counted.popleft()
        self.counted.append(now)
        return len(self.counted)


@dataclass
class FixedServer:
    """Counts in windows that begin at fixed times."""

    limit: int
    period: float
    phase: float = 0.0
    window: int = -1
    counted: int = 0

    def count(self, now: float) -> int:
        window = int((now + self.phase * self.period) // self.period)
        self.counted = self.counted + 1 if window == self.window else 1
        self.window = window
        return self.counted


@dataclass
class StartedServer:
    """Counts in windows that begin with the first request after the last one ended."""

    limit: int
    period: float
    begun: float = float("-inf")
    counted: int = 0

    def count(self, now: float) -> int:
        if now > self.begun + self.period:
            self.begun, self.counted = now, 0
        self.counted += 1
        return self.counted


Server = SlidingServer | FixedServer | StartedServer


class Run:
    """A client with endless work against one server. Events: a request arrives there, its answer arrives here."""

    def __init__(
        self, server: Server, latency: Callable[[], float], limit_at: Callable[[float], int]
    ) -> None:
        self.server = server
        self.latency = latency
        self.limit_at = limit_at
        self.window = RequestWindow()
        self.concurrency = ConcurrencyLimit()
        self.sent = 0
        self.refused = 0
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.numbers = itertools.count()
        self.wake_at = float("inf")

    def after(self, now: float, seconds: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (now + seconds, next(self.numbers), event))

    def until(self, horizon: float) -> Run:
        self.send_what_may_go(0.0)
        while self.events and self.events[0][0] <= horizon:
            now, _, event = heapq.heappop(self.events)
            event(now)
            self.send_what_may_go(now)
        return self

    def send_what_may_go(self, now: float) -> None:
        wait = 0.0
        while self.window.in_flight < self.concurrency.limit and not (
            wait := self.window.seconds_to_wait(now)
        ):
            self.sent += 1
            self.after(now, self.latency(), partial(self.arrive, self.window.send(now)))
        if 0.0 < wait < float("inf") and now + wait < self.wake_at:
            self.wake_at = now + wait
            self.after(now, wait, self.wake)

    def wake(self, _: float) -> None:
        self.wake_at = float("inf")

    def arrive(self, ticket: Ticket, now: float) -> None:
        limit, count = self.limit_at(now), self.server.count(now)
        period = timedelta(seconds=self.server.period)
        answer = Announcement(requests=limit, period=period, count=count)
        self.after(now, self.latency(), partial(self.answer, ticket, answer, count > limit))

    def answer(self, ticket: Ticket, announcement: Announcement, refused: bool, now: float) -> None:
        self.window.answered(ticket, now, announcement)
        if refused:
            self.refused += 1
            self.concurrency.failed(ticket.sent_at, now)
            self.window.pause(now + self.server.period)
        else:
            self.concurrency.succeeded(self.window.in_flight + 1)


def play(server: Server, latency: Callable[[], float], limit_at: Callable[[float], int] | None = None) -> Run:
    return Run(server, latency, limit_at or (lambda _: server.limit)).until(PERIODS * server.period)


@st.composite
def servers(draw: st.DrawFn) -> Server:
    limit, period = draw(st.integers(1, 40)), draw(st.floats(1, 60))
    fixed = FixedServer(limit, period, phase=draw(st.floats(0, 1)))
    kinds: list[Server] = [SlidingServer(limit, period), fixed, StartedServer(limit, period)]
    return draw(st.sampled_from(kinds))


def latencies(draw: st.DataObject, largest: float) -> Callable[[], float]:
    shares: Iterator[float] = itertools.cycle(draw.draw(st.lists(st.floats(0, 1), min_size=1, max_size=50)))
    return lambda: next(shares) * largest


@given(servers(), st.data())
@settings(deadline=None, max_examples=60)
def test_alone_it_is_never_refused(server: Server, data: st.DataObject) -> None:
    """Latencies up to the whole period."""
    played = play(server, latencies(data, server.period))
    assert played.refused == 0


@given(servers(), st.data())
@settings(deadline=None, max_examples=60)
def test_alone_it_uses_what_is_announced(server: Server, data: st.DataObject) -> None:
    """At least 95%, where the latency is small against the period."""
    latency = latencies(data, server.period / 200)
    played = play(server, latency)
    assert played.sent >= 0.95 * PERIODS * server.limit


@given(servers(), st.data())
@settings(deadline=None, max_examples=60)
def test_what_was_sent_before_a_restart_is_respected(server: Server, data: st.DataObject) -> None:
    """The new process knows nothing of its predecessor's requests but what the first answer's count tells."""
    before = data.draw(st.integers(0, server.limit - 1))
    for _ in range(before):
        server.count(0.0)
    played = play(server, latencies(data, server.period / 200))
    assert played.refused == 0


@given(servers(), st.integers(1, 40), st.floats(0, PERIODS), st.data())
@settings(deadline=None, max_examples=60)
def test_a_changed_limit_costs_no_more_refusals_than_were_in_flight(
    server: Server, new_limit: int, changed: float, data: st.DataObject
) -> None:
    def limit_at(now: float) -> int:
        return server.limit if now < changed * server.period else new_limit

    played = play(server, latencies(data, server.period / 200), limit_at)
    assert played.refused <= 8
