"""Sync runs and entity runs: every change of their state is one verb here.

A run is queued, then holds its organization's one place, then ends as completed, partial, failed or
cancelled. An entity run is taken by raising its fencing token; whoever held it before is refused from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.rows import class_row

from openfaith.errors import LeaseLostError, RunConflictError, UnknownNameError
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, RunStatus, Strategy, SyncKind
from openfaith.store.connection import Database
from openfaith.store.dry_runs import discard_copy, discard_orphaned_copies
from openfaith.store.events import insert_events
from openfaith.store.listings import forget_old_listings
from openfaith.store.mirror import beside_parameters
from openfaith.store.queries import query
from openfaith.store.run_records import (
    EntityRunRecord,
    EntityState,
    HeldEntityRun,
    PlannedReading,
    Rider,
    RunRecord,
)
from openfaith.store.sync_outcomes import list_org_ids, note_outcome
from openfaith.store.texts import storable_text
from openfaith.telemetry import Event, log_event


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
        run = await _get_run(connection, run_id, lock=True)
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


async def finish_entity_run(
    database: Database,
    run_id: RunId,
    entity: EntityName,
    *,
    status: EntityStatus,
    reason: str | None = None,
    table: tuple[str, str] | None = None,
    attempt: int | None = None,
    mark_lasts: timedelta | None = None,
    tell: Callable[[EntityRunRecord], Sequence[Event]] = lambda _: (),
) -> bool:
    """Settle an entity run; with it, in the same transaction, the watermark, the counts that `status` shows, and events.

    Args:
        mark_lasts: how long deltas of the entity go by a watermark; until then, what was read with doubts does not move
            it. None for ever.
        table: schema and name of the mirror table, to count its rows; needed for a completed run.
        attempt: where given, only this attempt of the run settles it: a later one has its own outcome to find.
        tell: what there is to tell of the settled entity run. It is logged, too.

    Returns False where it was settled before: a repeated step changes nothing.

    Raises:
        LeaseLostError: the entity run is to be completed, and nobody has taken it since it was last put back.
    """
    async with database.transaction() as connection:
        org_id = (await _get_run(connection, run_id)).org_id
        # Counted first: a large table takes a while, during which nobody need wait for the run.
        live = newest = None
        if table and status is EntityStatus.COMPLETED:
            live, newest = await _take_stock(connection, table, org_id, run_id, entity)
        run = await _get_run(connection, run_id, lock=True)
        if attempt not in {None, run.attempt}:
            return False
        settled = await connection.execute(
            query("runs", "finish_entity_run"),
            {
                "run_id": run_id,
                "entity": entity,
                "status": status,
                "reason": None if reason is None else storable_text(reason),
                "live_rows": live,
            },
        )
        if await settled.fetchone() is None:
            return await _was_settled(connection, run_id, entity)
        await note_outcome(connection, run_id, entity, newest=newest, mark_lasts=mark_lasts)
        if status is EntityStatus.COMPLETED and run.kind is SyncKind.FULL:
            place = {"run_id": run_id, "entity": entity}
            await connection.execute(query("runs", "resolve_dead_letters"), place)
        told = tell(await _get_entity_run(connection, run_id, entity))
        await insert_events(connection, told)
    for event in told:
        log_event(event)
    return True


async def _was_settled(connection: psycopg.AsyncConnection, run_id: RunId, entity: EntityName) -> bool:
    cursor = await connection.execute(
        query("runs", "find_open_entity_run"), {"run_id": run_id, "entity": entity}
    )
    row = await cursor.fetchone()
    if row is not None:
        raise LeaseLostError(*row)
    return False


_STOCK = """
SELECT count(*) FILTER (WHERE t._deleted_at IS NULL), max(t._source_updated_at) FILTER (WHERE t._source_updated_at <= e.at)
FROM {} AS t CROSS JOIN (
    SELECT COALESCE(e.source_started_at, c.source_started_at) AS at
    FROM openfaith.entity_run AS e
    LEFT JOIN openfaith.entity_run AS c ON c.run_id = e.run_id AND c.entity = e.carrier
    WHERE e.run_id = %(run_id)s AND e.entity = %(entity)s
) AS e
WHERE t.org_id = %(org_id)s
"""


async def _take_stock(
    connection: psycopg.AsyncConnection,
    table: tuple[str, str],
    org_id: OrgId,
    run_id: RunId,
    entity: EntityName,
) -> tuple[int, datetime | None]:
    """How many records live, and the newest stamp of any that is no later than the run."""
    statement = sql.SQL(_STOCK).format(beside_parameters(sql.Identifier(*table)))
    about = {"org_id": org_id, "run_id": run_id, "entity": entity}
    row = await (await connection.execute(statement, about)).fetchone()
    assert row is not None
    return int(row[0]), row[1]


async def finish_run(
    database: Database,
    run_id: RunId,
    *,
    reason: str | None = None,
    attempt: int | None = None,
    tell: Callable[[RunStatus, Sequence[EntityRunRecord]], Sequence[Event]] = lambda *_: (),
) -> RunStatus:
    """Settle a run by the outcomes of its entities, and bound the tables that grow with runs. A dry run's copy goes.

    Entities that are still open are settled first: as cancelled where a person cancelled the run, else as
    failed for `reason`. A run that is over stays as it is; so does one whose attempt is not `attempt`, where given.
    What there is to `tell` of it is stored in the same transaction, and logged: whoever sees that it is over finds that.

    Raises:
        UnknownNameError: there is no such run.
    """
    if (await get_run(database, run_id)).dry_run:
        # Whoever sees that it is over finds nothing of it any more.
        await forget_old_listings(database)
    async with database.transaction() as connection:
        run = await _get_run(connection, run_id, lock=True)
        if run.is_final or attempt not in {None, run.attempt}:
            return run.status
        await _settle(connection, run, reason)
        status = (await _get_run(connection, run_id)).status
        told = tell(status, await _list_entity_runs(connection, run_id))
        await insert_events(connection, told)
    for event in told:
        log_event(event)
    await _prune(database)
    return status


async def _settle(connection: psycopg.AsyncConnection, run: RunRecord, reason: str | None) -> None:
    """End a run and what is open of it, and of a dry one its copy. The caller holds the run's lock."""
    cancelled = run.cancel_requested_at is not None
    why = None if reason is None else storable_text(reason)
    left_open = why or "its run ended before it did"
    settled = await connection.execute(
        query("runs", "settle_entities_of_run"),
        {
            "run_id": run.run_id,
            "status": EntityStatus.CANCELLED if cancelled else EntityStatus.FAILED,
            "reason": "the run was cancelled" if cancelled else left_open,
        },
    )
    for (entity,) in await settled.fetchall():
        await note_outcome(connection, run.run_id, entity)
    await connection.execute(query("runs", "finish_run"), {"run_id": run.run_id, "reason": why})
    if run.dry_run:
        await discard_copy(connection, run)


