"""The verbs: organizations, runs, what is known of their entities, and working."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Unpack

from openfaith.adapters import ADAPTERS, find_adapter
from openfaith.breakers import BREAKER
from openfaith.engine.alerts import Alerts, alert_senders, alert_targets
from openfaith.engine.dead_letters import DeadLetters
from openfaith.engine.organizations import ask_once, known_org, open_client
from openfaith.engine.requests import RunOptions, check_org_id, known_strategy, resolve_entities
from openfaith.engine.suspects import Suspects
from openfaith.engine.views import RunView, SourceReport
from openfaith.loops import end_tasks
from openfaith.manifest import Manifest
from openfaith.planning import Plan, make_plan
from openfaith.records import EntityName, OrgId, RunId, Strategy, SyncKind
from openfaith.settings import Settings, load_settings
from openfaith.store import (
    Credential,
    Database,
    EntityState,
    Executor,
    OpenBreaker,
    Reconciliation,
    RunRecord,
    SamplePerson,
    SecretKey,
    StoredEvent,
    SyncOutcome,
    Trouble,
    cancel_run,
    ensure_mirror_tables,
    fill_mirror_tables,
    find_breaker,
    get_credential,
    get_run,
    go_on,
    identify_database,
    install_canonical_model,
    lease_connection,
    list_breakers,
    list_entity_runs,
    list_events,
    list_organizations,
    list_reconciliations,
    list_runs,
    list_sync_outcomes,
    list_sync_state,
    list_troubles,
    load_or_create_keys,
    migrate,
    open_database,
    parse_keys,
    request_run,
    retry_run,
    sample_people,
    save_credential,
    store_events,
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
    keep_alerting,
    keep_filling,
    look_once,
    migrate_durable_engine,
    new_executor,
    serve,
)

_log = get_logger("openfaith.engine")

_WATCH_SECONDS = 0.5


class Engine:
    """The verbs. Open one with `Engine.open`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        keys: Sequence[SecretKey],
        identity: str,
        migrated: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings
        self.database_url = database.url
        self.database_name = database.name
        """Its host, port and database; never its password."""
        self.migrated = migrated
        """The migrations that opening this engine applied."""
        self._database = database
        self._identity = identity
        self._keys = keys
        self._manifests = {name: adapter.load_manifest() for name, adapter in ADAPTERS.items()}
        self.suspects = Suspects(database, self.manifest)
        self.dead_letters = DeadLetters(database, self.manifest)
        self.alerts = Alerts(database)
        self.breakers = BREAKER
        """When a source in trouble is left alone, and how long it is waited for."""
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
        alert_senders(
            settings
        )  # a wrong one is told before anything is started, and not by a worker's silence
        for adapter in ADAPTERS.values():
            adapter.load_mapping()  # and with it the manifest: read once, before anything is started or written
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(_database_url(settings, linger=linger))
            migrated = await migrate(url)
            # A page needs a connection for milliseconds, and each connection plans every statement for itself.
            database = await stack.enter_async_context(
                open_database(url, connections=min(settings.worker_concurrency, 4) + 2)
            )
            identity = await identify_database(database)
            engine = cls(settings, database, _secret_keys(settings), identity, migrated)
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

        The last run that was stopped because the source rejected the token of before is queued again: it goes on where
        it was.

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
        async with open_client(credential) as client:
            report = await ask_once(client, self.manifest(credential.adapter), credential) if verify else None
        known_as = None if report is None else report.organization
        credential = replace(credential, source_org=known_as)
        stopped = await save_credential(self._database, self._keys, credential, moved=moved)
        if stopped is not None:
            await go_on(self._database, stopped)
        return report

    async def check_source(self, org: str, *, adapter: str = "pco") -> SourceReport:
        """Ask an organization's source once, with the token that is kept.

        Raises:
            UnknownNameError: the organization is not connected.
            ConfigurationError: the secret keys do not open its token.
            CredentialsRejectedError, AccessDeniedError, SourceUnavailableError: as for `connect`.
        """
        org_id = await known_org(self._database, org)
        credential = await get_credential(self._database, self._keys, org_id, adapter)
        async with open_client(credential) as client:
            return await ask_once(client, self.manifest(credential.adapter), credential)

    async def check_manifest(self, org: str, *, adapter: str = "pco") -> ManifestCheck:
        """Compare the manifest with what an organization's source says of itself: one request for every collection.

        Raises:
            UnknownNameError: the organization is not connected.
            ConfigurationError: the secret keys do not open its token.
            CredentialsRejectedError: the source does not accept the token.
        """
        org_id = await known_org(self._database, org)
        credential = await get_credential(self._database, self._keys, org_id, adapter)
        async with open_client(credential) as client:
            return await check_manifest(self._database, self.manifest(adapter), client, org_id)

    async def organizations(self) -> list[tuple[OrgId, str, str]]:
        """Organization, adapter and base URL of every connection."""
        return await list_organizations(self._database)

    # Runs

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
        """Request a run; `RunOptions` says what each of its options is. Returns the run, and whether it is new.

        The same run that is queued or running already is joined instead. A dry run and one that is none never join
        each other. The run is done by whoever is `working` on this database.

        Raises:
            UnknownNameError: there is no such organization, entity or product; names near ones.
            ConfigurationError: an entity cannot be read, or none was named; or there is no such strategy.
        """
        chosen = known_strategy(strategy)
        org_id = await known_org(self._database, org)
        names = resolve_entities(self.manifest(adapter), entities, products)
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

    async def start(self, org: str, **options: Unpack[RunOptions]) -> RunRecord:
        """As `request`, for whom it does not matter whether the run is new."""
        run, _ = await self.request(org, **options)
        return run

    async def sync(self, org: str, **options: Unpack[RunOptions]) -> RunView:
        """Start a run and wait until it is over; do the work here unless a worker is alive.

        After a crash the same call continues the interrupted run at its last committed page. With `dry_run` nothing is
        written, and the counts say what a sync would do.

        Raises:
            UnknownNameError, ConfigurationError: as `request`.
        """
        run = await self.start(org, **options)
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
        org_id = None if org is None else await known_org(self._database, org)
        return await list_runs(self._database, org_id, limit=limit)

    async def events(self, run_id: RunId, *, limit: int = 200) -> list[StoredEvent]:
        """What a run decided, oldest first."""
        return await list_events(self._database, run_id, limit=limit)

    async def troubles(self, run_id: RunId) -> list[Trouble]:
        """What went wrong in a run, by kind: how often, when, of which entities, and an example of each."""
        return await list_troubles(self._database, run_id)

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
        org_id = None if org is None else await known_org(self._database, org)
        return await list_sync_state(self._database, org_id)

    async def open_breakers(self, org: str | None = None) -> Sequence[OpenBreaker]:
        """The sources that are left alone: for an organization or for all, and for everybody who reads them."""
        org_id = None if org is None else await known_org(self._database, org)
        return await list_breakers(self._database, org_id)

    async def waiting_for(self, org: str, *, adapter: str = "pco") -> OpenBreaker | None:
        """What keeps an organization from its source; None where nothing does."""
        return await find_breaker(self._database, await known_org(self._database, org), adapter)

    async def sync_outcomes(self, org: str | None = None) -> list[SyncOutcome]:
        """How the last run of each kind ended for every entity."""
        org_id = None if org is None else await known_org(self._database, org)
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
        return make_plan(
            self.manifest(adapter), resolve_entities(self.manifest(adapter), entities, products), counts
        )

    async def sample_people(self, org: str, *, limit: int = 5) -> list[SamplePerson]:
        """A few rows of an organization to look at, joined over its mirror tables."""
        return await sample_people(self._database, await known_org(self._database, org), limit=limit)

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
        targets, senders = alert_targets(self.settings), alert_senders(self.settings)
        lease = Lease(
            executor,
            url=self.database_url,
            application_version=APPLICATION_VERSION,
            ttl=self.settings.lease_ttl,
            locks=self._locks(),
        )
        runtime = Runtime(
            database=self._database,
            manifests=self._manifests,
            keys=self._keys,
            breakers=self.breakers,
            entities_in_flight=self.settings.entities_in_flight,
        )
        try:
            async with durable_engine(runtime, lease, worker_concurrency=self.settings.worker_concurrency):
                beside = [
                    asyncio.create_task(serve(runtime)),
                    asyncio.create_task(keep_filling(self._database)),
                    asyncio.create_task(keep_alerting(self._database, targets, senders)),
                ]
                try:
                    yield executor
                finally:
                    for error in await end_tasks(beside):
                        _log.error("what looks after the work had ended", reason=repr(type(error)))
        finally:
            await runtime.close()

    @asynccontextmanager
    async def working_if_nobody_is(self) -> AsyncIterator[bool]:
        """Do the work here, unless a worker process is alive on this database. Yields whether it is done here.

        At the end alerts are looked at once more: nobody else would.
        """
        if any(e.role == "worker" for e in await self.executors()):
            yield False
            return
        async with self.working("command"):
            yield True
        await look_once(self._database, alert_targets(self.settings), alert_senders(self.settings))

    async def executors(self) -> list[Executor]:
        """The processes that are working on this database."""
        return await asyncio.to_thread(self._list_alive)

    def _locks(self) -> ProcessLocks:
        """Those of this database: who works on another in the same home knows nothing of its leases."""
        return ProcessLocks(self.settings.home / "executors" / self._identity)

    def _list_alive(self) -> list[Executor]:
        locks = self._locks()
        with lease_connection(self.database_url, timeout=timedelta(seconds=10)) as connection:
            alive = connection.list_alive()
            gone = set(locks.gone([e.executor_id for e in alive]))
            connection.expire(sorted(gone))
            locks.forget(gone)
        return [e for e in alive if e.executor_id not in gone]


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
