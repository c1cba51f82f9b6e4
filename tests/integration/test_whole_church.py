"""Every readable entity of all products, against a simulated church that uses them all."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from openfaith import EntityStatus, RunStatus
from openfaith.manifest import Entity
from openfaith.planning import make_plan
from openfaith.simulator import RunningSimulator
from support.postgres import Databases
from support.simulated import PCO, WHOLE_CHURCH, Follower, following

PLANNED = make_plan(PCO)


@pytest.fixture(scope="module")
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(WHOLE_CHURCH) as simulator:
        yield simulator


@pytest.fixture
async def unread(opened_url: str, tmp_path: Path, church: RunningSimulator) -> AsyncIterator[Follower]:
    async with following(church, opened_url, tmp_path, "grace", PLANNED.order) as follower:
        yield follower


@pytest.fixture
async def synced(
    databases: Databases, whole_church: str, tmp_path: Path, church: RunningSimulator
) -> AsyncIterator[Follower]:
    """Who has read everything once."""
    with databases.fresh(template=whole_church) as url:
        async with following(church, url, tmp_path, "grace", PLANNED.order) as follower:
            yield follower


async def test_every_table_equals_the_source_field_by_field(synced: Follower) -> None:
    [run] = await synced.engine.runs(synced.org)
    view = await synced.engine.run(run.run_id)
    assert view.status is RunStatus.COMPLETED
    assert {e.entity for e in view.entities} == set(PLANNED.order)
    assert {e.status for e in view.entities} == {EntityStatus.COMPLETED}
    assert synced.differences() == []
    asked, brought = sum(e.requests for e in view.entities), sum(e.records for e in view.entities)
    sys.stdout.write(f"\n{WHOLE_CHURCH.people} people: {asked:,} requests, {brought:,} records\n")


@pytest.mark.parametrize("strategy", ["sequential", "parallel"])
async def test_the_other_strategies_bring_the_same(unread: Follower, strategy: str) -> None:
    view = await unread.engine.sync(unread.org, products=["groups", "giving"], strategy=strategy)
    assert view.status is RunStatus.COMPLETED
    part = replace(unread, entities=[e.entity for e in view.entities])
    assert part.differences() == []


async def test_a_second_sync_rewrites_no_row_and_knows_what_it_will_cost(synced: Follower) -> None:
    expected = sum(e.way.requests or 0 for e in (await synced.engine.plan(synced.org)).entities)
    synced.requests()
    again = await synced.engine.sync(synced.org)
    assert (sum(e.inserted for e in again.entities), sum(e.updated for e in again.entities)) == (0, 0)
    assert synced.requests() == expected + 1, "and one asks what the token may see"


async def test_people_and_what_rides_on_them_take_the_fewest_requests(unread: Follower) -> None:
    """A page of people brings their contact data along; households have a list of their own, empty ones included.

    One request more, whatever the church's size, asks what the token may see.
    """
    unread.requests()
    await unread.sync("full", "Person", "Email", "PhoneNumber", "Address", "Household")
    asked = unread.requests()
    counts = unread.church.control("truth")["entities"]
    least = sum(-(-counts[name] // 100) for name in ("people.Person", "people.Household"))
    assert asked <= (least + 1) * 1.05


def test_every_entity_that_is_not_read_says_why() -> None:
    unread: list[Entity] = [e for e in PCO.entities.values() if e.name not in PLANNED.order]
    assert unread
    assert [e.name for e in unread if not e.note] == []
