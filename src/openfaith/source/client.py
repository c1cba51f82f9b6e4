"""The client of one source: asks, waits, tries again, and hands back what came."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version as installed_version
from types import TracebackType
from typing import Self, TypeVar

from openfaith.breakers import Gate
from openfaith.errors import RateLimitedError, SyncError, TransientError
from openfaith.records import Page
from openfaith.retries import PROBE, REQUEST, RetryBudget, RetryPolicy, decide_retry
from openfaith.source.addresses import parse_base_url
from openfaith.source.auth import Token
from openfaith.source.budget import RateBudget
from openfaith.source.clock import ServerClock, parse_http_date
from openfaith.source.coalescing import Coalescer
from openfaith.source.documents import Document, read_page, read_record, read_written
from openfaith.source.events import (
    AnsweredAsVersion,
    ClockFallback,
    ClockMoved,
    RateLimitChanged,
    RateLimitPaused,
    RequestRetried,
    RetryRefused,
    SourceEvent,
)
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.limits import RateLimit, Ticket, read_announcement
from openfaith.source.responses import error_of, retry_after_of
from openfaith.source.transport import Transport

USER_AGENT = f"openfaith/{installed_version('openfaith')} (keeps Planning Center data in PostgreSQL)"

_JUMP_TOLD = timedelta(seconds=1)
"""Servers that date their answers from a clock read once a second contradict themselves by less than this."""

T = TypeVar("T")
Reader = Callable[[Request, Exchange, datetime], T]
"""Reads the answer to a request that started at a time of the server's clock."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(_: SourceEvent) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceStatistics:
    """What a client is doing, for a progress display. The second half is its budget's, shared with other clients."""

    requests_sent: int
    """Requests that may have reached the source, repeated ones included."""
    requests_retried: int
    """Attempts made again after a failure other than 429."""
    requests_refused: int
    """Answers of 429."""
    in_flight: int
    in_flight_limit: int
    waiting: int
    """Requests that wait for the budget."""
    next_request_in: timedelta | None
    """How long the first of them still waits at least; None while none waits for time to pass."""
    limit: RateLimit
    """What is kept to."""
    used: int
    """How much of it is taken, by our requests and by others'."""


