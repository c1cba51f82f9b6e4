"""After the last change, one delta and reconciliations that are proven make the tables equal to the source."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openfaith import EntityStatus, RunStatus, RunView
from openfaith.planning import make_plan
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.store import SuspectState
from support.simulated import NO_WAITING, PCO, Follower, following

PRODUCTS = {"people", "groups", "giving"}
"""`make whole-church` takes all."""

PEOPLE = int(os.environ.get("OPENFAITH_TEST_PEOPLE", "30"))
ENTITIES = [
    name
    for name in make_plan(PCO).order
    if "OPENFAITH_TEST_PEOPLE" in os.environ or PCO.entities[name].product in PRODUCTS
]
LEVELS = 5
"""Of records that are below others, and one more for what waits for a person first."""
SEED = int(os.environ.get("OPENFAITH_TEST_SEED", "1"))


@pytest.fixture
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(SimulatorOptions(people=PEOPLE, seed=SEED, rate_limit=NO_WAITING)) as simulator:
        yield simulator


@pytest.fixture
async def grace(church: RunningSimulator, opened_url: str, tmp_path: Path) -> AsyncIterator[Follower]:
    async with following(church, opened_url, tmp_path, "grace", ENTITIES) as follower:
        yield follower


def failures(view: RunView) -> list[str]:
    return [f"{e.entity}: {e.reason}" for e in view.entities if e.status is not EntityStatus.COMPLETED]


@pytest.mark.long
async def test_every_table_of_a_church_that_changed_everywhere_equals_it_again(grace: Follower) -> None:
    """Records of all kinds were changed, added, deleted and merged.

    What is below others is proven once these are gone: each level of it takes another reconciliation.
    """
    await grace.sync()
    grace.church.control("changes-plan", {"changes": "mix:0.3"})
    delta = await grace.sync("delta")
    grace.church.control("changes-plan", {"changes": ""})
    views = [delta, await grace.sync("delta")]
    for _ in range(LEVELS):
        views.append(await grace.sync("reconciliation"))
        if grace.differences() == []:
            break
        for entity in {
            suspect.entity
            for suspect in await grace.engine.suspects.list("grace", states=[SuspectState.HELD])
        }:
            await grace.engine.suspects.approve("grace", entity, None)
    assert {text for view in views for text in failures(view)} == set()
    assert {view.status for view in views} == {RunStatus.COMPLETED}
    assert grace.differences() == []
    asked = [sum(e.requests for e in view.entities) for view in views]
    sys.stdout.write(f"\n{PEOPLE} people, seed {SEED}: {asked} requests\n")
