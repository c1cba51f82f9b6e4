"""Mirror tables follow the manifest, and only ever grow."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from openfaith.adapters import find_adapter
from openfaith.errors import ManifestError
from openfaith.manifest import (
    Attribute,
    AttributeType,
    Entity,
    Manifest,
    Relationship,
    columns,
    table_name,
)
from openfaith.records import PageCounts
from openfaith.store import Database, ensure_mirror_tables, fill_mirror_tables, open_database
from support.mirror import CAMPUS, MANIFEST, MEMBER, Reader, ask, make_entity, make_manifest, record, to_one

PCO = find_adapter("pco").load_manifest()


async def ensure(database: Database, manifest: Manifest) -> bool:
    return await ensure_mirror_tables(database, manifest)


def widened(entity: Entity, *relationships: Relationship, **attributes: AttributeType) -> Entity:
    """The same entity as a later manifest knows it."""
    return replace(
        entity,
        attributes=entity.attributes | {n: Attribute(name=n, type=kind) for n, kind in attributes.items()},
        relationships=entity.relationships | {r.name: r for r in relationships},
    )


def tables(url: str, schema: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in ask(
        url,
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s",
        schema,
    ):
        found.setdefault(table, {})[column] = kind
    return found


# Making them


async def test_the_whole_manifest_of_planning_center_gets_its_tables(database_url: str) -> None:
    async with open_database(database_url) as database:
        assert await ensure(database, PCO)
    made = tables(database_url, "pco")
    assert made.keys() == {table_name(entity) for entity in PCO.entities.values()}
    for entity in PCO.entities.values():
        assert {c.name for c in columns(entity)} < made[table_name(entity)].keys()
    assert made["people_person"]["created_at"] == "timestamp with time zone"
    assert made["people_person"]["birthdate"] == "date"


async def test_a_page_of_every_entity_of_planning_center_can_be_committed(database_url: str) -> None:
    async with open_database(database_url) as database:
        await ensure(database, PCO)
        for number, entity in enumerate(PCO.entities.values()):
            reader = await Reader.begin(database, entity, org=f"org-{number}", manifest=PCO)
            committed = await reader.store(record("1", entity.type, unknown=1), record("2", "Unknown"))
            assert committed.counts == PageCounts(inserted=1, dead_letters=1)


async def test_the_second_time_there_is_nothing_to_do(database: Database) -> None:
    assert not await ensure(database, MANIFEST)


async def test_processes_that_start_at_the_same_time_make_them_once(database_url: str) -> None:
    async with open_database(database_url, connections=5) as database:
        made = await asyncio.gather(*(ensure(database, PCO) for _ in range(5)))
    assert sorted(made) == [False] * 4 + [True]


async def test_manifests_of_two_adapters_do_not_touch_each_other(database_url: str) -> None:
    async with open_database(database_url) as database:
        for adapter in ("one", "two"):
            assert await ensure(database, make_manifest(CAMPUS, adapter=adapter))
    assert tables(database_url, "one") == tables(database_url, "two")


async def test_a_table_that_was_dropped_is_made_again(own_database: Database, database_url: str) -> None:
    ask(database_url, "DROP TABLE sample.church_member")
    assert await ensure(own_database, MANIFEST)
    assert tables(database_url, "sample").keys() == {"church_campus", "church_member"}


async def test_tables_that_stand_there_already_are_left_as_they_are(database_url: str) -> None:
    """Somebody's own table, column or view in the schema is none of our business."""
    ask(database_url, "CREATE SCHEMA sample")
    ask(database_url, "CREATE TABLE sample.notes (id int); INSERT INTO sample.notes VALUES (1)")
    async with open_database(database_url) as database:
        await ensure(database, make_manifest(CAMPUS))
        ask(database_url, "ALTER TABLE sample.church_campus ADD COLUMN remark text DEFAULT 'mine'")
        assert await ensure(database, make_manifest(widened(CAMPUS, city=AttributeType.STRING)))
    assert tables(database_url, "sample")["church_campus"].keys() >= {"remark", "city"}
    assert ask(database_url, "SELECT id FROM sample.notes") == [(1,)]


async def test_every_table_and_column_says_what_it_is(database: Database, shared_url: str) -> None:
    told = ask(
        shared_url,
        "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = 'sample.church_member'::regclass AND attnum > 0",
    )
    texts = dict(told)
    assert None not in texts.values()
    assert texts["born"] == "Attribute born of church.Member, date."
    assert (
        texts["campus_id"]
        == "Relationship campus of church.Member: the id of the church.Campus it points to."
    )
    assert texts["owner_type"] == "Relationship owner of church.Member: the type of the record it points to."
    assert ask(shared_url, "SELECT obj_description('sample.church_member'::regclass)") == [
        (
            "church.Member: one row for each record of type Member. Source: /church/v1/members, API version 2026-01-01.",
        )
    ]


