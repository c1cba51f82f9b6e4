"""What was listed below parents: it proves something of what they are known to be all the parents there are."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import LiteralString

import pytest

from openfaith.errors import LeaseLostError
from openfaith.records import OrgId, RecordId, RunId
from openfaith.store import (
    Database,
    DeletionPolicy,
    HeldEntityRun,
    OpenSuspect,
    allow_deletions,
    decide_suspects,
    ensure_mirror_tables,
    forget_old_listings,
    hold_suspects,
    is_dated,
    leave_behind_empty_parents,
    list_open_suspects,
    list_sync_state,
    note_doubts,
    note_source_start,
    open_database,
    open_listing,
    set_deletion_policy,
    settle_differences,
)
from support.family import MANIFEST, MEMBERSHIP, NOTE, PERSON, begin, put
from support.mirror import Reader, connect_org, execute, fetch, fetch_one, moment, record, start_run, take
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
    reader = await begin(database, f"org-{secrets.token_hex(6)}", MEMBERSHIP, NOTE)
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


async def test_what_may_have_moved_below_a_parent_that_could_not_be_read_is_known_for_it(
    church: Reconciler,
) -> None:
    members = await below_proven(church)
    await leave_behind(members, "1")
    await members.close()
    await members.compare()
    database, held = members.database, members.reader.held
    await allow_deletions(database, held)
    c = OpenSuspect(id=RecordId("c"), times_missed=1)
    assert await list_open_suspects(database, held.entity_run_id) == [replace(c, may_be_elsewhere=True)]
    await hold_suspects(database, held, "a person shall look")
    org_id, adapter = members.reader.org_id, MANIFEST.adapter
    await decide_suspects(database, org_id, adapter, MEMBERSHIP.name, ["c"], approve=True, by="ann")
    assert await list_open_suspects(database, held.entity_run_id) == [c]


async def test_below_parents_that_were_not_there_to_be_walked_nothing_is_suspected(
    church: Reconciler,
) -> None:
    reader = church.reader
    await store(reader, ["late"], at=101)
    for key, person in {"x": "late", "z": "99", "none": None}.items():
        await put(reader, MEMBERSHIP, key, person_id=person)
    members = await below_proven(church)
    assert (await members.close()).proven
    await members.compare()
    assert await members.differences() == {"a": "suspect", "b": "suspect", "c": "suspect"}


async def delete_person(church: Reconciler, key: str) -> None:
    """The people are listed without one of them, who is deleted. Then the members' listing may begin."""
    await church.reconcile(*({"1", "2", "3"} - {key}))
    await church.delete(key, at=105)
    await church.reader.finish()


@pytest.mark.parametrize("policy", DeletionPolicy)
async def test_below_a_parent_that_is_known_to_be_gone_what_was_listed_nowhere_is_suspected(
    church: Reconciler, policy: DeletionPolicy
) -> None:
    """And what is listed below another one is not: it has moved."""
    reader = church.reader
    await set_deletion_policy(reader.database, reader.org_id, MANIFEST.adapter, PERSON.name, policy)
    await delete_person(church, "1")
    members = await below(church)
    await members.show("a", "c", at=None)
    assert (await members.close()).proven
    assert (await members.compare()).suspects == 1
    assert await members.differences() == {"b": "suspect"}


async def test_a_gone_parent_whose_path_is_asked_all_the_same_tells_nothing(church: Reconciler) -> None:
    """It was gone through before it was deleted."""
    await delete_person(church, "1")
    members = await below(church)
    await leave_behind(members, "1")
    await members.close()
    await members.compare()
    assert await members.differences() == {"c": "suspect"}


@pytest.mark.parametrize("policy", [DeletionPolicy.HARD, DeletionPolicy.ARCHIVE])
async def test_below_a_parent_that_came_back_after_the_walk_nothing_is_suspected(
    church: Reconciler, policy: DeletionPolicy
) -> None:
    reader = church.reader
    await set_deletion_policy(reader.database, reader.org_id, MANIFEST.adapter, PERSON.name, policy)
    await church.reconcile("2", "3")
    await church.delete("1", at=105)
    await store(reader, ["1"], at=110)
    await reader.finish()
    members = await below(church)
    await members.close()
    await members.compare()
    assert await members.differences() == {"c": "suspect"}


# Where a parent cannot be stored


def poison(key: str) -> bytes:
    return record(key, PERSON.type, name="a\0b")


