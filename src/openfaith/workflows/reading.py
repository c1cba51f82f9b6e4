"""Which kind of segment an entity run takes, and what is settled before one begins."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import TypeVar

from openfaith.errors import (
    ProductClosedError,
    RunCancelledError,
    RunConflictError,
    SyncError,
    TooManyDeadLettersError,
)
from openfaith.manifest import Reading
from openfaith.records import EntityStatus, SyncKind
from openfaith.source import SourceClient
from openfaith.store import HeldEntityRun, is_cancelled, list_riders, note_requests, take_entity_run
from openfaith.strategies import too_many
from openfaith.telemetry import EntityRunStarted
from openfaith.workflows.assignments import Assignment, Progress
from openfaith.workflows.cancelling import until_cancelled
from openfaith.workflows.merging import apply_merges
from openfaith.workflows.nested_segments import NestedSegment
from openfaith.workflows.pausing import time_to_wait, wait_for
from openfaith.workflows.reconciling import Settlement, reconcile
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.segments import LONGEST, ListingSegment, Segment
from openfaith.workflows.single_records import is_listed_by_id
from openfaith.workflows.tallies import Tally

T = TypeVar("T")

_UNPROVEN_CARRIER = "what it came along with is not known to be complete"


async def process_segment(runtime: Runtime, assignment: Assignment) -> Progress:
    """Take the entity run's lease and process one segment. An entity run that is settled already is done.

    While its source is left alone the segment is over before it begins, or where the trouble began.

    Raises:
        SyncError: what `Segment.process` and `_ridden` raise, and what the source or the database raised.
    """
    if assignment.reading is not Reading.INCLUDE:
        await runtime.refuse_closed(assignment.subject, assignment.entity.product)
    client = await runtime.client(assignment.org_id, assignment.adapter)
    try:
        return await _process_held(runtime, assignment)
    except SyncError as error:
        if (sleep := await wait_for(runtime, assignment, error, client)) is None:
            raise
        return Progress(done=False, pages=0, records=0, sleep=sleep)


async def _process_held(runtime: Runtime, assignment: Assignment) -> Progress:
    held = await take_entity_run(runtime.database, assignment.run_id, assignment.entity.name)
    if held is None:
        return Progress(done=True, pages=0, records=0)
    if held.cancel_requested:
        raise RunCancelledError(assignment.run_id)
    asks = assignment.reading is not Reading.INCLUDE or assignment.kind is SyncKind.RECONCILIATION
    place = (assignment.org_id, assignment.adapter, assignment.run_id)
    if asks and (sleep := await time_to_wait(runtime, *place)) is not None:
        return Progress(done=False, pages=0, records=0, sleep=sleep)
    await runtime.tell(EntityRunStarted(about=assignment.subject, page=held.pages, records=held.records))
    if assignment.reading is Reading.INCLUDE:
        return await _settle_ridden(runtime, assignment, held)
    return await _read(runtime, assignment, held)


async def _settle_ridden(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> Progress:
    """What rode on another entity's pages was read with these; what follows on its listing is its own matter."""
    progress = _ridden(assignment, held)
    if assignment.kind is not SyncKind.RECONCILIATION:
        return progress
    settlement = await _settlement(runtime, assignment, held)
    if await settlement.listing() is None:
        return progress
    doubts = held.carrier_doubts if held.carrier_doubts is not None else (_UNPROVEN_CARRIER,)
    done = await _until_cancelled(runtime, assignment, held, settlement.proceed(doubts))
    return replace(progress, done=done)


async def _settlement(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> Settlement:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LONGEST.total_seconds()
    return Settlement(
        runtime=runtime,
        assignment=assignment,
        held=held,
        client=await runtime.client(assignment.org_id, assignment.adapter),
        tally=Tally(assignment, held),
        time_is_up=lambda: loop.time() >= ends_at,
    )


def _ridden(assignment: Assignment, held: HeldEntityRun) -> Progress:
    """What rode on another entity's pages is done when it begins: all of them were committed, and it with each.

    That it was there from the first page on is `plan_entity_runs`'s promise, and up to the last one `list_riders`'s.
    The one reason to go on without it is in its counts (`segments`).

    Raises:
        RunConflictError: its carrier has not completed in this run.
        TooManyDeadLettersError: more bad records than chance explains; the pages that followed were not stored.
    """
    entity = assignment.entity.name
    if held.carrier_status is not EntityStatus.COMPLETED:
        seen = f"cannot complete {entity}, which rides on {held.carrier}, and that did not complete"
        raise RunConflictError(str(assignment.run_id), seen, "start a new one")
    if too_many(held.dead_letters, held.records):
        raise TooManyDeadLettersError(entity, held.dead_letters, held.records)
    return Progress(done=True, pages=0, records=held.records)


async def _read(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> Progress:
    runtime.reading[assignment.org_id] = assignment.run_id
    client = await runtime.client(assignment.org_id, assignment.adapter)
    found = await list_riders(runtime.database, assignment.run_id, assignment.entity.name)
    riders = tuple(rider for rider in found if not too_many(rider.dead_letters, rider.records))
    assignment = replace(assignment, riders=riders)
    try:
        return await _process(runtime, assignment, held, client)
    except SyncError as error:
        if error.requests:
            await note_requests(runtime.database, held, error.requests)
        if not isinstance(error, ProductClosedError):
            raise
        raise await runtime.close_product(assignment.subject, assignment.entity.product, error) from error


async def _process(
    runtime: Runtime, assignment: Assignment, held: HeldEntityRun, client: SourceClient
) -> Progress:
    lists = assignment.kind is SyncKind.RECONCILIATION
    settlement = await _settlement(runtime, assignment, held)
    writer = runtime.writer(
        assignment.adapter,
        assignment.entity,
        assignment.riders,
        lists=lists,
        finds_blind=assignment.kind is SyncKind.SWEEP,
    )
    segment = _segment(assignment)(runtime, assignment, writer, held, settlement.tally)

    async def work() -> Progress:
        progress = await (
            reconcile(segment, settlement) if lists else segment.process(client, settlement.time_is_up)
        )
        if progress.done:
            await apply_merges(runtime, assignment, held)
        return progress

    return await _until_cancelled(runtime, assignment, held, work())


async def _until_cancelled(
    runtime: Runtime, assignment: Assignment, held: HeldEntityRun, work: Coroutine[None, None, T]
) -> T:
    """Raises also LeaseLostError: somebody else holds the entity run now."""
    return await until_cancelled(assignment.run_id, partial(is_cancelled, runtime.database, held), work)


def _segment(assignment: Assignment) -> type[Segment]:
    if assignment.reading is Reading.NESTED:
        return NestedSegment
    return ListingSegment if is_listed_by_id(assignment) else Segment