class SourceClient:
    """Asks one source with one credential. Connections are reused; identical reads in flight are sent once.

    A read that joins one already in flight gets an answer that was requested before it asked: `requested_at` says
    when. Whoever must not see an older state than now compares it with its own time by the same clock.

    Every call raises the errors of `openfaith.errors`, after the retries: what is raised is final here. Cancelling
    a call abandons its request, or only its wait where others wait for the same answer.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: Token,
        budget: RateBudget | None = None,
        gate: Gate | None = None,
        user_agent: str = USER_AGENT,
        request_timeout: timedelta = timedelta(seconds=60),
        retry: RetryPolicy = REQUEST,
        on_event: Callable[[SourceEvent], None] = _ignore,
        random: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the client's values; nothing is opened before the first request.

        Args:
            base_url: Scheme, host and possibly a path. Unencrypted only on this machine.
            token: What every request is signed with.
            budget: Shared by all clients of the credential; None makes one for this client alone.
            gate: Of the credential's breaker; None counts the calls of this client alone.
            user_agent: Planning Center wants one on every request.
            request_timeout: From sending a request until its body is complete.
            retry: How patient to be, where a request has no policy of its own.
            on_event: Is told every decision a person could wonder about. Must not raise.
            random: Draws from [0, 1), for the jitter.
            sleep: Waits so many seconds.
            monotonic: Seconds since any fixed moment.
            utc_now: Dates pages only where the source sends no `Date`.

        Raises:
            ConfigurationError: The base URL is not one to send a secret to.
        """
        self._budget = budget or RateBudget(sleep=sleep, monotonic=monotonic)
        self._gate = gate or Gate()
        self._retry = retry
        self._retries = RetryBudget()
        self._tell = on_event
        self._random = random
        self._sleep = sleep
        self._monotonic = monotonic
        self._utc_now = utc_now
        self._transport = Transport(
            base_url=parse_base_url(base_url),
            authorization=token.authorization,
            user_agent=user_agent,
            request_timeout=request_timeout,
            monotonic=monotonic,
        )
        self._clock = ServerClock()
        self._pages: Coalescer[Request, Page] = Coalescer()
        self._records: Coalescer[Request, Document] = Coalescer()
        self._told: set[SourceEvent] = set()
        self._limit = self._budget.limit
        self._sent = 0
        self._retried = 0
        self._refused = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Requests still in flight fail."""
        await self._transport.close()

    @property
    def requests_sent(self) -> int:
        """Requests that may have reached the source, repeated ones included."""
        return self._sent

    @property
    def now(self) -> datetime | None:
        """The time at the source, or a little earlier; None before it has told any."""
        return self._clock.at(self._monotonic())

    @property
    def rate_limit(self) -> RateLimit:
        """What is kept to, as in `statistics.limit`."""
        return self._budget.limit

    @property
    def statistics(self) -> SourceStatistics:
        return SourceStatistics(
            requests_sent=self._sent,
            requests_retried=self._retried,
            requests_refused=self._refused,
            in_flight=self._budget.in_flight,
            in_flight_limit=self._budget.in_flight_limit,
            waiting=self._budget.waiting,
            next_request_in=self._budget.next_request_in,
            limit=self._budget.limit,
            used=self._budget.used,
        )

    async def get_page(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        version: str | None,
        check: Callable[[Page], None] | None = None,
        retry: RetryPolicy | None = None,
    ) -> Page:
        """Read one page of a listing.

        Args:
            path: Below the base URL.
            params: Of the query.
            version: API version to ask for.
            check: Raises `BrokenResponseError` for a page that cannot be true; it is then asked for again, like any
                other broken answer.
            retry: How patient to be with this one.
        """
        request = Request.read(path, params, version)

        def read(request: Request, exchange: Exchange, requested_at: datetime) -> Page:
            page = replace(
                read_page(request, exchange, requested_at), dated_by_source=self._clock.knows_the_time
            )
            if check is not None:
                check(page)
            return page

        return await self._pages.share(request, partial(self._ask, request, read, retry))

    async def get_record(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        version: str | None,
        retry: RetryPolicy | None = None,
    ) -> Document:
        """Read one record. Its arguments are those of `get_page`."""
        request = Request.read(path, params or {}, version)
        return await self._records.share(request, partial(self._ask, request, read_record, retry))

    async def probe(self, path: str, *, version: str | None) -> Document:
        """Read one record, once, whether the breaker is open or not: to see how the source does. It counts for nothing."""
        request = Request.read(path, {}, version)
        return await self._ask(request, read_record, PROBE, is_probe=True)

    @property
    def is_shut(self) -> bool:
        """Whether every request but a probe is refused, as the breaker is open."""
        return self._gate.is_shut

    def open_gate(self) -> None:
        """The breaker is closed: requests pass again, where they did not."""
        self._gate.open(self._monotonic())

    async def write(
        self, method: str, path: str, body: bytes | None, *, version: str | None
    ) -> Document | None:
        """Write, or start something at the source. None where it answers 204.

        Sent again only where the source cannot have acted on it: after 429, or when no connection came about. After
        any other failure nobody here knows whether it was done, and the caller has to look.
        """
        request = Request(method=method, path=path, version=version, body=body)
        return await self._ask(request, read_written)

    async def _ask(  # noqa: C901  # one loop, one place for all that may happen to a request
        self, request: Request, read: Reader[T], retry: RetryPolicy | None = None, *, is_probe: bool = False
    ) -> T:
        """Send until there is an answer or an error to raise."""
        policy = retry or self._retry
        attempts = refusals = requests = 0
        while True:
            if not is_probe:
                self._refuse_while_shut(requests)
            exchange = await self._exchange(request)
            requests += exchange.reached
            exchange = replace(exchange, requests=requests)
            try:
                answer = self._receive(request, exchange, read)
            except SyncError as error:
                error.requests = requests
                error.wait = self._long_wait(exchange, error, policy)
                if not is_probe:
                    self._gate.note(self._monotonic(), error)
                if isinstance(error, RateLimitedError):
                    refusals += 1
                    self._refused += 1
                    if error.wait is not None:
                        raise
                    self._pause(request, exchange)
                    if refusals >= policy.refusals:
                        raise
                elif isinstance(error, TransientError):
                    attempts += 1
                    if not is_probe and error.wait is None:
                        self._refuse_while_shut(requests)
                    await self._wait_to_retry(request, exchange, error, attempts, policy)
                else:
                    raise
            else:
                if not is_probe:
                    self._gate.note(self._monotonic(), None)
                return answer

    def _refuse_while_shut(self, requests: int) -> None:
        try:
            self._gate.check()
        except SyncError as error:
            error.requests = requests
            raise

    async def _exchange(self, request: Request) -> Exchange:
        """Send once, when the budget allows, and let everything that learns from answers see this one."""
        ticket = await self._budget.take()
        self._sent += 1
        self._retries.sent(self._monotonic())
        try:
            exchange = await self._transport.send(request)
        except BaseException:
            self._budget.abandoned()
            raise
        self._settle(ticket, request, exchange)
        if exchange.status is not None:
            self._learn_time(request, exchange)
            self._tell_version(request, exchange)
        return exchange

    def _settle(self, ticket: Ticket, request: Request, exchange: Exchange) -> None:
        if exchange.status is None:
            self._budget.unanswered(ticket, reached=exchange.reached)
        else:
            self._budget.answered(ticket, read_announcement(exchange.headers), overloaded=exchange.overloaded)
        if not exchange.reached:
            self._sent -= 1
        before, self._limit = self._limit, self._budget.limit
        if before != self._limit:
            self._tell(RateLimitChanged(what=request.what, before=before, now=self._limit))

    def _learn_time(self, request: Request, exchange: Exchange) -> None:
        date = parse_http_date(exchange.headers.get("Date"))
        if date is None:
            return
        jump = self._clock.observe(
            date, sent=exchange.sent_at, received=exchange.answered_at or exchange.ended_at
        )
        if abs(jump) >= _JUMP_TOLD:
            self._tell(ClockMoved(what=request.what, jump=jump))

    def _tell_version(self, request: Request, exchange: Exchange) -> None:
        """The answer's own word is the only proof of the version that was used."""
        answered = exchange.headers.get("X-PCO-API-Processed-As-Version")
        if answered is not None:
            self._tell_once(
                AnsweredAsVersion(product=request.product, asked=request.version, answered=answered)
            )

    def _receive(self, request: Request, exchange: Exchange, read: Reader[T]) -> T:
        error = error_of(request, exchange)
        if error is not None:
            raise error
        return read(request, exchange, self._requested_at(exchange))

    @staticmethod
    def _long_wait(exchange: Exchange, error: SyncError, policy: RetryPolicy) -> timedelta | None:
        """For how long the source asks to be left alone, where that is longer than a request waits."""
        asked = retry_after_of(exchange) if isinstance(error, TransientError) else None
        return asked if asked is not None and asked > policy.longest_wait else None

    def _pause(self, request: Request, exchange: Exchange) -> None:
        asked = retry_after_of(exchange)
        pause = self._budget.pause(asked)
        self._tell(RateLimitPaused(what=request.what, pause=pause, announced=asked is not None))

    async def _wait_to_retry(
        self, request: Request, exchange: Exchange, error: SyncError, attempt: int, policy: RetryPolicy
    ) -> None:
        """Wait for the next attempt, or raise the error where there is none, or no more of them are allowed."""
        delay = None
        if request.repeatable or not exchange.reached:
            retry_after = retry_after_of(exchange)
            delay = decide_retry(error, attempt, policy, self._random, retry_after=retry_after)
        if delay is None:
            raise error
        if not self._retries.may_retry(self._monotonic()):
            self._tell(RetryRefused(what=request.what, attempt=attempt, seen=str(error)))
            raise error
        self._retried += 1
        self._retries.retried(self._monotonic())
        self._tell(RequestRetried(what=request.what, attempt=attempt, seen=str(error), delay=delay))
        await self._sleep(delay.total_seconds())

    def _requested_at(self, exchange: Exchange) -> datetime:
        """When the request started, by the server's clock; by this machine's where the server tells no time."""
        at = self._clock.at(exchange.sent_at)
        if at is not None:
            return at
        self._tell_once(ClockFallback(host=self._transport.host))
        return self._utc_now() - timedelta(seconds=self._monotonic() - exchange.sent_at)

    def _tell_once(self, event: SourceEvent) -> None:
        if event not in self._told:
            self._told.add(event)
            self._tell(event)
