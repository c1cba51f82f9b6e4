"""The client against a real server that misbehaves. Waiting costs no time: the sleep is the test's."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from openfaith.breakers import BREAKER, BreakerPolicy, Gate
from openfaith.errors import (
    BreakerOpenError,
    BrokenResponseError,
    ConfigurationError,
    CredentialsRejectedError,
    RateLimitedError,
    RequestRejectedError,
    SourceUnavailableError,
)
from openfaith.retries import REQUEST, RetryPolicy
from openfaith.source import (
    BearerToken,
    RateLimit,
    RateLimitChanged,
    RateLimitPaused,
    RequestRetried,
    RetryRefused,
    SourceClient,
    SourceEvent,
)
from openfaith.source import transport as transport_module
from support.certificates import self_signed
from support.scripted_source import (
    RATE,
    RECORD,
    Answer,
    ScriptedSource,
    answer,
    cut_off,
    dropped,
    error,
    held,
    page_of_html,
    raw,
    scripted_source,
)

PEOPLE = "/people/v2/people"
LISTING = json.dumps({"data": [RECORD]}).encode()
NEVER = timedelta(milliseconds=50)
"""A request that is answered never is given up after this; the only real time that passes here."""


@dataclass
class VirtualClock:
    """Time that passes only while the client sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Stage:
    source: ScriptedSource
    client: SourceClient
    clock: VirtualClock
    events: list[SourceEvent]

    async def read(self) -> int:
        """Read one page; returns how many records it had."""
        return len((await self.client.get_page(PEOPLE, {"where[name]": "CANARY"}, version=None)).records)


@asynccontextmanager
async def staged(
    *script: Answer,
    request_timeout: timedelta = timedelta(seconds=60),
    retry: RetryPolicy = REQUEST,
    breakers: BreakerPolicy = BREAKER,
) -> AsyncIterator[Stage]:
    clock, events = VirtualClock(), list[SourceEvent]()
    async with (
        scripted_source(*script) as source,
        SourceClient(
            base_url=source.url,
            token=BearerToken(token="SECRET"),
            request_timeout=request_timeout,
            retry=retry,
            gate=Gate(policy=breakers),
            on_event=events.append,
            random=lambda: 0.5,
            sleep=clock.sleep,
            monotonic=clock.monotonic,
        ) as client,
    ):
        yield Stage(source, client, clock, events)


def half_unpacked() -> Answer:
    """A compressed body that ends in the middle, though its length is right."""
    packed = gzip.compress(json.dumps({"data": [RECORD] * 500}).encode())[:60]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    return raw(head + packed)


def not_packed() -> Answer:
    return raw(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(LISTING), LISTING)
    )


def too_short_a_length() -> Answer:
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(LISTING) - 5, LISTING))


def unfinished_chunks() -> Answer:
    return raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(LISTING), LISTING))


