"""Columns that a table got later are filled from `_extra`: bit by bit, by whoever comes, in nobody's way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from openfaith.errors import DatabaseRefusedError
from openfaith.manifest import Attribute, AttributeType, Entity, Manifest, Relationship
from openfaith.records import PageCounts
from openfaith.store import Database, ensure_mirror_tables, fill_mirror_tables, fillings
from support.mirror import (
    CAMPUS,
    MANIFEST,
    MEMBER,
    Reader,
    ask,
    fetch,
    fetch_one,
    make_manifest,
    open_sample,
    record,
    to_one,
    wait_until_blocked,
)


def with_attribute(entity: Entity, name: str, kind: AttributeType) -> Entity:
    return replace(entity, attributes=entity.attributes | {name: Attribute(name=name, type=kind)})


SHOES = with_attribute(MEMBER, "shoes", AttributeType.INTEGER)
WIDER = make_manifest(CAMPUS, SHOES)


@pytest.fixture
async def reader(own_database: Database) -> Reader:
    """Fifty members whose shoes the manifest does not know yet; those of every tenth are no number."""
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(
        *(record(f"{n:02}", shoes="none" if n % 10 == 0 else n, name=f"member {n}") for n in range(50))
    )
    return reader


@pytest.fixture
async def widened(own_database: Database, reader: Reader) -> Reader:
    """The same, once a program has started that knows them."""
    assert await ensure_mirror_tables(own_database, WIDER)
    return replace(reader, manifest=WIDER, entity=SHOES)


async def filled(reader: Reader) -> list[str]:
    """The ids of the rows whose value has arrived."""
    return [key for key, row in (await reader.rows()).items() if row["shoes"] is not None]


async def queue(database: Database) -> list[dict[str, Any]]:
    return await fetch(database, "SELECT * FROM openfaith.mirror_filling")


async def make_due(database: Database) -> None:
    """A day later."""
    async with database.connection() as connection:
        await connection.execute("UPDATE openfaith.mirror_filling SET due_at = now()")


async def test_only_what_is_new_is_queued(own_database: Database, widened: Reader) -> None:
    [job] = await queue(own_database)
    assert job["table_name"] == "church_member"
    assert job["columns"] == {"shoes": {"kind": "attribute", "source": "shoes", "type": "bigint"}}
    assert await filled(widened) == []


@pytest.mark.parametrize("keys_in_range", [1, 7, 50, 1000])
async def test_ranges_of_any_size_fill_the_same(
    own_database: Database, widened: Reader, keys_in_range: int
) -> None:
    await fill_mirror_tables(own_database, keys_in_range=keys_in_range)
    rows = await widened.rows()
    assert {int(key) for key, row in rows.items() if row["shoes"] == int(key) and row["_extra"] is None} == {
        n for n in range(50) if n % 10
    }
    assert all(rows[f"{n:02}"]["_extra"] == {"shoes": "none"} for n in range(0, 50, 10))


async def test_what_stays_behind_is_told_once(own_database: Database, widened: Reader) -> None:
    await fill_mirror_tables(own_database, keys_in_range=7)
    await make_due(own_database)
    await fill_mirror_tables(own_database, keys_in_range=7)
    told = await fetch(own_database, "SELECT * FROM openfaith.event WHERE name = 'MirrorTableFilled'")
    [event] = told
    assert (event["severity"], event["entity"]) == ("warning", "church.Member")
    assert event["message"] == (
        "sample.church_member: 45 values moved from _extra into shoes; they do not fit and stay there: shoes (5)"
    )


async def test_a_filling_that_was_stopped_goes_on_where_it_was(
    own_database: Database, widened: Reader
) -> None:
    """Whoever is killed loses one range at most; what is done is not looked at again."""
    for _ in range(3):
        await fillings._fill_range(own_database, 10)
    assert len(await filled(widened)) == 27
    before = await widened.rows()
    [job] = await queue(own_database)
    assert (job["after_org_id"], job["after_id"], job["moved"]) == ("grace", "29", 27)
    await fill_mirror_tables(own_database, keys_in_range=10)
    after = await widened.rows()
    assert len(await filled(widened)) == 45
    assert {key for key in before if before[key] == after[key]} >= {f"{n:02}" for n in range(30)}


async def test_two_processes_fill_two_tables_and_none_twice(own_database: Database, widened: Reader) -> None:
    campus = with_attribute(CAMPUS, "city", AttributeType.STRING)
    assert await ensure_mirror_tables(own_database, make_manifest(campus, SHOES))
    await asyncio.gather(*(fill_mirror_tables(own_database, keys_in_range=3) for _ in range(3)))
    assert len(await filled(widened)) == 45
    [event] = await fetch(
        own_database, "SELECT details FROM openfaith.event WHERE name = 'MirrorTableFilled'"
    )
    assert event["details"]["moved"] == 45


async def test_a_row_that_is_written_meanwhile_keeps_what_was_written(
    own_database: Database, widened: Reader
) -> None:
    await fillings._fill_range(own_database, 10)
    await widened.store(record("40", shoes=400), record("05", shoes=None), at=1)
    await fill_mirror_tables(own_database, keys_in_range=10)
    rows = await widened.rows()
    assert (rows["40"]["shoes"], rows["40"]["_extra"]) == (400, None)
    assert (rows["05"]["shoes"], rows["05"]["_extra"]) == (None, None)


async def test_what_an_old_program_wrote_meanwhile_arrives_a_day_later(
    own_database: Database, reader: Reader, widened: Reader
) -> None:
    """It writes into `_extra`, beside a column that it does not know: the newer value wins."""
    await fill_mirror_tables(own_database)
    await reader.store(record("05", shoes=500), record("60", shoes=60), at=1)
    await fill_mirror_tables(own_database)
    assert (await widened.row("05"))["shoes"] == 5
    await make_due(own_database)
    await fill_mirror_tables(own_database)
    rows = await widened.rows()
    assert [(rows[key]["shoes"], rows[key]["_extra"]) for key in ("05", "60")] == [(500, None), (60, None)]
    assert await queue(own_database) == []


async def test_filling_gives_way_to_a_page_and_comes_back(own_database: Database, widened: Reader) -> None:
    async with own_database.transaction() as connection:
        await connection.execute("SELECT FROM sample.church_member WHERE id = '07' FOR UPDATE")
        with pytest.raises(fillings._GaveWayError):
            await fillings._fill_range(own_database, 10)
        filling = asyncio.create_task(fill_mirror_tables(own_database))
        await wait_until_blocked(own_database)
    await filling
    assert len(await filled(widened)) == 45


async def test_a_table_that_was_dropped_meanwhile_is_forgotten(
    own_database: Database, widened: Reader, database_url: str
) -> None:
    ask(database_url, "DROP TABLE sample.church_member")
    await fill_mirror_tables(own_database)
    assert await queue(own_database) == []


async def test_an_attribute_that_left_the_manifest_and_comes_back_is_filled(
    own_database: Database, database_url: str
) -> None:
    """While it was away the source went on sending it."""
    narrower = replace(MEMBER, attributes={n: a for n, a in MEMBER.attributes.items() if n != "age"})
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(record("1", age=1), record("2", age=2))
    away = make_manifest(CAMPUS, narrower)
    assert await ensure_mirror_tables(own_database, away)
    assert (await reader.row("1"))["age"] == 1
    old = replace(reader, manifest=away, entity=narrower)
    await old.store(record("1", age=10), at=1)
    assert (await old.row("1"))["_extra"] == {"age": 10}
    back = make_manifest(CAMPUS, SHOES)
    assert await ensure_mirror_tables(own_database, back)
    await fill_mirror_tables(own_database)
    rows = await reader.rows()
    assert [(row["age"], row["_extra"]) for row in rows.values()] == [(10, None), (2, None)]
    [(said,)] = ask(
        database_url,
        "SELECT col_description('sample.church_member'::regclass, attnum) FROM pg_attribute"
        " WHERE attrelid = 'sample.church_member'::regclass AND attname = 'age'",
    )
    assert said == "Attribute age of church.Member, integer."


async def test_a_relationship_that_becomes_polymorphic_gets_its_types_from_the_next_sync(
    own_database: Database,
) -> None:
    reader = await Reader.begin(own_database, org="grace")
    campus = {"campus": to_one("7", "Building")}
    await reader.store(record("1", relationships=campus))
    several = replace(
        MEMBER,
        relationships=MEMBER.relationships
        | {"campus": Relationship(name="campus", to=None, polymorphic=True)},
    )
    manifest = make_manifest(CAMPUS, several)
    assert await ensure_mirror_tables(own_database, manifest)
    await fill_mirror_tables(own_database)
    new = replace(reader, manifest=manifest, entity=several)
    row = await new.row("1")
    assert (row["campus_id"], row["campus_type"]) == ("7", None)
    assert (await new.store(record("1", relationships=campus), at=1)).counts == PageCounts(updated=1)
    assert (await new.row("1"))["campus_type"] == "Building"


async def test_after_one_sync_that_writes_every_row_unchanged_ones_are_left_alone_again(
    own_database: Database, widened: Reader
) -> None:
    """The first page after a change of columns is written anew: what the row's hash stands for has changed."""
    await fill_mirror_tables(own_database)
    same = [record("05", shoes=5, name="member 5"), record("10", shoes="none", name="member 10")]
    assert (await widened.store(*same, at=1)).counts == PageCounts(updated=2)
    assert (await widened.store(*same, at=2)).counts == PageCounts(unchanged=2)


