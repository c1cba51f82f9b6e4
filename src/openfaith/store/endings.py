"""How runs and their entities end: settled, accounted for and told in one transaction, whoever ends them.

An entity that was read is settled by its own workflow, which knows what there is to tell of it. What is still open
when its run ends is settled with that, and told here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from openfaith.errors import LeaseLostError, RunConflictError
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, RunStatus, SyncKind
from openfaith.store.connection import Database
from openfaith.store.dry_runs import discard_copy, discard_orphaned_copies
from openfaith.store.events import insert_events
from openfaith.store.going_on import keep_promise
from openfaith.store.listings import forget_old_listings
from openfaith.store.mirror import beside_parameters
from openfaith.store.queries import query
from openfaith.store.run_lookups import get_run, read_entity_run, read_entity_runs, read_run
from openfaith.store.run_records import EntityRunRecord, RunRecord
from openfaith.store.sync_outcomes import note_outcome, note_run_outcome
from openfaith.telemetry import EntityRunFinished, Event, RunFinished, Subject, log_event
from openfaith.texts import storable_text


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
) -> EntityRunRecord | None:
    """Settle an entity run; with it, in the same transaction, the watermark, the counts that `status` shows, and events.

    Args:
        mark_lasts: how long deltas of the entity go by a watermark; until then, what was read with doubts does not move
            it. None for ever.
        table: schema and name of the mirror table, to count its rows; needed for a completed run.
        attempt: where given, only this attempt of the run settles it: a later one has its own outcome to find.
        tell: what there is to tell of the settled entity run. It is logged, too.

    Returns it as it is settled now; None where it was settled before: a repeated step changes nothing.

    Raises:
        LeaseLostError: the entity run is to be completed, and nobody has taken it since it was last put back.
    """
    async with database.transaction() as connection:
        org_id = (await read_run(connection, run_id)).org_id
        # Counted first: a large table takes a while, during which nobody need wait for the run.
        live = newest = None
        if table and status is EntityStatus.COMPLETED:
            live, newest = await _take_stock(connection, table, org_id, run_id, entity)
        run = await read_run(connection, run_id, lock=True)
        if attempt not in {None, run.attempt}:
            return None
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
            await _ensure_was_settled(connection, run_id, entity)
            return None
        await note_outcome(connection, run, entity, newest=newest, mark_lasts=mark_lasts)
        if table and status is EntityStatus.COMPLETED:
            await _resolve_dead_letters(connection, table, run, entity)
        found = await read_entity_run(connection, run_id, entity)
        told = tell(found)
        await insert_events(connection, told)
    for event in told:
        log_event(event)
    return found


async def _ensure_was_settled(connection: psycopg.AsyncConnection, run_id: RunId, entity: EntityName) -> None:
    """Tell what is settled from what nobody holds.

    Raises:
        LeaseLostError: it is still open.
    """
    cursor = await connection.execute(
        query("runs", "find_open_entity_run"), {"run_id": run_id, "entity": entity}
    )
    row = await cursor.fetchone()
    if row is not None:
        raise LeaseLostError(*row)


_STORED_SINCE = """
UPDATE openfaith.dead_letter AS d SET status = 'resolved', decided_by = 'run ' || %(run_id)s::text, decided_at = now()
FROM {} AS t
WHERE d.org_id = %(org_id)s AND d.adapter = %(adapter)s AND d.entity = %(entity)s AND d.status = 'open'
  AND d.run_id IS DISTINCT FROM %(run_id)s AND t.org_id = d.org_id AND t.id = d.record_key AND t._requested_at > d.requested_at
"""
"""Whatever kind of run brought it: the record is stored as it was later, or was deleted later. Not what this run has set
aside itself: what it read below that may have been read before it was stored.
"""


async def _resolve_dead_letters(
    connection: psycopg.AsyncConnection, table: tuple[str, str], run: RunRecord, entity: EntityName
) -> None:
    about = {"run_id": run.run_id, "org_id": run.org_id, "adapter": run.works_as, "entity": entity}
    await connection.execute(sql.SQL(_STORED_SINCE).format(beside_parameters(sql.Identifier(*table))), about)
    if run.kind is SyncKind.FULL:
        await connection.execute(query("runs", "resolve_dead_letters"), about)


_STOCK = """
SELECT count(*) FILTER (WHERE t._deleted_at IS NULL),
       max(t._source_updated_at) FILTER (WHERE t._source_updated_at BETWEEN '0001-01-01T00:00:00Z' AND e.at)
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
    """How many records live, and the newest stamp of any that is no later than the run.

    PostgreSQL has years before the first, Python has none.
    """
    statement = sql.SQL(_STOCK).format(beside_parameters(sql.Identifier(*table)))
    about = {"org_id": org_id, "run_id": run_id, "entity": entity}
    row = await (await connection.execute(statement, about)).fetchone()
    assert row is not None
    return int(row[0]), row[1]


