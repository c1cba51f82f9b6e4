"""Reaching PostgreSQL, losing it, and saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import errors as pg

from openfaith.errors import ConfigurationError, DatabaseRefusedError, DatabaseUnavailableError
from openfaith.store import SILENCE, Database, lease_connection, migrate, open_database, watch
from support.mirror import ask, fetch_one
from support.postgres import Databases
from support.roles import Role, new_role, rewritten

AWKWARD = "p@ss/w:rd #?%&=+[ü]'\"\\"


@pytest.fixture
def role(databases: Databases) -> Iterator[Role]:
    with new_role(databases.server_url) as made:
        yield made


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_database(shared_url, connections=2, patience=timedelta(seconds=20)) as opened:
        yield opened


async def test_a_task_that_is_cancelled_as_it_gets_a_connection_ends(shared_url: str) -> None:
    """Before Python 3.12 the pool loses a cancellation that comes in the same turn of the loop."""

    async def use(database: Database) -> None:
        async with database.connection():
            await asyncio.Event().wait()

    async def cancel(task: asyncio.Task[None], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()

    async with open_database(shared_url, connections=1) as database:
        for turns in range(20):
            async with database.connection():
                task = asyncio.create_task(use(database))
                while not database._pool.get_stats().get("requests_waiting"):  # noqa: ASYNC110  # nothing tells it
                    await asyncio.sleep(0)
            await asyncio.gather(cancel(task, turns), asyncio.wait({task}, timeout=10))
            assert task.cancelled(), turns


async def test_the_connection_that_came_back_last_is_used_next(shared_url: str) -> None:
    """In turns, every one of them would prepare and plan every page statement."""
    async with open_database(shared_url, connections=3) as database:
        async with database.connection() as last, database.connection(), database.connection():
            pass
        for _ in range(5):
            async with database.connection() as used:
                assert used is last


async def run(database: Database, *statements: str) -> None:
    """In one transaction."""
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(statement.encode())


def terminate(url: str, connection: psycopg.AsyncConnection) -> None:
    """Returns when the server has closed that connection."""
    ask(url, "SELECT pg_terminate_backend(%s, 10000)", connection.info.backend_pid)


async def reach(url: str) -> list[Exception]:
    """What every way of reaching a database says of one that cannot be used."""
    found: list[Exception] = []
    for way in (_open, migrate, _lease):
        with pytest.raises((ConfigurationError, DatabaseRefusedError, DatabaseUnavailableError)) as caught:
            await way(url)
        found.append(caught.value)
    return found


async def test_a_server_that_is_gone_without_a_word_is_noticed_in_time(database: Database) -> None:
    """Every connection is watched; the kernel alone would wait for a quarter of an hour."""
    async with database.connection() as connection:
        settings = connection.info.get_parameters()
    idle, each, times = (int(settings[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + each * times <= SILENCE.total_seconds()
    assert settings["tcp_user_timeout"] == str(int(SILENCE.total_seconds() * 1000))


def test_what_the_url_says_of_silence_goes_before() -> None:
    ours = watch("postgresql://db.example/church?keepalives_idle=77", timedelta(seconds=8))
    assert ours == {"keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 8000}


async def _open(url: str) -> None:
    async with open_database(url):
        pass


async def _lease(url: str) -> None:
    with lease_connection(url, timeout=timedelta(seconds=8)):
        pass


def whole_text(error: BaseException | None) -> str:
    """Everything that a traceback would show of an error's texts."""
    text = ""
    while error is not None:
        text += f"{error!r} {error} "
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return text


async def check_refused(url: str, seen: str, secret: str) -> None:
    for error in await reach(url):
        assert isinstance(error, DatabaseRefusedError)
        assert seen in str(error)
        assert secret not in whole_text(error)


# What keeps one out


async def test_a_wrong_password_is_refused(shared_url: str, role: Role) -> None:
    url = rewritten(shared_url, user=role.name, password="Wr0ng@secret")
    await check_refused(url, "it rejects the user or password; check OPENFAITH_DATABASE_URL", "Wr0ng")


async def test_an_unknown_user_is_refused(shared_url: str) -> None:
    url = rewritten(shared_url, user="nobody-here", password="s3cret/x")
    await check_refused(url, "it rejects the user or password", "s3cret")


