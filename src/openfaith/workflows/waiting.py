"""How an orchestrator learns that its entities have ended.

Entities settle themselves in our own table, so that is where to look: one short query tells of all that have ended
since, and one recorded step holds the answer. To ask the durable engine about each child, and to record that it was
asked, costs several times as much. It is asked only for those who are overdue: a workflow that died leaves its entity
unsettled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count

from dbos import DBOS, WorkflowHandleAsync

from openfaith.records import EntityName, EntityStatus, RunId
from openfaith.store import list_settled_entity_runs, settle_closed_products
from openfaith.workflows.ids import entity_run_workflow_id
from openfaith.workflows.queues import LOOKS_BEFORE_ASKING_THE_ENGINE, WAIT_FOR_ENTITY_SECONDS
from openfaith.workflows.runtime import current
from openfaith.workflows.steps import durable_step, update_sync_status

_UNENDED = {"PENDING", "ENQUEUED", "DELAYED"}


@durable_step("WaitForEntities")
async def wait_for_entities(run_id: RunId, attempt: int, running: list[EntityName]) -> dict[EntityName, str]:
    """Wait until at least one of the running entities has ended. Returns the status of all that have.

    Among them may be some that were not running: those of a product that turned out to be closed.
    """
    for look in count(1):
        settled = await list_settled_entity_runs(current().database, run_id, running)
        outcomes = {entity: str(status) for entity, status in settled.items()}
        if not outcomes and look % LOOKS_BEFORE_ASKING_THE_ENGINE == 0:
            outcomes = await _outcomes_of_the_dead(run_id, attempt, running)
        if outcomes:
            return outcomes | await _closed_with_them(run_id, running, outcomes)
        await asyncio.sleep(WAIT_FOR_ENTITY_SECONDS)
    raise AssertionError("count() has no end")


async def _closed_with_them(
    run_id: RunId, running: list[EntityName], outcomes: Mapping[EntityName, str]
) -> dict[EntityName, str]:
    """What need not begin, now that its product turned out to be closed."""
    if EntityStatus.NOT_ACCESSIBLE not in outcomes.values():
        return {}
    settled = await settle_closed_products(current().database, run_id, running)
    return dict.fromkeys(settled, str(EntityStatus.NOT_ACCESSIBLE))


async def _outcomes_of_the_dead(
    run_id: RunId, attempt: int, running: list[EntityName]
) -> dict[EntityName, str]:
    """Settle those whose workflow has ended although they have not: nobody else will."""
    ids = {entity_run_workflow_id(run_id, attempt, entity): entity for entity in running}
    workflows = await DBOS.list_workflows_async(workflow_ids=list(ids), load_input=False, load_output=False)
    ended = {ids[w.workflow_id]: w.workflow_id for w in workflows if w.status not in _UNENDED}
    # What settled its entity between the two looks is not dead.
    settled = await list_settled_entity_runs(current().database, run_id, ended)
    return {
        entity: settled[entity] if entity in settled else await _outcome(run_id, attempt, entity, workflow_id)
        for entity, workflow_id in ended.items()
    }


async def _outcome(run_id: RunId, attempt: int, entity: EntityName, workflow_id: str) -> str:
    """The status that the workflow returned: another attempt settles its entity. Or it ended in an error of its own."""
    try:
        handle: WorkflowHandleAsync[str] = await DBOS.retrieve_workflow_async(workflow_id)
        return await handle.get_result()
    except Exception as exc:  # noqa: BLE001  # whatever a child raised, its siblings go on
        # Its text may quote what was being stored; the log of the process that ran it has it.
        reason = f"its workflow ended with {type(exc).__name__}; see the log of the process that ran it"
        return await update_sync_status(
            run_id, attempt, entity, EntityStatus.FAILED, reason, error=type(exc).__name__
        )
