"""The sample of a reconciliation: a few stored records that are asked for once more, to compare what they say."""

from __future__ import annotations

from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.records import OrgId, RecordId
from openfaith.store.connection import Database
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun

_SAMPLE = """
SELECT t.id FROM {table} AS t
WHERE t.org_id = %(org_id)s AND t._deleted_at IS NULL
ORDER BY hashtextextended(t.id, COALESCE((
    SELECT (EXTRACT(epoch FROM s.sampled_at) * 1000000)::bigint FROM openfaith.sync_state AS s
    WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s AND s.entity = %(entity)s), 0)), t.id
LIMIT %(size)s
"""


async def sample_ids(
    database: Database, manifest: Manifest, entity: Entity, org_id: OrgId, *, size: int
) -> list[RecordId]:
    """Living records by chance: others once a sample was kept, and until then the same ones.

    So a dry run, which begins with a copy of what is known, samples what the run after it does.
    """
    statement = sql.SQL(_SAMPLE).format(table=beside_parameters(table(manifest, entity)))
    async with database.connection() as connection:
        place = {"org_id": org_id, "adapter": manifest.adapter, "entity": entity.name, "size": size}
        cursor = await connection.execute(statement, place)
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
