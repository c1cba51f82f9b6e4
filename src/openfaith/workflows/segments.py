"""A segment: many pages of one entity in one durable step.

A page's commit is durable by itself, so the engine needs to know of a hundred pages together, not of each.
Whoever begins a segment raises the fencing token and continues after the last committed page; whoever held the
token before can commit nothing any more. While a page is being written the next ones are under way (`fetching`).

What rides on the pages has an entity run of its own, and a failure of its own. Once too many of its records had to be
set aside, the pages go on without it, and it fails when its turn comes. Nothing but its counts says so: they are
committed with each page, over all segments and attempts, and since nothing is added once they are too many, whoever
looks at them later comes to the same answer, after a crash as well as in a retried run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from openfaith.errors import IncludeIgnoredError, RunCancelledError
from openfaith.manifest import Endpoint, Entity, find_drift
from openfaith.records import Page, SyncKind
from openfaith.source import SourceClient
from openfaith.store import (
    Committed,
    HeldEntityRun,
    ListingWriter,
    PageCommit,
    PageWriter,
    PartCommitted,
    forget_shown,
    has_open_suspects,
    note_doubts,
    note_requests,
    note_source_start,
    open_listing,
)
from openfaith.telemetry import Event, RecordsSetAside, Subject, ValuesSetAside, log_event
from openfaith.workflows.assignments import Assignment, Progress
from openfaith.workflows.beginnings import begin_walk
from openfaith.workflows.drift import drift_event
from openfaith.workflows.fetching import PagesInFlight, fetching
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.tallies import Tally
from openfaith.workflows.walks import Ask, Walk

MOST_PAGES = 100
"""Pages in one segment: a few seconds at a fast source."""

LONGEST = timedelta(seconds=60)
"""A segment's time: how long the durable engine goes without hearing of an entity."""


