"""What stays known of an entity across its runs: the watermark, the counts, the dead letters."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import LiteralString

import pytest

from openfaith.records import EntityStatus, OrgId
from openfaith.store import (
    Database,
    EntityState,
    PlannedReading,
    allow_deletions,
    begin_run,
    finish_entity_run,
    finish_run,
    hold_suspects,
    list_sync_state,
    note_checkpoint,
    note_doubts,
    note_source_start,
    plan_entity_runs,
    retry_run,
)
from support.mirror import (
    CAMPUS,
    MEMBER,
    Reader,
    connect_org,
    execute,
    fetch_one,
    moment,
    planned,
    record,
    stamp,
    start_run,
    take,
)
from support.reconciling import Reconciler, store


async def state(reader: Reader) -> EntityState:
    [found] = await list_sync_state(reader.database, reader.org_id)
    return found


async def end(reader: Reader, status: EntityStatus) -> None:
    await finish_entity_run(
        reader.database, reader.run_id, reader.entity.name, status=status, table=reader.table
    )
    await finish_run(reader.database, reader.run_id)


async def begin_again(reader: Reader, *, started_at: float) -> Reader:
    return await Reader.begin(reader.database, org=reader.org_id, started_at=started_at)


async def test_a_completed_run_sets_the_watermark_to_the_sources_clock_before_it(reader: Reader) -> None:
    await reader.store(record("1"), at=30)
    assert await list_sync_state(reader.database, reader.org_id) == []
    await reader.complete()
    known = await state(reader)
    assert (known.watermark, known.live_rows, known.last_run_id) == (moment(0), 1, reader.run_id)
    assert (known.last_status, known.dead_letters) == (EntityStatus.COMPLETED, 0)
    assert known.last_completed_at is not None
    assert known.behind_seconds is not None


@pytest.mark.parametrize("status", [EntityStatus.FAILED, EntityStatus.SKIPPED, EntityStatus.CANCELLED])
async def test_no_other_outcome_moves_the_watermark(reader: Reader, status: EntityStatus) -> None:
    await reader.store(record("1"))
    await reader.complete()
    before = await state(reader)
    later = await begin_again(reader, started_at=50)
    await later.store(record("1"), record("2"), at=50)
    await end(later, status)
    after = await state(reader)
    assert (after.watermark, after.live_rows) == (before.watermark, before.live_rows)
    assert after.last_completed_at == before.last_completed_at
    assert (after.last_status, after.last_run_id) == (status, later.run_id)


@pytest.mark.parametrize(("clocks", "watermark"), [((10, 20), 20), ((20, 10), 20), ((10, 10), 10)])
async def test_the_watermark_never_goes_back(
    database: Database, org: OrgId, clocks: tuple[float, float], watermark: float
) -> None:
    """Clocks do: the source's may be set."""
    for clock in clocks:
        reader = await Reader.begin(database, org=org, started_at=clock)
        await reader.complete()
    [known] = await list_sync_state(database, org)
    assert known.watermark == moment(watermark)


