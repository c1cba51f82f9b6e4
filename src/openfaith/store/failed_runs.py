"""Runs that were accepted and failed for good: the dead letters of runs.

What failed is kept by entity and kind of run until a run completes that has read as much, or a person gives it up. There
is nothing to store again here: `retry_run` lets the run go on where it stopped.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from psycopg.rows import class_row

from openfaith.errors import UnknownNameError
from openfaith.records import EntityName, OrgId, RunId
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.queries import query
from openfaith.telemetry import FailedRunDiscarded, Subject, log_event
from openfaith.texts import storable_text

WHOLE_RUN: Final = EntityName("*")
"""Stands for the entity where a run of everything failed before it knew how to read it."""

_LARGEST_NUMBER = 2**63 - 1


class FailedRunStatus(StrEnum):
    """Whether anybody still waits for it."""

    OPEN = "open"
    DISCARDED = "discarded"
    """A person gave it up. If it fails again, it is open again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedRun:
    """What failed of a run, and was not made up for since. Times are by the database's clock."""

    org_id: OrgId
    adapter: str
    entity: EntityName
    """`WHOLE_RUN` for a run of everything that failed before it knew how to read it."""
    kind: str
    """A `SyncKind`, or one that another release knows."""
    run_id: RunId
    """The last one that failed."""
    reason: str
    times: int
    """How often it failed in a row."""
    first_failed_at: datetime
    last_failed_at: datetime
    since_seconds: float
    """How long the first failure is ago."""
    status: FailedRunStatus
    decided_by: str | None
    """Who gave it up."""
    decided_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", FailedRunStatus(self.status))


async def list_failed_runs(
    database: Database,
    org_id: OrgId,
    *,
    entity: EntityName | None = None,
    reason: str | None = None,
    statuses: Collection[FailedRunStatus] = (FailedRunStatus.OPEN,),
    run_ids: Collection[RunId] | None = None,
) -> list[FailedRun]:
    """What failed of an organization's runs and was not made up for since, what failed last first.

    Args:
        reason: in full.
        run_ids: only of these; None for all.
    """
    about = {
        "org_id": org_id,
        "entity": entity,
        "reason": reason,
        "statuses": list(statuses),
        "run_ids": None if run_ids is None else [n for n in run_ids if 0 < n <= _LARGEST_NUMBER],
    }
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(FailedRun))
        await cursor.execute(query("sync_outcomes", "list_failed_runs"), about)
        return await cursor.fetchall()


async def discard_failed_run(
    database: Database, org_id: OrgId, run_id: RunId, *, entity: EntityName | None = None, by: str
) -> int:
    """Give up what failed of a run. Returns of how many entities; what was given up before stays as it is.

    Args:
        entity: only this one.
        by: who decided.

    Raises:
        UnknownNameError: nothing of this run failed that was not made up for. Nothing was changed.
    """
    known = await list_failed_runs(
        database, org_id, entity=entity, statuses=list(FailedRunStatus), run_ids=[run_id]
    )
    if not known:
        hint = f"`openfaith dead-letters list {org_id}` shows what failed and was not made up for since"
        raise UnknownNameError("failed run", str(run_id), hint=hint)
    about = {"org_id": org_id, "run_ids": [run_id], "entity": entity, "by": storable_text(by)}
    async with database.transaction() as connection:
        cursor = await connection.execute(query("sync_outcomes", "discard_failed_runs"), about)
        names = sorted(EntityName(name) for _, name in await cursor.fetchall())
        subject = Subject(org_id=org_id, run_id=run_id)
        told = [FailedRunDiscarded(about=subject, entities=tuple(names))] if names else []
        await insert_events(connection, told)
    for event in told:
        log_event(event)
    return len(names)