FAULTS: dict[str, tuple[Callable[[], Answer], type[Exception]]] = {
    "500": (lambda: error(500, title="x"), SourceUnavailableError),
    "502 with HTML": (lambda: page_of_html(502), SourceUnavailableError),
    "503": (lambda: error(503), SourceUnavailableError),
    "504": (lambda: page_of_html(504), SourceUnavailableError),
    "dropped connection": (dropped, SourceUnavailableError),
    "not HTTP": (lambda: raw(b"garbage CANARY\r\n\r\n"), BrokenResponseError),
    "HTML with 200": (lambda: page_of_html(200), BrokenResponseError),
    "nothing with 200": (lambda: answer(body=b""), BrokenResponseError),
    "an error document with 200": (lambda: error(200, title="CANARY"), BrokenResponseError),
    "a length that is too long": (cut_off, BrokenResponseError),
    "a length that is too short": (too_short_a_length, BrokenResponseError),
    "chunks without an end": (unfinished_chunks, BrokenResponseError),
    "a body that is half unpacked": (half_unpacked, BrokenResponseError),
    "a body that is not packed": (not_packed, BrokenResponseError),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_one_fault_costs_one_more_request(name: str) -> None:
    fault, _ = FAULTS[name]
    async with staged(fault(), answer()) as stage:
        assert await stage.read() == 1
    assert len(stage.source.requests) == stage.client.requests_sent == 2
    assert [type(event) for event in stage.events if isinstance(event, RequestRetried)] == [RequestRetried]


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_that_stays_is_raised_after_six_attempts(name: str) -> None:
    """Six requests at the server too: nothing below this client sends one by itself."""
    fault, kind = FAULTS[name]
    async with staged(fault()) as stage:
        with pytest.raises(kind) as raised:
            await stage.read()
    assert len(stage.source.requests) == stage.client.requests_sent == 6
    assert "GET /people/v2/people" in str(raised.value)


@pytest.mark.parametrize("name", FAULTS)
async def test_neither_errors_nor_events_hold_a_secret_or_a_name(name: str) -> None:
    fault, kind = FAULTS[name]
    async with staged(fault()) as stage:
        with pytest.raises(kind) as raised:
            await stage.read()
    told = f"{raised.value!r} {raised.value} {stage.events}"
    assert "CANARY" not in told
    assert "SECRET" not in told


async def test_a_source_in_trouble_is_asked_no_more_until_somebody_says_so() -> None:
    """The twentieth call that comes to nothing is the last; only a probe passes, and counts for nothing."""
    async with staged(error(503)) as stage:
        for _ in range(6):
            with pytest.raises((SourceUnavailableError, BreakerOpenError)):
                await stage.read()
        assert stage.client.requests_sent == 20
        with pytest.raises(SourceUnavailableError):
            await stage.client.probe(PEOPLE, version=None)
        assert (stage.client.requests_sent, stage.client.is_shut) == (21, True)
        stage.client.open_gate()
        with pytest.raises(SourceUnavailableError):
            await stage.read()


async def test_a_source_that_goes_on_failing_is_not_asked_again_for_ever() -> None:
    """Twenty retries in five minutes, and beyond these one for ten requests: a failing source is asked less."""
    async with staged(error(503), breakers=replace(BREAKER, calls=1_000)) as stage:
        for _ in range(30):
            with pytest.raises(SourceUnavailableError):
                await stage.read()
        retried = stage.client.statistics.requests_retried
        refused = [event for event in stage.events if isinstance(event, RetryRefused)]
        assert (stage.client.requests_sent, retried) == (50, 20)
        assert len(refused) == 26  # the first four were tried six times each
        stage.clock.now += 301
        with pytest.raises(SourceUnavailableError):
            await stage.read()
    assert stage.client.requests_sent == 56


async def test_a_request_may_have_a_policy_of_its_own() -> None:
    async with staged(error(503)) as stage:
        with pytest.raises(SourceUnavailableError):
            await stage.client.get_page(PEOPLE, {}, version=None, retry=RetryPolicy(attempts=2))
        with pytest.raises(SourceUnavailableError):
            await stage.client.get_record(f"{PEOPLE}/1", version=None, retry=RetryPolicy(attempts=3))
    assert stage.client.requests_sent == 5


async def test_waits_between_attempts_grow() -> None:
    async with staged(error(503)) as stage:
        with pytest.raises(SourceUnavailableError):
            await stage.read()
    assert stage.clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert [event.delay.total_seconds() for event in stage.events if isinstance(event, RequestRetried)] == [
        0.25, 0.5, 1.0, 2.0, 4.0,
    ]  # fmt: skip


async def test_the_time_a_failing_source_asks_for_is_not_undercut() -> None:
    async with staged(error(503, headers={"Retry-After": "40"}), answer()) as stage:
        assert await stage.read() == 1
    assert stage.clock.slept == [40.0]


async def test_a_source_that_asks_for_too_much_is_not_waited_for() -> None:
    async with staged(error(503, headers={"Retry-After": "7200"})) as stage:
        with pytest.raises(SourceUnavailableError):
            await stage.read()
    assert stage.clock.slept == []


async def test_a_slow_answer_is_given_up_and_asked_for_again() -> None:
    async with staged(held(asyncio.Event()), answer(), request_timeout=NEVER) as stage:
        assert await stage.read() == 1
    assert len(stage.source.requests) == 2


async def test_a_slow_body_is_given_up_too() -> None:
    """The headers come, the body does not."""
    async with staged(unending_body(), request_timeout=NEVER, retry=RetryPolicy(attempts=1)) as stage:
        with pytest.raises(SourceUnavailableError, match=r"no whole answer within 0\.05 s"):
            await stage.read()


def unending_body() -> Answer:
    from aiohttp import web

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"data":[')
        await asyncio.Event().wait()
        return response

    return respond


async def test_a_connection_that_broke_is_not_used_again() -> None:
    async with staged(too_short_a_length(), answer()) as stage:
        await stage.read()
    assert len({seen.port for seen in stage.source.requests}) == 2


async def test_a_body_that_is_too_large_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "LARGEST_BODY", 1024)
    async with staged(answer(body=b"[" * 5000), retry=RetryPolicy(attempts=1)) as stage:
        with pytest.raises(BrokenResponseError, match="more than"):
            await stage.read()


async def test_a_body_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "LARGEST_BODY", 100_000)
    bomb = gzip.compress(b'{"data":[' + b" " * 10_000_000 + b"]}")
    packed = answer(body=bomb, headers={"Content-Encoding": "gzip"})
    async with staged(packed, retry=RetryPolicy(attempts=1)) as stage:
        with pytest.raises(BrokenResponseError, match="more than"):
            await stage.read()


