"""How the views come into a database and change there, with a small manifest of a made-up API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import LiteralString

import pytest
from psycopg import sql

from openfaith.errors import DatabaseRefusedError
from openfaith.manifest import Attribute, AttributeType, CanonicalMapping, Manifest, load_canonical_mapping
from openfaith.store import (
    Database,
    drop_canonical_views,
    ensure_mirror_tables,
    install_canonical_model,
    open_database,
)
from support.church import Row, read
from support.mirror import CAMPUS, MEMBER, make_manifest

MANIFEST = make_manifest(CAMPUS, MEMBER)

Documents = dict[str, dict[str, object]]


def text(name: str) -> dict[str, object]:
    return {"kind": "column", "from": name, "type": "text", "meaning": f"Its {name}."}


CAMPUS_COLUMNS: dict[str, object] = {"name": text("name")}
SEATS: dict[str, object] = {"kind": "column", "from": "seats", "type": "integer", "meaning": "Seats."}
PERSON_COLUMNS: dict[str, object] = {
    "name": text("name"),
    "campus_id": {"kind": "reference", "from": "campus_id", "to": "campus", "meaning": "The campus."},
}


def mapping(
    campus: Mapping[str, object] = CAMPUS_COLUMNS,
    person: Mapping[str, object] | None = PERSON_COLUMNS,
    *,
    manifest: Manifest = MANIFEST,
) -> CanonicalMapping:
    entities: dict[str, object] = {
        "campus": {"source": "church.Campus", "meaning": "A campus.", "columns": campus}
    }
    if person is not None:
        entities["person"] = {
            "source": "church.Member",
            "meaning": "A person.",
            "merges": True,
            "columns": person,
        }
    return load_canonical_mapping({"a.json": {"domain": "all", "entities": entities}}, manifest)


MAPPING = mapping()
NAMES = ("_person_survivor", "campus", "person", "external_link", "edge")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, connections=4) as opened:
        await ensure_mirror_tables(opened, MANIFEST)
        yield opened


async def execute(database: Database, statement: LiteralString) -> None:
    async with database.connection() as connection:
        await connection.execute(sql.SQL(statement))


async def identities(database: Database) -> dict[str, int]:
    """The number that PostgreSQL gave each view when it was made."""
    rows = await read(database, "SELECT relname, oid::bigint FROM pg_class WHERE relnamespace = 'canonical'::regnamespace AND relkind = 'v'")  # fmt: skip
    return {row["relname"]: row["oid"] for row in rows}


async def columns(database: Database, view: str) -> list[str]:
    rows = await read(database, f"SELECT column_name FROM information_schema.columns WHERE table_schema = 'canonical' AND table_name = '{view}' ORDER BY ordinal_position")  # fmt: skip
    return [row["column_name"] for row in rows]


async def test_everything_is_made_once(database: Database) -> None:
    assert await install_canonical_model(database, MANIFEST, MAPPING) == NAMES
    made = await identities(database)
    assert made.keys() == set(NAMES)
    assert await install_canonical_model(database, MANIFEST, MAPPING) == ()
    assert await identities(database) == made


async def test_processes_that_start_at_the_same_time_make_it_once(database: Database) -> None:
    results = await asyncio.gather(*(install_canonical_model(database, MANIFEST, MAPPING) for _ in range(4)))
    assert sorted(results) == [(), (), (), NAMES]


async def test_a_new_column_leaves_grants_and_the_views_of_others_alone(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    before = await identities(database)
    await execute(database, "GRANT SELECT ON canonical.campus TO public")
    await execute(database, "CREATE VIEW public.mine AS SELECT name FROM canonical.campus")
    await install_canonical_model(database, MANIFEST, mapping(CAMPUS_COLUMNS | {"seats": SEATS}))
    assert await columns(database, "campus") == ["id", "org_id", "external_id", "name", "seats"]
    assert await identities(database) == before
    granted = await read(
        database, "SELECT has_table_privilege('pg_monitor', 'canonical.campus', 'SELECT') AS it"
    )
    assert granted == [{"it": True}]


async def test_a_column_that_goes_takes_only_its_view(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, mapping(CAMPUS_COLUMNS | {"seats": SEATS}))
    before = await identities(database)
    await install_canonical_model(database, MANIFEST, MAPPING)
    after = await identities(database)
    assert await columns(database, "campus") == ["id", "org_id", "external_id", "name"]
    assert {name for name in before if before[name] != after[name]} == {"campus"}


async def test_an_entity_that_goes_takes_its_view_along(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await execute(database, "CREATE VIEW canonical.ours AS SELECT 1 AS it")
    await install_canonical_model(database, MANIFEST, mapping(person=None))
    assert (await identities(database)).keys() == {"campus", "external_link", "edge", "ours"}


async def test_an_entity_that_comes_gets_its_view(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, mapping(person=None))
    await install_canonical_model(database, MANIFEST, MAPPING)
    assert (await identities(database)).keys() == set(NAMES)


async def test_a_new_meaning_is_told(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    other = text("name") | {"meaning": "Another meaning."}
    assert await install_canonical_model(database, MANIFEST, mapping({"name": other}))
    found = await read(database, "SELECT col_description('canonical.campus'::regclass, 4) AS it")
    assert found == [{"it": "Another meaning."}]


async def test_a_view_that_somebody_dropped_is_made_again(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await execute(database, "DROP VIEW canonical.edge")
    assert await install_canonical_model(database, MANIFEST, MAPPING) == NAMES
    await execute(database, "DROP SCHEMA canonical CASCADE")
    assert await install_canonical_model(database, MANIFEST, MAPPING) == NAMES


# What others built on the views

WITH_SEATS = mapping(CAMPUS_COLUMNS | {"seats": SEATS})
WITHOUT_SEATS = ["id", "org_id", "external_id", "name"]
KEPT = "canonical.campus keeps its old form: view mine depends on view canonical.campus; drop what was built on it"


async def build_on_seats(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, WITH_SEATS)
    await execute(database, "CREATE VIEW public.mine AS SELECT seats FROM canonical.campus")


async def test_a_view_that_others_built_on_keeps_its_form_and_the_rest_goes_on(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await build_on_seats(database)
    without = mapping(
        person={"name": text("name"), "campus_id": PERSON_COLUMNS["campus_id"], "also": text("name")}
    )
    assert await install_canonical_model(database, MANIFEST, without) == NAMES
    assert await columns(database, "campus") == [*WITHOUT_SEATS, "seats"]
    assert await columns(database, "person") == ["id", "org_id", "external_id", "name", "campus_id", "also"]
    assert KEPT in caplog.text
    stored = await read(
        database, "SELECT severity, message FROM openfaith.event WHERE name = 'CanonicalViewKept'"
    )
    assert [row["severity"] for row in stored] == ["warning"]
    assert KEPT in stored[0]["message"]


async def test_a_view_that_keeps_its_form_is_told_at_every_start_and_touched_at_none(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await build_on_seats(database)
    await install_canonical_model(database, MANIFEST, MAPPING)
    caplog.clear()
    assert await install_canonical_model(database, MANIFEST, MAPPING) == ()
    assert caplog.text.count(KEPT) == 1


async def test_a_view_follows_as_soon_as_nothing_rests_on_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await build_on_seats(database)
    await install_canonical_model(database, MANIFEST, MAPPING)
    await execute(database, "DROP VIEW public.mine")
    caplog.clear()
    assert await install_canonical_model(database, MANIFEST, MAPPING) == NAMES
    assert await columns(database, "campus") == WITHOUT_SEATS
    assert caplog.text == ""


async def test_what_rests_on_the_row_type_counts_too(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, WITH_SEATS)
    await execute(database, "CREATE FUNCTION public.mine(canonical.campus) RETURNS int LANGUAGE sql RETURN 1")
    assert await install_canonical_model(database, MANIFEST, MAPPING) == NAMES
    assert await install_canonical_model(database, MANIFEST, MAPPING) == ()
    assert await columns(database, "campus") == [*WITHOUT_SEATS, "seats"]


async def test_a_reference_that_a_view_lacks_is_no_edge(database: Database) -> None:
    """Its old form has `campus_id` under another name, and one column that goes."""
    old = {"place_id": PERSON_COLUMNS["campus_id"]}
    await install_canonical_model(database, MANIFEST, mapping(person=old))
    await execute(database, "CREATE VIEW public.mine AS SELECT place_id FROM canonical.person")
    assert await install_canonical_model(database, MANIFEST, MAPPING) == NAMES
    assert "place_id" in await columns(database, "person")
    assert await read(database, "SELECT * FROM canonical.edge") == []


async def test_an_entity_that_goes_stays_where_somebody_reads_it(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await execute(database, "CREATE VIEW public.mine AS SELECT name FROM canonical.person")
    without = mapping(person=None)
    await install_canonical_model(database, MANIFEST, without)
    assert (await identities(database)).keys() == {"campus", "person", "external_link", "edge"}
    assert await install_canonical_model(database, MANIFEST, without) == ()
    await execute(database, "DROP VIEW public.mine")
    await install_canonical_model(database, MANIFEST, without)
    assert (await identities(database)).keys() == {"campus", "external_link", "edge"}


async def test_what_rests_on_the_edges_holds_no_entity_back(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, WITH_SEATS)
    await execute(database, "CREATE VIEW public.mine AS SELECT kind FROM canonical.edge")
    await install_canonical_model(database, MANIFEST, MAPPING)
    assert await columns(database, "campus") == WITHOUT_SEATS
    assert await read(database, "SELECT * FROM public.mine") == []


async def test_whoever_insists_is_told_what_is_in_the_way(database: Database) -> None:
    await build_on_seats(database)
    before = await identities(database)
    with pytest.raises(DatabaseRefusedError) as caught:
        await install_canonical_model(database, MANIFEST, MAPPING, insist=True)
    assert "canonical.campus must be made anew, but: view mine depends on view canonical.campus" in str(caught.value)  # fmt: skip
    assert await identities(database) == before
    await install_canonical_model(database, MANIFEST, MAPPING)
    with pytest.raises(DatabaseRefusedError):
        await install_canonical_model(database, MANIFEST, MAPPING, insist=True)


# Programs of two releases


async def test_an_older_program_leaves_the_views_to_the_newer(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await install_canonical_model(database, MANIFEST, WITH_SEATS)
    made = await identities(database)
    for each in (MAPPING, WITH_SEATS, MAPPING):
        assert await install_canonical_model(database, MANIFEST, each) == ()
    assert await identities(database) == made
    assert await columns(database, "campus") == [*WITHOUT_SEATS, "seats"]


async def test_an_older_program_works_beside_a_view_on_a_newer_column(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await build_on_seats(database)
    assert await install_canonical_model(database, MANIFEST, MAPPING) == ()
    assert caplog.text == ""


async def test_only_the_newest_program_makes_missing_views_again(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await install_canonical_model(database, MANIFEST, WITH_SEATS)
    await execute(database, "DROP SCHEMA canonical CASCADE")
    assert await install_canonical_model(database, MANIFEST, MAPPING) == ()
    assert await install_canonical_model(database, MANIFEST, WITH_SEATS) == NAMES


async def test_an_older_program_has_its_way_where_a_person_asks_for_it(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    await install_canonical_model(database, MANIFEST, WITH_SEATS)
    assert await install_canonical_model(database, MANIFEST, MAPPING, insist=True) == NAMES
    assert await columns(database, "campus") == WITHOUT_SEATS
    assert await install_canonical_model(database, MANIFEST, WITH_SEATS) == ()
    assert await install_canonical_model(database, MANIFEST, MAPPING, insist=True) == ()


async def test_a_table_in_the_way_is_named(database: Database) -> None:
    await execute(database, "CREATE SCHEMA canonical")
    await execute(database, "CREATE TABLE canonical.person (name text)")
    with pytest.raises(DatabaseRefusedError, match=r"canonical\.person is there and is no view"):
        await install_canonical_model(database, MANIFEST, MAPPING)
    assert await read(database, "SELECT to_regclass('canonical.campus') AS it") == [{"it": None}]


async def test_nothing_is_left_half_made(database: Database) -> None:
    from psycopg import errors

    await execute(database, "DROP TABLE sample.church_member")
    with pytest.raises(errors.UndefinedTable):
        await install_canonical_model(database, MANIFEST, MAPPING)
    assert await read(database, "SELECT to_regnamespace('canonical') AS it") == [{"it": None}]


# Mirror tables that change below the views


async def test_a_new_attribute_changes_no_view(database: Database) -> None:
    await install_canonical_model(database, MANIFEST, MAPPING)
    city = Attribute(name="city", type=AttributeType.STRING)
    wider = make_manifest(replace(CAMPUS, attributes=CAMPUS.attributes | {"city": city}), MEMBER)
    await ensure_mirror_tables(database, wider)
    assert await install_canonical_model(database, wider, mapping(manifest=wider)) == ()


async def store_campus(database: Database, record_id: str, seats: object) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO sample.church_campus (org_id, id, seats, _requested_at, _hash, _run_id)"
            " VALUES ('grace', %s, %s, now(), 1, 1)",
            (record_id, seats),
        )


async def seats(database: Database) -> list[Row]:
    return await read(database, "SELECT external_id, seats FROM canonical.campus ORDER BY 1")


async def test_a_column_that_kept_another_type_shows_what_fits(database: Database) -> None:
    """The view has the type the model promises, and no value makes it fail."""
    await execute(database, "ALTER TABLE sample.church_campus ALTER COLUMN seats TYPE text")
    await install_canonical_model(database, MANIFEST, mapping(CAMPUS_COLUMNS | {"seats": SEATS}))
    await store_campus(database, "1", "12")
    await store_campus(database, "2", "many")
    assert await seats(database) == [{"external_id": "1", "seats": 12}, {"external_id": "2", "seats": None}]


async def test_views_step_aside_for_a_column_that_takes_another_type(database: Database) -> None:
    with_seats = mapping(CAMPUS_COLUMNS | {"seats": SEATS})
    await execute(database, "ALTER TABLE sample.church_campus ALTER COLUMN seats TYPE text")
    await install_canonical_model(database, MANIFEST, with_seats)
    async with database.transaction() as connection:
        await drop_canonical_views(connection)
        await connection.execute("ALTER TABLE sample.church_campus ALTER COLUMN seats TYPE bigint USING seats::bigint")  # fmt: skip
    assert await install_canonical_model(database, MANIFEST, with_seats) == NAMES
    await store_campus(database, "1", 12)
    assert await seats(database) == [{"external_id": "1", "seats": 12}]


async def test_there_may_be_nothing_to_step_aside(database: Database) -> None:
    async with database.transaction() as connection:
        await drop_canonical_views(connection)
