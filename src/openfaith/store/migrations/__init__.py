"""The control tables' schema, as a list of SQL files that only ever grows.

Each file runs once, in the order of its number, and all that are due run in one transaction under an
advisory lock: two processes that start at once apply each exactly once, and a process killed half-way leaves
nothing behind. A file that was applied is never edited; its checksum is compared at every start.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import sql

from openfaith.errors import DatabaseRefusedError
from openfaith.store.connection import SILENCE, check_url, lone_connection, watch
from openfaith.store.faults import server_name, translated

MINIMUM_SERVER_VERSION = 140000
"""PostgreSQL 14: the oldest release whose features the store's SQL uses."""

_LOCK = 0x6F70656E66616974
"""The advisory lock's number: the letters `openfait`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def known_migrations() -> tuple[Migration, ...]:
    """Every migration this program has, by number, without gaps."""
    files = (f for f in resources.files(__name__).iterdir() if f.name.endswith(".sql"))
    found = []
    for file in files:
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            found.append(Migration(number=int(match[1]), name=match[2], text=file.read_text("utf-8")))
    return tuple(sorted(found, key=lambda m: m.number))


async def migrate(url: str) -> tuple[str, ...]:
    """Bring the control tables up to date.

    Returns the names of the migrations that this call applied; none when there was nothing to do.

    Raises:
        ConfigurationError: the URL is not one of PostgreSQL's.
        DatabaseUnavailableError: the server cannot be reached.
        DatabaseRefusedError: the server is too old, the database has another encoding than UTF-8, its tables are
            newer than this program, an applied file was edited, or the role may not create schemas.
    """
    check_url(url)
    with translated(url):
        async with lone_connection(
            url, autocommit=True, connect_timeout=10, **watch(url, SILENCE)
        ) as connection:
            _check_server(
                url,
                version=connection.info.server_version,
                encoding=connection.info.parameter_status("server_encoding"),
            )
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                return await _apply_due(url, connection)


async def _apply_due(url: str, connection: psycopg.AsyncConnection) -> tuple[str, ...]:
    applied = await _read_applied(connection)
    due = pending(url, known_migrations(), applied)
    for migration in due:
        await connection.execute(sql.SQL(migration.text))
        await connection.execute(
            "INSERT INTO openfaith.migration (number, name, checksum) VALUES (%s, %s, %s)",
            (migration.number, migration.name, migration.checksum),
        )
    return tuple(m.name for m in due)


async def _read_applied(connection: psycopg.AsyncConnection) -> dict[int, str]:
    found = await (await connection.execute("SELECT to_regclass('openfaith.migration')")).fetchone()
    if found is None or found[0] is None:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS openfaith")
        await connection.execute(
            "CREATE TABLE openfaith.migration (number integer PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        return {}
    rows = await (await connection.execute("SELECT number, checksum FROM openfaith.migration")).fetchall()
    return dict(rows)


def pending(url: str, known: tuple[Migration, ...], applied: dict[int, str]) -> tuple[Migration, ...]:
    """Which of the known migrations are still to be applied; refuses a history that is not ours."""
    numbers = {m.number for m in known}
    if applied.keys() - numbers:
        raise DatabaseRefusedError(
            server_name(url),
            f"its openfaith tables are at version {max(applied)}, this program knows {max(numbers, default=0)}",
            "upgrade openfaith on this machine",
        )
    for migration in known:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise DatabaseRefusedError(
                server_name(url),
                f"migration {migration.number:04} ({migration.name}) differs from the one that was applied",
                "restore the released file: an applied migration is never edited",
            )
    return tuple(m for m in known if m.number not in applied)


def _check_server(url: str, *, version: int, encoding: str | None) -> None:
    if version < MINIMUM_SERVER_VERSION:
        raise DatabaseRefusedError(
            server_name(url),
            f"it is version {version // 10000}",
            "openfaith needs PostgreSQL 14 or newer; upgrade the server or point OPENFAITH_DATABASE_URL at another",
        )
    if encoding != "UTF8":
        raise DatabaseRefusedError(
            server_name(url),
            f"the database's encoding is {encoding}",
            "what the source sends is UTF-8; create a database with ENCODING 'UTF8' TEMPLATE template0",
        )
