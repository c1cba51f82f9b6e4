"""How a deleted record's row leaves its table: it stays as a tombstone, it is removed, or it is moved to an archive.

A tombstone in the table guards itself: the page statement compares with it. A row that is not there any more cannot.
So its tombstone stands in `openfaith.removal`, and a trigger on the table, which only tables with such a policy have,
refuses what was requested before it. The trigger and whoever removes rows take the same lock, the policy's row, so
that a page which is being written is either over before, and what it wrote is removed too, or sees the tombstone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from openfaith.manifest import Entity, Manifest, columns, table_name
from openfaith.records import EntityName, EntityRunId, OrgId, RunId
from openfaith.store.connection import Database
from openfaith.store.conversions import spelled
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.queries import query

_TRIGGER: Final = "_keep_removed"

_GUARD = (
    "CREATE OR REPLACE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW"
    " EXECUTE FUNCTION openfaith.keep_removed({entity})"
)

_TOMBSTONE = """
UPDATE {table} SET _deleted_at = %(confirmed_at)s, _requested_at = %(confirmed_at)s, _synced_at = now(), _run_id = %(run_id)s
WHERE org_id = %(org_id)s AND id = ANY(%(ids)s)
"""

_SCRUB = "UPDATE {table} SET {nothing} WHERE org_id = %(org_id)s AND id = ANY(%(ids)s)"

_REMOVE = "DELETE FROM {table} WHERE org_id = %(org_id)s AND id = ANY(%(ids)s)"

_GONE = """(
    EXISTS (
        SELECT FROM {table} AS gone
        WHERE gone.org_id = %(org_id)s AND gone.id = {id} AND gone._deleted_at IS NOT NULL
        OFFSET 0)
    OR EXISTS (
        SELECT FROM openfaith.removal AS gone
        WHERE gone.org_id = %(org_id)s AND gone.adapter = {adapter} AND gone.entity = {entity}
          AND gone.id = {id} COLLATE "C"
        OFFSET 0)
    AND NOT EXISTS (SELECT FROM {table} AS gone WHERE gone.org_id = %(org_id)s AND gone.id = {id} OFFSET 0))"""

_ARCHIVE = """
INSERT INTO {archive} ({names}) SELECT {values} FROM {table} WHERE org_id = %(org_id)s AND id = ANY(%(ids)s)
ON CONFLICT (org_id, id) DO UPDATE SET ({names}) = ROW ({excluded})
"""


class DeletionPolicy(StrEnum):
    """What becomes of the row of a record that is gone at the source."""

    SOFT = "soft"
    """It stays, with the time of its deletion in `_deleted_at`."""
    HARD = "hard"
    """It is removed."""
    ARCHIVE = "archive"
    """It is moved to the table of the same name in the schema `<adapter>_archive`, as it was last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletion:
    """What all deletions of one transaction have in common."""

    connection: psycopg.AsyncConnection
    manifest: Manifest
    entity: Entity
    """Whose records may be deleted."""
    org_id: OrgId
    run_id: RunId
    entity_run_id: EntityRunId | None
    """Of the entity, if it is part of the run."""
    confirmed_at: datetime
    """When the source had them no more, by its clock."""
    policy: DeletionPolicy

    def about(self, ids: Collection[str]) -> dict[str, object]:
        """The parameters of a statement about records of the entity."""
        return {
            "org_id": self.org_id,
            "adapter": self.manifest.adapter,
            "entity": self.entity.name,
            "run_id": self.run_id,
            "confirmed_at": self.confirmed_at,
            "ids": list(ids),
        }


def known_to_be_gone(manifest: Manifest, entity: Entity, record_id: sql.Composable) -> sql.Composed:
    """The condition that a record was deleted here, under whatever policy. One that was never here is not known.

    Args:
        record_id: an expression, of a table that is not called `gone`.
    """
    return sql.SQL(_GONE).format(
        table=table(manifest, entity),
        id=record_id,
        adapter=sql.Literal(manifest.adapter),
        entity=sql.Literal(entity.name),
    )


async def get_deletion_policy(
    database: Database, org_id: OrgId, adapter: str, entity: EntityName
) -> DeletionPolicy:
    """What becomes of an entity's deleted rows; soft, unless it was set otherwise."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("deletions", "get_policy"), {"org_id": org_id, "adapter": adapter, "entity": entity}
        )
        row = await cursor.fetchone()
    return DeletionPolicy.SOFT if row is None else DeletionPolicy(row[0])


async def set_deletion_policy(
    database: Database, org_id: OrgId, adapter: str, entity: EntityName, policy: DeletionPolicy
) -> None:
    """Set what is to become of an entity's rows that are deleted from now on."""
    async with database.connection() as connection:
        await connection.execute(
            query("deletions", "set_policy"),
            {"org_id": org_id, "adapter": adapter, "entity": entity, "policy": policy},
        )


async def prepare_removals(
    database: Database, manifest: Manifest, entity_run_id: EntityRunId, entity: Entity
) -> DeletionPolicy:
    """An entity's policy, once its table is ready for it. Safe in several processes at once.

    Args:
        entity_run_id: of any entity of the organization's and the adapter's.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("deletions", "read_policy"), {"entity_run_id": entity_run_id, "entity": entity.name}
        )
        row = await cursor.fetchone()
    policy = DeletionPolicy.SOFT if row is None else DeletionPolicy(row[0])
    if policy is not DeletionPolicy.SOFT:
        await _guard_table(database, manifest, entity)
    if policy is DeletionPolicy.ARCHIVE:
        await _fit_archive(database, manifest, entity)
    return policy


async def _guard_table(database: Database, manifest: Manifest, entity: Entity) -> None:
    """Put the trigger on the table, which waits for the pages that are being written to it."""
    place = {"schema": manifest.adapter, "table": table_name(entity), "name": _TRIGGER}
    async with database.connection() as connection:
        row = await (await connection.execute(query("deletions", "is_guarded"), place)).fetchone()
        if row == (True,):
            return
        await connection.execute(guarding(manifest.adapter, entity))


def guarding(schema: str, entity: Entity) -> sql.Composed:
    """The statement that puts the trigger on an entity's table."""
    return sql.SQL(_GUARD).format(
        name=sql.Identifier(_TRIGGER),
        table=sql.Identifier(schema, table_name(entity)),
        entity=sql.Literal(entity.name),
    )


