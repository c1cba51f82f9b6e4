"""A simulated church that changes, and the engine that follows it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from openfaith import Engine, RunStatus, RunView, Settings, SyncKind
from openfaith.adapters import find_adapter
from openfaith.manifest import table_name
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.store import EntityRunRecord, StoredEvent
from support.mirror import ask
from support.truth import differences, read_rows, simulated_truth

PCO = find_adapter("pco").load_manifest()

NO_WAITING = 10_000_000
"""Requests a period: nobody waits for a budget."""

WHOLE_CHURCH = SimulatorOptions(
    people=int(os.environ.get("OPENFAITH_TEST_PEOPLE", "60")), rate_limit=NO_WAITING
)
"""One that uses all products; `make whole-church` gives it 5,000 people."""


@dataclass(frozen=True)
class Follower:
    """One organization that follows a simulated church with some of its entities."""

    engine: Engine
    church: RunningSimulator
    url: str
    org: str
    entities: Sequence[str]

    async def sync(self, kind: str = "full", *entities: str) -> RunView:
        return await self.engine.sync(self.org, kind=SyncKind(kind), entities=entities or self.entities)

    def change(self, action: str, **members: Any) -> Any:
        """Change the church, as in ``change("delete", entity="Person", count=3)``."""
        return self.church.control("change", {"action": action, **members})

    def pass_time(self, seconds: float = 2) -> None:
        """From now on the source's clock is so much further on.

        It tells whole seconds. What was stored in the second in which a listing begins is not held against the listing: it
        may have come later.
        """
        ahead = self.church.control("options")["clock_offset_seconds"]
        self.church.control("options", {"clock_offset_seconds": ahead + seconds})

    def differences(self) -> list[str]:
        """What differs between the tables and the church, field by field."""
        names = [
            EntityName(f"people.{name}") if "." not in name else EntityName(name) for name in self.entities
        ]
        return [
            difference
            for name in names
            for difference in differences(
                self.url, PCO, PCO.entities[name], self.org, simulated_truth(self.church, PCO.entities[name])
            )
        ]

    def requests(self) -> int:
        """How many the church was asked since this was called last."""
        asked = int(self.church.control("requests?limit=0")["total"])
        self.church.control("requests", method="DELETE")
        return asked

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        """The living rows of a people entity."""
        return read_rows(self.url, PCO, PCO.entities[EntityName(f"people.{name}")], self.org)

    def ids(self, name: str) -> set[str]:
        """What the church has of a people entity."""
        entity = PCO.entities[EntityName(f"people.{name}")]
        return {str(record["id"]) for record in simulated_truth(self.church, entity)}

    def dead(self, name: str) -> dict[str, str | None]:
        """The tombstones of a people entity: into whom each was merged, by id."""
        table = table_name(PCO.entities[EntityName(f"people.{name}")])
        statement = f'SELECT id, _merged_into FROM pco."{table}" WHERE org_id = %s AND _deleted_at IS NOT NULL'  # a name of the manifest's
        return dict(ask(self.url, statement, self.org))

    async def events(self, view: RunView, name: str) -> list[StoredEvent]:
        return [event for event in await self.engine.events(view.run.run_id) if event.name == name]


def of(view: RunView, name: str) -> EntityRunRecord:
    """What became of a people entity."""
    return next(e for e in view.entities if e.entity == f"people.{name}")


@asynccontextmanager
async def following(
    church: RunningSimulator, url: str, home: Path, org: str, entities: Sequence[str]
) -> AsyncIterator[Follower]:
    """An organization of the test's own."""
    async with Engine.open(Settings(database_url=SecretStr(url), home=home)) as engine:
        await engine.connect(org, "simulator:secret", base_url=church.base_url)
        yield Follower(engine, church, url, org, entities)


async def sync_once(
    url: str, home: Path, org: str, options: SimulatorOptions, entities: Sequence[str] | None = None
) -> None:
    """What a template is filled with: a church like this one, synced once. With None everything of it."""
    with RunningSimulator(options) as church:
        async with Engine.open(Settings(database_url=SecretStr(url), home=home)) as engine:
            await engine.connect(org, "simulator:secret", base_url=church.base_url)
            assert (await engine.sync(org, entities=entities)).status is RunStatus.COMPLETED
