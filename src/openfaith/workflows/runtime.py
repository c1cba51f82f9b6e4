"""What steps need and must not be stored: the database, the manifests, the keys, the clients.

The durable engine calls workflow functions by name, in whatever process recovers them. Each process therefore
binds one runtime before it launches the engine, and steps find it here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from openfaith.breakers import BREAKER, BreakerPolicy, Gate
from openfaith.errors import ProductClosedError, SyncError, UnknownNameError
from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityName, OrgId, RunId, base_adapter, is_copy
from openfaith.source import RateBudget, SourceClient, SourceEvent, parse_token
from openfaith.store import (
    BlindChanges,
    Database,
    PageWriter,
    Rider,
    SecretKey,
    close_product,
    get_credential,
    is_product_closed,
    list_beside,
    store_events,
)
from openfaith.telemetry import Event, ProductNotAccessible, SourceNotice, Subject, log_event

_LONGEST_COMMIT = timedelta(seconds=5)
"""A process that is stopping waits no longer for the pages that it is writing."""

_MOST_COPIES = 4
"""Of how many dry runs the writers are kept. What they need is composed again where there are more at once."""


@dataclass(kw_only=True)
class Runtime:
    """One process's means. Bound by `bind`, for as long as its engine runs."""

    database: Database
    manifests: Mapping[str, Manifest]
    """By adapter."""
    keys: Sequence[SecretKey]
    entities_in_flight: int
    """Of one organization."""
    breakers: BreakerPolicy = BREAKER
    random: Callable[[], float] = random.random
    """Draws from [0, 1)."""
    reading: dict[OrgId, RunId] = field(default_factory=dict)
    """The run that reads for an organization: there is one at a time. What its client notices belongs to it."""
    _writers: dict[tuple[str, EntityName, tuple[tuple[EntityName, str], ...], bool, bool], PageWriter] = (
        field(default_factory=dict)
    )
    _closed: dict[OrgId, tuple[RunId, dict[str, ProductClosedError]]] = field(default_factory=dict)
    """By organization, of its latest run: a long-lived process keeps nothing of the runs before."""
    _clients: dict[tuple[str, str], SourceClient] = field(default_factory=dict)
    _budgets: dict[tuple[str, str], RateBudget] = field(default_factory=dict)
    _credentials: dict[tuple[OrgId, str], tuple[str, str]] = field(default_factory=dict)
    _saved_at: dict[tuple[OrgId, str], datetime | None] = field(default_factory=dict)
    _notices: set[asyncio.Task[None]] = field(default_factory=set)
    _stopping: bool = False
    _committing: int = 0
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def manifest(self, adapter: str) -> Manifest:
        """The manifest of an adapter; under the name of a dry run's copy, the same with the tables of that.

        Raises:
            UnknownNameError: this program has no such adapter.
        """
        try:
            found = self.manifests[base_adapter(adapter)]
        except KeyError:
            raise UnknownNameError("adapter", adapter, tuple(self.manifests)) from None
        return replace(found, adapter=adapter) if is_copy(adapter) else found

    def writer(
        self,
        adapter: str,
        entity: Entity,
        riders: Sequence[Rider] = (),
        *,
        lists: bool = False,
        finds_blind: bool = False,
    ) -> PageWriter:
        """What commits an entity's pages and what rides on them; made once, since it composes long statements.

        Args:
            lists: keep the ids in the listings of the entity runs, too.
            finds_blind: count the changes that moved no stamp.
        """
        manifest = self.manifest(adapter)
        carried = tuple((rider.entity, rider.include) for rider in riders)
        key = (adapter, entity.name, carried, lists, finds_blind)
        if key not in self._writers:
            self._forget_old_copies(adapter)
            self._writers[key] = PageWriter(
                self.database,
                manifest,
                entity,
                [(manifest.entities[rider], include) for rider, include in carried],
                list_beside if lists else None,
                blind=BlindChanges(manifest) if finds_blind else None,
            )
        return self._writers[key]

    def _forget_old_copies(self, wanted: str) -> None:
        """Every dry run has a name of its own: a long-lived process keeps nothing of those before."""
        copies = [name for name in dict.fromkeys(key[0] for key in self._writers) if is_copy(name)]
        if wanted in copies or len(copies) < _MOST_COPIES:
            return
        self._writers = {key: writer for key, writer in self._writers.items() if key[0] != copies[0]}

    async def refuse_closed(self, about: Subject, product: str) -> None:
        """Spare a request for a product that the run has found closed, unless it was retried since.

        Raises:
            ProductClosedError: it is.
        """
        closed = self._closed_in(about)
        refusal = closed.get(product)
        if refusal is None:
            return
        assert about.run_id is not None, "products are closed for a run"
        if await is_product_closed(self.database, about.run_id, product):
            raise refusal
        closed.pop(product, None)  # another of its entities may have been told so at the same time

    def has_closed(self, about: Subject, product: str) -> bool:
        """Whether the run has found a product closed, and told it, so that its entities need not be told of."""
        return product in self._closed_in(about)

    def _closed_in(self, about: Subject) -> dict[str, ProductClosedError]:
        """What the run that `about` names has found closed, as far as this process knows."""
        assert about.org_id is not None, "products are closed for an organization"
        assert about.run_id is not None, "products are closed for a run"
        run_id, closed = self._closed.get(about.org_id, (None, {}))
        if run_id != about.run_id:
            closed = {}
            self._closed[about.org_id] = (about.run_id, closed)
        return closed

    async def close_product(
        self, about: Subject, product: str, error: ProductClosedError
    ) -> ProductClosedError:
        """Remember that a run may see nothing of a product, and tell it once. Returns what ends its entities."""
        closed = ProductClosedError(error.what, error.seen, product)
        self._closed_in(about)[product] = closed
        assert about.run_id is not None, "products are closed for a run"
        if await close_product(self.database, about.run_id, product, str(closed)):
            subject = Subject(org_id=about.org_id, run_id=about.run_id)
            await self.tell(ProductNotAccessible(about=subject, product=product, reason=error.seen))
        return closed

    async def connect(self, org_id: OrgId, adapter: str) -> SourceClient:
        """The organization's client, by its present credential. One per credential: they share its rate budget.

        Whatever a dry run asks is asked of the same source, with the same credential.

        Raises:
            UnknownNameError: the organization is not connected.
            ConfigurationError: its secret cannot be opened, or its base URL cannot be used.
        """
        adapter = base_adapter(adapter)
        credential = await get_credential(self.database, self.keys, org_id, adapter)
        key = (credential.base_url, credential.token)
        self._credentials[(org_id, adapter)] = key
        self._saved_at[(org_id, adapter)] = credential.saved_at
        if key not in self._clients:
            self._clients[key] = SourceClient(
                base_url=credential.base_url,
                token=parse_token(credential.token),
                budget=self._budgets.setdefault(key, RateBudget()),
                gate=Gate(policy=self.breakers),
                on_event=lambda event: self._notice(org_id, event),
            )
        return self._clients[key]

    async def client(self, org_id: OrgId, adapter: str) -> SourceClient:
        """The organization's client, as `connect` left it; connects where this process has not yet."""
        key = self._credentials.get((org_id, base_adapter(adapter)))
        return self._clients[key] if key in self._clients else await self.connect(org_id, adapter)

    def saved_at(self, org_id: OrgId, adapter: str, client: SourceClient) -> datetime | None:
        """When the credentials that a client goes by were kept; None where this process knows newer ones."""
        place = (org_id, base_adapter(adapter))
        key = self._credentials.get(place)
        return self._saved_at.get(place) if key in self._clients and self._clients[key] is client else None

    async def tell(self, *events: Event) -> None:
        """Log events and store them."""
        if events:
            for event in events:
                log_event(event)
            await store_events(self.database, events)

    def _notice(self, org_id: OrgId, event: SourceEvent) -> None:
        """A client's notice, stored without making its request wait."""
        notice = SourceNotice(
            about=Subject(org_id=org_id, run_id=self.reading.get(org_id)),
            notice=type(event).__name__,
            text=str(event),
        )
        task = asyncio.get_running_loop().create_task(self._tell_of(notice))
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _tell_of(self, notice: SourceNotice) -> None:
        """It is logged in any case. Nobody waits for it, who could be told that the database is away."""
        with suppress(SyncError):
            await self.tell(notice)

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[None]:
        """Around the commit of a page. Once the process is stopping, no further commit begins: its caller waits here
        until the process ends, and whoever continues the work begins with that page.
        """
        if self._stopping:
            await asyncio.Event().wait()
        self._committing += 1
        try:
            yield
        finally:
            self._committing -= 1
            if not self._committing:
                self._quiet.set()

    async def stop(self) -> None:
        """Let the commits under way end, and no further one begin."""
        self._stopping = True
        self._quiet.clear()
        if self._committing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), _LONGEST_COMMIT.total_seconds())

    async def close(self) -> None:
        """Close the clients; wait for what is still being stored."""
        await asyncio.gather(*self._notices, return_exceptions=True)
        for client in self._clients.values():
            await client.close()


_bound: Runtime | None = None


def bind(runtime: Runtime | None) -> None:
    """Make this the process's runtime; None unbinds it."""
    global _bound  # noqa: PLW0603  # workflow functions are called by name, without arguments of ours
    _bound = runtime


def is_bound() -> bool:
    """Whether this process works already. The durable engine is one per process."""
    return _bound is not None


def current() -> Runtime:
    """The bound runtime. Steps only run while there is one."""
    assert _bound is not None, "the durable engine runs without a runtime"
    return _bound
