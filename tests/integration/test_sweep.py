"""Sweeps find what changed without a new stamp, a share at a time; a reconciliation samples for it."""

from __future__ import annotations

from openfaith import EntityStatus, RunStatus
from openfaith.store import EntityState
from openfaith.strategies import SHARES
from support.mirror import ask
from support.simulated import Follower, of

PEOPLE = 1_000
ENTITIES = ["Campus", "Household", "Person", "Email", "PhoneNumber", "Address"]
KNOWN = (
    "SELECT entity, watermark, proven_at, source_count FROM openfaith.sync_state WHERE org_id = %s"
    " ORDER BY entity"
)
PAGES_OF_PEOPLE = 11


async def state(grace: Follower, name: str) -> EntityState:
    states = await grace.engine.status(grace.org)
    return next(s for s in states if s.entity == f"people.{name}")


async def test_a_cycle_of_sweeps_finds_what_no_delta_and_no_listing_can(synced: Follower) -> None:
    synced.change("update", entity="Person", count=20, blind=True)
    synced.change("update", entity="Email", count=10, blind=True)
    await synced.sync("delta")
    await synced.sync("reconciliation", "Person")
    assert synced.differences() != []
    views = [await synced.sync("sweep") for _ in range(SHARES)]
    assert {view.status for view in views} == {RunStatus.COMPLETED}
    assert synced.differences() == []
    sampled = next(s for s in await synced.engine.status(synced.org) if s.entity == "people.Person")
    found = sum(of(view, "Person").blind_changes for view in views)
    assert found == 20 - (sampled.sampled_different or 0)
    told = [event for view in views for event in await synced.events(view, "BlindChangesFound")]
    assert sum(int(str(e.details["count"])) for e in told if e.entity == "people.Person") == found


async def test_a_sweep_reads_a_share_and_the_next_one_goes_on_there(synced: Follower) -> None:
    people = len(synced.rows("Person"))
    views = [await synced.sync("sweep", "Person") for _ in range(SHARES)]
    pages = [of(view, "Person").pages for view in views]
    assert max(pages) == -(-PAGES_OF_PEOPLE // SHARES)
    assert sum(pages[:6]) == PAGES_OF_PEOPLE
    assert sum(of(view, "Person").records for view in views[:6]) == people


async def test_a_sweep_says_how_much_changes_blindly(synced: Follower) -> None:
    people = len(synced.rows("Person"))
    assert (await state(synced, "Person")).blind_change_rate is None
    synced.change("update", entity="Person", count=10, blind=True)
    synced.change("update", entity="Person", count=10)
    for _ in range(6):
        await synced.sync("sweep", "Person")
    closed = await state(synced, "Person")
    assert closed.cycle_closed_at is not None
    assert (closed.swept_rows, closed.blind_changes) == (people, 10)
    assert closed.blind_change_rate == 10 / people
    assert closed.last_swept_at is not None
    await synced.sync("sweep", "Person")
    assert people < (await state(synced, "Person")).swept_rows < 2 * people


async def test_a_sweep_moves_no_watermark_and_proves_nothing(synced: Follower, synced_url: str) -> None:
    before = ask(synced_url, KNOWN, synced.org)
    synced.change("add", entity="Person", count=3)
    await synced.sync("sweep")
    assert ask(synced_url, KNOWN, synced.org) == before
    kinds = {o.kind for o in await synced.engine.sync_outcomes(synced.org)}
    assert kinds == {"full", "sweep"}


async def test_a_failed_sweep_is_begun_again_where_it_began(synced: Follower, synced_url: str) -> None:
    await synced.sync("sweep", "Person")
    place = "SELECT sweep_checkpoint FROM openfaith.sync_state WHERE org_id = %s AND entity = 'people.Person'"
    before = ask(synced_url, place, synced.org)
    synced.church.control("faults", {"faults": "error=404@1-/Person"})
    view = await synced.sync("sweep", "Person")
    synced.church.control("faults", {"faults": ""})
    assert of(view, "Person").status is EntityStatus.FAILED
    assert ask(synced_url, place, synced.org) == before


async def test_what_changes_between_two_sweeps_hides_nothing(synced: Follower) -> None:
    """Deletions move all that follows forward, past a walk that only counted."""
    synced.change("update", entity="Person", count=400, blind=True)
    for turn in range(SHARES):
        await synced.sync("sweep", "Person")
        synced.change("delete", entity="Person", ids=sorted(synced.ids("Person"), key=int)[: 40 + turn])
        synced.change("add", entity="Person", count=30)
    await synced.sync("delta", "Person")
    await synced.sync("reconciliation", "Person")
    gone = set(synced.rows("Person")) - synced.ids("Person")
    there = [d for d in synced.differences() if "Person" in d and not any(i in d for i in gone)]
    assert there == []


async def test_a_sample_finds_that_content_differs(synced: Follower) -> None:
    synced.change("update", entity="Person", count=1_000, blind=True)
    view = await synced.sync("reconciliation", "Person")
    told = await synced.events(view, "ParityBroken")
    assert [(e.details["different"], e.details["sampled"]) for e in told] == [(5, 5)]
    found = await state(synced, "Person")
    assert (found.sampled, found.sampled_different) == (5, 5)
    assert found.sampled_at is not None
    assert of(view, "Person").updated == 5


async def test_a_sample_that_agrees_is_kept_too(synced: Follower) -> None:
    view = await synced.sync("reconciliation", "Person")
    found = await state(synced, "Person")
    assert (found.sampled, found.sampled_different) == (5, 0)
    assert await synced.events(view, "ParityBroken") == []


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


async def test_blind_changes_of_what_rides_are_its_own(synced: Follower) -> None:
    synced.change("update", entity="Email", count=7, blind=True)
    views = [await synced.sync("sweep", "Person", "Email") for _ in range(SHARES)]
    assert {of(view, "Email").reading for view in views} == {"include"}
    assert sum(of(view, "Email").blind_changes for view in views) == 7
    assert sum(of(view, "Person").blind_changes for view in views) == 0
    swept = await state(synced, "Email")
    assert (swept.swept_rows >= len(synced.rows("Email")), swept.blind_changes) == (True, 7)
    assert synced.differences() == []


async def test_a_sweep_of_what_was_never_read_reads_its_share(grace: Follower) -> None:
    await grace.sync("sweep", "Person")
    assert 0 < len(grace.rows("Person")) < len(grace.ids("Person"))
    assert (await state(grace, "Person")).watermark is None
    for _ in range(SHARES - 1):
        await grace.sync("sweep", "Person")
    assert grace.rows("Person").keys() == grace.ids("Person")
