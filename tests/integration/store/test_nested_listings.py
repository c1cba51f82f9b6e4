"""What was listed below parents: it proves something of what they are known to be all the parents there are."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from openfaith.records import OrgId
from openfaith.store import (
    Database,
    ensure_mirror_tables,
    forget_old_listings,
    open_database,
    settle_differences,
)
from support.family import MANIFEST, MEMBERSHIP, PERSON, begin, put
from support.mirror import Reader, connect_org, execute, moment, start_run, take
from support.reconciling import Reconciler, store

BELOW = f"{PERSON.name}, below which it is read,"


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_database(shared_url, connections=4) as opened:
        await ensure_mirror_tables(opened, MANIFEST)
        yield opened


@pytest.fixture
async def church(database: Database) -> Reconciler:
    """Three people are stored, two of which have members, and the listing of people has begun."""
    reader = await begin(database, f"org-{secrets.token_hex(6)}", MEMBERSHIP)
    await store(reader, ["1", "2", "3"])
    for key, person in {"a": "1", "b": "1", "c": "2"}.items():
        await put(reader, MEMBERSHIP, key, person_id=person)
    return await Reconciler.of(reader)


async def list_parents(church: Reconciler, *doubts: str) -> None:
    await church.show("1", "2", "3")
    await church.close(*doubts)
    await church.compare()


async def below(church: Reconciler) -> Reconciler:
    """The listing of the members begins, in the same run."""
    held = await take(church.database, church.reader.run_id, MEMBERSHIP)
    return await Reconciler.of(replace(church.reader, entity=MEMBERSHIP, held=held))


async def below_proven(church: Reconciler) -> Reconciler:
    await list_parents(church)
    await church.reader.finish()
    return await below(church)


async def leave_behind(church: Reconciler, parent: str) -> None:
    await execute(
        church.database,
        "INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason, denied) VALUES (%s, %s, 'x', true)",
        church.reader.held.entity_run_id,
        parent,
    )


# Where the parents are all there


async def test_a_listing_below_parents_that_are_proven_to_be_all_there_is_proven(church: Reconciler) -> None:
    members = await below_proven(church)
    assert (await members.close()).proven
    assert (await members.compare()).suspects == 3


async def test_below_parents_that_could_not_be_read_nothing_is_suspected(church: Reconciler) -> None:
    members = await below_proven(church)
    await leave_behind(members, "1")
    assert (await members.close()).proven
    assert (await members.compare()).suspects == 1
    assert await members.differences() == {"c": "suspect"}


async def test_below_parents_that_were_not_there_to_be_walked_nothing_is_suspected(
    church: Reconciler,
) -> None:
    reader = church.reader
    await store(reader, ["late"], at=101)
    await put(reader, PERSON, "dead", _deleted_at=moment(1))
    for key, person in {"x": "late", "y": "dead", "z": "99", "none": None}.items():
        await put(reader, MEMBERSHIP, key, person_id=person)
    members = await below_proven(church)
    assert (await members.close()).proven
    await members.compare()
    assert await members.differences() == {"a": "suspect", "b": "suspect", "c": "suspect"}


@pytest.mark.parametrize(("unread", "suspects"), [(["7"], 0), ([], 2)])
async def test_what_may_be_below_any_parent_is_suspected_only_where_all_could_be_read(
    church: Reconciler, unread: list[str], suspects: int
) -> None:
    """As where many parents have one and the same record."""
    await church.show("1")
    await church.close()
    await execute(
        church.database,
        "UPDATE openfaith.entity_run SET reading = 'nested', parent = 'church.Room' WHERE entity_run_id = %s",
        church.reader.held.entity_run_id,
    )
    for parent in unread:
        await leave_behind(church, parent)
    assert (await church.compare()).suspects == suspects


async def test_what_rode_along_is_suspected_whatever_its_parent(church: Reconciler) -> None:
    await put(church.reader, MEMBERSHIP, "unknown", person_id="99")
    members = await below(church)
    await execute(
        church.database,
        "UPDATE openfaith.entity_run SET reading = 'include', parent = NULL, carrier = parent, include = 'memberships'"
        " WHERE entity_run_id = %s",
        members.reader.held.entity_run_id,
    )
    assert (await members.close()).proven
    assert (await members.compare()).suspects == 4


# Where somebody may have moved to a parent that is not there


async def unproven(church: Reconciler) -> None:
    await list_parents(church, "it shifted")
    await church.reader.finish()


async def not_fetched(church: Reconciler) -> None:
    """A person is listed, and the source does not give it away."""
    await church.show("1", "2", "3", "4")
    await church.close()
    await church.compare()
    await settle_differences(church.database, church.reader.held, ["4"], failed=True)
    await church.reader.finish()


async def not_stored(church: Reconciler) -> None:
    await list_parents(church)
    await church.reader.store(b"[]")
    await church.reader.finish()


async def not_read(church: Reconciler) -> None:
    """The people themselves are below others."""
    await leave_behind(church, "7")
    await list_parents(church)
    await church.reader.finish()


INCOMPLETE: dict[Callable[[Reconciler], Awaitable[None]], str] = {
    unproven: f"the listing of {BELOW} is not proven",
    list_parents: f"the listing of {BELOW} is not proven",
    not_fetched: f"some records of {BELOW} could not be fetched or stored",
    not_stored: f"some records of {BELOW} could not be fetched or stored",
    not_read: f"some records of {BELOW} are below what could not be read",
}


@pytest.mark.parametrize("lists", INCOMPLETE)
async def test_where_parents_may_be_lacking_nothing_is_suspected(
    church: Reconciler, lists: Callable[[Reconciler], Awaitable[None]]
) -> None:
    await lists(church)
    # What was found out about the parents stays known when their differences go.
    await forget_old_listings(church.database)
    members = await below(church)
    closed = await members.close()
    assert (closed.proven, closed.doubts) == (False, [INCOMPLETE[lists]])
    assert (await members.compare()).suspects == 0


async def test_without_its_parents_in_the_same_run_a_listing_proves_nothing(
    database: Database, church: Reconciler
) -> None:
    """However well these were listed by the run before."""
    await list_parents(church)
    await church.reader.complete()
    org = await connect_org(database, church.reader.org_id)
    members = await alone(database, org)
    closed = await members.close()
    assert not closed.proven
    assert closed.doubts == [f"{BELOW} was not listed in this run: reconcile both together"]
    assert (await members.compare()).suspects == 0


async def alone(database: Database, org: OrgId) -> Reconciler:
    run_id = await start_run(database, org, MEMBERSHIP, adapter=MANIFEST.adapter)
    held = await take(database, run_id, MEMBERSHIP)
    return await Reconciler.of(Reader(database, MEMBERSHIP, org, run_id, held, MANIFEST))


@pytest.mark.parametrize(("failed", "settled"), [(True, False), (False, True)])
async def test_what_could_not_be_fetched_is_counted_once(
    church: Reconciler, *, failed: bool, settled: bool
) -> None:
    await church.show("1", "2", "3", "4", "5")
    await church.close()
    await church.compare()
    for _ in range(2):
        await settle_differences(church.database, church.reader.held, ["4", "5"], failed=failed)
    await church.reader.finish()
    assert (await (await below(church)).close()).proven is settled
