"""A reconciliation of one entity: what follows once everything that the source has is listed.

    close      the listing, with a proof or with what speaks against one
    compare    with what is stored, by ranges of ids
    fetch      what is missing here, or stale
    look again for what existed although former listings did not show it either
    judge      whether what was not listed may be deleted without a person
    confirm    each of it at the source, and delete what is gone
    sample     a few of what is stored, and compare what they say

How far it has come stands in the rows of the listing and its differences, each of which is settled when it is dealt
with; so whoever takes over goes on there, and every part is safe to repeat.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from openfaith.errors import RunCancelledError
from openfaith.planning import can_be_windowed
from openfaith.records import RecordId
from openfaith.source import SourceClient
from openfaith.store import (
    HeldEntityRun,
    Listing,
    allow_deletions,
    close_listing,
    compare_next,
    get_listing,
    hold_suspects,
    is_cancelled,
    is_dated,
    list_open_differences,
    list_open_suspects,
    list_unlisted,
    note_requests,
    read_standing,
    settle_differences,
    settle_stored,
)
from openfaith.strategies import Allowed, DeletionFacts, FullState, guard_deletions
from openfaith.telemetry import DeletionsStopped, ListingUnproven, SuspectsRefuted
from openfaith.workflows.assignments import Assignment, Progress
from openfaith.workflows.committing import WHOLE, Committer
from openfaith.workflows.confirming import SUSPECTS_AT_ONCE, Alive, Confirmation
from openfaith.workflows.fetching import fetching
from openfaith.workflows.list_walks import TopWalk
from openfaith.workflows.permissions import ask_permissions
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.sampling import compare_sample
from openfaith.workflows.segments import Segment
from openfaith.workflows.single_records import (
    RECORDS_AT_ONCE,
    RecordReader,
    can_ask_by_ids,
    is_listed_by_id,
)
from openfaith.workflows.tallies import Tally

_UNTIMED = "the source does not tell the time"

_KINDS: tuple[Literal["missing"], Literal["stale"]] = ("missing", "stale")
"""What differs and is to be fetched."""


async def reconcile(segment: Segment, settlement: Settlement) -> Progress:
    """List, in as many segments as it takes, and then settle what was found."""
    progress = Progress(done=True, pages=0, records=0)
    listing = await settlement.listing()
    if listing is None or listing.closed_at is None:
        progress = await segment.process(settlement.client, settlement.time_is_up)
        if not progress.done:
            return progress
        listing = await settlement.listing()
        assert listing is not None, "the first page opens it, or the end of a walk below nobody"
        settlement = settlement.after(progress)
    return replace(progress, done=await settlement.proceed(progress.doubts or (), progress.shown))


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """Of one entity run's listing, in one segment."""

    runtime: Runtime
    assignment: Assignment
    held: HeldEntityRun
    client: SourceClient
    tally: Tally
    time_is_up: Callable[[], bool]

    async def listing(self) -> Listing | None:
        return await get_listing(self.runtime.database, self.held.entity_run_id)

    def after(self, progress: Progress) -> Settlement:
        """What is left to do once the listing was walked in the same segment."""
        checkpoint = None if progress.checkpoint is None else json.loads(progress.checkpoint)
        return replace(
            self, held=replace(self.held, checkpoint=checkpoint, pages=self.held.pages + progress.pages)
        )

    async def proceed(self, doubts: Sequence[str], shown: int | None = None) -> bool:
        """Go on where it stands. Returns whether everything is settled.

        Args:
            doubts: of the walk that has listed.
            shown: how many records that walk was shown; None where it did not count them.

        Raises:
            RunCancelledError: a person cancelled the run.
            LeaseLostError: somebody else holds the entity run now.
        """
        untimed = () if await is_dated(self.runtime.database, self.held) else (_UNTIMED,)
        await close_listing(self.runtime.database, self.held, [*doubts, *untimed], shown=shown)
        committer = Committer(self.runtime, self.assignment, self.held, self.tally)
        return (
            await self._compare()
            and await self._fetch(committer)
            and await self._look_again(committer)
            and await self._judge()
            and await self._confirm(committer)
            and await compare_sample(self, committer)
        )

    async def must_pause(self) -> bool:
        """Whether the segment's time is up; to be asked between parts, of which few commit a page.

        Raises:
            RunCancelledError: a person cancelled the run.
            LeaseLostError: somebody else holds the entity run now.
        """
        if await is_cancelled(self.runtime.database, self.held):
            raise RunCancelledError(self.assignment.run_id)
        return self.time_is_up()

    async def _compare(self) -> bool:
        assignment, database = self.assignment, self.runtime.database
        manifest = self.runtime.manifest(assignment.adapter)
        rereads = is_listed_by_id(assignment)
        while not (
            await compare_next(database, manifest, assignment.entity, self.held, rereads=rereads)
        ).done:
            if await self.must_pause():
                return False
        return True

    async def _fetch(self, committer: Committer) -> bool:
        """Bring in what is missing or stale, in the fewest requests."""
        if not is_listed_by_id(self.assignment):
            # Its pages brought all that can be stored. What is missing all the same is a dead letter.
            return await self._each_difference(self._give_up)
        listing = await self.listing()
        assert listing is not None, "it was closed"
        whole = self._begin_whole(listing)
        if whole is not None and not (
            await self._read_whole(committer, whole) and await self._settle_stored()
        ):
            return False
        reader = RecordReader(self.client, self.assignment)

        async def fetch(ids: Sequence[RecordId]) -> None:
            found = await reader.read(ids)
            await committer.keep(found.page, found.requests, token=f"ids={ids[0]}..{ids[-1]}")
            await self._settle([name for name in ids if name not in found.refused])
            await self._give_up([name for name in ids if name in found.refused])

        return await self._each_difference(fetch)

    async def _look_again(self, committer: Committer) -> bool:
        """Ask for what is known to be left out by listings, before the guard counts what may be gone."""
        database, run = self.runtime.database, self.held.entity_run_id
        confirmation = await self._confirmation(committer)
        while unlisted := await list_unlisted(database, run, limit=SUSPECTS_AT_ONCE):
            if await self.must_pause():
                return False
            await confirmation.look_again(unlisted)
        return True

    async def _confirm(self, committer: Committer) -> bool:
        """Ask the source for each suspect that the guard, or a person, allows to be deleted."""
        database, run = self.runtime.database, self.held.entity_run_id
        confirmation = await self._confirmation(committer)
        while suspects := await list_open_suspects(database, run, limit=SUSPECTS_AT_ONCE):
            if await self.must_pause():
                return False
            await confirmation.settle(suspects)
        return True

    async def _confirmation(self, committer: Committer) -> Confirmation:
        listing = await self.listing()
        assert listing is not None, "it was closed"

        async def keep(alive: Alive) -> None:
            page = replace(alive.page, requests=0)  # these are counted
            token = f"suspects={page.rows[0].id}..{page.rows[-1].id}"
            await committer.commit(page, token=token, parents=alive.parents)

        async def sees_the_same() -> bool:
            return await self._sees_the_same(listing)

        async def tell_refuted(count: int) -> None:
            await self.runtime.tell(SuspectsRefuted(about=self.assignment.subject, count=count))

        return Confirmation(
            database=self.runtime.database,
            manifest=self.runtime.manifest(self.assignment.adapter),
            assignment=self.assignment,
            held=self.held,
            client=self.client,
            listed_at=listing.started_at,
            keep=keep,
            sees_the_same=sees_the_same,
            hold=self._hold,
            tell_refuted=tell_refuted,
        )

    async def _sees_the_same(self, listing: Listing) -> bool:
        """Whether the token still sees what it saw when the listing began."""
        if listing.permissions is None:
            return True
        assignment = self.assignment
        now, requests = await ask_permissions(self.runtime, assignment.org_id, assignment.adapter)
        await note_requests(self.runtime.database, self.held, requests)
        return now == listing.permissions

    async def _hold(self, reason: str, ids: Collection[str] | None) -> None:
        """Have these suspects, or all of the listing, wait for a person, and tell it."""
        waiting = await hold_suspects(self.runtime.database, self.held, reason, ids)
        if waiting:
            about = self.assignment.subject
            await self.runtime.tell(DeletionsStopped(about=about, suspects=waiting, reason=reason))

    async def _each_difference(self, deal_with: Callable[[Sequence[RecordId]], Awaitable[None]]) -> bool:
        for kind in _KINDS:
            while ids := await list_open_differences(
                self.runtime.database, self.held.entity_run_id, kind, limit=RECORDS_AT_ONCE
            ):
                if await self.must_pause():
                    return False
                await deal_with(ids)
        return True

    async def _give_up(self, ids: Sequence[RecordId]) -> None:
        await settle_differences(self.runtime.database, self.held, ids, failed=True)

    async def _settle(self, ids: Sequence[RecordId]) -> None:
        await settle_differences(self.runtime.database, self.held, ids)

    def _begin_whole(self, listing: Listing) -> TopWalk | None:
        """The walk that reads everything, where that takes fewer requests than to ask for each; or has begun already."""
        assignment = self.assignment
        assert assignment.endpoint is not None, "what is listed by id has a list of its own"
        begun = cast("dict[str, Any] | None", (self.held.checkpoint or {}).get(WHOLE))
        different = listing.missing + listing.stale
        by_ids = math.ceil(different / RECORDS_AT_ONCE) if can_ask_by_ids(assignment.endpoint) else different
        if begun is None and by_ids <= math.ceil((listing.rows or 0) / (assignment.page_size - 1)):
            return None
        return TopWalk(
            state=FullState.from_json(begun),
            endpoint=assignment.endpoint,
            page_size=assignment.page_size,
            windowed=can_be_windowed(assignment.endpoint),
        )

    async def _read_whole(self, committer: Committer, walk: TopWalk) -> bool:
        assignment = self.assignment
        async with fetching(self.client, assignment.version, retry=assignment.entity.retries) as pages:
            while not walk.done:
                if self.time_is_up():
                    return False
                ask, page = await pages.take(walk)
                after = walk.advanced(ask, page)
                pages.look_ahead(after)
                fresh = walk.fresh(ask, replace(page, requests=page.requests + pages.settle_wasted()), after)
                await committer.commit(fresh, token=ask.token, whole=after.state)
                walk = after
        return True

    async def _settle_stored(self) -> bool:
        """What the walk through everything has brought is settled; the list may have shifted, and left out some."""
        assignment, database = self.assignment, self.runtime.database
        manifest = self.runtime.manifest(assignment.adapter)
        for kind in _KINDS:
            after: str | None = ""
            while after is not None:
                if await self.must_pause():
                    return False
                after = await settle_stored(
                    database, manifest, assignment.entity, self.held, kind, after=after
                )
        return True

    async def _judge(self) -> bool:
        """Let the suspects be confirmed, or have them wait for a person."""
        assignment, database = self.assignment, self.runtime.database
        standing = await read_standing(
            database,
            self.runtime.manifest(assignment.adapter),
            assignment.entity,
            assignment.org_id,
            self.held.entity_run_id,
        )
        verdict = guard_deletions(
            DeletionFacts(
                live_rows=standing.live_rows,
                suspects=standing.suspects,
                approved=standing.approved,
                rejected=standing.rejected,
                listed=standing.listed,
                proven=standing.proven,
                doubts=standing.doubts,
                permissions_changed=standing.permissions_changed,
            )
        )
        if isinstance(verdict, Allowed):
            await allow_deletions(database, self.held)
            return True
        if standing.proven:
            await self._hold(verdict.reason, None)
            return True
        await hold_suspects(database, self.held, verdict.reason)
        await self.runtime.tell(ListingUnproven(about=assignment.subject, doubts=tuple(standing.doubts)))
        return True
