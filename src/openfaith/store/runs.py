"""Sync runs and entity runs: every change of their state is one verb here.

A run is queued, then holds its organization's one place, then ends as completed, partial, failed or
cancelled. An entity run is taken by raising its fencing token; whoever held it before is refused from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import errors as pg
from psycopg.rows import class_row

from openfaith.errors import LeaseLostError, RunConflictError, UnknownNameError
from openfaith.records import EntityName, OrgId, RunId, Strategy, SyncKind
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.store.run_lookups import read_run
from openfaith.store.run_records import EntityState, HeldEntityRun, PlannedReading, Rider, RunRecord
from openfaith.store.sync_outcomes import list_org_ids
from openfaith.texts import storable_text


async def request_run(
    database: Database,
    *,
    org_id: OrgId,
    adapter: str,
    kind: SyncKind,
    entities: Sequence[EntityName] | None,
    strategy: Strategy = Strategy.HYBRID,
    requested_by: str,
    dry_run: bool = False,
) -> tuple[RunId, bool]:
    """Queue a run, or find the queued or running one that does the same, by whatever strategy.

    Args:
        dry_run: work on a copy, and change nothing of the organization. Never the same as a run that does.

    Returns the run and whether it is new.

    Raises:
        UnknownNameError: there is no such organization.
    """
    asked = {
        "org_id": org_id,
        "adapter": adapter,
        "kind": kind,
        "entities": sorted(entities) if entities is not None else None,
        "strategy": strategy,
        "requested_by": requested_by,
        "dry_run": dry_run,
    }
    async with database.transaction() as connection:
        await _lock_organization(connection, org_id)
        same = await (await connection.execute(query("runs", "find_same_run"), asked)).fetchone()
        if same is not None:
            return RunId(same[0]), False
        new = await (await connection.execute(query("runs", "insert_run"), asked)).fetchone()
        assert new is not None
        return RunId(new[0]), True


async def _lock_organization(connection: psycopg.AsyncConnection, org_id: OrgId) -> None:
    cursor = await connection.execute(query("runs", "lock_organization"), {"org_id": org_id})
    if await cursor.fetchone() is None:
        raise UnknownNameError(
            "organization", org_id, (), "connect it with `openfaith connect pco --org ...`"
        )


async def begin_run(database: Database, run_id: RunId) -> bool:
    """Give the run its organization's one place. False where another run holds it: ask again later.

    A run that already holds the place keeps it, so that a repeated step does no harm.

    Raises:
        RunConflictError: the run is over, or there is no such run.
    """
    async with database.connection() as connection:
        try:
            cursor = await connection.execute(query("runs", "begin_run"), {"run_id": run_id})
        except pg.UniqueViolation:
            return False
        if await cursor.fetchone() is None:
            raise RunConflictError(str(run_id), "is over", "start a new one, or retry it")
    return True


async def note_permissions(
    database: Database, run_id: RunId, permissions: str | None, *, attempt: int
) -> None:
    """Note under which sight of its token a run's attempt stores what it will store; None where that is not known.

    An attempt that is not the run's last, or over, notes nothing.
    """
    async with database.connection() as connection:
        await connection.execute(
            query("runs", "note_permissions"),
            {"run_id": run_id, "permissions": permissions, "attempt": attempt},
        )


async def plan_entity_runs(database: Database, run_id: RunId, planned: Sequence[PlannedReading]) -> None:
    """Make the entity runs of a plan, in its order. A run is planned once.

    What was planned before stays as it is, also in how it is read, and nothing is added: a program that knows more
    entities, or more ways, may retry a run of which pages are committed already, and what were to ride on these would
    be complete without them. The next run has it all.
    """
    async with database.transaction() as connection:
        # Whoever plans the same run waits here, and then finds it planned; a cancellation comes before or after.
        run = await read_run(connection, run_id, lock=True)
        await connection.execute(
            query("runs", "insert_entity_runs"),
            {
                "run_id": run_id,
                "adapter": run.works_as,
                "entities": [p.entity for p in planned],
                "readings": [p.reading for p in planned],
                "paths": [p.path for p in planned],
                "parents": [p.parent for p in planned],
                "carriers": [p.carrier for p in planned],
                "includes": [p.include for p in planned],
            },
        )


async def take_entity_run(database: Database, run_id: RunId, entity: EntityName) -> HeldEntityRun | None:
    """Raise the fencing token and learn where to continue. None where the entity run is settled already.

    What the run's token may see is noted with it, of the entity and of what rides on it: before any of it is stored.

    Raises:
        RunConflictError: the same entity of the organization is being read for another run.
    """
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(HeldEntityRun))
        try:
            await cursor.execute(query("runs", "take_entity_run"), {"run_id": run_id, "entity": entity})
        except pg.UniqueViolation as exc:
            raise RunConflictError(
                str(run_id), f"cannot read {entity} while another run does", "retry it when that one is over"
            ) from exc
        return await cursor.fetchone()


async def list_riders(database: Database, run_id: RunId, entity: EntityName) -> tuple[Rider, ...]:
    """What rides on an entity's pages in this run, in the plan's order: also what is settled already.

    What was skipped, or failed, before its carrier is through comes along all the same. A retried run could not tell
    which pages it would lack.
    """
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Rider))
        await cursor.execute(query("runs", "list_riders"), {"run_id": run_id, "entity": entity})
        return tuple(await cursor.fetchall())


async def note_source_start(database: Database, held: HeldEntityRun, at: datetime) -> None:
    """Remember the source's clock at the first request: the next watermark, if this run completes."""
    async with database.connection() as connection:
        await connection.execute(
            query("runs", "note_source_start"),
            {"entity_run_id": held.entity_run_id, "fence": held.fence, "at": at},
        )


