"""The life of a run, one verb at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from openfaith.errors import LeaseLostError, RunConflictError, UnknownNameError
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, RunStatus, Strategy, SyncKind
from openfaith.store import (
    Database,
    begin_run,
    cancel_run,
    finish_entity_run,
    finish_run,
    get_run,
    list_entity_runs,
    list_runs,
    list_unfinished_runs,
    note_source_start,
    plan_entity_runs,
    request_run,
    retry_run,
    take_entity_run,
)
from support.mirror import (
    ADAPTER,
    CAMPUS,
    MEMBER,
    Reader,
    execute,
    fetch_one,
    moment,
    planned,
    record,
    start_run,
    take,
)

NOBODY = RunId(2**40)
MEMBERS = ("sample", "church_member")


async def request(
    database: Database,
    org: OrgId,
    *entities: str,
    adapter: str = ADAPTER,
    strategy: Strategy = Strategy.HYBRID,
) -> tuple[RunId, bool]:
    return await request_run(
        database,
        org_id=org,
        adapter=adapter,
        kind=SyncKind.FULL,
        entities=[EntityName(name) for name in entities] or None,
        strategy=strategy,
        requested_by="test",
    )


async def settle(database: Database, run_id: RunId, entity: str, status: EntityStatus) -> bool:
    settled = await finish_entity_run(
        database, run_id, EntityName(entity), status=status, reason="why", table=MEMBERS
    )
    return settled is not None


# Requests


async def test_a_request_is_a_queued_run(database: Database, org: OrgId) -> None:
    run_id, new = await request(database, org, "church.Member", "church.Campus")
    run = await get_run(database, run_id)
    assert new
    assert (run.org_id, run.adapter, run.kind, run.status) == (org, ADAPTER, SyncKind.FULL, RunStatus.QUEUED)
    assert (run.entities, run.requested_by, run.attempt) == (("church.Campus", "church.Member"), "test", 1)
    assert (run.started_at, run.finished_at, run.reason, run.is_final) == (None, None, None, False)


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("entities", [(), ("a", "b")])
async def test_the_same_request_joins_the_run_that_is_queued_or_running(
    database: Database, org: OrgId, entities: tuple[str, ...], *, running: bool
) -> None:
    run_id, _ = await request(database, org, *entities)
    if running:
        await begin_run(database, run_id)
    assert await request(database, org, *reversed(entities)) == (run_id, False)


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_run_keeps_its_strategy_and_is_joined_by_any_other(
    database: Database, org: OrgId, strategy: Strategy
) -> None:
    """The strategy says how, and not what."""
    run_id, _ = await request(database, org, strategy=strategy)
    assert [await request(database, org, strategy=other) for other in Strategy] == [(run_id, False)] * 3
    assert (await get_run(database, run_id)).strategy is strategy


async def test_another_request_is_another_run(database: Database, org: OrgId, other_org: OrgId) -> None:
    runs = [
        await request(database, org),
        await request(database, org, "a"),
        await request(database, org, "a", "b"),
        await request(database, org, adapter="other"),
        await request(database, other_org),
    ]
    assert len({run_id for run_id, _ in runs}) == len(runs)
    assert all(new for _, new in runs)


async def test_a_run_that_is_over_is_not_joined(database: Database, org: OrgId) -> None:
    """However alike the two are: otherwise the first delta would swallow all that follow."""
    run_id, _ = await request(database, org)
    await begin_run(database, run_id)
    await finish_run(database, run_id)
    again, new = await request(database, org)
    assert new
    assert again != run_id


async def test_a_run_that_is_running_is_joined_rather_than_one_that_is_queued(
    database: Database, org: OrgId
) -> None:
    first, _ = await request(database, org)
    await begin_run(database, first)
    await finish_run(database, first)
    second, _ = await request(database, org)
    await begin_run(database, second)
    await retry_run(database, first)
    assert await request(database, org) == (second, False)


async def test_a_run_that_is_being_cancelled_is_not_joined(database: Database, org: OrgId) -> None:
    run_id, _ = await request(database, org)
    await begin_run(database, run_id)
    await cancel_run(database, run_id)
    other, new = await request(database, org)
    assert (other != run_id, new) == (True, True)


async def test_requests_at_the_same_time_are_one_run(database: Database, org: OrgId) -> None:
    found = await asyncio.gather(*(request(database, org) for _ in range(8)))
    assert len({run_id for run_id, _ in found}) == 1
    assert sorted(new for _, new in found) == [False] * 7 + [True]


async def test_a_request_while_the_queued_run_is_cancelled_joins_it_or_is_new(
    database: Database, org: OrgId
) -> None:
    for _ in range(10):
        run_id, _ = await request(database, org)
        _, (other, new) = await asyncio.gather(cancel_run(database, run_id), request(database, org))
        assert new == (other != run_id)
        if new:
            await cancel_run(database, other)


async def test_an_organization_that_does_not_exist_has_no_runs(database: Database) -> None:
    with pytest.raises(UnknownNameError, match="there is no organization 'nobody'"):
        await request(database, OrgId("nobody"))


# Beginning


async def test_one_run_of_an_organization_is_running(
    database: Database, org: OrgId, other_org: OrgId
) -> None:
    first, second, elsewhere = [
        (await request(database, each, name))[0] for each, name in ((org, "a"), (org, "b"), (other_org, "a"))
    ]
    assert await begin_run(database, first)
    assert not await begin_run(database, second)
    assert await begin_run(database, elsewhere)
    await finish_run(database, first)
    assert await begin_run(database, second)


async def test_of_runs_that_begin_at_the_same_time_one_is_running(database: Database, org: OrgId) -> None:
    runs = [(await request(database, org, name))[0] for name in "abcd"]
    begun = await asyncio.gather(*(begin_run(database, run_id) for run_id in runs))
    assert sorted(begun) == [False, False, False, True]
    assert [r.run_id for r in await list_runs(database, org) if r.status is RunStatus.RUNNING] == [
        runs[begun.index(True)]
    ]


async def test_a_run_that_begins_again_keeps_its_place_and_its_start(database: Database, org: OrgId) -> None:
    run_id, _ = await request(database, org)
    assert await begin_run(database, run_id)
    before = await get_run(database, run_id)
    assert await begin_run(database, run_id)
    assert await get_run(database, run_id) == before


async def test_a_run_that_is_over_does_not_begin(database: Database, org: OrgId) -> None:
    run_id, _ = await request(database, org)
    await cancel_run(database, run_id)
    with pytest.raises(RunConflictError):
        await begin_run(database, run_id)
    with pytest.raises(RunConflictError):
        await begin_run(database, NOBODY)


# Entity runs


async def test_planned_entities_wait_in_their_order(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER, CAMPUS)
    made = await list_entity_runs(database, run_id)
    assert [(e.entity, e.position, e.status, e.fence) for e in made] == [
        ("church.Member", 1, EntityStatus.WAITING, 0),
        ("church.Campus", 2, EntityStatus.WAITING, 0),
    ]
    assert all((e.pages, e.records, e.seconds, e.started_at) == (0, 0, None, None) for e in made)


async def test_planning_again_changes_nothing(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    await take(database, run_id)
    before = await list_entity_runs(database, run_id)
    await plan_entity_runs(database, run_id, [replace(planned(MEMBER), path="/elsewhere")])
    [after] = await list_entity_runs(database, run_id)
    assert (after.fence, after.status, after.started_at, after.path) == (
        before[0].fence, before[0].status, before[0].started_at, before[0].path,
    )  # fmt: skip


async def test_taking_raises_the_token(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    held = [await take(database, run_id) for _ in range(3)]
    assert [h.fence for h in held] == [1, 2, 3]
    assert (held[0].checkpoint, held[0].pages, held[0].cancel_requested) == (None, 0, False)


async def test_tokens_that_are_taken_at_the_same_time_differ(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    held = await asyncio.gather(*(take(database, run_id) for _ in range(8)))
    assert sorted(h.fence for h in held) == list(range(1, 9))


@pytest.mark.parametrize(
    "status", [s for s in EntityStatus if s not in {EntityStatus.WAITING, EntityStatus.RUNNING}]
)
async def test_a_settled_entity_run_is_not_taken(
    database: Database, org: OrgId, status: EntityStatus
) -> None:
    run_id = await start_run(database, org, MEMBER)
    await take(database, run_id)
    await settle(database, run_id, MEMBER.name, status)
    assert await take_entity_run(database, run_id, MEMBER.name) is None


async def test_an_entity_that_was_not_planned_is_not_taken(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    assert await take_entity_run(database, run_id, CAMPUS.name) is None
    assert await take_entity_run(database, NOBODY, CAMPUS.name) is None


async def test_an_entity_is_not_read_by_two_runs(database: Database, org: OrgId) -> None:
    """A left-over of a run that was put back into the queue may still be reading when the next one begins."""
    left_over = await start_run(database, org, MEMBER)
    await finish_run(database, left_over)
    await retry_run(database, left_over)
    await take(database, left_over)
    run_id = await start_run(database, org, MEMBER, named=True)
    with pytest.raises(RunConflictError, match=r"cannot read church\.Member while another run does"):
        await take(database, run_id)


async def test_the_first_note_of_the_sources_clock_stays(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    superseded = await take(database, run_id)
    held = await take(database, run_id)
    await note_source_start(database, superseded, moment(0))
    await note_source_start(database, held, moment(1))
    await note_source_start(database, held, moment(2))
    found = await fetch_one(
        database, "SELECT source_started_at FROM openfaith.entity_run WHERE run_id = %s", run_id
    )
    assert found == {"source_started_at": moment(1)}


# Settling an entity run


@pytest.mark.parametrize("status", [EntityStatus.FAILED, EntityStatus.SKIPPED, EntityStatus.CANCELLED])
async def test_what_was_never_taken_can_be_settled_but_not_completed(
    database: Database, org: OrgId, status: EntityStatus
) -> None:
    run_id = await start_run(database, org, MEMBER)
    with pytest.raises(LeaseLostError):
        await settle(database, run_id, MEMBER.name, EntityStatus.COMPLETED)
    assert await settle(database, run_id, MEMBER.name, status)
    [entity] = await list_entity_runs(database, run_id)
    assert (entity.status, entity.reason, entity.live_rows) == (status, "why", None)
    assert entity.finished_at is not None


async def test_settling_again_changes_nothing(database: Database, org: OrgId) -> None:
    run_id = await start_run(database, org, MEMBER)
    await take(database, run_id)
    assert await settle(database, run_id, MEMBER.name, EntityStatus.FAILED)
    before = await list_entity_runs(database, run_id)
    assert not await settle(database, run_id, MEMBER.name, EntityStatus.COMPLETED)
    assert await list_entity_runs(database, run_id) == before


async def test_a_completed_entity_run_counts_the_rows_that_live(reader: Reader) -> None:
    await reader.store(*(record(str(n)) for n in range(5)))
    await execute(
        reader.database,
        "UPDATE sample.church_member SET _deleted_at = now() WHERE org_id = %s AND id = '3'",
        reader.org_id,
    )
    await reader.complete()
    assert (await reader.entity_run())["live_rows"] == 4


async def test_a_reason_that_postgresql_cannot_store_is_stored_as_far_as_it_can_be(reader: Reader) -> None:
    await finish_entity_run(
        reader.database, reader.run_id, MEMBER.name,
        status=EntityStatus.FAILED, reason="the source said \x00 and \ud83d and \U0001f600",
    )  # fmt: skip
    assert (await reader.entity_run())["reason"] == "the source said \ufffd and \ufffd and \U0001f600"


# Looking


async def test_runs_are_listed_newest_first(database: Database, org: OrgId, other_org: OrgId) -> None:
    runs = [(await request(database, each, name))[0] for name in "abc" for each in (org, other_org)]
    mine = runs[::2]
    assert [r.run_id for r in await list_runs(database, org)] == mine[::-1]
    assert [r.run_id for r in await list_runs(database, org, limit=2)] == mine[:0:-1]
    assert [r.run_id for r in await list_runs(database, limit=6)] == runs[::-1]


async def test_unfinished_runs_are_those_that_somebody_must_work_on(database: Database, org: OrgId) -> None:
    queued, running, over = [(await request(database, org, name))[0] for name in "abc"]
    await begin_run(database, over)
    await finish_run(database, over)
    await begin_run(database, running)
    mine = [r.run_id for r in await list_unfinished_runs(database) if r.org_id == org]
    assert mine == [queued, running]


async def test_a_run_that_does_not_exist_is_an_unknown_name(database: Database) -> None:
    for verb in (get_run, cancel_run, retry_run, finish_run):
        with pytest.raises(UnknownNameError, match=f"there is no run '{NOBODY}'"):
            await verb(database, NOBODY)
    assert await list_entity_runs(database, NOBODY) == []


async def test_seconds_are_counted_from_start_to_end(reader: Reader) -> None:
    await reader.complete()
    await execute(
        reader.database,
        "UPDATE openfaith.entity_run SET started_at = finished_at - %s WHERE run_id = %s",
        timedelta(seconds=90),
        reader.run_id,
    )
    [entity] = await list_entity_runs(reader.database, reader.run_id)
    assert entity.seconds == 90
