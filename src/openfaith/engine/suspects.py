"""What a person decides about records that may be gone at the source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from openfaith.adapters import find_adapter
from openfaith.engine.organizations import known_org
from openfaith.errors import ConfigurationError
from openfaith.manifest import Manifest, resolve_entity
from openfaith.store import (
    OPEN_SUSPECTS,
    Database,
    DeletionPolicy,
    Suspect,
    SuspectState,
    SuspectSummary,
    decide_suspects,
    get_deletion_policy,
    list_suspects,
    set_deletion_policy,
    summarize_suspects,
)


class Suspects:
    """The verbs of `openfaith suspects`, as `Engine.suspects` has them."""

    def __init__(self, database: Database, manifest: Callable[[str], Manifest]) -> None:
        self._database = database
        self._manifest = manifest

    async def list(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        states: Collection[SuspectState] = OPEN_SUSPECTS,
        after: Suspect | None = None,
        limit: int = 1000,
    ) -> Sequence[Suspect]:
        """Stored records that a proven listing did not show, in the order of entity and id.

        Args:
            after: the last one of the part before this one.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await list_suspects(
            self._database,
            await known_org(self._database, org),
            entity=None if entity is None else resolve_entity(self._manifest(adapter), entity),
            states=states,
            after=after,
            limit=limit,
        )

    async def count(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        states: Collection[SuspectState] = OPEN_SUSPECTS,
    ) -> Sequence[SuspectSummary]:
        """How many suspects of each entity are in each state, since when, and why.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await summarize_suspects(
            self._database,
            await known_org(self._database, org),
            entity=None if entity is None else resolve_entity(self._manifest(adapter), entity),
            states=states,
        )

    async def approve(
        self, org: str, entity: str, ids: Collection[str] | None, *, adapter: str = "pco", by: str = "python"
    ) -> int:
        """Let suspects that wait for a person be deleted, once the source confirms that they are gone.

        Args:
            ids: None for all that wait now. What goes missing later needs another approval.
            by: who decided.

        Returns how many it was decided about.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
            ConfigurationError: one of the ids does not wait. Nothing was changed.
        """
        return await self._decide(org, entity, ids, adapter=adapter, by=by, approve=True)

    async def reject(
        self, org: str, entity: str, ids: Collection[str] | None, *, adapter: str = "pco", by: str = "python"
    ) -> int:
        """Keep suspects, whatever a listing shows, until they were listed again.

        Args:
            ids: None for all that wait now. By their ids also those that do not wait, or were approved.
            by: who decided.

        Returns and raises as `approve`.
        """
        return await self._decide(org, entity, ids, adapter=adapter, by=by, approve=False)

    async def _decide(
        self, org: str, entity: str, ids: Collection[str] | None, *, adapter: str, by: str, approve: bool
    ) -> int:
        if isinstance(ids, str):
            raise ConfigurationError("ids", f"it is the text {ids!r}", f"a list, as in [{ids!r}]")
        return await decide_suspects(
            self._database,
            await known_org(self._database, org),
            find_adapter(adapter).name,
            resolve_entity(self._manifest(adapter), entity),
            ids,
            approve=approve,
            by=by,
            all_or_none=True,
        )

    async def policy(self, org: str, entity: str, *, adapter: str = "pco") -> DeletionPolicy:
        """What becomes of the row of an entity's record that is gone at the source.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        org_id, name = await known_org(self._database, org), resolve_entity(self._manifest(adapter), entity)
        return await get_deletion_policy(self._database, org_id, find_adapter(adapter).name, name)

    async def set_policy(
        self, org: str, entity: str, policy: DeletionPolicy | str, *, adapter: str = "pco"
    ) -> None:
        """Set what is to become of an entity's rows that are deleted from now on.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
            ConfigurationError: there is no such policy.
        """
        org_id, name = await known_org(self._database, org), resolve_entity(self._manifest(adapter), entity)
        if policy not in set(DeletionPolicy):
            raise ConfigurationError("policy", repr(policy), f"one of {', '.join(DeletionPolicy)}")
        await set_deletion_policy(
            self._database, org_id, find_adapter(adapter).name, name, DeletionPolicy(policy)
        )
