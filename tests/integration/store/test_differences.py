"""What a listing and a table do not have in common: found exactly, a range at a time, whatever happens in between."""

from __future__ import annotations

from typing import Literal

import pytest

from openfaith.errors import LeaseLostError
from openfaith.records import EntityStatus, OrgId
from openfaith.store import (
    Database,
    Deleted,
    OpenSuspect,
    SuspectState,
    allow_deletions,
    compare_next,
    decide_suspects,
    finish_entity_run,
    finish_run,
    forget_shown,
    has_open_suspects,
    hold_suspects,
    list_open_differences,
    list_open_suspects,
    list_suspects,
    list_sync_state,
    list_unlisted,
    note_doubts,
    read_standing,
    refute_suspects,
    settle_differences,
    settle_stored,
    suspect_again,
)
from support.mirror import MEMBER, Reader, execute, fetch_one, moment, record, take
from support.reconciling import Reconciler, store

KINDS: tuple[Literal["missing"], Literal["stale"]] = ("missing", "stale")


async def prepared(reader: Reader, *keys: str, at: float = 60, changed_at: float = 50) -> Reconciler:
    """These are stored, and a listing that began at 100 is open."""
    if keys:
        await store(reader, keys, at=at, changed_at=changed_at)
    return await Reconciler.of(reader)


