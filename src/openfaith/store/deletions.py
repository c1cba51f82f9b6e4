"""Deleting records that are gone at the source: only what is proven to be, and never what was seen since.

A reconciliation deletes suspects: records that a proven listing did not show, whose deletion the guard or a person
allowed, and which the source confirmed to be gone. The statement that chooses the rows asks for all of this again, in
the transaction that deletes them and under the entity run's fencing token, and leaves alone what was written since.

Nothing goes with a record. What was below it may have moved elsewhere: its own listing tells, and the source.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.store.connection import Database
from openfaith.store.mirror import table
from openfaith.store.queries import query
from openfaith.store.removals import Deletion, DeletionPolicy, prepare_removals, remove
from openfaith.store.run_records import HeldEntityRun
from openfaith.store.suspects import lock_suspects

_DOOMED = """
SELECT t.id FROM {table} AS t
WHERE t.org_id = %(org_id)s AND t.id = ANY(%(ids)s) AND t._deleted_at IS NULL
  AND t._requested_at <= %(confirmed_at)s{proof}
ORDER BY t.id FOR UPDATE
"""

PROOF: LiteralString = """
  AND EXISTS (
      SELECT FROM openfaith.suspect AS s
      JOIN openfaith.listing AS l ON l.entity_run_id = s.entity_run_id AND l.proven
      WHERE s.org_id = t.org_id AND s.adapter = %(adapter)s AND s.entity = %(entity)s AND s.id = t.id COLLATE "C"
        AND (s.state = 'approved' AND l.guard IS NOT NULL OR s.state = 'suspect' AND l.guard = 'allowed')
        AND t._requested_at <= s.listing_started_at)"""
"""A row that a proven listing did not show and that was not written since, and whose deletion was allowed."""

_SEEN_SINCE = """
DELETE FROM openfaith.suspect AS s
WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s AND s.entity = %(entity)s AND s.id = ANY(%(ids)s)
  AND s.state <> 'confirmed'
  AND NOT EXISTS (
      SELECT FROM {table} AS t
      WHERE t.org_id = s.org_id AND t.id = s.id COLLATE "default" AND t._deleted_at IS NULL
        AND (t._requested_at <= s.listing_started_at OR s.state = 'unlisted'))
RETURNING s.id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """What a deletion came to."""

    deleted: int
    refuted: int = 0
    """Suspects that were seen since the listing that missed them: they live."""


async def tombstone(
    database: Database,
    manifest: Manifest,
    entity: Entity,
    held: HeldEntityRun,
    ids: Collection[str],
    *,
    confirmed_at: datetime,
    suspects_only: bool = True,
) -> Deleted:
    """Delete records that the source confirmed to be gone, as the entity's policy says, and nothing else.

    A row that was requested after the confirmation is left alone; so is, of suspects, one that was requested after
    the listing that missed it.

    Args:
        ids: a few hundred at most; all of them are one transaction.
        confirmed_at: when the request began that confirmed it, or the second listing that proved it; by the source's
            clock.
        suspects_only: False where the source itself told of the deletion, so that no listing had to miss the record.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with begin_deletion(database, manifest, entity, held, confirmed_at) as deletion:
        await lock_suspects(deletion.connection, deletion.org_id, manifest.adapter, entity.name)
        doomed = await lock_doomed(deletion, ids, suspects_only=suspects_only)
        if doomed:
            await remove(deletion, doomed)
            await confirm(deletion, doomed)
        refuted = await settle_suspects(deletion, ids, deleted=len(doomed))
    return Deleted(deleted=len(doomed), refuted=refuted)


@asynccontextmanager
async def begin_deletion(
    database: Database,
    manifest: Manifest,
    entity: Entity,
    held: HeldEntityRun,
    confirmed_at: datetime,
    *,
    elsewhere: bool = False,
) -> AsyncIterator[Deletion]:
    """A transaction in which records of an entity may be deleted.

    Args:
        held: of this entity, or of another one of the same run: what its records tell is what is done.
        elsewhere: records of other entities are written, too, and in another order than their pages do. The pages wait.

    Raises:
        LeaseLostError: somebody else holds the entity run now.
    """
    policy = await prepare_removals(database, manifest, held.entity_run_id, entity)
    async with database.transaction() as connection:
        cursor = await connection.execute(
            query("deletions", "lock_entity_runs"),
            {
                "entity_run_id": held.entity_run_id,
                "fence": held.fence,
                "entity": entity.name,
                "whole": elsewhere,
            },
        )
        locked = await cursor.fetchall()
        own = next((row for row in locked if row[0] == held.entity_run_id), None)
        if own is None or not own[4]:
            raise LeaseLostError(held.entity_run_id, held.fence)
        if policy is not DeletionPolicy.SOFT:
            await connection.execute(
                query("deletions", "lock_policy"),
                {"org_id": own[2], "adapter": manifest.adapter, "entity": entity.name},
            )
        yield Deletion(
            connection=connection,
            manifest=manifest,
            entity=entity,
            org_id=own[2],
            run_id=own[1],
            entity_run_id=next((row[0] for row in locked if row[3] == entity.name), None),
            confirmed_at=confirmed_at,
            policy=policy,
        )


async def lock_doomed(deletion: Deletion, ids: Collection[str], *, suspects_only: bool) -> list[str]:
    """Those of these records that may be deleted. Nobody changes them until the transaction ends."""
    statement = sql.SQL(_DOOMED).format(
        table=table(deletion.manifest, deletion.entity), proof=sql.SQL(PROOF if suspects_only else "")
    )
    cursor = await deletion.connection.execute(statement, deletion.about(ids))
    return [row[0] for row in await cursor.fetchall()]


async def confirm(deletion: Deletion, ids: Collection[str]) -> None:
    """Note of records that live no more that they were gone, and count them in their entity's run."""
    about = deletion.about(ids)
    await deletion.connection.execute(query("deletions", "confirm_suspects"), about)
    await deletion.connection.execute(query("deletions", "count_deleted"), about | {"deleted": len(ids)})


async def settle_suspects(
    deletion: Deletion, ids: Collection[str], *, deleted: int = 0, merged: int = 0
) -> int:
    """Forget those of these suspects that were seen since, and note what became of the others.

    It is noted with the listing of their own entity in this run, if there is one. Returns how many were seen.
    """
    statement = sql.SQL(_SEEN_SINCE).format(table=table(deletion.manifest, deletion.entity))
    cursor = await deletion.connection.execute(statement, deletion.about(ids))
    refuted = len(await cursor.fetchall())
    await deletion.connection.execute(
        query("deletions", "count_confirmed"),
        {
            "entity_run_id": deletion.entity_run_id,
            "ids": list(ids),
            "deleted": deleted,
            "merged": merged,
            "refuted": refuted,
        },
    )
    return refuted
