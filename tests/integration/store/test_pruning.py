"""What grows with runs is bounded whenever one ends."""

from __future__ import annotations

from datetime import timedelta
from typing import LiteralString

import pytest

from openfaith.records import EntityStatus, OrgId
from openfaith.store import (
    Database,
    finish_entity_run,
    finish_run,
    get_run,
    list_runs,
    note_checkpoint,
    store_events,
)
from openfaith.telemetry import RunJoined, Subject
from support.mirror import Reader, connect_org, execute, fetch, record, start_run

ages: dict[str, LiteralString] = {
    "page_commit": "UPDATE openfaith.page_commit SET committed_at = committed_at - %s",
    "entity_run": "UPDATE openfaith.entity_run SET finished_at = finished_at - %s",
    "sync_run": "UPDATE openfaith.sync_run SET finished_at = finished_at - %s",
    "event": "UPDATE openfaith.event SET at = at - %s",
    "dead_letter": "UPDATE openfaith.dead_letter SET last_seen_at = last_seen_at - %s",
    "parent_failure": "UPDATE openfaith.parent_failure SET failed_at = failed_at - %s",
}


async def age(database: Database, days: float) -> None:
    """Let everything have happened so many days earlier."""
    for statement in ages.values():
        await execute(database, statement, timedelta(days=days))


async def count(database: Database) -> dict[str, int]:
    counts: dict[str, LiteralString] = {
        "page_commit": "SELECT count(*) FROM openfaith.page_commit",
        "event": "SELECT count(*) FROM openfaith.event WHERE name = 'RunJoined'",
        "dead_letter": "SELECT count(*) FROM openfaith.dead_letter",
        "sync_run": "SELECT count(*) FROM openfaith.sync_run WHERE finished_at IS NOT NULL",
    }
    return {table: (await fetch(database, statement))[0]["count"] for table, statement in counts.items()}


async def end_a_run(database: Database) -> None:
    """Of another organization."""
    run_id = await start_run(database, await connect_org(database, "sweeper"))
    await finish_run(database, run_id)
    await execute(database, "DELETE FROM openfaith.sync_run WHERE org_id = 'sweeper'")


@pytest.fixture
async def old(own_database: Database) -> Reader:
    """A run that has ended, with a page, an event, an open letter and one that was dealt with."""
    org = await connect_org(own_database, "grace")
    reader = await Reader.begin(own_database, org=org)
    await reader.store(record("1"), b"2", b"3")
    await execute(
        own_database,
        "UPDATE openfaith.dead_letter SET status = 'discarded' WHERE reason IS NOT NULL AND body = '2'",
    )
    await store_events(own_database, [RunJoined(about=Subject(org_id=org, run_id=reader.run_id))])
    await reader.complete()
    return reader


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (6.9, {"page_commit": 1, "event": 1, "dead_letter": 2, "sync_run": 1}),
        (7.1, {"page_commit": 0, "event": 1, "dead_letter": 2, "sync_run": 1}),
        (89.9, {"page_commit": 0, "event": 1, "dead_letter": 2, "sync_run": 1}),
        (90.1, {"page_commit": 0, "event": 0, "dead_letter": 1, "sync_run": 1}),
        (367, {"page_commit": 0, "event": 0, "dead_letter": 1, "sync_run": 0}),
    ],
)
async def test_what_is_old_goes(old: Reader, days: float, left: dict[str, int]) -> None:
    await age(old.database, days)
    await end_a_run(old.database)
    assert await count(old.database) == left


async def test_what_was_synced_outlives_its_run(old: Reader) -> None:
    await age(old.database, 400)
    await end_a_run(old.database)
    assert await list_runs(old.database, OrgId("grace")) == []
    assert list(await old.rows()) == ["1"]
    [letter] = await old.letters()
    assert (letter["status"], letter["run_id"]) == ("open", None)
    known = await fetch(old.database, "SELECT last_run_id, last_status FROM openfaith.sync_state")
    assert known == [{"last_run_id": None, "last_status": "completed"}]


@pytest.mark.parametrize(
    ("status", "days", "left"),
    [(EntityStatus.COMPLETED, 6.9, 1), (EntityStatus.COMPLETED, 7.1, 0), (EntityStatus.FAILED, 300, 1)],
)
async def test_what_a_walk_could_not_see_below_stays_for_a_week_and_for_as_long_as_a_retry_may_need_it(
    own_database: Database, status: EntityStatus, days: float, left: int
) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await note_checkpoint(own_database, reader.held, "{}", parent_id="1", reason="no", denied=True)
    await finish_entity_run(own_database, reader.run_id, reader.entity.name, status=status, reason="why")
    await finish_run(own_database, reader.run_id)
    await age(own_database, days)
    await end_a_run(own_database)
    kept = await fetch(own_database, "SELECT count(*) FROM openfaith.parent_failure")
    assert kept == [{"count": left}]


async def test_a_run_that_is_not_over_keeps_everything(own_database: Database) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await reader.store(record("1"))
    await age(own_database, 1000)
    await end_a_run(own_database)
    assert len(await reader.ledger()) == 1
    assert not (await get_run(own_database, reader.run_id)).is_final
