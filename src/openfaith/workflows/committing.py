"""Committing what a settlement fetched: single records, and the pages of the walk that reads everything after all."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

from openfaith.errors import RunCancelledError
from openfaith.records import Page
from openfaith.store import HeldEntityRun, PageCommit, note_requests
from openfaith.strategies import FullState
from openfaith.telemetry import log_event
from openfaith.texts import storable_json
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.segments import set_aside
from openfaith.workflows.tallies import Tally

WHOLE = "whole"
"""Member of the checkpoint: where the walk continues that reads everything because too much differs."""


class Committer:
    """Commits pages that follow on those of the listing. What its walk has left as the checkpoint stays."""

    def __init__(self, runtime: Runtime, assignment: Assignment, held: HeldEntityRun, tally: Tally) -> None:
        self._runtime = runtime
        self._tally = tally
        self._assignment = assignment
        self._held = held
        self._next_page = held.pages + 1
        self._checkpoint: dict[str, Any] = dict(held.checkpoint or {})

    async def keep(self, page: Page | None, requests: int, *, token: str, finds_blind: bool = False) -> None:
        """Store single records, where there are any, and count what it took to ask for them."""
        if page is None:
            await note_requests(self._runtime.database, self._held, requests)
        else:
            await self.commit(replace(page, requests=requests), token=token, finds_blind=finds_blind)

    async def commit(
        self,
        page: Page,
        *,
        token: str,
        parents: str | None = None,
        whole: FullState | None = None,
        finds_blind: bool = False,
    ) -> None:
        """Store records through the same guarded upsert as any page.

        Args:
            parents: the ids of the path that leads to them, as a `PageCommit` has them.
            whole: where the walk that reads everything continues.
            finds_blind: count the changes that moved no stamp.

        Raises:
            RunCancelledError: a person cancelled the run; the page was committed first.
            LeaseLostError: somebody else holds the entity run now; nothing was written.
            TooManyDeadLettersError: more bad records by now than chance explains; the page was committed first.
        """
        assignment = self._assignment
        if whole is not None:
            self._checkpoint[WHOLE] = whole.to_json()
        writer = self._runtime.writer(assignment.adapter, assignment.entity, finds_blind=finds_blind)
        place = PageCommit(
            entity_run_id=self._held.entity_run_id,
            fence=self._held.fence,
            number=self._next_page,
            token=token,
            checkpoint=json.dumps(storable_json(self._checkpoint)),
            requests=page.requests,
            parents=parents,
        )
        async with self._runtime.committing():
            committed = await writer.commit(page, place, findings=partial(set_aside, assignment.subject))
        self._next_page += 1
        for event in committed.events:
            log_event(event)
        if committed.cancel_requested:
            raise RunCancelledError(assignment.run_id)
        self._tally.note(committed.parts)
