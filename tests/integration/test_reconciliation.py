"""A reconciliation finds what is missing, stale and gone, and deletes only what is proven to be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest

from openfaith import EntityStatus, RunStatus, RunView, SyncKind
from openfaith.manifest import Reading
from openfaith.records import EntityName, RunId
from openfaith.retries import RetryPolicy
from openfaith.source import SourceClient
from openfaith.store import SuspectState, compare_next, list_places, tombstone
from openfaith.workflows import confirming, reconciling, segments, steps
from openfaith.workflows.assignments import Assignment, Progress
from openfaith.workflows.fetching import PagesInFlight, fetching
from openfaith.workflows.reading import process_segment
from openfaith.workflows.runtime import Runtime
from support.mirror import ask
from support.simulated import Follower, of

PEOPLE = 1_000
ENTITIES = ["Campus", "Household", "Person", "Email", "PhoneNumber", "Address", "PersonMerger"]


async def test_what_is_missing_stale_and_gone_is_put_right(synced: Follower) -> None:
    synced.change("update", entity="Person", count=4)
    synced.change("add", entity="Email", count=3)
    synced.change("delete", entity="Person", count=2)
    synced.change("delete", entity="Address", count=2)
    view = await synced.sync("reconciliation")
    assert view.status is RunStatus.COMPLETED
    assert {e.reason for e in view.entities} == {None}
    assert synced.differences() == []
    assert len(synced.dead("Person")) == 2
    assert of(view, "Person").deleted == 2


async def test_where_nothing_has_changed_nothing_is_written(synced: Follower) -> None:
    view = await synced.sync("reconciliation")
    written = [(e.inserted, e.updated, e.deleted, e.suspects) for e in view.entities]
    assert written == [(0, 0, 0, 0)] * len(ENTITIES)


async def test_the_first_reconciliation_reads_everything(grace: Follower) -> None:
    """What differs in more than a few records costs fewer requests when it is read whole."""
    view = await grace.sync("reconciliation")
    assert view.status is RunStatus.COMPLETED
    assert grace.differences() == []
    assert of(view, "Person").requests <= 24


async def test_what_the_walk_through_everything_does_not_bring_is_asked_for_by_itself(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list has shifted since it was listed. Some of it was stored, and has changed."""
    await grace.sync("full", "Household")
    stored = grace.rows("Household").keys()
    grace.change("update", entity="Household", count=len(stored))
    grace.change("add", entity="Household", count=3)
    hidden = [*sorted(stored)[:3], *(grace.ids("Household") - stored)]
    monkeypatch.setattr(reconciling, "fetching", walking(grace, f"unlisted=Household#{'+'.join(hidden)}"))
    view = await grace.sync("reconciliation", "Household")
    assert of(view, "Household").status is EntityStatus.COMPLETED
    assert replace(grace, entities=["Household"]).differences() == []


def walking(grace: Follower, faults: str) -> Callable[..., AbstractAsyncContextManager[PagesInFlight]]:
    """As `fetching`, with which these faults of the source begin."""

    @asynccontextmanager
    async def walked(
        client: SourceClient, version: str, *, retry: RetryPolicy | None
    ) -> AsyncIterator[PagesInFlight]:
        grace.church.control("faults", {"faults": faults})
        async with fetching(client, version, retry=retry) as pages:
            yield pages

    return walked


