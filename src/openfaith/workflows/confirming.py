"""Confirming suspects: each is asked for by its id, and only what the source has no more is deleted.

The order is that of safety. What is still there is refuted before anything is deleted, and stored again by the caller;
what is gone is deleted under the same fencing token as a page, by a statement that asks for the proof once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from openfaith.errors import AccessDeniedError, RecordNotFoundError
from openfaith.manifest import Manifest, merge_log_of
from openfaith.records import Page
from openfaith.source import Document, SourceClient
from openfaith.store import (
    Database,
    HeldEntityRun,
    OpenSuspect,
    RecordPlace,
    list_places,
    merge,
    refute_suspects,
    settle_differences,
    tombstone,
)
from openfaith.strategies import Answer, Verdict, judge_suspect
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.merging import find_survivor
from openfaith.workflows.single_records import page_of, single_path

SUSPECTS_AT_ONCE = 24
"""Asked about together, some at a time, and settled in a few transactions."""

_AT_A_TIME = 8
"""Requests under way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """What the source said about one suspect."""

    suspect: OpenSuspect
    answer: Answer
    requests: int
    parents: str | None = None
    """Below whom it was asked for, as a `PageCommit` has it."""
    document: Document | None = None
    survivor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdicts:
    refuted: list[_Told] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alive:
    """Suspects that are there, to be stored like a page."""

    page: Page
    parents: str | None
    """Below whom they were found, as a `PageCommit` has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What came of asking about some suspects."""

    alive: Sequence[Alive]
    requests: int
    """That it took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """Of one entity run's suspects."""

    database: Database
    manifest: Manifest
    assignment: Assignment
    held: HeldEntityRun
    client: SourceClient
    sees_the_same: Callable[[], Awaitable[tuple[bool, int]]] | None = None
    """Asks whether the token still sees what the listing saw, and how many requests that took; None: it cannot be known.
    Asked after the suspects: whoever may see less in the meantime is told that they are gone."""

    async def settle(self, suspects: Sequence[OpenSuspect]) -> Settled:
        """Ask about suspects and do what follows, but for storing again those that are there.

        Raises:
            LeaseLostError: somebody else holds the entity run now.
            SyncError: the source cannot say; what was settled stays so.
        """
        requests = 0 if self.client.now is not None else await self._ask_the_time(suspects)
        asked_at = self.client.now
        told = await self._ask_all(suspects)
        verdicts = _sorted_out(told) if asked_at is not None else _Verdicts(left=[t.suspect.id for t in told])
        requests += sum(t.requests for t in told)
        if (verdicts.deleted or verdicts.merged) and self.sees_the_same is not None:
            same, asked = await self.sees_the_same()
            requests += asked
            if not same:
                left = [*verdicts.left, *verdicts.deleted, *verdicts.merged]
                verdicts = replace(verdicts, left=left, deleted=[], merged={})
        if verdicts.refuted:
            await refute_suspects(self.database, self.held, [t.suspect.id for t in verdicts.refuted])
        if asked_at is not None:
            await self._delete(verdicts, asked_at)
        await settle_differences(self.database, self.held, verdicts.left)
        return Settled(alive=_alive(verdicts.refuted), requests=requests)

    async def _ask_the_time(self, suspects: Sequence[OpenSuspect]) -> int:
        """Have the source answer something, in a process that it has told nothing yet: with that it tells the time.

        What confirms a deletion must be asked after the time that the deletion is dated by, so this decides nothing.
        Returns the requests that it took.
        """
        [told] = await self._ask_all(suspects[:1])
        if told.requests or self.sees_the_same is None:
            return told.requests
        return (await self.sees_the_same())[1]

    async def _delete(self, verdicts: _Verdicts, asked_at: datetime) -> None:
        if verdicts.merged:
            merged = await merge(
                self.database,
                self.manifest,
                self.assignment.entity,
                self.held,
                verdicts.merged,
                confirmed_at=asked_at,
            )
            # Nothing was done about these; asked again in this run, they would say the same.
            verdicts.left.extend(merged.circular)
        if verdicts.deleted:
            await tombstone(
                self.database,
                self.manifest,
                self.assignment.entity,
                self.held,
                verdicts.deleted,
                confirmed_at=asked_at,
            )

    async def _ask_all(self, suspects: Sequence[OpenSuspect]) -> list[_Told]:
        assignment = self.assignment
        ids = [suspect.id for suspect in suspects]
        places = await list_places(self.database, self.manifest, assignment.entity, assignment.org_id, ids)
        told: list[_Told] = []
        for at in range(0, len(suspects), _AT_A_TIME):
            asked = suspects[at : at + _AT_A_TIME]
            told += await asyncio.gather(
                *(self._ask(suspect, places.get(suspect.id, RecordPlace())) for suspect in asked)
            )
        return told

    async def _ask(self, suspect: OpenSuspect, place: RecordPlace) -> _Told:
        path = place.path
        if path is None:
            return _Told(suspect=suspect, answer=Answer.UNTOLD, requests=0)
        try:
            document = await self.client.get_record(path, version=self.assignment.version)
        except RecordNotFoundError as error:
            if single_path(self.assignment.entity) is None:
                # The path names others too, as our row has them: it may have moved to where nobody asked.
                return _Told(suspect=suspect, answer=Answer.UNTOLD, requests=error.requests)
            return await self._look_for_survivor(suspect, error.requests)
        except AccessDeniedError as error:
            return _Told(suspect=suspect, answer=Answer.REFUSED, requests=error.requests)
        if document.id != suspect.id:
            return _Told(suspect=suspect, answer=Answer.REFUSED, requests=1)
        return _Told(
            suspect=suspect, answer=Answer.THERE, requests=1, parents=place.parents, document=document
        )

    async def _look_for_survivor(self, suspect: OpenSuspect, requests: int) -> _Told:
        log = merge_log_of(self.manifest, self.assignment.entity.name)
        if log is None:
            return _Told(suspect=suspect, answer=Answer.GONE, requests=requests)
        try:
            found = await find_survivor(self.client, self.manifest, log, suspect.id)
        except (AccessDeniedError, RecordNotFoundError) as error:
            return _Told(suspect=suspect, answer=Answer.REFUSED, requests=requests + error.requests)
        gone = Answer.REFUSED if found.filter_ignored else Answer.GONE
        answer = gone if found.id is None else Answer.MERGED
        return _Told(suspect=suspect, answer=answer, requests=requests + found.requests, survivor=found.id)


def _sorted_out(told: Sequence[_Told]) -> _Verdicts:
    verdicts = _Verdicts()
    for each in told:
        match judge_suspect(each.answer, times_missed=each.suspect.times_missed):
            case Verdict.REFUTE:
                verdicts.refuted.append(each)
            case Verdict.DELETE:
                verdicts.deleted.append(each.suspect.id)
            case Verdict.MERGE:
                assert each.survivor is not None, "what was merged has a survivor"
                verdicts.merged[each.suspect.id] = each.survivor
            case Verdict.LEAVE:
                verdicts.left.append(each.suspect.id)
    return verdicts


def _alive(refuted: Sequence[_Told]) -> list[Alive]:
    """A page for those of each parent, by whose path they were found: the record itself may not say whose it is."""
    found: dict[str | None, list[Document]] = {}
    for told in refuted:
        if told.document is not None:
            found.setdefault(told.parents, []).append(told.document)
    pages = ((page_of(documents), parents) for parents, documents in found.items())
    return [Alive(page=page, parents=parents) for page, parents in pages if page is not None]
