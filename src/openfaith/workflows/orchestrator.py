"""The orchestrator workflow: one run of one organization.

Its body decides only by what recorded steps returned, so a recovered run takes the same way again: the plan, the
strategy and the limit are the first steps' results, and what to start and to skip next are pure functions of these
and of what has ended. Entities are child workflows on a queue of their own, at most so many at once: that is the
organization's share.
"""

from __future__ import annotations

from collections.abc import Mapping

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from openfaith.errors import SyncError
from openfaith.planning import Scheduled, to_skip, to_start
from openfaith.records import EntityName, EntityStatus, RunId, Strategy, is_copy
from openfaith.workflows.entity_sync import sync_entity
from openfaith.workflows.ids import entity_run_workflow_id
from openfaith.workflows.queues import (
    ENTITY_PRIORITY,
    ENTITY_QUEUE,
    WAIT_FOR_TURN_SECONDS,
)
from openfaith.workflows.steps import (
    PlanResult,
    begin_sync_run,
    build_dependency_graph,
    finish_sync_run,
    get_permissions,
    load_entity_manifest,
    prepare_dry_run,
    skip_entities,
)
from openfaith.workflows.waiting import wait_for_entities


@DBOS.workflow(name="SyncOrganization", max_recovery_attempts=1_000)
async def sync_organization(run_id: RunId, attempt: int) -> str:
    """Run every planned entity when the run's strategy allows. Returns the run's status."""
    while not await begin_sync_run(run_id):
        await DBOS.sleep_async(WAIT_FOR_TURN_SECONDS)
    manifest = await load_entity_manifest(run_id)
    while (pause := await get_permissions(run_id, attempt)) is not None:
        await DBOS.sleep_async(pause)
    if is_copy(manifest["adapter"]):
        try:
            await prepare_dry_run(run_id)
        except SyncError as exc:
            return await finish_sync_run(run_id, attempt, str(exc))
    plan = await build_dependency_graph(run_id, manifest["adapter"], manifest["entities"])
    await _run_entities(run_id, attempt, plan)
    return await finish_sync_run(run_id, attempt)


async def _run_entities(run_id: RunId, attempt: int, stored: PlanResult) -> None:
    entities, limit, strategy = read_plan(stored), stored["in_flight"], Strategy(stored["strategy"])
    settled: dict[EntityName, EntityStatus] = {}
    running: set[EntityName] = set()
    while True:
        if blocked := to_skip(entities, settled):
            settled |= _statuses(await skip_entities(run_id, attempt, blocked))
        for entity in to_start(entities, settled, running, limit=limit, strategy=strategy):
            await _start(run_id, attempt, entity)
            running.add(entity)
        if not running:
            return
        ended = _statuses(await wait_for_entities(run_id, attempt, sorted(running)))
        running -= ended.keys()
        settled |= ended


async def _start(run_id: RunId, attempt: int, entity: EntityName) -> None:
    workflow_id = entity_run_workflow_id(run_id, attempt, entity)
    with SetWorkflowID(workflow_id), SetEnqueueOptions(priority=ENTITY_PRIORITY):
        await DBOS.enqueue_workflow_async(ENTITY_QUEUE, sync_entity, run_id, attempt, entity)


def _statuses(recorded: Mapping[EntityName, str]) -> dict[EntityName, EntityStatus]:
    return {entity: EntityStatus(status) for entity, status in recorded.items()}


def read_plan(stored: PlanResult) -> tuple[Scheduled, ...]:
    """What a recorded step planned, in its order."""
    return tuple(
        Scheduled(name=name, hard=tuple(stored["hard"][name]), soft=tuple(stored["soft"][name]))
        for name in stored["order"]
    )
