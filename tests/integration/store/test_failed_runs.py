"""What failed of runs stays known until another run has made up for it, or a person gives it up."""

from __future__ import annotations

import pytest

from openfaith import SyncKind
from openfaith.errors import UnknownNameError
from openfaith.records import EntityStatus, OrgId, RunId
from openfaith.store import (
    WHOLE_RUN,
    Database,
    FailedRun,
    FailedRunStatus,
    begin_run,
    cancel_run,
    discard_failed_run,
    finish_entity_run,
    finish_run,
    hold_suspects,
    list_failed_runs,
    request_run,
    retry_run,
)
from support.mirror import CAMPUS, MEMBER, Reader, execute, start_run, take
from support.reconciling import Reconciler


async def end(
    reader: Reader, status: EntityStatus = EntityStatus.FAILED, reason: str = "it was late"
) -> None:
    why = None if status is EntityStatus.COMPLETED else reason
    await finish_entity_run(reader.database, reader.run_id, MEMBER.name, status=status, reason=why)
    await finish_run(reader.database, reader.run_id)


async def again(reader: Reader) -> Reader:
    """The next run of the same."""
    return await Reader.begin(reader.database, reader.entity, org=reader.org_id)


async def failed(reader: Reader, **narrowed: object) -> list[FailedRun]:
    return await list_failed_runs(reader.database, reader.org_id, **narrowed)  # type: ignore[arg-type]  # members by name


async def test_what_failed_is_kept_with_its_reason(reader: Reader) -> None:
    await end(reader)
    [kept] = await failed(reader)
    assert (kept.entity, kept.kind, kept.run_id, kept.reason) == (
        MEMBER.name,
        "full",
        reader.run_id,
        "it was late",
    )
    assert (kept.times, kept.status, kept.decided_by) == (1, FailedRunStatus.OPEN, None)


@pytest.mark.parametrize(
    "status",
    [
        s
        for s in EntityStatus
        if s not in {EntityStatus.WAITING, EntityStatus.RUNNING, EntityStatus.FAILED, EntityStatus.SKIPPED}
    ],
    ids=str,
)
async def test_what_ended_otherwise_is_not(reader: Reader, status: EntityStatus) -> None:
    await end(reader, status)
    assert await failed(reader) == []


async def test_failing_again_is_counted_from_the_first_time_on(reader: Reader) -> None:
    await end(reader)
    [first] = await failed(reader)
    later = await again(reader)
    await end(later, reason="it was later")
    [kept] = await failed(reader)
    assert (kept.times, kept.reason, kept.run_id) == (2, "it was later", later.run_id)
    assert kept.first_failed_at == first.first_failed_at < kept.last_failed_at


async def test_a_run_that_completes_makes_up_for_it(reader: Reader) -> None:
    await end(reader)
    await end(await again(reader), EntityStatus.COMPLETED)
    assert await failed(reader) == []


async def test_a_retry_that_completes_makes_up_for_it(reader: Reader) -> None:
    await end(reader)
    await retry_run(reader.database, reader.run_id)
    assert await begin_run(reader.database, reader.run_id)
    await take(reader.database, reader.run_id)
    assert len(await failed(reader)) == 1
    await end(reader, EntityStatus.COMPLETED)
    assert await failed(reader) == []


async def test_a_run_that_is_cancelled_makes_up_for_nothing(reader: Reader) -> None:
    await end(reader)
    later = await again(reader)
    await cancel_run(later.database, later.run_id)
    await finish_run(later.database, later.run_id)
    assert [kept.times for kept in await failed(reader)] == [1]


MADE_UP_FOR = {
    SyncKind.FULL: {"full", "delta"},
    SyncKind.DELTA: {"delta"},
    SyncKind.RECONCILIATION: {"reconciliation", "full", "delta"},
    SyncKind.SWEEP: {"sweep"},
}
FAILED_OF_EACH_KIND = """
INSERT INTO openfaith.failed_run (org_id, adapter, entity, kind, run_id, reason)
SELECT org_id, adapter, %(entity)s, k.kind, run_id, 'it was late'
FROM openfaith.sync_run, unnest(ARRAY['full', 'delta', 'reconciliation', 'sweep']) AS k (kind) WHERE run_id = %(run_id)s
"""
KIND = "UPDATE openfaith.sync_run SET kind = %(kind)s WHERE run_id = %(run_id)s"


async def all_failed_before(reader: Reader, kind: SyncKind, entity: str = MEMBER.name) -> None:
    """A run of one kind under way, when everything of each kind had failed."""
    about = {"run_id": reader.run_id, "entity": entity, "kind": kind}
    async with reader.database.connection() as connection:
        await connection.execute(FAILED_OF_EACH_KIND, about)
        await connection.execute(KIND, about)


async def kinds_left(reader: Reader) -> set[str]:
    return {kept.kind for kept in await failed(reader)}


@pytest.mark.parametrize("entity", [MEMBER.name, WHOLE_RUN])
@pytest.mark.parametrize("kind", list(SyncKind), ids=str)
async def test_what_reads_no_more_than_another_is_made_up_for_by_it(
    reader: Reader, kind: SyncKind, entity: str
) -> None:
    await all_failed_before(reader, kind, entity)
    if kind is SyncKind.RECONCILIATION:
        await reconcile(reader)
    await end(reader, EntityStatus.COMPLETED)
    assert await kinds_left(reader) == {"full", "delta", "reconciliation", "sweep"} - MADE_UP_FOR[kind]


