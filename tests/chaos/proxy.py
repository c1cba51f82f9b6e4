"""A network that fails: whatever goes through it can be cut off, or held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_CHUNK = 65_536

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Proxy:
    """Passes connections to one port of this machine on to a server. Open one with `proxy`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._open: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._refusing = False
        self.port = 0

    async def cut(self, seconds: float) -> None:
        """Break all connections, in the middle of whatever they carry, and let none come about for so long."""
        self._refusing = True
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(seconds)
        self._refusing = False

    async def hold(self, seconds: float) -> None:
        """Let nothing through for so long; then everything goes on."""
        self._passing.clear()
        await asyncio.sleep(seconds)
        self._passing.set()

    async def end(self) -> None:
        """Break all connections, and wait until nothing of them is left."""
        self._passing.set()
        await self.cut(0)
        while self._open:  # noqa: ASYNC110  # nothing tells it
            await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there, back = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            self._open -= {writer, back}
            for end in (writer, back):
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._passing.wait()
                writer.write(chunk)
                await writer.drain()
        # Whichever side has ended, the other one shall see it.
        writer.close()


@asynccontextmanager
async def proxy(connect: Connect) -> AsyncIterator[Proxy]:
    """One on a free port, until the block is left."""
    made = Proxy(connect)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()