async def is_dated(database: Database, held: HeldEntityRun) -> bool:
    """Whether the source told the time when an entity run, or what it came along with, asked it first."""
    async with database.connection() as connection:
        cursor = await connection.execute(query("runs", "is_dated"), {"entity_run_id": held.entity_run_id})
        row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def is_cancelled(database: Database, held: HeldEntityRun) -> bool:
    """Whether an entity run that commits no page for a while is to stop.

    Raises:
        LeaseLostError: somebody else holds the entity run now.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "is_cancelled"), {"entity_run_id": held.entity_run_id, "fence": held.fence}
        )
        row = await cursor.fetchone()
    if row is None:
        raise LeaseLostError(held.entity_run_id, held.fence)
    return bool(row[0])


async def retry_run(database: Database, run_id: RunId) -> RunRecord:
    """Queue a run that did not complete once more: what completed stays, the rest goes on where it stopped.

    Raises:
        UnknownNameError: there is no such run.
        RunConflictError: it completed, or is not over, or the same is queued already; or it is a dry run.
    """
    async with database.transaction() as connection:
        run = await read_run(connection, run_id)
        if run.dry_run:
            raise RunConflictError(
                str(run_id),
                "is a dry run, and what it had worked on is gone",
                f"start a new one: `openfaith sync {run.org_id} --dry-run --type {run.kind}`",
            )
        await _lock_organization(connection, run.org_id)
        try:
            cursor = await connection.execute(query("runs", "retry_run"), {"run_id": run_id})
        except pg.UniqueViolation as exc:
            raise RunConflictError(
                str(run_id), "cannot be queued: the same sync is queued", "wait for that one"
            ) from exc
        if await cursor.fetchone() is None:
            raise RunConflictError(
                str(run_id),
                f"is {run.status}",
                "only runs that are partial, failed or cancelled can be retried",
            )
        await connection.execute(query("runs", "retry_entities"), {"run_id": run_id})
        return await read_run(connection, run_id)


async def close_product(database: Database, run_id: RunId, product: str, reason: str) -> bool:
    """Remember that a run may see nothing of a product. Returns whether it was not known yet."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "close_product"),
            {"run_id": run_id, "product": product, "reason": storable_text(reason)},
        )
        return await cursor.fetchone() is not None


async def is_product_closed(database: Database, run_id: RunId, product: str) -> bool:
    """Whether a run, in its present attempt, is known to see nothing of a product."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "is_product_closed"), {"run_id": run_id, "product": product}
        )
        return await cursor.fetchone() is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """From where on a delta has to read. Both by the source's clock."""

    watermark: datetime
    newest: datetime | None
    shown: bool
    """False where the entity showed nothing at all when it was last read whole, and nobody looked twice."""


async def list_marks(
    database: Database, org_id: OrgId, adapter: str, entities: Sequence[EntityName]
) -> dict[EntityName, Mark]:
    """The marks of those entities that were ever read whole."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "list_marks"), {"org_id": org_id, "adapter": adapter, "entities": list(entities)}
        )
        return {
            EntityName(entity): Mark(watermark=watermark, newest=newest, shown=shown)
            for entity, watermark, newest, shown in await cursor.fetchall()
        }


async def list_sync_state(database: Database, org_id: OrgId | None = None) -> list[EntityState]:
    """What is known of every entity that was ever synced."""
    async with database.connection() as connection:
        org_ids = [org_id] if org_id is not None else await list_org_ids(connection)
        cursor = connection.cursor(row_factory=class_row(EntityState))
        await cursor.execute(query("runs", "list_sync_state"), {"org_ids": org_ids})
        return await cursor.fetchall()
