"""The way to PostgreSQL: one pool per process, and the translation of the driver's errors into ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from openfaith.errors import (
    ConfigurationError,
    DatabaseRefusedError,
    DatabaseUnavailableError,
    TransientError,
)

_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    # A process frozen inside a transaction must not hold up the one that takes its work over.
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "30s",
    # Page statements are short and prepared: compiling them costs more than running them.
    "jit": "off",
    # A page statement is planned once. A plan per call would cost more than its execution: the planner cannot
    # learn anything from a page.
    "plan_cache_mode": "force_generic_plan",
}


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
            async with self._pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """A connection inside a transaction: all of the block is committed, or nothing of it."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Let only one process at a time into the blocks of this name."""
        async with self.connection() as connection:
            await connection.execute(
                "SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"openfaith.{name}",)
            )
            try:
                yield
            finally:
                await connection.execute(
                    "SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (f"openfaith.{name}",)
                )

    async def close(self) -> None:
        await self._pool.close()


@asynccontextmanager
async def open_database(url: str, *, connections: int = 8) -> AsyncIterator[Database]:
    """Open a pool of at most `connections` connections, made when they are first needed.

    Raises:
        ConfigurationError: the URL is not one of PostgreSQL's.
        DatabaseUnavailableError: the server cannot be reached.
        DatabaseRefusedError: wrong password, unknown database, missing rights.
    """
    check_url(url)
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in _SESSION.items())
    pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=connections,
        open=False,
        timeout=60,
        kwargs={
            "autocommit": True,
            "options": options,
            "application_name": "openfaith",
            "connect_timeout": 10,
        },
    )
    with translated(url):
        # The pool retries in the background and hides the reason; one plain connection tells it at once.
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=10):
            pass
        await pool.open()
    database = Database(url, pool)
    try:
        yield database
    finally:
        await database.close()


def check_url(url: str) -> None:
    """Refuse a text that is no PostgreSQL URL, before anything tries to connect."""
    expected = "a PostgreSQL URL such as postgresql://user:password@host:5432/database"
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("OPENFAITH_DATABASE_URL", "it does not start with postgresql://", expected)
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as exc:
        raise ConfigurationError("OPENFAITH_DATABASE_URL", "it cannot be parsed", expected) from exc


def server_name(url: str) -> str:
    """Host, port and database of a URL, for messages: never its password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "the given URL"
    host = parts.get("host") or "localhost"
    return f"{host}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the driver's errors about reaching the server into ours; leave those about statements alone."""
    try:
        yield
    except (psycopg.OperationalError, PoolTimeout, pg.InsufficientPrivilege, pg.InvalidCatalogName) as exc:
        error = translate(url, exc)
        if error is None:
            raise
        raise error from exc


def translate(url: str, exc: psycopg.Error | PoolTimeout) -> TransientError | DatabaseRefusedError | None:
    """Our error for the driver's; None where it is about a statement and not about the server."""
    where, text = server_name(url), str(exc)
    if isinstance(exc, pg.InvalidPassword | pg.InvalidAuthorizationSpecification) or "password" in text:
        return DatabaseRefusedError(where, "it rejects the user or password", "check OPENFAITH_DATABASE_URL")
    if isinstance(exc, pg.InvalidCatalogName) or ("database" in text and "does not exist" in text):
        return DatabaseRefusedError(
            where, "the database does not exist", "create it, or check OPENFAITH_DATABASE_URL"
        )
    if isinstance(exc, pg.InsufficientPrivilege):
        message = exc.diag.message_primary or "permission denied"
        return DatabaseRefusedError(where, message, "grant CREATE on the database to its role")
    if isinstance(exc, pg.QueryCanceled | pg.DeadlockDetected | pg.LockNotAvailable):
        return DatabaseUnavailableError(where, type(exc).__name__)
    if isinstance(exc, psycopg.OperationalError | PoolTimeout):
        return DatabaseUnavailableError(where, _first_line(text) or type(exc).__name__)
    return None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
