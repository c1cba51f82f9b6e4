"""Sweeps find what changed without a new stamp, a share at a time; a reconciliation samples for it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openfaith import EntityStatus, RunStatus
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.store import EntityState
from openfaith.strategies import SHARES
from support.mirror import ask
from support.postgres import Databases
from support.simulated import NO_WAITING, Follower, following, of

CONTACTS = ["Campus", "Household", "Person", "Email", "PhoneNumber", "Address"]
KNOWN = (
    "SELECT entity, watermark, proven_at, source_count FROM openfaith.sync_state WHERE org_id = %s"
    " ORDER BY entity"
)
PAGES_OF_PEOPLE = 11


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


async def state(grace: Follower, name: str) -> EntityState:
    states = await grace.engine.status(grace.org)
    return next(s for s in states if s.entity == f"people.{name}")


async def test_a_cycle_of_sweeps_finds_what_no_delta_and_no_listing_can(grace: Follower) -> None:
    await grace.sync()
    grace.change("update", entity="Person", count=20, blind=True)
    grace.change("update", entity="Email", count=10, blind=True)
    await grace.sync("delta")
    await grace.sync("reconciliation", "Person")
    assert grace.differences() != []
    views = [await grace.sync("sweep") for _ in range(SHARES)]
    assert {view.status for view in views} == {RunStatus.COMPLETED}
    assert grace.differences() == []
    sampled = next(s for s in await grace.engine.status(grace.org) if s.entity == "people.Person")
    found = sum(of(view, "Person").blind_changes for view in views)
    assert found == 20 - (sampled.sampled_different or 0)
    told = [event for view in views for event in await grace.events(view, "BlindChangesFound")]
    assert sum(int(str(e.details["count"])) for e in told if e.entity == "people.Person") == found


async def test_a_sweep_reads_a_share_and_the_next_one_goes_on_there(grace: Follower) -> None:
    await grace.sync()
    people = len(grace.rows("Person"))
    views = [await grace.sync("sweep", "Person") for _ in range(SHARES)]
    pages = [of(view, "Person").pages for view in views]
    assert max(pages) == -(-PAGES_OF_PEOPLE // SHARES)
    assert sum(pages[:6]) == PAGES_OF_PEOPLE
    assert sum(of(view, "Person").records for view in views[:6]) == people


async def test_a_sweep_says_how_much_changes_blindly(grace: Follower) -> None:
    await grace.sync()
    people = len(grace.rows("Person"))
    assert (await state(grace, "Person")).blind_change_rate is None
    grace.change("update", entity="Person", count=10, blind=True)
    grace.change("update", entity="Person", count=10)
    for _ in range(6):
        await grace.sync("sweep", "Person")
    closed = await state(grace, "Person")
    assert closed.cycle_closed_at is not None
    assert (closed.swept_rows, closed.blind_changes) == (people, 10)
    assert closed.blind_change_rate == 10 / people
    assert closed.last_swept_at is not None
    await grace.sync("sweep", "Person")
    assert people < (await state(grace, "Person")).swept_rows < 2 * people


async def test_a_sweep_moves_no_watermark_and_proves_nothing(grace: Follower, shared_url: str) -> None:
    await grace.sync()
    before = ask(shared_url, KNOWN, grace.org)
    grace.change("add", entity="Person", count=3)
    await grace.sync("sweep")
    assert ask(shared_url, KNOWN, grace.org) == before
    kinds = {o.kind for o in await grace.engine.sync_outcomes(grace.org)}
    assert kinds == {"full", "sweep"}


async def test_a_failed_sweep_is_begun_again_where_it_began(grace: Follower, shared_url: str) -> None:
    await grace.sync()
    await grace.sync("sweep", "Person")
    place = "SELECT sweep_checkpoint FROM openfaith.sync_state WHERE org_id = %s AND entity = 'people.Person'"
    before = ask(shared_url, place, grace.org)
    grace.church.control("faults", {"faults": "error=404@1-/Person"})
    view = await grace.sync("sweep", "Person")
    grace.church.control("faults", {"faults": ""})
    assert of(view, "Person").status is EntityStatus.FAILED
    assert ask(shared_url, place, grace.org) == before


async def test_what_changes_between_two_sweeps_hides_nothing(grace: Follower) -> None:
    """Deletions move all that follows forward, past a walk that only counted."""
    await grace.sync()
    grace.change("update", entity="Person", count=400, blind=True)
    for turn in range(SHARES):
        await grace.sync("sweep", "Person")
        grace.change("delete", entity="Person", ids=sorted(grace.ids("Person"), key=int)[: 40 + turn])
        grace.change("add", entity="Person", count=30)
    await grace.sync("delta", "Person")
    await grace.sync("reconciliation", "Person")
    gone = set(grace.rows("Person")) - grace.ids("Person")
    there = [d for d in grace.differences() if "Person" in d and not any(i in d for i in gone)]
    assert there == []


async def test_a_sample_finds_that_content_differs(grace: Follower) -> None:
    await grace.sync()
    grace.change("update", entity="Person", count=1_000, blind=True)
    view = await grace.sync("reconciliation", "Person")
    told = await grace.events(view, "ParityBroken")
    assert [(e.details["different"], e.details["sampled"]) for e in told] == [(5, 5)]
    found = await state(grace, "Person")
    assert (found.sampled, found.sampled_different) == (5, 5)
    assert found.sampled_at is not None
    assert of(view, "Person").updated == 5


async def test_a_sample_that_agrees_is_kept_too(grace: Follower) -> None:
    await grace.sync()
    view = await grace.sync("reconciliation", "Person")
    found = await state(grace, "Person")
    assert (found.sampled, found.sampled_different) == (5, 0)
    assert await grace.events(view, "ParityBroken") == []


async def test_a_sweep_goes_below_a_share_of_the_parents(grace: Follower) -> None:
    """Those after the last one of the sweep before, however many pages each takes."""
    await grace.sync("full", "Household", "HouseholdMembership")
    parents = len(grace.rows("Household"))
    below = len(grace.rows("HouseholdMembership"))
    views = [await grace.sync("sweep", "HouseholdMembership") for _ in range(SHARES)]
    runs = [of(view, "HouseholdMembership") for view in views]
    assert {run.reading for run in runs} == {"nested"}
    assert sum(run.records for run in runs) == below
    assert sum(run.pages for run in runs) == parents
    assert {run.pages for run in runs[:-1]} == {-(-parents // SHARES)}
    closed = await state(grace, "HouseholdMembership")
    assert closed.cycle_closed_at is not None
    assert (closed.swept_rows, closed.blind_changes) == (below, 0)


async def test_blind_changes_of_what_rides_are_its_own(grace: Follower) -> None:
    await grace.sync()
    grace.change("update", entity="Email", count=7, blind=True)
    views = [await grace.sync("sweep", "Person", "Email") for _ in range(SHARES)]
    assert {of(view, "Email").reading for view in views} == {"include"}
    assert sum(of(view, "Email").blind_changes for view in views) == 7
    assert sum(of(view, "Person").blind_changes for view in views) == 0
    swept = await state(grace, "Email")
    assert (swept.swept_rows >= len(grace.rows("Email")), swept.blind_changes) == (True, 7)
    assert grace.differences() == []


async def test_a_sweep_of_what_was_never_read_reads_its_share(grace: Follower) -> None:
    await grace.sync("sweep", "Person")
    assert 0 < len(grace.rows("Person")) < len(grace.ids("Person"))
    assert (await state(grace, "Person")).watermark is None
    for _ in range(SHARES - 1):
        await grace.sync("sweep", "Person")
    assert grace.rows("Person").keys() == grace.ids("Person")
