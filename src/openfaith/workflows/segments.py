"""A segment: many pages of one entity in one durable step.

A page's commit is durable by itself, so the engine needs to know of a hundred pages together, not of each.
Whoever begins a segment raises the fencing token and continues after the last committed page; whoever held the
token before can commit nothing any more. While a page is being written the next ones are under way, as many as
it takes to use the announced rate.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice

from openfaith.errors import RunCancelledError, TooManyDeadLettersError
from openfaith.manifest import Endpoint, Entity
from openfaith.records import OrgId, Page, RunId
from openfaith.source import SourceClient
from openfaith.store import (
    Committed,
    HeldEntityRun,
    PageCommit,
    PageWriter,
    note_source_start,
    take_entity_run,
)
from openfaith.strategies import PageRequest, WalkState, advance, check, pages_in_flight, too_many, upcoming
from openfaith.telemetry import (
    EntityRunStarted,
    Event,
    ListingShifted,
    RecordsSetAside,
    Subject,
    ValuesSetAside,
)
from openfaith.workflows.runtime import Runtime

MOST_PAGES = 100
"""Pages in one segment: a few seconds at a fast source."""

LONGEST = timedelta(seconds=60)
"""A segment's time: how long the durable engine goes without hearing of an entity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Which entity of which run to read, and how. Small and plain: it comes out of recorded steps."""

    run_id: RunId
    org_id: OrgId
    adapter: str
    entity: Entity
    endpoint: Endpoint
    version: str
    page_size: int

    @property
    def subject(self) -> Subject:
        return Subject(org_id=self.org_id, run_id=self.run_id, entity=self.entity.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a segment did, and whether the entity has more."""

    done: bool
    pages: int
    """Committed in this segment."""
    records: int


class PagesInFlight:
    """The pages that were asked for and are not committed yet, in order.

    After a crash these are fetched again, so there are no more of them than the pace of the source wants.
    """

    def __init__(self, client: SourceClient, assignment: Assignment) -> None:
        self._client = client
        self._assignment = assignment
        self._tasks: deque[tuple[PageRequest, asyncio.Task[Page]]] = deque()
        self._latency_seconds = 0.0

    async def take(self, state: WalkState) -> tuple[PageRequest, Page]:
        """The page that `state` asks for."""
        self._ask(state, 1)
        request, task = self._tasks.popleft()
        page = await task
        self._latency_seconds = page.latency_seconds
        return request, page

    @property
    def under_way(self) -> bool:
        """Whether pages were asked for that nobody has taken yet. They are used up before a segment ends."""
        return bool(self._tasks)

    def look_ahead(self, state: WalkState) -> None:
        """Start what `state` will ask for, while the page before it is being written."""
        self._ask(state, self._pace() - 1)

    def _ask(self, state: WalkState, most: int) -> None:
        """Have up to `most` requests under way. What is under way already stays, unless it was a wrong guess."""
        coming = list(islice(upcoming(state, self._assignment.page_size), max(most, len(self._tasks))))
        while [request for request, _ in self._tasks] != coming[: len(self._tasks)]:
            self._tasks.pop()[1].cancel()
        for request in coming[len(self._tasks) : most]:
            self._tasks.append((request, asyncio.create_task(self._fetch(request, state))))

    def _pace(self) -> int:
        limit = self._client.rate_limit
        rate = limit.requests / limit.period.total_seconds()
        return pages_in_flight(requests_per_second=rate, latency_seconds=self._latency_seconds)

    async def _fetch(self, request: PageRequest, state: WalkState) -> Page:
        return await self._client.get_page(
            self._assignment.endpoint.path,
            request.parameters,
            version=self._assignment.version,
            check=partial(check, request, state),
        )

    async def cancel(self) -> None:
        """Drop everything that is under way."""
        tasks = [task for _, task in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _fetching(client: SourceClient, assignment: Assignment) -> AsyncIterator[PagesInFlight]:
    pages = PagesInFlight(client, assignment)
    try:
        yield pages
    finally:
        await pages.cancel()


class Segment:
    """One segment of one entity, from taking the lease to its last commit."""

    def __init__(
        self, runtime: Runtime, assignment: Assignment, writer: PageWriter, held: HeldEntityRun
    ) -> None:
        self._runtime = runtime
        self._assignment = assignment
        self._writer = writer
        self._held = held
        self._pages = 0
        self._records = 0
        self._dead_letters = 0

    async def process(self, client: SourceClient, time_is_up: Callable[[], bool]) -> Progress:
        """Read and commit pages until the entity is done or the segment is full.

        Raises:
            RunCancelledError: a person cancelled the run; the page in flight was committed first.
            LeaseLostError: another process holds the entity run now.
            TooManyDeadLettersError: more bad records than chance explains.
        """
        state = WalkState.from_json(self._held.checkpoint)
        async with _fetching(client, self._assignment) as pages:
            while not state.done:
                ending = self._pages >= MOST_PAGES or time_is_up()
                if ending and not pages.under_way:
                    break
                request, page = await pages.take(state)
                after = advance(state, page)
                if not ending:
                    pages.look_ahead(after)
                await self._commit(request, page, state, after)
                state = after
        return Progress(done=state.done, pages=self._pages, records=self._records)

    async def _commit(self, request: PageRequest, page: Page, before: WalkState, after: WalkState) -> None:
        async with self._runtime.committing():
            await self._write(request, page, before, after)

    async def _write(self, request: PageRequest, page: Page, before: WalkState, after: WalkState) -> None:
        # A clock of this machine is no watermark.
        if self._held.pages + self._pages == 0 and page.dated_by_source:
            await note_source_start(self._runtime.database, self._held, page.requested_at)
        self._pages += 1
        place = PageCommit(
            entity_run_id=self._held.entity_run_id,
            fence=self._held.fence,
            number=self._held.pages + self._pages,
            token=request.token,
            checkpoint=json.dumps(after.to_json()),
            requests=page.requests,
        )
        committed = await self._writer.commit(page, place)
        self._records += len(page.records)
        self._dead_letters += committed.counts.dead_letters
        await self._runtime.tell(*self._noteworthy(before, after, committed))
        self._stop_where_needed(committed)

    def _stop_where_needed(self, committed: Committed) -> None:
        if committed.cancel_requested:
            raise RunCancelledError(self._assignment.run_id)
        # Counted within the segment, so that a retry is not stopped by what an earlier attempt met.
        if too_many(self._dead_letters, self._records):
            raise TooManyDeadLettersError(self._assignment.entity.name, self._dead_letters, self._records)

    def _noteworthy(self, before: WalkState, after: WalkState, committed: Committed) -> list[Event]:
        about = self._assignment.subject
        events: list[Event] = []
        if committed.misfits:
            events.append(ValuesSetAside(about=about, values=committed.misfits))
        if committed.reasons:
            events.append(
                RecordsSetAside(about=about, records=committed.counts.dead_letters, reasons=committed.reasons)
            )
        if before.total is not None and after.total is not None and after.total != before.total:
            events.append(ListingShifted(about=about, before=before.total, after=after.total))
        return events


async def process_segment(runtime: Runtime, assignment: Assignment) -> Progress:
    """Take the entity run's lease and process one segment. An entity run that is settled already is done.

    Raises:
        SyncError: what `Segment.process` raises, and what the source or the database raised.
    """
    held = await take_entity_run(runtime.database, assignment.run_id, assignment.entity.name)
    if held is None:
        return Progress(done=True, pages=0, records=0)
    if held.cancel_requested:
        raise RunCancelledError(assignment.run_id)
    await runtime.tell(EntityRunStarted(about=assignment.subject, page=held.pages, records=held.records))
    runtime.reading[assignment.org_id] = assignment.run_id
    client = await runtime.client(assignment.org_id, assignment.adapter)
    writer = runtime.writer(assignment.adapter, assignment.entity)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LONGEST.total_seconds()
    return await Segment(runtime, assignment, writer, held).process(client, lambda: loop.time() >= ends_at)