async def below_poison(church: Reconciler, key: str) -> Reconciler:
    """The members' listing, of people of whom one cannot be stored, was closed and compared; all of them are missed."""
    await church.show("1", "2", "3", key)
    await church.close()
    await church.compare()
    await church.reader.store(poison(key))
    await settle_differences(church.database, church.reader.held, [key], failed=True)
    await church.reader.finish()
    await forget_old_listings(church.database)
    return await below(church)


async def compare_all_missed(members: Reconciler) -> list[OpenSuspect]:
    closed = await members.close()
    assert (closed.proven, closed.doubts) == (True, [])
    await members.compare(limit=2)
    await allow_deletions(members.database, members.reader.held)
    return await list_open_suspects(members.database, members.reader.held.entity_run_id)


def suspect(key: str, *, elsewhere: bool) -> OpenSuspect:
    return OpenSuspect(id=RecordId(key), times_missed=1, may_be_elsewhere=elsewhere)


async def test_what_may_have_moved_below_a_parent_that_cannot_be_stored_is_known_for_it(
    church: Reconciler,
) -> None:
    """The others are asked for: one bad name keeps nothing else from being found out."""
    await put(church.reader, MEMBERSHIP, "d", person_id="4")
    members = await below_poison(church, "4")
    assert await compare_all_missed(members) == [suspect(key, elsewhere=True) for key in "abc"]
    assert await reasons(members) == {"4": "its record could not be stored"}


async def test_a_parent_that_is_stored_as_it_was_before_is_read_below_like_any_other(
    church: Reconciler,
) -> None:
    members = await below_poison(church, "1")
    assert await compare_all_missed(members) == [suspect(key, elsewhere=False) for key in "abc"]


async def test_below_a_parent_that_came_back_and_cannot_be_stored_nothing_is_suspected(
    church: Reconciler,
) -> None:
    """It is known to be gone, and there all the same."""
    reader = church.reader
    await execute(
        church.database,
        "UPDATE family.church_person SET _deleted_at = now() WHERE org_id = %s AND id = '1'",
        reader.org_id,
    )
    members = await below_poison(church, "1")
    assert await compare_all_missed(members) == [suspect("c", elsewhere=True)]


@pytest.mark.parametrize("status", ["resolved", "discarded"])
async def test_a_parent_that_was_dealt_with_meanwhile_may_have_been_passed_by(
    church: Reconciler, status: str
) -> None:
    """Though it is stored by now."""
    members = await below_poison(church, "4")
    await put(church.reader, PERSON, "4")
    await put(church.reader, MEMBERSHIP, "d", person_id="4")
    await execute(
        church.database,
        "UPDATE openfaith.dead_letter SET status = %s WHERE org_id = %s",
        status,
        church.reader.org_id,
    )
    assert await compare_all_missed(members) == [suspect(key, elsewhere=True) for key in "abc"]


@pytest.mark.parametrize(
    ("change", "elsewhere"),
    [
        ("run_id = NULL, last_seen_at = now() - interval '1 hour'", False),
        ("run_id = NULL", True),
        ("last_seen_at = now() - interval '1 hour'", True),
    ],
)
async def test_only_a_parent_that_the_run_has_met_is_one(
    church: Reconciler, change: LiteralString, elsewhere: bool
) -> None:
    """Whoever met it again since, and however the clock of the database was set meanwhile."""
    members = await below_poison(church, "4")
    await execute(
        church.database, f"UPDATE openfaith.dead_letter SET {change} WHERE org_id = %s", church.reader.org_id
    )
    assert await compare_all_missed(members) == [suspect(key, elsewhere=elsewhere) for key in "abc"]


async def test_two_levels_below_a_parent_that_cannot_be_stored_nothing_is_proven(church: Reconciler) -> None:
    """Its own members may be anybody's."""
    members = await below_poison(church, "4")
    await compare_all_missed(members)
    await members.reader.finish()
    run_id = church.reader.run_id
    held = await take(church.database, run_id, NOTE)
    notes = await Reconciler.of(replace(church.reader, entity=NOTE, held=held))
    closed = await notes.close()
    assert closed.doubts == [
        f"some records of {MEMBERSHIP.name}, below which it is read, are below what could not be read"
    ]


