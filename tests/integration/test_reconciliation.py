"""A reconciliation finds what is missing, stale and gone, and deletes only what is proven to be."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openfaith import EntityStatus, RunStatus
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.postgres import Databases
from support.simulated import NO_WAITING, Follower, following, of

CONTACTS = ["Campus", "Household", "Person", "Email", "PhoneNumber", "Address", "PersonMerger"]


@pytest.fixture(scope="module")
def shared_url(databases: Databases) -> Iterator[str]:
    with databases.fresh() as url:
        yield url


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(
        SimulatorOptions(people=1_000, rate_limit=NO_WAITING, products=("people",))
    ) as simulator:
        yield simulator


@pytest.fixture
async def grace(church: RunningSimulator, shared_url: str, home: Path) -> AsyncIterator[Follower]:
    org = f"org-{secrets.token_hex(6)}"
    async with following(church, shared_url, home, org, CONTACTS) as follower:
        yield follower


async def test_what_is_missing_stale_and_gone_is_put_right(grace: Follower) -> None:
    await grace.sync()
    grace.change("update", entity="Person", count=4)
    grace.change("add", entity="Email", count=3)
    grace.change("delete", entity="Person", count=2)
    grace.change("delete", entity="Address", count=2)
    view = await grace.sync("reconciliation")
    assert view.status is RunStatus.COMPLETED
    assert {e.reason for e in view.entities} == {None}
    assert grace.differences() == []
    assert len(grace.dead("Person")) == 2
    assert of(view, "Person").deleted == 2


async def test_where_nothing_has_changed_nothing_is_written(grace: Follower) -> None:
    await grace.sync()
    view = await grace.sync("reconciliation")
    written = [(e.inserted, e.updated, e.deleted, e.suspects) for e in view.entities]
    assert written == [(0, 0, 0, 0)] * len(CONTACTS)


async def test_the_first_reconciliation_reads_everything(grace: Follower) -> None:
    """What differs in more than a few records costs fewer requests when it is read whole."""
    view = await grace.sync("reconciliation")
    assert view.status is RunStatus.COMPLETED
    assert grace.differences() == []
    assert of(view, "Person").requests <= 24


async def test_a_merge_leaves_an_alias_and_repoints_what_belonged_to_it(grace: Follower) -> None:
    await grace.sync()
    loser, keeper = sorted(grace.rows("Person"))[:2]
    grace.change("merge", loser=loser, keeper=keeper)
    await grace.sync("reconciliation")
    assert grace.dead("Person") == {loser: keeper}
    assert grace.differences() == []


async def test_a_record_that_comes_back_lives_again(grace: Follower) -> None:
    await grace.sync()
    gone = sorted(grace.rows("Person"))[7]
    grace.change("delete", entity="Person", ids=[gone])
    await grace.sync("reconciliation")
    assert list(grace.dead("Person")) == [gone]
    grace.change("restore", entity="Person", ids=[gone])
    await grace.sync("reconciliation")
    assert grace.dead("Person") == {}
    assert grace.differences() == []


async def test_what_is_not_listed_and_there_all_the_same_lives(grace: Follower) -> None:
    """A list without a hole that the source could be caught by: only asking for the record tells."""
    await grace.sync()
    hidden = sorted(grace.rows("Person"))[:3]
    grace.church.control("faults", {"faults": f"unlisted=Person#{'+'.join(hidden)}"})
    view = await grace.sync("reconciliation", "Person")
    grace.church.control("faults", {"faults": ""})
    assert grace.dead("Person") == {}
    assert (of(view, "Person").deleted, of(view, "Person").suspects) == (0, 0)


async def test_a_listing_that_proves_nothing_deletes_nothing(grace: Follower) -> None:
    """It shows fewer than there are and does not say how many that is; asked for the others, it denies them."""
    await grace.sync()
    hidden = sorted(grace.rows("Person"))[:3]
    faults = f"hidden=Person#{'+'.join(hidden)},no_total~/people/v2/people"
    grace.church.control("faults", {"faults": faults})
    view = await grace.sync("reconciliation", "Person")
    grace.church.control("faults", {"faults": ""})
    assert grace.dead("Person") == {}
    assert await grace.events(view, "ListingUnproven") != []


async def test_what_came_along_with_a_listing_that_proves_nothing_is_not_suspected(grace: Follower) -> None:
    await grace.sync("full", "Person", "PersonApp")
    hidden = sorted(grace.rows("PersonApp"))[:3]
    faults = f"hidden=PersonApp#{'+'.join(hidden)},no_total~/people/v2/people"
    grace.church.control("faults", {"faults": faults})
    view = await grace.sync("reconciliation", "Person", "PersonApp")
    assert await grace.events(view, "ListingUnproven") != []
    assert of(view, "PersonApp").suspects == 0
    assert grace.rows("PersonApp").keys() >= {*hidden}


async def test_below_a_parent_that_may_not_be_seen_nothing_is_suspected(grace: Follower) -> None:
    """What the other parents show is a proven listing all the same."""
    await grace.sync("full", "Workflow", "WorkflowCard")
    cards = grace.rows("WorkflowCard")
    closed = min(card["workflow_id"] for card in cards.values())
    grace.church.control("faults", {"faults": f"error=403~/people/v2/workflows/{closed}/cards*"})
    view = await grace.sync("reconciliation", "Workflow", "WorkflowCard")
    assert of(view, "WorkflowCard").status is EntityStatus.COMPLETED
    assert of(view, "WorkflowCard").suspects == 0
    assert grace.rows("WorkflowCard").keys() == cards.keys()


@pytest.mark.parametrize("percent", [5, 30, 100])
async def test_a_mass_deletion_waits_for_a_person_and_is_then_done_in_full(
    grace: Follower, percent: int
) -> None:
    await grace.sync()
    before = grace.rows("Email")
    grace.change("delete", entity="Email", count=-(-len(before) * percent // 100))
    gone = before.keys() - grace.ids("Email")
    stopped = await grace.sync("reconciliation")
    waiting = await grace.engine.suspects.list(grace.org, limit=10_000)
    assert grace.rows("Email").keys() == before.keys()
    assert {s.id for s in waiting} == gone
    assert of(stopped, "Email").suspects == len(gone)
    assert await grace.events(stopped, "DeletionsStopped") != []
    await grace.engine.suspects.approve(grace.org, "Email", None)
    await grace.sync("reconciliation")
    assert grace.differences() == []
    assert grace.dead("Email").keys() == gone
