"""Which kind of segment an entity run takes, and what is settled before one begins."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from openfaith.errors import ProductClosedError, RunCancelledError
from openfaith.manifest import Reading
from openfaith.store import HeldEntityRun, list_riders, take_entity_run
from openfaith.telemetry import EntityRunStarted
from openfaith.workflows.nested_segments import NestedSegment
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.segments import LONGEST, Assignment, Progress, Segment


async def process_segment(runtime: Runtime, assignment: Assignment) -> Progress:
    """Take the entity run's lease and process one segment. An entity run that is settled already is done.

    What rides on another entity's pages is done when it begins: its carrier has completed.

    Raises:
        SyncError: what `Segment.process` raises, and what the source or the database raised.
    """
    if assignment.reading is not Reading.INCLUDE:
        runtime.refuse_closed(assignment.subject, assignment.entity.product)
    held = await take_entity_run(runtime.database, assignment.run_id, assignment.entity.name)
    if held is None:
        return Progress(done=True, pages=0, records=0)
    if held.cancel_requested:
        raise RunCancelledError(assignment.run_id)
    await runtime.tell(EntityRunStarted(about=assignment.subject, page=held.pages, records=held.records))
    if assignment.reading is Reading.INCLUDE:
        return Progress(done=True, pages=0, records=held.records)
    return await _read(runtime, assignment, held)


async def _read(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> Progress:
    runtime.reading[assignment.org_id] = assignment.run_id
    client = await runtime.client(assignment.org_id, assignment.adapter)
    riders = await list_riders(runtime.database, assignment.run_id, assignment.entity.name)
    assignment = replace(assignment, riders=riders)
    writer = runtime.writer(assignment.adapter, assignment.entity, riders)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LONGEST.total_seconds()
    kind = NestedSegment if assignment.reading is Reading.NESTED else Segment
    try:
        return await kind(runtime, assignment, writer, held).process(client, lambda: loop.time() >= ends_at)
    except ProductClosedError as error:
        await runtime.close_product(assignment.subject, assignment.entity.product, error)
        raise
