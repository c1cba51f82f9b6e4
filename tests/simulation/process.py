"""The engine without the durable one: the same steps, in one process that may die anywhere, and another that goes on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from dbos import DBOS
from typing_extensions import override

from openfaith.breakers import BREAKER
from openfaith.manifest import Manifest
from openfaith.planning import to_skip, to_start
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, Strategy, SyncKind
from openfaith.source import SourceClient
from openfaith.store import get_run, request_run, retry_run
from openfaith.workflows.entity_sync import sync_entity
from openfaith.workflows.orchestrator import read_plan
from openfaith.workflows.runtime import Runtime, bind
from openfaith.workflows.steps import (
    PlanResult,
    begin_sync_run,
    build_dependency_graph,
    finish_sync_run,
    get_permissions,
    skip_entities,
)
from simulation.database import Crash, Fuse, FusedDatabase

HASTY = replace(
    BREAKER,
    first_wait=timedelta(milliseconds=1),
    longest_wait=timedelta(milliseconds=1),
    shortest_sleep=timedelta(milliseconds=1),
    longest_sleep=timedelta(milliseconds=1),
    patience=timedelta(milliseconds=200),
    organizations=1_000_000,
)
"""Breakers go by the database's clock, which is nobody's to move."""

_sync_entity: Callable[[RunId, int, EntityName], Coroutine[Any, Any, str]] = inspect.unwrap(sync_entity)
"""The workflow's body. Its steps are plain functions where no durable engine was launched."""


@dataclass(kw_only=True)
class SimulatedRuntime(Runtime):
    """One process's means, with a client of the world's."""

    source: SourceClient

    @override
    async def connect(self, org_id: OrgId, adapter: str) -> SourceClient:
        return self.source

    @override
    async def client(self, org_id: OrgId, adapter: str) -> SourceClient:
        return self.source


@dataclass(kw_only=True)
class _Recorded:
    """What the durable engine would remember of a run's attempt."""

    begun: bool = False
    plan: PlanResult | None = None
    settled: dict[EntityName, EntityStatus] = field(default_factory=dict)


@dataclass(kw_only=True)
class Engine:
    """Runs syncs of one organization, in as many processes as it takes."""

    database: FusedDatabase
    manifest: Manifest
    org_id: OrgId
    connect: Callable[[Callable[[], None]], SourceClient]
    """Makes a process's client; what is given is called before and after each request."""
    entities_in_flight: int = 1

    async def sync(
        self, kind: SyncKind, entities: Sequence[EntityName], *, fuses: Sequence[Fuse] = ()
    ) -> RunId:
        """One run, to its end. A process dies with each of the fuses, and the last one lives."""
        run_id, _ = await request_run(
            self.database,
            org_id=self.org_id,
            adapter=self.manifest.adapter,
            kind=kind,
            entities=entities,
            requested_by="simulation",
        )
        await self._work(run_id, fuses)
        return run_id

    async def retry(self, run_id: RunId, *, fuses: Sequence[Fuse] = ()) -> None:
        """Go on with a run that did not complete."""
        await retry_run(self.database, run_id)
        await self._work(run_id, fuses)

    async def _work(self, run_id: RunId, fuses: Sequence[Fuse]) -> None:
        recorded = _Recorded()
        attempt = (await get_run(self.database, run_id)).attempt
        for fuse in _lives(fuses):
            self.database.fuse = fuse
            bind(self._new_runtime(fuse))
            try:
                with patch.object(DBOS, "sleep_async", asyncio.sleep):
                    await self._attempt(run_id, attempt, recorded)
            except Crash:
                continue
            finally:
                self.database.fuse = Fuse()
                bind(None)
            return

    def _new_runtime(self, fuse: Fuse) -> Runtime:
        return SimulatedRuntime(
            database=self.database,
            manifests={self.manifest.adapter: self.manifest},
            keys=(),
            entities_in_flight=self.entities_in_flight,
            breakers=HASTY,
            source=self.connect(fuse.touch),
            _writers=self.database.writers,
        )

    async def _attempt(self, run_id: RunId, attempt: int, recorded: _Recorded) -> None:
        """As `openfaith.workflows.orchestrator` does."""
        recorded.begun = recorded.begun or await begin_sync_run(run_id)
        assert recorded.begun, "there is one run at a time"
        if recorded.plan is None:
            while (pause := await get_permissions(run_id, attempt)) is not None:  # noqa: ASYNC110  # as the engine sleeps
                await asyncio.sleep(pause)
            run = await get_run(self.database, run_id)
            recorded.plan = await build_dependency_graph(
                run_id, run.adapter, None if run.entities is None else list(run.entities)
            )
        await self._run_entities(run_id, attempt, recorded.plan, recorded.settled)
        await finish_sync_run(run_id, attempt)

    async def _run_entities(
        self, run_id: RunId, attempt: int, plan: PlanResult, settled: dict[EntityName, EntityStatus]
    ) -> None:
        entities, limit, strategy = read_plan(plan), plan["in_flight"], Strategy(plan["strategy"])
        running: dict[EntityName, asyncio.Task[str]] = {}
        try:
            while True:
                if blocked := to_skip(entities, settled):
                    skipped = await skip_entities(run_id, attempt, blocked)
                    settled.update({name: EntityStatus(status) for name, status in skipped.items()})
                for name in to_start(entities, settled, running, limit=limit, strategy=strategy):
                    running[name] = asyncio.create_task(_sync_entity(run_id, attempt, name))
                if not running:
                    return
                await asyncio.wait(running.values(), return_when=asyncio.FIRST_COMPLETED)
                for name in [name for name, task in running.items() if task.done()]:
                    settled[name] = EntityStatus(running.pop(name).result())
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)


def _lives(fuses: Sequence[Fuse]) -> Iterator[Fuse]:
    yield from fuses
    yield Fuse()
