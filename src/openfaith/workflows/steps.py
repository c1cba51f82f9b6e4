"""The durable steps. Their names are what an operator sees in the engine; their results are a stored format.

Every step may run twice: once before a crash that the engine did not hear the end of, once after. Each is
therefore safe to repeat, and passes only small, plain data.

Faults of the source are retried by the source client and of the database by the step; nothing retries twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ParamSpec, TypedDict, TypeVar

from dbos import DBOS

from openfaith.errors import DatabaseUnavailableError, ManifestError
from openfaith.manifest import Endpoint, Entity, table_name
from openfaith.planning import make_plan
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, SyncKind
from openfaith.store import (
    begin_run,
    finish_entity_run,
    finish_run,
    get_run,
    list_entity_runs,
    plan_entity_runs,
)
from openfaith.strategies import PAGE_SIZE
from openfaith.telemetry import (
    DependencyCut,
    DependencyNotRequested,
    EntityRunFinished,
    EntitySkipped,
    RunFinished,
    RunStarted,
    Subject,
)
from openfaith.workflows.runtime import current
from openfaith.workflows.segments import Assignment, process_segment

P = ParamSpec("P")
R = TypeVar("R")


class ManifestResult(TypedDict):
    """Which manifest a run reads by."""

    adapter: str
    versions: dict[str, str]
    """API version by product."""
    entities: list[EntityName] | None
    """What was asked for; None: everything that can be read."""


class PlanResult(TypedDict):
    """What a run will do."""

    order: list[EntityName]
    hard: dict[EntityName, list[EntityName]]
    """Per entity: what must have completed before it starts."""
    in_flight: int
    """How many entities of this run may be read at once."""


class DefinitionResult(TypedDict):
    """Whose entity it is."""

    org_id: OrgId
    adapter: str
    kind: str
    product: str


class EndpointResult(TypedDict):
    """Which way of asking was chosen."""

    endpoint: str
    path: str


class ParametersResult(TypedDict):
    """How an entity is read."""

    kind: str
    version: str
    page_size: int


class SegmentResult(TypedDict):
    """What a segment of pages did."""

    done: bool
    pages: int
    records: int


def _is_database_fault(error: BaseException) -> bool:
    return isinstance(error, DatabaseUnavailableError)


def durable_step(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A step under an operator's name, repeated while the database is away: 1 s, 2 s, 4 s ... 9 attempts."""
    return DBOS.step(
        name=name,
        retries_allowed=True,
        interval_seconds=1.0,
        backoff_rate=2.0,
        max_attempts=9,
        should_retry=_is_database_fault,
    )


def _entity(adapter: str, name: EntityName) -> Entity:
    return current().manifest(adapter).entities[name]


def _listing(entity: Entity) -> Endpoint:
    if entity.listing is None:
        raise ManifestError(entity.name, "it has no collection of its own", "an entity that can be listed")
    return entity.listing


# Steps of the orchestrator


@durable_step("BeginSyncRun")
async def begin_sync_run(run_id: RunId) -> bool:
    """Take the organization's one place. False: another run has it."""
    return await begin_run(current().database, run_id)


@durable_step("LoadEntityManifest")
async def load_entity_manifest(run_id: RunId) -> ManifestResult:
    """Which manifest the run reads by, and which of its entities were asked for."""
    run = await get_run(current().database, run_id)
    manifest = current().manifest(run.adapter)
    versions = {name: product.version for name, product in manifest.products.items()}
    return {
        "adapter": run.adapter,
        "versions": versions,
        "entities": None if run.entities is None else list(run.entities),
    }


@durable_step("BuildDependencyGraph")
async def build_dependency_graph(
    run_id: RunId, adapter: str, entities: list[EntityName] | None
) -> PlanResult:
    """Order the entities, and make their entity runs."""
    runtime = current()
    plan = make_plan(runtime.manifest(adapter), entities)
    run = await get_run(runtime.database, run_id)
    await plan_entity_runs(runtime.database, run_id, plan.order)
    settled = {
        e.entity
        for e in await list_entity_runs(runtime.database, run_id)
        if e.status is EntityStatus.COMPLETED
    }
    about = Subject(org_id=run.org_id, run_id=run_id)
    await runtime.tell(
        RunStarted(about=about, kind=run.kind, entities=len(plan.order)),
        *(DependencyNotRequested(about=about, note=note) for note in plan.notes),
        *(
            DependencyCut(about=replace(about, entity=c.dependency.entity), on=c.dependency.on, cycle=c.path)
            for c in plan.cuts
        ),
    )
    return PlanResult(
        order=[name for name in plan.order if name not in settled],
        hard={
            e.name: [on for on in e.hard if on not in settled] for e in plan.entities if e.name not in settled
        },
        in_flight=runtime.entities_in_flight,
    )


