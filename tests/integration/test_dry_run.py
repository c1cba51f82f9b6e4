"""A dry run counts what a sync would do, and does nothing of it."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from openfaith import EntityStatus, RunStatus, RunView, SyncKind
from openfaith.errors import RunConflictError
from openfaith.records import RunId, base_adapter
from openfaith.store import get_run, make_copy
from openfaith.store.dry_runs import discard_orphaned_copies
from support.mirror import ask
from support.simulated import Follower, of

PEOPLE = 60
ENTITIES = (
    "Campus",
    "Household",
    "Person",
    "Email",
    "PhoneNumber",
    "Address",
    "PersonMerger",
    "WorkflowCategory",
    "Workflow",
    "WorkflowStep",
    "WorkflowCard",
    "WorkflowCardActivity",
    "WorkflowCardNote",
)
KINDS = ["full", "delta", "reconciliation"]
STATE = (
    "sync_state",
    "sync_outcome",
    "failed_run",
    "sight",
    "suspect",
    "dead_letter",
    "removal",
    "deletion_policy",
)
DATA = """
SELECT schemaname || '.' || tablename FROM pg_tables
WHERE schemaname LIKE 'pco%' OR schemaname = 'openfaith' AND tablename IN (
    'sync_state', 'sync_outcome', 'failed_run', 'sight', 'suspect', 'dead_letter', 'removal', 'deletion_policy')
