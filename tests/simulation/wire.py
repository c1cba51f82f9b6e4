"""A source without sockets: the real client, whose transport calls the simulator, and a clock that waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import cast
from urllib.parse import quote, urlencode

from aiohttp import ClientPayloadError
from multidict import CIMultiDict

from openfaith.errors import SyncError
from openfaith.simulator.answering import Request as Asked
from openfaith.simulator.answering import Simulator
from openfaith.simulator.answers import Answer
from openfaith.source import RateBudget, SourceClient, parse_token
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.transport import ConnectionDroppedError, Transport, translate

START = 1_760_000_000.0
"""A Unix time in 2025-10: later than everything that a church is generated with."""

TOKEN = "simulator:secret"
HOST = "simulator"

_TIMEOUT = timedelta(seconds=60)
_TURNS = 3
"""How often the others get a turn while somebody sleeps."""


class Clock:
    """The time here, in seconds since the world began. It passes when somebody sleeps, and costs none."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def unix(self) -> float:
        return START + self.now

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.unix(), UTC)

    async def sleep(self, seconds: float) -> None:
        """Until then; whoever sleeps at the same time is not kept for longer."""
        until = self.now + seconds
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self.now = max(self.now, until)


class Wire:
    """In the place of `openfaith.source.transport.Transport`."""

    host = HOST

    def __init__(
        self, simulator: Simulator, clock: Clock, latency_seconds: float, on_request: Callable[[], None]
    ) -> None:
        """Connect a client to a simulator.

        Args:
            simulator: what answers.
            clock: by which answers take their time.
            latency_seconds: of every answer.
            on_request: is called before and after each, and may raise.
        """
        self._simulator = simulator
        self._clock = clock
        self._latency = latency_seconds
        self._on_request = on_request
        self._authorization = parse_token(TOKEN).authorization

    async def send(self, request: Request) -> Exchange:
        """Send the request once."""
        self._on_request()
        sent_at = self._clock.now
        answer = self._simulator.answer(self._asked(request))
        delay = self._latency + answer.delay_seconds
        await self._clock.sleep(min(delay, _TIMEOUT.total_seconds()))
        self._on_request()
        if delay > _TIMEOUT.total_seconds():
            return self._failed(request, TimeoutError(), sent_at)
        if answer.ending == "dropped":
            return self._failed(request, ConnectionDroppedError(), sent_at)
        if answer.ending == "cut":
            return self._failed(request, ClientPayloadError(), sent_at, answer)
        return Exchange(
            sent_at=sent_at,
            answered_at=self._clock.now,
            ended_at=self._clock.now,
            status=answer.status,
            headers=CIMultiDict(answer.headers),
            body=answer.body,
        )

    async def close(self) -> None:
        """There is nothing to close."""

    def _asked(self, request: Request) -> Asked:
        return Asked(
            method=request.method,
            path=request.path,
            query=urlencode(request.params, quote_via=quote),
            origin=f"https://{HOST}",
            authorization=self._authorization,
            version=request.version or "",
        )

    def _failed(
        self, request: Request, error: Exception, sent_at: float, answer: Answer | None = None
    ) -> Exchange:
        fault: SyncError = translate(error, request.what, HOST, _TIMEOUT)
        return Exchange(
            sent_at=sent_at,
            ended_at=self._clock.now,
            status=None if answer is None else answer.status,
            headers=CIMultiDict() if answer is None else CIMultiDict(answer.headers),
            fault=fault,
        )


def make_client(wire: Wire, clock: Clock, random: Random) -> SourceClient:
    """The real client at the end of this wire."""
    client = SourceClient(
        base_url=f"https://{HOST}",
        token=parse_token(TOKEN),
        budget=RateBudget(sleep=clock.sleep, monotonic=clock),
        random=random.random,
        sleep=clock.sleep,
        monotonic=clock,
        utc_now=clock.utc,
    )
    client._transport = cast("Transport", wire)
    return client
