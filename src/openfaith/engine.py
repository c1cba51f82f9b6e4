"""The composition root: the verbs by which everything else drives openfaith.

An open engine has a database that is migrated and has every mirror table. It reads and requests; work is only
done while some process, this one or another, is `working`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from openfaith.adapters import ADAPTERS, find_adapter
from openfaith.errors import ConfigurationError, SyncError, UnknownNameError
from openfaith.loops import run
from openfaith.manifest import Manifest, near_names, resolve_entity, resolve_product
from openfaith.planning import Plan, make_plan
from openfaith.records import EntityName, OrgId, RunId, RunStatus, Strategy, SyncKind
from openfaith.settings import Settings, load_settings
from openfaith.source import RateLimit, RetryPolicy, SourceClient, parse_token
from openfaith.store import (
    OPEN_SUSPECTS,
    Credential,
    Database,
    DeletionPolicy,
    EntityRunRecord,
    EntityState,
    Executor,
    Reconciliation,
    RunRecord,
    SamplePerson,
    SecretKey,
    StoredEvent,
    Suspect,
    SuspectState,
    SuspectSummary,
    SyncOutcome,
    cancel_run,
    decide_suspects,
    ensure_mirror_tables,
    fill_mirror_tables,
    get_credential,
    get_deletion_policy,
    get_run,
    install_canonical_model,
    lease_connection,
    list_entity_runs,
    list_events,
    list_organizations,
    list_reconciliations,
    list_runs,
    list_suspects,
    list_sync_outcomes,
    list_sync_state,
    load_or_create_keys,
    migrate,
    open_database,
    parse_keys,
    request_run,
    retry_run,
    sample_people,
    save_credential,
    set_deletion_policy,
    store_events,
    summarize_suspects,
)
from openfaith.store.embedded import EmbeddedServer
from openfaith.telemetry import RunJoined, Subject, get_logger
from openfaith.workflows import (
    APPLICATION_VERSION,
    Lease,
    ManifestCheck,
    ProcessLocks,
    Runtime,
    check_manifest,
    durable_engine,
    keep_filling,
    migrate_durable_engine,
    new_executor,
    serve,
)

_log = get_logger("openfaith.engine")

_WATCH_SECONDS = 0.5
_FOR_A_PERSON = RetryPolicy(attempts=2)
"""While somebody waits for the answer, one more attempt is enough."""
_ORG_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """A run and its entities, as they stand."""

    run: RunRecord
    entities: tuple[EntityRunRecord, ...]

    @property
    def status(self) -> RunStatus:
        return self.run.status

    def to_json(self) -> dict[str, Any]:
        """The stable shape of `sync --json` and `runs show --json`."""
        return {
            "run_id": str(self.run.run_id),
            "org": self.run.org_id,
            "kind": self.run.kind,
            "strategy": self.run.strategy,
            "dry_run": self.run.dry_run,
            "status": self.run.status,
            "reason": self.run.reason,
            "entities": [_entity_json(e) for e in self.entities],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceReport:
    """What one small request to an organization's source found."""

    base_url: str
    entity: EntityName
    """What was asked for."""
    organization: str | None
    """The organization's id at the source, where it tells."""
    records: int | None
    """How many of them the source says it has; with a weak token, how many it shows."""
    limit: RateLimit
    """As the source announced it."""


def _entity_json(entity: EntityRunRecord) -> dict[str, Any]:
    counts = (
        "pages",
        "requests",
        "records",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "suspects",
        "held",
        "dead_letters",
    )
    return {
        "name": entity.entity,
        "status": entity.status,
        "reason": entity.reason,
        "reading": entity.reading,
        "path": entity.path,
        "parent": entity.parent,
        "carrier": entity.carrier,
        **{name: getattr(entity, name) for name in counts},
        "rows": entity.live_rows,
        "seconds": None if entity.seconds is None else round(entity.seconds, 3),
    }


