"""The entity sync workflow: one entity's part of a run."""

from __future__ import annotations

from dbos import DBOS

from openfaith.errors import LeaseLostError, SyncError, Treatment, treatment_of
from openfaith.records import EntityName, EntityStatus, RunId
from openfaith.workflows.steps import (
    get_api_client,
    get_entity_definition,
    get_sync_parameters,
    process_entity_pages,
    select_endpoint,
    update_sync_status,
)

_STATUSES = {
    Treatment.NOT_ACCESSIBLE: EntityStatus.NOT_ACCESSIBLE,
    Treatment.INTERRUPTED: EntityStatus.CANCELLED,
}
"""How an entity ends that met an error of such a treatment; with any other, after all retries, it has failed."""


@DBOS.workflow(name="SyncEntity", max_recovery_attempts=1_000)
async def sync_entity(run_id: RunId, attempt: int, entity: EntityName) -> str:
    """Read one entity, segment by segment, and settle it. Returns its status; a failure is a result, not an error."""
    try:
        definition = await get_entity_definition(run_id, entity)
        endpoint = await select_endpoint(run_id, entity)
        await get_api_client(definition["org_id"], definition["adapter"])
        parameters = await get_sync_parameters(
            definition["adapter"], definition["product"], definition["kind"]
        )
        segment = await process_entity_pages(run_id, definition, entity, endpoint, parameters)
        while not segment["done"]:
            if "sleep_seconds" in segment:
                await DBOS.sleep_async(segment["sleep_seconds"])
            segment = await process_entity_pages(run_id, definition, entity, endpoint, parameters)
    except LeaseLostError:
        # Somebody else reads and settles this entity now. For this workflow's run there is nothing left to start.
        return EntityStatus.CANCELLED
    except SyncError as exc:
        status = _STATUSES.get(treatment_of(exc), EntityStatus.FAILED)
        return await update_sync_status(run_id, attempt, entity, status, str(exc), error=type(exc).__name__)
    return await update_sync_status(run_id, attempt, entity, EntityStatus.COMPLETED, None)
