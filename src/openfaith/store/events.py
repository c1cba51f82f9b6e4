"""The stored events: what a run decided, for whoever wonders about it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from openfaith.records import EntityName, OrgId, RunId
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.telemetry import Event
from openfaith.texts import storable_json, storable_text


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """An event as it was stored."""

    event_id: int
    at: datetime
    org_id: OrgId | None
    run_id: RunId | None
    entity: EntityName | None
    name: str
    severity: str
    message: str
    details: dict[str, object] = field(default_factory=dict)


async def store_events(database: Database, events: Sequence[Event]) -> None:
    """Append events, in order, all or none."""
    async with database.transaction() as connection:
        await insert_events(connection, events)


async def insert_events(connection: psycopg.AsyncConnection, events: Sequence[Event]) -> None:
    """Append events in the caller's transaction: they are true if that is committed."""
    for event in events:
        await connection.execute(query("events", "insert_event"), _row(event))


def _row(event: Event) -> dict[str, object]:
    return {
        "org_id": event.about.org_id,
        "run_id": event.about.run_id,
        "entity": event.about.entity,
        "name": event.name,
        "severity": event.severity,
        "message": storable_text(event.message()),
        "details": Jsonb(storable_json(event.details())),
    }


async def list_events(database: Database, run_id: RunId, *, limit: int = 200) -> list[StoredEvent]:
    """The newest `limit` events of a run, oldest first."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(StoredEvent))
        await cursor.execute(query("events", "list_events"), {"run_id": run_id, "limit": limit})
        return await cursor.fetchall()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something that went wrong in a run, once or many times."""

    kind: str
    """The class of an error, a notice of the source's client, or the name of an event."""
    severity: str
    times: int
    first_at: datetime
    last_at: datetime
    entities: list[EntityName]
    """Whom it concerned, where it is told; in the order of their names."""
    example: str
    """The last one's message. No message holds a secret or a person's data."""


async def list_troubles(database: Database, run_id: RunId) -> list[Trouble]:
    """What went wrong in a run, errors first, then what happened most."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Trouble))
        await cursor.execute(query("events", "list_troubles"), {"run_id": run_id})
        return await cursor.fetchall()