async def test_what_the_walk_through_everything_does_not_bring_and_is_refused_is_given_up(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the parents are known not to be all there."""
    await grace.sync("full", "Household", "HouseholdMembership")
    grace.change("update", entity="Household", count=len(grace.rows("Household")))
    before = grace.rows("HouseholdMembership")
    lost = sorted(before)[:1]
    grace.change("delete", entity="HouseholdMembership", ids=lost)
    refused = max(grace.rows("Household"))
    faults = f"unlisted=Household#{refused},error=403~/people/v2/households/{refused}"
    monkeypatch.setattr(reconciling, "fetching", walking(grace, faults))
    view = await grace.sync("reconciliation", "Household", "HouseholdMembership")
    assert of(view, "Household").status is EntityStatus.COMPLETED
    [unproven] = await grace.events(view, "ListingUnproven")
    assert "could not be fetched" in str(unproven.details["doubts"])
    assert grace.rows("HouseholdMembership").keys() == before.keys()


async def test_a_merge_leaves_an_alias_and_repoints_what_belonged_to_it(synced: Follower) -> None:
    loser, keeper = sorted(synced.rows("Person"))[:2]
    synced.change("merge", loser=loser, keeper=keeper)
    await synced.sync("reconciliation")
    assert synced.dead("Person") == {loser: keeper}
    assert synced.differences() == []


async def test_a_record_that_comes_back_lives_again(synced: Follower) -> None:
    gone = sorted(synced.rows("Person"))[7]
    synced.change("delete", entity="Person", ids=[gone])
    await synced.sync("reconciliation")
    assert list(synced.dead("Person")) == [gone]
    synced.change("restore", entity="Person", ids=[gone])
    await synced.sync("reconciliation")
    assert synced.dead("Person") == {}
    assert synced.differences() == []


async def test_what_is_not_listed_and_there_all_the_same_lives(synced: Follower) -> None:
    """A list without a hole that the source could be caught by: only asking for the record tells."""
    hidden = sorted(synced.rows("Person"))[:3]
    synced.church.control("faults", {"faults": f"unlisted=Person#{'+'.join(hidden)}"})
    view = await synced.sync("reconciliation", "Person")
    synced.church.control("faults", {"faults": ""})
    assert synced.dead("Person") == {}
    assert (of(view, "Person").deleted, of(view, "Person").suspects) == (0, 0)


async def test_what_is_never_listed_keeps_nothing_else_from_being_deleted(synced: Follower) -> None:
    """A list that hides what was archived proves nothing until that is known; then it is asked for each time."""
    first, *others, last = sorted(synced.rows("Person"))
    synced.church.control("faults", {"faults": f"unlisted=Person#{first}"})
    caught = await synced.sync("reconciliation", "Person")
    [event] = await synced.events(caught, "SuspectsRefuted")
    assert event.details == {"count": 1}
    [known] = await synced.engine.suspects.list(synced.org, states=[SuspectState.UNLISTED])
    assert known.id == first
    for gone in (last, others.pop()):
        synced.change("delete", entity="Person", ids=[gone])
        view = await synced.sync("reconciliation", "Person")
        assert synced.dead("Person").keys() >= {gone}
        assert of(view, "Person").deleted == 1
        assert await synced.events(view, "SuspectsRefuted") == []
    assert synced.rows("Person").keys() == {first, *others}
    synced.change("update", entity="Person", ids=[first])
    synced.change("delete", entity="Person", ids=[others[0]])
    await synced.sync("reconciliation", "Person")
    assert replace(synced, entities=["Person"]).differences() == []
    synced.change("delete", entity="Person", ids=[first])
    view = await synced.sync("reconciliation", "Person")
    synced.church.control("faults", {"faults": ""})
    assert of(view, "Person").deleted == 1
    assert replace(synced, entities=["Person"]).differences() == []


async def test_many_that_were_never_listed_and_vanish_together_wait_for_a_person(synced: Follower) -> None:
    """To be known is no way around the guard. Those that a person approved stay approved when one of them is there."""
    people = sorted(synced.rows("Person"))
    archived = people[:60]
    synced.church.control("faults", {"faults": f"unlisted=Person#{'+'.join(archived)}"})
    await synced.sync("reconciliation", "Person")
    assert synced.dead("Person") == {}
    await synced.engine.suspects.approve(synced.org, "Person", None)
    for _ in range(3):  # as many at a time as are asked for together
        await synced.sync("reconciliation", "Person")
    known = await synced.engine.suspects.list(synced.org, limit=100)
    assert {s.id: s.state for s in known} == dict.fromkeys(archived, SuspectState.UNLISTED)
    synced.change("delete", entity="Person", ids=archived)
    stopped = await synced.sync("reconciliation", "Person")
    assert (of(stopped, "Person").held, synced.dead("Person")) == (60, {})
    assert await synced.events(stopped, "DeletionsStopped") != []
    await synced.engine.suspects.approve(synced.org, "Person", None)
    await synced.sync("reconciliation", "Person")
    synced.church.control("faults", {"faults": ""})
    assert synced.dead("Person").keys() == {*archived}


async def test_what_cannot_be_asked_for_waits_where_others_are_never_listed(grace: Follower) -> None:
    """No number of listings tells whether it is gone, or left out like these. A person who knows of them decides."""
    names = ["Household", "HouseholdMembership"]
    await grace.sync("full", *names)
    left_out, gone, *_ = sorted(grace.rows("HouseholdMembership"))
    grace.church.control("faults", {"faults": f"unlisted=HouseholdMembership#{left_out}"})
    await grace.sync("reconciliation", *names)
    grace.change("delete", entity="HouseholdMembership", ids=[gone])
    views = [await grace.sync("reconciliation", *names) for _ in range(3)]
    assert grace.dead("HouseholdMembership") == {}
    [held] = await grace.engine.suspects.list(grace.org, states=[SuspectState.HELD])
    assert (held.id, held.reason) == (gone, confirming.MAY_BE_UNLISTED)
    assert of(views[-1], "HouseholdMembership").held == 1
    await grace.engine.suspects.approve(grace.org, "HouseholdMembership", [gone])
    for _ in range(2):
        await grace.sync("reconciliation", *names)
    grace.church.control("faults", {"faults": ""})
    assert grace.dead("HouseholdMembership").keys() == {gone}
    assert replace(grace, entities=names).differences() == []


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


async def test_what_turned_out_to_be_there_is_stored_though_its_run_was_cancelled(
    grace: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below three parents it is stored in three pages, each of which may be the last. A retry asks for the rest."""
    names = ["Household", "HouseholdMembership"]
    await grace.sync("full", *names)
    rows = grace.rows("HouseholdMembership")
    hidden = [*{row["household_id"]: key for key, row in sorted(rows.items())}.values()][:3]
    grace.change("update", entity="HouseholdMembership", ids=hidden)
    grace.church.control("faults", {"faults": f"unlisted=HouseholdMembership#{'+'.join(hidden)}"})
    cancelling = Cancelling(grace, names)
    with monkeypatch.context() as cancelled:
        cancelled.setattr(confirming, "list_places", cancelling.after(list_places))
        view = await cancelling.reconcile()
    assert of(view, "HouseholdMembership").status is EntityStatus.CANCELLED
    await grace.engine.retry(view.run.run_id)
    async with grace.engine.working():
        retried = await grace.engine.wait(view.run.run_id)
    grace.church.control("faults", {"faults": ""})
    assert retried.status is RunStatus.COMPLETED
    assert replace(grace, entities=names).differences() == []


async def test_a_listing_that_proves_nothing_deletes_nothing(synced: Follower) -> None:
    """It shows fewer than there are and does not say how many that is; asked for the others, it denies them."""
    hidden = sorted(synced.rows("Person"))[:3]
    faults = f"hidden=Person#{'+'.join(hidden)},no_total~/people/v2/people"
    synced.church.control("faults", {"faults": faults})
    view = await synced.sync("reconciliation", "Person")
    synced.church.control("faults", {"faults": ""})
    assert synced.dead("Person") == {}
    assert await synced.events(view, "ListingUnproven") != []


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


async def test_what_may_have_moved_below_a_parent_that_may_not_be_seen_waits_for_a_person(
    grace: Follower,
) -> None:
    """No number of listings tells whether it has, and its path tells only of where it was."""
    names = ["Workflow", "WorkflowCard"]
    await grace.sync("full", *names)
    cards = grace.rows("WorkflowCard")
    closed = min(card["workflow_id"] for card in cards.values())
    gone = {*sorted(key for key, card in cards.items() if card["workflow_id"] != closed)[:2]}
    grace.change("delete", entity="WorkflowCard", ids=[*gone])
    grace.church.control("faults", {"faults": f"error=403~/people/v2/workflows/{closed}/cards*"})
    first = await grace.sync("reconciliation", *names)
    assert {s.state for s in await grace.engine.suspects.list(grace.org)} == {SuspectState.SUSPECT}
    assert await grace.events(first, "DeletionsStopped") == []
    second = await grace.sync("reconciliation", *names)
    waiting = await grace.engine.suspects.list(grace.org)
    assert {s.id: (s.state, s.reason) for s in waiting} == dict.fromkeys(
        gone, (SuspectState.HELD, confirming.MAY_BE_ELSEWHERE)
    )
    [stopped] = await grace.events(second, "DeletionsStopped")
    assert stopped.details == {"suspects": 2, "reason": confirming.MAY_BE_ELSEWHERE}
    assert grace.dead("WorkflowCard") == {}
    await grace.engine.suspects.approve(grace.org, "WorkflowCard", None)
    third = await grace.sync("reconciliation", *names)
    assert grace.dead("WorkflowCard").keys() == gone
    assert of(third, "WorkflowCard").deleted == 2


# Beside a record that cannot be stored


async def test_a_record_that_cannot_be_stored_keeps_no_other_from_being_deleted(grace: Follower) -> None:
    """It is listed like any other, by who it is. What came along with the others is found out, too."""
    await grace.sync("full", "Person", "Email")
    poison, gone, *_ = sorted(grace.rows("Person"))
    emails = {key for key, row in grace.rows("Email").items() if row["person_id"] == gone}
    grace.change("delete", entity="Person", ids=[gone])
    grace.change("update", entity="Person", ids=[poison])
    grace.church.control("faults", {"faults": f"nul=Person#{poison}"})
    view = await grace.sync("reconciliation", "Person", "Email")
    assert await grace.events(view, "ListingUnproven") == []
    assert of(view, "Person").dead_letters == 1
    assert grace.dead("Person").keys() == {gone}
    assert emails <= grace.dead("Email").keys()
    assert poison in grace.rows("Person")


def delete_card_beside(grace: Follower, workflow: str) -> str:
    """A card that is not of this workflow, which cannot be stored from now on, and has changed."""
    cards = grace.rows("WorkflowCard")
    gone = min(key for key, card in cards.items() if card["workflow_id"] != workflow)
    grace.change("delete", entity="WorkflowCard", ids=[gone])
    grace.change("update", entity="Workflow", ids=[workflow])
    grace.church.control("faults", {"faults": f"nul=Workflow#{workflow}"})
    return gone


async def test_below_a_record_that_is_stored_as_it_was_before_everything_is_found_out(
    grace: Follower,
) -> None:
    names = ["Workflow", "WorkflowCard"]
    await grace.sync("full", *names)
    gone = delete_card_beside(grace, max(card["workflow_id"] for card in grace.rows("WorkflowCard").values()))
    for _ in range(2):
        view = await grace.sync("reconciliation", *names)
        assert of(view, "Workflow").dead_letters > 0
        assert await grace.events(view, "ListingUnproven") == []
    assert grace.dead("WorkflowCard").keys() == {gone}


async def test_what_may_have_moved_below_a_record_that_was_never_stored_waits_for_a_person(
    grace: Follower,
) -> None:
    names = ["Workflow", "WorkflowCard"]
    await grace.sync("full", *names)
    grace.change("add", entity="Workflow", count=1)
    [new] = grace.ids("Workflow") - grace.rows("Workflow").keys()
    gone = delete_card_beside(grace, new)
    for _ in range(2):
        view = await grace.sync("reconciliation", *names)
        assert await grace.events(view, "ListingUnproven") == []
    waiting = await grace.engine.suspects.list(grace.org)
    assert {s.id: (s.state, s.reason) for s in waiting} == {
        gone: (SuspectState.HELD, confirming.MAY_BE_ELSEWHERE)
    }
    assert grace.dead("WorkflowCard") == {}


# Below a record that is gone


async def test_what_moved_away_from_a_record_before_it_was_deleted_lives(grace: Follower) -> None:
    names = ["Household", "HouseholdMembership"]
    await grace.sync("full", *names)
    rows = grace.rows("HouseholdMembership")
    left, joined = [*dict.fromkeys(row["household_id"] for row in rows.values())][:2]
    moved = sorted(key for key, row in rows.items() if row["household_id"] == left)
    grace.change("update", entity="HouseholdMembership", ids=moved, links={"household": joined})
    assert left not in grace.ids("Household"), "an empty household is none"
    view = await grace.sync("reconciliation", *names)
    assert (of(view, "Household").deleted, of(view, "HouseholdMembership").deleted) == (1, 0)
    assert grace.dead("HouseholdMembership") == {}
    assert {grace.rows("HouseholdMembership")[key]["household_id"] for key in moved} == {joined}
    assert replace(grace, entities=names).differences() == []


async def test_below_records_that_are_gone_every_level_is_found_out_by_its_own_listings(
    grace: Follower,
) -> None:
    """A card is only to be asked for through what may have changed, so two listings tell; what is below it comes after."""
    names = ["Workflow", "WorkflowCard", "WorkflowCardActivity"]
    await grace.sync("full", *names)
    cards = grace.rows("WorkflowCard")
    first = min(card["workflow_id"] for card in cards.values())
    gone = {key for key, card in cards.items() if card["workflow_id"] == first}
    grace.change("delete", entity="Workflow", ids=[first])
    dead = []
    for _ in range(5):
        view = await grace.sync("reconciliation", *names)
        assert {e.status for e in view.entities} == {EntityStatus.COMPLETED}
        dead.append(grace.dead("WorkflowCard").keys())
        for entity in names[1:]:
            await grace.engine.suspects.approve(grace.org, entity, None)
    assert dead[:2] == [set(), gone]
    assert replace(grace, entities=names).differences() == []


async def test_where_no_parent_is_left_what_was_below_them_waits_for_a_person_and_is_then_deleted(
    grace: Follower,
) -> None:
    names = ["Household", "HouseholdMembership"]
    await grace.sync("full", *names)
    before = grace.rows("HouseholdMembership").keys()
    grace.change("delete", entity="Household", ids=[*grace.ids("Household")])
    await grace.sync("reconciliation", *names)
    await grace.engine.suspects.approve(grace.org, "Household", None)
    stopped = await grace.sync("reconciliation", *names)
    assert grace.rows("Household") == {}
    assert await grace.events(stopped, "ListingUnproven") == []
    [event] = await grace.events(stopped, "DeletionsStopped")
    assert event.details == {"suspects": len(before), "reason": f"none of {len(before):,} records was listed"}
    assert grace.rows("HouseholdMembership").keys() == before
    await grace.engine.suspects.approve(grace.org, "HouseholdMembership", None)
    await grace.sync("reconciliation", *names)
    assert grace.dead("HouseholdMembership").keys() == before
    states = {state.entity: state for state in await grace.engine.status(grace.org)}
    assert states[EntityName("people.HouseholdMembership")].proven_at is not None


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


async def test_what_stands_twice_may_stand_for_what_is_not_shown(synced: Follower) -> None:
    """As many rows as the source counts, and still not all."""
    synced.church.control("faults", {"faults": "twice@1/Household"})
    view = await synced.sync("reconciliation", "Household")
    synced.church.control("faults", {"faults": ""})
    [unproven] = await synced.events(view, "ListingUnproven")
    shown = len(synced.ids("Household"))
    assert unproven.details["doubts"] == [
        f"{shown:,} records were shown, and only {shown - 1:,} different ones"
    ]
    assert synced.differences() == []


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
    """A reconciliation, which somebody cancels on its way: of people whom the source has lost three of."""

    grace: Follower
    entities: Sequence[str] = ("Person",)
    run_id: asyncio.Future[RunId] = field(default_factory=asyncio.Future)

    async def run(self) -> RunView:
        await self.grace.sync("full", "Person")
        self.grace.change("delete", entity="Person", count=3)
        return await self.reconcile()

    async def reconcile(self) -> RunView:
        engine = self.grace.engine
        async with engine.working():
            run = await engine.start(self.grace.org, kind=SyncKind.RECONCILIATION, entities=self.entities)
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
    synced: Follower, percent: int
) -> None:
    before = synced.rows("Email")
    synced.change("delete", entity="Email", count=-(-len(before) * percent // 100))
    gone = before.keys() - synced.ids("Email")
    stopped = await synced.sync("reconciliation")
    waiting = await synced.engine.suspects.list(synced.org, limit=10_000)
    assert synced.rows("Email").keys() == before.keys()
    assert {s.id for s in waiting} == gone
    assert of(stopped, "Email").suspects == len(gone)
    assert await synced.events(stopped, "DeletionsStopped") != []
    await synced.engine.suspects.approve(synced.org, "Email", None)
    await synced.sync("reconciliation")
    assert synced.differences() == []
    assert synced.dead("Email").keys() == gone


@pytest.mark.parametrize("approve", [True, False])
async def test_who_approves_some_of_many_has_approved_no_others(synced: Follower, approve: bool) -> None:
    """However few these are, once those that were approved are gone. Nor who rejects some: the listing is wrong then."""
    before = synced.rows("Email")
    synced.change("delete", entity="Email", count=60)
    await synced.sync("reconciliation")
    waiting = sorted(s.id for s in await synced.engine.suspects.list(synced.org, limit=100))
    assert len(waiting) == 60
    decide = synced.engine.suspects.approve if approve else synced.engine.suspects.reject
    await decide(synced.org, "Email", waiting[:10])
    gone = {*waiting[:10]} if approve else set()
    for _ in range(3):
        await synced.sync("reconciliation")
        assert synced.dead("Email").keys() == gone
        assert synced.rows("Email").keys() == before.keys() - gone
    held = await synced.engine.suspects.list(synced.org, states=[SuspectState.HELD], limit=100)
    assert [s.id for s in held] == waiting[10:]
    await synced.engine.suspects.approve(synced.org, "Email", None)
    await synced.sync("reconciliation")
    assert synced.dead("Email").keys() == {*waiting[10:]} | gone