class Engine:
    """The verbs. Open one with `Engine.open`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        keys: Sequence[SecretKey],
        migrated: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings
        self.database_url = database.url
        self.database_name = database.name
        """Its host, port and database; never its password."""
        self.migrated = migrated
        """The migrations that opening this engine applied."""
        self._database = database
        self._keys = keys
        self._manifests = {name: adapter.load_manifest() for name, adapter in ADAPTERS.items()}
        self._mappings = {name: adapter.load_mapping() for name, adapter in ADAPTERS.items()}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings | None = None, *, linger: bool = False) -> AsyncIterator[Engine]:
        """Open the database, embedded where no URL is set, and bring its tables up to date.

        Args:
            settings: the environment's, where None.
            linger: leave an embedded server running when the last process has left.

        Raises:
            ConfigurationError: a setting is wrong, or there is neither a URL nor an embedded server.
            ManifestError: the installed data is not what its format promises. Nothing was written.
            DatabaseUnavailableError: the database cannot be reached.
            DatabaseRefusedError: it is too old, too new, or denies what is needed.
        """
        settings = settings or load_settings()
        for adapter in ADAPTERS.values():
            adapter.load_mapping()  # and with it the manifest: read once, before anything is started or written
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(_database_url(settings, linger=linger))
            migrated = await migrate(url)
            # A page needs a connection for milliseconds, and each connection plans every statement for itself.
            database = await stack.enter_async_context(
                open_database(url, connections=min(settings.worker_concurrency, 4) + 2)
            )
            engine = cls(settings, database, _secret_keys(settings), migrated)
            await engine._make_mirror_tables()
            yield engine

    async def _make_mirror_tables(self, *, insist: bool = False) -> None:
        for manifest in self._manifests.values():
            await ensure_mirror_tables(self._database, manifest, insist=insist)
            mapping = self._mappings[manifest.adapter]
            await install_canonical_model(self._database, manifest, mapping, insist=insist)

    def manifest(self, adapter: str = "pco") -> Manifest:
        """What an adapter's API offers."""
        return self._manifests[find_adapter(adapter).name]

    # Organizations

    async def connect(
        self,
        org: str,
        token: str,
        *,
        adapter: str = "pco",
        base_url: str | None = None,
        verify: bool = True,
        moved: bool = False,
    ) -> SourceReport | None:
        """Keep an organization and the token by which its source is read.

        Args:
            token: `app_id:secret` for a personal access token, else a bearer token.
            verify: ask the source once, so that a wrong token is told now and not by the first run.
            moved: it is the same source at another address, so a run under way may go on there.

        Returns what the source answered; None where it was not asked.

        Raises:
            ConfigurationError: the name, token or URL cannot be used, or the token is another organization's than the
                one that has this name.
            RunConflictError: a run is under way that reads another address.
            CredentialsRejectedError: the source does not accept the token.
            AccessDeniedError: it does, but the token's user may not read the product.
            SourceUnavailableError: the source does not answer.
        """
        org_id = check_org_id(org)
        known = find_adapter(adapter)
        url = base_url or known.base_url
        credential = Credential(org_id=org_id, adapter=known.name, base_url=url, token=token)
        async with _client(credential) as client:
            report = await self._ask_once(client, credential) if verify else None
        known_as = None if report is None else report.organization
        credential = replace(credential, source_org=known_as)
        await save_credential(self._database, self._keys, credential, moved=moved)
        return report

    async def check_source(self, org: str, *, adapter: str = "pco") -> SourceReport:
        """Ask an organization's source once, with the token that is kept.

        Raises:
            UnknownNameError: the organization is not connected.
            ConfigurationError: the secret keys do not open its token.
            CredentialsRejectedError, AccessDeniedError, SourceUnavailableError: as for `connect`.
        """
        org_id = await self._known_org(org)
        credential = await get_credential(self._database, self._keys, org_id, adapter)
        async with _client(credential) as client:
            return await self._ask_once(client, credential)

    async def check_manifest(self, org: str, *, adapter: str = "pco") -> ManifestCheck:
        """Compare the manifest with what an organization's source says of itself: one request for every collection.

        Raises:
            UnknownNameError: the organization is not connected.
            ConfigurationError: the secret keys do not open its token.
            CredentialsRejectedError: the source does not accept the token.
        """
        org_id = await self._known_org(org)
        credential = await get_credential(self._database, self._keys, org_id, adapter)
        async with _client(credential) as client:
            return await check_manifest(self._database, self.manifest(adapter), client, org_id)

    async def _ask_once(self, client: SourceClient, credential: Credential) -> SourceReport:
        """One small request that a good token is allowed."""
        manifest, name = self.manifest(credential.adapter), find_adapter(credential.adapter).probe
        entity = manifest.entities[name]
        assert entity.listing is not None, "an adapter's probe can be listed"
        version = manifest.products[entity.product].version
        page = await client.get_page(entity.listing.path, {"per_page": "1"}, version=version)
        return SourceReport(
            base_url=credential.base_url,
            entity=name,
            organization=page.organization,
            records=page.total_count,
            limit=client.statistics.limit,
        )

    async def organizations(self) -> list[tuple[OrgId, str, str]]:
        """Organization, adapter and base URL of every connection."""
        return await list_organizations(self._database)

    # Runs

    async def start(
        self,
        org: str,
        *,
        adapter: str = "pco",
        kind: SyncKind = SyncKind.FULL,
        entities: Collection[str] | None = None,
        products: Collection[str] | None = None,
        strategy: Strategy | str = Strategy.HYBRID,
        dry_run: bool = False,
        requested_by: str = "python",
    ) -> RunRecord:
        """Request a run. The same run that is queued or running already is joined instead.

        The run is done by whoever is `working` on this database.

        Args:
            entities: these only, beside those of `products`; everything that can be read where both are None.
            products: all that can be read of these.
            strategy: how the entities wait for each other. A run that is joined keeps its own: the tables come out
                alike.
            dry_run: change nothing, and count what would be inserted, updated and deleted. The run works on a copy of
                the organization's rows, which is gone when it is over.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
            ConfigurationError: an entity cannot be read, or none was named; or there is no such strategy.
        """
        run, _ = await self.request(
            org,
            adapter=adapter,
            kind=kind,
            entities=entities,
            products=products,
            strategy=strategy,
            dry_run=dry_run,
            requested_by=requested_by,
        )
        return run

    async def request(
        self,
        org: str,
        *,
        adapter: str = "pco",
        kind: SyncKind = SyncKind.FULL,
        entities: Collection[str] | None = None,
        products: Collection[str] | None = None,
        strategy: Strategy | str = Strategy.HYBRID,
        dry_run: bool = False,
        requested_by: str = "python",
    ) -> tuple[RunRecord, bool]:
        """As `start`; says also whether the run is new. A dry run and one that is none never join each other."""
        chosen = _known_strategy(strategy)
        org_id = await self._known_org(org)
        names = self._resolve(adapter, entities, products)
        # A secret that does not open is told now, and not by every entity of a run.
        await get_credential(self._database, self._keys, org_id, find_adapter(adapter).name)
        run_id, new = await request_run(
            self._database,
            org_id=org_id,
            adapter=adapter,
            kind=kind,
            entities=names,
            strategy=chosen,
            requested_by=requested_by,
            dry_run=dry_run,
        )
        if not new:
            await store_events(self._database, [RunJoined(about=Subject(org_id=org_id, run_id=run_id))])
        return await get_run(self._database, run_id), new

    async def sync(
        self,
        org: str,
        *,
        adapter: str = "pco",
        kind: SyncKind = SyncKind.FULL,
        entities: Collection[str] | None = None,
        products: Collection[str] | None = None,
        strategy: Strategy | str = Strategy.HYBRID,
        dry_run: bool = False,
        requested_by: str = "python",
    ) -> RunView:
        """Start a run and wait until it is over; do the work here unless a worker is alive.

        After a crash the same call continues the interrupted run at its last committed page. With `dry_run` nothing is
        written, and the counts say what a sync would do.
        """
        run = await self.start(
            org,
            adapter=adapter,
            kind=kind,
            entities=entities,
            products=products,
            strategy=strategy,
            dry_run=dry_run,
            requested_by=requested_by,
        )
        async with self.working_if_nobody_is():
            return await self.wait(run.run_id)

    async def wait(self, run_id: RunId) -> RunView:
        """The run, once it is over."""
        async for view in self.watch(run_id):
            if view.run.is_final:
                return view
        raise AssertionError("a watch ends with a final view")  # pragma: no cover

    async def watch(self, run_id: RunId) -> AsyncIterator[RunView]:
        """The run as it stands, again and again, until it is over."""
        while True:
            view = await self.run(run_id)
            yield view
            if view.run.is_final:
                return
            await asyncio.sleep(_WATCH_SECONDS)

    async def run(self, run_id: RunId) -> RunView:
        """One run as it stands."""
        run = await get_run(self._database, run_id)
        return RunView(run=run, entities=tuple(await list_entity_runs(self._database, run_id)))

    async def runs(self, org: str | None = None, *, limit: int = 20) -> list[RunRecord]:
        """The newest runs first."""
        org_id = None if org is None else await self._known_org(org)
        return await list_runs(self._database, org_id, limit=limit)

    async def events(self, run_id: RunId, *, limit: int = 200) -> list[StoredEvent]:
        """What a run decided, oldest first."""
        return await list_events(self._database, run_id, limit=limit)

    async def cancel(self, run_id: RunId) -> RunRecord:
        """Stop a run after its page in flight. What was committed stays, and `retry` goes on from there."""
        return await cancel_run(self._database, run_id)

    async def retry(self, run_id: RunId) -> RunRecord:
        """Queue what of a run did not complete; it goes on at the last committed page.

        Raises:
            UnknownNameError: there is no such run.
            RunConflictError: it completed, or is not over, or is a dry run.
        """
        return await retry_run(self._database, run_id)

    async def status(self, org: str | None = None) -> list[EntityState]:
        """What is known of every entity, across runs."""
        org_id = None if org is None else await self._known_org(org)
        return await list_sync_state(self._database, org_id)

    async def sync_outcomes(self, org: str | None = None) -> list[SyncOutcome]:
        """How the last run of each kind ended for every entity."""
        org_id = None if org is None else await self._known_org(org)
        return await list_sync_outcomes(self._database, org_id)

    async def reconciliations(self, run_id: RunId) -> list[Reconciliation]:
        """What came of each entity's listing in a reconciliation; nothing where the run is of another kind."""
        return await list_reconciliations(self._database, run_id)

    async def plan(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entities: Collection[str] | None = None,
        products: Collection[str] | None = None,
    ) -> Plan:
        """How a run would read each entity, and with how many requests. Asks nothing of the source.

        Raises:
            UnknownNameError: there is no such organization, entity or product; names near ones.
            ConfigurationError: an entity cannot be read.
        """
        states = await self.status(org)
        counts = {EntityName(s.entity): s.live_rows for s in states if s.adapter == adapter}
        return make_plan(self.manifest(adapter), self._resolve(adapter, entities, products), counts)

    async def sample_people(self, org: str, *, limit: int = 5) -> list[SamplePerson]:
        """A few rows of an organization to look at, joined over its mirror tables."""
        return await sample_people(self._database, await self._known_org(org), limit=limit)

    # Suspects

    async def suspects(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        states: Collection[SuspectState] = OPEN_SUSPECTS,
        after: Suspect | None = None,
        limit: int = 1000,
    ) -> list[Suspect]:
        """Stored records that a proven listing did not show, in the order of entity and id.

        Args:
            after: the last one of the part before this one.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await list_suspects(
            self._database,
            await self._known_org(org),
            entity=None if entity is None else resolve_entity(self.manifest(adapter), entity),
            states=states,
            after=after,
            limit=limit,
        )

    async def count_suspects(
        self,
        org: str,
        *,
        adapter: str = "pco",
        entity: str | None = None,
        states: Collection[SuspectState] = OPEN_SUSPECTS,
    ) -> list[SuspectSummary]:
        """How many suspects of each entity are in each state, since when, and why.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        return await summarize_suspects(
            self._database,
            await self._known_org(org),
            entity=None if entity is None else resolve_entity(self.manifest(adapter), entity),
            states=states,
        )

    async def approve_suspects(
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

    async def reject_suspects(
        self, org: str, entity: str, ids: Collection[str] | None, *, adapter: str = "pco", by: str = "python"
    ) -> int:
        """Keep suspects, whatever a listing shows, until they were listed again.

        Args:
            ids: None for all that wait now. By their ids also those that do not wait, or were approved.
            by: who decided.

        Returns and raises as `approve_suspects`.
        """
        return await self._decide(org, entity, ids, adapter=adapter, by=by, approve=False)

    async def _decide(
        self, org: str, entity: str, ids: Collection[str] | None, *, adapter: str, by: str, approve: bool
    ) -> int:
        if isinstance(ids, str):
            raise ConfigurationError("ids", f"it is the text {ids!r}", f"a list, as in [{ids!r}]")
        return await decide_suspects(
            self._database,
            await self._known_org(org),
            find_adapter(adapter).name,
            resolve_entity(self.manifest(adapter), entity),
            ids,
            approve=approve,
            by=by,
            all_or_none=True,
        )

    async def deletion_policy(self, org: str, entity: str, *, adapter: str = "pco") -> DeletionPolicy:
        """What becomes of the row of an entity's record that is gone at the source.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
        """
        org_id, name = await self._known_org(org), resolve_entity(self.manifest(adapter), entity)
        return await get_deletion_policy(self._database, org_id, find_adapter(adapter).name, name)

    async def set_deletion_policy(
        self, org: str, entity: str, policy: DeletionPolicy | str, *, adapter: str = "pco"
    ) -> None:
        """Set what is to become of an entity's rows that are deleted from now on.

        Raises:
            UnknownNameError: there is no such organization or entity; names near ones.
            ConfigurationError: there is no such policy.
        """
        org_id, name = await self._known_org(org), resolve_entity(self.manifest(adapter), entity)
        if policy not in set(DeletionPolicy):
            raise ConfigurationError("policy", repr(policy), f"one of {', '.join(DeletionPolicy)}")
        await set_deletion_policy(
            self._database, org_id, find_adapter(adapter).name, name, DeletionPolicy(policy)
        )

    # Working

    async def prepare_working(self) -> None:
        """Do at once, and to the end, what the first process that works otherwise does beside its work.

        The durable engine gets its tables. The mirror tables and the canonical views become what this very program
        wants, even where a newer one was there before, and new columns are filled.

        Raises:
            DatabaseRefusedError: something of somebody else's rests on a view that must be made anew.
        """
        await migrate_durable_engine(self._database)
        await self._make_mirror_tables(insist=True)
        await fill_mirror_tables(self._database)

    @asynccontextmanager
    async def working(self, role: str = "worker") -> AsyncIterator[Executor]:
        """Do the work of this database in this process, for as long as the block runs."""
        executor = new_executor(role)
        lease = Lease(
            executor,
            url=self.database_url,
            application_version=APPLICATION_VERSION,
            ttl=self.settings.lease_ttl,
            locks=ProcessLocks(self.settings.home / "executors"),
        )
        runtime = Runtime(
            database=self._database,
            manifests=self._manifests,
            keys=self._keys,
            entities_in_flight=self.settings.entities_in_flight,
        )
        try:
            async with durable_engine(runtime, lease, worker_concurrency=self.settings.worker_concurrency):
                beside = [
                    asyncio.create_task(serve(runtime)),
                    asyncio.create_task(keep_filling(self._database)),
                ]
                try:
                    yield executor
                finally:
                    for task in beside:
                        task.cancel()
                    for ended in await asyncio.gather(*beside, return_exceptions=True):
                        if isinstance(ended, Exception):
                            _log.error("what looks after the work had ended", reason=repr(type(ended)))
        finally:
            await runtime.close()

    @asynccontextmanager
    async def working_if_nobody_is(self) -> AsyncIterator[bool]:
        """Do the work here, unless a worker process is alive on this database. Yields whether it is done here."""
        if any(e.role == "worker" for e in await self.executors()):
            yield False
            return
        async with self.working("command"):
            yield True

    async def executors(self) -> list[Executor]:
        """The processes that are working on this database."""
        return await asyncio.to_thread(self._list_alive)

    def _list_alive(self) -> list[Executor]:
        locks = ProcessLocks(self.settings.home / "executors")
        with lease_connection(self.database_url, timeout=timedelta(seconds=10)) as connection:
            alive = connection.list_alive()
            gone = set(locks.gone([e.executor_id for e in alive]))
            connection.expire(sorted(gone))
        return [e for e in alive if e.executor_id not in gone]

    def _resolve(
        self, adapter: str, entities: Collection[str] | None, products: Collection[str] | None
    ) -> list[EntityName] | None:
        if entities is None and products is None:
            return None
        for name, given in (("entities", entities), ("products", products)):
            if isinstance(given, str):
                raise ConfigurationError(name, f"it is the text {given!r}", f"a list, as in [{given!r}]")
        if not entities and not products:
            raise ConfigurationError(
                "entities", "none is named", "at least one, or no list at all for everything"
            )
        manifest = self.manifest(adapter)
        wanted = {resolve_product(manifest, product) for product in products or ()}
        whole = [e.name for e in make_plan(manifest).entities if manifest.entities[e.name].product in wanted]
        return list(make_plan(manifest, [*whole, *(entities or ())]).order)

    async def _known_org(self, org: str) -> OrgId:
        known = {org_id for org_id, _, _ in await list_organizations(self._database)}
        if org not in known:
            hint = f"connect it with `openfaith connect pco --org {org}`"
            raise UnknownNameError("organization", org, near_names(org, known), hint)
        return OrgId(org)


@asynccontextmanager
async def _database_url(settings: Settings, *, linger: bool) -> AsyncIterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = await asyncio.to_thread(EmbeddedServer.start, settings.home, linger=linger)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.release)