async def test_a_comment_is_written_again_only_where_it_differs(
    own_database: Database, database_url: str
) -> None:
    said = (
        "SELECT objoid, objsubid, description, xmin::text FROM pg_description"
        " WHERE objoid = 'sample.church_member'::regclass ORDER BY objsubid"
    )
    ask(database_url, "COMMENT ON COLUMN sample.church_member.name IS 'mine'")
    before = ask(database_url, said)
    assert await ensure_mirror_tables(own_database, MANIFEST, insist=True)
    after = ask(database_url, said)
    assert [row[1] for row, old in zip(after, before, strict=True) if row != old] == [
        next(row[1] for row in before if row[2] == "mine")
    ]


# Names


AWKWARD = make_entity(
    'Odd"%Name',
    {
        'quo"ted': AttributeType.STRING,
        "per%cent": AttributeType.INTEGER,
        "per%%cent": AttributeType.BOOLEAN,
        "%s": AttributeType.DATE,
        "%(page)s": AttributeType.DATE_TIME,
        "back\\slash": AttributeType.JSON,
        "apo'strophe": AttributeType.FLOAT,
        "{braces}": AttributeType.STRING,
        "select": AttributeType.STRING,
        "Größe": AttributeType.INTEGER,
        "a b": AttributeType.BOOLEAN,
        "type": AttributeType.BOOLEAN,
        "attributes": AttributeType.BOOLEAN,
        "run_id": AttributeType.DATE,
        "cancel_requested": AttributeType.BOOLEAN,
        "fence": AttributeType.STRING,
    },
    Relationship(name="%(fence)s", to=None, polymorphic=True),
    Relationship(name="entity_run", to=None),
    kind="Od%d'\\",
)


async def test_names_of_every_kind_are_quoted(own_database: Database) -> None:
    """Whatever an attribute, a relationship or a type is called, and whatever the driver or the statement makes of it."""
    manifest = make_manifest(AWKWARD, adapter='sam"%ple')
    await ensure(own_database, manifest)
    values: dict[AttributeType, Any] = {
        AttributeType.STRING: "text", AttributeType.INTEGER: 5, AttributeType.FLOAT: 1.5, AttributeType.BOOLEAN: True,
        AttributeType.DATE: "2020-01-02", AttributeType.DATE_TIME: "2020-01-02T00:00:00Z", AttributeType.JSON: {"a": 1},
    }  # fmt: skip
    attributes = {name: values[a.type] for name, a in AWKWARD.attributes.items()}
    related = {"%(fence)s": to_one("7", "Thing"), "entity_run": to_one("8"), "per%cent": to_one("9")}
    reader = await Reader.begin(own_database, AWKWARD, org="grace", manifest=manifest)
    good = record("1", AWKWARD.type, relationships=related, **attributes, more=1)
    committed = await reader.store(good, record("2", AWKWARD.type))
    again = await reader.store(good, record("2", AWKWARD.type), b"no record", at=1)
    assert (committed.counts.inserted, again.counts.unchanged, again.counts.dead_letters) == (2, 2, 1)
    row = await reader.row("1")
    assert {
        name: row[name] for name in attributes if AWKWARD.attributes[name].type not in {"date", "date_time"}
    } == {
        name: value
        for name, value in attributes.items()
        if AWKWARD.attributes[name].type not in {"date", "date_time"}
    }
    assert row["run_id"] == row["%s"] == date(2020, 1, 2)
    assert (row["%(fence)s_id"], row["%(fence)s_type"], row["entity_run_id"]) == ("7", "Thing", "8")
    assert row["_extra"] == {"more": 1, "relationships": {"per%cent": {"type": "Campus", "id": "9"}}}
    await reader.complete()
    assert (await reader.entity_run())["live_rows"] == 2


# Growing


async def test_a_new_attribute_adds_a_column_and_touches_no_row_that_has_nothing_for_it(
    own_database: Database,
) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(record("1", name="Ann"), record("2", other=5))
    before = await reader.rows()
    wider = make_manifest(CAMPUS, widened(MEMBER, nickname=AttributeType.STRING))
    assert await ensure(own_database, wider)
    assert not await ensure(own_database, wider)
    assert await reader.rows() == {key: row | {"nickname": None} for key, row in before.items()}


