"""Alerts: opened, refreshed and resolved by what rules find, and acknowledged by people.

Whoever decides about alerts does so under one lock, in the transaction in which it reads the facts: two processes that look
at once open an alert once, and none goes by facts that are older than another's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from openfaith.alerting import (
    Alert,
    AlertId,
    AlertState,
    BreakerFacts,
    Delivery,
    EntityFacts,
    Facts,
    Finding,
    RunFacts,
)
from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.records import OrgId, SyncKind
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.queries import query
from openfaith.store.sync_outcomes import list_org_ids
from openfaith.telemetry import AlertOpened, AlertResolved, Event, Subject
from openfaith.texts import storable_text

_SEE_THEM = "`openfaith alerts list` shows those that are not resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertCount:
    """How many alerts of one kind hold."""

    org_id: OrgId
    adapter: str
    rule: str
    severity: str
    state: AlertState
    alerts: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", AlertState(self.state))


# Looking


async def begin_alert_look(database: Database, *, apart: timedelta) -> bool:
    """Whether this process is the one to look now: no other has begun to within `apart`."""
    async with database.connection() as connection:
        cursor = await connection.execute(query("alerts", "begin_look"), {"apart": apart})
        return await cursor.fetchone() is not None


async def list_next_org_ids(database: Database, *, after: str, limit: int) -> list[OrgId]:
    """The next organizations after that one, in the order of their names."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("alerts", "list_next_org_ids"), {"after": after, "limit": limit}
        )
        return [OrgId(org_id) for (org_id,) in await cursor.fetchall()]


async def update_alerts(
    database: Database, org_ids: Sequence[OrgId], decide: Callable[[Facts], Collection[Finding]]
) -> list[Event]:
    """Make the alerts of these organizations what `decide` finds in their facts, in one transaction.

    What it finds and is not there is opened, what is there goes on as it is, and what it does not find any more is resolved.

    Returns what is stored of this and still to be logged.
    """
    async with database.transaction() as connection:
        await connection.execute(query("alerts", "lock"))
        facts = await _read_facts(connection, org_ids)
        found = {"org_ids": list(org_ids), "at": facts.at} | _columns(decide(facts))
        await connection.execute(query("alerts", "refresh"), found)
        resolved = await _alerts(connection, "resolve", found)
        opened = await _alerts(connection, "open", found)
        told: list[Event] = [_resolved(alert) for alert in resolved] + [_opened(alert) for alert in opened]
        await insert_events(connection, told)
    return told


async def _read_facts(connection: psycopg.AsyncConnection, org_ids: Sequence[OrgId]) -> Facts:
    about = {"org_ids": list(org_ids), "kinds": list(SyncKind)}
    of_entities = connection.cursor(row_factory=class_row(EntityFacts))
    await of_entities.execute(query("alerts", "list_entity_facts"), about)
    of_runs = connection.cursor(row_factory=class_row(RunFacts))
    await of_runs.execute(query("alerts", "list_run_facts"), about)
    of_breakers = connection.cursor(row_factory=class_row(BreakerFacts))
    await of_breakers.execute(query("alerts", "list_breaker_facts"), about)
    now = await (await connection.execute(query("alerts", "now"))).fetchone()
    assert now is not None
    at: datetime = now[0]
    return Facts(
        at=at,
        entities=await of_entities.fetchall(),
        runs=await of_runs.fetchall(),
        breakers=await of_breakers.fetchall(),
    )


def _columns(findings: Collection[Finding]) -> dict[str, list[str]]:
    return {
        "rules": [f.rule for f in findings],
        "orgs": [f.org_id for f in findings],
        "adapters": [f.adapter for f in findings],
        "entities": [f.entity or "" for f in findings],
        "aspects": [f.aspect or "" for f in findings],
        "severities": [f.severity for f in findings],
        "messages": [storable_text(f.message) for f in findings],
    }


async def _alerts(
    connection: psycopg.AsyncConnection, name: str, parameters: dict[str, object]
) -> list[Alert]:
    cursor = connection.cursor(row_factory=class_row(Alert))
    await cursor.execute(query("alerts", name), parameters)
    return await cursor.fetchall()


def _opened(alert: Alert) -> Event:
    return AlertOpened(
        about=Subject(org_id=alert.org_id, entity=alert.entity),
        alert=alert.alert_id,
        rule=alert.rule,
        level="error" if alert.severity == "error" else "warning",
        text=alert.message,
    )


def _resolved(alert: Alert) -> Event:
    return AlertResolved(
        about=Subject(org_id=alert.org_id, entity=alert.entity),
        alert=alert.alert_id,
        rule=alert.rule,
        text=alert.message,
    )


async def forget_old_alerts(database: Database) -> None:
    """Bound the alerts: ninety days after they were resolved."""
    async with database.connection() as connection:
        await connection.execute(query("alerts", "prune"))


# What people see and say


async def list_alerts(
    database: Database, org_id: OrgId | None = None, *, resolved: bool = False
) -> list[Alert]:
    """The alerts of an organization, or of all; by organization, the oldest first.

    Args:
        resolved: those that hold no more, too.
    """
    async with database.connection() as connection:
        org_ids = [org_id] if org_id is not None else await list_org_ids(connection)
        return await _alerts(connection, "list", {"org_ids": org_ids, "resolved": resolved})


async def list_deliveries(database: Database, alert_ids: Collection[AlertId]) -> list[Delivery]:
    """How far these alerts have come on their way, by alert."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Delivery))
        await cursor.execute(query("alerts", "list_deliveries"), {"alert_ids": list(alert_ids)})
        return await cursor.fetchall()


async def count_alerts(database: Database, org_id: OrgId | None = None) -> list[AlertCount]:
    """How many alerts hold, of an organization or of all."""
    async with database.connection() as connection:
        org_ids = [org_id] if org_id is not None else await list_org_ids(connection)
        cursor = connection.cursor(row_factory=class_row(AlertCount))
        await cursor.execute(query("alerts", "count"), {"org_ids": org_ids})
        return await cursor.fetchall()


async def acknowledge_alerts(database: Database, alert_ids: Collection[AlertId] | None, *, by: str) -> int:
    """Note that a person knows of these alerts. Whom somebody knew of before stays theirs.

    Args:
        alert_ids: None for all that are open now.

    Returns how many were open.

    Raises:
        UnknownNameError: there is none of that number. Nothing was changed.
        ConfigurationError: one of them is resolved. Nothing was changed.
    """
    async with database.transaction() as connection:
        await connection.execute(query("alerts", "lock"))
        if alert_ids is None:
            cursor = await connection.execute(query("alerts", "list_open_ids"))
            chosen = [AlertId(alert_id) for (alert_id,) in await cursor.fetchall()]
        else:
            chosen = list(alert_ids)
            await _check_unresolved(connection, chosen)
        noted = await connection.execute(
            query("alerts", "acknowledge"), {"alert_ids": chosen, "by": storable_text(by)}
        )
        return noted.rowcount


async def _check_unresolved(connection: psycopg.AsyncConnection, alert_ids: Sequence[AlertId]) -> None:
    cursor = await connection.execute(query("alerts", "list_states"), {"alert_ids": list(alert_ids)})
    states = {alert_id: AlertState(state) for alert_id, state in await cursor.fetchall()}
    for alert_id in alert_ids:
        if alert_id not in states:
            raise UnknownNameError("alert", str(alert_id), (), _SEE_THEM)
        if states[alert_id] is AlertState.RESOLVED:
            raise ConfigurationError(
                f"alert {alert_id}", "it is resolved, so nothing was changed", f"one that holds; {_SEE_THEM}"
            )