async def test_what_was_read_below_parents_that_cannot_all_be_stored_says_so(church: Reconciler) -> None:
    """Without a listing nothing is left out by itself, and nothing is deleted by it either."""
    reader = await begin(church.database, f"org-{secrets.token_hex(6)}", MEMBERSHIP)
    await reader.store(poison("1"))
    await note_doubts(reader.database, reader.held, [])
    await reader.finish()
    held = await take(reader.database, reader.run_id, MEMBERSHIP)
    await note_doubts(reader.database, held, [])
    assert await doubts_of(reader.database, held) == [
        f"some records of {BELOW} could not be fetched or stored"
    ]


async def reasons(members: Reconciler) -> dict[str, str]:
    statement: LiteralString = (
        "SELECT parent_id, reason FROM openfaith.parent_failure WHERE entity_run_id = %s"
    )
    found = await fetch(members.database, statement, members.reader.held.entity_run_id)
    return {row["parent_id"]: row["reason"] for row in found}


# Where nothing was shown of all that is stored


FAILURES: LiteralString = "SELECT parent_id FROM openfaith.parent_failure WHERE entity_run_id = %s ORDER BY 1"


async def left_behind(members: Reconciler) -> list[str]:
    held, org_id = members.reader.held, members.reader.org_id
    await leave_behind_empty_parents(members.database, MANIFEST, MEMBERSHIP, held, org_id)
    return [row["parent_id"] for row in await fetch(members.database, FAILURES, held.entity_run_id)]


@pytest.mark.parametrize(
    ("shown", "left"),
    [((), ["1", "2"]), (("c",), ["1"]), (("a",), ["2"]), (("a", "c"), []), (("new",), ["1", "2"])],
)
async def test_parents_that_showed_nothing_of_what_is_stored_are_asked_once_more(
    church: Reconciler, shown: tuple[str, ...], left: list[str]
) -> None:
    """One empty answer may be a lie. Of the third person nothing is stored: there is nothing to wonder about."""
    members = await below_proven(church)
    await members.show(*shown, at=None)
    assert await left_behind(members) == left
    assert await left_behind(members) == left


async def test_a_parent_that_is_gone_is_not_asked_once_more(church: Reconciler) -> None:
    await delete_person(church, "1")
    assert await left_behind(await below(church)) == ["2"]


async def test_a_parent_that_could_not_be_read_below_keeps_its_reason(church: Reconciler) -> None:
    members = await below_proven(church)
    await leave_behind(members, "1")
    await left_behind(members)
    kept = await fetch_one(
        members.database,
        "SELECT reason FROM openfaith.parent_failure WHERE entity_run_id = %s AND parent_id = '1'",
        members.reader.held.entity_run_id,
    )
    assert kept == {"reason": "x"}


async def test_only_the_holder_has_parents_asked_once_more(church: Reconciler) -> None:
    members = await below_proven(church)
    await take(church.database, church.reader.run_id, MEMBERSHIP)
    assert await left_behind(members) == []


# Where nobody is there to be walked


async def below_nobody(church: Reconciler) -> Reconciler:
    """The listing of the members begins, in the same run, without asking anybody."""
    held = await take(church.database, church.reader.run_id, MEMBERSHIP)
    await open_listing(church.database, held, started_at=None)
    return Reconciler(replace(church.reader, entity=MEMBERSHIP, held=held))


async def delete_everybody(church: Reconciler) -> None:
    await church.reconcile()
    await church.delete("1", "2", "3", at=150)
    await church.reader.finish()


async def test_below_nobody_a_listing_is_as_old_as_that_of_the_parents(church: Reconciler) -> None:
    await put(church.reader, MEMBERSHIP, "late", person_id="1", at=101)
    await delete_everybody(church)
    members = await below_nobody(church)
    closed = await members.close()
    assert (closed.proven, closed.started_at) == (True, moment(100))
    await members.compare()
    assert await members.differences() == dict.fromkeys("abc", "suspect")


@pytest.mark.parametrize("dated", [True, False])
async def test_below_nobody_the_parents_tell_whether_the_source_tells_the_time(
    church: Reconciler, dated: bool
) -> None:
    if dated:
        await note_source_start(church.database, church.reader.held, moment(99))
    await delete_everybody(church)
    members = await below_nobody(church)
    assert await is_dated(church.database, members.reader.held) is dated
    await members.close()
    await note_doubts(church.database, members.reader.held, [])
    await members.reader.complete()
    [state] = [
        state
        for state in await list_sync_state(church.database, church.reader.org_id)
        if state.entity == MEMBERSHIP.name
    ]
    assert state.proven_at == (moment(99) if dated else None)