async def _prune(database: Database) -> None:
    """Bound what grows with runs. Apart from what the run did: whoever waits for a lock here has finished already."""
    for name in (
        "prune_page_commits",
        "prune_parent_failures",
        "prune_events",
        "prune_dead_letters",
        "prune_runs",
    ):
        async with database.connection() as connection:
            await connection.execute(query("runs", name))
    await forget_old_listings(database)
    await discard_orphaned_copies(database)


async def cancel_run(database: Database, run_id: RunId) -> RunRecord:
    """Ask a run to stop. A queued one is over at once; a running one stops after the page in flight.

    Raises:
        UnknownNameError: there is no such run.
        RunConflictError: it is over already.
    """
    async with database.transaction() as connection:
        run = await _get_run(connection, run_id, lock=True)
        if run.is_final:
            raise RunConflictError(str(run_id), f"is {run.status} already", "there is nothing to cancel")
        await connection.execute(query("runs", "request_cancel"), {"run_id": run_id})
        await connection.execute(query("runs", "request_cancel_of_entities"), {"run_id": run_id})
        cancelled = await _get_run(connection, run_id)
        if run.status is RunStatus.QUEUED:
            await _settle(connection, cancelled, "it was cancelled before it started")
        return await _get_run(connection, run_id)


async def retry_run(database: Database, run_id: RunId) -> RunRecord:
    """Queue a run that did not complete once more: what completed stays, the rest goes on where it stopped.

    Raises:
        UnknownNameError: there is no such run.
        RunConflictError: it completed, or is not over, or the same is queued already; or it is a dry run.
    """
    async with database.transaction() as connection:
        run = await _get_run(connection, run_id)
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
        return await _get_run(connection, run_id)


