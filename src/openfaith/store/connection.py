"""The way to PostgreSQL: one pool per process. What goes wrong on it is told as our errors (`faults`)."""

from __future__ import annotations

import asyncio
import re
import select
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypedDict, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from openfaith.errors import ConfigurationError, DatabaseUnavailableError
from openfaith.loops import to_its_end
from openfaith.store.faults import server_name, translated

_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    # Who waited for a row's lock must see the row as it is then: this is how a superseded token is noticed.
    "default_transaction_isolation": "read committed",
    # A process frozen inside a transaction must not hold up the one that takes its work over.
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "30s",
    # Page statements are short and prepared: compiling them costs more than running them.
    "jit": "off",
    # A page statement is planned once. A plan per call would cost more than its execution: the planner cannot
    # learn anything from a page.
    "plan_cache_mode": "force_generic_plan",
}

_EXPECTED_URL = "a PostgreSQL URL such as postgresql://user:password@host:5432/database"


class _LatestFirst(deque[psycopg.AsyncConnection]):
    """The idle connections of a pool, which takes them from the left: what came back last is used first."""

    def append(self, connection: psycopg.AsyncConnection, /) -> None:
        self.appendleft(connection)


class _Pool(AsyncConnectionPool[psycopg.AsyncConnection]):
    """A pool that uses as few of its connections as it can, and these again and again.

    In turns, as the library would have it, every connection prepares every page statement and keeps its plan, and each
    finds the processor's caches full of the others' work. Measured at a full sync of 100,000 people with six connections:
    a tenth of PostgreSQL's CPU.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pool = _LatestFirst(self._pool)


class Watch(TypedDict, total=False):
    """Settings of libpq."""

    keepalives_idle: int
    keepalives_interval: int
    keepalives_count: int
    tcp_user_timeout: int


class _Connecting(Watch):
    autocommit: bool
    options: str
    application_name: str
    client_encoding: str
    connect_timeout: int
    prepare_threshold: int


SILENCE = timedelta(seconds=30)
"""For so long PostgreSQL's machine may not answer at all."""

PREPARED_AFTER = 1
"""How often a connection runs a statement before it is prepared there. What is run again is mostly run for every entity of
every run: that PostgreSQL parsed and planned the first five of each, the driver's default, was a seventh of what a small sync
cost it.
"""

_LONGEST_EXCLUSION = timedelta(minutes=2)
_ASK_AGAIN_SECONDS = 0.1


class Database:
    """A pool of connections to one database. Open it with `open_database`.

    Connections are in autocommit: whoever needs several statements in one transaction says so.
    """

    def __init__(self, url: str, pool: AsyncConnectionPool[psycopg.AsyncConnection]) -> None:
        self.url = url
        self.name = server_name(url)
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """A connection of the pool, for as long as the block runs.

        Raises:
            DatabaseUnavailableError: no connection can be had, or it was lost inside the block.
            DatabaseRefusedError: the server denies what the block does.
        """
        with translated(self.url):
            asked = _cancellations()
            async with self._pool.connection() as connection:
                if _cancellations() > asked:
                    # The pool waits by `wait_for`, which loses one now and then before Python 3.12.
                    raise asyncio.CancelledError
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """A connection inside a transaction: all of the block is committed, or nothing of it."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Let only one process at a time into the blocks of this name.

        The lock belongs to a connection of its own, and ends with it, however the block is left. It is asked for
        again and again instead of waited for: a statement that waits holds a snapshot, and what the block does
        may itself wait for the end of every snapshot (CREATE INDEX CONCURRENTLY).

        Raises:
            DatabaseUnavailableError: somebody else stayed inside for two minutes, or the connection was lost.
        """
        with translated(self.url):
            async with lone_connection(self.url, **_connecting(self.url)) as connection:
                await self._enter(connection, name)
                yield

    async def _enter(self, connection: psycopg.AsyncConnection, name: str) -> None:
        ends_at = time.monotonic() + _LONGEST_EXCLUSION.total_seconds()
        while True:
            cursor = await connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"openfaith.{name}",)
            )
            if await cursor.fetchone() == (True,):
                return
            if time.monotonic() > ends_at:
                raise DatabaseUnavailableError(self.name, f"another process is busy with {name} for too long")
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def close(self) -> None:
        """Close every connection, also where whoever waits for that is cancelled meanwhile: it takes seconds at most."""
        await to_its_end(self._pool.close())