async def test_a_run_that_asked_nothing_moves_no_watermark(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    await take(database, run_id)
    await finish_entity_run(
        database, run_id, MEMBER.name, status=EntityStatus.COMPLETED, table=("sample", "church_member")
    )
    [known] = await list_sync_state(database, org)
    assert (known.watermark, known.behind_seconds) == (None, None)


async def test_a_resumed_run_keeps_the_clock_of_its_first_request(reader: Reader) -> None:
    held = await take(reader.database, reader.run_id)
    await note_source_start(reader.database, held, moment(99))
    await reader.complete()
    assert (await state(reader)).watermark == moment(0)


CARRIED = """
UPDATE openfaith.entity_run AS e SET carrier = %s, reading = 'include', include = 'members', source_started_at = c.source_started_at
FROM openfaith.entity_run AS c WHERE e.run_id = %s AND e.entity = %s AND c.run_id = e.run_id AND c.entity = %s
"""


@pytest.mark.parametrize(
    ("of_carrier", "own", "watermark"), [(False, False, 99), (False, True, None), (True, False, None)]
)
async def test_a_listing_whose_deletions_wait_for_a_person_moves_no_watermark(
    database: Database, org: OrgId, of_carrier: bool, own: bool, watermark: float | None
) -> None:
    """It was proven, and showed so little that it may have left out what is new, too; and so what came along."""
    run_id = await start_run(database, org, CAMPUS, MEMBER)
    await execute(database, "UPDATE openfaith.sync_run SET kind = 'reconciliation' WHERE run_id = %s", run_id)
    for entity, stopped in ((CAMPUS, of_carrier), (MEMBER, own)):
        held = await take(database, run_id, entity)
        await note_source_start(database, held, moment(99))
        lister = await Reconciler.of(Reader(database, entity, org, run_id, held), at=99)
        await lister.close()
        await lister.compare()
        if stopped:
            await hold_suspects(database, held, "none of 7 records was listed")
        else:
            await allow_deletions(database, held)
    await execute(database, CARRIED, CAMPUS.name, run_id, MEMBER.name, CAMPUS.name)
    await finish_entity_run(database, run_id, MEMBER.name, status=EntityStatus.COMPLETED)
    [known] = [s for s in await list_sync_state(database, org) if s.entity == MEMBER.name]
    assert known.watermark == (None if watermark is None else moment(watermark))


@pytest.mark.parametrize(("doubts", "watermark"), [((), 99), (("it shifted",), 0)])
async def test_a_reconciliation_moves_the_watermark_only_where_its_listing_is_proven(
    reader: Reader, doubts: tuple[str, ...], watermark: float
) -> None:
    await store(reader, ["1"])
    await reader.complete()
    later = await begin_again(reader, started_at=99)
    await execute(
        later.database,
        "UPDATE openfaith.sync_run SET kind = 'reconciliation' WHERE run_id = %s",
        later.run_id,
    )
    lister = await Reconciler.of(later, at=99)
    await lister.show("1")
    await lister.close(*doubts)
    await lister.compare()
    await later.complete()
    assert (await state(later)).watermark == moment(watermark)


@pytest.mark.parametrize(
    ("doubts", "watermark"), [([], 99), (None, 99), (["it shifted"], 0), (["it shifted", "and lied"], 0)]
)
async def test_what_was_read_with_doubts_does_not_move_the_watermark(
    reader: Reader, doubts: list[str] | None, watermark: float
) -> None:
    """What changed since, and was not shown, is asked for by the next delta. A part has no doubts: None."""
    await reader.complete()
    later = await begin_again(reader, started_at=99)
    await later.store(record("1", updated_at=stamp(50)))
    await note_doubts(later.database, later.held, doubts)
    await later.complete()
    known = await state(later)
    assert (known.watermark, known.last_run_id) == (moment(watermark), later.run_id)
    assert known.newest == (moment(50) if watermark else None)


@pytest.mark.parametrize(("lasts", "watermark"), [(98, 99), (0, 99), (99, 0), (None, 0)])
async def test_doubts_do_not_hold_a_watermark_that_no_delta_goes_by(
    reader: Reader, lasts: float | None, watermark: float
) -> None:
    """Else each delta of a source that counts wrongly would read everything, for ever."""
    await reader.complete()
    later = await begin_again(reader, started_at=99)
    await note_doubts(later.database, later.held, ["it shifted"])
    await later.finish(mark_lasts=None if lasts is None else timedelta(seconds=lasts))
    assert (await state(later)).watermark == moment(watermark)


@pytest.mark.parametrize(("doubts", "read_before"), [([], True), (["it shifted"], True), (None, False)])
async def test_who_takes_an_entity_knows_whether_it_was_read_whole_before(
    reader: Reader, doubts: list[str] | None, read_before: bool
) -> None:
    assert not reader.held.read_before
    await note_doubts(reader.database, reader.held, doubts)
    await reader.complete()
    assert (await begin_again(reader, started_at=99)).held.read_before is read_before


async def test_the_first_watermark_is_set_whatever_the_doubts(reader: Reader) -> None:
    """Without one no delta could ever begin."""
    await note_doubts(reader.database, reader.held, ["the source counted nothing"])
    await reader.complete()
    assert (await state(reader)).watermark == moment(0)


async def test_what_rode_with_doubts_does_not_move_its_watermark(database: Database, org: OrgId) -> None:
    rider = PlannedReading(
        entity=CAMPUS.name, reading="include", path="/", carrier=MEMBER.name, include="campus"
    )
    for clock, doubts in ((5, []), (50, ["it shifted"])):
        run_id = await start_run(database, org)
        await plan_entity_runs(database, run_id, [planned(MEMBER), rider])
        held = await take(database, run_id, MEMBER)
        await note_source_start(database, held, moment(clock))
        await note_doubts(database, held, doubts)
        for entity, table in ((MEMBER, "church_member"), (CAMPUS, "church_campus")):
            await take(database, run_id, entity)
            await finish_entity_run(
                database, run_id, entity.name, status=EntityStatus.COMPLETED, table=("sample", table)
            )
        await finish_run(database, run_id)
    marks = {known.entity: known.watermark for known in await list_sync_state(database, org)}
    assert marks == {MEMBER.name: moment(5), CAMPUS.name: moment(5)}


UNREAD = "below some parents nothing could be read"


@pytest.mark.parametrize(
    ("doubts", "failed", "found"),
    [
        ([], False, []),
        (None, False, None),
        (["it shifted"], False, ["it shifted"]),
        ([], True, [UNREAD]),
        (None, True, None),
        (["it shifted"], True, ["it shifted", UNREAD]),
    ],
)
async def test_what_speaks_against_a_carrier_speaks_against_what_came_along(
    database: Database, org: OrgId, doubts: list[str] | None, failed: bool, found: list[str] | None
) -> None:
    """Where only a part was asked for nothing is claimed, and so nothing is doubted. What did not complete claims nothing.

    So it is also after what is kept of single parents has gone.
    """
    run_id = await start_run(database, org)
    rider = PlannedReading(
        entity=CAMPUS.name, reading="include", path="/", carrier=MEMBER.name, include="campus"
    )
    await plan_entity_runs(database, run_id, [planned(MEMBER), rider])
    held = await take(database, run_id, MEMBER)
    await note_doubts(database, held, doubts)
    if failed:
        await note_checkpoint(database, held, "{}", parent_id="1", reason="refused")
    await finish_entity_run(
        database, run_id, MEMBER.name, status=EntityStatus.COMPLETED, table=("sample", "church_member")
    )
    await execute(
        database, "DELETE FROM openfaith.parent_failure WHERE entity_run_id = %s", held.entity_run_id
    )
    assert (await take(database, run_id, CAMPUS)).carrier_doubts == found
    statement: LiteralString = "SELECT doubts FROM openfaith.entity_run WHERE run_id = %s AND entity = %s"
    await finish_entity_run(database, run_id, CAMPUS.name, status=EntityStatus.FAILED)
    assert (await fetch_one(database, statement, run_id, CAMPUS.name))["doubts"] is None
    await finish_run(database, run_id)
    await retry_run(database, run_id)
    await begin_run(database, run_id)
    await take(database, run_id, CAMPUS)
    await finish_entity_run(
        database, run_id, CAMPUS.name, status=EntityStatus.COMPLETED, table=("sample", "church_campus")
    )
    assert (await fetch_one(database, statement, run_id, CAMPUS.name))["doubts"] == found


@pytest.mark.parametrize(("checkpoint", "watermark"), [('{"version": 2}', moment(5)), ('{"delta": 1}', None)])
async def test_what_rode_on_a_part_of_its_carriers_records_has_no_watermark(
    database: Database, org: OrgId, checkpoint: str, watermark: datetime | None
) -> None:
    """A record may change below one that did not."""
    run_id = await start_run(database, org)
    rider = PlannedReading(
        entity=CAMPUS.name, reading="include", path="/", carrier=MEMBER.name, include="campus"
    )
    await plan_entity_runs(database, run_id, [planned(MEMBER), rider])
    held = await take(database, run_id)
    await note_source_start(database, held, moment(5))
    await execute(
        database,
        "UPDATE openfaith.entity_run SET checkpoint = %s::jsonb WHERE entity_run_id = %s",
        checkpoint,
        held.entity_run_id,
    )
    await take(database, run_id, CAMPUS)
    for entity, table in ((MEMBER, "church_member"), (CAMPUS, "church_campus")):
        await finish_entity_run(
            database, run_id, entity.name, status=EntityStatus.COMPLETED, table=("sample", table)
        )
    marks = {known.entity: known.watermark for known in await list_sync_state(database, org)}
    assert marks == {MEMBER.name: moment(5), CAMPUS.name: watermark}


async def test_what_is_known_is_listed_by_organization_and_entity(own_database: Database) -> None:
    for org in ("b-church", "a-church"):
        org_id = await connect_org(own_database, org)
        run_id = await start_run(own_database, org_id, MEMBER, CAMPUS)
        for entity in (MEMBER, CAMPUS):
            await finish_entity_run(own_database, run_id, entity.name, status=EntityStatus.SKIPPED)
    entities = ["church.Campus", "church.Member"]
    listed = [(s.org_id, s.entity) for s in await list_sync_state(own_database)]
    assert listed == [(org, entity) for org in ("a-church", "b-church") for entity in entities]
    assert [s.entity for s in await list_sync_state(own_database, OrgId("a-church"))] == entities


# Dead letters


async def letter_states(reader: Reader) -> list[tuple[str, int]]:
    return [(letter["status"], letter["times_seen"]) for letter in await reader.letters()]


async def test_open_letters_are_counted(reader: Reader) -> None:
    await reader.store(b"1", b"2")
    await reader.complete()
    assert (await state(reader)).dead_letters == 2


async def test_a_completed_full_run_resolves_the_letters_it_did_not_meet_again(reader: Reader) -> None:
    await reader.store(b"1", b"2", at=1)
    await reader.complete()
    assert await letter_states(reader) == [("open", 1), ("open", 1)]
    later = await begin_again(reader, started_at=10)
    await later.store(b"2", at=11)
    await note_doubts(later.database, later.held, [])
    await later.complete()
    assert await letter_states(reader) == [("resolved", 1), ("open", 2)]
    settled, met_again = await reader.letters()
    assert settled["decided_by"] == f"run {later.run_id}"
    assert settled["decided_at"] is not None  # from then on it is kept for ninety days
    assert met_again["decided_by"] is None


@pytest.mark.parametrize("doubts", [["it shifted while it was read"], None])
async def test_a_run_that_may_not_have_read_all_resolves_none(
    reader: Reader, doubts: list[str] | None
) -> None:
    """What it did not meet again may have slipped past it."""
    await reader.store(b"1", at=1)
    await reader.complete()
    later = await begin_again(reader, started_at=10)
    await note_doubts(later.database, later.held, doubts)
    await later.complete()
    assert await letter_states(reader) == [("open", 1)]


async def test_whatever_run_has_stored_the_record_since_resolves_its_letter(reader: Reader) -> None:
    """Also one that proves nothing; what it did not bring stays."""
    await reader.store(*(json.dumps({"id": key, "type": "Member"}).encode() for key in "123"), at=1)
    await reader.complete()
    later = await begin_again(reader, started_at=10)
    await later.store(record("1"), at=11)
    await note_doubts(later.database, later.held, ["it shifted while it was read"])
    await later.complete()
    assert await letter_states(reader) == [("resolved", 1), ("open", 1), ("open", 1)]


@pytest.mark.parametrize("status", [EntityStatus.FAILED, EntityStatus.CANCELLED])
async def test_a_run_that_did_not_complete_resolves_none(reader: Reader, status: EntityStatus) -> None:
    await reader.store(b"1", at=1)
    await reader.complete()
    later = await begin_again(reader, started_at=10)
    await later.store(record("1"), at=11)
    await note_doubts(later.database, later.held, [])
    await end(later, status)
    assert await letter_states(reader) == [("open", 1)]


async def test_letters_from_after_the_runs_first_request_stay_open(reader: Reader) -> None:
    """Somebody else may have met such a record where this run had read already."""
    await reader.store(b"1", at=20)
    await reader.complete()
    later = await begin_again(reader, started_at=10)
    await note_doubts(later.database, later.held, [])
    await later.complete()
    assert await letter_states(reader) == [("open", 1)]


async def test_letters_of_other_entities_and_organizations_stay_open(
    reader: Reader, other_org: OrgId
) -> None:
    other = await Reader.begin(reader.database, org=other_org)
    await other.store(b"1", at=1)
    await execute(
        reader.database,
        "INSERT INTO openfaith.dead_letter (org_id, adapter, entity, record_key, reason, body, requested_at)"
        " VALUES (%s, 'sample', 'church.Campus', '1', '', '', %s)",
        reader.org_id,
        moment(-1),
    )
    later = await reader.begin_again(started_at=10)
    await note_doubts(later.database, later.held, [])
    await later.complete()
    assert await letter_states(other) == await letter_states(later) == [("open", 1)]
