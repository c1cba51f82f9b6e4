"""The copy that a dry run works on: an organization's rows in tables of its own, which go when the run ends.

A dry run is a run like any other, under another name than the adapter's (`records.copy_name`). That is the schema of
its tables and the key of its control rows, so whatever it finds, stores, deletes and counts is the copy's, and the very
same code does it. What it has counted stays with its entity runs; everything else goes with the copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import psycopg
from psycopg import sql

from openfaith.errors import RunConflictError
from openfaith.manifest import Manifest, table_name
from openfaith.records import OrgId
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.store.removals import DeletionPolicy, archive_schema, guarding
from openfaith.store.run_records import RunRecord
from openfaith.store.sync_outcomes import list_org_ids

_COPIED = ("sync_state", "sight", "suspect", "deletion_policy", "removal")
"""The control tables by which a sync goes: what is known of the entities, what was seen of them, what may be gone, and
what becomes of it.
"""
_DISCARDED = (*_COPIED, "sync_outcome", "dead_letter")
"""Those into which a sync writes under its adapter's name."""

_COMMENT = "What {copy} of openfaith works on. Dropped when that run ends."
_ANY_COMMENT = "What %\\_dry\\_% of openfaith works on. Dropped when that run ends."


async def make_copy(database: Database, run: RunRecord, manifest: Manifest) -> bool:
    """Copy an organization's rows for a dry run: its mirror tables, and what a sync goes by.

    All of it is one transaction, so a copy that is there is complete. Returns whether it was made now.

    Args:
        manifest: of the adapter itself. Every table of it is made, since merges and deletions reach far.

    Raises:
        RunConflictError: the run is over. Nothing was made.
        DatabaseRefusedError: the role may not create a schema.
    """
    place = _place(run.works_as) | {"org_id": run.org_id, "adapter": run.adapter}
    async with database.transaction() as connection:
        await connection.execute(query("dry_runs", "lock"), place)
        found = await (await connection.execute(query("dry_runs", "is_copied"), place)).fetchone()
        if found == (True,):
            return False
        listed = await (await connection.execute(query("dry_runs", "policies"), place)).fetchall()
        policies = {entity: DeletionPolicy(policy) for entity, policy in listed}
        schemas = [run.works_as]
        if DeletionPolicy.ARCHIVE in policies.values():
            schemas.append(archive_schema(run.works_as))
        await _together(connection, _schemas(schemas, place["comment"]))
        await _together(connection, _tables(manifest, run.works_as, run.org_id))
        for name in _COPIED:
            await connection.execute(_of_table("copy_rows", name), place)
        guarded = [entity for name, entity in manifest.entities.items() if name in policies]
        await _together(connection, (guarding(run.works_as, entity) for entity in guarded))
        # Last, so that nobody who wants to cancel the run has to wait for the copy.
        still = await connection.execute(query("dry_runs", "lock_open_run"), {"run_id": run.run_id})
        if await still.fetchone() is None:
            raise RunConflictError(str(run.run_id), "is over", "start a new one")
    return True


def _place(copy: str) -> dict[str, str]:
    return {"copy": copy, "comment": _COMMENT.format(copy=copy)}


def _schemas(names: Iterable[str], comment: str) -> Iterator[sql.Composed]:
    for name in names:
        yield sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name))
        yield sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(name), sql.Literal(comment))


def _tables(manifest: Manifest, copy: str, org_id: OrgId) -> Iterator[sql.Composed]:
    """Logged, like what they copy: an unlogged table is empty after a crash, and that looks like mass deletion."""
    for entity in manifest.entities.values():
        original = sql.Identifier(manifest.adapter, table_name(entity))
        copied = sql.Identifier(copy, table_name(entity))
        yield sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING COMMENTS)").format(copied, original)
        yield sql.SQL("INSERT INTO {} SELECT * FROM {} WHERE org_id = {}").format(
            copied, original, sql.Literal(org_id)
        )


def _of_table(statement: str, name: str) -> sql.Composed:
    return sql.SQL(query("dry_runs", statement)).format(table=sql.Identifier(name))


async def _together(connection: psycopg.AsyncConnection, statements: Iterable[sql.Composed]) -> None:
    """In one round trip."""
    text = sql.SQL("; ").join(statements)
    if text.as_string():
        await connection.execute(text)


async def discard_copy(connection: psycopg.AsyncConnection, run: RunRecord) -> None:
    """Drop what a dry run worked on, and every control row of that, in the caller's transaction.

    A run that never came to have a copy has nothing to discard.
    """
    await _discard(connection, run.works_as, [run.org_id])


async def _discard(connection: psycopg.AsyncConnection, copy: str, org_ids: Sequence[OrgId]) -> None:
    place = _place(copy) | {"org_ids": list(org_ids)}
    found = await connection.execute(query("dry_runs", "schemas_of"), place)
    for (schema,) in await found.fetchall():
        await connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
    for name in _DISCARDED:
        await connection.execute(_of_table("discard_rows", name), place)


async def discard_orphaned_copies(database: Database) -> int:
    """Discard the copies of runs that are over, or that are not there any more. Returns how many there were."""
    async with database.connection() as connection:
        found = await connection.execute(query("dry_runs", "find_orphans"), {"any_comment": _ANY_COMMENT})
        orphans = [copy for copy, comment in await found.fetchall() if comment == _place(copy)["comment"]]
    for copy in orphans:
        async with database.transaction() as connection:
            await _discard(connection, copy, await list_org_ids(connection))
    return len(orphans)
