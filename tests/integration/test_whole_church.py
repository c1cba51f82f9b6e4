"""Every readable entity of all products, against a simulated church that uses them all."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from openfaith import Engine, EntityStatus, RunStatus, RunView, Settings
from openfaith.adapters import find_adapter
from openfaith.manifest import Entity
from openfaith.planning import make_plan
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.truth import differences, simulated_truth

PCO = find_adapter("pco").load_manifest()
PLANNED = make_plan(PCO)
PEOPLE = int(os.environ.get("OPENFAITH_TEST_PEOPLE", "30"))
"""`make whole-church` takes 5,000."""

NO_WAITING = 10_000_000
"""Requests a period: the tests wait for no budget."""


@pytest.fixture(scope="module")
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(SimulatorOptions(people=PEOPLE, rate_limit=NO_WAITING)) as simulator:
        yield simulator


@pytest.fixture
async def engine(database_url: str, tmp_path: Path) -> AsyncIterator[Engine]:
    settings = Settings(database_url=SecretStr(database_url), home=tmp_path)
    async with Engine.open(settings) as engine:
        yield engine


def found_differences(url: str, church: RunningSimulator, view: RunView) -> list[str]:
    return [
        difference
        for run in view.entities
        for difference in differences(
            url, PCO, PCO.entities[run.entity], "church", simulated_truth(church, PCO.entities[run.entity])
        )
    ]


async def test_every_table_equals_the_source_field_by_field(
    engine: Engine, church: RunningSimulator, database_url: str
) -> None:
    await engine.connect("church", "simulator:secret", base_url=church.base_url)
    view = await engine.sync("church")
    assert view.status is RunStatus.COMPLETED
    assert {e.entity for e in view.entities} == set(PLANNED.order)
    assert {e.status for e in view.entities} == {EntityStatus.COMPLETED}
    assert found_differences(database_url, church, view) == []
    asked, brought = sum(e.requests for e in view.entities), sum(e.records for e in view.entities)
    sys.stdout.write(f"\n{PEOPLE} people: {asked:,} requests, {brought:,} records\n")


@pytest.mark.parametrize("strategy", ["sequential", "parallel"])
async def test_the_other_strategies_bring_the_same(
    engine: Engine, church: RunningSimulator, database_url: str, strategy: str
) -> None:
    await engine.connect("church", "simulator:secret", base_url=church.base_url)
    view = await engine.sync("church", products=["groups", "giving"], strategy=strategy)
    assert view.status is RunStatus.COMPLETED
    assert found_differences(database_url, church, view) == []


async def test_a_second_sync_rewrites_no_row_and_knows_what_it_will_cost(
    engine: Engine, church: RunningSimulator
) -> None:
    await engine.connect("church", "simulator:secret", base_url=church.base_url)
    await engine.sync("church")
    expected = sum(e.way.requests or 0 for e in (await engine.plan("church")).entities)
    church.control("requests", method="DELETE")
    again = await engine.sync("church")
    assert (sum(e.inserted for e in again.entities), sum(e.updated for e in again.entities)) == (0, 0)
    assert church.control("requests?limit=0")["total"] == expected + 1, "and one asks what the token may see"


async def test_people_and_what_rides_on_them_take_the_fewest_requests(
    engine: Engine, church: RunningSimulator
) -> None:
    """A page of people brings their contact data along; households have a list of their own, empty ones included."""
    await engine.connect("church", "simulator:secret", base_url=church.base_url)
    church.control("requests", method="DELETE")
    await engine.sync("church", entities=["Person", "Email", "PhoneNumber", "Address", "Household"])
    asked: dict[str, Any] = church.control("requests?limit=0")
    counts = church.control("truth")["entities"]
    least = sum(-(-counts[name] // 100) for name in ("people.Person", "people.Household"))
    assert asked["total"] <= least * 1.05


def test_every_entity_that_is_not_read_says_why() -> None:
    unread: list[Entity] = [e for e in PCO.entities.values() if e.name not in PLANNED.order]
    assert unread
    assert [e.name for e in unread if not e.note] == []
