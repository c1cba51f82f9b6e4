"""What a person does about records that could not be stored, and runs that failed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from openfaith.adapters import find_adapter
from openfaith.engine.organizations import known_org
from openfaith.errors import ConfigurationError
from openfaith.manifest import Manifest, resolve_entity
from openfaith.records import EntityName, RunId
from openfaith.store import (
    WHOLE_RUN,
    Database,
    DeadLetter,
    DeadLetterChoice,
    DeadLetterStatus,
    DeadLetterSummary,
    FailedRun,
    FailedRunStatus,
    Retried,
    discard_dead_letters,
    discard_failed_run,
    get_dead_letter,
    list_dead_letters,
    list_failed_runs,
    retry_dead_letters,
    summarize_dead_letters,
)


class DeadLetters:
    """The verbs of `openfaith dead-letters`, as `Engine.dead_letters` has them."""

    def __init__(self, database: Database, manifest: Callable[[str], Manifest]) -> None:
        self._database = database
        self._manifest = manifest

    async def list(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        reason: str | None = None,
        statuses: Collection[DeadLetterStatus] = (DeadLetterStatus.OPEN,),
        after: DeadLetter | None = None,
        limit: int = 1000,
    ) -> Sequence[DeadLetter]:
        """Records that could not be stored, in the order of entity and number, without the records themselves.

        Args:
            reason: a class of faults, as `value`, or a reason in full.
            after: the last one of the part before this one.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await list_dead_letters(
            self._database,
            await known_org(self._database, org),
            entity=None if entity is None else resolve_entity(self._manifest(adapter), entity),
            reason=reason,
            statuses=statuses,
            after=after,
            limit=limit,
        )

    async def count(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        reason: str | None = None,
        statuses: Collection[DeadLetterStatus] = (DeadLetterStatus.OPEN,),
    ) -> Sequence[DeadLetterSummary]:
        """How many records of each entity could not be stored for which reason, since when, and how large they are.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await summarize_dead_letters(
            self._database,
            await known_org(self._database, org),
            entity=None if entity is None else resolve_entity(self._manifest(adapter), entity),
            reason=reason,
            statuses=statuses,
        )

    async def show(self, org: str, dead_letter_id: int) -> tuple[DeadLetter, bytes]:
        """One of them, and the record exactly as the source sent it: personal data, for nobody's log.

        Raises:
            UnknownNameError: there is no such organization, or it has no such letter.
        """
        return await get_dead_letter(self._database, await known_org(self._database, org), dead_letter_id)

    async def retry(
        self,
        org: str,
        ids: Collection[int] | None,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        reason: str | None = None,
    ) -> Sequence[Retried]:
        """Store what can be stored by now. Asks nothing of the source, and is safe beside a sync and beside itself.

        Args:
            ids: their numbers; None for all that are open.
            entity: only of this one.
            reason: only those, as for `list`.

        Returns what became of each.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
            ConfigurationError: one of the numbers is none of theirs. Nothing was changed.
        """
        choice = await self._choice(org, ids, adapter=adapter, entity=entity, reason=reason)
        return await retry_dead_letters(self._database, self._manifest(adapter), choice)

    async def discard(
        self,
        org: str,
        ids: Collection[int] | None,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        reason: str | None = None,
        by: str = "python",
    ) -> int:
        """Give up those that are open. If a record comes again that cannot be stored, it is set aside again.

        Args:
            ids, entity, reason: as for `retry`.
            by: who decided.

        Returns how many were given up; those that were settled before stay as they are.

        Raises:
            UnknownNameError, ConfigurationError: as `retry`.
        """
        choice = await self._choice(org, ids, adapter=adapter, entity=entity, reason=reason)
        return await discard_dead_letters(self._database, choice, by=by)

    async def runs(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        reason: str | None = None,
        statuses: Collection[FailedRunStatus] = (FailedRunStatus.OPEN,),
    ) -> Sequence[FailedRun]:
        """What failed for good of runs, by entity and kind, and was not made up for since; what failed last comes first.

        `Engine.retry` lets such a run go on.

        Args:
            reason: in full.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await list_failed_runs(
            self._database,
            await known_org(self._database, org),
            entity=self._entity_of_runs(adapter, entity),
            reason=reason,
            statuses=statuses,
        )

    async def discard_run(
        self, org: str, run_id: RunId, *, adapter: str = "pco", entity: str | None = None, by: str = "python"
    ) -> int:
        """Give up what failed of a run. Where it fails again, in whichever run, it is told again.

        Args:
            entity: only this one.
            by: who decided.

        Returns of how many entities; what was given up before stays as it is.

        Raises:
            UnknownNameError: there is no such organization or entity, or nothing of this run failed that was not made up
                for since.
        """
        return await discard_failed_run(
            self._database,
            await known_org(self._database, org),
            run_id,
            entity=self._entity_of_runs(adapter, entity),
            by=by,
        )

    def _entity_of_runs(self, adapter: str, entity: str | None) -> EntityName | None:
        if entity is None or entity == WHOLE_RUN:
            return None if entity is None else WHOLE_RUN
        return resolve_entity(self._manifest(adapter), entity)

    async def _choice(
        self,
        org: str,
        ids: Collection[int] | None,
        *,
        adapter: str,
        entity: str | None,
        reason: str | None,
    ) -> DeadLetterChoice:
        if isinstance(ids, str):
            raise ConfigurationError("ids", f"it is the text {ids!r}", "a list of numbers, as in [7]")
        return DeadLetterChoice(
            org_id=await known_org(self._database, org),
            adapter=find_adapter(adapter).name,
            ids=ids,
            entity=None if entity is None else resolve_entity(self._manifest(adapter), entity),
            reason=reason,
        )
