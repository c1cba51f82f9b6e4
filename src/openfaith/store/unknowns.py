"""What stored rows hold that the manifest does not know."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from openfaith.manifest import Entity, Manifest
from openfaith.records import OrgId
from openfaith.store.connection import Database
from openfaith.store.mirror import table

ROWS_LOOKED_AT = 1_000
"""By key, from its end. A sample: what a source sends with every record is in any of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknowns:
    """The names that stand in `_extra`, those of values that merely did not fit included."""

    attributes: frozenset[str]
    relationships: frozenset[str]


async def sample_unknowns(database: Database, manifest: Manifest, entity: Entity, org_id: OrgId) -> Unknowns:
    """Look at a sample of an organization's rows of one entity. A few milliseconds, however large the table is."""
    statement = sql.SQL(
        "WITH sample AS MATERIALIZED (SELECT _extra FROM {table} WHERE org_id = {org}"
        " ORDER BY org_id DESC, id DESC LIMIT {rows})"
        " SELECT 'attribute', key FROM sample CROSS JOIN jsonb_object_keys(_extra - 'relationships') AS key"
        " GROUP BY key UNION ALL"
        " SELECT 'relationship', key FROM sample CROSS JOIN jsonb_object_keys(CASE"
        " WHEN jsonb_typeof(_extra -> 'relationships') = 'object' THEN _extra -> 'relationships' END) AS key"
        " GROUP BY key"
    ).format(table=table(manifest, entity), org=sql.Literal(org_id), rows=sql.Literal(ROWS_LOOKED_AT))
    async with database.connection() as connection:
        found = await (await connection.execute(statement)).fetchall()
    return Unknowns(
        attributes=frozenset(name for kind, name in found if kind == "attribute"),
        relationships=frozenset(name for kind, name in found if kind == "relationship"),
    )
