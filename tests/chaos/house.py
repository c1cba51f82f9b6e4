"""What chaos is let loose on: PostgreSQL, a source, the ways to both, and workers that somebody starts again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from chaos.proxy import Proxy, proxy
from openfaith import Engine, Settings
from openfaith.errors import DatabaseUnavailableError
from openfaith.simulator import RunningSimulator
from openfaith.store.embedded import EmbeddedServer
from openfaith.store.embedded.cluster import find_cluster
from openfaith.workflows.leases import LEASE_LOST_EXIT_CODE
from support.terminal import OPENFAITH

T = TypeVar("T")

LEASE_SECONDS = 3

MAY_END_WITH = {LEASE_LOST_EXIT_CODE, 2}
"""The lease was lost, or the database was not there when it began. Whoever looks after processes starts it again."""


class Workers:
    """So many processes of `openfaith up`, each of which is started again when it has ended."""

    def __init__(self, number: int, url: str, home: Path, log: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._environment = {
            **kept,
            "OPENFAITH_DATABASE_URL": url,
            "OPENFAITH_HOME": str(home),
            "OPENFAITH_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        self._log = log
        self.processes = [self._begin() for _ in range(number)]
        self.ended_by_themselves: list[int] = []
        """The exit codes of those that nobody killed."""
        self.last_words: list[str] = []
        """What stood last in the log when one of them ended by something that it may not end by."""

    def _begin(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen([OPENFAITH, "up"], env=self._environment, stdout=log, stderr=log)

    def kill(self, which: int) -> None:
        self.processes[which].kill()
        self.processes[which].wait()

    def begin_again(self, which: int) -> None:
        self.processes[which] = self._begin()

    async def look_after(self) -> None:
        """Start those again that have ended, until cancelled."""
        while True:
            for which, process in enumerate(self.processes):
                code = process.poll()
                if code is not None:
                    if code != -signal.SIGKILL:
                        self.ended_by_themselves.append(code)
                    if code not in {-signal.SIGKILL, *MAY_END_WITH}:
                        self.last_words.append(f"exit code {code}: {self.text[-10_000:]}")
                    self.begin_again(which)
            await asyncio.sleep(0.5)

    def end(self) -> Sequence[int]:
        """Ask them to end; returns their exit codes, and that of one that did not is a negative number."""
        for process in self.processes:
            process.terminate()
        codes: list[int] = []
        for process in self.processes:
            try:
                codes.append(process.wait(timeout=30))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        return codes

    @property
    def text(self) -> str:
        """What all of them have said."""
        return self._log.read_text(errors="replace")


@dataclass(kw_only=True)
class House:
    """Opened by `open_house`."""

    home: Path
    """Of the engine, and of the server."""
    url: str
    """Of the database, not by the way that fails."""
    church: RunningSimulator
    to_database: Proxy
    to_source: Proxy
    workers: Workers
    _servers: list[EmbeddedServer] = field(default_factory=list)

    @property
    def source_url(self) -> str:
        return f"http://127.0.0.1:{self.to_source.port}"

    async def end_database(self, number: signal.Signals) -> None:
        """End the server by a signal, and start it again."""
        cluster = find_cluster(self.home)
        assert cluster is not None, "it was started"
        pid = cluster.postmaster_pid
        if pid is not None:
            os.kill(pid, number)
        while cluster.is_postmaster_alive():  # noqa: ASYNC110  # nothing tells it
            await asyncio.sleep(0.02)
        await self._begin_database()

    async def _begin_database(self) -> None:
        self._servers.append(await asyncio.to_thread(EmbeddedServer.start, self.home))

    async def mend(self) -> None:
        """The database runs, and both ways are open, whatever was being done to them."""
        await self._begin_database()
        for way in (self.to_database, self.to_source):
            await way.hold(0)
            await way.cut(0)
        self.church.control("faults", {"faults": ""})

    async def ask(self, question: Callable[[Engine], Awaitable[T]]) -> T:
        """What the engine answers; asked again while the database is away."""
        settings = Settings(database_url=SecretStr(self.url), home=self.home)
        while True:
            try:
                async with Engine.open(settings) as engine:
                    return await question(engine)
            except DatabaseUnavailableError:
                await asyncio.sleep(0.2)

    def release(self) -> None:
        for server in reversed(self._servers):
            server.release()


@asynccontextmanager
async def open_house(
    church: RunningSimulator, home: Path, log: Path, *, workers: int
) -> AsyncIterator[House]:
    """A server of its own in `home`, and workers that reach it and the church by ways that can fail."""
    server = await asyncio.to_thread(EmbeddedServer.start, home)
    parts = urlsplit(server.url)
    socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.{parse_qs(parts.query)['port'][0]}"
    source = urlsplit(church.base_url)
    async with AsyncExitStack() as stack:
        to_database = await stack.enter_async_context(proxy(lambda: asyncio.open_unix_connection(socket)))
        to_source = await stack.enter_async_context(
            proxy(lambda: asyncio.open_connection(source.hostname, source.port))
        )
        user = parts.netloc.rpartition("@")[0]
        url = f"postgresql://{user}@127.0.0.1:{to_database.port}{parts.path}"
        house = House(
            home=home,
            url=server.url,
            church=church,
            to_database=to_database,
            to_source=to_source,
            workers=Workers(workers, url, home, log),
        )
        house._servers.append(server)
        stack.callback(house.release)
        stack.push_async_callback(asyncio.to_thread, house.workers.end)
        yield house
