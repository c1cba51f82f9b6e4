"""A page arrives: what becomes of its values, and what else is written with it."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from openfaith.records import OrgId, PageCounts
from openfaith.store import Database
from openfaith.store.upserts import page_statement
from support.mirror import CAMPUS, Reader, ask, campus, make_page, moment, record, stamp, to_one

EVERYTHING: dict[str, Any] = {
    "name": "Ann ☃ O'Neil\t",
    "age": 41,
    "height": 1.75,
    "active": True,
    "born": "1984-02-29",
    "joined_at": "2020-03-01T10:00:07Z",
    "settings": {"a": [1, {"b": None}]},
    "tags": ["x", 2],
    "updated_at": stamp(5),
}


async def test_every_type_arrives(reader: Reader) -> None:
    relationships = {"campus": to_one("7"), "owner": to_one("9", "Person"), "teams": {"data": []}}
    await reader.store(record("1", relationships=relationships, **EVERYTHING))
    row = await reader.row("1")
    assert {name: row[name] for name in EVERYTHING} == EVERYTHING | {
        "born": date(1984, 2, 29),
        "joined_at": datetime(2020, 3, 1, 10, 0, 7, tzinfo=UTC),
        "updated_at": moment(5),
    }
    assert (row["campus_id"], row["owner_id"], row["owner_type"]) == ("7", "9", "Person")
    assert (row["_source_updated_at"], row["_requested_at"], row["_run_id"]) == (
        moment(5),
        moment(0),
        reader.run_id,
    )
    assert row["_extra"] is None
    assert row["_deleted_at"] is None


@pytest.mark.parametrize("empty", [{}, dict.fromkeys(EVERYTHING)])
async def test_what_is_null_or_absent_is_null(reader: Reader, empty: dict[str, Any]) -> None:
    relationships = {"campus": {"data": None}, "owner": {"links": {"related": None}}}
    await reader.store(record("1", relationships=relationships, **empty))
    row = await reader.row("1")
    assert {row[name] for name in (*EVERYTHING, "campus_id", "owner_id", "owner_type", "_extra")} == {None}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2020-03-01T10:00:07+02:00", datetime(2020, 3, 1, 8, 0, 7, tzinfo=UTC)),
        ("2020-03-01T10:00:07.25Z", datetime(2020, 3, 1, 10, 0, 7, 250_000, tzinfo=UTC)),
        ("2020-03-01", datetime(2020, 3, 1, tzinfo=UTC)),
    ],
)
async def test_a_time_is_read_with_its_zone_and_as_utc_where_it_has_none(
    reader: Reader, sent: str, kept: datetime
) -> None:
    await reader.store(record("1", joined_at=sent))
    assert (await reader.row("1"))["joined_at"] == kept


async def test_numbers_in_texts_and_texts_of_numbers_arrive(reader: Reader) -> None:
    await reader.store(record("1", name=12, age="12", height="1.5", active="true"))
    row = await reader.row("1")
    assert (row["name"], row["age"], row["height"], row["active"]) == ("12", 12, 1.5, True)


async def test_unknown_attributes_and_unknown_to_one_relationships_are_in_extra(reader: Reader) -> None:
    relationships = {"campus": to_one("7"), "mentor": to_one("8", "Member"), "notes": {"data": [{"id": "1"}]}}
    await reader.store(record("1", name="Ann", shoe_size=41, relationships=relationships))
    assert (await reader.row("1"))["_extra"] == {
        "shoe_size": 41,
        "relationships": {"mentor": {"type": "Member", "id": "8"}},
    }


async def test_unknown_relationships_without_data_leave_no_trace(reader: Reader) -> None:
    relationships = {"mentor": {"data": None}, "notes": {"data": []}, "other": {"links": {}}}
    await reader.store(record("1", relationships=relationships))
    assert (await reader.row("1"))["_extra"] is None


async def test_a_change_of_an_unknown_relationship_is_written(reader: Reader) -> None:
    for at, key in enumerate(("8", "9")):
        await reader.store(record("1", relationships={"mentor": to_one(key)}), at=at)
    assert (await reader.row("1"))["_extra"]["relationships"]["mentor"]["id"] == "9"


@pytest.mark.parametrize("name", ["campus", "owner"])
async def test_a_change_of_a_known_relationship_is_written(reader: Reader, name: str) -> None:
    for at, key in enumerate(("8", None, "9")):
        committed = await reader.store(record("1", relationships={name: to_one(key) if key else {}}), at=at)
        assert committed.counts.unchanged == 0
        assert (await reader.row("1"))[f"{name}_id"] == key


async def test_the_same_page_again_rewrites_no_row(reader: Reader) -> None:
    records = [record(str(n), name=f"member {n}", shoe_size=n) for n in range(50)]
    first = await reader.store(*records, at=0)
    before = await reader.rows()
    second = await reader.store(*records, at=1)
    assert first.counts == PageCounts(inserted=50)
    assert second.counts == PageCounts(unchanged=50)
    assert await reader.rows() == before


async def test_only_what_changed_is_rewritten(reader: Reader) -> None:
    await reader.store(*(record(str(n), name="old") for n in range(5)), at=0)
    before = await reader.rows()
    committed = await reader.store(*(record(str(n), name="new" if n == 3 else "old") for n in range(5)), at=1)
    after = await reader.rows()
    assert committed.counts == PageCounts(updated=1, unchanged=4)
    assert {key for key in after if after[key]["xmin"] != before[key]["xmin"]} == {"3"}
    assert after["3"]["_synced_at"] > before["3"]["_synced_at"]


async def test_the_same_id_in_two_organizations_is_two_rows(
    database: Database, org: OrgId, other_org: OrgId
) -> None:
    readers = [await Reader.begin(database, org=each) for each in (org, other_org)]
    for reader in readers:
        await reader.store(record("1", name=reader.org_id))
    assert [(await reader.row("1"))["name"] for reader in readers] == [org, other_org]


async def test_checkpoint_counts_and_ledger_come_with_the_page(reader: Reader) -> None:
    await reader.store(record("1"), record("2"), at=0)
    page = make_page(record("1", name="new"), record("2"), b"3", at=1, total=70, requests=4)
    await reader.commit(page)
    run = await reader.entity_run()
    assert run["checkpoint"] == {"page": 2}
    counted = ("pages", "requests", "records", "inserted", "updated", "unchanged", "dead_letters")
    assert [run[name] for name in counted] == [2, 5, 5, 2, 1, 1, 1]
    assert run["total_count"] == 70
    last = (await reader.ledger())[-1]
    names = ("page", "fence", "token", "requested_at", "records", "inserted", "updated", "dead_letters")
    assert [last[name] for name in names] == [2, 1, "page=2", moment(1), 3, 0, 1, 1]


async def test_a_page_without_records_moves_the_checkpoint(reader: Reader) -> None:
    committed = await reader.store()
    assert committed.counts == PageCounts()
    assert (await reader.entity_run())["checkpoint"] == {"page": 1}
    assert len(await reader.ledger()) == 1


async def test_the_sources_last_count_stays_where_a_page_has_none(reader: Reader) -> None:
    await reader.store(total=7)
    await reader.store(total=None)
    assert (await reader.entity_run())["total_count"] == 7


@pytest.mark.parametrize("absurd", [2**63, 10**400])
async def test_an_absurd_count_of_the_source_costs_no_record(reader: Reader, absurd: int) -> None:
    committed = await reader.store(record("1"), total=absurd)
    assert committed.counts == PageCounts(inserted=1)
    assert (await reader.entity_run())["total_count"] is None


async def test_an_entity_that_does_not_say_when_it_changed_has_no_stamp(
    database: Database, org: OrgId
) -> None:
    reader = await Reader.begin(database, CAMPUS, org=org)
    await reader.store(campus("1", name="North", updated_at=stamp(3)))
    row = await reader.row("1")
    assert (row["name"], row["_source_updated_at"], row["_extra"]) == (
        "North",
        None,
        {"updated_at": stamp(3)},
    )


async def test_a_page_of_a_thousand_records_arrives(reader: Reader) -> None:
    committed = await reader.store(*(record(str(n), name="x" * 500) for n in range(1000)))
    assert committed.counts == PageCounts(inserted=1000)


async def test_members_of_a_record_that_are_none_of_its_data_do_no_harm(reader: Reader) -> None:
    body = json.loads(record("1", name="Ann")) | {
        "links": {"self": "x"},
        "meta": 5,
        "_misfits": {"name": "forged"},
    }
    await reader.store(json.dumps(body).encode())
    row = await reader.row("1")
    assert (row["name"], row["_extra"]) == ("Ann", None)


@pytest.mark.parametrize("plain", [False, True])
async def test_a_statement_is_planned_once_and_calls_no_function_per_value(
    reader: Reader, *, plain: bool
) -> None:
    """The functions that describe a record are spelled out in the plan: a call of each would cost more than the rest."""
    parameters = {
        "entity_run_id": 1, "fence": 1, "records": "[]", "misfits": None, "requested_at": moment(0), "page": 1,
        "token": "", "size": 0, "dead_letters": 0, "requests": 0, "checkpoint": "{}", "total_count": None,
        "ids": "{}", "attributes": "{}", "end_0": "{}", "end_1": "{}", "end_2": "{}",
    }  # fmt: skip
    async with reader.database.connection() as connection:
        composed = page_statement(reader.manifest, reader.entity, plain=plain).as_string()
        statement = re.sub(r"(%\((records|attributes)\))b", r"\1s", composed)
        cursor = await connection.execute(f"EXPLAIN (VERBOSE) {statement}".encode(), parameters)
        plan = "\n".join(line for (line,) in await cursor.fetchall())
    assert "openfaith." not in plan.replace("openfaith.entity_run", "").replace("openfaith.page_commit", "")


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize(
    ("table", "beside"),
    [
        ("sample.church_member", []),
        ("openfaith.page_commit", []),
        ("openfaith.entity_run", []),
        ("sample.church_member", [b"a bad record"]),
        ("openfaith.page_commit", [b"a bad record"]),
        ("openfaith.entity_run", [b"a bad record"]),
        ("openfaith.dead_letter", [b"a bad record"]),
    ],
)
async def test_where_one_part_of_a_page_fails_nothing_of_it_is_written(
    own_database: Database, database_url: str, table: str, beside: list[bytes]
) -> None:
    """Rows, ledger, checkpoint, counts, dead letters: all or none."""
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(record("1", name="before"))

    async def everything() -> list[object]:
        return [await reader.rows(), await reader.ledger(), await reader.letters(), await reader.entity_run()]

    before = await everything()
    ask(database_url, REFUSE.format(table))
    with pytest.raises(psycopg.errors.RaiseException, match="refused"):
        await reader.store(record("1", name="after"), record("2"), *beside, at=1)
    assert await everything() == before
    ask(database_url, "DROP FUNCTION refuse CASCADE")
    await reader.store(record("1", name="after"), record("2"), *beside, at=1)
    assert (await reader.row("1"))["name"] == "after"
