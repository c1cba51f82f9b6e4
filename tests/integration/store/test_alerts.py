"""Alerts in a real database: opened once, kept while they hold, resolved when they do not, new when they come back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from openfaith.alerting import Alert, AlertId, AlertState, Facts, Finding, Targets, decide
from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.records import EntityName, OrgId, RunId
from openfaith.store import (
    AlertCount,
    Database,
    acknowledge_alerts,
    begin_alert_look,
    count_alerts,
    forget_old_alerts,
    list_alerts,
    list_next_org_ids,
    update_alerts,
)
from openfaith.telemetry import Event
from openfaith.workflows.alerts import look_for_alerts
from support.mirror import connect_org, execute, fetch, fetch_one

HELD: LiteralString = """
INSERT INTO openfaith.suspect (org_id, adapter, entity, id, state, reason, listing_started_at)
SELECT %s, 'sample', 'church.Member', n::text, 'held', 'so many', now() FROM generate_series(1, 3) n
"""
SYNCED: LiteralString = """
INSERT INTO openfaith.sync_state (org_id, adapter, entity, watermark, last_status, last_completed_at, proven_at, doubts)
VALUES (%s, %s, 'church.Member', now(), 'completed', now(), now(), '{}')
"""
ENDED: LiteralString = """
INSERT INTO openfaith.sync_run (org_id, adapter, kind, requested_by, status, started_at, finished_at, dry_run)
VALUES (%s, 'sample', %s, 'test', %s, now(), now(), %s) RETURNING run_id
"""


def finding(org: OrgId, entity: str | None = "church.Member", **changed: Any) -> Finding:
    defaults: dict[str, Any] = {
        "rule": "stale",
        "org_id": org,
        "adapter": "sample",
        "entity": None if entity is None else EntityName(entity),
        "severity": "warning",
        "message": "it is",
    }
    return Finding(**(defaults | changed))


async def find(database: Database, org: OrgId, *findings: Finding) -> list[str]:
    """What is told where these are found of an organization, and nothing else."""
    return [event.name for event in await update_alerts(database, [org], lambda _: findings)]


async def by_rules(database: Database, *orgs: OrgId) -> list[tuple[str, str | None, str | None]]:
    """What holds of these, after a look."""
    await update_alerts(database, orgs, lambda facts: decide(facts, Targets()))
    return [
        (alert.rule, alert.entity, alert.aspect) for org in orgs for alert in await list_alerts(database, org)
    ]


async def facts_of(database: Database, *orgs: OrgId) -> Facts:
    seen: list[Facts] = []

    def note(facts: Facts) -> Collection[Finding]:
        seen.append(facts)
        return ()

    await update_alerts(database, orgs, note)
    return seen[0]


async def states(database: Database, org: OrgId) -> list[tuple[AlertId, AlertState]]:
    return [(a.alert_id, a.state) for a in await list_alerts(database, org, resolved=True)]


@pytest.fixture
async def connected(database: Database, org: OrgId) -> OrgId:
    """The organization, with a credential."""
    await execute(
        database,
        "INSERT INTO openfaith.credential (org_id, adapter, base_url, key_id, sealed) VALUES (%s, 'sample', '', '', '')",
        org,
    )
    await execute(database, SYNCED, org, "sample")
    return org


# One alert


async def test_what_is_found_is_opened_and_told(database: Database, org: OrgId) -> None:
    assert await find(database, org, finding(org)) == ["AlertOpened"]
    [alert] = await list_alerts(database, org)
    assert (alert.rule, alert.entity, alert.aspect) == ("stale", "church.Member", None)
    assert (alert.state, alert.times_seen, alert.message) == (AlertState.OPEN, 1, "it is")
    assert alert.opened_at == alert.last_seen_at
    told = await fetch_one(
        database, "SELECT name, entity, message FROM openfaith.event WHERE org_id = %s", org
    )
    assert told == {
        "name": "AlertOpened",
        "entity": "church.Member",
        "message": f"alert {alert.alert_id} (stale) opened: it is",
    }


async def test_what_is_found_again_is_the_same_alert_and_says_what_it_says_now(
    database: Database, org: OrgId
) -> None:
    await find(database, org, finding(org))
    [before] = await list_alerts(database, org)
    assert await find(database, org, finding(org, severity="error", message="it still is")) == []
    [after] = await list_alerts(database, org)
    assert (after.alert_id, after.opened_at, after.times_seen) == (before.alert_id, before.opened_at, 2)
    assert (after.severity, after.message) == ("error", "it still is")
    assert after.last_seen_at > before.last_seen_at


async def test_what_is_not_found_any_more_is_resolved_and_told(database: Database, org: OrgId) -> None:
    await find(database, org, finding(org))
    assert await find(database, org) == ["AlertResolved"]
    assert await list_alerts(database, org) == []
    [alert] = await list_alerts(database, org, resolved=True)
    assert alert.state is AlertState.RESOLVED
    assert alert.resolved_at is not None
    assert await find(database, org) == []


async def test_what_comes_back_is_a_new_alert(database: Database, org: OrgId) -> None:
    await find(database, org, finding(org))
    [first] = await list_alerts(database, org)
    await acknowledge_alerts(database, [first.alert_id], by="ann")
    await find(database, org)
    assert await find(database, org, finding(org)) == ["AlertOpened"]
    [_, second] = await list_alerts(database, org, resolved=True)
    assert (second.state, second.acknowledged_by, second.times_seen) == (AlertState.OPEN, None, 1)
    assert second.alert_id > first.alert_id


async def test_what_a_person_knows_goes_on_as_known(database: Database, org: OrgId) -> None:
    await find(database, org, finding(org))
    [alert] = await list_alerts(database, org)
    assert await acknowledge_alerts(database, [alert.alert_id], by="ann") == 1
    assert await find(database, org, finding(org, message="worse")) == []
    [known] = await list_alerts(database, org)
    assert (known.state, known.acknowledged_by, known.message) == (AlertState.ACKNOWLEDGED, "ann", "worse")
    assert await find(database, org) == ["AlertResolved"]


async def test_alerts_differ_by_rule_entity_and_aspect(database: Database, org: OrgId) -> None:
    findings = [
        finding(org),
        finding(org, rule="dead_letters"),
        finding(org, "church.Campus"),
        finding(org, None),
        finding(org, None, aspect="delta"),
        finding(org, adapter="other"),
    ]
    assert await find(database, org, *findings) == ["AlertOpened"] * 6
    assert await find(database, org, *findings) == []
    assert await find(database, org, *findings[1:]) == ["AlertResolved"]
    assert len(await list_alerts(database, org)) == 5


async def test_only_who_was_looked_at_can_be_well_again(
    database: Database, org: OrgId, other_org: OrgId
) -> None:
    await find(database, org, finding(org))
    await find(database, other_org, finding(other_org))
    assert [a.state for a in await list_alerts(database, org)] == [AlertState.OPEN]


async def test_a_message_that_postgresql_cannot_keep_is_kept_as_well_as_it_can(
    database: Database, org: OrgId
) -> None:
    await find(database, org, finding(org, message="a\0b"))
    [alert] = await list_alerts(database, org)
    assert alert.message == "a\ufffdb"


# Several processes


async def test_two_that_look_at_once_open_one_alert(shared_url: str, database: Database, org: OrgId) -> None:
    told = await asyncio.gather(*(find(database, org, finding(org)) for _ in range(4)))
    assert sorted(map(len, told)) == [0, 0, 0, 1]
    [alert] = await list_alerts(database, org)
    assert alert.times_seen == 4


async def test_who_waited_goes_by_what_is_true_now(database: Database, connected: OrgId) -> None:
    """And not by what it had read before: else it would resolve, or open, what the other has just seen otherwise."""
    async with database.transaction() as first:
        await first.execute("SELECT pg_advisory_xact_lock(hashtextextended('openfaith.alerts', 0))")
        waiting = asyncio.ensure_future(by_rules(database, connected))
        await _until_somebody_waits(first)
        await first.execute(HELD, [connected])
    assert await waiting == [("guard_stopped", "church.Member", None)]


async def _until_somebody_waits(connection: psycopg.AsyncConnection) -> None:
    waiting: LiteralString = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while await (await connection.execute(waiting)).fetchone() == (0,):  # noqa: ASYNC110  # no event of ours says it
        await asyncio.sleep(0)


async def test_one_process_looks_and_the_others_need_not(own_database: Database) -> None:
    minute = timedelta(minutes=1)
    looking = await asyncio.gather(*(begin_alert_look(own_database, apart=minute) for _ in range(4)))
    assert sorted(looking) == [False, False, False, True]
    assert not await look_for_alerts(own_database, Targets(), apart=minute)
    assert await look_for_alerts(own_database, Targets(), apart=timedelta())


# What the rules are told


async def test_nothing_is_wrong_with_what_was_just_synced(database: Database, connected: OrgId) -> None:
    assert await by_rules(database, connected) == []
    [known] = (await facts_of(database, connected)).entities
    assert (known.is_synced, known.is_accessible, known.is_doubted) == (True, True, False)
    assert (known.held, known.dead_letters, known.sampled, known.sampled_different) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("watermark = now() - interval '27 hours'", ("stale", "church.Member", None)),
        ("sampled = 9, sampled_different = 1", ("parity_lost", "church.Member", "sample")),
        ("proven_at = now() - interval '9 days'", ("parity_lost", "church.Member", "proof")),
    ],
)
async def test_a_state_that_misses_its_target_opens_an_alert(
    database: Database, connected: OrgId, change: LiteralString, rule: tuple[str, str, str | None]
) -> None:
    await execute(database, f"UPDATE openfaith.sync_state SET {change} WHERE org_id = %s", connected)
    assert await by_rules(database, connected) == [rule]


async def test_suspects_that_wait_and_dead_letters_are_counted(database: Database, connected: OrgId) -> None:
    await execute(database, HELD, connected)
    await execute(
        database,
        """INSERT INTO openfaith.dead_letter (org_id, adapter, entity, record_key, reason, body, requested_at, status)
        SELECT %s, 'sample', 'church.Member', n::text, '', '', now(), CASE WHEN n %% 2 = 0 THEN 'open' ELSE 'resolved' END
        FROM generate_series(1, 24) n""",
        connected,
    )
    [known] = (await facts_of(database, connected)).entities
    assert (known.held, known.dead_letters) == (3, 12)
    assert [rule for rule, _, _ in await by_rules(database, connected)] == ["guard_stopped", "dead_letters"]


async def ended(database: Database, org: OrgId, kind: str, status: str, *, dry_run: bool = False) -> RunId:
    row = await fetch_one(database, ENDED, org, kind, status, dry_run)
    return RunId(row["run_id"])


async def failing(
    database: Database, org: OrgId, kind: str, *entities: str, run_id: RunId, status: str = "open"
) -> None:
    await execute(
        database,
        """INSERT INTO openfaith.failed_run (org_id, adapter, entity, kind, run_id, reason, status)
        SELECT %s, 'sample', entity, %s, %s, '', %s FROM unnest(%s::text[]) AS entity""",
        org,
        kind,
        run_id,
        status,
        list(entities),
    )


async def test_what_failed_of_each_kind_holds_until_it_was_made_up_for(
    database: Database, connected: OrgId
) -> None:
    """The reconciliation has failed, however often a delta completes, and however far its retry is."""
    run_id = await ended(database, connected, "reconciliation", "failed")
    await failing(database, connected, "reconciliation", "church.Member", run_id=run_id)
    await ended(database, connected, "delta", "completed")
    await ended(database, connected, "reconciliation", "cancelled")
    await ended(database, connected, "reconciliation", "completed")  # of something else
    told = [("run_failed", None, "reconciliation")]
    assert await by_rules(database, connected) == told
    await execute(
        database,
        "UPDATE openfaith.sync_run SET status = 'queued', finished_at = NULL WHERE run_id = %s",
        run_id,
    )
    assert await by_rules(database, connected) == told
    await execute(database, "DELETE FROM openfaith.failed_run WHERE org_id = %s", connected)
    assert await by_rules(database, connected) == []


async def test_a_run_that_may_see_nothing_at_all_is_told_without_an_entity(
    database: Database, connected: OrgId
) -> None:
    """What may not be seen is no failure; that a run of everything saw nothing is."""
    await ended(database, connected, "delta", "failed")
    await ended(database, connected, "delta", "cancelled")
    await ended(database, connected, "delta", "completed", dry_run=True)
    assert await by_rules(database, connected) == [("run_failed", None, "delta")]
    await ended(database, connected, "delta", "completed")
    assert await by_rules(database, connected) == []


async def test_what_a_person_gave_up_is_no_alert(database: Database, connected: OrgId) -> None:
    run_id = await ended(database, connected, "full", "failed")
    await failing(database, connected, "full", "church.Member", run_id=run_id, status="discarded")
    assert await by_rules(database, connected) == []


async def test_a_partial_run_is_told_with_what_did_not_complete(database: Database, connected: OrgId) -> None:
    before = await ended(database, connected, "full", "failed")
    run_id = await ended(database, connected, "full", "partial")
    await execute(
        database,
        """INSERT INTO openfaith.entity_run (run_id, org_id, adapter, entity, position, status, started_at, finished_at)
        VALUES (%s, %s, 'sample', 'church.Group', 1, 'completed', now(), now())""",
        run_id,
        connected,
    )
    await failing(database, connected, "full", "church.Member", run_id=run_id)
    await failing(database, connected, "full", "church.Gift", "*", run_id=before)
    [run] = (await facts_of(database, connected)).runs
    assert (run.run_id, run.kind, run.is_partial) == (run_id, "full", True)
    assert list(run.entities) == ["church.Gift", "church.Member"]


async def test_a_dry_runs_copy_is_no_fact(database: Database, connected: OrgId) -> None:
    await execute(database, SYNCED, connected, "sample_dry_7")
    assert len((await facts_of(database, connected)).entities) == 1


async def test_a_look_comes_to_every_organization(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few at a time."""
    monkeypatch.setattr("openfaith.workflows.alerts._ORGANIZATIONS_AT_ONCE", 2)
    orgs = [await connect_org(own_database, f"org-{n}") for n in range(5)]
    for org in orgs:
        await execute(own_database, SYNCED, org, "sample")
        await execute(own_database, HELD, org)
    assert await list_next_org_ids(own_database, after=orgs[2], limit=9) == orgs[3:]
    assert await look_for_alerts(own_database, Targets(), apart=timedelta())
    assert {alert.org_id for alert in await list_alerts(own_database)} == set(orgs)


