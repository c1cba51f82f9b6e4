"""The durable steps. Their names are what an operator sees in the engine; their results are a stored format.

Every step may run twice: once before a crash that the engine did not hear the end of, once after. Each is
therefore safe to repeat, and passes only small, plain data.

Faults of the source are retried by the source client and of the database by the step; nothing retries twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import NotRequired, ParamSpec, TypedDict, TypeVar

from dbos import DBOS

from openfaith.errors import DatabaseUnavailableError, ManifestError, RunCancelledError
from openfaith.manifest import Endpoint, Entity, Reading, table_name
from openfaith.planning import Plan, Way, make_plan
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, SyncKind
from openfaith.retries import STEP
from openfaith.store import (
    EntityRunRecord,
    PlannedReading,
    begin_run,
    finish_entity_run,
    finish_run,
    get_entity_run,
    get_run,
    list_entity_runs,
    list_sync_state,
    make_copy,
    note_permissions,
    plan_entity_runs,
)
from openfaith.telemetry import (
    BlindChangesFound,
    DeltaReadsWhole,
    DependencyCut,
    DependencyNotRequested,
    EntityNotPlanned,
    EntityRunFinished,
    EntitySkipped,
    Event,
    ParityBroken,
    RunStarted,
    Subject,
)
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.beginnings import mark_lasts
from openfaith.workflows.cancelling import until_cancelled
from openfaith.workflows.permissions import permissions_of
from openfaith.workflows.reading import process_segment
from openfaith.workflows.runtime import current

P = ParamSpec("P")
R = TypeVar("R")


class ManifestResult(TypedDict):
    """Which manifest a run reads by."""

    adapter: str
    """Of a dry run the name of its copy."""
    versions: dict[str, str]
    """API version by product."""
    entities: list[EntityName] | None
    """What was asked for; None: everything that can be read."""


class PlanResult(TypedDict):
    """What a run will do."""

    order: list[EntityName]
    hard: dict[EntityName, list[EntityName]]
    """Per entity: what must have completed before it starts."""
    soft: dict[EntityName, list[EntityName]]
    """Per entity: what had better be settled before it starts."""
    strategy: str
    """Which of the two is waited for, and how many entities there may be at once."""
    in_flight: int
    """How many entities of this run may be read at once."""


class DefinitionResult(TypedDict):
    """Whose entity it is."""

    org_id: OrgId
    adapter: str
    """Of a dry run the name of its copy."""
    kind: str
    product: str


class EndpointResult(TypedDict):
    """Which way of asking was chosen."""

    reading: str
    """`top`, `include` or `nested`."""
    path: str
    """Of the collection that is asked, or ridden on."""


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
    sleep_seconds: NotRequired[float]
    """How long to sleep before the next one, as the source is left alone; absent where it may begin at once."""


def _is_database_fault(error: BaseException) -> bool:
    return isinstance(error, DatabaseUnavailableError)


def durable_step(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A step under an operator's name, repeated while the database is away."""
    return DBOS.step(
        name=name,
        retries_allowed=True,
        interval_seconds=STEP.base.total_seconds(),
        backoff_rate=2.0,
        max_attempts=STEP.attempts,
        should_retry=_is_database_fault,
    )


def _entity(adapter: str, name: EntityName) -> Entity:
    return current().manifest(adapter).entities[name]


def _endpoint(entity: Entity, reading: Reading) -> Endpoint | None:
    """What is asked for an entity that is read so; None for one that rides, which asks nothing."""
    if reading is Reading.INCLUDE:
        return None
    if reading is Reading.NESTED and entity.below is not None:
        return entity.below.endpoint
    if entity.listing is None:
        raise ManifestError(entity.name, "no place where it is read", "one that the run was planned with")
    return entity.listing


def _planned(way: Way) -> PlannedReading:
    return PlannedReading(
        entity=way.entity,
        reading=way.reading,
        path=way.endpoint.path,
        parent=way.parent,
        carrier=way.carrier,
        include=way.include,
    )


def _read_whole(about: Subject, kind: SyncKind, plan: Plan) -> Iterator[Event]:
    """What a delta cannot ask for changes alone."""
    whole = tuple(
        e.name for e in plan.entities if not e.way.stands_alone and e.way.reading is not Reading.INCLUDE
    )
    if kind is SyncKind.DELTA and whole:
        yield DeltaReadsWhole(about=about, entities=whole)


# Steps of the orchestrator


@durable_step("BeginSyncRun")
async def begin_sync_run(run_id: RunId) -> bool:
    """Take the organization's one place. False: another run has it."""
    return await begin_run(current().database, run_id)


