"""A column whose type changes loses no value, whoever is writing meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openfaith.manifest import Attribute, AttributeType, Entity, Manifest
from openfaith.records import PageCounts
from openfaith.store import Database, PageWriter, ensure_mirror_tables, fill_mirror_tables
from support.mirror import (
    CAMPUS,
    MEMBER,
    Examples,
    Reader,
    ask,
    make_entity,
    make_manifest,
    make_page,
    make_place,
    open_sample,
    record,
)

STRING, INTEGER, FLOAT = AttributeType.STRING, AttributeType.INTEGER, AttributeType.FLOAT
BOOLEAN, DATE, DATE_TIME = AttributeType.BOOLEAN, AttributeType.DATE, AttributeType.DATE_TIME
JSON = AttributeType.JSON
NOON = datetime(2020, 1, 2, 12, tzinfo=UTC)


def member(kind: AttributeType) -> Entity:
    """Members with one attribute, `value`."""
    return replace(MEMBER, attributes={"value": Attribute(name="value", type=kind)}, relationships={})


def manifest_of(kind: AttributeType) -> Manifest:
    return make_manifest(CAMPUS, member(kind))


async def began(database: Database, kind: AttributeType, values: Mapping[str, object]) -> Reader:
    """A church whose members were stored when `value` was of this type."""
    manifest = manifest_of(kind)
    await ensure_mirror_tables(database, manifest)
    reader = await Reader.begin(database, member(kind), org="grace", manifest=manifest)
    await reader.store(*(record(key, value=value) for key, value in values.items()))
    return reader


async def change(database: Database, reader: Reader, kind: AttributeType) -> Reader:
    """The reader of a program whose manifest has the other type, once it has started."""
    manifest = manifest_of(kind)
    assert await ensure_mirror_tables(database, manifest)
    return replace(reader, manifest=manifest, entity=member(kind))


async def kept(reader: Reader) -> dict[str, tuple[object, object]]:
    return {
        key: (row["value"], None if row["_extra"] is None else row["_extra"].get("value"))
        for key, row in (await reader.rows()).items()
    }


def column_kind(url: str) -> str:
    [(kind,)] = ask(
        url,
        "SELECT format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = 'sample.church_member'::regclass AND attname = 'value'",
    )
    return str(kind)


@pytest.fixture
async def bare(database_url: str) -> Any:
    """A database without mirror tables of members."""
    async with open_sample(database_url, manifest=make_manifest(CAMPUS)) as database:
        yield database


SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# What becomes of values: the column, or `_extra`

CHANGES: list[tuple[AttributeType, AttributeType, object, object, object]] = [
    (STRING, INTEGER, "41", 41, None),
    (STRING, INTEGER, "-7", -7, None),
    (STRING, INTEGER, "0", 0, None),
    (STRING, INTEGER, "9223372036854775807", 2**63 - 1, None),
    (STRING, INTEGER, "9223372036854775808", None, "9223372036854775808"),
    (STRING, INTEGER, "007", None, "007"),
    (STRING, INTEGER, " 7", None, " 7"),
    (STRING, INTEGER, "+7", None, "+7"),
    (STRING, INTEGER, "0x7", None, "0x7"),
    (STRING, INTEGER, "7\n", None, "7\n"),
    (STRING, INTEGER, "1.0", None, "1.0"),
    (STRING, INTEGER, "forty", None, "forty"),
    (STRING, INTEGER, "", None, ""),
    (STRING, INTEGER, None, None, None),
    (STRING, FLOAT, "1.50", 1.5, None),
    (STRING, FLOAT, "0.30000000000000004", 0.30000000000000004, None),
    (STRING, FLOAT, "0.1234567890123456789", None, "0.1234567890123456789"),
    (STRING, FLOAT, "1e400", None, "1e400"),
    (STRING, FLOAT, "NaN", None, "NaN"),
    (STRING, BOOLEAN, "true", True, None),
    (STRING, BOOLEAN, "yes", None, "yes"),
    (STRING, DATE, "2020-01-02", date(2020, 1, 2), None),
    (STRING, DATE, "2020-02-30", None, "2020-02-30"),
    (STRING, DATE, "today", None, "today"),
    (STRING, DATE, "2020-01-02T12:00:00Z", None, "2020-01-02T12:00:00Z"),
    (STRING, DATE_TIME, "2020-01-02T12:00:00Z", NOON, None),
    (STRING, DATE_TIME, "2020-01-02T14:00:00+02:00", NOON, None),
    (STRING, DATE_TIME, "2020-01-02T12:00:00.1234567Z", None, "2020-01-02T12:00:00.1234567Z"),
    (STRING, DATE_TIME, "now", None, "now"),
    (STRING, JSON, '{"a": 1}', {"a": 1}, None),
    (STRING, JSON, '{"a":1}', '{"a":1}', None),
    (STRING, JSON, "{broken", "{broken", None),
    (STRING, JSON, "5", "5", None),
    (INTEGER, STRING, 41, "41", None),
    (INTEGER, FLOAT, 2**53, float(2**53), None),
    (INTEGER, FLOAT, 2**53 + 1, None, 2**53 + 1),
    (INTEGER, BOOLEAN, 1, None, 1),
    (INTEGER, JSON, 41, 41, None),
    (FLOAT, STRING, 1.5, "1.5", None),
    (BOOLEAN, STRING, True, "true", None),
    (BOOLEAN, INTEGER, True, None, True),
    (DATE, STRING, "2020-01-02", "2020-01-02", None),
    (DATE, DATE_TIME, "2020-01-02", datetime(2020, 1, 2, tzinfo=UTC), None),
    (DATE, INTEGER, "2020-01-02", None, "2020-01-02"),
    (DATE_TIME, STRING, "2020-01-02T12:00:00Z", "2020-01-02T12:00:00Z", None),
    (DATE_TIME, STRING, "2020-01-02T14:00:00.5+02:00", "2020-01-02T12:00:00.5Z", None),
    (DATE_TIME, INTEGER, "2020-01-02T12:00:00Z", None, "2020-01-02T12:00:00Z"),
    (JSON, STRING, {"a": [1]}, '{"a": [1]}', None),
    (JSON, STRING, "plain", "plain", None),
    (JSON, INTEGER, 41, 41, None),
    (JSON, INTEGER, {"a": 1}, None, {"a": 1}),
    (JSON, DATE, "2020-01-02", date(2020, 1, 2), None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), dict.fromkeys((b, a) for b, a, *_ in CHANGES))
async def test_a_value_takes_the_new_type_or_stays_in_extra_as_it_was(
    bare: Database, before: AttributeType, after: AttributeType
) -> None:
    cases = {str(n): case for n, case in enumerate(CHANGES) if case[:2] == (before, after)}
    reader = await began(bare, before, {key: case[2] for key, case in cases.items()})
    reader = await change(bare, reader, after)
    await fill_mirror_tables(bare)
    assert await kept(reader) == {key: (case[3], case[4]) for key, case in cases.items()}


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [(FLOAT, INTEGER, "double precision"), (DATE_TIME, DATE, "timestamp with time zone")],
)
async def test_a_column_that_holds_more_than_the_new_type_stays_as_it_is(
    bare: Database, database_url: str, before: AttributeType, after: AttributeType, stays: str
) -> None:
    """PostgreSQL would let a program of the old manifest go on writing, and cut its values without a word."""
    value: object = 1.5 if before is FLOAT else "2020-01-02T12:00:00Z"
    reader = await began(bare, before, {"1": value})
    rows = await reader.rows()
    newer = await change(bare, reader, after)
    assert column_kind(database_url) == stays
    assert await reader.rows() == rows
    [(said,)] = ask(
        database_url,
        "SELECT col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = 'sample.church_member'::regclass AND attname = 'value'",
    )
    assert "The column stays" in said
    await newer.store(record("2", value=7 if after is INTEGER else "2020-01-03"), at=1)
    fitting = (await newer.row("2"))["value"]
    assert fitting == (7 if after is INTEGER else datetime(2020, 1, 3, tzinfo=UTC))


SPELLED = {STRING: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
           | st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,20})?(e-?[0-9]{1,3})?", fullmatch=True)
           | st.datetimes().map(lambda t: t.isoformat() + "Z") | st.sampled_from(["true", "false", "{}", "[1]"])}  # fmt: skip


@given(
    texts=st.lists(SPELLED[STRING], min_size=1, max_size=20, unique=True),
    kinds=st.lists(st.sampled_from([INTEGER, FLOAT, BOOLEAN, DATE, DATE_TIME, JSON]), min_size=1, max_size=3),
)
@SETTINGS
def test_no_text_is_lost_however_often_its_type_changes(
    examples: Examples, texts: list[str], kinds: list[AttributeType]
) -> None:
    """There and back again: in the end the column, or `_extra`, says what the source said; a number its value."""
    name = examples.new_org().replace("-", "_")

    async def run() -> dict[str, Any]:
        reader = await began_in(examples.database, name, STRING, texts)
        for number, kind in enumerate(kinds):
            reader = await change_in(examples.database, name, reader, kind, number)
        reader = await change_in(examples.database, name, reader, STRING, len(kinds))
        await fill_mirror_tables(examples.database)
        return await reader.rows()

    for row in examples.run(run()).values():
        said = texts[int(row["id"])]
        assert row["_extra"] is None
        assert row["value"] == said or meaning(row["value"]) == meaning(said), (row["value"], said)


def versioned(name: str, kind: AttributeType, version: int = 0) -> Manifest:
    """A manifest that no other resembles: its form is new, however often a type comes back."""
    entity = make_entity(f"E{name}", {"value": kind})
    manifest = make_manifest(entity)
    product = replace(manifest.products["church"], version=f"2026-01-01.{version}")
    return replace(manifest, products={"church": product})


async def began_in(database: Database, name: str, kind: AttributeType, values: list[str]) -> Reader:
    manifest = versioned(name, kind)
    await ensure_mirror_tables(database, manifest)
    [entity] = manifest.entities.values()
    reader = await Reader.begin(database, entity, org=name, manifest=manifest)
    await reader.store(*(record(str(n), entity.type, value=value) for n, value in enumerate(values)))
    return reader


async def change_in(
    database: Database, name: str, reader: Reader, kind: AttributeType, number: int
) -> Reader:
    manifest = versioned(name, kind, number + 1)
    await ensure_mirror_tables(database, manifest)
    await fill_mirror_tables(database)
    [entity] = manifest.entities.values()
    return replace(reader, manifest=manifest, entity=entity)


# Old and new programs, side by side

PAIRS = [
    (before, after)
    for before in (STRING, INTEGER, FLOAT, BOOLEAN, DATE, DATE_TIME, JSON)
    for after in (STRING, INTEGER, FLOAT, BOOLEAN, DATE, DATE_TIME, JSON)
    if before is not after
]
VALUES: dict[AttributeType, list[object]] = {
    STRING: ["forty", "41", "2020-01-02", "true"],
    INTEGER: [0, 41, -(2**63)],
    FLOAT: [1.5, 2.0, -1e300],
    BOOLEAN: [True, False],
    DATE: ["2020-01-02", "0001-01-01"],
    DATE_TIME: ["2020-01-02T12:00:00Z", "2020-01-02T12:00:00.25Z"],
    JSON: [{"a": [1, None]}, "text", 5, True, ["x"]],
}


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_a_program_of_the_old_manifest_goes_on_and_loses_nothing(
    bare: Database, before: AttributeType, after: AttributeType
) -> None:
    values = dict(enumerate(VALUES[before]))
    old = await began(bare, before, {"first": values[0]})
    new = await change(bare, old, after)
    committed = await old.store(*(record(str(n), value=value) for n, value in values.items()), at=1)
    assert committed.counts == PageCounts(inserted=len(values))
    for key, (column, extra) in (await kept(new)).items():
        if key != "first":
            assert says(column, extra, values[int(key)]), (column, extra, values[int(key)])
    new = replace(new, held=old.held)
    again = await new.store(*(record(str(n), value=value) for n, value in values.items()), at=2)
    assert again.counts.dead_letters == 0


def says(column: object, extra: object, value: object) -> bool:
    """Whether a row holds a value: in its column, in whatever type, or in `_extra`."""
    return meaning(column if extra is None else extra) == meaning(value)


def meaning(value: object) -> object:
    """What a value says, whatever it is spelled or typed like."""
    if isinstance(value, bool | int | float):
        return Decimal(value) if abs(value) <= 2**64 else Decimal(float(value))
    if isinstance(value, date):
        return meaning(value.isoformat())
    if not isinstance(value, str):
        return json.dumps(value)
    with suppress(ValueError):
        return meaning(json.loads(value))
    with suppress(ValueError):
        return aware(datetime.fromisoformat(value))
    return value


def aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


async def test_a_writer_that_met_the_old_type_follows_the_table(bare: Database, database_url: str) -> None:
    """One writer, whose statement was prepared before the column changed under it."""
    old = await began(bare, STRING, {"1": "41"})
    writer = PageWriter(bare, old.manifest, old.entity)
    await writer.commit(make_page(record("2", value="x"), at=1), make_place(old.held, 2))
    new = await change(bare, old, INTEGER)
    committed = await writer.commit(
        make_page(record("3", value="5"), record("4", value="abc"), at=2), make_place(old.held, 3)
    )
    assert committed.parts[0].misfits == {"value": 1}
    assert await kept(new) == {"1": (41, None), "2": (None, "x"), "3": (5, None), "4": (None, "abc")}


async def test_a_program_of_the_old_manifest_that_starts_later_changes_nothing_back(
    bare: Database, database_url: str
) -> None:
    old = await began(bare, STRING, {"1": "41"})
    await change(bare, old, INTEGER)
    assert not await ensure_mirror_tables(bare, manifest_of(STRING))
    assert column_kind(database_url) == "bigint"


async def test_nor_when_it_has_something_else_to_make(bare: Database, database_url: str) -> None:
    old = await began(bare, STRING, {"1": "41"})
    await change(bare, old, INTEGER)
    ask(database_url, "DROP TABLE sample.church_campus")
    assert await ensure_mirror_tables(bare, manifest_of(STRING))
    assert column_kind(database_url) == "bigint"


async def test_who_insists_gets_the_old_type_back(bare: Database, database_url: str) -> None:
    """`openfaith migrate` of an older program, after a release was taken back."""
    old = await began(bare, STRING, {"1": "41", "2": "x"})
    await change(bare, old, INTEGER)
    assert await ensure_mirror_tables(bare, manifest_of(STRING), insist=True)
    await fill_mirror_tables(bare)
    assert column_kind(database_url) == "text"
    assert await kept(old) == {"1": ("41", None), "2": ("x", None)}


# What rests on a column


async def test_a_column_that_somebodys_view_shows_stays_and_says_why(
    bare: Database, database_url: str
) -> None:
    old = await began(bare, STRING, {"1": "41", "2": "x"})
    ask(database_url, "CREATE VIEW mine AS SELECT value FROM sample.church_member")
    new = await change(bare, old, INTEGER)
    assert column_kind(database_url) == "text"
    assert await kept(new) == {"1": ("41", None), "2": ("x", None)}
    [(name, message)] = ask(
        database_url, "SELECT severity, message FROM openfaith.event WHERE name = 'MirrorTableChanged'"
    )
    assert name == "warning"
    assert "view mine depends on column" in message
    await new.store(record("3", value=5), record("4", value="abc"), at=1)
    assert (await kept(new))["3"] == ("5", None)
    assert not await ensure_mirror_tables(bare, new.manifest)


async def test_once_the_view_is_gone_who_insists_gets_the_new_type(bare: Database, database_url: str) -> None:
    old = await began(bare, STRING, {"1": "41"})
    ask(database_url, "CREATE VIEW mine AS SELECT value FROM sample.church_member")
    new = await change(bare, old, INTEGER)
    ask(database_url, "DROP VIEW mine")
    assert await ensure_mirror_tables(bare, new.manifest, insist=True)
    assert column_kind(database_url) == "bigint"
    assert not await ensure_mirror_tables(bare, new.manifest, insist=True)


async def test_an_index_of_somebodys_is_made_anew(bare: Database, database_url: str) -> None:
    old = await began(bare, STRING, {"1": "41"})
    ask(database_url, "CREATE INDEX mine ON sample.church_member (value)")
    await change(bare, old, INTEGER)
    assert ask(
        database_url,
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indexrelid = 'sample.mine'::regclass",
    )


async def test_what_a_change_set_aside_is_told(bare: Database, database_url: str) -> None:
    old = await began(bare, STRING, {"1": "41", "2": "x", "3": "y"})
    await change(bare, old, INTEGER)
    [(message, details)] = ask(
        database_url, "SELECT message, details FROM openfaith.event WHERE name = 'MirrorTableChanged'"
    )
    assert message == "sample.church_member: changed value: text → bigint; 2 values of value are in _extra"
    assert details["set_aside"] == {"value": 2}
