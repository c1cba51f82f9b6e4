"""Blind changes: rows that are written because their content differs, although their stamp is the same.

What a row says is compared before and after a page was stored, in the page's own transaction, and not its `_hash`:
that one changes too when the manifest gives a column another form, which is no change at the source. A page that
changes nothing costs one look at its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityRunId
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.queries import query

_ENGINES_OWN = ["_hash", "_synced_at", "_requested_at", "_run_id", "_deleted_at", "_merged_into"]
"""Columns that say nothing of the record itself."""

_CONTENT = "jsonb_hash_extended(to_jsonb(t) - %(own)s::text[], 0)"

_LOOK = """
SELECT t.id, t._source_updated_at::text, {content}
FROM {table} AS t JOIN openfaith.entity_run AS e ON e.entity_run_id = %(entity_run_id)s AND e.org_id = t.org_id
WHERE t.id = ANY (%(ids)s::text[]) AND t._source_updated_at IS NOT NULL AND t._deleted_at IS NULL
"""

_CHANGED = """
SELECT count(*)
FROM unnest(%(ids)s::text[], %(stamps)s::text[], %(contents)s::bigint[]) AS before (id, stamp, content)
JOIN openfaith.entity_run AS e ON e.entity_run_id = %(entity_run_id)s
JOIN {table} AS t ON t.org_id = e.org_id AND t.id = before.id
WHERE t._deleted_at IS NULL AND t._source_updated_at::text = before.stamp AND {content} <> before.content
"""

Rows = Sequence[tuple[str, str, int]]
"""Id, stamp and hash of the content of rows that are stored."""


class BlindChanges:
    """Counts them for the tables of one manifest. Keeps no state of a run."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    async def look(
        self,
        connection: psycopg.AsyncConnection,
        entity_run_id: EntityRunId,
        entity: Entity,
        records: Sequence[bytes],
    ) -> Rows:
        """What is stored of these records, before they are stored again in the same transaction."""
        found = await connection.execute(query("sweeps", "ids_of"), {"bodies": list(records)})
        ids = [row[0] for row in await found.fetchall()]
        cursor = await connection.execute(
            self._composed(_LOOK, entity), {"entity_run_id": entity_run_id, "ids": ids, "own": _ENGINES_OWN}
        )
        return await cursor.fetchall()

    async def count(
        self, connection: psycopg.AsyncConnection, entity_run_id: EntityRunId, entity: Entity, before: Rows
    ) -> int:
        """How many of those rows say something else under the same stamp now. Adds it to the entity run."""
        cursor = await connection.execute(
            self._composed(_CHANGED, entity),
            {
                "entity_run_id": entity_run_id,
                "ids": [row[0] for row in before],
                "stamps": [row[1] for row in before],
                "contents": [row[2] for row in before],
                "own": _ENGINES_OWN,
            },
        )
        row = await cursor.fetchone()
        assert row is not None, "what is counted has a count"
        if row[0]:
            await connection.execute(
                query("sweeps", "count_blind_changes"),
                {"entity_run_id": entity_run_id, "blind_changes": row[0]},
            )
        return int(row[0])

    def _composed(self, statement: LiteralString, entity: Entity) -> sql.Composed:
        stored = beside_parameters(table(self._manifest, entity))
        return sql.SQL(statement).format(table=stored, content=sql.SQL(_CONTENT))
