"""A delta brings what changed since the last run, in few requests, and reads everything where it must."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openfaith import EntityStatus, RunStatus
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.mirror import ask
from support.postgres import Databases
from support.simulated import NO_WAITING, Follower, following, of

CONTACTS = ["Campus", "Household", "Person", "Email", "PhoneNumber", "Address"]
AGE = "UPDATE openfaith.sync_state SET watermark = watermark - interval '31 days' WHERE org_id = %s RETURNING entity"
MARKS = "SELECT entity, watermark FROM openfaith.sync_state WHERE org_id = %s"


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
        SimulatorOptions(people=350, rate_limit=NO_WAITING, products=("people",))
    ) as simulator:
        yield simulator


@pytest.fixture
async def grace(church: RunningSimulator, shared_url: str, home: Path) -> AsyncIterator[Follower]:
    org = f"org-{secrets.token_hex(6)}"
    async with following(church, shared_url, home, org, CONTACTS) as follower:
        yield follower


async def test_a_delta_brings_what_changed_in_few_requests(grace: Follower) -> None:
    await grace.sync()
    grace.change("update", entity="Person", count=5)
    grace.change("update", entity="Email", count=3)
    grace.change("add", entity="Person", count=2)
    grace.requests()
    view = await grace.sync("delta")
    assert view.status is RunStatus.COMPLETED
    assert grace.requests() <= 2 * len(CONTACTS)
    assert grace.differences() == []
    assert of(view, "Person").inserted == 2


async def test_a_delta_of_nothing_changes_nothing(grace: Follower) -> None:
    await grace.sync()
    view = await grace.sync("delta")
    assert [(e.inserted, e.updated) for e in view.entities] == [(0, 0)] * len(CONTACTS)
    assert view.status is RunStatus.COMPLETED


async def test_the_first_delta_reads_everything_and_says_so(grace: Follower) -> None:
    view = await grace.sync("delta")
    assert grace.differences() == []
    told = await grace.events(view, "DeltaFellBack")
    assert {event.entity for event in told} >= {"people.Person", "people.Email"}
    assert "never read whole" in told[0].message


async def test_what_rides_for_the_first_time_is_read_whole(grace: Follower) -> None:
    """Although the pages that it comes along with could be narrowed to what changed."""
    await grace.sync("full", "Person")
    view = await grace.sync("delta", "Person", "PersonApp")
    assert of(view, "PersonApp").status is EntityStatus.COMPLETED
    assert grace.rows("PersonApp").keys() == grace.ids("PersonApp") != set()


async def test_a_watermark_that_is_too_old_reads_everything(grace: Follower, shared_url: str) -> None:
    await grace.sync()
    ask(shared_url, AGE, grace.org)
    view = await grace.sync("delta")
    assert of(view, "Person").records == len(grace.rows("Person"))
    assert "older than 30 days" in (await grace.events(view, "DeltaFellBack"))[0].message


async def test_a_failed_delta_does_not_move_the_watermark(grace: Follower, shared_url: str) -> None:
    await grace.sync()
    before = dict(ask(shared_url, MARKS, grace.org))
    grace.change("update", entity="Person", count=5)
    grace.church.control("faults", {"faults": "error=404@1-/Person"})
    view = await grace.sync("delta", "Person")
    grace.church.control("faults", {"faults": ""})
    assert of(view, "Person").status is EntityStatus.FAILED
    assert dict(ask(shared_url, MARKS, grace.org)) == before
    await grace.sync("delta")
    assert grace.differences() == []


@pytest.mark.parametrize("offset", [-600, 600])
async def test_a_clock_of_the_source_that_is_wrong_loses_nothing(grace: Follower, offset: int) -> None:
    """Its records are stamped by that clock, and so are its answers."""
    grace.church.control("options", {"clock_offset_seconds": offset})
    await grace.sync()
    grace.change("update", entity="Person", count=5)
    await grace.sync("delta")
    assert grace.differences() == []


async def test_records_that_are_written_late_are_not_missed(grace: Follower) -> None:
    """Their stamps lie a minute before the run that could not see them yet, and before the newest that it saw."""
    grace.change("update", entity="Person", count=1)
    await grace.sync()
    grace.change("update", entity="Person", count=5, stamp_offset_seconds=-60)
    await grace.sync("delta")
    assert grace.differences() == []


async def test_stamps_by_a_slow_clock_are_not_missed(grace: Follower) -> None:
    """The records' stamps lag ten minutes behind what the answers are dated by."""
    grace.change("update", entity="Person", count=350, stamp_offset_seconds=-600)
    await grace.sync()
    grace.change("update", entity="Person", count=5, stamp_offset_seconds=-600)
    await grace.sync("delta")
    assert grace.differences() == []


async def test_more_records_of_one_second_than_a_page_holds_are_all_read(grace: Follower) -> None:
    await grace.sync()
    grace.change("update", entity="Person", count=250)
    view = await grace.sync("delta")
    assert of(view, "Person").updated == 250
    assert grace.differences() == []


@pytest.mark.parametrize("fault", ["ignored=where", "ignored=order"])
async def test_a_filter_that_the_source_ignores_is_found_out(grace: Follower, fault: str) -> None:
    await grace.sync()
    grace.change("update", entity="Person", count=5)
    grace.church.control("faults", {"faults": f"{fault}@1-/Person"})
    view = await grace.sync("delta", "Person")
    grace.church.control("faults", {"faults": ""})
    assert of(view, "Person").status is EntityStatus.COMPLETED
    assert grace.differences() == []
    assert (await grace.events(view, "DeltaFellBack")) != []