ORDER BY 1
"""


async def dry(grace: Follower, kind: str = "full", *entities: str) -> RunView:
    return await grace.engine.sync(
        grace.org, kind=SyncKind(kind), entities=entities or grace.entities, dry_run=True
    )


def everything(grace: Follower) -> dict[str, Any]:
    """Every row of the organization, and which transaction wrote it; also which tables there are."""
    with psycopg.connect(grace.url) as connection:
        tables = [table for (table,) in connection.execute(DATA).fetchall()]
        return {table: connection.execute(_rows_of(table), (grace.org,)).fetchall() for table in tables}


def _rows_of(table: str) -> bytes:
    """The table's name is the catalog's."""
    return f"SELECT t.xmin::text, t::text FROM {table} AS t WHERE org_id = %s ORDER BY 2".encode()


def left_behind(grace: Follower) -> list[str]:
    """What there is under the names of dry runs."""
    schemas = ask(grace.url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_dry\\_%'")
    found = [name for (name,) in schemas]
    for table in STATE:
        number = ask(grace.url, f"SELECT count(*) FROM openfaith.{table} WHERE adapter LIKE '%\\_dry\\_%'")
        found += [table] * number[0][0]
    rows = """
        SELECT count(*) FROM openfaith.listing AS l JOIN openfaith.listing_row AS r USING (entity_run_id)
        WHERE l.adapter LIKE '%\\_dry\\_%'
    """
    return found + ["listing_row"] * ask(grace.url, rows)[0][0]


def counts(view: RunView) -> dict[str, tuple[int, ...]]:
    """What was written, or would be."""
    return {
        e.entity: (e.inserted, e.updated, e.unchanged, e.deleted, e.suspects, e.held) for e in view.entities
    }


def change_the_church(grace: Follower) -> None:
    grace.change("update", entity="Person", count=4)
    grace.change("update", entity="WorkflowCard", count=3)
    grace.change("update", entity="Email", count=2)
    grace.change("add", entity="Person", count=2)
    grace.change("add", entity="WorkflowCard", count=2)
    grace.change("delete", entity="Person", count=2)
    grace.change("delete", entity="WorkflowCard", count=2)
    grace.change("delete", entity="PhoneNumber", count=2)
    loser, keeper = sorted(grace.rows("Person").keys() & grace.ids("Person"))[:2]
    grace.change("merge", loser=loser, keeper=keeper)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_sync_does_exactly_what_its_dry_run_counted(synced: Follower, kind: str) -> None:
    change_the_church(synced)
    before = everything(synced)
    shown = await dry(synced, kind)
    assert everything(synced) == before
    assert left_behind(synced) == []
    done = await synced.sync(kind)
    assert shown.status is done.status is RunStatus.COMPLETED
    assert counts(shown) == counts(done)
    assert of(done, "Person").inserted == 2
    assert of(done, "WorkflowCard").updated > 0
    assert sum(e.deleted for e in done.entities) > 0


async def test_a_sweep_does_exactly_what_its_dry_run_counted(synced: Follower) -> None:
    """Each reads the share whose turn it is, and a dry run does not move that on."""
    found = 0
    for _ in range(2):
        change_the_church(synced)
        synced.change("update", entity="Person", count=9, blind=True)
        before = everything(synced)
        shown = await dry(synced, "sweep")
        assert everything(synced) == before
        done = await synced.sync("sweep")
        assert shown.status is done.status is RunStatus.COMPLETED
        assert counts(shown) == counts(done)
        found += of(done, "Person").blind_changes
    assert found > 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_first_sync_does_exactly_what_its_dry_run_counted(busy: Follower, kind: str) -> None:
    before = everything(busy)
    shown = await dry(busy, kind)
    assert everything(busy) == before
    assert left_behind(busy) == []
    done = await busy.sync(kind)
    assert counts(shown) == counts(done)
    assert of(shown, "Person").inserted == 60


async def test_a_mass_deletion_is_shown_and_nobody_is_asked_about_it(synced: Follower) -> None:
    gone = len(synced.rows("Person"))
    synced.change("delete", entity="Person", count=gone)
    before = everything(synced)
    shown = await dry(synced, "reconciliation", "Person", "Email")
    assert everything(synced) == before
    assert of(shown, "Person").held == of(shown, "Person").suspects == gone
    assert of(shown, "Person").deleted == 0
    assert await synced.engine.suspects.list(synced.org) == []
    [report] = [
        r for r in await synced.engine.reconciliations(shown.run.run_id) if r.entity == "people.Person"
    ]
    assert (report.held, report.guard) == (gone, "stopped")
    done = await synced.sync("reconciliation", "Person", "Email")
    assert counts(done) == counts(shown)


async def test_what_a_person_decided_before_holds_in_a_dry_run(synced: Follower) -> None:
    synced.change("delete", entity="Email", count=55)
    await synced.sync("reconciliation")
    await synced.engine.suspects.approve(synced.org, "Email", None)
    before = everything(synced)
    shown = await dry(synced, "reconciliation")
    assert everything(synced) == before
    assert of(shown, "Email").deleted == 55
    done = await synced.sync("reconciliation")
    assert counts(done) == counts(shown)


@pytest.mark.parametrize("policy", ["hard", "archive"])
async def test_rows_that_left_their_table_are_counted_as_a_sync_would(synced: Follower, policy: str) -> None:
    """One was deleted before, and came back; others are gone by now."""
    for name in ("Person", "WorkflowCard"):
        await synced.engine.suspects.set_policy(synced.org, name, policy)
    back, *gone = sorted(synced.rows("Person"))[:3]
    synced.change("delete", entity="Person", ids=[back])
    await synced.sync("reconciliation")
    synced.change("restore", entity="Person", ids=[back])
    synced.change("delete", entity="Person", ids=gone)
    synced.change("delete", entity="WorkflowCard", count=2)
    before = everything(synced)
    shown = await dry(synced, "reconciliation")
    assert everything(synced) == before
    assert left_behind(synced) == []
    done = await synced.sync("reconciliation")
    assert counts(done) == counts(shown)
    assert (of(done, "Person").inserted, of(done, "Person").deleted) == (1, 2)


async def test_a_permission_that_changed_stops_a_dry_run_too(synced: Follower) -> None:
    """What was seen before goes with the copy."""
    await synced.sync("reconciliation")
    ask(synced.url, "UPDATE openfaith.sight SET permissions = 'others' WHERE org_id = %s", synced.org)
    synced.change("delete", entity="Person", count=2)
    shown = await dry(synced, "reconciliation", "Person")
    done = await synced.sync("reconciliation", "Person")
    assert counts(done) == counts(shown)
    assert of(done, "Person").held == 2


async def test_it_says_what_it_is(busy: Follower) -> None:
    view = await dry(busy, "full", "Campus")
    assert view.run.dry_run
    assert view.to_json()["dry_run"] is True
    [started] = await busy.events(view, "RunStarted")
    assert started.message.startswith("dry run of a full sync")
    assert await busy.engine.status(busy.org) == []
    assert await busy.engine.sync_outcomes(busy.org) == []


async def test_a_dry_run_and_one_that_is_none_are_not_the_same(grace: Follower) -> None:
    real, _ = await grace.engine.request(grace.org, entities=["Campus"])
    shown, is_new = await grace.engine.request(grace.org, entities=["Campus"], dry_run=True)
    again, is_newer = await grace.engine.request(grace.org, entities=["Campus"], dry_run=True)
    assert (is_new, is_newer) == (True, False)
    assert real.run_id != shown.run_id == again.run_id
    assert (await grace.engine.start(grace.org, entities=["Campus"])).run_id == real.run_id
    for run in (real, shown):
        await grace.engine.cancel(run.run_id)


async def test_a_dry_run_that_fails_leaves_nothing_behind_and_is_not_retried(synced: Follower) -> None:
    before = everything(synced)
    synced.church.control("faults", {"faults": "error=404@1-/Person"})
    view = await dry(synced)
    synced.church.control("faults", {"faults": ""})
    assert view.status is RunStatus.PARTIAL
    assert of(view, "Person").status is EntityStatus.FAILED
    assert everything(synced) == before
    assert left_behind(synced) == []
    with pytest.raises(RunConflictError, match="is a dry run"):
        await synced.engine.retry(view.run.run_id)


async def under_way(grace: Follower) -> RunId:
    """A dry run whose copy is there, and that cannot end before it is told to go on."""
    grace.church.control("faults", {"faults": "slow=1s@1-/Person"})
    run = await grace.engine.start(grace.org, entities=["Person", "Email"], dry_run=True)
    while f"pco_dry_{run.run_id}" not in left_behind(grace):  # noqa: ASYNC110  # the database cannot set an event
        await asyncio.sleep(0.05)
    return run.run_id


async def test_a_cancelled_dry_run_leaves_nothing_behind(grace: Follower) -> None:
    await grace.sync()
    before = everything(grace)
    async with grace.engine.working("command"):
        run_id = await under_way(grace)
        await grace.engine.cancel(run_id)
        view = await grace.engine.wait(run_id)
    assert view.status is RunStatus.CANCELLED
    assert everything(grace) == before
    assert left_behind(grace) == []


async def test_a_dry_run_that_was_interrupted_goes_on_with_its_copy(grace: Follower) -> None:
    await grace.sync()
    before = everything(grace)
    async with grace.engine.working("command"):
        run_id = await under_way(grace)
    assert left_behind(grace) != []
    grace.church.control("faults", {"faults": ""})
    grace.change("update", entity="Person", count=3)
    view = await dry(grace, "full", "Person", "Email")
    assert view.run.run_id == run_id
    assert view.status is RunStatus.COMPLETED
    assert of(view, "Person").updated == 3
    assert {table: rows for table, rows in everything(grace).items() if table in before} == before
    assert left_behind(grace) == []


async def test_the_copy_is_made_once_and_not_after_the_end(grace: Follower) -> None:
    await grace.sync("full", "Campus")
    database, manifest = grace.engine._database, grace.engine.manifest()
    requested = await grace.engine.start(grace.org, entities=["Campus"], dry_run=True)
    run = await get_run(database, requested.run_id)
    assert await make_copy(database, run, manifest)
    found = ask(grace.url, f"SELECT count(*) FROM {run.works_as}.people_campus")
    assert not await make_copy(database, run, manifest)
    assert ask(grace.url, f"SELECT count(*) FROM {run.works_as}.people_campus") == found != [(0,)]
    await grace.engine.cancel(run.run_id)
    assert left_behind(grace) == []
    with pytest.raises(RunConflictError, match="is over"):
        await make_copy(database, run, manifest)
    assert left_behind(grace) == []


async def test_the_copy_of_a_run_that_is_gone_is_discarded(grace: Follower) -> None:
    await grace.sync("full", "Campus")
    database, manifest = grace.engine._database, grace.engine.manifest()
    run = await grace.engine.start(grace.org, entities=["Campus"], dry_run=True)
    await make_copy(database, run, manifest)
    ask(grace.url, "CREATE SCHEMA pco_dry_1000000")  # somebody else's
    assert await discard_orphaned_copies(database) == 0
    ask(grace.url, "DELETE FROM openfaith.sync_run WHERE run_id = %s", run.run_id)
    assert await discard_orphaned_copies(database) == 1
    assert left_behind(grace) == ["pco_dry_1000000"]
    ask(grace.url, "DROP SCHEMA pco_dry_1000000")


async def test_a_program_that_knows_no_dry_runs_cannot_plan_one(grace: Follower) -> None:
    run = await grace.engine.start(grace.org, entities=["Campus"], dry_run=True)
    planning = """
        INSERT INTO openfaith.entity_run (run_id, org_id, adapter, entity, position)
        SELECT run_id, org_id, adapter, 'people.Campus', 1 FROM openfaith.sync_run WHERE run_id = %s
    """
    with pytest.raises(psycopg.errors.RaiseException, match="dry run"):
        ask(grace.url, planning, run.run_id)
    await grace.engine.cancel(run.run_id)


def test_every_table_that_goes_by_adapter_is_thought_of(shared_url: str) -> None:
    """Copied and discarded, discarded, or one of those that belong to the adapter itself, to a run, or to people."""
    named = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'openfaith' AND column_name = 'adapter'"
    of_the_adapter = {
        "breaker",
        "credential",
        "sync_run",
        "mirror_schema",
        "canonical_form",
        "mirror_filling",
    }
    of_a_run = {"entity_run", "listing"}
    of_people = {"alert"}
    assert {table for (table,) in ask(shared_url, named)} == {*STATE, *of_the_adapter, *of_a_run, *of_people}


@pytest.mark.parametrize(
    "name", ["pco", "pco_dry_7", "pco_dry_", "_dry_7", "pco_dry_7_archive", "a_dry_1_dry_2"]
)
def test_the_database_and_the_program_read_names_alike(shared_url: str, name: str) -> None:
    assert ask(shared_url, "SELECT openfaith.base_adapter(%s)", name) == [(base_adapter(name),)]
