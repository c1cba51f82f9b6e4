"""A real HTTP server on this machine that answers each request as a test says, in the order the requests come."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

RATE = {
    "X-PCO-API-Request-Rate-Limit": "100",
    "X-PCO-API-Request-Rate-Period": "20",
    "X-PCO-API-Request-Rate-Count": "1",
}
RECORD = {"type": "Person", "id": "1", "attributes": {"name": "Jane Roe"}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    """With its query, as it was on the wire."""
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    port: int
    """The client's: one connection has one."""


@dataclass
class ScriptedSource:
    url: str
    script: list[Answer]
    requests: list[Seen] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set from the first request on."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        seen = Seen(
            method=request.method,
            path=request.raw_path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
            port=request.transport.get_extra_info("peername")[1],
        )
        self.requests.append(seen)
        self.arrived.set()
        # The last line of a script answers everything that comes after it.
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await answer(request)


@asynccontextmanager
async def scripted_source(
    *script: Answer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedSource]:
    """Serve until the block is left; connections that still hang are cut."""
    source = ScriptedSource(url="", script=list(script))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", source.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    scheme = "http" if tls is None else "https"
    source.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield source
    finally:
        await runner.cleanup()


def answer(
    document: object = None,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """An ordinary answer; a listing of one record where nothing else is said."""
    content = (
        json.dumps({"data": [RECORD]} if document is None else document).encode() if body is None else body
    )

    async def respond(_: web.Request) -> web.StreamResponse:
        kind = {"Content-Type": "application/vnd.api+json; charset=utf-8"}
        return web.Response(status=status, body=content, headers=kind | RATE | (headers or {}))

    return respond


def error(status: int, *, headers: dict[str, str] | None = None, **members: object) -> Answer:
    return answer({"errors": [members]}, status=status, headers=headers)


def no_content() -> Answer:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=RATE)

    return respond


def page_of_html(status: int) -> Answer:
    return answer(
        status=status,
        body=b"<!DOCTYPE html><title>404</title>",
        headers={"Content-Type": "text/html; charset=utf-8"},
    )


def raw(wire: bytes, *, reset: bool = False) -> Answer:
    """Write these bytes, whatever they are, and close the connection (`reset`: cut it)."""

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(wire)
        if reset:
            request.transport.abort()
        else:
            request.transport.close()
        return web.Response()

    return respond


def dropped() -> Answer:
    return raw(b"", reset=True)


def cut_off(document: object = None) -> Answer:
    """Promises the whole body by its length, and sends half of it."""
    body = json.dumps({"data": [RECORD]} if document is None else document).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.api+json\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    return raw(head + body[: len(body) // 2])


def held(until: asyncio.Event, then: Answer | None = None) -> Answer:
    """Says nothing before the event."""

    async def respond(request: web.Request) -> web.StreamResponse:
        await until.wait()
        return await (then or answer())(request)

    return respond
