"""Confirming suspects: each is asked for by its id, and only what the source has no more is deleted.

The order is that of safety. What is still there is stored, and only then refuted: whoever is stopped in between asks for it
again. Both come before anything is deleted; what is gone is deleted under the same fencing token as a page, by a statement
that asks for the proof once more.

A listing that left out what is there proves nothing, where nobody knew. From then on it is known what it leaves out: that
is asked for first, and if it is still there, the others are deleted only by what the source says of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
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
    note_requests,
    refute_suspects,
    settle_differences,
    suspect_again,
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

SEES_OTHER = "what the token may see has changed since the listing began"
"""Why suspects wait for a person that were to be deleted."""

MAY_BE_ELSEWHERE = "it cannot be asked for, and may be below a parent that could not be read"
"""Likewise, of one that any number of listings may miss."""

MAY_BE_UNLISTED = "it cannot be asked for, and the listing leaves out others that exist"
"""Likewise."""


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
    missed: list[str] = field(default_factory=list)
    """To be deleted since so many listings missed it; the source has said nothing."""
    merged: dict[str, str] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)
    """To be held, since nobody could look everywhere."""
    unlisted: list[str] = field(default_factory=list)
    """To be held, since what was looked through leaves out others."""
    left: list[str] = field(default_factory=list)

    @property
    def doomed(self) -> list[str]:
        return [*self.deleted, *self.missed, *self.merged]

    @property
    def held(self) -> dict[str, list[str]]:
        """Those that wait for a person, by the reason."""
        held = {MAY_BE_ELSEWHERE: self.elsewhere, MAY_BE_UNLISTED: self.unlisted}
        return {reason: ids for reason, ids in held.items() if ids}


@dataclass(frozen=True, kw_only=True, slots=True)
class Alive:
    """Suspects that are there, to be stored like a page."""

    page: Page
    parents: str | None
    """Below whom they were found, as a `PageCommit` has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """Of one entity run's suspects."""

    database: Database
    manifest: Manifest
    assignment: Assignment
    held: HeldEntityRun
    client: SourceClient
    listed_at: datetime
    """When the listing began that missed them, by the source's clock."""
    keep: Callable[[Alive], Awaitable[None]]
    """Stores suspects that are there, through the same guarded upsert as any page."""
    sees_the_same: Callable[[], Awaitable[bool]]
    """Asks whether the token still sees what the listing saw. Asked after the suspects: whoever may see less in the
    meantime is told that they are gone."""
    hold: Callable[[str, Collection[str] | None], Awaitable[None]]
    """Has these suspects wait for a person because of this, and tells it; None: all of the listing."""
    tell_refuted: Callable[[int], Awaitable[None]]
    """Tells that so many records were not listed, and exist."""

    async def settle(self, suspects: Sequence[OpenSuspect]) -> None:
        """Ask about suspects and do what follows. Safe to repeat, wherever it was stopped.

        Raises:
            LeaseLostError: somebody else holds the entity run now.
            RunCancelledError: a person cancelled the run, while those that are there were stored.
            SyncError: the source cannot say; what was settled stays so.
        """
        if self.client.now is None:
            await self._ask_the_time(suspects)
        asked_at = self.client.now
        told = await self._ask_all(suspects)
        await note_requests(self.database, self.held, sum(each.requests for each in told))
        verdicts = _sorted_out(told)
        if verdicts.refuted:
            await self._refute(verdicts.refuted)
            return  # the listing has not shown all there is, and nothing is left of what it said
        if asked_at is None:
            verdicts.left.extend(verdicts.doomed)  # by no time can they be told to be gone
        elif verdicts.doomed and not await self.sees_the_same():
            await self.hold(SEES_OTHER, None)
            verdicts.left.extend(verdicts.doomed)
        else:
            await self._delete(verdicts, asked_at)
        for reason, ids in verdicts.held.items():
            await self.hold(reason, ids)
            verdicts.left.extend(ids)
        await settle_differences(self.database, self.held, verdicts.left)

    async def look_again(self, unlisted: Sequence[OpenSuspect]) -> None:
        """Ask for records that existed when a former listing did not show them. Safe to repeat, wherever it was stopped.

        What is there stays what it is. Of what is gone nothing is deleted by that: it is a suspect again, for the guard to
        judge with the others.

        Raises:
            As `settle`.
        """
        told = await self._ask_all(unlisted)
        await note_requests(self.database, self.held, sum(each.requests for each in told))
        for alive in _alive(told):
            await self.keep(alive)
        if gone := _ids(told, Answer.GONE, Answer.MERGED):
            await suspect_again(self.database, self.held, gone)
        if untold := _ids(told, Answer.UNTOLD):
            await self.hold(MAY_BE_UNLISTED, untold)
        await settle_differences(
            self.database, self.held, _ids(told, Answer.THERE, Answer.REFUSED, Answer.UNTOLD)
        )

    async def _ask_the_time(self, suspects: Sequence[OpenSuspect]) -> None:
        """Have the source answer something, in a process that it has told nothing yet: with that it tells the time.

        What confirms a deletion must be asked after the time that the deletion is dated by, so this decides nothing.
        """
        [told] = await self._ask_all(suspects[:1])
        await note_requests(self.database, self.held, told.requests)
        if not told.requests:
            await self.sees_the_same()

    async def _refute(self, refuted: Sequence[_Told]) -> None:
        for alive in _alive(refuted):
            await self.keep(alive)
        await refute_suspects(self.database, self.held, [told.suspect.id for told in refuted])
        await self.tell_refuted(len(refuted))

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
        for ids, confirmed_at in ((verdicts.deleted, asked_at), (verdicts.missed, self.listed_at)):
            if ids:
                await tombstone(
                    self.database,
                    self.manifest,
                    self.assignment.entity,
                    self.held,
                    ids,
                    confirmed_at=confirmed_at,
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
            document = await self.client.get_record(
                path, version=self.assignment.version, retry=self.assignment.entity.retries
            )
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
        suspect = each.suspect
        match judge_suspect(
            each.answer,
            times_missed=suspect.times_missed,
            may_be_elsewhere=suspect.may_be_elsewhere,
            may_be_unlisted=suspect.may_be_unlisted,
        ):
            case Verdict.REFUTE:
                verdicts.refuted.append(each)
            case Verdict.DELETE:
                gone = verdicts.missed if each.answer is Answer.UNTOLD else verdicts.deleted
                gone.append(suspect.id)
            case Verdict.MERGE:
                assert each.survivor is not None, "what was merged has a survivor"
                verdicts.merged[suspect.id] = each.survivor
            case Verdict.HOLD:
                held = verdicts.unlisted if suspect.may_be_unlisted else verdicts.elsewhere
                held.append(suspect.id)
            case Verdict.LEAVE:
                verdicts.left.append(suspect.id)
    return verdicts


def _ids(told: Sequence[_Told], *answers: Answer) -> list[str]:
    """Of which the source said this."""
    return [each.suspect.id for each in told if each.answer in answers]


def _alive(refuted: Sequence[_Told]) -> list[Alive]:
    """A page for those of each parent, by whose path they were found: the record itself may not say whose it is."""
    found: dict[str | None, list[Document]] = {}
    for told in refuted:
        if told.document is not None:
            found.setdefault(told.parents, []).append(told.document)
    pages = ((page_of(documents), parents) for parents, documents in found.items())
    return [Alive(page=page, parents=parents) for page, parents in pages if page is not None]
