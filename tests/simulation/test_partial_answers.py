"""Every page once empty, cut, repeated, miscounted, or without what may not be seen: nothing is deleted for it.

By default some of the pages; `OPENFAITH_PARTIAL_ANSWERS=all` takes every page of every group of entities.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from openfaith.manifest import Entity
from openfaith.records import EntityName, RunId, SyncKind
from openfaith.simulator.changes import Update
from openfaith.simulator.options import SimulatorOptions
from openfaith.source import SourceClient
from openfaith.store import list_reconciliations
from simulation.church import SimulatedChurch
from simulation.conftest import Worlds
from simulation.database import FusedDatabase
from simulation.process import Engine
from simulation.tables import Tables
from simulation.wire import Clock, Wire, make_client
from simulation.world import GROUPS, named, small_manifest
from support.mirror import connect_org, fetch

ALL = os.environ.get("OPENFAITH_PARTIAL_ANSWERS") == "all"

FAULTS = (
    "empty",
    "blank",
    "truncate",
    "cut",
    "html",
    "no_next",
    "loop",
    "loop=back",
    "loop=first",
    "repeat",
    "short=1",
    "short=2",
    "gap=1",
    "gap=3",
    "tail=1",
    "tail=3",
    "total=-1",
    "total=+1",
    "total=0",
    "total=10000",
    "total_cap=4",
    "no_total",
    "error=403",
    "error=404",
    "error=500",
)
"""F6, F7 and F8, but for what the token may not see: that is a fault of some records (`VEILS`)."""

VEILS = ("hidden", "filtered", "unlisted", "unreadable")
KINDS = (SyncKind.FULL, SyncKind.DELTA, SyncKind.RECONCILIATION)
MANIFEST = small_manifest(4)


class Follower:
    """An organization that follows a church with one group of entities."""

    def __init__(self, database: FusedDatabase, group: str) -> None:
        self.entities = named(MANIFEST, GROUPS[group])
        self.clock = Clock()
        self.church = SimulatedChurch(
            SimulatorOptions(people=14, seed=7, products=("people",), rate_limit=10**6), self.clock
        )
        self.database = database

    async def begin(self) -> None:
        """Follow it under a new name, knowing nothing."""
        org_id = await connect_org(self.database, f"partial-{secrets.token_hex(6)}")
        self.engine = Engine(
            database=self.database, manifest=MANIFEST, org_id=org_id, connect=lambda _: self._connect()
        )
        self.tables = Tables(self.database, MANIFEST, self.entities, org_id)

    def _connect(self) -> SourceClient:
        wire = Wire(self.church.simulator, self.clock, 0.0, lambda: None)
        return make_client(wire, self.clock, Random(7))

    async def sync(self, kind: SyncKind, faults: str = "") -> RunId:
        self.church.set_faults(faults)
        run_id = await self.engine.sync(kind, [entity.name for entity in self.entities])
        self.church.set_faults("")
        self.clock.now += 100
        return run_id

    async def asked_for(self, kind: SyncKind) -> list[tuple[Entity, int]]:
        """What an undisturbed run asks for, and how often; by default but the entity that is asked for most."""
        self.church.simulator.journal.reset()
        await self.sync(kind)
        asked = self.church.simulator.journal.report(after=0, limit=None)["requests"]
        matches = (self.church.simulator._reader.match(each["path"]) for each in asked)
        counts = Counter(match.route.type for match in matches if match is not None)
        found = [(e, n) for e in self.entities if (n := counts[self.church.entity_type(e)])]
        return found if ALL else [max(found, key=lambda each: each[1])]

    async def wrongly_proven(self, run_id: RunId) -> list[str]:
        """Listings that claim to be complete, and are not. Below some parents: that is said of these."""
        return [
            f"the listing of {listing.entity} is proven with {listing.listed} of {len(there)} records"
            for listing in await list_reconciliations(self.database, run_id)
            if listing.proven
            and listing.listed != len(there := self._there(listing.entity))
            and not await fetch(
                self.database,
                "SELECT FROM openfaith.parent_failure WHERE entity_run_id = %s",
                listing.entity_run_id,
            )
        ]

    async def wrongly_complete(self, run_id: RunId) -> list[str]:
        """Entities that were read without a doubt, and not in full."""
        whole = await fetch(
            self.database,
            "SELECT entity FROM openfaith.entity_run"
            " WHERE run_id = %s AND status = 'completed' AND doubts = '{}'",
            run_id,
        )
        stored = await self.tables.read()
        return [
            f"{row['entity']} was read without a doubt, and without {sorted(lacking)}"
            for row in whole
            if (lacking := self._there(row["entity"]) - stored[row["entity"]].keys())
        ]

    def _there(self, name: EntityName) -> set[str]:
        truth = self.church.truth(MANIFEST.entities[name])
        return {str(record["id"]) for record in truth if record.get("parents") != []}


def _cases() -> Iterator[tuple[str, SyncKind, str]]:
    groups = sorted(GROUPS)
    for at, fault in enumerate((*FAULTS, *VEILS)):
        for kind in KINDS:
            yield from ((group, kind, fault) for group in (groups if ALL else [groups[at % len(groups)]]))


@pytest.mark.parametrize(("group", "kind", "fault"), list(_cases()))
def test_no_partial_answer_deletes_or_proves_anything(
    worlds: Worlds, group: str, kind: SyncKind, fault: str
) -> None:
    problems = worlds.run(_problems(worlds.begin(), group, kind, fault))
    assert problems == []


@pytest.mark.parametrize("request_number", range(1, 8))
@pytest.mark.parametrize("hidden", ["Person", "Email"])
def test_what_the_token_may_no_longer_see_during_a_run_is_not_deleted(
    worlds: Worlds, hidden: str, request_number: int
) -> None:
    """Even where the run had asked before what the token may see, and the listing is whole without it."""

    async def lose_sight() -> list[str]:
        follower = Follower(worlds.begin(), "people")
        await follower.begin()
        await follower.sync(SyncKind.RECONCILIATION)
        return await _struck(follower, SyncKind.RECONCILIATION, f"hidden={hidden}:0.3@{request_number}-")

    assert worlds.run(lose_sight()) == []


async def _problems(database: FusedDatabase, group: str, kind: SyncKind, fault: str) -> list[str]:
    follower = Follower(database, group)
    await follower.begin()
    await follower.sync(SyncKind.FULL)
    found: list[str] = []
    for entity, pages in await follower.asked_for(kind):
        for struck in _strikes(fault, entity, pages):
            if kind is SyncKind.FULL:
                await follower.begin()
            elif kind is SyncKind.DELTA:
                follower.church.change(Update(entity=entity.type, count=6))
            found += [f"{struck}: {text}" for text in await _struck(follower, kind, struck)]
    return found


def _strikes(fault: str, entity: Entity, pages: int) -> list[str]:
    """The faults that strike an entity's pages: each of them, or the first, the last, and one in the middle."""
    if fault in VEILS:
        return [f"{fault}={entity.type}:0.3"]
    numbers = range(1, pages + 1) if ALL else sorted({1, (pages + 1) // 2, pages})
    return [f"{fault}@{number}/{entity.name}" for number in numbers]


async def _struck(follower: Follower, kind: SyncKind, fault: str) -> list[str]:
    """What is wrong after a run with this fault, or after an undisturbed reconciliation that follows."""
    await follower.tables.problems(follower.church)
    follower.church.look(follower.entities)
    run_id = await follower.sync(kind, fault)
    found = await follower.tables.problems(follower.church)
    veiled = fault.partition("=")[0] in VEILS
    if kind is SyncKind.RECONCILIATION and not veiled:
        found += await follower.wrongly_proven(run_id)
    if kind is SyncKind.FULL and not veiled:
        found += await follower.wrongly_complete(run_id)
    await follower.sync(SyncKind.RECONCILIATION)
    found += await follower.tables.problems(follower.church)
    return found + await follower.tables.differences(follower.church)
