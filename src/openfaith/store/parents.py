"""The parents that a nested walk goes through: our own rows, in the order of their ids, a few at a time.

The walk keeps only the id it has come to. What went wrong below one parent is a row of its own, so that the state of
a walk stays small however many parents there are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.manifest import Below, Manifest
from openfaith.records import EntityRunId, OrgId
from openfaith.store.connection import Database
from openfaith.store.mirror import table
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun
from openfaith.store.texts import storable_text

_PLAIN = re.compile(r"[A-Za-z0-9_~:-][A-Za-z0-9_~:.-]*")
"""An id that can stand in a path as it is. It comes from outside: a slash in it would lead somewhere else."""

_PARENTS = """
SELECT parent.id, {columns}
FROM {table} AS parent
WHERE parent.org_id = %(org_id)s AND parent._deleted_at IS NULL
  AND parent.id > COALESCE(%(after)s::text, '')
  AND (%(failed_of)s::bigint IS NULL OR EXISTS (
      SELECT FROM openfaith.parent_failure AS f
      WHERE f.entity_run_id = %(failed_of)s AND f.parent_id = parent.id))
ORDER BY parent.id
LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentRow:
    """One stored parent, as far as the path below it needs it."""

    id: str
    ids: dict[str, str | None]
    """By placeholder of the path, in its order. None where the row has no such id."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids that the path needs and the row does not have, or not as something that can stand in a path."""
        return tuple(name for name, value in self.ids.items() if not _PLAIN.fullmatch(value or ""))

    def to_json(self) -> str:
        return json.dumps(self.ids)


async def list_parents(
    database: Database,
    manifest: Manifest,
    below: Below,
    org_id: OrgId,
    *,
    after: str | None,
    limit: int,
    failed_of: EntityRunId | None = None,
) -> list[ParentRow]:
    """The next living parents after an id, in the order of their ids.

    Args:
        failed_of: where given, only those that this entity run could not read below.
    """
    statement = sql.SQL(_PARENTS).format(
        columns=sql.SQL(", ").join(sql.Identifier("parent", i.column) for i in below.ids),
        table=table(manifest, manifest.entities[below.parent]),
    )
    async with database.connection() as connection:
        cursor = await connection.execute(
            statement, {"org_id": org_id, "after": after, "limit": limit, "failed_of": failed_of}
        )
        names = [i.name for i in below.ids]
        return [
            ParentRow(id=row[0], ids=dict(zip(names, row[1:], strict=True)))
            for row in await cursor.fetchall()
        ]


async def note_checkpoint(
    database: Database,
    held: HeldEntityRun,
    checkpoint: str,
    *,
    requests: int = 0,
    parent_id: str | None = None,
    reason: str | None = None,
) -> bool:
    """Keep where a walk has come to without a page. Returns whether the run was cancelled meanwhile.

    Args:
        requests: how many were spent on it.
        parent_id: the parent that the walk leaves.
        reason: why it could not be read below; None where there is nothing to read below it.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "note_checkpoint"),
            {
                "entity_run_id": held.entity_run_id,
                "fence": held.fence,
                "checkpoint": checkpoint,
                "requests": requests,
                "parent_id": parent_id,
                "reason": None if reason is None else storable_text(reason),
            },
        )
        row = await cursor.fetchone()
    if row is None:
        raise LeaseLostError(held.entity_run_id, held.fence)
    return bool(row[0])


async def count_parent_failures(database: Database, entity_run_id: EntityRunId) -> tuple[int, str | None]:
    """How many parents could not be read below, and why the first of them."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("runs", "count_parent_failures"), {"entity_run_id": entity_run_id}
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), row[1]
