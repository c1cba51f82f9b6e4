"""What the canonical views show of mirror columns whose type is not the manifest's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import permutations

import pytest
from psycopg import sql

from openfaith.manifest import (
    AttributeType,
    CanonicalMapping,
    Manifest,
    Relationship,
    load_canonical_mapping,
)
from openfaith.store import Database, ensure_mirror_tables, install_canonical_model, open_database
from support.church import read
from support.mirror import Reader, make_entity, make_manifest, record
from support.postgres import Databases
from support.roles import new_role

NOON = datetime(2020, 1, 2, 12, tzinfo=UTC)
MIDNIGHT = datetime(2020, 1, 2, tzinfo=UTC)
DAY = date(2020, 1, 2)
LARGEST = 2**63 - 1

KINDS = {
    "text": (AttributeType.STRING, "text"),
    "bigint": (AttributeType.INTEGER, "integer"),
    "double precision": (AttributeType.FLOAT, "number"),
    "boolean": (AttributeType.BOOLEAN, "boolean"),
    "date": (AttributeType.DATE, "date"),
    "timestamptz": (AttributeType.DATE_TIME, "time"),
    "jsonb": (AttributeType.JSON, "json"),
}
"""PostgreSQL's type → the manifest's and the mapping's."""

SHOWN: dict[tuple[str, str], dict[str, object]] = {
    ("text", "bigint"): {
        "41": 41, "-7": -7, str(LARGEST): LARGEST, str(LARGEST + 1): None, "007": None, " 7": None, "1.0": None, "x": None,
    },
    ("text", "double precision"): {
        "1.5": 1.5, "41": 41.0, "0.1234567890123456789": 0.12345678901234568, "1e400": None, "NaN": None, "": None,
    },
    ("text", "boolean"): {"true": True, "false": False, "yes": None, "1": None},
    ("text", "date"): {"2020-01-02": DAY, "2020-02-30": None, "today": None, "2020-01-02T12:00:00Z": None},
    ("text", "timestamptz"): {
        "2020-01-02T12:00:00Z": NOON, "2020-01-02T14:00:00+02:00": NOON, "2020-01-02T12:00:00": NOON,
        "2020-01-02": MIDNIGHT, "2020-02-30T12:00:00Z": None, "now": None,
    },
    ("text", "jsonb"): {'{"a":1}': {"a": 1}, "[1]": [1], "{broken": "{broken", "5": "5", "plain": "plain"},
    ("bigint", "text"): {"41": "41"},
    ("bigint", "double precision"): {"41": 41.0, str(2**53 + 1): float(2**53)},
    ("bigint", "boolean"): {"1": None},
    ("bigint", "date"): {"20200102": None},
    ("bigint", "timestamptz"): {"20200102": None},
    ("bigint", "jsonb"): {"41": 41},
    ("double precision", "text"): {"1.5": "1.5", "2": "2"},
    ("double precision", "bigint"): {
        "41": 41, "-0": 0, "1e15": 10**15, "9223372036854774784": 9223372036854774784, "-9223372036854775808": -(2**63),
        "9223372036854775808": None, "1.5": None, "NaN": None, "Infinity": None, "-Infinity": None,
    },
    ("double precision", "boolean"): {"1": None},
    ("double precision", "date"): {"20200102": None},
    ("double precision", "timestamptz"): {"20200102": None},
    ("double precision", "jsonb"): {"1.5": 1.5},
    ("boolean", "text"): {"true": "true"},
    ("boolean", "bigint"): {"true": None},
    ("boolean", "double precision"): {"true": None},
    ("boolean", "date"): {"true": None},
    ("boolean", "timestamptz"): {"true": None},
    ("boolean", "jsonb"): {"true": True},
    ("date", "text"): {"2020-01-02": "2020-01-02"},
    ("date", "bigint"): {"2020-01-02": None},
    ("date", "double precision"): {"2020-01-02": None},
    ("date", "boolean"): {"2020-01-02": None},
    ("date", "timestamptz"): {"2020-01-02": MIDNIGHT},
    ("date", "jsonb"): {"2020-01-02": "2020-01-02"},
    ("timestamptz", "text"): {
        "2020-01-02T12:00:00Z": "2020-01-02T12:00:00Z", "2020-01-02T12:00:00.25Z": "2020-01-02T12:00:00.25Z",
    },
    ("timestamptz", "bigint"): {"2020-01-02T12:00:00Z": None},
    ("timestamptz", "double precision"): {"2020-01-02T12:00:00Z": None},
    ("timestamptz", "boolean"): {"2020-01-02T12:00:00Z": None},
    ("timestamptz", "date"): {
        "2020-01-02T00:00:00Z": DAY, "2020-01-02T23:59:59.999999Z": DAY, "2020-01-02T23:00:00-02:00": date(2020, 1, 3),
    },
    ("timestamptz", "jsonb"): {"2020-01-02T12:00:00Z": "2020-01-02T12:00:00Z"},
    ("jsonb", "text"): {'"plain"': "plain", '{"a": [1]}': '{"a": [1]}', "5": "5", "null": None},
    ("jsonb", "bigint"): {"41": 41, '"41"': 41, "1.5": None, "[41]": None},
    ("jsonb", "double precision"): {"1.5": 1.5, "1e400": None, '"x"': None},
    ("jsonb", "boolean"): {"true": True, '"yes"': None},
    ("jsonb", "date"): {'"2020-01-02"': DAY, '"2020-02-30"': None, "{}": None},
    ("jsonb", "timestamptz"): {'"2020-01-02T12:00:00Z"': NOON, '"now"': None},
}  # fmt: skip
"""(type of the column, type of the manifest) → what the column holds → what the view shows."""