async def _fit_archive(database: Database, manifest: Manifest, entity: Entity) -> None:
    """Make the archive table, or let it have what the mirror table has by now.

    A column whose type changed since becomes text, which holds both.
    """
    async with database.connection() as connection:
        wanted = await _columns(connection, manifest.adapter, entity)
        if _fits(wanted, await _columns(connection, archive_schema(manifest.adapter), entity)):
            return
    async with database.exclusive("mirror tables"), database.transaction() as connection:
        present = await _columns(connection, archive_schema(manifest.adapter), entity)
        for statement in _fitting(manifest, entity, wanted, present):
            await connection.execute(statement)


def _fits(wanted: Mapping[str, str], present: Mapping[str, str]) -> bool:
    return all(present.get(name) in {kind, "text"} for name, kind in wanted.items())


def _fitting(
    manifest: Manifest, entity: Entity, wanted: Mapping[str, str], present: Mapping[str, str]
) -> list[sql.Composed]:
    archive = _archive(manifest, entity)
    if not present:
        return [
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(
                sql.Identifier(archive_schema(manifest.adapter))
            ),
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING COMMENTS, PRIMARY KEY (org_id, id))").format(
                archive, table(manifest, entity)
            ),
            sql.SQL("COMMENT ON TABLE {} IS {}").format(
                archive, sql.Literal(f"{entity.name}: what was deleted at the source, as it was last.")
            ),
        ]
    return [
        *(
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(archive, sql.Identifier(name), sql.SQL(kind))
            for name, kind in wanted.items()
            if name not in present
        ),
        *(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE text USING {}").format(
                archive, sql.Identifier(name), spelled(sql.Identifier(name), _short(present[name]))
            )
            for name, kind in wanted.items()
            if present.get(name, kind) not in {kind, "text"}
        ),
    ]


async def _columns(connection: psycopg.AsyncConnection, schema: str, entity: Entity) -> dict[str, str]:
    """A table's columns and their types, in order; none where there is no such table."""
    cursor = await connection.execute(
        query("deletions", "table_columns"), {"schema": schema, "table": table_name(entity)}
    )
    return dict(await cursor.fetchall())


def _short(kind: str) -> str:
    return "timestamptz" if kind == "timestamp with time zone" else kind


def archive_schema(adapter: str) -> str:
    """Where archived rows go, beside the schema of the mirror tables."""
    return f"{adapter}_archive"


def _archive(manifest: Manifest, entity: Entity) -> sql.Identifier:
    return sql.Identifier(archive_schema(manifest.adapter), table_name(entity))


async def remove(deletion: Deletion, ids: Collection[str]) -> None:
    """Have rows, which the caller has locked, leave their table as the policy says."""
    about = deletion.about(ids)
    await _execute(deletion, _TOMBSTONE, about)
    if deletion.policy is DeletionPolicy.SOFT:
        return
    if deletion.policy is DeletionPolicy.ARCHIVE:
        await _copy_to_archive(deletion, ids)
    await deletion.connection.execute(query("deletions", "note_removals"), about)
    await _execute(deletion, _REMOVE, about)


async def empty_alias(deletion: Deletion, ids: Collection[str]) -> None:
    """Have merged rows, which the caller has locked and marked, keep no more than who took their place.

    Under the usual policy they keep everything. Gone altogether they could not lead to their survivors any more.
    """
    if deletion.policy is DeletionPolicy.SOFT:
        return
    if deletion.policy is DeletionPolicy.ARCHIVE:
        await _copy_to_archive(deletion, ids)
    content = [*(column.name for column in columns(deletion.entity)), "_extra", "_source_updated_at"]
    nothing = sql.SQL(", ").join(
        sql.SQL("{} = NULL").format(beside_parameters(sql.Identifier(name))) for name in content
    )
    await _execute(deletion, _SCRUB, deletion.about(ids), nothing=nothing)


async def _copy_to_archive(deletion: Deletion, ids: Collection[str]) -> None:
    entity = deletion.entity
    own = await _columns(deletion.connection, deletion.manifest.adapter, entity)
    archive = await _columns(deletion.connection, archive_schema(deletion.manifest.adapter), entity)
    names = [beside_parameters(sql.Identifier(name)) for name in own]
    values = [
        name if archive[text] == kind else spelled(name, _short(kind))
        for name, (text, kind) in zip(names, own.items(), strict=True)
    ]
    await _execute(
        deletion,
        _ARCHIVE,
        deletion.about(ids),
        archive=_archive(deletion.manifest, entity),
        names=sql.SQL(", ").join(names),
        values=sql.SQL(", ").join(values),
        excluded=sql.SQL(", ").join(sql.SQL("excluded.{}").format(name) for name in names),
    )


async def _execute(
    deletion: Deletion,
    statement: LiteralString,
    about: Mapping[str, object],
    **parts: sql.Composable,
) -> None:
    composed = sql.SQL(statement).format(table=table(deletion.manifest, deletion.entity), **parts)
    await deletion.connection.execute(composed, about)
