"""The control tables come into being once, whoever comes first, and only where that is right."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest

from openfaith.errors import ConfigurationError, DatabaseRefusedError
from openfaith.store import migrate, migrations
from openfaith.store.migrations import Migration, known_migrations
from support.mirror import ask
from support.postgres import Databases
from support.roles import Role, new_role, rewritten

NAMES = tuple(migration.name for migration in known_migrations())
NEXT = len(NAMES) + 1


@pytest.fixture
def role(databases: Databases) -> Iterator[Role]:
    with new_role(databases.server_url) as made:
        yield made


def applied(url: str) -> list[tuple[int, str, str]]:
    return [
        (number, name, checksum)
        for number, name, checksum in ask(
            url, "SELECT number, name, checksum FROM openfaith.migration ORDER BY 1"
        )
    ]


def know(monkeypatch: pytest.MonkeyPatch, *known: Migration) -> None:
    monkeypatch.setattr(migrations, "known_migrations", lambda: known)


def database_name(url: str) -> str:
    return urlsplit(url).path[1:]


async def test_a_fresh_database_gets_every_migration_and_again_none(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == NAMES
    assert applied(empty_database_url) == [(m.number, m.name, m.checksum) for m in known_migrations()]
    assert await migrate(empty_database_url) == ()


async def test_processes_that_migrate_at_the_same_time_apply_each_once(empty_database_url: str) -> None:
    done = await asyncio.gather(*(migrate(empty_database_url) for _ in range(5)))
    assert sorted(done) == [(), (), (), (), NAMES]
    assert len(applied(empty_database_url)) == len(NAMES)


async def test_what_is_new_is_applied_to_what_is_there(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Migration(number=NEXT, name="second", text="CREATE TABLE openfaith.second (); SELECT '100%%'")
    know(monkeypatch, *known_migrations(), second)
    assert await migrate(database_url) == ("second",)
    assert [number for number, *_ in applied(database_url)] == [*range(1, NEXT), NEXT]
    assert ask(database_url, "SELECT count(*) FROM openfaith.second") == [(0,)]


async def test_a_migration_that_fails_leaves_nothing_of_any(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(
        monkeypatch,
        *known_migrations(),
        Migration(number=NEXT, name="second", text="CREATE TABLE openfaith.second (); SELECT 1 / 0"),
    )
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_database_url)
    assert ask(empty_database_url, "SELECT to_regnamespace('openfaith')") == [(None,)]


async def test_a_file_that_was_edited_after_it_was_applied_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = applied(database_url)
    first, *others = known_migrations()
    know(
        monkeypatch,
        replace(first, text=first.text + "\n"),
        *others,
        Migration(number=NEXT, name="second", text="CREATE TABLE openfaith.second ()"),
    )
    with pytest.raises(DatabaseRefusedError, match=r"migration 0001 \(control_tables\) differs"):
        await migrate(database_url)
    assert applied(database_url) == before


async def test_a_database_of_a_newer_program_is_refused(database_url: str) -> None:
    later = len(NAMES) + 1
    ask(
        database_url,
        f"INSERT INTO openfaith.migration (number, name, checksum) VALUES ({later}, 'later', '')",
    )
    with pytest.raises(
        DatabaseRefusedError, match=f"at version {later}, this program knows {len(NAMES)}; upgrade openfaith"
    ):
        await migrate(database_url)


async def test_a_role_that_may_not_create_is_refused(role: Role, empty_database_url: str) -> None:
    with pytest.raises(
        DatabaseRefusedError, match=r"permission denied for database .*; grant CREATE on the database"
    ):
        await migrate(role.url(empty_database_url))


async def test_a_role_that_may_create_is_enough(role: Role, empty_database_url: str) -> None:
    """An ordinary role: no superuser, not the owner of the database."""
    ask(empty_database_url, f"GRANT CREATE ON DATABASE {database_name(empty_database_url)} TO {role.name}")
    assert await migrate(role.url(empty_database_url)) == NAMES
    assert await migrate(role.url(empty_database_url)) == ()
    ask(empty_database_url, f"DROP OWNED BY {role.name} CASCADE")


async def test_tables_of_another_role_are_refused(role: Role, database_url: str) -> None:
    with pytest.raises(DatabaseRefusedError, match="let it own what is in openfaith's schemas"):
        await migrate(role.url(database_url))


async def test_a_database_of_another_encoding_is_refused(databases: Databases) -> None:
    """There most texts could not be stored, and every record of them would be a dead letter."""
    name = f"test_{secrets.token_hex(6)}"
    ask(databases.server_url, f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    url = rewritten(databases.server_url, database=name)
    try:
        with pytest.raises(DatabaseRefusedError, match="the database's encoding is SQL_ASCII"):
            await migrate(url)
        assert ask(url, "SELECT to_regnamespace('openfaith')") == [(None,)]
    finally:
        ask(databases.server_url, f"DROP DATABASE {name}")


async def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="OPENFAITH_DATABASE_URL"):
        await migrate("somewhere")


async def test_every_function_says_what_it_is_for(database_url: str) -> None:
    functions = "SELECT proname FROM pg_proc WHERE pronamespace = 'openfaith'::regnamespace"
    assert ask(database_url, functions)
    assert ask(database_url, f"{functions} AND obj_description(oid) IS NULL") == []
