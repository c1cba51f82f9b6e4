"""The simulator as a web server: the edge between HTTP and what `answering` decides."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openfaith.simulator.answering import Request, Simulator
from openfaith.simulator.answers import Answer
from openfaith.simulator.control import Control
from openfaith.simulator.data import Church
from openfaith.simulator.options import SimulatorOptions

CONTROL_PATH = "/_simulator"

ABORT = "openfaith.abort"
"""The name under which a scope offers to close its connection at once, after some bytes that are sent as they are."""

NOISE = b"I am a teapot\r\n\r\n"

KEEP_ALIVE_SECONDS = 75
"""How long a connection may be idle: as long as servers in front of such an API usually wait."""


GRACE_SECONDS = 2
"""How long answers under way may take when the server is stopped."""


def create_app(
    options: SimulatorOptions, *, church: Church | None = None, clock: Callable[[], float] = time.time
) -> Starlette:
    """The simulated API with its control interface, as an ASGI application.

    Args:
        options: the church and how its API behaves.
        church: its data, if it exists already; by default made from the options.
        clock: Unix time on this machine.

    Raises:
        ConfigurationError: the options' faults mean nothing.
    """
    simulator = Simulator(options, church, clock)
    app = Starlette(
        routes=[Mount(CONTROL_PATH, routes=Control(simulator).routes()), Mount("/", app=Api(simulator))]
    )
    app.state.simulator = simulator
    return app


class Api:
    """Everything that is not the control interface."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The answer is complete before the first await: nothing can change the church in between.
        answer = self._simulator.answer(read_request(scope))
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        if answer.ending in {"dropped", "noise"}:
            await _abort(scope, receive, b"" if answer.ending == "dropped" else NOISE)
        else:
            await _send(answer, send)


def read_request(scope: Scope) -> Request:
    """What matters of an ASGI request."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        origin=f"{scope['scheme']}://{headers.get(b'host', '')}",
        authorization=headers.get(b"authorization", ""),
        version=headers.get(b"x-pco-api-version", ""),
    )


async def _send(answer: Answer, send: Send) -> None:
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if answer.ending == "complete":
        await send({"type": "http.response.body", "body": answer.body})
    else:
        # The server closes a connection whose answer it was not given to the end.
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def _abort(scope: Scope, receive: Receive, last_words: bytes) -> None:
    """Close the connection, and return when it is.

    Raises:
        ConnectionAbortedError: the server cannot do that, as in a test without a socket.
    """
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionAbortedError("the connection was dropped on purpose")
    abort(last_words)
    while (await receive())["type"] != "http.disconnect":
        pass


class DroppableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which lets the application close the connection without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self._abort}  # type: ignore[dict-item]  # not one of ASGI's own

    def _abort(self, last_words: bytes) -> None:
        if last_words:
            self.transport.write(last_words)
            self.transport.close()
        else:
            self.transport.abort()


def server_of(app: Starlette, host: str, port: int) -> uvicorn.Server:
    """The web server, not yet started. Dates are the simulator's, not the server's."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # dropped connections are on purpose
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=DroppableProtocol,
        ws="none",
        loop="auto",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return uvicorn.Server(config)
