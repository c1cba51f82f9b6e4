"""A database that costs no turns of the event loop, and that a process may die at.

PostgreSQL answers a small church's statements sooner than an event loop would hear of it, so a connection here stays
with its statement until it is answered. Then it lets the others have a turn, or not, as the seed draws it:
transactions of several entities alternate as they do elsewhere, and the same seed has them alternate the same way.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait
from typing_extensions import override

from openfaith.store import Database, PageWriter
from openfaith.store.connection import _connecting
from openfaith.store.faults import translated

T = TypeVar("T")

_ANSWERED_WITHIN_MS = 5
"""What takes longer may wait for a lock: the server is asked."""

_CONNECTIONS = 6
"""So many are enough for all that one process does at once."""


class Crash(BaseException):
    """The process is killed. No code of ours may catch it."""


@dataclass
class Fuse:
    """When a process dies: at which of the moments before and after its requests and its uses of the database."""

    at: int | None = None
    """None: never."""
    moments: int = 0
    """So many went by."""
    blown: bool = False

    def touch(self) -> None:
        """One moment goes by.

        Raises:
            Crash: it was the last one.
        """
        self.moments += 1
        self.blown = self.blown or self.moments == self.at
        if self.blown:
            raise Crash


class SteadyConnection(psycopg.AsyncConnection[TupleRow]):
    """Stays with a statement until it is answered, but for locks: whoever holds one is to have his turns."""

    turns: Random
    """Draws whether others have a turn after a statement."""
    is_blocked: Callable[[int], bool]
    """Whether the server's process of this id waits for a lock."""

    @override
    async def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        try:
            result = await self._exchange(gen)
        except asyncio.CancelledError:
            await self.cancel_safe()  # else the statement goes on without its process
            raise
        if self.turns.getrandbits(1):
            await asyncio.sleep(0)
        return result

    async def _exchange(self, gen: PQGen[T]) -> T:
        try:
            wanted = next(gen)
            while True:
                wanted = gen.send(await self._ready(wanted))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what a generator returns is typed by `gen` alone

    async def _ready(self, wanted: Wait) -> Ready:
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN if wanted == Wait.R else select.POLLIN | select.POLLOUT)
        while not (found := poll.poll(_ANSWERED_WITHIN_MS)):
            while self.is_blocked(self.info.backend_pid):  # noqa: ASYNC110  # no event tells that it got the lock
                await asyncio.sleep(0)
        (_, events), *_ = found
        return Ready.W if events == select.POLLOUT else Ready.RW if events & select.POLLOUT else Ready.R


class FusedDatabase(Database):
    """A database that a process may die at: before what it does is committed, or right after."""

    def __init__(self, url: str) -> None:
        super().__init__(url, None)  # type: ignore[arg-type]  # it keeps its connections itself
        self.fuse = Fuse()
        self.turns = Random(0)
        """Whose turn it is; a world begins by seeding it."""
        self.writers: dict[Any, PageWriter] = {}
        """Of all processes: to compose and prepare their statements takes longer than to run them."""
        self._idle: list[SteadyConnection] = []
        """The one used last is taken first: what was planned in it need not be planned in another."""
        self._in_use = 0
        self._observer = psycopg.connect(url, autocommit=True)

    @override
    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        self.fuse.touch()
        with translated(self.url):
            connection = self._idle.pop() if self._idle else self._connect()
            self._in_use += 1
            assert self._in_use <= _CONNECTIONS, "somebody keeps connections"
            try:
                yield connection
            finally:
                self._in_use -= 1
                await self._take_back(connection)
        self.fuse.touch()

    def _connect(self) -> SteadyConnection:
        """Nobody has a turn meanwhile, so it takes a thread with a loop of its own."""
        opening = SteadyConnection.connect(self.url, **_connecting(self.url))
        with ThreadPoolExecutor(1) as thread:
            connection = thread.submit(asyncio.run, opening).result()
        connection.prepare_threshold = 0
        connection.prepared_max = 10_000
        connection.turns = self.turns
        connection.is_blocked = self._is_blocked
        return connection

    async def _take_back(self, connection: SteadyConnection) -> None:
        """Whoever died inside a transaction has left it open: it ends with its connection."""
        if connection.info.transaction_status is TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            await connection.close()

    def _is_blocked(self, backend_pid: int) -> bool:
        found = self._observer.execute("SELECT pg_blocking_pids(%s) <> '{}'", [backend_pid]).fetchone()
        return found == (True,)

    @override
    async def close(self) -> None:
        self._observer.close()
        while self._idle:
            await self._idle.pop().close()