async def reconcile(reader: Reader, *doubts: str, stopped: bool = False) -> None:
    lister = await Reconciler.of(reader)
    await lister.close(*doubts)
    await lister.compare()
    if stopped:
        await hold_suspects(reader.database, reader.held, "none of 7 records was listed")


@pytest.mark.parametrize(("doubts", "stopped"), [(("it shifted",), False), ((), True)])
async def test_a_listing_that_may_have_left_out_what_is_new_makes_up_for_its_own_kind_only(
    reader: Reader, doubts: tuple[str, ...], stopped: bool
) -> None:
    await all_failed_before(reader, SyncKind.RECONCILIATION)
    await reconcile(reader, *doubts, stopped=stopped)
    await end(reader, EntityStatus.COMPLETED)
    assert await kinds_left(reader) == {"full", "delta", "sweep"}


CARRIED = """
UPDATE openfaith.entity_run SET carrier = 'church.Campus', reading = 'include', include = 'members'
WHERE run_id = %s AND entity = 'church.Member'
"""
IN_PART = "UPDATE openfaith.entity_run SET checkpoint = %s WHERE run_id = %s AND entity = 'church.Campus'"


@pytest.mark.parametrize(("checkpoint", "left"), [('{"delta": 1}', 1), ("{}", 0)])
async def test_what_came_along_with_a_part_of_its_carriers_records_makes_up_for_nothing(
    database: Database, org: OrgId, checkpoint: str, left: int
) -> None:
    run_id = await start_run(database, org, CAMPUS, MEMBER)
    held = await take(database, run_id, MEMBER)
    reader = Reader(database, MEMBER, org, run_id, held)
    await all_failed_before(reader, SyncKind.DELTA)
    await execute(database, CARRIED, run_id)
    await execute(database, IN_PART, checkpoint, run_id)
    await end(reader, EntityStatus.COMPLETED)
    assert len([kept for kept in await failed(reader, entity=MEMBER.name) if kept.kind == "delta"]) == left


async def test_what_was_skipped_is_kept_too(reader: Reader) -> None:
    await end(reader, EntityStatus.SKIPPED, "it needs church.Campus, which did not complete")
    [kept] = await failed(reader)
    assert kept.reason == "it needs church.Campus, which did not complete"


async def test_what_may_not_be_seen_any_more_is_no_failure(reader: Reader) -> None:
    await end(reader)
    await end(await again(reader), EntityStatus.NOT_ACCESSIBLE)
    assert await failed(reader) == []


async def test_a_run_of_everything_that_failed_at_once_failed_as_a_whole(reader: Reader) -> None:
    await end(reader, EntityStatus.COMPLETED)
    run_id = await start_run(reader.database, reader.org_id)
    await finish_run(reader.database, run_id, reason="there is no such entity")
    [kept] = await failed(reader)
    assert (kept.entity, kept.run_id, kept.reason) == (WHOLE_RUN, run_id, "there is no such entity")
    of_one = await start_run(reader.database, reader.org_id, MEMBER, named=True)
    await take(reader.database, of_one)
    await finish_entity_run(reader.database, of_one, MEMBER.name, status=EntityStatus.COMPLETED)
    await finish_run(reader.database, of_one)
    assert len(await failed(reader)) == 1
    await end(await again(reader), EntityStatus.COMPLETED)
    assert await failed(reader) == []


async def test_a_run_of_some_that_failed_at_once_failed_for_each_of_them(reader: Reader) -> None:
    await end(reader, EntityStatus.COMPLETED)
    run_id, _ = await request_run(
        reader.database,
        org_id=reader.org_id,
        adapter=reader.manifest.adapter,
        kind=SyncKind.FULL,
        entities=[MEMBER.name, CAMPUS.name],
        requested_by="test",
    )
    assert await begin_run(reader.database, run_id)
    await finish_run(reader.database, run_id, reason="there is no such entity")
    assert {kept.entity for kept in await failed(reader)} == {MEMBER.name, CAMPUS.name}


async def test_who_gives_it_up_is_kept_until_it_fails_again(reader: Reader) -> None:
    await end(reader)
    given_up = await discard_failed_run(reader.database, reader.org_id, reader.run_id, by="ann")
    assert (given_up, await failed(reader)) == (1, [])
    [kept] = await failed(reader, statuses=[FailedRunStatus.DISCARDED])
    assert kept.decided_by == "ann"
    assert kept.decided_at is not None
    assert await discard_failed_run(reader.database, reader.org_id, reader.run_id, by="ben") == 0
    await end(await again(reader))
    [kept] = await failed(reader)
    assert (kept.times, kept.decided_by, kept.status) == (1, None, FailedRunStatus.OPEN)


async def test_only_what_failed_can_be_given_up(reader: Reader) -> None:
    await end(reader, EntityStatus.COMPLETED)
    for run_id in (reader.run_id, RunId(2**80)):
        with pytest.raises(UnknownNameError, match="failed run"):
            await discard_failed_run(reader.database, reader.org_id, run_id, by="ann")


async def test_failures_are_found_by_entity_and_reason(reader: Reader) -> None:
    await end(reader)
    assert len(await failed(reader, entity=MEMBER.name, reason="it was late")) == 1
    assert await failed(reader, entity="church.Other") == []
    assert await failed(reader, reason="it was early") == []