async def test_a_packed_body_is_unpacked() -> None:
    packed = answer(body=gzip.compress(LISTING), headers={"Content-Encoding": "gzip"})
    async with staged(packed) as stage:
        page = await stage.client.get_page(PEOPLE, {}, version=None)
    assert (len(page.records), page.size_bytes) == (1, len(LISTING))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_is_not_followed(status: int) -> None:
    async with scripted_source(answer()) as elsewhere:
        moved = answer(status=status, body=b"", headers={"Location": f"{elsewhere.url}/x?CANARY"})
        async with staged(moved) as stage:
            with pytest.raises(RequestRejectedError, match="not followed") as raised:
                await stage.read()
    assert elsewhere.requests == []
    assert "CANARY" not in str(raised.value)


async def test_rejected_credentials_are_not_tried_again() -> None:
    async with staged(error(401, detail="Error Code Hint: (CAPUCHIN)")) as stage:
        with pytest.raises(CredentialsRejectedError, match="CAPUCHIN"):
            await stage.read()
    assert len(stage.source.requests) == 1


async def test_a_page_of_html_with_404_is_a_refusal() -> None:
    """A router answers so where it does not know the method; it says nothing of a record."""
    async with staged(page_of_html(404)) as stage:
        with pytest.raises(RequestRejectedError):
            await stage.client.write("PUT", f"{PEOPLE}/1", b"{}", version=None)


async def test_a_refusal_for_now_pauses_the_credential_as_long_as_it_says() -> None:
    async with staged(error(429, headers={"Retry-After": "7"}), answer()) as stage:
        assert await stage.read() == 1
    assert stage.clock.slept == [7.0]
    assert stage.client.statistics.requests_refused == 1
    paused = [event for event in stage.events if isinstance(event, RateLimitPaused)]
    assert [(event.pause, event.announced) for event in paused] == [(timedelta(seconds=7), True)]
    assert "CANARY" not in paused[0].what