PAIRS = list(permutations(KINDS, 2))


def column(present: str, wanted: str) -> str:
    return f"{present}_as_{wanted}".replace(" ", "_")


def manifest() -> Manifest:
    """One entity with an attribute for each pair of types."""
    return make_manifest(make_entity("Thing", {column(*pair): KINDS[pair[1]][0] for pair in PAIRS}))


@cache
def mapping() -> CanonicalMapping:
    columns = {
        column(*pair): {
            "kind": "column",
            "from": column(*pair),
            "type": KINDS[pair[1]][1],
            "meaning": "A value.",
        }
        for pair in PAIRS
    }
    entities = {"thing": {"source": "church.Thing", "meaning": "A thing.", "columns": columns}}
    return load_canonical_mapping({"a.json": {"domain": "all", "entities": entities}}, manifest())


@pytest.fixture(scope="module")
def model_url(databases: Databases) -> Iterator[str]:
    """A database in which no column has the type that the manifest wants."""
    with databases.fresh() as url:
        asyncio.run(_install(url))
        yield url


async def _install(url: str) -> None:
    async with open_database(url, connections=1) as database:
        await ensure_mirror_tables(database, manifest())
        async with database.transaction() as connection:
            for pair in PAIRS:
                name = sql.Identifier(column(*pair))
                await connection.execute(
                    sql.SQL(
                        "ALTER TABLE sample.church_thing DROP COLUMN {name}, ADD COLUMN {name} {kind}"
                    ).format(name=name, kind=sql.SQL(pair[0]))
                )
                for written in SHOWN[pair]:
                    await connection.execute(
                        sql.SQL(
                            "INSERT INTO sample.church_thing (org_id, id, _requested_at, _hash, _run_id, {})"
                            " VALUES (%s, %s, now(), 0, 1, %s)"
                        ).format(name),
                        (column(*pair), written, written),
                    )
        await install_canonical_model(database, manifest(), mapping())


@pytest.fixture
async def database(model_url: str) -> AsyncIterator[Database]:
    async with open_database(model_url, connections=1) as opened:
        yield opened