class Segment:
    """One segment of one entity, from taking the lease to its last commit."""

    def __init__(
        self,
        runtime: Runtime,
        assignment: Assignment,
        writer: PageWriter,
        held: HeldEntityRun,
        tally: Tally,
    ) -> None:
        self._runtime = runtime
        self._assignment = assignment
        self._writer = writer
        self._held = held
        self._riders = {rider.entity: rider.entity_run_id for rider in assignment.riders}
        self._pages = 0
        self._records = 0
        self._suspected = False
        self._tally = tally

    async def process(self, client: SourceClient, time_is_up: Callable[[], bool]) -> Progress:
        """Read and commit pages until the entity is done or the segment is full.

        Raises:
            RunCancelledError: a person cancelled the run; the page in flight was committed first.
            LeaseLostError: another process holds the entity run now.
            TooManyDeadLettersError: more bad records of its own than chance explains.
            ParentsFailedError: a nested walk is through, and below some parents nothing could be read.
        """
        self._tally.check()
        walk = await self._walk()
        assignment = self._assignment
        if assignment.kind is not SyncKind.RECONCILIATION:  # whose own listing tells
            self._suspected = await has_open_suspects(self._runtime.database, self._held.entity_run_id)
        async with fetching(
            client, assignment.version, includes=self._includes(), retry=assignment.entity.retries
        ) as pages:
            while not (walk := await self._prepared(walk)).done:
                ending = self._pages >= MOST_PAGES or time_is_up()
                # What comes next is under way already: it is used. What was guessed beyond it is dropped.
                if ending and not pages.has_next(walk):
                    break
                walk = await self._step(pages, walk, ending=ending)
        if wasted := pages.settle_wasted():
            await note_requests(self._runtime.database, self._held, wasted)
        doubts = walk.doubts() if walk.done else None
        if walk.done:
            await note_doubts(self._runtime.database, self._held, doubts)
        return Progress(
            done=walk.done,
            pages=self._pages,
            records=self._records,
            doubts=doubts,
            shown=walk.shown() if walk.done else None,
            checkpoint=walk.to_json(),
        )

    async def _walk(self) -> Walk:
        return await begin_walk(self._runtime, self._assignment, self._held)

    def _includes(self) -> dict[str, str]:
        """What is asked to come along, and the type of its records."""
        entities = self._runtime.manifest(self._assignment.adapter).entities
        return {rider.include: entities[rider.entity].type for rider in self._assignment.riders}

    async def _prepared(self, walk: Walk) -> Walk:
        """The walk, with what it needs to know to ask further."""
        return walk

    async def _step(self, pages: PagesInFlight, walk: Walk, *, ending: bool) -> Walk:
        """Read and commit one page. Returns the walk after it."""
        ask, page = await pages.take(walk)
        return await self._advance(pages, walk, ask, page, ending=ending)

    async def _advance(self, pages: PagesInFlight, walk: Walk, ask: Ask, page: Page, *, ending: bool) -> Walk:
        after = walk.advanced(ask, page)
        if not ending:
            pages.look_ahead(after)
        page = replace(page, requests=page.requests + pages.settle_wasted())
        await self._commit(ask, page, walk, after)
        return after

    async def _commit(self, ask: Ask, page: Page, before: Walk, after: Walk) -> None:
        async with self._runtime.committing():
            await self._write(ask, page, before, after)

    async def _write(self, ask: Ask, page: Page, before: Walk, after: Walk) -> None:
        if self._held.pages + self._pages == 0:
            await self._look_at_first(page)
        self._pages += 1
        place = PageCommit(
            entity_run_id=self._held.entity_run_id,
            fence=self._held.fence,
            number=self._held.pages + self._pages,
            token=ask.token,
            checkpoint=after.to_json(),
            requests=page.requests,
            parents=None if ask.parent is None else ask.parent.to_json(),
            read_below=after.finishes(ask),
        )
        if self._suspected:
            # Before the page is committed: after that nobody would read it again.
            await self._forget_shown(page)
        fresh = before.fresh(ask, page, after)
        committed = await self._store(fresh, place)
        for event in committed.events:
            log_event(event)
        await self._runtime.tell(*before.events(page, after, self._assignment.subject))
        self._stop_where_needed(committed)

    async def _store(self, page: Page, place: PageCommit) -> Committed:
        return await self._writer.commit(page, place, self._riders, self._findings)

    def _findings(self, part: PartCommitted) -> Iterator[Event]:
        return set_aside(self._assignment.subject, part)

    async def _forget_shown(self, page: Page) -> None:
        """What a page shows is no suspect, though nothing of it has changed and nothing is written."""
        assignment, entities = self._assignment, self._runtime.manifest(self._assignment.adapter).entities
        riders = [entities[rider.entity] for rider in assignment.riders]
        shown = [(assignment.entity, page.records), *((e, page.included.get(e.type, ())) for e in riders)]
        for entity, records in shown:
            if records:
                await forget_shown(
                    self._runtime.database,
                    assignment.org_id,
                    assignment.adapter,
                    entity,
                    records,
                    requested_at=page.requested_at,
                )

    async def _look_at_first(self, page: Page) -> None:
        """What the first page tells beside its records: the time at the source, and what it can do today."""
        # A clock of this machine is no watermark.
        if page.dated_by_source:
            await note_source_start(self._runtime.database, self._held, page.requested_at)
        if self._assignment.kind is SyncKind.RECONCILIATION:
            await open_listing(self._runtime.database, self._held, started_at=page.requested_at)
        await self._tell_drift(self._assignment.entity, self._assignment.endpoint, page)
        for rider in self._assignment.riders:
            if page.can_include is not None and rider.include not in page.can_include:
                raise IncludeIgnoredError(self._assignment.entity.name, rider.include, rider.entity)
            entity = self._runtime.manifest(self._assignment.adapter).entities[rider.entity]
            await self._tell_drift(entity, None, replace(page, records=page.included.get(entity.type, ())))

    async def _tell_drift(self, entity: Entity, endpoint: Endpoint | None, page: Page) -> None:
        about = replace(self._assignment.subject, entity=entity.name)
        event = drift_event(about, find_drift(entity, endpoint, page))
        if event is not None:
            await self._runtime.tell(event)

    def _stop_where_needed(self, committed: Committed) -> None:
        if committed.cancel_requested:
            raise RunCancelledError(self._assignment.run_id)
        for rider in self._tally.note(committed.parts):
            # The pages go on without it; `reading` fails it when its turn comes.
            del self._riders[rider]
        self._records += sum(part.records for part in committed.parts)


class ListingSegment(Segment):
    """As `Segment`, of ids and stamps alone: nothing of the records is stored, only that they are there."""

    async def _tell_drift(self, entity: Entity, endpoint: Endpoint | None, page: Page) -> None:
        """Nothing: what was not asked for is not gone."""

    async def _store(self, page: Page, place: PageCommit) -> Committed:
        manifest = self._runtime.manifest(self._assignment.adapter)
        writer = ListingWriter(self._runtime.database, manifest, self._assignment.entity)
        return await writer.commit(page, place, self._findings)


def set_aside(run: Subject, part: PartCommitted) -> Iterator[Event]:
    """What there is to tell of records, or values of them, that could not be stored as they came."""
    about = replace(run, entity=part.entity)
    if part.misfits:
        yield ValuesSetAside(about=about, values=part.misfits)
    if part.reasons:
        yield RecordsSetAside(about=about, records=part.counts.dead_letters, reasons=part.reasons)
