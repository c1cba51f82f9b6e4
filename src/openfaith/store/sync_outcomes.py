"""What stays known of an entity after its runs: how far it is synced, and how the last run of each kind ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from openfaith.records import EntityName, EntityStatus, OrgId, RunId, SyncKind
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.store.run_records import RunRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOutcome:
    """How the last run of a kind ended for one entity of one organization. Times are by the database's clock."""

    org_id: OrgId
    adapter: str
    entity: EntityName
    kind: str
    """A `SyncKind`, or one that another release knows."""
    run_id: RunId | None
    """None where that run is no longer kept."""
    status: EntityStatus
    reason: str | None
    finished_at: datetime
    completed_at: datetime | None
    """When one of that kind last completed, which need not be this one; None where none ever did."""
    completed_seconds: float | None
    """Since then."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", EntityStatus(self.status))


async def note_outcome(
    connection: psycopg.AsyncConnection,
    run: RunRecord,
    entity: EntityName,
    *,
    newest: datetime | None = None,
    mark_lasts: timedelta | None = None,
) -> None:
    """Keep what follows from an entity run for its entity, in the transaction that has settled it.

    Args:
        newest: of a completed one: the newest stamp of any stored record that is no later than the run.
        mark_lasts: how long deltas go by a watermark; None for ever.
    """
    place = {"run_id": run.run_id, "entity": entity}
    known = place | {"newest": newest, "mark_lasts": mark_lasts}
    await connection.execute(query("sync_outcomes", "note_sync_state"), known)
    if run.kind is SyncKind.SWEEP:
        await connection.execute(query("sweeps", "note_swept"), place)
    if run.kind is SyncKind.RECONCILIATION:
        await connection.execute(query("sweeps", "note_sampled"), place)
    await connection.execute(query("sync_outcomes", "note_sync_outcome"), place)
    await connection.execute(query("sync_outcomes", "note_failed_run"), place)
    await connection.execute(query("sync_outcomes", "settle_failed_runs"), place)


async def note_run_outcome(connection: psycopg.AsyncConnection, run_id: RunId) -> None:
    """Keep what follows from a run as a whole, in the transaction that has settled it."""
    for name in ("note_unplanned_run", "settle_unplanned_runs"):
        await connection.execute(query("sync_outcomes", name), {"run_id": run_id})


async def list_sync_outcomes(database: Database, org_id: OrgId | None = None) -> list[SyncOutcome]:
    """How the last run of each kind ended for every entity, by organization and entity; what completed last comes first."""
    async with database.connection() as connection:
        org_ids = [org_id] if org_id is not None else await list_org_ids(connection)
        cursor = connection.cursor(row_factory=class_row(SyncOutcome))
        await cursor.execute(query("sync_outcomes", "list_sync_outcomes"), {"org_ids": org_ids})
        return await cursor.fetchall()


async def list_org_ids(connection: psycopg.AsyncConnection) -> list[OrgId]:
    """Every organization that there is."""
    cursor = await connection.execute(query("sync_outcomes", "list_org_ids"))
    return [OrgId(org_id) for (org_id,) in await cursor.fetchall()]