@pytest.mark.parametrize("period", ["30", "30 seconds"])
async def test_a_refusal_that_does_not_say_how_long_pauses_for_a_period(period: str) -> None:
    async with staged(error(429, headers={"X-PCO-API-Request-Rate-Period": period}), answer()) as stage:
        assert await stage.read() == 1
    assert stage.clock.slept == [30.0]


async def test_refusals_are_not_counted_as_attempts() -> None:
    refusals = [error(429, headers={"Retry-After": "1"}) for _ in range(10)]
    async with staged(*refusals, error(500), answer()) as stage:
        assert await stage.read() == 1
    assert len(stage.source.requests) == 12


async def test_a_request_that_is_refused_for_ever_is_given_up() -> None:
    async with staged(error(429, headers={"Retry-After": "1"})) as stage:
        with pytest.raises(RateLimitedError):
            await stage.read()
    assert len(stage.source.requests) == 20


async def test_a_pause_holds_back_the_others_too() -> None:
    async with staged(error(429, headers={"Retry-After": "7"}), answer()) as stage:
        reads = (stage.client.get_page(PEOPLE, {"offset": str(n)}, version=None) for n in range(5))
        await asyncio.gather(*reads)
    assert stage.clock.now == 1007.0
    assert len(stage.source.requests) == 6


async def test_the_announced_limit_is_kept_to_and_told() -> None:
    rate = RATE | {"X-PCO-API-Request-Rate-Limit": "3"}
    async with staged(answer(headers=rate)) as stage:
        for _ in range(4):
            await stage.read()
    assert sum(stage.clock.slept) == pytest.approx(20.1)
    before, now = RateLimit(100, timedelta(seconds=20)), RateLimit(3, timedelta(seconds=20))
    assert [(event.before, event.now) for event in stage.events if isinstance(event, RateLimitChanged)] == [
        (before, now)
    ]


async def test_a_write_is_sent_again_after_a_refusal_for_now() -> None:
    async with staged(
        error(429, headers={"Retry-After": "1"}), answer({"data": RECORD}, status=201)
    ) as stage:
        assert await stage.client.write("POST", PEOPLE, b"{}", version=None) is not None
    assert [seen.body for seen in stage.source.requests] == [b"{}", b"{}"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("name", ["500", "dropped connection", "a length that is too long"])
async def test_a_write_is_not_sent_again_where_it_may_have_been_done(method: str, name: str) -> None:
    """Also a GET, where it is one that starts something."""
    fault, kind = FAULTS[name]
    async with staged(fault()) as stage:
        with pytest.raises(kind):
            await stage.client.write(method, PEOPLE, None, version=None)
    assert len(stage.source.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_never_came_about_is_tried_again(method: str, unused_tcp_port: int) -> None:
    """A write too. No request counts as sent, and the error names the host."""
    clock = VirtualClock()
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with SourceClient(
        base_url=url, token=BearerToken(token="x"), sleep=clock.sleep, monotonic=clock.monotonic
    ) as client:
        with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1"):
            await client.write(method, PEOPLE, None, version=None)
    assert len(clock.slept) == 5
    assert client.requests_sent == 0


async def test_a_certificate_that_is_not_trusted_stops_everything(tmp_path: Path) -> None:
    async with (
        scripted_source(answer(), tls=self_signed(tmp_path)) as source,
        SourceClient(base_url=source.url, token=BearerToken(token="x")) as client,
    ):
        with pytest.raises(ConfigurationError, match=r"the certificate of 127\.0\.0\.1 is not trusted"):
            await client.get_page(PEOPLE, {}, version=None)
    assert source.requests == []


async def test_tls_with_a_server_that_speaks_none_is_unavailable() -> None:
    async with scripted_source(answer()) as source:
        url = source.url.replace("http://", "https://")
        async with SourceClient(
            base_url=url, token=BearerToken(token="x"), retry=RetryPolicy(attempts=1)
        ) as client:
            with pytest.raises(SourceUnavailableError, match="TLS"):
                await client.get_page(PEOPLE, {}, version=None)
