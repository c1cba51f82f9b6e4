"""A segment of a nested walk: below our own stored parents, one after the other.

One parent that cannot be read below does not stop its siblings: it is left behind, remembered, and walked again when
the others are done; only then does the entity fail, and a retried run asks for those parents alone. A parent that is
gone at the source is passed by. A source that answers nobody is no matter of a parent: the walk stops where it is, where
the one cheap call fails as well, or after a few failures in a row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from openfaith.errors import (
    AccessDeniedError,
    BreakerOpenError,
    ConfigurationError,
    CredentialsRejectedError,
    ParentsFailedError,
    PermanentError,
    ProductClosedError,
    RateLimitedError,
    RecordNotFoundError,
    RunCancelledError,
    SyncError,
    TransientError,
)
from openfaith.manifest import Below
from openfaith.records import SyncKind
from openfaith.store import (
    ParentRow,
    count_parent_failures,
    leave_behind_empty_parents,
    list_parents,
    note_checkpoint,
    note_requests,
    open_listing,
)
from openfaith.strategies import NestedState, deny, end_of_pass, fail
from openfaith.telemetry import ParentLeftBehind, ParentVanished
from openfaith.workflows.beginnings import begin_nested_walk
from openfaith.workflows.fetching import PagesInFlight
from openfaith.workflows.nested_walks import NestedWalk
from openfaith.workflows.pausing import refuse_away
from openfaith.workflows.segments import Segment
from openfaith.workflows.walks import Walk

PARENTS_AT_HAND = 200
"""Parents that a walk knows of beforehand. A row is a few ids."""

MOST_DENIED_AT_FIRST = 50
"""Parents below which the token may see nothing, before anything was read: then it may see nothing of the entity."""

MOST_FAILURES_IN_A_ROW = 5
"""Parents that the source may fail in a row, before it is the source's trouble and not theirs."""

_OF_THE_WALK = (
    BreakerOpenError,
    ConfigurationError,
    CredentialsRejectedError,
    ProductClosedError,
    RateLimitedError,
)
"""What is no parent's fault, and stops the walk."""


