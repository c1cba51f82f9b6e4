"""The parents that a nested walk goes through: our own rows, in the order of their ids, a few at a time.

The walk keeps only the id it has come to. What went wrong below one parent is a row of its own, so that the state of
a walk stays small however many parents there are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row

from openfaith.errors import LeaseLostError
from openfaith.manifest import Below, Entity, Manifest, PathId
from openfaith.records import EntityRunId, OrgId
from openfaith.store.connection import Database
from openfaith.store.differences import parent_id_column
from openfaith.store.mirror import table
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun
from openfaith.texts import storable_text

_PLAIN = re.compile(r"[A-Za-z0-9_~:-][A-Za-z0-9_~:.-]*")
"""An id that can stand in a path as it is. It comes from outside: a slash in it would lead somewhere else."""

_PARENTS = """
SELECT parent.id, {columns}
FROM {table} AS parent
WHERE parent.org_id = %(org_id)s AND parent._deleted_at IS NULL
  AND parent.id > COALESCE(%(after)s::text, '')
  AND (%(upto)s::text IS NULL OR parent.id <= %(upto)s::text)
  AND (%(failed_of)s::bigint IS NULL OR EXISTS (
      SELECT FROM openfaith.parent_failure AS f
      WHERE f.entity_run_id = %(failed_of)s AND f.parent_id = parent.id AND NOT f.denied AND NOT f.gone))
ORDER BY parent.id
LIMIT %(limit)s
"""


_SHOWN_EMPTY = """
INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason)
SELECT %(entity_run_id)s, t.{parent}, 'it shows nothing, although records of it are stored'
FROM {table} AS t
JOIN {parents} AS p ON p.org_id = t.org_id AND p.id = t.{parent} AND p._deleted_at IS NULL
LEFT JOIN openfaith.listing_row AS r ON r.entity_run_id = %(entity_run_id)s AND r.id = t.id COLLATE "C"
WHERE t.org_id = %(org_id)s AND t._deleted_at IS NULL AND EXISTS (
    SELECT FROM openfaith.entity_run AS e
    WHERE e.entity_run_id = %(entity_run_id)s AND e.fence = %(fence)s AND e.status = 'running')
GROUP BY t.{parent} HAVING count(r.id) = 0
ON CONFLICT (entity_run_id, parent_id) DO NOTHING
"""


def is_plain(value: str | None) -> bool:
    """Whether an id can stand in a path as it is."""
    return bool(value) and _PLAIN.fullmatch(value or "") is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentRow:
    """One stored parent, as far as the path below it needs it."""

    id: str
    ids: dict[str, str | None]
    """By placeholder of the path, in its order. None where the row has no such id."""

    def fault(self, below: Below) -> str | None:
        """Why nothing can be asked below it: the ids that its row lacks, or not as something that can stand in a path.

        None where they are all there. What stands in their place is not told: nobody knows what that is.
        """
        faults = (_fault(place, self.ids[place.name]) for place in below.ids)
        return "; ".join(fault for fault in faults if fault) or None

    def to_json(self) -> str:
        return json.dumps(self.ids)


def _fault(place: PathId, value: str | None) -> str | None:
    if not value:
        return f"its row has no {place.name} (column {place.column})"
    return (
        None
        if _PLAIN.fullmatch(value)
        else f"its {place.name} (column {place.column}) cannot stand in a path"
    )


async def list_parents(
    database: Database,
    manifest: Manifest,
    below: Below,
    org_id: OrgId,
    *,
    after: str | None,
    limit: int,
    upto: str | None = None,
    failed_of: EntityRunId | None = None,
) -> list[ParentRow]:
    """The next living parents after an id, in the order of their ids.

    Args:
        upto: where given, none after this one.
        failed_of: where given, only those that this entity run could not read below.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            parents_statement(manifest, below),
            {"org_id": org_id, "after": after, "upto": upto, "limit": limit, "failed_of": failed_of},
        )
        names = [i.name for i in below.ids]
        return [
            ParentRow(id=row[0], ids=dict(zip(names, row[1:], strict=True)))
            for row in await cursor.fetchall()
        ]


def parents_statement(manifest: Manifest, below: Below) -> sql.Composed:
    """Compose the statement of `list_parents`: a parent's id, then the ids of the path in its order."""
    return sql.SQL(_PARENTS).format(
        columns=sql.SQL(", ").join(sql.Identifier("parent", i.column) for i in below.ids),
        table=table(manifest, manifest.entities[below.parent]),
    )


async def leave_behind_empty_parents(
    database: Database, manifest: Manifest, entity: Entity, held: HeldEntityRun, org_id: OrgId
) -> None:
    """Have a listing ask once more below the parents where it was shown nothing of all that is stored.

    Nothing is left behind where the records belong to none of their parents, or somebody else holds the entity run.
    """
    column = parent_id_column(entity)
    if column is None or entity.below is None:
        return
    statement = sql.SQL(_SHOWN_EMPTY).format(
        parent=sql.Identifier(column),
        table=table(manifest, entity),
        parents=table(manifest, manifest.entities[entity.below.parent]),
    )
    async with database.connection() as connection:
        await connection.execute(
            statement, {"entity_run_id": held.entity_run_id, "fence": held.fence, "org_id": org_id}
        )


async def note_checkpoint(
    database: Database,
    held: HeldEntityRun,
    checkpoint: str,
    *,
    requests: int = 0,
    parent_id: str | None = None,
    reason: str | None = None,
    denied: bool = False,
    gone: bool = False,
) -> bool:
    """Keep where a walk has come to without a page. Returns whether the run was cancelled meanwhile.

    Args:
        requests: how many were spent on it.
        parent_id: the parent that the walk leaves.
        reason: why it could not be read below; None where there is nothing to read below it.
        denied: whether that is because the token may see nothing there, so that to ask again is of no use.
        gone: whether that is because the source denies the parent, or that there is such a place below it, so that to ask
            again is of no use and nobody knows what has become of the rest.

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
                "denied": denied,
                "gone": gone,
            },
        )
        row = await cursor.fetchone()
    if row is None:
        raise LeaseLostError(held.entity_run_id, held.fence)
    return bool(row[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentFailures:
    """The parents that a walk has left behind."""

    failed: int
    """Below these reading failed."""
    failure: str | None
    """Why below one of them."""
    denied: int
    """Below these the token may see nothing."""


async def count_parent_failures(database: Database, entity_run_id: EntityRunId) -> ParentFailures:
    """How many parents could not be read below, and why."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(ParentFailures))
        await cursor.execute(query("runs", "count_parent_failures"), {"entity_run_id": entity_run_id})
        found = await cursor.fetchone()
    assert found is not None, "what is counted has a count"
    return found


async def note_requests(database: Database, held: HeldEntityRun, requests: int) -> None:
    """Count requests of which no page came. Whoever holds the entity run no longer counts nothing."""
    async with database.connection() as connection:
        await connection.execute(
            query("runs", "note_requests"),
            {"entity_run_id": held.entity_run_id, "fence": held.fence, "requests": requests},
        )