async def shown(database: Database, name: str) -> dict[str, object]:
    """What the view shows, in a session that is far from the source in its habits."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL timezone = 'Pacific/Auckland'")
        await connection.execute("SET LOCAL datestyle = 'SQL, DMY'")
        statement = sql.SQL("SELECT external_id, {} FROM canonical.thing WHERE org_id = {}").format(
            sql.Identifier(name), sql.Literal(name)
        )
        return dict(await (await connection.execute(statement, binary=True)).fetchall())


@pytest.mark.parametrize(("present", "wanted"), PAIRS)
async def test_a_column_of_another_type_is_shown_in_the_manifests(
    database: Database, present: str, wanted: str
) -> None:
    assert await shown(database, column(present, wanted)) == SHOWN[(present, wanted)]


async def test_the_view_has_the_types_that_the_model_promises(database: Database) -> None:
    rows = await read(
        database,
        "SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute"
        " WHERE attrelid = 'canonical.thing'::regclass",
    )
    found = {row["attname"]: row["kind"].replace("timestamp with time zone", "timestamptz") for row in rows}
    assert {column(*pair): pair[1] for pair in PAIRS}.items() <= found.items()


async def test_who_may_read_the_model_only_sees_them_too(model_url: str, database: Database) -> None:
    with new_role(model_url) as reader:
        name = sql.Identifier(reader.name)
        async with database.connection() as connection:
            for right in ("USAGE ON SCHEMA canonical", "SELECT ON ALL TABLES IN SCHEMA canonical"):
                await connection.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(right), name))
        try:
            async with open_database(reader.url(model_url), connections=1) as theirs:
                for pair in PAIRS:
                    assert await shown(theirs, column(*pair)) == SHOWN[pair]
        finally:
            async with database.connection() as connection:
                await connection.execute(sql.SQL("DROP OWNED BY {}").format(name))


# Columns that a change of the manifest leaves as they are
@pytest.mark.parametrize(
    ("before", "after", "given", "expected"),
    [
        ("double precision", "bigint", (7, 1.5, 8), (7, None, 8)),
        (
            "timestamptz",
            "date",
            ("2020-01-02T12:00:00Z", "2020-01-02T23:30:00-02:00", "2020-01-04"),
            (DAY, date(2020, 1, 3), date(2020, 1, 4)),
        ),
    ],
)
async def test_a_column_that_stays_wider_shows_what_was_stored_before_and_after(
    database_url: str, before: str, after: str, given: tuple[object, ...], expected: tuple[object, ...]
) -> None:
    """The first two values were stored by the manifest before, the third by the one after."""
    old, new = (make_manifest(make_entity("Thing", {"value": KINDS[kind][0]})) for kind in (before, after))
    value = {"kind": "column", "from": "value", "type": KINDS[after][1], "meaning": "Its value."}
    thing = {"source": "church.Thing", "meaning": "A thing.", "columns": {"value": value}}
    model = load_canonical_mapping({"a.json": {"domain": "all", "entities": {"thing": thing}}}, new)
    [former], [latter] = old.entities.values(), new.entities.values()
    async with open_database(database_url, connections=4) as database:
        await ensure_mirror_tables(database, old)
        reader = await Reader.begin(database, former, org="grace", manifest=old)
        await reader.store(*(record(str(n), former.type, value=value) for n, value in enumerate(given[:2])))
        assert await ensure_mirror_tables(database, new)
        reader = replace(reader, manifest=new, entity=latter)
        await reader.store(record("2", latter.type, value=given[2]), at=1)
        await install_canonical_model(database, new, model)
        rows = await read(database, "SELECT value FROM canonical.thing ORDER BY external_id")
    assert tuple(row["value"] for row in rows) == expected


async def test_what_a_view_needs_beside_its_columns_may_have_another_type_too(database_url: str) -> None:
    """The mark of the deleted is shown by `external_link`; ids are what records are joined by."""
    group = make_entity("Group", {"name": AttributeType.STRING})
    thing = make_entity(
        "Thing", {"gone_at": AttributeType.DATE_TIME}, Relationship(name="group", to=group.name)
    )
    described = make_manifest(group, thing)
    name = {"kind": "column", "from": "of.name", "type": "text", "meaning": "Its group's name."}
    document = {
        "source": "church.Thing",
        "meaning": "A thing.",
        "deleted_at": "gone_at",
        "joins": {"of": {"entity": "church.Group", "by": "group_id"}},
        "columns": {"group_name": name},
    }
    model = load_canonical_mapping({"a.json": {"domain": "all", "entities": {"thing": document}}}, described)
    async with open_database(database_url, connections=2) as database:
        await ensure_mirror_tables(database, described)
        async with database.transaction() as connection:
            await connection.execute(
                "ALTER TABLE sample.church_thing ALTER gone_at TYPE text, ALTER group_id TYPE bigint USING 0;"
                "INSERT INTO sample.church_group (org_id, id, name, _requested_at, _hash, _run_id)"
                " VALUES ('grace', '5', 'North', now(), 0, 1);"
                "INSERT INTO sample.church_thing (org_id, id, group_id, gone_at, _requested_at, _hash, _run_id)"
                " VALUES ('grace', '1', 5, NULL, now(), 0, 1), ('grace', '2', 5, '2020-01-02T12:00:00Z', now(), 0, 1)"
            )
        await install_canonical_model(database, described, model)
        things = await read(database, "SELECT external_id, group_name FROM canonical.thing")
        links = await read(database, "SELECT external_id, deleted_at FROM canonical.external_link ORDER BY 1")
    assert things == [{"external_id": "1", "group_name": "North"}]
    assert links == [
        {"external_id": "1", "deleted_at": None},
        {"external_id": "2", "deleted_at": NOON},
    ]
