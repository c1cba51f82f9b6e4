"""What there is to know of runs and of their entities, as it stands.

Those named `read_...` look in a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from psycopg.rows import class_row

from openfaith.errors import UnknownNameError
from openfaith.records import EntityName, EntityStatus, OrgId, RunId
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.store.run_records import EntityRunRecord, RunRecord


async def get_run(database: Database, run_id: RunId) -> RunRecord:
    """One run.

    Raises:
        UnknownNameError: there is none of that number.
    """
    async with database.connection() as connection:
        return await read_run(connection, run_id)


async def read_run(connection: psycopg.AsyncConnection, run_id: RunId, *, lock: bool = False) -> RunRecord:
    """One run; with `lock` nobody else changes it before the transaction is over.

    Raises:
        UnknownNameError: there is none of that number.
    """
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
        return await read_entity_runs(connection, run_id)


async def read_entity_runs(connection: psycopg.AsyncConnection, run_id: RunId) -> list[EntityRunRecord]:
    """The entities of a run, in the order of its plan."""
    cursor = connection.cursor(row_factory=class_row(EntityRunRecord))
    await cursor.execute(query("runs", "list_entity_runs"), {"run_id": run_id})
    return await cursor.fetchall()


async def get_entity_run(database: Database, run_id: RunId, entity: EntityName) -> EntityRunRecord:
    """One entity of a run, which is known to be part of it."""
    async with database.connection() as connection:
        return await read_entity_run(connection, run_id, entity)


async def read_entity_run(
    connection: psycopg.AsyncConnection, run_id: RunId, entity: EntityName
) -> EntityRunRecord:
    """One entity of a run, which is known to be part of it."""
    cursor = connection.cursor(row_factory=class_row(EntityRunRecord))
    await cursor.execute(query("runs", "get_entity_run"), {"run_id": run_id, "entity": entity})
    found = await cursor.fetchone()
    assert found is not None, "entity runs are made before they are asked for"
    return found


async def list_settled_entity_runs(
    database: Database, run_id: RunId, entities: Collection[EntityName]
) -> dict[EntityName, EntityStatus]:
    """How those of these entities ended that have ended. Short: it is asked again and again."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "list_settled_entity_runs"), {"run_id": run_id, "entities": list(entities)}
        )
        return {EntityName(entity): EntityStatus(status) async for entity, status in cursor}