async def test_what_goes_wrong_with_one_organization_hides_no_other(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def update(database: Database, org_ids: Sequence[OrgId], decide: Any) -> list[Event]:
        if orgs[0] in org_ids:
            raise LookupError("nobody knows why")
        return await update_alerts(database, org_ids, decide)

    monkeypatch.setattr("openfaith.workflows.alerts._ORGANIZATIONS_AT_ONCE", 1)
    monkeypatch.setattr("openfaith.workflows.alerts.update_alerts", update)
    orgs = [await connect_org(own_database, f"org-{n}") for n in range(3)]
    for org in orgs:
        await execute(own_database, SYNCED, org, "sample")
        await execute(own_database, HELD, org)
    assert await look_for_alerts(own_database, Targets(), apart=timedelta())
    assert {alert.org_id for alert in await list_alerts(own_database)} == set(orgs[1:])


# What people say


async def opened(database: Database, org: OrgId, *entities: str) -> Sequence[Alert]:
    await find(database, org, *(finding(org, entity) for entity in entities))
    return await list_alerts(database, org)


async def test_who_knew_first_stays_noted(database: Database, org: OrgId) -> None:
    [alert] = await opened(database, org, "church.Member")
    assert await acknowledge_alerts(database, [alert.alert_id], by="ann") == 1
    assert await acknowledge_alerts(database, [alert.alert_id, alert.alert_id], by="bob") == 0
    [known] = await list_alerts(database, org)
    assert known.acknowledged_by == "ann"


async def test_an_unknown_number_changes_nothing(database: Database, org: OrgId) -> None:
    [alert] = await opened(database, org, "church.Member")
    with pytest.raises(
        UnknownNameError, match="there is no alert '987654321'; `openfaith alerts list` shows"
    ):
        await acknowledge_alerts(database, [alert.alert_id, AlertId(987_654_321)], by="ann")
    assert await states(database, org) == [(alert.alert_id, AlertState.OPEN)]


async def test_what_is_resolved_need_not_be_known(database: Database, org: OrgId) -> None:
    [alert] = await opened(database, org, "church.Member")
    await find(database, org)
    with pytest.raises(ConfigurationError, match=f"alert {alert.alert_id}: it is resolved"):
        await acknowledge_alerts(database, [alert.alert_id], by="ann")


async def test_all_means_all_that_are_open(own_database: Database) -> None:
    org = await connect_org(own_database, "grace")
    first, *_ = await opened(own_database, org, "church.Member", "church.Campus", "church.Group")
    await acknowledge_alerts(own_database, [first.alert_id], by="bob")
    assert await acknowledge_alerts(own_database, None, by="ann") == 2
    assert await acknowledge_alerts(own_database, None, by="ann") == 0
    assert await count_alerts(own_database, org) == [
        AlertCount(
            org_id=org,
            adapter="sample",
            rule="stale",
            severity="warning",
            state=AlertState.ACKNOWLEDGED,
            alerts=3,
        )
    ]


# What is kept


async def test_what_was_resolved_ninety_days_ago_goes_and_nothing_else(own_database: Database) -> None:
    org = await connect_org(own_database, "grace")
    old, young, held = await opened(own_database, org, "church.Old", "church.Young", "church.Held")
    await find(own_database, org, finding(org, "church.Held"))
    for alert, days in ((old, 91), (young, 89)):
        await execute(
            own_database,
            "UPDATE openfaith.alert SET resolved_at = now() - make_interval(days => %s) WHERE alert_id = %s",
            days,
            alert.alert_id,
        )
    await execute(own_database, "UPDATE openfaith.alert SET opened_at = now() - interval '1 year'")
    await forget_old_alerts(own_database)
    assert [a.alert_id for a in await list_alerts(own_database, org, resolved=True)] == [
        young.alert_id,
        held.alert_id,
    ]


@pytest.mark.parametrize(
    "change",
    [
        "state = 'resolved'",
        "resolved_at = now()",
        "state = 'acknowledged'",
        "acknowledged_at = now(), acknowledged_by = 'ann'",
        "state = 'acknowledged', acknowledged_at = now()",
        "severity = 'info'",
        "times_seen = 0",
    ],
)
async def test_the_table_refuses_what_no_alert_can_be(
    database: Database, org: OrgId, change: LiteralString
) -> None:
    await opened(database, org, "church.Member")
    with pytest.raises(psycopg.errors.CheckViolation):
        await execute(database, f"UPDATE openfaith.alert SET {change} WHERE org_id = %s", org)


async def test_the_table_has_one_unresolved_alert_of_a_kind(database: Database, org: OrgId) -> None:
    await opened(database, org, "church.Member")
    again: LiteralString = """
        INSERT INTO openfaith.alert (rule, org_id, adapter, entity, severity, message, opened_at, last_seen_at)
        SELECT rule, org_id, adapter, entity, severity, message, opened_at, last_seen_at FROM openfaith.alert WHERE org_id = %s
    """
    with pytest.raises(psycopg.errors.UniqueViolation):
        await execute(database, again, org)
    await find(database, org)
    await execute(database, again, org)
    assert len(await fetch(database, "SELECT FROM openfaith.alert WHERE org_id = %s", org)) == 2