async def test_what_extra_holds_for_a_new_column_moves_into_it(own_database: Database) -> None:
    """Without a request: the source was asked for it already."""
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(
        record("1", nickname="Ann", shoes=41, other=1),
        record("2", shoes="forty", since="2020-01-02", relationships={"mentor": to_one("1", "Member")}),
        record(
            "3",
            likes=["x"],
            shoes=None,
            relationships={"mentor": to_one("1", "Member"), "guest": to_one("5")},
        ),
        record("4", since="today", relationships={"mentor": to_one([1])}),
    )
    wider = widened(
        MEMBER,
        Relationship(name="mentor", to=None, polymorphic=True),
        nickname=AttributeType.STRING, shoes=AttributeType.INTEGER,
        since=AttributeType.DATE, likes=AttributeType.ARRAY,
    )  # fmt: skip
    assert await ensure(own_database, make_manifest(CAMPUS, wider))
    await fill_mirror_tables(own_database)
    rows = await reader.rows()
    names = ("nickname", "shoes", "since", "likes", "mentor_id", "mentor_type", "_extra")
    assert {key: tuple(row[name] for name in names) for key, row in rows.items()} == {
        "1": ("Ann", 41, None, None, None, None, {"other": 1}),
        "2": (None, None, date(2020, 1, 2), None, "1", "Member", {"shoes": "forty"}),
        "3": (None, None, None, ["x"], "1", "Member", {"relationships": {"guest": {"type": "Campus", "id": "5"}}}),
        "4": (None, None, None, None, None, None, {
            "since": "today", "relationships": {"mentor": {"type": "Campus", "id": [1]}},
        }),
    }  # fmt: skip


async def test_a_program_that_does_not_know_the_column_yet_loses_nothing(own_database: Database) -> None:
    """Old and new programs write side by side while one replaces the other."""
    wider = make_manifest(CAMPUS, widened(MEMBER, nickname=AttributeType.STRING))
    old = await Reader.begin(own_database, org="grace")
    await old.store(record("1", nickname="Ann"), at=0)
    await ensure(own_database, wider)
    await old.store(record("1", nickname="Annie"), at=1)
    new = replace(old, manifest=wider, entity=wider.entities[MEMBER.name])
    await new.store(record("1", nickname="Annie"), at=2)
    row = await new.row("1")
    assert (row["nickname"], row["_extra"]) == ("Annie", None)
    assert (await new.store(record("1", nickname="Annie"), at=3)).counts == PageCounts(unchanged=1)


async def test_programs_of_different_versions_that_start_at_the_same_time_make_all_there_is_to_make(
    database_url: str,
) -> None:
    narrow, wide = make_manifest(CAMPUS), make_manifest(widened(CAMPUS, city=AttributeType.STRING), MEMBER)
    async with open_database(database_url, connections=6) as database:
        await asyncio.gather(*(ensure(database, manifest) for manifest in (narrow, wide) * 3))
    made = tables(database_url, "sample")
    assert made.keys() == {"church_campus", "church_member"}
    assert "city" in made["church_campus"]


async def test_an_attribute_that_the_manifest_no_longer_has_keeps_its_column(own_database: Database) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(record("1", age=5))
    narrower = replace(MEMBER, attributes={n: a for n, a in MEMBER.attributes.items() if n != "age"})
    assert await ensure(own_database, make_manifest(CAMPUS, narrower))
    assert (await reader.row("1"))["age"] == 5


async def test_an_engines_own_column_of_another_type_is_refused(
    own_database: Database, database_url: str
) -> None:
    ask(database_url, "ALTER TABLE sample.church_member ALTER COLUMN _hash TYPE text")
    with pytest.raises(ManifestError) as caught:
        await ensure(own_database, make_manifest(CAMPUS, widened(MEMBER, city=AttributeType.STRING)))
    assert str(caught.value) == (
        "sample.church_member._hash: the column's type is text; expected bigint: it is openfaith's own; "
        "give it that type again"
    )
    assert "city" not in tables(database_url, "sample")["church_member"]


async def test_no_table_is_left_half_made(own_database: Database, database_url: str) -> None:
    too_long = make_entity("Broken", {"xmin": AttributeType.STRING})
    from psycopg import errors

    with pytest.raises(errors.DuplicateColumn):
        await ensure(own_database, make_manifest(widened(CAMPUS, city=AttributeType.STRING), too_long))
    assert "city" not in tables(database_url, "sample")["church_campus"]
