"""A delta brings what changed since the last run, in few requests, and reads everything where it must."""

from __future__ import annotations

import pytest

from openfaith import EntityStatus, RunStatus
from support.mirror import ask
from support.simulated import Follower, of

PEOPLE = 350
ENTITIES = ["Campus", "Household", "Person", "Email", "PhoneNumber", "Address"]
AGE = "UPDATE openfaith.sync_state SET watermark = watermark - interval '31 days' WHERE org_id = %s RETURNING entity"
MARKS = "SELECT entity, watermark FROM openfaith.sync_state WHERE org_id = %s"


async def test_a_delta_brings_what_changed_in_few_requests(synced: Follower) -> None:
    synced.change("update", entity="Person", count=5)
    synced.change("update", entity="Email", count=3)
    synced.change("add", entity="Person", count=2)
    synced.requests()
    view = await synced.sync("delta")
    assert view.status is RunStatus.COMPLETED
    assert synced.requests() <= 2 * len(ENTITIES)
    assert synced.differences() == []
    assert of(view, "Person").inserted == 2


async def test_a_delta_of_nothing_changes_nothing(synced: Follower) -> None:
    view = await synced.sync("delta")
    assert [(e.inserted, e.updated) for e in view.entities] == [(0, 0)] * len(ENTITIES)
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


async def test_what_showed_nothing_is_read_whole_again_until_it_shows_something(grace: Follower) -> None:
    """One wrong answer made it look empty, and none of what stood there has changed since."""
    grace.church.control("faults", {"faults": "empty@1-/Campus"})
    view = await grace.sync("full", "Campus")
    assert of(view, "Campus").records == 0
    grace.church.control("faults", {"faults": ""})
    view = await grace.sync("delta", "Campus")
    assert grace.rows("Campus").keys() == grace.ids("Campus") != set()
    [told] = await grace.events(view, "DeltaFellBack")
    assert "people.Campus showed nothing when it was last read whole" in told.message
    view = await grace.sync("delta", "Campus")
    assert of(view, "Campus").records < len(grace.ids("Campus"))


async def test_what_is_empty_stays_fresh_and_is_not_told_of(grace: Follower, shared_url: str) -> None:
    grace.change("delete", entity="Campus", ids=sorted(grace.ids("Campus")))
    await grace.sync("full", "Campus")
    before = dict(ask(shared_url, MARKS, grace.org))
    view = await grace.sync("delta", "Campus")
    after = dict(ask(shared_url, MARKS, grace.org))
    assert after["people.Campus"] > before["people.Campus"]
    assert await grace.events(view, "DeltaFellBack") == []


async def test_a_watermark_that_is_too_old_reads_everything(synced: Follower, synced_url: str) -> None:
    ask(synced_url, AGE, synced.org)
    view = await synced.sync("delta")
    assert of(view, "Person").records == len(synced.rows("Person"))
    assert "older than 30 days" in (await synced.events(view, "DeltaFellBack"))[0].message


async def test_a_failed_delta_does_not_move_the_watermark(synced: Follower, synced_url: str) -> None:
    before = dict(ask(synced_url, MARKS, synced.org))
    synced.change("update", entity="Person", count=5)
    synced.church.control("faults", {"faults": "error=404@1-/Person"})
    view = await synced.sync("delta", "Person")
    synced.church.control("faults", {"faults": ""})
    assert of(view, "Person").status is EntityStatus.FAILED
    assert dict(ask(synced_url, MARKS, synced.org)) == before
    await synced.sync("delta")
    assert synced.differences() == []


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


async def test_more_records_of_one_second_than_a_page_holds_are_all_read(synced: Follower) -> None:
    synced.change("update", entity="Person", count=250)
    view = await synced.sync("delta")
    assert of(view, "Person").updated == 250
    assert synced.differences() == []


@pytest.mark.parametrize("fault", ["ignored=where", "ignored=order"])
async def test_a_filter_that_the_source_ignores_is_found_out(synced: Follower, fault: str) -> None:
    synced.change("update", entity="Person", count=5)
    synced.church.control("faults", {"faults": f"{fault}@1-/Person"})
    view = await synced.sync("delta", "Person")
    synced.church.control("faults", {"faults": ""})
    assert of(view, "Person").status is EntityStatus.COMPLETED
    assert synced.differences() == []
    assert (await synced.events(view, "DeltaFellBack")) != []
