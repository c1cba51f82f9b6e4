"""The orchestrator workflow: one run of one organization.

Its body decides only by what recorded steps returned, so a recovered run takes the same way again. Entities
are child workflows on a queue of their own, at most so many at once: that is the organization's share.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from openfaith.planning import Plan, PlannedEntity, ready, skipped
from openfaith.records import EntityName, EntityStatus, RunId
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
    load_entity_manifest,
    skip_entities,
)
from openfaith.workflows.waiting import wait_for_entities


@DBOS.workflow(name="SyncOrganization", max_recovery_attempts=1_000)
async def sync_organization(run_id: RunId, attempt: int) -> str:
    """Run every planned entity when its hard dependencies have completed. Returns the run's status."""
    while not await begin_sync_run(run_id):
        await DBOS.sleep_async(WAIT_FOR_TURN_SECONDS)
    manifest = await load_entity_manifest(run_id)
    plan = await build_dependency_graph(run_id, manifest["adapter"], manifest["entities"])
    await _run_entities(run_id, attempt, read_plan(plan), plan["in_flight"])
    return await finish_sync_run(run_id, attempt)


async def _run_entities(run_id: RunId, attempt: int, plan: Plan, in_flight: int) -> None:
    ended: dict[EntityName, str] = {}
    running: set[EntityName] = set()
    while True:
        blocked = to_skip(plan, ended)
        if blocked:
            await skip_entities(run_id, attempt, blocked)
            ended |= dict.fromkeys(blocked, EntityStatus.SKIPPED)
        for entity in to_start(plan, ended, running, in_flight):
            await _start(run_id, attempt, entity)
            running.add(entity)
        if not running:
            return
        outcomes = await wait_for_entities(run_id, attempt, sorted(running))
        running -= outcomes.keys()
        ended |= outcomes


async def _start(run_id: RunId, attempt: int, entity: EntityName) -> None:
    workflow_id = entity_run_workflow_id(run_id, attempt, entity)
    with SetWorkflowID(workflow_id), SetEnqueueOptions(priority=ENTITY_PRIORITY):
        await DBOS.enqueue_workflow_async(ENTITY_QUEUE, sync_entity, run_id, attempt, entity)


def read_plan(stored: PlanResult) -> Plan:
    """The plan as a recorded step returned it."""
    return Plan(
        entities=tuple(
            PlannedEntity(name=EntityName(name), hard=tuple(map(EntityName, stored["hard"][name])), soft=())
            for name in stored["order"]
        ),
        cuts=(),
        notes=(),
    )


def to_start(
    plan: Plan, ended: Mapping[EntityName, str], running: Collection[EntityName], in_flight: int
) -> tuple[EntityName, ...]:
    """What to start now, as far as there is room. Nothing once an entity was cancelled: then the whole run was."""
    if EntityStatus.CANCELLED in ended.values():
        return ()
    completed = {name for name, status in ended.items() if status == EntityStatus.COMPLETED}
    return ready(plan, completed, ended.keys() - completed, running)[: max(0, in_flight - len(running))]


def to_skip(plan: Plan, ended: Mapping[EntityName, str]) -> dict[EntityName, EntityName]:
    """What can no longer run, each with the hard dependency that blocks it. Nothing once the run was cancelled."""
    if EntityStatus.CANCELLED in ended.values():
        return {}
    return skipped(plan, {name for name, status in ended.items() if status != EntityStatus.COMPLETED})
