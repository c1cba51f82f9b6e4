"""Looking at a database without changing anything in it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from openfaith.records import OrgId, RecordId
from openfaith.store.connection import SILENCE, Database, check_url, lone_connection, watch
from openfaith.store.faults import server_name, translated
from openfaith.store.migrations import MINIMUM_SERVER_VERSION, known_migrations, pending
from openfaith.store.queries import query


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseFacts:
    """What a database says of itself."""

    name: str
    """Host, port and database; never a password."""
    version: str
    """Of PostgreSQL, as in `18.6`."""
    is_too_old: bool
    is_new: bool
    """openfaith has never been here."""
    due: tuple[str, ...]
    """Migrations that this program has and the database has not."""


async def inspect_database(url: str) -> DatabaseFacts:
    """Look at a server and at the state of its control tables.

    Raises:
        ConfigurationError: the URL is not one of PostgreSQL's.
        DatabaseUnavailableError: the server cannot be reached.
        DatabaseRefusedError: it denies the connection, or its control tables are newer than this program.
    """
    check_url(url)
    with translated(url):
        async with lone_connection(
            url, autocommit=True, connect_timeout=10, **watch(url, SILENCE)
        ) as connection:
            applied = await _read_applied(connection)
            number = connection.info.server_version
    return DatabaseFacts(
        name=server_name(url),
        version=f"{number // 10000}.{number % 10000}",
        is_too_old=number < MINIMUM_SERVER_VERSION,
        is_new=not applied,
        due=tuple(m.name for m in pending(url, known_migrations(), applied)),
    )


async def _read_applied(connection: psycopg.AsyncConnection) -> dict[int, str]:
    found = await (await connection.execute(query("inspection", "has_migrations"))).fetchone()
    if found is None or not found[0]:
        return {}
    return dict(await (await connection.execute(query("inspection", "list_migrations"))).fetchall())


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplePerson:
    """One row to look at, joined over the mirror tables."""

    id: RecordId
    name: str | None
    campus: str | None
    household: str | None
    email: str | None


async def sample_people(database: Database, org_id: OrgId, *, limit: int = 5) -> list[SamplePerson]:
    """A few people of an organization that is read from Planning Center, each the primary contact of a household."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(SamplePerson))
        await cursor.execute(query("samples", "people"), {"org_id": org_id, "limit": limit})
        return await cursor.fetchall()


async def identify_database(database: Database) -> str:
    """A name of this very database, however it is reached; letters that a file may have."""
    async with database.connection() as connection:
        row = await (await connection.execute(query("inspection", "identify"))).fetchone()
    assert row is not None, "it was migrated"
    return str(row[0])
