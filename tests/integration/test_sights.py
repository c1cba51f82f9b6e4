"""A token that lost a right deletes nothing, whichever kind of sync stored what it does not see any more."""

from __future__ import annotations

import pytest

from openfaith import RunStatus, RunView, SyncKind
from openfaith.store import SuspectState
from support.mirror import ask
from support.simulated import Follower, of

PEOPLE = 200
ENTITIES = ["Person", "Email", "PersonMerger"]
"""E-mails ride on people."""

ME = "/people/v2/me"


def see(grace: Follower, *faults: str) -> None:
    """From a little later on the source answers with these faults; without any the token sees everything."""
    grace.church.control("faults", {"faults": ",".join(faults)})
    grace.pass_time()


def hide(grace: Follower, name: str = "Person", count: int = 10) -> str:
    """The fault of a token that does not see so many of what is stored."""
    return f"hidden={name}#{'+'.join(sorted(grace.rows(name))[:count])}"


def sights(grace: Follower, name: str = "Person") -> set[str]:
    statement = "SELECT permissions FROM openfaith.sight WHERE org_id = %s AND entity = %s"
    return {found for (found,) in ask(grace.url, statement, grace.org, f"people.{name}")}


def permissions_of(grace: Follower, view: RunView) -> str | None:
    [(found,)] = ask(
        grace.url, "SELECT permissions FROM openfaith.sync_run WHERE run_id = %s", str(view.run.run_id)
    )
    assert found is None or isinstance(found, str)
    return found


async def reasons(grace: Follower, view: RunView) -> list[str]:
    return [str(event.details["reason"]) for event in await grace.events(view, "DeletionsStopped")]


async def test_what_a_full_sync_stored_outlives_a_permission_that_is_lost_before_the_first_reconciliation(
    grace: Follower,
) -> None:
    await grace.sync()
    before = grace.rows("Person").keys()
    see(grace, hide(grace))
    for _ in range(2):
        view = await grace.sync("reconciliation")
        assert (grace.rows("Person").keys(), grace.dead("Person")) == (before, {})
        assert of(view, "Person").held == 10
        assert await grace.events(view, "DeletionsStopped") != []
    see(grace)
    await grace.sync("reconciliation")
    assert await grace.engine.suspects.list(grace.org) == []
    assert len(sights(grace)) == 1


@pytest.mark.parametrize("kind", ["full", "delta", "sweep"])
async def test_what_a_stronger_token_stored_outlives_the_weaker_one_that_was_accepted_before(
    grace: Follower, kind: str
) -> None:
    """A sweep brings a part of it."""
    hidden = sorted(grace.ids("Person"))[:10]
    weak = f"hidden=Person#{'+'.join(hidden)}"
    see(grace, weak)
    await grace.sync("full", "Person")
    accepted = await grace.sync("reconciliation", "Person")
    see(grace)
    grace.change("update", entity="Person", ids=hidden)
    await grace.sync(kind, "Person")
    before = grace.rows("Person").keys()
    stored = len(before & {*hidden})
    assert stored == 10 or (kind == "sweep" and stored)
    see(grace, weak)
    view = await grace.sync("reconciliation", "Person")
    assert (of(view, "Person").held, of(view, "Person").deleted) == (stored, 0)
    assert (grace.rows("Person").keys(), grace.dead("Person")) == (before, {})
    assert permissions_of(grace, view) == permissions_of(grace, accepted) in sights(grace)


async def test_what_rides_along_outlives_a_permission_that_is_lost(grace: Follower) -> None:
    await grace.sync("full", "Person", "Email")
    before = grace.rows("Email").keys()
    see(grace, hide(grace, "Email"))
    view = await grace.sync("reconciliation", "Person", "Email")
    assert of(view, "Email").reading == "include"
    assert (of(view, "Email").held, grace.rows("Email").keys()) == (10, before)


async def test_what_a_person_approved_is_deleted_and_the_rest_accepted(grace: Follower) -> None:
    await grace.sync("full", "Person")
    weak = hide(grace)
    see(grace, weak)
    await grace.sync("reconciliation", "Person")
    await grace.engine.suspects.approve(grace.org, "Person", None)
    view = await grace.sync("reconciliation", "Person")
    assert (of(view, "Person").deleted, sights(grace)) == (10, {permissions_of(grace, view)})
    grace.change("delete", entity="Person", ids=[max(grace.rows("Person"))])
    view = await grace.sync("reconciliation", "Person")
    assert (of(view, "Person").deleted, of(view, "Person").held) == (1, 0)