class NestedSegment(Segment):
    """As `Segment`, through parents."""

    async def _walk(self) -> NestedWalk:
        return await begin_nested_walk(self._runtime, self._assignment, self._held)

    async def _prepared(self, walk: Walk) -> NestedWalk:
        """The walk with parents at hand, past those without the ids of the path; done where there are none left.

        Raises:
            ParentsFailedError: the second pass is over, and some were left behind again.
        """
        nested = cast("NestedWalk", walk)
        while not nested.done:
            if not nested.parents:
                nested = nested.with_parents(await self._parents(nested))
            if not nested.parents:
                nested = await self._ended(nested)
            elif fault := nested.parents[0].fault(self._below):
                nested = await self._leave_behind(nested, fault, requests=0)
            else:
                return nested
        return nested

    async def _parents(self, walk: NestedWalk) -> tuple[ParentRow, ...]:
        assignment, state = self._assignment, walk.state
        return tuple(
            await list_parents(
                self._runtime.database,
                self._runtime.manifest(assignment.adapter),
                self._below,
                assignment.org_id,
                after=state.after,
                upto=None if walk.sweep is None else walk.sweep.upto,
                limit=PARENTS_AT_HAND,
                failed_of=self._held.entity_run_id if state.again else None,
            )
        )

    async def _ended(self, walk: NestedWalk) -> NestedWalk:
        """There is no further parent: a second pass, or the end.

        Raises:
            ParentsFailedError: in the second pass too nothing could be read below some.
            AccessDeniedError: below all of them the token may see nothing.
        """
        if self._assignment.kind is SyncKind.RECONCILIATION and not walk.state.again:
            await self._doubt_the_empty()
        left = await count_parent_failures(self._runtime.database, self._held.entity_run_id)
        state = end_of_pass(walk.state, left_behind=left.failed > 0)
        ended = replace(walk, state=state, parents=())
        await self._note(ended)
        if state.done and left.failed and await self._parents(replace(walk, state=NestedState(again=True))):
            raise ParentsFailedError(self._assignment.entity.name, left.failed, left.failure or "unknown")
        is_all = walk.sweep is None or walk.sweep.is_whole
        if state.done and left.denied and is_all and self._nothing_read:
            raise AccessDeniedError(self._assignment.entity.name, f"below all {left.denied} of its parents")
        if state.done and self._nothing_read and self._assignment.kind is SyncKind.RECONCILIATION:
            await self._list_nothing()
        return ended

    async def _doubt_the_empty(self) -> None:
        """Ask again below whom nothing was listed of all that is stored: one answer may be wrong."""
        assignment = self._assignment
        manifest = self._runtime.manifest(assignment.adapter)
        await leave_behind_empty_parents(
            self._runtime.database, manifest, assignment.entity, self._held, assignment.org_id
        )

    async def _list_nothing(self) -> None:
        """Begin the listing that no page has begun: below nobody there is nothing, and that too is to be compared."""
        await open_listing(self._runtime.database, self._held, started_at=None)

    async def _step(self, pages: PagesInFlight, walk: Walk, *, ending: bool) -> Walk:
        nested = cast("NestedWalk", walk)
        try:
            ask, page = await pages.take(walk)
        except _OF_THE_WALK:
            raise
        except RecordNotFoundError as error:
            return await self._not_found(nested, error)
        except AccessDeniedError as error:
            return await self._denied(nested, error)
        except (TransientError, PermanentError) as error:
            return await self._failed(nested, error)
        return await self._advance(pages, walk, ask, page, ending=ending)

    async def _not_found(self, walk: NestedWalk, error: RecordNotFoundError) -> NestedWalk:
        """A 404 below a parent that did exist when its own list was read: the source is asked for the parent itself.

        Raises:
            RecordNotFoundError: nothing was ever read, it is so below several in a row, and these are there: it is the
                path that is not.
            SyncError: the source does not answer, and that is no matter of this parent.
        """
        parent = walk.parents[0]
        if walk.state.failures > MOST_FAILURES_IN_A_ROW:  # so it was below the last ones, who all were there
            return await self._contradicted(walk, error)
        await note_requests(self._runtime.database, self._held, error.requests)
        error.requests = 0
        said = await self._ask_for(parent)
        if said is None:
            return await self._contradicted(walk, error)
        if isinstance(said, _OF_THE_WALK):
            raise said
        if isinstance(said, AccessDeniedError):
            return await self._denied(walk, said)
        if not isinstance(said, RecordNotFoundError):
            return await self._failed(walk, said)
        await self._runtime.tell(
            ParentVanished(about=self._assignment.subject, parent=self._below.parent, parent_id=parent.id)
        )
        state = replace(walk.state, empty=walk.state.empty + 1, failures=0)
        # What was below it may have moved with it, or to another. A listing that is to prove something has not seen it.
        unseen = str(error) if self._assignment.kind is SyncKind.RECONCILIATION else None
        return await self._leave(walk.at(state), requests=said.requests, reason=unseen, gone=True)

    async def _contradicted(self, walk: NestedWalk, error: RecordNotFoundError) -> NestedWalk:
        """The parent is there, and nothing below it: one wrong answer, which is asked for again, or a parent without.

        What is answered so twice, or below many in a row, is no failure; but nobody can say that all was read.
        """
        state = fail(walk.state)
        too_many = state.failures > MOST_FAILURES_IN_A_ROW
        if too_many and self._nothing_read:
            raise error
        return await self._leave_behind(
            walk.at(state), str(error), requests=error.requests, gone=too_many or state.again
        )

    async def _ask_for(self, parent: ParentRow) -> SyncError | None:
        """What the source says of the parent itself. None where it has it, or nobody can ask for it."""
        manifest = self._runtime.manifest(self._assignment.adapter)
        entity = manifest.entities[self._below.parent]
        ids = {**parent.ids, "id": parent.id}
        ask = next((e for e in entity.endpoints if e.name == "get" and {*e.placeholders} <= ids.keys()), None)
        if ask is None:
            return None
        client = await self._runtime.client(self._assignment.org_id, self._assignment.adapter)
        try:
            await client.get_record(
                ask.path.format_map(ids),
                version=manifest.products[entity.product].version,
                retry=entity.retries,
            )
        except SyncError as error:
            return error
        await note_requests(self._runtime.database, self._held, 1)
        return None

    async def _denied(self, walk: NestedWalk, error: AccessDeniedError) -> NestedWalk:
        """Below this one the token may see nothing. That is told, and is no failure; to ask again is of no use.

        Raises:
            AccessDeniedError: it is so below all that were asked, and these were many.
        """
        state = deny(walk.state) if self._nothing_read else walk.state
        if state.denied > MOST_DENIED_AT_FIRST:
            raise error
        return await self._leave_behind(walk.at(state), str(error), requests=error.requests, denied=True)

    async def _failed(self, walk: NestedWalk, error: SyncError) -> NestedWalk:
        """Below one parent, or below all? Where nothing was ever read, a few refusals in a row are the answer.

        Raises:
            BreakerOpenError: the source answers nobody.
            SyncError: the error, where it is no matter of this parent.
        """
        await refuse_away(self._runtime, self._assignment.org_id, self._assignment.adapter, error)
        state = fail(walk.state)
        too_many = state.failures > MOST_FAILURES_IN_A_ROW
        if too_many and (self._nothing_read or isinstance(error, TransientError)):
            raise error
        return await self._leave_behind(walk.at(state), str(error), requests=error.requests)

    async def _leave_behind(
        self, walk: NestedWalk, reason: str, *, requests: int, denied: bool = False, gone: bool = False
    ) -> NestedWalk:
        about, below = self._assignment.subject, self._below
        parent = walk.parents[0].id
        await self._runtime.tell(
            ParentLeftBehind(about=about, parent=below.parent, parent_id=parent, reason=reason)
        )
        return await self._leave(walk, requests=requests, reason=reason, denied=denied, gone=gone)

    async def _leave(
        self,
        walk: NestedWalk,
        *,
        requests: int,
        reason: str | None = None,
        denied: bool = False,
        gone: bool = False,
    ) -> NestedWalk:
        """Go on to the next parent. What becomes of this one is kept with the checkpoint."""
        after = walk.without_first()
        await self._note(
            after, requests=requests, parent_id=walk.parents[0].id, reason=reason, denied=denied, gone=gone
        )
        return after

    async def _note(
        self,
        walk: NestedWalk,
        *,
        requests: int = 0,
        parent_id: str | None = None,
        reason: str | None = None,
        denied: bool = False,
        gone: bool = False,
    ) -> None:
        """Keep where the walk has come to without a page."""
        cancelled = await note_checkpoint(
            self._runtime.database,
            self._held,
            walk.to_json(),
            requests=requests,
            parent_id=parent_id,
            reason=reason,
            denied=denied,
            gone=gone,
        )
        if cancelled:
            raise RunCancelledError(self._assignment.run_id)

    @property
    def _nothing_read(self) -> bool:
        return self._held.pages + self._pages == 0

    @property
    def _below(self) -> Below:
        below = self._assignment.entity.below
        assert below is not None, "a nested entity has a place below a parent"
        return below