async def test_equal_sides_differ_in_nothing(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    found = await church.reconcile("3", "1", "2")
    assert (found.missing, found.stale, found.suspects, found.refuted) == (0, 0, 0, 0)
    assert await church.differences() == {}
    assert (await church.report()).compared_at is not None


async def test_what_is_listed_and_not_stored_is_missing(reader: Reader) -> None:
    church = await prepared(reader, "1")
    await church.reconcile("1", "2")
    assert await church.differences() == {"2": "missing"}


async def test_what_is_stored_and_not_listed_is_a_suspect_and_nothing_happens_to_it(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    before = await reader.rows()
    await church.reconcile("1")
    assert await church.differences() == {"2": "suspect"}
    assert (await reader.entity_run())["suspects"] == 1
    assert await reader.rows() == before


@pytest.mark.parametrize(
    ("stored", "listed", "stale"),
    [(50, 51, True), (50, 50, False), (50, 49, False), (50, None, False)],
)
async def test_what_is_listed_as_newer_than_it_is_stored_is_stale(
    reader: Reader, stored: float, listed: float | None, stale: bool
) -> None:
    church = await prepared(reader, "1", changed_at=stored)
    await church.reconcile("1", at=listed)
    assert await church.differences() == ({"1": "stale"} if stale else {})


@pytest.mark.parametrize(
    ("asked", "proven", "stale"),
    [(50, None, True), (51.9, None, True), (52, None, False), (50.5, 51, True), (50.5, 52, False)],
)
async def test_what_was_read_in_the_second_of_its_stamp_is_stale_until_all_was_read_since(
    reader: Reader, asked: float, proven: float | None, stale: bool
) -> None:
    """It may have changed again under the same stamp, and this listing will be where the next delta begins."""
    church = await prepared(reader, "1", at=asked, changed_at=50)
    if proven is not None:
        statement = """
            INSERT INTO openfaith.sync_state (org_id, adapter, entity, last_status, proven_at)
            SELECT org_id, adapter, entity, 'completed', %s FROM openfaith.entity_run WHERE entity_run_id = %s"""
        await execute(reader.database, statement, moment(proven), reader.held.entity_run_id)
    await church.reconcile("1")
    assert await church.differences() == ({"1": "stale"} if stale else {})


async def test_what_its_own_pages_have_brought_is_not_stale_for_its_stamp(reader: Reader) -> None:
    """Nobody would read it again, and what is below it would be doubted for that."""
    church = await prepared(reader, "1", at=50)
    await church.show("1")
    await church.close()
    await compare_next(reader.database, reader.manifest, reader.entity, church.reader.held, rereads=False)
    assert await church.differences() == {}


async def test_a_retried_reconciliation_leaves_what_a_later_one_has_missed_to_that(reader: Reader) -> None:
    """It would ask for it again and again, and could settle nothing."""
    await store(reader, "12")
    church = await Reconciler.of(reader)
    await church.reconcile("1")
    await refute_suspects(reader.database, reader.held, ["2"])
    failed = await church.again(at=300)
    await failed.reconcile("1", allow=False)
    run = failed.reader.held.entity_run_id
    assert [unlisted.id for unlisted in await list_unlisted(reader.database, run)] == ["2"]
    await finish_entity_run(
        reader.database, failed.reader.run_id, reader.entity.name, status=EntityStatus.FAILED
    )
    await finish_run(reader.database, failed.reader.run_id)
    later = await Reader.begin(reader.database, reader.entity, org=reader.org_id, manifest=reader.manifest)
    await (await Reconciler.of(later, at=400)).reconcile("1", allow=False)
    assert await list_unlisted(reader.database, run) == []


@pytest.mark.parametrize(("listed", "stale"), [(50, True), (None, False)])
async def test_a_row_that_does_not_say_when_it_changed_is_stale_where_the_listing_does(
    reader: Reader, listed: float | None, stale: bool
) -> None:
    await reader.store(record("1"))
    church = await Reconciler.of(reader)
    await church.reconcile("1", at=listed)
    assert await church.differences() == ({"1": "stale"} if stale else {})


async def test_a_tombstone_that_is_listed_is_missing(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.delete("2", at=60, suspects_only=False)
    await church.reconcile("1", "2")
    assert await church.differences() == {"2": "missing"}


async def test_a_tombstone_that_is_not_listed_is_no_suspect(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.delete("2", at=60, suspects_only=False)
    assert (await church.reconcile("1")).suspects == 0


@pytest.mark.parametrize(("requested_at", "suspect"), [(99, True), (100, True), (101, False)])
async def test_what_was_stored_after_the_listing_began_is_no_suspect(
    reader: Reader, requested_at: float, suspect: bool
) -> None:
    church = await prepared(reader, "1", at=requested_at)
    assert (await church.reconcile()).suspects == suspect


async def test_a_listing_without_proof_makes_no_suspects(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", changed_at=40)
    await church.show("2", "3")
    await church.close("a doubt")
    found = await church.compare()
    assert await church.differences() == {"2": "stale", "3": "missing"}
    assert (found.done, await church.suspects()) == (True, {})


async def test_other_organizations_and_other_entities_are_left_alone(
    database: Database, org: OrgId, other_org: OrgId
) -> None:
    other = await Reader.begin(database, org=other_org)
    await store(other, ["1", "2"])
    church = await prepared(await Reader.begin(database, org=org), "1")
    await church.reconcile("1")
    assert await church.differences() == {}


# Ranges


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 21, 100])
async def test_ranges_add_up_to_the_whole(reader: Reader, limit: int) -> None:
    stored = [f"{n}" for n in range(20)]
    church = await prepared(reader, *stored)
    listed = [*stored[:10], "a", "Z", "ä", "9-9", "x'y"]
    await church.show(*listed)
    await church.close()
    found = await church.compare(limit=limit)
    assert (found.missing, found.suspects, found.stale) == (5, 10, 0)
    expected = dict.fromkeys(stored[10:], "suspect") | dict.fromkeys(listed[10:], "missing")
    assert await church.differences() == expected
    report = await church.report()
    assert (report.missing, report.suspects, report.listed) == (5, 10, 15)


async def test_whoever_takes_over_goes_on_where_the_comparison_is(reader: Reader) -> None:
    church = await prepared(reader, *map(str, range(10)))
    await church.show(*map(str, range(5, 15)))
    await church.close()
    for _ in range(30):
        old = reader.held
        reader.held = await take(reader.database, reader.run_id)
        with pytest.raises(LeaseLostError):
            await Reconciler(Reader(reader.database, MEMBER, reader.org_id, reader.run_id, old)).compare()
        if (await church.compare(limit=3, steps=1)).done:
            break
    assert len(await church.differences()) == 10
    assert (await church.report()).suspects == 5
    assert (await church.compare(limit=3)).suspects == 0


async def test_an_open_listing_is_not_compared(reader: Reader) -> None:
    church = await prepared(reader, "1")
    with pytest.raises(LeaseLostError):
        await church.compare()
    assert await church.suspects() == {}


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5])
async def test_a_listing_that_loses_rows_while_it_is_compared_leaves_no_suspect(
    reader: Reader, steps: int
) -> None:
    """Whenever that is: what looks like everything being gone is found out before anybody acts on it."""
    church = await prepared(reader, *map(str, range(9)))
    await church.show(*map(str, range(9)))
    await church.close()
    await church.compare(limit=3, steps=steps)
    lost = (await fetch_one(reader.database, "SELECT count(*) FROM openfaith.listing_row"))["count"]
    await execute(
        reader.database,
        "DELETE FROM openfaith.listing_row WHERE entity_run_id = %s",
        reader.held.entity_run_id,
    )
    assert lost
    await church.compare(limit=3)
    report = await church.report()
    assert (report.proven, report.suspects) == (False, 0)
    assert report.doubts == ["9 ids were written, and 0 are there"]
    assert await church.suspects() == {}
    assert (await reader.entity_run())["suspects"] == 0


# What is to be done about them


async def test_differences_are_handed_out_by_kind_until_they_are_settled(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3", changed_at=40)
    await church.reconcile("1", "2", "3", "4", "5", "6")
    run = reader.held.entity_run_id
    assert await list_open_differences(reader.database, run, "stale") == ["1", "2", "3"]
    assert await list_open_differences(reader.database, run, "missing", limit=2) == ["4", "5"]
    assert await list_open_differences(reader.database, run, "missing", after="5") == ["6"]
    await settle_differences(reader.database, reader.held, ["4"])
    await settle_differences(reader.database, reader.held, ["5"], failed=True)
    await settle_differences(reader.database, reader.held, [])
    assert await list_open_differences(reader.database, run, "missing") == ["6"]


async def test_only_the_holder_settles(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.reconcile("1", "3")
    await take(reader.database, reader.run_id)
    with pytest.raises(LeaseLostError):
        await settle_differences(reader.database, reader.held, ["3"])
    with pytest.raises(LeaseLostError):
        await refute_suspects(reader.database, reader.held, ["2"])
    with pytest.raises(LeaseLostError):
        await suspect_again(reader.database, reader.held, ["2"])
    with pytest.raises(LeaseLostError):
        await hold_suspects(reader.database, reader.held, "x")
    with pytest.raises(LeaseLostError):
        await allow_deletions(reader.database, reader.held)
    assert await list_open_differences(reader.database, reader.held.entity_run_id, "missing") == ["3"]


async def open_suspects(church: Reconciler) -> dict[str, int]:
    found = await list_open_suspects(church.database, church.reader.held.entity_run_id)
    return {suspect.id: suspect.times_missed for suspect in found}


async def test_suspects_are_handed_out_once_the_guard_allowed_it(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    assert await open_suspects(church) == {}
    await allow_deletions(reader.database, reader.held)
    assert await open_suspects(church) == {"2": 1, "3": 1}
    run = reader.held.entity_run_id
    assert await list_open_suspects(reader.database, run, after="2") == [OpenSuspect(id="3", times_missed=1)]  # type: ignore[arg-type]  # a RecordId is text
    await settle_differences(reader.database, reader.held, ["2"], failed=True)
    assert await open_suspects(church) == {"3": 1}
    assert set(await church.suspects()) == {"2", "3"}


async def test_a_listing_that_did_not_show_what_the_source_still_has_proves_nothing(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1")
    await refute_suspects(reader.database, reader.held, ["2"])
    assert (await states(church), await open_suspects(church)) == ({"2": "unlisted"}, {})
    report = await church.report()
    assert (report.refuted, report.suspects, report.proven, report.guard) == (1, 0, False, None)
    assert report.doubts == ["1 of the records that it did not show exist"]
    assert await church.delete("3") == Deleted(deleted=0)
    await note_doubts(reader.database, reader.held, [])
    await reader.complete()
    [state] = await list_sync_state(reader.database, reader.org_id)
    assert (state.is_proven, state.doubts) == (False, report.doubts)


# From one listing to the next


async def test_every_listing_that_misses_a_suspect_is_counted_once(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.reconcile("1")
    await church.compare()
    found_at = (await church.suspects())["2"]["found_at"]
    later = await church.again(at=300)
    await later.reconcile("1")
    suspect = (await later.suspects())["2"]
    assert (suspect["times_missed"], suspect["entity_run_id"]) == (2, later.reader.held.entity_run_id)
    assert (suspect["listing_started_at"], suspect["found_at"]) == (moment(300), found_at)
    assert await open_suspects(later) == {"2": 2}


@pytest.mark.parametrize("doubts", [(), ("a doubt",)])
async def test_a_suspect_that_is_listed_again_is_none(reader: Reader, doubts: tuple[str, ...]) -> None:
    """Whether or not everything else was listed."""
    church = await prepared(reader, "1", "2")
    await church.reconcile("1")
    later = await church.again(at=300)
    await later.show("2")
    await later.close(*doubts)
    assert (await later.compare()).refuted == 1
    assert "2" not in await later.suspects()


async def test_a_listing_without_proof_leaves_suspects_as_they_are(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.reconcile("1")
    before = await church.suspects()
    later = await church.again(at=300)
    await later.show("1")
    await later.close("a doubt")
    await later.compare()
    assert await later.suspects() == before


async def test_a_suspect_that_was_written_since_is_none(reader: Reader) -> None:
    """By a page that was requested after the listing that missed it."""
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1")
    await store(reader, ["2"], at=150, changed_at=140)
    later = await church.again(at=120)
    assert (await later.reconcile("1")).refuted == 1
    assert set(await later.suspects()) == {"3"}


@pytest.mark.parametrize(("requested_at", "left"), [(99, {"2", "3"}), (100, {"2", "3"}), (101, {"3"})])
async def test_a_suspect_that_a_later_page_shows_unchanged_is_none(
    reader: Reader, requested_at: float, left: set[str]
) -> None:
    """Whatever else is on the page, and cannot be read."""
    church = await prepared(reader, "1", "2", "3")
    run = reader.held.entity_run_id
    assert not await has_open_suspects(reader.database, run)
    await church.reconcile("1")
    assert await has_open_suspects(reader.database, run)
    shown = [record("1", MEMBER.type), record("2", MEMBER.type), record("3", "Other"), b'{"id"', b"7"]
    forgotten = await forget_shown(
        reader.database, reader.org_id, "sample", MEMBER, shown, requested_at=moment(requested_at)
    )
    assert forgotten == 2 - len(left)
    assert (await church.suspects()).keys() == left


async def test_what_is_confirmed_is_no_open_suspect(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.reconcile("1")
    await church.delete("2", at=150)
    assert not await has_open_suspects(reader.database, reader.held.entity_run_id)


async def test_a_suspect_that_was_written_since_is_missed_for_the_first_time_when_it_is_missed_again(
    reader: Reader,
) -> None:
    church = await prepared(reader, "1", "2")
    await church.reconcile("1")
    await store(reader, ["2"], at=150, changed_at=140)
    later = await church.again(at=300)
    await later.reconcile("1")
    assert (await later.suspects())["2"]["times_missed"] == 1


async def test_a_suspect_whose_row_was_deleted_otherwise_is_none(reader: Reader) -> None:
    church = await prepared(reader, "1", "2")
    await church.reconcile("1", allow=False)
    await execute(
        reader.database,
        "UPDATE sample.church_member SET _deleted_at = now() WHERE org_id = %s AND id = '2'",
        reader.org_id,
    )
    later = await church.again(at=300)
    await later.reconcile("1")
    assert await later.suspects() == {}


# The guard, and people


async def decide(church: Reconciler, *keys: str, approve: bool = True) -> int:
    reader = church.reader
    return await decide_suspects(
        reader.database, reader.org_id, "sample", MEMBER.name, keys or None, approve=approve, by="ann"
    )


async def states(church: Reconciler) -> dict[str, str]:
    return {key: row["state"] for key, row in (await church.suspects()).items()}


async def test_held_suspects_wait_for_a_person(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    assert await hold_suspects(reader.database, reader.held, "too many\x00") == 2
    assert await open_suspects(church) == {}
    assert await states(church) == {"2": "held", "3": "held"}
    report = await church.report()
    assert (report.guard, report.guard_reason, report.held) == ("stopped", "too many\ufffd", 2)
    found = await list_suspects(reader.database, reader.org_id)
    assert [(s.entity, s.id, s.state, s.times_missed, s.reason) for s in found] == [
        (MEMBER.name, "2", SuspectState.HELD, 1, "too many\ufffd"),
        (MEMBER.name, "3", SuspectState.HELD, 1, "too many\ufffd"),
    ]


async def test_an_approval_concerns_what_waits_for_it_and_nothing_else(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3", "4")
    await church.reconcile("1", allow=False)
    assert await decide(church) == 0
    await hold_suspects(reader.database, reader.held, "too many")
    assert await decide(church, "2", "1", "99") == 1
    assert await decide(church, "2") == 0
    assert await states(church) == {"2": "approved", "3": "held", "4": "held"}
    assert await open_suspects(church) == {"2": 1}
    assert await decide(church) == 2
    suspect = (await church.suspects())["3"]
    assert (suspect["state"], suspect["decided_by"], suspect["decided_at"] is None) == (
        "approved",
        "ann",
        False,
    )


async def test_what_was_approved_stays_so_for_the_next_listing_and_what_is_new_is_not(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", "3", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    await decide(church)
    later = await church.again(at=300)
    await later.reconcile("1", allow=False)
    assert await states(later) == {"2": "approved", "3": "suspect"}
    standing = await read_standing(
        reader.database, reader.manifest, MEMBER, reader.org_id, later.reader.held.entity_run_id
    )
    assert (standing.live_rows, standing.suspects, standing.approved, standing.listed) == (3, 2, 1, 1)
    assert await decide(later, "3", approve=False) == 1
    standing = await read_standing(
        reader.database, reader.manifest, MEMBER, reader.org_id, later.reader.held.entity_run_id
    )
    assert (standing.suspects, standing.approved, standing.rejected) == (2, 1, 1)
    await hold_suspects(reader.database, later.reader.held, "too many")
    assert await open_suspects(later) == {"2": 2}


@pytest.mark.parametrize("approve", [True, False])
async def test_what_was_passed_over_waits_on_however_few_are_left(reader: Reader, approve: bool) -> None:
    """Until a person decides about it, or it is listed again; what goes missing later is another matter."""
    church = await prepared(reader, "1", "2", "3", "4", "5")
    await church.reconcile("1", "5", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    assert await decide(church, "2", approve=approve) == 1
    later = await church.again(at=300)
    await later.reconcile("1", "3")
    decided = {"2": "approved" if approve else "rejected"}
    assert await states(later) == decided | {"4": "held", "5": "suspect"}
    assert await open_suspects(later) == ({"2": 2, "5": 1} if approve else {"5": 0})
    assert (await church.suspects())["4"]["reason"] == "too many"
    assert (await later.report()).held == 1
    await decide(later)
    assert await states(later) == decided | {"4": "approved", "5": "suspect"}
    assert not (await later.suspects())["4"]["must_wait"]
    await (listed := await later.again(at=400)).reconcile("1", "4")
    assert "4" not in await states(listed)


async def test_to_decide_about_nothing_passes_nobody_over(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    for approve in (True, False):
        assert await decide(church, "99", approve=approve) == 0
    assert {row["must_wait"] for row in (await church.suspects()).values()} == {False}


async def test_who_named_a_rejected_one_may_approve_it(reader: Reader) -> None:
    """It is asked about then, and by that turns out to exist, or not."""
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    assert await decide(church, approve=False) == 2
    assert await decide(church) == 0
    assert await decide(church, "2") == 1
    assert await states(church) == {"2": "approved", "3": "rejected"}


async def test_an_approval_ends_when_the_token_sees_something_else(database: Database, org: OrgId) -> None:
    reader = await Reader.begin(database, org=org, permissions="all")
    await store(reader, ["1", "2"])
    church = await Reconciler.of(reader)
    await church.reconcile("1", allow=False)
    await hold_suspects(database, reader.held, "too many")
    await decide(church)
    later = await church.again(at=300, permissions="few")
    await later.reconcile("1", allow=False)
    suspect = (await later.suspects())["2"]
    assert (suspect["state"], suspect["decided_by"], suspect["times_missed"]) == ("suspect", None, 2)


async def test_what_was_rejected_is_not_asked_about_until_it_was_listed_again(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1")
    assert await decide(church, "2", approve=False) == 1
    assert await open_suspects(church) == {"3": 1}
    later = await church.again(at=300)
    assert (await later.reconcile("1")).suspects == 1
    assert await states(later) == {"2": "rejected", "3": "suspect"}
    assert await open_suspects(later) == {"3": 0}, "by listings that leave out what is there"
    await (listed := await later.again(at=400)).reconcile("1", "2", "3")
    assert await states(listed) == {}
    await (missed := await listed.again(at=500)).reconcile("1", "3")
    assert await open_suspects(missed) == {"2": 1}


async def test_of_suspects_that_are_asked_about_some_can_wait_for_a_person(reader: Reader) -> None:
    """And wait on, when their guard is asked again since the run goes on in another process."""
    church = await prepared(reader, "1", "2", "3", "4")
    await church.reconcile("1")
    assert await decide(church, "3", approve=False) == 1
    for _ in range(2):
        await hold_suspects(reader.database, reader.held, "nobody knows", ["2", "3"])
        assert await states(church) == {"2": "held", "3": "rejected", "4": "suspect"}
        assert (await open_suspects(church)).keys() == {"4"}
        report = await church.report()
        assert (report.guard, report.guard_reason, report.held) == ("allowed", None, 1)
        await settle_differences(reader.database, reader.held, ["2"])
        await allow_deletions(reader.database, reader.held)
    assert (await church.suspects())["2"]["reason"] == "nobody knows"


async def test_what_waited_and_was_not_asked_about_is_asked_about_when_it_is_allowed(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    await settle_differences(reader.database, reader.held, ["2"])
    await allow_deletions(reader.database, reader.held)
    assert await states(church) == {"2": "held", "3": "suspect"}
    assert (await church.report()).held == 1


async def test_held_suspects_are_judged_anew_by_the_next_guard(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    later = await church.again(at=300)
    await later.reconcile("1", "3")
    assert await states(later) == {"2": "suspect"}


async def test_suspects_are_listed_a_part_at_a_time(reader: Reader) -> None:
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile()
    first = await list_suspects(reader.database, reader.org_id, limit=2)
    assert [s.id for s in first] == ["1", "2"]
    rest = await list_suspects(reader.database, reader.org_id, after=first[-1])
    assert [s.id for s in rest] == ["3"]
    assert await list_suspects(reader.database, reader.org_id, states=[SuspectState.CONFIRMED]) == []
    assert len(await list_suspects(reader.database, reader.org_id, entity=MEMBER.name)) == 3
    assert await list_suspects(reader.database, OrgId("nobody")) == []


# What exists although it is not listed


async def unlisted(church: Reconciler) -> dict[str, int]:
    found = await list_unlisted(church.database, church.reader.held.entity_run_id)
    return {each.id: each.times_missed for each in found}


async def left_out(reader: Reader) -> Reconciler:
    """Of five, the listing showed one; one of the others exists, as the source said."""
    church = await prepared(reader, "1", "2", "3", "4", "5")
    await church.reconcile("1")
    await refute_suspects(reader.database, reader.held, ["2"])
    return church


async def test_what_is_known_to_be_left_out_keeps_no_listing_from_being_proven(reader: Reader) -> None:
    """It is asked for again, and neither counted by the guard nor among what may be gone."""
    later = await (await left_out(reader)).again(at=300)
    assert (await later.reconcile("1", "5", allow=False)).suspects == 2
    assert await unlisted(later) == {"2": 1}
    standing = await read_standing(
        reader.database, reader.manifest, MEMBER, reader.org_id, later.reader.held.entity_run_id
    )
    assert (standing.suspects, standing.proven) == (2, True)
    await settle_differences(reader.database, later.reader.held, ["2"])
    await allow_deletions(reader.database, later.reader.held)
    assert await unlisted(later) == {}
    found = await list_open_suspects(reader.database, later.reader.held.entity_run_id)
    assert [(s.id, s.times_missed, s.may_be_unlisted) for s in found] == [("3", 0, True), ("4", 0, True)]
    assert (await later.delete("2", "3", at=400)).deleted == 1
    assert await later.living() == {"1", "2", "4", "5"}


async def test_what_was_left_out_and_is_gone_is_a_suspect_like_any_other(reader: Reader) -> None:
    later = await (await left_out(reader)).again(at=300)
    await later.reconcile("1", "5", allow=False)
    await suspect_again(reader.database, later.reader.held, ["2"])
    assert (await later.report()).suspects == 3
    assert await open_suspects(later) == {}, "before the guard has spoken"
    await hold_suspects(reader.database, later.reader.held, "too many")
    assert await states(later) == dict.fromkeys("234", "held")
    await allow_deletions(reader.database, later.reader.held)
    found = await list_open_suspects(reader.database, later.reader.held.entity_run_id)
    assert [(s.id, s.may_be_unlisted) for s in found] == [("2", False), ("3", False), ("4", False)]
    assert (await later.delete("2", at=400)).deleted == 1


async def test_what_was_left_out_is_nothing_special_once_it_is_listed(reader: Reader) -> None:
    listed = await (await left_out(reader)).again(at=300)
    assert (await listed.reconcile("1", "2", "3", "4", "5")).refuted == 0
    assert await listed.suspects() == {}
    missed = await listed.again(at=400)
    await missed.reconcile("1", "3", "4", "5")
    assert await open_suspects(missed) == {"2": 1}


@pytest.mark.parametrize("again", [True, False])
async def test_what_is_left_out_stays_known_as_long_as_it_lives(reader: Reader, again: bool) -> None:
    """Whoever asks for it stores it as it is by then, after the listing began that left it out."""
    church = await left_out(reader)
    await store(reader, ["2"], at=150, changed_at=140)
    later = await church.again(at=300 if again else 120)
    await later.reconcile("1", "3", "4", "5")
    assert await states(later) == {"2": "unlisted"}
    assert await unlisted(later) == ({"2": 1} if again else {})
    await later.delete("2", at=500, suspects_only=False)
    last = await later.again(at=600)
    await last.reconcile("1", "3", "4", "5")
    assert await states(last) in ({}, {"2": "confirmed"})


async def test_listings_that_leave_out_what_is_there_do_not_count_for_the_others(reader: Reader) -> None:
    """Though the guard stopped them: one that leaves out nothing is the first."""
    church = await left_out(reader)
    for at in (300, 400):
        church = await church.again(at=at)
        await church.reconcile("1", "5", allow=False)
        await hold_suspects(reader.database, church.reader.held, "too many")
        assert {(await church.suspects())[key]["times_missed"] for key in "34"} == {0}
    whole = await church.again(at=500)
    await whole.reconcile("1", "2", "5")
    assert await open_suspects(whole) == {"3": 1, "4": 1}


async def test_a_listing_that_is_distrusted_leaves_what_a_person_decided(reader: Reader) -> None:
    """And whoever was passed over. The one that exists is known, and the next listing goes on with the rest."""
    church = await prepared(reader, "1", "2", "3", "4", "5")
    await church.reconcile("1", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    await decide(church, "2", "3")
    await decide(church, "4", approve=False)
    await refute_suspects(reader.database, reader.held, ["2"])
    kept = {"2": "unlisted", "3": "approved", "4": "rejected", "5": "held"}
    assert await states(church) == kept
    assert await open_suspects(church) == {}
    assert (await church.suspects())["3"]["times_missed"] == 0
    assert await church.delete("2", "3", "5") == Deleted(deleted=0)
    later = await church.again(at=300)
    await later.reconcile("1", allow=False)
    assert await states(later) == kept
    await hold_suspects(reader.database, later.reader.held, "too many")
    assert await open_suspects(later) == {"3": 1}
    assert await later.living() == {"1", "2", "3", "4", "5"}


async def test_what_cannot_be_asked_for_and_was_approved_unknowing_waits_again(reader: Reader) -> None:
    """Whoever approves it once it is known what is left out is believed."""
    church = await prepared(reader, "1", "2", "3")
    await church.reconcile("1", allow=False)
    await hold_suspects(reader.database, reader.held, "too many")
    await decide(church)
    await refute_suspects(reader.database, reader.held, ["2"])
    later = await church.again(at=300)
    await later.reconcile("1")
    run = later.reader.held
    for may_be_unlisted in (True, False):
        [suspect] = await list_open_suspects(reader.database, run.entity_run_id)
        assert (suspect.id, suspect.may_be_unlisted) == ("3", may_be_unlisted)
        waits = await hold_suspects(reader.database, run, "nobody knows", ["3"])
        assert waits == may_be_unlisted
        row = (await later.suspects())["3"]
        assert (row["state"], row["must_wait"]) == (
            ("held", True) if may_be_unlisted else ("approved", False)
        )
        await decide(later)


async def test_what_was_left_out_and_cannot_be_asked_for_any_more_waits_for_a_person(reader: Reader) -> None:
    later = await (await left_out(reader)).again(at=300)
    await later.reconcile("1", "3", "4", "5", allow=False)
    assert await hold_suspects(reader.database, later.reader.held, "nobody knows", ["2"]) == 1
    await allow_deletions(reader.database, later.reader.held)
    report = await later.report()
    assert (report.suspects, report.held, await open_suspects(later)) == (1, 1, {})
    last = await later.again(at=400)
    await last.reconcile("1", "3", "4", "5")
    assert (await states(last), await open_suspects(last)) == ({"2": "held"}, {})


# What a walk through everything has brought


async def brought(church: Reconciler) -> Reconciler:
    """Four were missing, two stale; a walk has brought some of it, and this not as it was listed to be."""
    await store(church.reader, ["stale", "staler"], changed_at=40)
    await church.reconcile("stale", "staler", "new", "newer", "gone", "lost")
    await store(church.reader, ["stale", "new", "gone"], at=150)
    await store(church.reader, ["staler", "newer"], at=150, changed_at=45)
    await church.delete("gone", at=160, suspects_only=False)
    return church


async def settle_all(church: Reconciler, *, limit: int) -> int:
    """Returns how many calls it took."""
    calls, reader = 0, church.reader
    for kind in KINDS:
        after: str | None = ""
        while after is not None:
            calls += 1
            after = await settle_stored(
                reader.database, reader.manifest, MEMBER, reader.held, kind, after=after, limit=limit
            )
    return calls


@pytest.mark.parametrize(("limit", "calls"), [(1, 8), (4, 3), (100, 2)])
async def test_what_lives_here_as_it_was_listed_is_settled_and_nothing_else(
    reader: Reader, limit: int, calls: int
) -> None:
    church = await brought(await Reconciler.of(reader))
    assert await settle_all(church, limit=limit) == calls
    left = [await list_open_differences(reader.database, reader.held.entity_run_id, kind) for kind in KINDS]
    assert left == [["gone", "lost", "newer"], ["staler"]]


async def test_what_is_listed_and_stored_without_a_stamp_is_settled(reader: Reader) -> None:
    church = await Reconciler.of(reader)
    await church.reconcile("1", "2", at=None)
    await reader.store(record("1"))
    await settle_all(church, limit=100)
    assert await list_open_differences(reader.database, reader.held.entity_run_id, "missing") == ["2"]


async def test_only_the_holder_settles_what_is_stored(reader: Reader) -> None:
    church = await brought(await Reconciler.of(reader))
    await take(reader.database, reader.run_id)
    with pytest.raises(LeaseLostError):
        await settle_all(church, limit=100)
    left = await list_open_differences(reader.database, reader.held.entity_run_id, "missing")
    assert len(left) == 4
