"""A reconciliation finds what is missing, stale and gone, and deletes only what is proven to be."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from openfaith import EntityStatus, RunStatus, RunView, SyncKind
from openfaith.manifest import Reading
from openfaith.records import RunId
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.store import compare_next, tombstone
from openfaith.workflows import confirming, reconciling, segments, steps
from openfaith.workflows.assignments import Assignment, Progress
from openfaith.workflows.reading import process_segment
from openfaith.workflows.runtime import Runtime
from support.mirror import ask
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


async def test_what_is_not_listed_below_its_parent_is_stored_anew_below_the_same(grace: Follower) -> None:
    """Only the path says whose it is. Asked for, it turns out to have changed, too."""
    names = ["Household", "HouseholdMembership"]
    await grace.sync("full", *names)
    before = grace.rows("HouseholdMembership")
    hidden = sorted(before)[:3]
    grace.change("update", entity="HouseholdMembership", ids=hidden)
    grace.church.control("faults", {"faults": f"unlisted=HouseholdMembership#{'+'.join(hidden)}"})
    view = await grace.sync("reconciliation", *names)
    grace.church.control("faults", {"faults": ""})
    after = grace.rows("HouseholdMembership")
    owners = [{key: row["household_id"] for key, row in rows.items()} for rows in (before, after)]
    assert of(view, "HouseholdMembership").updated == 3
    assert owners[0] == owners[1]
    assert replace(grace, entities=names).differences() == []


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


async def test_what_came_along_is_settled_by_a_process_that_has_asked_nothing_yet(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the run over when the carrier was through. The carrier's entity run says that the source tells the time."""

    async def process_anew(runtime: Runtime, assignment: Assignment) -> Progress:
        if assignment.reading is Reading.INCLUDE:
            for client in runtime._clients.values():
                await client.close()
            runtime._clients.clear()
        return await process_segment(runtime, assignment)

    await grace.sync("full", "Person", "Email")
    gone = sorted(grace.rows("Email"))[:2]
    grace.change("delete", entity="Email", ids=gone)
    monkeypatch.setattr(steps, "process_segment", process_anew)
    view = await grace.sync("reconciliation", "Person", "Email")
    assert await grace.events(view, "ListingUnproven") == []
    assert (of(view, "Email").reading, of(view, "Email").deleted) == ("include", 2)
    assert [*grace.dead("Email")] == gone


async def test_where_the_first_page_told_no_time_nothing_is_proven(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a listing began is then not known by the source's clock, whatever it tells later."""
    await grace.sync("full", "Person")
    gone = sorted(grace.rows("Person"))[:2]
    grace.change("delete", entity="Person", ids=gone)

    async def note_nothing(*_of: object) -> None:
        """As where the first answer has no date."""

    with monkeypatch.context() as undated:
        undated.setattr(segments, "note_source_start", note_nothing)
        view = await grace.sync("reconciliation", "Person")
    assert [e.details["doubts"] for e in await grace.events(view, "ListingUnproven")] == [
        ["the source does not tell the time"]
    ]
    assert grace.dead("Person") == {}


@dataclass
class Cancelling:
    """A reconciliation of people whom the source has lost three of, which somebody cancels on its way."""

    grace: Follower
    run_id: asyncio.Future[RunId] = field(default_factory=asyncio.Future)

    async def run(self) -> RunView:
        engine = self.grace.engine
        await self.grace.sync("full", "Person")
        self.grace.change("delete", entity="Person", count=3)
        async with engine.working():
            run = await engine.start(self.grace.org, kind=SyncKind.RECONCILIATION, entities=["Person"])
            self.run_id.set_result(run.run_id)
            return await engine.wait(run.run_id)

    def after(self, work: Callable[..., Awaitable[Any]], **bounds: int) -> Callable[..., Awaitable[Any]]:
        """The same work, after which it is cancelled."""

        async def do(*arguments: Any, **options: Any) -> Any:
            done = await work(*arguments, **options, **bounds)
            await self.grace.engine.cancel(await self.run_id)
            return done

        return do

    async def compared(self, view: RunView) -> datetime | None:
        [found] = ask(
            self.grace.url,
            "SELECT compared_at FROM openfaith.listing WHERE entity_run_id = %s",
            str(of(view, "Person").entity_run_id),
        )
        return cast("datetime | None", found[0])


async def test_a_run_that_is_cancelled_while_it_compares_stops_before_the_next_range(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelling = Cancelling(grace)
    monkeypatch.setattr(reconciling, "compare_next", cancelling.after(compare_next, limit=100))
    view = await cancelling.run()
    assert of(view, "Person").status is EntityStatus.CANCELLED
    assert await cancelling.compared(view) is None


async def test_a_run_that_is_cancelled_while_it_deletes_stops_before_the_next_suspects(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retried, it goes on with those."""
    cancelling = Cancelling(grace)
    with monkeypatch.context() as small:
        small.setattr(reconciling, "SUSPECTS_AT_ONCE", 1)
        small.setattr(confirming, "tombstone", cancelling.after(tombstone))
        view = await cancelling.run()
    assert of(view, "Person").status is EntityStatus.CANCELLED
    assert len(grace.dead("Person")) == 1
    await grace.engine.retry(view.run.run_id)
    async with grace.engine.working():
        retried = await grace.engine.wait(view.run.run_id)
    assert retried.status is RunStatus.COMPLETED
    assert len(grace.dead("Person")) == 3


async def test_what_is_fetched_after_the_listing_leaves_its_walk_where_it_ended(grace: Follower) -> None:
    await grace.sync("full", "Person")
    grace.change("add", entity="Person", count=1)
    view = await grace.sync("reconciliation", "Person")
    assert of(view, "Person").inserted == 1
    [(ended,)] = ask(
        grace.url,
        "SELECT checkpoint ->> 'done' FROM openfaith.entity_run WHERE entity_run_id = %s",
        str(of(view, "Person").entity_run_id),
    )
    assert ended == "true"


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