async def test_who_has_asked_somebody_does_not_go_by_the_time_of_the_parents(church: Reconciler) -> None:
    await note_source_start(church.database, church.reader.held, moment(99))
    await list_parents(church)
    await church.reader.finish()
    members = await below(church)
    await members.show("a")
    assert not await is_dated(church.database, members.reader.held)


async def test_below_nobody_and_without_its_parents_in_the_run_a_listing_proves_nothing(
    database: Database, church: Reconciler
) -> None:
    await delete_everybody(church)
    await church.reader.complete()
    org = await connect_org(database, church.reader.org_id)
    run_id = await start_run(database, org, MEMBERSHIP, adapter=MANIFEST.adapter)
    held = await take(database, run_id, MEMBERSHIP)
    await open_listing(database, held, started_at=None)
    members = Reconciler(Reader(database, MEMBERSHIP, org, run_id, held, MANIFEST))
    assert not (await members.close()).proven


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
    """Somebody whose id is so long that a letter does not show it."""
    await church.show("1", "2", "3", "4" * 300)
    await church.close()
    await church.compare()
    await church.reader.store(poison("4" * 300))
    await settle_differences(church.database, church.reader.held, ["4" * 300], failed=True)
    await church.reader.finish()


async def not_read(church: Reconciler) -> None:
    """The people themselves are below others."""
    await leave_behind(church, "7")
    await list_parents(church)
    await church.reader.finish()


async def not_read_long_ago(church: Reconciler) -> None:
    """What was kept of single parents has gone by the time that the rest of the run is retried."""
    await leave_behind(church, "7")
    await note_doubts(church.database, church.reader.held, [])
    await list_parents(church)
    await church.reader.finish()
    await execute(church.database, "DELETE FROM openfaith.parent_failure")


INCOMPLETE: dict[Callable[[Reconciler], Awaitable[None]], str] = {
    unproven: f"the listing of {BELOW} is not proven",
    list_parents: f"the listing of {BELOW} is not proven",
    not_fetched: f"some records of {BELOW} could not be fetched or stored",
    not_stored: f"some records of {BELOW} could not be fetched or stored",
    not_read: f"some records of {BELOW} are below what could not be read",
    not_read_long_ago: f"some records of {BELOW} are below what could not be read",
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
    assert closed.doubts == [f"{BELOW} was not read in this run: reconcile both together"]
    assert (await members.compare()).suspects == 0


# What was read without a listing of its own


@pytest.mark.parametrize(
    ("parents", "own", "found"),
    [
        ([], [], []),
        (["it shifted"], [], [f"the listing of {BELOW} is not proven"]),
        (["it shifted"], ["it ends early"], ["it ends early", f"the listing of {BELOW} is not proven"]),
        (None, [], None),
        (None, ["it ends early"], ["it ends early"]),
        ([], None, None),
    ],
)
async def test_what_was_read_below_parents_is_no_more_proven_than_they_are(
    database: Database, parents: list[str] | None, own: list[str] | None, found: list[str] | None
) -> None:
    """Of which a delta reads a part, and so claims nothing."""
    people = await begin(database, f"org-{secrets.token_hex(6)}", MEMBERSHIP)
    await note_doubts(database, people.held, parents)
    await people.finish()
    held = await take(database, people.run_id, MEMBERSHIP)
    await note_doubts(database, held, own)
    assert await doubts_of(database, held) == found


async def test_what_was_read_without_its_parents_is_not_proven(database: Database) -> None:
    _, held = await without_parents(database)
    await note_doubts(database, held, [])
    assert await doubts_of(database, held) == [f"{BELOW} was not read in this run"]


async def test_of_what_somebody_else_reads_nothing_is_noted(database: Database) -> None:
    run_id, held = await without_parents(database)
    await take(database, run_id, MEMBERSHIP)
    with pytest.raises(LeaseLostError):
        await note_doubts(database, held, [])


async def without_parents(database: Database) -> tuple[RunId, HeldEntityRun]:
    org = await connect_org(database, f"org-{secrets.token_hex(6)}")
    run_id = await start_run(database, org, MEMBERSHIP, adapter=MANIFEST.adapter)
    return run_id, await take(database, run_id, MEMBERSHIP)


async def doubts_of(database: Database, held: HeldEntityRun) -> object:
    statement: LiteralString = "SELECT doubts FROM openfaith.entity_run WHERE entity_run_id = %s"
    return (await fetch_one(database, statement, held.entity_run_id))["doubts"]


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
