"""Runs that go on by themselves: other credentials have come, and those of before had stopped them."""

from __future__ import annotations

from openfaith.errors import RunConflictError, UnknownNameError
from openfaith.records import RunId
from openfaith.store.connection import Database
from openfaith.store.events import store_events
from openfaith.store.queries import query
from openfaith.store.run_lookups import get_run
from openfaith.store.runs import retry_run
from openfaith.telemetry import RunGoesOn, Subject


async def go_on(database: Database, run_id: RunId) -> None:
    """Queue a run again that rejected credentials have stopped; one that is still at it as soon as it is over.

    Not one that a person has stopped, nor one that is not kept any more.
    """
    for _ in range(2):  # it may end between the two looks
        try:
            if (await get_run(database, run_id)).cancel_requested_at is not None:
                return
            run = await retry_run(database, run_id)
        except UnknownNameError:
            return
        except RunConflictError:
            async with database.connection() as connection:
                noted = await connection.execute(query("runs", "note_goes_on"), {"run_id": run_id})
            if noted.rowcount:
                return
        else:
            await store_events(database, [RunGoesOn(about=Subject(org_id=run.org_id, run_id=run_id))])
            return


async def keep_promise(database: Database, run_id: RunId) -> None:
    """Let a run go on that is over now, where `go_on` has promised so. To ask again changes nothing."""
    async with database.connection() as connection:
        cursor = await connection.execute(query("runs", "is_to_go_on"), {"run_id": run_id})
        promised = await cursor.fetchone() is not None
    if promised:
        await go_on(database, run_id)