async def test_no_password_where_one_is_wanted_is_refused(
    shared_url: str, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    parts = urlsplit(shared_url)
    await check_refused(
        f"postgresql://{role.name}@{parts.path}?{parts.query}&passfile=/nonexistent",
        "it rejects the user or password",
        role.password,
    )


async def test_a_user_who_may_not_log_in_is_refused(shared_url: str, databases: Databases) -> None:
    with new_role(databases.server_url, attributes="NOLOGIN") as role:
        await check_refused(role.url(shared_url), "it rejects the user or password", role.password)


async def test_an_unknown_database_is_refused(shared_url: str, role: Role) -> None:
    await check_refused(
        rewritten(role.url(shared_url), database="nowhere"),
        "/nowhere: the database does not exist; create it",
        role.password,
    )


async def test_a_user_who_may_not_connect_is_refused(database_url: str, role: Role) -> None:
    name = urlsplit(database_url).path[1:]
    ask(database_url, f"REVOKE CONNECT ON DATABASE {name} FROM public")
    await check_refused(role.url(database_url), "grant CONNECT on the database to it", role.password)


async def test_a_parameter_that_postgresql_does_not_take_is_refused(shared_url: str, role: Role) -> None:
    url = rewritten(role.url(shared_url), more="&sslmode=sometimes")
    await check_refused(url, 'invalid sslmode value: "sometimes"', role.password)


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    for error in await reach(f"postgresql://me:s3cret%2F@/church?host={tmp_path}"):
        assert isinstance(error, DatabaseUnavailableError)
        assert f"{tmp_path}:5432/church cannot be reached" in str(error)
        assert "s3cret" not in whole_text(error)


async def test_a_port_where_nobody_listens_is_unavailable() -> None:
    for error in await reach("postgresql://me:s3cret@127.0.0.1:1/church"):
        assert isinstance(error, DatabaseUnavailableError)
        assert "127.0.0.1:1/church cannot be reached" in str(error)
        assert "s3cret" not in whole_text(error)


async def test_what_is_no_url_is_refused_before_anything_is_tried() -> None:
    for way in (_open, migrate):
        with pytest.raises(ConfigurationError) as caught:
            await way("host=/tmp user=me password=s3cret dbname=church")
        assert "s3cret" not in whole_text(caught.value)


# What lets one in


async def test_a_password_of_awkward_characters_is_written_percent_encoded(
    shared_url: str, databases: Databases
) -> None:
    with new_role(databases.server_url, password=AWKWARD) as role:
        async with open_database(role.url(shared_url)) as database:
            assert (await fetch_one(database, "SELECT current_user AS me"))["me"] == role.name
            assert AWKWARD not in database.name


async def test_of_several_hosts_one_that_answers_is_used(shared_url: str, tmp_path: Path) -> None:
    parts = urlsplit(shared_url)
    host = next(part for part in parts.query.split("&") if part.startswith("host=")).removeprefix("host=")
    url = shared_url.replace(f"host={host}", f"host={quote(str(tmp_path))},{host}")
    async with open_database(url) as database:
        assert await fetch_one(database, "SELECT 1 AS one") == {"one": 1}
        assert database.name.startswith(f"{tmp_path},")
        assert parts.password is not None
        assert parts.password not in database.name


async def test_options_of_the_url_stay(shared_url: str) -> None:
    url = rewritten(shared_url, more="&options=" + quote("-c search_path=elsewhere -c TimeZone=Asia/Tokyo"))
    async with open_database(url) as database:
        found = await fetch_one(
            database, "SELECT current_setting('search_path') AS path, current_setting('TimeZone') AS zone"
        )
    assert found == {"path": "elsewhere", "zone": "UTC"}


async def test_texts_are_utf_8_whatever_the_url_says(shared_url: str) -> None:
    async with open_database(rewritten(shared_url, more="&client_encoding=LATIN1")) as database:
        found = await fetch_one(database, "SELECT convert_from(%s, 'UTF8') = %s AS same", "☃".encode(), "☃")
    assert found == {"same": True}


async def test_a_session_sees_rows_as_they_are_whatever_the_database_says(database_url: str) -> None:
    name = urlsplit(database_url).path[1:]
    ask(database_url, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    async with open_database(database_url) as database:
        found = await fetch_one(database, "SELECT current_setting('transaction_isolation') AS isolation")
    assert found == {"isolation": "read committed"}


# What goes wrong on the way


async def test_a_pool_that_is_used_up_is_unavailable_until_somebody_gives_a_connection_back(
    shared_url: str,
) -> None:
    async with open_database(shared_url, connections=1, patience=timedelta(seconds=2)) as database:
        async with database.connection():
            with pytest.raises(DatabaseUnavailableError, match="couldn't get a connection"):
                async with database.connection():
                    pass
        assert await fetch_one(database, "SELECT 1 AS one") == {"one": 1}


async def test_a_connection_that_is_lost_in_the_middle_is_unavailable_and_the_next_use_works(
    database: Database, shared_url: str
) -> None:
    async def lose() -> None:
        async with database.connection() as connection:
            terminate(shared_url, connection)
            await connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailableError, match="terminating connection"):
        await lose()
    assert await fetch_one(database, "SELECT 1 AS one") == {"one": 1}


async def test_a_transaction_that_loses_its_connection_leaves_nothing(
    database_url: str,
) -> None:
    async def lose(database: Database) -> None:
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE half_written ()")
            terminate(database_url, connection)
            await connection.execute("SELECT 1")

    async with open_database(database_url) as database:
        with pytest.raises(DatabaseUnavailableError):
            await lose(database)
        found = await fetch_one(database, "SELECT to_regclass('half_written') IS NULL AS gone")
    assert found == {"gone": True}


async def test_connections_that_were_closed_while_they_lay_idle_are_not_given_out(
    database: Database, shared_url: str
) -> None:
    """As after a restart of the server."""
    async with database.connection() as one, database.connection() as two:
        both = (one, two)
    for connection in both:
        terminate(shared_url, connection)
    for _ in range(4):
        assert await fetch_one(database, "SELECT 1 AS one") == {"one": 1}


async def test_a_session_that_was_closed_for_idling_in_a_transaction_is_unavailable(
    database: Database, shared_url: str
) -> None:
    async def idle() -> None:
        async with database.transaction() as connection:
            pid = connection.info.backend_pid
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
            while ask(shared_url, "SELECT FROM pg_stat_activity WHERE pid = %s", pid):
                pass
            await connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        await idle()


@pytest.mark.parametrize(
    ("setting", "statement", "seen"),
    [
        ("SET LOCAL transaction_read_only = on", "CREATE TABLE x ()", "read-only transaction"),
        ("SET LOCAL statement_timeout = 1", "SELECT pg_sleep(10)", "statement timeout"),
    ],
)
async def test_what_another_server_or_another_time_mends_is_unavailable(
    database: Database, setting: str, statement: str, seen: str
) -> None:
    with pytest.raises(DatabaseUnavailableError, match=seen):
        await run(database, setting, statement)


async def test_a_lock_that_is_not_to_be_had_is_unavailable(database: Database) -> None:
    async with database.transaction() as holder:
        await holder.execute("LOCK TABLE openfaith.event")
        with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
            await run(database, "SET LOCAL lock_timeout = 1", "SELECT FROM openfaith.event")


async def test_a_missing_right_is_refused(shared_url: str, role: Role) -> None:
    async with open_database(role.url(shared_url)) as database:
        with pytest.raises(DatabaseRefusedError, match="permission denied for schema openfaith") as caught:
            await fetch_one(database, "SELECT FROM openfaith.event")
    assert role.password not in whole_text(caught.value)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT 1 / 0", pg.DivisionByZero),
        ("SELECT", None),
        ("SELECT FROM nowhere", pg.UndefinedTable),
        (f"SELECT '{'[' * 100_000}'::jsonb", pg.StatementTooComplex),
        ("INSERT INTO openfaith.organization VALUES ('UPPER')", pg.CheckViolation),
    ],
)
async def test_what_is_wrong_with_a_statement_stays_the_drivers_error(
    database: Database, statement: str, error: type[Exception] | None
) -> None:
    with pytest.raises(error) if error else nullcontext():
        await run(database, statement)


# One process at a time


async def test_one_at_a_time_is_inside_an_exclusive_block(database: Database) -> None:
    inside = 0

    async def enter() -> None:
        nonlocal inside
        async with database.exclusive("here"):
            inside += 1
            assert inside == 1
            await fetch_one(database, "SELECT 1 AS one")
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(5)))


async def test_blocks_of_other_names_are_not_in_the_way(database: Database) -> None:
    async with database.exclusive("here"), database.exclusive("there"):
        pass


async def test_an_exclusive_block_takes_no_connection_of_the_pool(shared_url: str) -> None:
    async with (
        open_database(shared_url, connections=1, patience=timedelta(seconds=5)) as database,
        database.exclusive("here"),
    ):
        assert await fetch_one(database, "SELECT 1 AS one") == {"one": 1}


async def test_an_exclusive_block_is_free_however_it_was_left(database: Database) -> None:
    with pytest.raises(KeyError):
        async with database.exclusive("here"):
            raise KeyError
    entered = asyncio.Event()

    async def stay() -> None:
        async with database.exclusive("here"):
            entered.set()
            await asyncio.Event().wait()

    staying = asyncio.create_task(stay())
    await entered.wait()
    staying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await staying
    async with database.exclusive("here"):
        pass