@durable_step("LoadEntityManifest")
async def load_entity_manifest(run_id: RunId) -> ManifestResult:
    """Which manifest the run reads by, and which of its entities were asked for."""
    run = await get_run(current().database, run_id)
    manifest = current().manifest(run.works_as)
    versions = {name: product.version for name, product in manifest.products.items()}
    return {
        "adapter": run.works_as,
        "versions": versions,
        "entities": None if run.entities is None else list(run.entities),
    }


@durable_step("GetPermissions")
async def get_permissions(run_id: RunId, attempt: int) -> float | None:
    """Ask what the token may see, and keep it with the run: under that sight it stores whatever it will store.

    Returns the seconds to sleep before it is to be asked again, where the source is in trouble and the run waits for it;
    None where it is done.
    """
    runtime = current()
    run = await get_run(runtime.database, run_id)
    runtime.reading[run.org_id] = run_id

    async def is_cancelled() -> bool:
        return (await get_run(runtime.database, run_id)).cancel_requested_at is not None

    asking = permissions_of(runtime, run.org_id, run.works_as, run_id)
    try:
        found = await until_cancelled(run_id, is_cancelled, asking)
    except RunCancelledError:
        found = None
    if isinstance(found, timedelta):
        if run.cancel_requested_at is None:
            return found.total_seconds()
        found = None
    await note_permissions(runtime.database, run_id, found, attempt=attempt)
    return None


@durable_step("PrepareDryRun")
async def prepare_dry_run(run_id: RunId) -> None:
    """Copy what the run works on, so that nothing of the organization is changed. What is copied already stays."""
    runtime = current()
    run = await get_run(runtime.database, run_id)
    await make_copy(runtime.database, run, runtime.manifest(run.adapter))


@durable_step("BuildDependencyGraph")
async def build_dependency_graph(
    run_id: RunId, adapter: str, entities: list[EntityName] | None
) -> PlanResult:
    """Order the entities, and make their entity runs. A run that was planned before keeps to the entities of then."""
    runtime = current()
    run = await get_run(runtime.database, run_id)
    states = await list_sync_state(runtime.database, run.org_id)
    counts = {EntityName(s.entity): s.live_rows for s in states if s.adapter == run.adapter}
    plan = make_plan(runtime.manifest(adapter), entities, counts, kind=run.kind)
    await plan_entity_runs(runtime.database, run_id, [_planned(e.way) for e in plan.entities])
    runs = {e.entity: e.status for e in await list_entity_runs(runtime.database, run_id)}
    left = {entity for entity, status in runs.items() if status is not EntityStatus.COMPLETED}
    about = Subject(org_id=run.org_id, run_id=run_id)
    await runtime.tell(
        RunStarted(
            about=about, kind=run.kind, entities=len(runs), strategy=run.strategy, dry_run=run.dry_run
        ),
        *_read_whole(about, run.kind, plan),
        *(DependencyNotRequested(about=about, note=note) for note in plan.notes),
        *(EntityNotPlanned(about=replace(about, entity=name)) for name in plan.order if name not in runs),
        *(
            DependencyCut(about=replace(about, entity=c.dependency.entity), on=c.dependency.on, cycle=c.path)
            for c in plan.cuts
        ),
    )
    to_read = [e for e in plan.entities if e.name in left]
    return PlanResult(
        order=[e.name for e in to_read],
        hard={e.name: [on for on in e.hard if on in left] for e in to_read},
        soft={e.name: [on for on in e.soft if on in left] for e in to_read},
        strategy=run.strategy,
        in_flight=runtime.entities_in_flight,
    )


@durable_step("SkipEntities")
async def skip_entities(
    run_id: RunId, attempt: int, blocked: Mapping[EntityName, EntityName]
) -> dict[EntityName, str]:
    """Settle what can no longer run, each naming the hard dependency that blocks it. Returns how each has ended.

    What needs something that the token may not see is not accessible either, and no failure.
    """
    runtime = current()
    run = await get_run(runtime.database, run_id)
    runs = {e.entity: e.status for e in await list_entity_runs(runtime.database, run_id)}
    for entity, blocking in blocked.items():
        closed = runs[blocking] is EntityStatus.NOT_ACCESSIBLE
        runs[entity] = EntityStatus.NOT_ACCESSIBLE if closed else EntityStatus.SKIPPED
        reason = f"it needs {blocking}, which {'is not accessible' if closed else 'did not complete'}"
        about = Subject(org_id=run.org_id, run_id=run_id, entity=entity)
        await finish_entity_run(
            runtime.database,
            run_id,
            entity,
            status=runs[entity],
            reason=reason,
            attempt=attempt,
            tell=partial(_tell, [EntitySkipped(about=about, blocked_by=blocking)]),
        )
    return {entity: str(runs[entity]) for entity in blocked}


