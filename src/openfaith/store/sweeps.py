"""Where the sweeps of an entity stand, and how many parents a share of them is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import sql

from openfaith.manifest import Below, Manifest
from openfaith.records import EntityName, OrgId
from openfaith.store.connection import Database
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.queries import query

_COUNT = (
    "SELECT count(*) FROM {parents} AS parent WHERE parent.org_id = %(org_id)s AND parent._deleted_at IS NULL"
)

_END = """
SELECT parent.id
FROM {parents} AS parent
WHERE parent.org_id = %(org_id)s AND parent._deleted_at IS NULL AND parent.id > COALESCE(%(after)s::text, '')
ORDER BY parent.id
OFFSET %(share)s - 1 LIMIT 2
"""


async def get_sweep_checkpoint(
    database: Database, org_id: OrgId, adapter: str, entity: EntityName
) -> dict[str, Any] | None:
    """Where the last sweep of an entity that completed has come to; None where there was none."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("sweeps", "get_sweep_checkpoint"), {"org_id": org_id, "adapter": adapter, "entity": entity}
        )
        row = await cursor.fetchone()
    return None if row is None else row[0]


async def find_share(
    database: Database,
    manifest: Manifest,
    below: Below,
    org_id: OrgId,
    *,
    after: str | None,
    share_of: Callable[[int], int],
) -> str | None:
    """The last of the next living parents that a share of all of them reaches; None where it reaches the end.

    Args:
        after: the parent that the share before it ended with.
        share_of: how many parents that is, of how many there are.
    """
    parents = beside_parameters(table(manifest, manifest.entities[below.parent]))
    async with database.connection() as connection:
        counted = await connection.execute(sql.SQL(_COUNT).format(parents=parents), {"org_id": org_id})
        row = await counted.fetchone()
        assert row is not None, "what is counted has a count"
        end = await connection.execute(
            sql.SQL(_END).format(parents=parents),
            {"org_id": org_id, "after": after, "share": share_of(row[0])},
        )
        ids = [found for (found,) in await end.fetchall()]
    return ids[0] if len(ids) > 1 else None