def _secret_keys(settings: Settings) -> tuple[SecretKey, ...]:
    if settings.secret_keys is not None:
        return parse_keys(settings.secret_keys.get_secret_value())
    return load_or_create_keys(settings.home / "secret.keys")


def _client(credential: Credential) -> SourceClient:
    return SourceClient(
        base_url=credential.base_url, token=parse_token(credential.token), retry=_FOR_A_PERSON
    )


def _known_strategy(name: Strategy | str) -> Strategy:
    if name not in set(Strategy):
        raise ConfigurationError("strategy", repr(name), f"one of {', '.join(Strategy)}")
    return Strategy(name)


def check_org_id(org: str) -> OrgId:
    """Check an organization's name before it becomes part of every row.

    Raises:
        ConfigurationError: it has other characters than these.
    """
    if not _ORG_ID.fullmatch(org):
        raise ConfigurationError(
            "organization",
            f"{org!r} cannot be used",
            "1 to 63 of a-z 0-9 . _ - , starting with a letter or digit",
        )
    return OrgId(org)


def run_pco_sync(
    token: str,
    entities: Collection[str] | None = None,
    *,
    org: str = "default",
    strategy: Strategy | str = Strategy.HYBRID,
    base_url: str | None = None,
    settings: Settings | None = None,
) -> RunView:
    """Sync a Planning Center account into PostgreSQL: the named entities, or all that can be read.

    Args:
        token: `app_id:secret` of a personal access token, or a bearer token.
        entities: as in `["Person"]` or `["people.Person", "people.Email"]`.
        org: under which name its rows are kept.
        strategy: how the entities wait for each other: `sequential`, `parallel` or `hybrid`.
        base_url: of another source than Planning Center itself, such as the simulator.
        settings: the environment's, where None.

    Returns what happened, per entity. A run that failed is a result; what keeps it from starting is an error.

    Raises:
        UnknownNameError: no such entity; names near ones.
        SyncError: the settings, the database or the token cannot be used.
    """
    return run(
        _run_pco_sync(
            token,
            entities,
            org=org,
            strategy=_known_strategy(strategy),
            base_url=base_url,
            settings=settings,
        )
    )


async def _run_pco_sync(
    token: str,
    entities: Collection[str] | None,
    *,
    org: str,
    strategy: Strategy,
    base_url: str | None,
    settings: Settings | None,
) -> RunView:
    if not isinstance(entities, str):
        make_plan(
            find_adapter("pco").load_manifest(), entities
        )  # a wrong name is told before anything is started
    async with Engine.open(settings) as engine:
        await engine.connect(org, token, base_url=base_url)
        return await engine.sync(org, entities=entities, strategy=strategy)


__all__ = ["Engine", "RunView", "SourceReport", "SyncError", "check_org_id", "run_pco_sync"]
