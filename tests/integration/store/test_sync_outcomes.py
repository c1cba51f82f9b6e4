"""How the last run of each kind ended, and since when one completed."""

from __future__ import annotations

from openfaith.records import EntityStatus, OrgId
from openfaith.store import Database, finish_entity_run, finish_run, list_sync_outcomes, list_sync_state
from support.mirror import MEMBER, Reader, connect_org, record, start_run
from support.reconciling import Reconciler, store


async def test_a_failure_keeps_when_one_of_its_kind_last_completed(reader: Reader) -> None:
    await reader.store(record("1"))
    await reader.complete()
    [completed] = await list_sync_outcomes(reader.database, reader.org_id)
    later = await reader.begin_again()
    await finish_entity_run(
        later.database, later.run_id, MEMBER.name, status=EntityStatus.FAILED, reason="it was late"
    )
    [failed] = await list_sync_outcomes(reader.database, reader.org_id)
    assert (completed.kind, completed.status, completed.reason) == ("full", EntityStatus.COMPLETED, None)
    assert (failed.status, failed.reason, failed.run_id) == (
        EntityStatus.FAILED,
        "it was late",
        later.run_id,
    )
    assert failed.completed_at == completed.completed_at is not None
    assert failed.completed_seconds is not None


async def test_what_never_completed_has_no_age(reader: Reader) -> None:
    await finish_entity_run(reader.database, reader.run_id, MEMBER.name, status=EntityStatus.CANCELLED)
    [outcome] = await list_sync_outcomes(reader.database, reader.org_id)
    assert (outcome.completed_at, outcome.completed_seconds) == (None, None)


async def test_outcomes_are_listed_by_organization(own_database: Database) -> None:
    for org in ("b-church", "a-church"):
        org_id = await connect_org(own_database, org)
        run_id = await start_run(own_database, org_id, MEMBER)
        await finish_entity_run(own_database, run_id, MEMBER.name, status=EntityStatus.SKIPPED)
        await finish_run(own_database, run_id)
    assert [o.org_id for o in await list_sync_outcomes(own_database)] == ["a-church", "b-church"]
    assert [o.org_id for o in await list_sync_outcomes(own_database, OrgId("b-church"))] == ["b-church"]


async def test_suspects_are_counted_unless_they_were_rejected_or_confirmed(reader: Reader) -> None:
    await store(reader, ["1", "2", "3"])
    church = await Reconciler.of(reader)
    await church.reconcile("1")
    await church.delete("2")
    await reader.complete()
    [state] = await list_sync_state(reader.database, reader.org_id)
    assert (state.suspects, state.held) == (1, 0)