async def test_a_source_that_never_tells_is_followed_as_ever(grace: Follower) -> None:
    silent = f"error=403~{ME}"
    see(grace, silent)
    await grace.sync("full", "Person")
    grace.pass_time()
    grace.change("delete", entity="Person", count=2)
    view = await grace.sync("reconciliation", "Person")
    assert permissions_of(grace, view) is None
    assert (of(view, "Person").deleted, sights(grace)) == (2, {""})


@pytest.mark.parametrize("silent", ["full", "reconciliation"])
async def test_where_the_source_did_not_tell_once_a_person_decides(grace: Follower, silent: str) -> None:
    """The run goes on, and its entities with it."""

    async def sync(kind: str) -> RunView:
        see(grace, *([f"error=403~{ME}"] if kind == silent else []))
        view = await grace.sync(kind, "Person")
        assert view.status is RunStatus.COMPLETED
        assert (permissions_of(grace, view) is None) == (kind == silent)
        return view

    await sync("full")
    grace.change("delete", entity="Person", count=2)
    view = await sync("reconciliation")
    assert (of(view, "Person").held, of(view, "Person").deleted) == (2, 0)
    assert {s.state for s in await grace.engine.suspects.list(grace.org)} == {SuspectState.HELD}


async def test_a_run_that_is_retried_is_asked_about_anew(grace: Follower) -> None:
    """It failed with a weak token, and goes on with a strong one, under which it stores more."""
    weak = f"hidden=Person#{'+'.join(sorted(grace.ids('Person'))[:10])}"
    see(grace, weak)
    await grace.sync("reconciliation", "Person")
    see(grace, weak, "error=404~/people/v2/people")
    failed = await grace.sync("full", "Person")
    assert failed.status is RunStatus.FAILED
    few = permissions_of(grace, failed)
    see(grace)
    await grace.engine.retry(failed.run.run_id)
    async with grace.engine.working():
        retried = await grace.engine.wait(failed.run.run_id)
    all_of_it = permissions_of(grace, retried)
    assert (len(grace.rows("Person")), sights(grace)) == (200, {few, all_of_it})
    see(grace, weak)
    view = await grace.sync("reconciliation", "Person")
    assert (of(view, "Person").held, len(grace.rows("Person"))) == (10, 200)


async def test_a_dry_run_sees_what_was_seen_and_leaves_it(grace: Follower) -> None:
    await grace.sync("full", "Person")
    before = sights(grace)
    see(grace, hide(grace))
    view = await grace.engine.sync(grace.org, kind=SyncKind.RECONCILIATION, entities=["Person"], dry_run=True)
    assert of(view, "Person").held == 10
    assert sights(grace) == before
    adapters = ask(grace.url, "SELECT DISTINCT adapter FROM openfaith.sight WHERE org_id = %s", grace.org)
    assert adapters == [("pco",)]


@pytest.mark.parametrize("kind", ["full", "delta", "sweep", "reconciliation"])
async def test_a_run_takes_one_request_more_than_its_entities(grace: Follower, kind: str) -> None:
    await grace.sync()
    grace.requests()
    view = await grace.sync(kind)
    asked = [entry["path"] for entry in grace.church.control("requests")["requests"]]
    assert asked.count(ME) == 1
    assert len(asked) == sum(e.requests for e in view.entities) + 1


@pytest.mark.parametrize("name", ["Person", "Email"])
async def test_a_suspect_that_is_shown_unchanged_is_none(grace: Follower, name: str) -> None:
    """Nothing is written where nothing has changed, and what came along is seen like what was asked for."""
    await grace.sync("full", "Person", "Email")
    see(grace, hide(grace, name))
    await grace.sync("reconciliation", "Person", "Email")
    suspected = await grace.engine.suspects.list(grace.org, entity=name)
    assert len(suspected) == 10
    see(grace)
    view = await grace.sync("full", "Person", "Email")
    assert of(view, name).updated == 0
    assert await grace.engine.suspects.list(grace.org, entity=name) == []