async def finish_run(
    database: Database, run_id: RunId, *, reason: str | None = None, attempt: int | None = None
) -> RunStatus:
    """Settle a run by the outcomes of its entities, and bound the tables that grow with runs. A dry run's copy goes.

    Entities that are still open are settled first: as cancelled where a person cancelled the run, else as
    failed for `reason`. A run that is over stays as it is; so does one whose attempt is not `attempt`, where given.

    Raises:
        UnknownNameError: there is no such run.
    """
    if (await get_run(database, run_id)).dry_run:
        # Whoever sees that it is over finds nothing of it any more.
        await forget_old_listings(database)
    async with database.transaction() as connection:
        run, told = await read_run(connection, run_id, lock=True), list[Event]()
        if attempt not in {None, run.attempt}:
            return run.status
        was_final = run.is_final
        if not was_final:
            run, told = await _settle(connection, run, reason)
    for event in told:
        log_event(event)
    await keep_promise(database, run_id)
    if not was_final:
        await _prune(database)
    return run.status


async def _settle(
    connection: psycopg.AsyncConnection, run: RunRecord, reason: str | None
) -> tuple[RunRecord, list[Event]]:
    """End a run and what is open of it, and of a dry one its copy. The caller holds the run's lock.

    Returns the run as it is now, and what is stored of this and still to be logged.
    """
    cancelled = run.cancel_requested_at is not None
    why = None if reason is None else storable_text(reason)
    left_open = why or "its run ended before it did"
    cursor = await connection.execute(
        query("runs", "settle_entities_of_run"),
        {
            "run_id": run.run_id,
            "status": EntityStatus.CANCELLED if cancelled else EntityStatus.FAILED,
            "reason": "the run was cancelled" if cancelled else left_open,
        },
    )
    were_open = {EntityName(entity) for (entity,) in await cursor.fetchall()}
    for entity in were_open:
        await note_outcome(connection, run, entity)
    await connection.execute(query("runs", "finish_run"), {"run_id": run.run_id, "reason": why})
    await note_run_outcome(connection, run.run_id)
    if run.dry_run:
        await discard_copy(connection, run)
    ended = await read_run(connection, run.run_id)
    told = _endings(ended, await read_entity_runs(connection, run.run_id), were_open)
    await insert_events(connection, told)
    return ended, told


def _endings(
    run: RunRecord, entities: Sequence[EntityRunRecord], were_open: Collection[EntityName]
) -> list[Event]:
    """What there is to tell of a run that is over, and of those of its entities that it has ended."""
    outcomes = Counter(e.status.value for e in entities)
    return [
        *(
            EntityRunFinished(
                about=Subject(org_id=run.org_id, run_id=run.run_id, entity=e.entity),
                status=e.status,
                reason=e.reason,
                pages=e.pages,
                records=e.records,
            )
            for e in entities
            if e.entity in were_open
        ),
        RunFinished(
            about=Subject(org_id=run.org_id, run_id=run.run_id), status=run.status, outcomes=dict(outcomes)
        ),
    ]


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
        run = await read_run(connection, run_id, lock=True)
        if run.is_final:
            raise RunConflictError(str(run_id), f"is {run.status} already", "there is nothing to cancel")
        await connection.execute(query("runs", "request_cancel"), {"run_id": run_id})
        await connection.execute(query("runs", "request_cancel_of_entities"), {"run_id": run_id})
        cancelled, told = await read_run(connection, run_id), list[Event]()
        if run.status is RunStatus.QUEUED:
            cancelled, told = await _settle(connection, cancelled, "it was cancelled before it started")
    for event in told:
        log_event(event)
    return cancelled


async def settle_closed_products(
    database: Database, run_id: RunId, running: Collection[EntityName]
) -> list[EntityName]:
    """Settle what is waiting of products that turned out to be closed, and what of it was not started yet."""
    async with database.transaction() as connection:
        cursor = await connection.execute(
            query("runs", "settle_closed_products"), {"run_id": run_id, "running": list(running)}
        )
        settled = [EntityName(row[0]) for row in await cursor.fetchall()]
        run = await read_run(connection, run_id)
        for entity in settled:
            await note_outcome(connection, run, entity)
    return settled
