"""How runs end, are cancelled, and go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest
from psycopg import sql

from openfaith.errors import RunConflictError
from openfaith.records import EntityStatus, OrgId, RunId, RunStatus, SyncKind
from openfaith.store import (
    Database,
    EntityRunRecord,
    begin_run,
    cancel_run,
    finish_entity_run,
    finish_run,
    get_run,
    list_entity_runs,
    list_events,
    list_sync_state,
    plan_entity_runs,
    request_run,
    retry_run,
)
from openfaith.telemetry import EntityRunFinished, Event, Subject
from support.mirror import (
    ADAPTER,
    CAMPUS,
    MEMBER,
    Reader,
    execute,
    make_entity,
    planned,
    record,
    start_run,
    take,
    wait_until_blocked,
)

THIRD = make_entity("Third", {})
ENTITIES = (CAMPUS, MEMBER, THIRD)

COMPLETED, FAILED, SKIPPED, CANCELLED, WAITING, NOT_ACCESSIBLE = (
    EntityStatus.COMPLETED,
    EntityStatus.FAILED,
    EntityStatus.SKIPPED,
    EntityStatus.CANCELLED,
    EntityStatus.WAITING,
    EntityStatus.NOT_ACCESSIBLE,
)


async def run_with(database: Database, org: OrgId, outcomes: Sequence[EntityStatus]) -> RunId:
    """A running run whose entities ended so, or wait."""
    run_id = await start_run(database, org, *ENTITIES[: len(outcomes)])
    for entity, status in zip(ENTITIES, outcomes, strict=False):
        if status is not WAITING:
            await take(database, run_id, entity)
            await finish_entity_run(database, run_id, entity.name, status=status)
    return run_id


async def statuses(database: Database, run_id: RunId) -> list[EntityStatus]:
    return [entity.status for entity in await list_entity_runs(database, run_id)]


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], RunStatus.FAILED),
        ([COMPLETED], RunStatus.COMPLETED),
        ([COMPLETED, COMPLETED, COMPLETED], RunStatus.COMPLETED),
        ([COMPLETED, FAILED, COMPLETED], RunStatus.PARTIAL),
        ([COMPLETED, FAILED, SKIPPED], RunStatus.PARTIAL),
        ([COMPLETED, SKIPPED], RunStatus.PARTIAL),
        ([COMPLETED, WAITING], RunStatus.PARTIAL),
        ([FAILED, SKIPPED], RunStatus.FAILED),
        ([FAILED, FAILED, FAILED], RunStatus.FAILED),
        ([SKIPPED], RunStatus.FAILED),
        ([WAITING, WAITING], RunStatus.FAILED),
        ([CANCELLED], RunStatus.CANCELLED),
        ([COMPLETED, CANCELLED], RunStatus.CANCELLED),
        ([FAILED, CANCELLED, SKIPPED], RunStatus.CANCELLED),
        ([COMPLETED, NOT_ACCESSIBLE], RunStatus.COMPLETED),
        ([COMPLETED, FAILED, NOT_ACCESSIBLE], RunStatus.PARTIAL),
        ([FAILED, NOT_ACCESSIBLE], RunStatus.FAILED),
        ([NOT_ACCESSIBLE], RunStatus.FAILED),
    ],
)
async def test_a_runs_status_follows_from_its_entities(
    database: Database, org: OrgId, outcomes: list[EntityStatus], status: RunStatus
) -> None:
    run_id = await run_with(database, org, outcomes)
    assert await finish_run(database, run_id, reason="because") is status
    run = await get_run(database, run_id)
    assert (run.status, run.reason, run.is_final) == (status, "because", True)


async def test_what_was_asked_for_by_name_and_may_not_be_seen_is_no_failure(
    database: Database, org: OrgId
) -> None:
    """A run of everything that may see nothing has failed; this one has only nothing to read."""
    run_id = await run_with(database, org, [NOT_ACCESSIBLE, NOT_ACCESSIBLE])
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE openfaith.sync_run SET entities = ARRAY['sample.a', 'sample.b'] WHERE run_id = %s",
            (run_id,),
        )
    assert await finish_run(database, run_id) is RunStatus.COMPLETED


async def test_finishing_again_changes_nothing(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [COMPLETED])
    await finish_run(database, run_id)
    before = await get_run(database, run_id)
    assert await finish_run(database, run_id, reason="again") is RunStatus.COMPLETED
    assert await get_run(database, run_id) == before


async def test_a_run_and_its_entities_end_together_with_what_is_told_of_it(
    database: Database, org: OrgId
) -> None:
    """Where that cannot be stored, nothing has ended: a process killed in between leaves no end that nobody was told of."""
    run_id = await run_with(database, org, [WAITING])
    await take(database, run_id, CAMPUS)
    async with database.connection() as connection:
        await connection.execute(
            sql.SQL("ALTER TABLE openfaith.event ADD CONSTRAINT no_more CHECK (run_id <> {})").format(run_id)
        )
    with pytest.raises(psycopg.errors.CheckViolation):
        await finish_entity_run(database, run_id, CAMPUS.name, status=FAILED, tell=finished)
    with pytest.raises(psycopg.errors.CheckViolation):
        await finish_run(database, run_id)
    [left] = await list_entity_runs(database, run_id)
    assert (left.status, (await get_run(database, run_id)).status) == (
        EntityStatus.RUNNING,
        RunStatus.RUNNING,
    )


async def test_what_ended_before_is_told_once(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [WAITING])
    for _ in range(2):
        await finish_entity_run(database, run_id, CAMPUS.name, status=FAILED, tell=finished)
        await finish_run(database, run_id)
    assert await told(database, run_id) == ["church.Campus failed: 403", "run failed: 1 failed"]


async def test_what_is_still_open_of_a_run_that_ends_is_told_with_it(reader: Reader) -> None:
    await finish_run(reader.database, reader.run_id, reason="its workflow died")
    assert await told(reader.database, reader.run_id) == [
        "church.Member failed: its workflow died",
        "run failed: 1 failed",
    ]


async def test_a_run_that_is_cancelled_before_its_turn_is_told_of(database: Database, org: OrgId) -> None:
    run_id, _ = await request_run(
        database, org_id=org, adapter=ADAPTER, kind=SyncKind.FULL, entities=None, requested_by="a test"
    )
    assert (await cancel_run(database, run_id)).status is RunStatus.CANCELLED
    assert await told(database, run_id) == ["run cancelled: nothing was planned"]


async def told(database: Database, run_id: RunId) -> list[str]:
    return [event.message for event in await list_events(database, run_id)]


def finished(found: EntityRunRecord) -> list[Event]:
    about = Subject(run_id=found.run_id, entity=found.entity)
    return [EntityRunFinished(about=about, status=found.status, reason="403")]


async def test_open_entities_of_a_run_that_ends_fail_for_its_reason(reader: Reader) -> None:
    await finish_run(reader.database, reader.run_id, reason="its workflow died")
    [entity] = await list_entity_runs(reader.database, reader.run_id)
    assert (entity.status, entity.reason, entity.fence) == (FAILED, "its workflow died", 2)
    [state] = await list_sync_state(reader.database, reader.org_id)
    assert (state.last_status, state.last_run_id, state.watermark) == (FAILED, reader.run_id, None)


async def test_a_reason_that_postgresql_cannot_store_does_not_keep_a_run_from_ending(reader: Reader) -> None:
    await finish_run(reader.database, reader.run_id, reason="\x00")
    assert (await get_run(reader.database, reader.run_id)).reason == "\ufffd"


async def test_an_entity_completes_whose_only_stamp_is_before_the_first_year(reader: Reader) -> None:
    """PostgreSQL keeps it, and Python has no such time."""
    await reader.store(record("1", updated_at="0001-01-01T00:00:00+14:00"))
    await reader.complete()
    assert (await reader.entity_run())["status"] == "completed"


async def test_a_former_attempt_ends_nothing(database: Database, org: OrgId) -> None:
    """Whoever is left of it may come late."""
    run_id = await run_with(database, org, [FAILED])
    await finish_run(database, run_id, attempt=1)
    await retry_run(database, run_id)
    assert await finish_run(database, run_id, attempt=1) is RunStatus.QUEUED
    assert not await finish_entity_run(database, run_id, CAMPUS.name, status=FAILED, attempt=1)
    assert await statuses(database, run_id) == [WAITING]
    await take(database, run_id, CAMPUS)
    assert await finish_entity_run(database, run_id, CAMPUS.name, status=COMPLETED, attempt=2)
    assert await finish_run(database, run_id, attempt=2) is RunStatus.COMPLETED


async def test_whoever_ends_a_run_waits_for_whoever_changes_it(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [WAITING])
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE openfaith.sync_run SET status = 'queued', attempt = 2 WHERE run_id = %s", (run_id,)
        )
        ending = asyncio.create_task(finish_run(database, run_id, attempt=1))
        await wait_until_blocked(database)
    assert await ending is RunStatus.QUEUED
    assert await statuses(database, run_id) == [WAITING]


async def test_an_entity_that_its_run_left_open_says_so(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [COMPLETED, WAITING])
    await finish_run(database, run_id)
    assert [e.reason for e in await list_entity_runs(database, run_id)] == [
        None,
        "its run ended before it did",
    ]


# Cancelling


async def test_a_queued_run_that_is_cancelled_is_over(database: Database, org: OrgId) -> None:
    run_id, _ = await request_run(
        database, org_id=org, adapter=ADAPTER, kind=SyncKind.FULL, entities=None, requested_by="test"
    )
    run = await cancel_run(database, run_id)
    assert (run.status, run.reason) == (RunStatus.CANCELLED, "it was cancelled before it started")
    assert run.cancel_requested_at is not None
    assert run.is_final


async def test_a_running_run_that_is_cancelled_stops_at_its_next_page(reader: Reader) -> None:
    run = await cancel_run(reader.database, reader.run_id)
    assert (run.status, run.is_final) == (RunStatus.RUNNING, False)
    assert (await take(reader.database, reader.run_id)).cancel_requested
    again = await cancel_run(reader.database, reader.run_id)
    assert again == run
    assert await finish_run(reader.database, reader.run_id, reason="x") is RunStatus.CANCELLED
    [entity] = await list_entity_runs(reader.database, reader.run_id)
    assert (entity.status, entity.reason) == (CANCELLED, "the run was cancelled")


async def test_a_run_that_is_cancelled_before_it_is_planned_is_cancelled_for_its_entities_too(
    database: Database, org: OrgId
) -> None:
    run_id = await run_with(database, org, [])
    await cancel_run(database, run_id)
    await plan_entity_runs(database, run_id, [planned(MEMBER)])
    assert (await take(database, run_id)).cancel_requested


async def test_planning_and_cancelling_at_the_same_time_leave_no_entity_out(
    database: Database, org: OrgId
) -> None:
    for _ in range(10):
        run_id = await run_with(database, org, [])
        await asyncio.gather(
            cancel_run(database, run_id), plan_entity_runs(database, run_id, [planned(MEMBER)])
        )
        assert (await take(database, run_id)).cancel_requested
        await finish_run(database, run_id)


async def test_a_run_that_completed_all_the_same_is_completed(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [COMPLETED])
    await cancel_run(database, run_id)
    assert await finish_run(database, run_id) is RunStatus.COMPLETED


@pytest.mark.parametrize("status", [COMPLETED, FAILED])
async def test_a_run_that_is_over_cannot_be_cancelled(
    database: Database, org: OrgId, status: EntityStatus
) -> None:
    run_id = await run_with(database, org, [status])
    await finish_run(database, run_id)
    with pytest.raises(RunConflictError, match=f"is {status} already"):
        await cancel_run(database, run_id)


async def test_a_run_is_either_cancelled_before_it_began_or_stops_as_one_that_runs(
    database: Database, org: OrgId
) -> None:
    async def begin(run_id: RunId) -> bool:
        try:
            return await begin_run(database, run_id)
        except RunConflictError:
            return False

    for _ in range(10):
        run_id, _new = await request_run(
            database, org_id=org, adapter=ADAPTER, kind=SyncKind.FULL, entities=None, requested_by="test"
        )
        run, begun = await asyncio.gather(cancel_run(database, run_id), begin(run_id))
        assert run.is_final != begun
        await finish_run(database, run_id)
        assert (await get_run(database, run_id)).status is RunStatus.CANCELLED


# Retrying


def open_ones(entities: list[EntityRunRecord]) -> list[str]:
    return [e.entity for e in entities if e.finished_at is None]


async def test_a_retry_keeps_what_completed_and_puts_back_the_rest(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [COMPLETED, FAILED, SKIPPED])
    await finish_run(database, run_id, reason="because")
    before = await list_entity_runs(database, run_id)
    run = await retry_run(database, run_id)
    after = await list_entity_runs(database, run_id)
    assert (run.status, run.attempt, run.reason, run.finished_at) == (RunStatus.QUEUED, 2, None, None)
    assert after[0] == before[0]
    assert [(e.status, e.reason, e.fence) for e in after[1:]] == [(WAITING, None, 2), (WAITING, None, 2)]


async def test_a_retry_continues_at_the_last_committed_page(reader: Reader) -> None:
    await reader.store(record("1"), record("2"))
    await finish_run(reader.database, reader.run_id)
    await retry_run(reader.database, reader.run_id)
    assert await begin_run(reader.database, reader.run_id)
    held = await take(reader.database, reader.run_id)
    assert (held.pages, held.records, held.checkpoint) == (1, 2, {"page": 1, "retried": True})
    assert held.fence > reader.held.fence + 1


async def test_a_retry_of_a_cancelled_run_is_cancelled_no_more(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [COMPLETED, WAITING])
    await cancel_run(database, run_id)
    await finish_run(database, run_id)
    run = await retry_run(database, run_id)
    assert run.cancel_requested_at is None
    assert not (await take(database, run_id)).cancel_requested


async def test_a_retry_that_fails_is_partial_although_the_attempt_before_was_cancelled(
    database: Database, org: OrgId
) -> None:
    run_id = await start_run(database, org, CAMPUS, MEMBER)
    await take(database, run_id, CAMPUS)
    await cancel_run(database, run_id)
    await finish_entity_run(database, run_id, CAMPUS.name, status=COMPLETED)
    await finish_run(database, run_id)
    await retry_run(database, run_id)
    await begin_run(database, run_id)
    await finish_entity_run(database, run_id, MEMBER.name, status=FAILED)
    assert await finish_run(database, run_id) is RunStatus.PARTIAL


async def test_a_run_that_completed_or_is_not_over_cannot_be_retried(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [COMPLETED])
    with pytest.raises(RunConflictError, match="is running"):
        await retry_run(database, run_id)
    await finish_run(database, run_id)
    with pytest.raises(RunConflictError, match="is completed"):
        await retry_run(database, run_id)


async def test_a_run_cannot_be_retried_while_the_same_is_queued(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [FAILED])
    await finish_run(database, run_id)
    await request_run(
        database, org_id=org, adapter=ADAPTER, kind=SyncKind.FULL, entities=None, requested_by="test"
    )
    with pytest.raises(RunConflictError, match="the same sync is queued"):
        await retry_run(database, run_id)


async def test_retries_at_the_same_time_are_one(database: Database, org: OrgId) -> None:
    run_id = await run_with(database, org, [FAILED])
    await finish_run(database, run_id)
    results = await asyncio.gather(*(retry_run(database, run_id) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(r, RunConflictError) for r in results) == 3
    assert (await get_run(database, run_id)).attempt == 2


async def test_ending_and_retrying_at_the_same_time_leave_a_whole_attempt(
    database: Database, org: OrgId
) -> None:
    """Two processes may end a run whose workflow died while a person already retries it."""
    for _ in range(10):
        run_id = await run_with(database, org, [FAILED, WAITING])

        async def end(run_id: RunId = run_id) -> None:
            await finish_run(database, run_id)

        async def retry(run_id: RunId = run_id) -> None:
            while True:
                try:
                    await retry_run(database, run_id)
                except RunConflictError:
                    continue
                return

        await asyncio.gather(end(), retry())
        run, entities = await get_run(database, run_id), await list_entity_runs(database, run_id)
        assert (run.status, run.attempt) == (RunStatus.QUEUED, 2)
        assert open_ones(entities) == [CAMPUS.name, MEMBER.name]
        await cancel_run(database, run_id)


async def test_the_schema_refuses_what_cannot_be(database: Database, org: OrgId) -> None:
    from psycopg import errors

    run_id = await run_with(database, org, [WAITING])
    for statement in (
        "UPDATE openfaith.sync_run SET finished_at = now() WHERE run_id = %s",
        "UPDATE openfaith.sync_run SET status = 'completed' WHERE run_id = %s",
        "UPDATE openfaith.sync_run SET started_at = NULL WHERE run_id = %s",
        "UPDATE openfaith.sync_run SET status = 'paused' WHERE run_id = %s",
        "UPDATE openfaith.sync_run SET entities = '{}' WHERE run_id = %s",
        "UPDATE openfaith.entity_run SET status = 'running' WHERE run_id = %s",
        "UPDATE openfaith.entity_run SET status = 'failed' WHERE run_id = %s",
        "UPDATE openfaith.entity_run SET finished_at = now() WHERE run_id = %s",
    ):
        with pytest.raises(errors.CheckViolation):
            await execute(database, statement, run_id)
