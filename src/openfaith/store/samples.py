"""The sample of a reconciliation: a few stored records that are asked for once more, to compare what they say."""

from __future__ import annotations

from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.records import OrgId, RecordId, RunId
from openfaith.store.connection import Database
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun

_SAMPLE = """
SELECT t.id FROM {table} AS t
WHERE t.org_id = %(org_id)s AND t._deleted_at IS NULL
ORDER BY hashtextextended(t.id, %(run_id)s), t.id
LIMIT %(size)s
"""


async def sample_ids(
    database: Database, manifest: Manifest, entity: Entity, org_id: OrgId, *, run_id: RunId, size: int
) -> list[RecordId]:
    """Living records by chance: the same ones whenever a run asks, and others in another run."""
    statement = sql.SQL(_SAMPLE).format(table=beside_parameters(table(manifest, entity)))
    async with database.connection() as connection:
        cursor = await connection.execute(statement, {"org_id": org_id, "run_id": run_id, "size": size})
        return [RecordId(row[0]) for row in await cursor.fetchall()]


async def note_sample(database: Database, held: HeldEntityRun, sampled: int) -> None:
    """Keep how many records were asked for once more. What they showed was counted when they were stored.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("sweeps", "note_sample"),
            {"entity_run_id": held.entity_run_id, "fence": held.fence, "sampled": sampled},
        )
    if cursor.rowcount != 1:
        raise LeaseLostError(held.entity_run_id, held.fence)