# Beside those who read and write


async def test_a_table_that_somebody_reads_is_asked_for_briefly_and_again(
    own_database: Database, database_url: str
) -> None:
    """Whoever waits for an exclusive lock holds up every reader that comes after; so nobody waits for long."""
    async with await psycopg.AsyncConnection.connect(database_url) as backup:
        await backup.execute("SELECT 1 FROM sample.church_member")
        changing = asyncio.create_task(ensure_mirror_tables(own_database, WIDER))
        await wait_until_blocked(own_database)
        async with own_database.transaction() as connection:
            await connection.execute("SET LOCAL statement_timeout = '5s'")
            await connection.execute("SELECT 1 FROM sample.church_member")
        assert not changing.done()
    assert await changing
    assert await queue(own_database)


async def test_who_holds_a_table_for_too_long_is_named(own_database: Database, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as backup:
        await backup.execute("SELECT 1 FROM sample.church_member")
        with pytest.raises(DatabaseRefusedError, match=r"sample\.church_member cannot be changed while"):
            await ensure_mirror_tables(own_database, WIDER, patience=timedelta(0))
    assert await queue(own_database) == []
    assert await ensure_mirror_tables(own_database, WIDER)


async def test_starting_costs_one_statement_where_nothing_changed(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[object] = []
    execute = psycopg.AsyncConnection.execute

    async def recording(self: Any, statement: Any, *rest: Any, **options: Any) -> Any:
        executed.append(statement)
        return await execute(self, statement, *rest, **options)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", recording)
    assert not await ensure_mirror_tables(own_database, MANIFEST)
    assert len(executed) == 1
    executed.clear()
    assert await ensure_mirror_tables(own_database, WIDER)
    looked = [text for text in executed if "pg_attribute" in str(text)]
    assert len(looked) == 1


async def test_a_change_is_told(own_database: Database, widened: Reader) -> None:
    event = await fetch_one(own_database, "SELECT * FROM openfaith.event WHERE name = 'MirrorTableChanged'")
    assert event["message"] == "sample.church_member: new column shoes"
    assert (event["severity"], event["entity"]) == ("info", "church.Member")


async def test_making_them_is_told_once(database_url: str) -> None:
    manifest: Manifest = make_manifest(CAMPUS, MEMBER, adapter="told")
    async with open_sample(database_url, manifest=manifest) as database:
        await ensure_mirror_tables(database, manifest)
        events = await fetch(database, "SELECT name, message FROM openfaith.event")
    assert events == [{"name": "MirrorTablesMade", "message": "made 2 mirror tables of told"}]
