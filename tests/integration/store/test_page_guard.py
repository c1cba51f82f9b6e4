"""Older never replaces newer."""

from __future__ import annotations

import pytest

from openfaith.records import OrgId, PageCounts
from openfaith.store import Database
from support.mirror import CAMPUS, Reader, campus, execute, moment, record, stamp


async def name_of(reader: Reader) -> object:
    return (await reader.row("1"))["name"]


async def test_a_newer_version_replaces_an_older_one(reader: Reader) -> None:
    await reader.store(record("1", name="old", updated_at=stamp(1)), at=0)
    assert (await reader.store(record("1", name="new", updated_at=stamp(2)), at=1)).counts.updated == 1
    assert await name_of(reader) == "new"


async def test_an_older_version_that_is_read_later_replaces_nothing(reader: Reader) -> None:
    await reader.store(record("1", name="new", updated_at=stamp(2)), at=0)
    assert (await reader.store(record("1", name="old", updated_at=stamp(1)), at=1)).counts.unchanged == 1
    assert await name_of(reader) == "new"


async def test_of_equal_stamps_the_later_request_wins(reader: Reader) -> None:
    await reader.store(record("1", name="later", updated_at=stamp(1)), at=5)
    await reader.store(record("1", name="earlier", updated_at=stamp(1)), at=4)
    assert await name_of(reader) == "later"
    await reader.store(record("1", name="latest", updated_at=stamp(1)), at=6)
    assert await name_of(reader) == "latest"


async def test_of_equal_versions_the_one_that_is_written_later_wins(reader: Reader) -> None:
    """The source's clock has whole seconds: two pages can be of the same one."""
    for name in ("first", "second"):
        await reader.store(record("1", name=name, updated_at=stamp(1)), at=5)
    assert await name_of(reader) == "second"


async def test_without_stamps_the_later_request_wins(database: Database, org: OrgId) -> None:
    reader = await Reader.begin(database, CAMPUS, org=org)
    await reader.store(campus("1", name="later"), at=5)
    await reader.store(campus("1", name="earlier"), at=4)
    assert await name_of(reader) == "later"


async def test_a_version_with_a_stamp_is_newer_than_one_without(reader: Reader) -> None:
    await reader.store(record("1", name="stamped", updated_at=stamp(1)), at=0)
    await reader.store(record("1", name="without", updated_at=None), at=9)
    assert await name_of(reader) == "stamped"


async def test_of_copies_in_one_page_the_last_counts(reader: Reader) -> None:
    copies = [record("1", name=name, updated_at=stamp(1)) for name in ("first", "second", "last")]
    committed = await reader.store(*copies, record("2"))
    assert committed.counts == PageCounts(inserted=2, unchanged=2)
    assert await name_of(reader) == "last"


async def test_of_copies_in_one_page_a_newer_one_counts_wherever_it_stands(reader: Reader) -> None:
    copies = [record("1", name=f"version {n}", updated_at=stamp(n)) for n in (2, 3, 1)]
    await reader.store(*copies)
    assert await name_of(reader) == "version 3"


async def test_copies_of_what_is_stored_change_nothing(reader: Reader) -> None:
    await reader.store(record("1", name="same"), at=0)
    before = await reader.rows()
    assert (
        await reader.store(record("1", name="same"), record("1", name="same"), at=1)
    ).counts == PageCounts(unchanged=2)
    assert await reader.rows() == before


async def bury(reader: Reader, *, at: float) -> None:
    """Make a tombstone of record 1, whose deletion was proven by a request `at` so many seconds."""
    await execute(
        reader.database,
        "UPDATE sample.church_member SET _deleted_at = now(), _merged_into = '2', _requested_at = %s"
        " WHERE org_id = %s AND id = '1'",
        moment(at),
        reader.org_id,
    )


@pytest.mark.parametrize("updated_at", [1, 0, None, 2])
@pytest.mark.parametrize("name", ["same", "other"])
async def test_a_tombstone_gives_way_to_a_later_listing_whatever_its_stamp(
    reader: Reader, updated_at: int | None, name: str
) -> None:
    """A record that came back need not have changed: restored from a trash can it may even look older."""
    await reader.store(record("1", name="same", updated_at=stamp(1)), at=0)
    await bury(reader, at=5)
    stamped = None if updated_at is None else stamp(updated_at)
    committed = await reader.store(record("1", name=name, updated_at=stamped), at=6)
    row = await reader.row("1")
    assert committed.counts.updated == 1
    assert (row["name"], row["_deleted_at"], row["_merged_into"]) == (name, None, None)


@pytest.mark.parametrize("updated_at", [1, 2])
@pytest.mark.parametrize("name", ["same", "other"])
async def test_a_tombstone_stays_against_a_listing_from_before_the_proof(
    reader: Reader, updated_at: int, name: str
) -> None:
    await reader.store(record("1", name="same", updated_at=stamp(1)), at=0)
    await bury(reader, at=5)
    committed = await reader.store(record("1", name=name, updated_at=stamp(updated_at)), at=4)
    row = await reader.row("1")
    assert committed.counts.unchanged == 1
    assert (row["name"], row["_merged_into"]) == ("same", "2")
    assert row["_deleted_at"] is not None