@durable_step("SkipEntities")
async def skip_entities(run_id: RunId, attempt: int, blocked: Mapping[EntityName, EntityName]) -> None:
    """Settle what can no longer run, each naming the hard dependency that blocks it."""
    runtime = current()
    run = await get_run(runtime.database, run_id)
    for entity, blocking in blocked.items():
        reason = f"it needs {blocking}, which did not complete"
        if await finish_entity_run(
            runtime.database, run_id, entity, status=EntityStatus.SKIPPED, reason=reason, attempt=attempt
        ):
            await runtime.tell(
                EntitySkipped(
                    about=Subject(org_id=run.org_id, run_id=run_id, entity=entity), blocked_by=blocking
                )
            )


@durable_step("FinishSyncRun")
async def finish_sync_run(run_id: RunId, attempt: int) -> str:
    """Settle the run by the outcomes of its entities, unless a later attempt has begun."""
    runtime = current()
    before = await get_run(runtime.database, run_id)
    if before.is_final or before.attempt != attempt:
        return before.status
    status = await finish_run(runtime.database, run_id, attempt=attempt)
    outcomes = Counter(e.status.value for e in await list_entity_runs(runtime.database, run_id))
    about = Subject(org_id=before.org_id, run_id=run_id)
    await runtime.tell(RunFinished(about=about, status=status, outcomes=dict(outcomes)))
    return status


# Steps of an entity's sync


@durable_step("GetEntityDefinition")
async def get_entity_definition(run_id: RunId, entity: EntityName) -> DefinitionResult:
    """Whose entity it is: organization, adapter and product."""
    run = await get_run(current().database, run_id)
    return {
        "org_id": run.org_id,
        "adapter": run.adapter,
        "kind": run.kind,
        "product": _entity(run.adapter, entity).product,
    }


@durable_step("SelectEndpoint")
async def select_endpoint(adapter: str, entity: EntityName) -> EndpointResult:
    """Which way of asking serves the sync: the entity's own collection."""
    listing = _listing(_entity(adapter, entity))
    return EndpointResult(endpoint=listing.name, path=listing.path)


@durable_step("GetApiClient")
async def get_api_client(org_id: OrgId, adapter: str) -> None:
    """Make sure that there is a client for the organization's present credential."""
    await current().connect(org_id, adapter)


@durable_step("GetSyncParameters")
async def get_sync_parameters(adapter: str, product: str, kind: str) -> ParametersResult:
    """How to read: kind, API version, records per page."""
    version = current().manifest(adapter).products[product].version
    return ParametersResult(kind=SyncKind(kind), version=version, page_size=PAGE_SIZE)


@durable_step("ProcessEntityPage")
async def process_entity_pages(
    run_id: RunId, definition: DefinitionResult, entity: EntityName, parameters: ParametersResult
) -> SegmentResult:
    """Read and commit a segment of pages, after the last one that is committed."""
    described = _entity(definition["adapter"], entity)
    progress = await process_segment(
        current(),
        Assignment(
            run_id=run_id,
            org_id=definition["org_id"],
            adapter=definition["adapter"],
            entity=described,
            endpoint=_listing(described),
            version=parameters["version"],
            page_size=parameters["page_size"],
        ),
    )
    return SegmentResult(done=progress.done, pages=progress.pages, records=progress.records)


@durable_step("UpdateSyncStatus")
async def update_sync_status(
    run_id: RunId, attempt: int, entity: EntityName, status: str, reason: str | None
) -> str:
    """Settle the entity run: counts, watermark, status."""
    runtime = current()
    run = await get_run(runtime.database, run_id)
    table = (run.adapter, table_name(_entity(run.adapter, entity)))
    settled = await finish_entity_run(
        runtime.database,
        run_id,
        entity,
        status=EntityStatus(status),
        reason=reason,
        table=table,
        attempt=attempt,
    )
    found = next(e for e in await list_entity_runs(runtime.database, run_id) if e.entity == entity)
    if settled:
        await runtime.tell(
            EntityRunFinished(
                about=Subject(org_id=run.org_id, run_id=run_id, entity=entity),
                status=found.status,
                reason=found.reason,
                pages=found.pages,
                records=found.records,
            )
        )
    return found.status