@durable_step("FinishSyncRun")
async def finish_sync_run(run_id: RunId, attempt: int, reason: str | None = None) -> str:
    """Settle the run by the outcomes of its entities, unless a later attempt has begun. A dry run's copy goes with it.

    Args:
        reason: why it ends before any of them began.
    """
    return await finish_run(current().database, run_id, reason=reason, attempt=attempt)


# Steps of an entity's sync


@durable_step("GetEntityDefinition")
async def get_entity_definition(run_id: RunId, entity: EntityName) -> DefinitionResult:
    """Whose entity it is: organization, adapter and product."""
    run = await get_run(current().database, run_id)
    return {
        "org_id": run.org_id,
        "adapter": run.works_as,
        "kind": run.kind,
        "product": _entity(run.works_as, entity).product,
    }


@durable_step("SelectEndpoint")
async def select_endpoint(run_id: RunId, entity: EntityName) -> EndpointResult:
    """Which way of asking serves the sync: as the run was planned."""
    planned = await get_entity_run(current().database, run_id, entity)
    return EndpointResult(reading=planned.reading, path=planned.path)


@durable_step("GetApiClient")
async def get_api_client(org_id: OrgId, adapter: str) -> None:
    """Make sure that there is a client for the organization's present credential."""
    await current().connect(org_id, adapter)


@durable_step("GetSyncParameters")
async def get_sync_parameters(adapter: str, product: str, kind: str) -> ParametersResult:
    """How to read: kind, API version, records per page."""
    asked = current().manifest(adapter).products[product]
    return ParametersResult(kind=SyncKind(kind), version=asked.version, page_size=asked.max_page_size)


@durable_step("ProcessEntityPage")
async def process_entity_pages(
    run_id: RunId,
    definition: DefinitionResult,
    entity: EntityName,
    endpoint: EndpointResult,
    parameters: ParametersResult,
) -> SegmentResult:
    """Read and commit a segment of pages, after the last one that is committed."""
    described = _entity(definition["adapter"], entity)
    reading = Reading(endpoint["reading"])
    progress = await process_segment(
        current(),
        Assignment(
            run_id=run_id,
            org_id=definition["org_id"],
            adapter=definition["adapter"],
            entity=described,
            reading=reading,
            endpoint=_endpoint(described, reading),
            version=parameters["version"],
            page_size=parameters["page_size"],
            kind=SyncKind(parameters["kind"]),
        ),
    )
    result = SegmentResult(done=progress.done, pages=progress.pages, records=progress.records)
    if progress.sleep is not None:
        result["sleep_seconds"] = progress.sleep.total_seconds()
    return result


@durable_step("UpdateSyncStatus")
async def update_sync_status(
    run_id: RunId,
    attempt: int,
    entity: EntityName,
    status: str,
    reason: str | None,
    *,
    error: str | None = None,
) -> str:
    """Settle the entity run: counts, watermark, status. A closed product is told once, and not with every entity.

    Args:
        error: the class of what ended it, where something did.
    """
    runtime = current()
    run = await get_run(runtime.database, run_id)
    about = Subject(org_id=run.org_id, run_id=run_id, entity=entity)
    described = _entity(run.works_as, entity)
    table = (run.works_as, table_name(described))
    planned = await get_entity_run(runtime.database, run_id, entity)
    walked = (
        planned
        if planned.carrier is None
        else await get_entity_run(runtime.database, run_id, planned.carrier)
    )
    told = status == EntityStatus.NOT_ACCESSIBLE and runtime.has_closed(about, described.product)
    settled = await finish_entity_run(
        runtime.database,
        run_id,
        entity,
        status=EntityStatus(status),
        reason=reason,
        table=table,
        attempt=attempt,
        mark_lasts=mark_lasts(_entity(run.works_as, walked.entity), Reading(walked.reading)),
        tell=partial(_tell, []) if told else partial(_tell_outcome, about, run.kind, error),
    )
    return (settled or await get_entity_run(runtime.database, run_id, entity)).status


def _tell(events: list[Event], _: EntityRunRecord) -> list[Event]:
    """The same, however it has ended."""
    return events


def _tell_outcome(about: Subject, kind: SyncKind, error: str | None, found: EntityRunRecord) -> list[Event]:
    finished = EntityRunFinished(
        about=about,
        status=found.status,
        reason=found.reason,
        error=error,
        pages=found.pages,
        records=found.records,
    )
    return [finished, *_blind(about, kind, found)]


def _blind(about: Subject, kind: SyncKind, found: EntityRunRecord) -> Iterator[Event]:
    """What an entity run has found that no delta can see."""
    if found.blind_changes and kind is SyncKind.SWEEP:
        yield BlindChangesFound(about=about, count=found.blind_changes, of=found.records)
    elif found.blind_changes:
        yield ParityBroken(about=about, different=found.blind_changes, sampled=found.sampled or 0)
