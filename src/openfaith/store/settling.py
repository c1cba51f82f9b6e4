"""Settling what differs between a listing and a mirror table: what was found missing or stale is dealt with, one way or
another, and noted as that. Whoever takes over goes on with what is still open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityRunId, RecordId
from openfaith.store.connection import Database
from openfaith.store.mirror import table
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun

_STORED = """
WITH held AS MATERIALIZED (
    SELECT entity_run_id, org_id FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running' FOR UPDATE
), part AS MATERIALIZED (
    SELECT d.id FROM openfaith.difference AS d
    WHERE d.entity_run_id = %(entity_run_id)s AND d.kind = %(kind)s AND d.state = 'open' AND d.id > %(after)s
    ORDER BY d.id LIMIT %(limit)s
), stored AS MATERIALIZED (
    SELECT part.id FROM held CROSS JOIN part
    CROSS JOIN LATERAL (
        SELECT r.updated_at FROM openfaith.listing_row AS r
        WHERE r.entity_run_id = %(entity_run_id)s AND r.id = part.id
        OFFSET 0) AS listed
    CROSS JOIN LATERAL (
        SELECT t._source_updated_at FROM {table} AS t
        WHERE t.org_id = held.org_id AND t.id = part.id COLLATE "default" AND t._deleted_at IS NULL
        OFFSET 0) AS mirrored
    WHERE COALESCE(mirrored._source_updated_at, '-infinity') >= COALESCE(listed.updated_at, '-infinity')
), settled AS (
    UPDATE openfaith.difference AS d SET state = 'settled'
    WHERE d.entity_run_id = %(entity_run_id)s AND d.id = ANY (ARRAY(SELECT id FROM stored))
)
SELECT (SELECT CASE WHEN count(*) = %(limit)s THEN max(id) END FROM part) FROM held
"""


async def list_open_differences(
    database: Database,
    entity_run_id: EntityRunId,
    kind: Literal["missing", "stale"],
    *,
    after: str = "",
    limit: int = 100,
) -> list[RecordId]:
    """The next records that are to be fetched, in the order of their ids."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("differences", "list_open"),
            {"entity_run_id": entity_run_id, "kind": kind, "after": after, "limit": limit},
        )
        return [RecordId(row[0]) for row in await cursor.fetchall()]


async def settle_differences(
    database: Database, held: HeldEntityRun, ids: Sequence[str], *, failed: bool = False
) -> None:
    """Note that nothing more is to be done about these differences in this run; or that it could not be done.

    A suspect stays a suspect by that.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    if not ids:
        return
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("differences", "settle"),
            {
                "entity_run_id": held.entity_run_id,
                "fence": held.fence,
                "ids": list(ids),
                "state": "failed" if failed else "settled",
            },
        )
        if cursor.rowcount == 0:
            raise LeaseLostError(held.entity_run_id, held.fence)


async def settle_stored(
    database: Database,
    manifest: Manifest,
    entity: Entity,
    held: HeldEntityRun,
    kind: Literal["missing", "stale"],
    *,
    after: str = "",
    limit: int = 10_000,
) -> str | None:
    """Of the next open differences, settle those whose record lives here now, no older than it was listed.

    Returns the id to go on after; None where none are left.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    statement = sql.SQL(_STORED).format(table=table(manifest, entity))
    async with database.connection() as connection:
        cursor = await connection.execute(
            statement,
            {
                "entity_run_id": held.entity_run_id,
                "fence": held.fence,
                "kind": kind,
                "after": after,
                "limit": limit,
            },
        )
        row = await cursor.fetchone()
    if row is None:
        raise LeaseLostError(held.entity_run_id, held.fence)
    return None if row[0] is None else str(row[0])