async def get_run(database: Database, run_id: RunId) -> RunRecord:
    """One run.

    Raises:
        UnknownNameError: there is none of that number.
    """
    async with database.connection() as connection:
        return await _get_run(connection, run_id)


async def _get_run(connection: psycopg.AsyncConnection, run_id: RunId, *, lock: bool = False) -> RunRecord:
    cursor = connection.cursor(row_factory=class_row(RunRecord))
    await cursor.execute(query("runs", "lock_run" if lock else "get_run"), {"run_id": run_id})
    run = await cursor.fetchone()
    if run is None:
        raise UnknownNameError("run", str(run_id), (), "see `openfaith runs list`")
    return run


async def list_runs(database: Database, org_id: OrgId | None = None, *, limit: int = 20) -> list[RunRecord]:
    """The newest runs first."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(RunRecord))
        name = "list_runs" if org_id is None else "list_runs_of_organization"
        await cursor.execute(query("runs", name), {"org_id": org_id, "limit": limit})
        return await cursor.fetchall()


async def list_unfinished_runs(database: Database) -> list[RunRecord]:
    """The runs that some process must still work on, oldest first."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(RunRecord))
        await cursor.execute(query("runs", "list_unfinished_runs"))
        return await cursor.fetchall()


async def list_entity_runs(database: Database, run_id: RunId) -> list[EntityRunRecord]:
    """The entities of a run, in the order of its plan."""
    async with database.connection() as connection:
        return await _list_entity_runs(connection, run_id)


async def _list_entity_runs(connection: psycopg.AsyncConnection, run_id: RunId) -> list[EntityRunRecord]:
    cursor = connection.cursor(row_factory=class_row(EntityRunRecord))
    await cursor.execute(query("runs", "list_entity_runs"), {"run_id": run_id})
    return await cursor.fetchall()


async def get_entity_run(database: Database, run_id: RunId, entity: EntityName) -> EntityRunRecord:
    """One entity of a run, which is known to be part of it."""
    async with database.connection() as connection:
        return await _get_entity_run(connection, run_id, entity)


async def _get_entity_run(
    connection: psycopg.AsyncConnection, run_id: RunId, entity: EntityName
) -> EntityRunRecord:
    cursor = connection.cursor(row_factory=class_row(EntityRunRecord))
    await cursor.execute(query("runs", "get_entity_run"), {"run_id": run_id, "entity": entity})
    found = await cursor.fetchone()
    assert found is not None, "entity runs are made before they are asked for"
    return found


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


async def settle_closed_products(
    database: Database, run_id: RunId, running: Collection[EntityName]
) -> list[EntityName]:
    """Settle what is waiting of products that turned out to be closed, and what of it was not started yet."""
    async with database.transaction() as connection:
        cursor = await connection.execute(
            query("runs", "settle_closed_products"), {"run_id": run_id, "running": list(running)}
        )
        settled = [EntityName(row[0]) for row in await cursor.fetchall()]
        for entity in settled:
            await note_outcome(connection, run_id, entity)
    return settled


async def list_settled_entity_runs(
    database: Database, run_id: RunId, entities: Collection[EntityName]
) -> dict[EntityName, EntityStatus]:
    """How those of these entities ended that have ended. Short: it is asked again and again."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "list_settled_entity_runs"), {"run_id": run_id, "entities": list(entities)}
        )
        return {EntityName(entity): EntityStatus(status) async for entity, status in cursor}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """From where on a delta has to read. Both by the source's clock."""

    watermark: datetime
    newest: datetime | None


async def list_marks(
    database: Database, org_id: OrgId, adapter: str, entities: Sequence[EntityName]
) -> dict[EntityName, Mark]:
    """The marks of those entities that were ever read whole."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "list_marks"), {"org_id": org_id, "adapter": adapter, "entities": list(entities)}
        )
        return {
            EntityName(entity): Mark(watermark=watermark, newest=newest)
            for entity, watermark, newest in await cursor.fetchall()
        }


async def list_sync_state(database: Database, org_id: OrgId | None = None) -> list[EntityState]:
    """What is known of every entity that was ever synced."""
    async with database.connection() as connection:
        org_ids = [org_id] if org_id is not None else await list_org_ids(connection)
        cursor = connection.cursor(row_factory=class_row(EntityState))
        await cursor.execute(query("runs", "list_sync_state"), {"org_ids": org_ids})
        return await cursor.fetchall()