@asynccontextmanager
async def lone_connection(url: str, **options: Any) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection of no pool, for as long as the block runs.

    To close it waits for nothing. The driver's own block would roll back before, and who is cancelled in that leaves it
    open.
    """
    connection = await psycopg.AsyncConnection.connect(url, **options)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def open_database(
    url: str, *, connections: int = 8, patience: timedelta = timedelta(seconds=60)
) -> AsyncIterator[Database]:
    """Open a pool of at most `connections` connections, made when they are first needed.

    Args:
        url: of PostgreSQL.
        connections: the most at once, at least 1.
        patience: how long to wait for a connection while all are in use, or none can be made.

    Raises:
        ConfigurationError: the URL is not one of PostgreSQL's.
        DatabaseUnavailableError: the server cannot be reached.
        DatabaseRefusedError: wrong password, unknown database, missing rights.
    """
    check_url(url)
    pool = _Pool(
        url,
        min_size=1,
        max_size=connections,
        open=False,
        timeout=patience.total_seconds(),
        kwargs=dict(_connecting(url)),
        check=_check_idle,
    )
    with translated(url):
        # The pool retries in the background and hides the reason; one plain connection tells it at once.
        async with lone_connection(url, **_connecting(url)):
            pass
        await pool.open()
    database = Database(url, pool)
    try:
        yield database
    finally:
        await database.close()


def _connecting(url: str) -> _Connecting:
    """How every connection of the pool is made."""
    return {
        "autocommit": True,
        "options": options(url, _SESSION),
        "application_name": "openfaith",
        # Pages are handed on as the UTF-8 that they came in.
        "client_encoding": "UTF8",
        "connect_timeout": 10,
        "prepare_threshold": PREPARED_AFTER,
        **watch(url, SILENCE),
    }


def watch(url: str, silence: timedelta) -> Watch:
    """What ends a connection whose server is gone without a word, as when the network swallows everything.

    Without it the kernel goes on for about a quarter of an hour. A slow statement is no silence: the other side's kernel
    answers for it. What the URL says goes before.

    Args:
        silence: after so long, a second at least, whoever waits is told.
    """
    probes = 3
    seconds = max(2, int(silence.total_seconds()))
    each = max(1, seconds // (2 * probes))
    ours = Watch(
        keepalives_idle=max(1, seconds - probes * each),
        keepalives_interval=each,
        keepalives_count=probes,
        tcp_user_timeout=seconds * 1000,
    )
    given = conninfo_to_dict(url)
    return cast("Watch", {name: value for name, value in ours.items() if name not in given})


def options(url: str, settings: Mapping[str, str]) -> str:
    """A connection's settings, beside those that the URL has already: some hosts are told the database by them."""
    given = conninfo_to_dict(url).get("options") or ""
    ours = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items())
    return f"{given} {ours}".strip()


def _cancellations() -> int:
    """How often this task was asked to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


async def _check_idle(connection: psycopg.AsyncConnection) -> None:
    """Refuse a connection that the server closed while it lay idle, as after a restart.

    A server that has said something to an idle connection has most likely said goodbye. Only then is it asked: this
    costs a microsecond, a question for every use would cost a round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)


def check_url(url: str) -> None:
    """Refuse a text that is no PostgreSQL URL, before anything tries to connect.

    Raises:
        ConfigurationError: it is none, or a part of its password would be taken for the host or the database.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "OPENFAITH_DATABASE_URL", "it does not start with postgresql://", _EXPECTED_URL
        )
    if not url.isprintable():
        raise ConfigurationError(
            "OPENFAITH_DATABASE_URL",
            "it has a control character, which ends it for the driver",
            _EXPECTED_URL,
        )
    if _is_ambiguous(url):
        raise ConfigurationError(
            "OPENFAITH_DATABASE_URL",
            "its user or password has one of the characters @ / ? # [ ]",
            "these percent-encoded, as %40 for @ and %2F for /",
        )
    try:
        conninfo_to_dict(url)
    except (psycopg.ProgrammingError, UnicodeError):
        # The driver's text quotes the part that it cannot read, which may be the password.
        raise ConfigurationError("OPENFAITH_DATABASE_URL", "it cannot be parsed", _EXPECTED_URL) from None


def _is_ambiguous(url: str) -> bool:
    """Whether user and password have a character that ends them for some reader of URLs and not for another."""
    location = url.partition("://")[2]
    authority, _, path = location.partition("/")
    account, at, hosts = authority.partition("@")
    if at and (re.search(r"[?#\[\]]", account) or "@" in hosts.partition("?")[0]):
        return True
    return "@" in path.partition("?")[0]
