"""Merging records: one gives way to another, and everything that points at it points at the other from then on.

The merged record's row stays, whatever the policy, as an alias: it says who took its place, at the end of the chain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg import sql

from openfaith.manifest import Column, Entity, Manifest, MergeLog, columns, merge_log_of
from openfaith.records import EntityName, OrgId
from openfaith.store.connection import Database
from openfaith.store.deletions import begin_deletion, confirm, lock_doomed, settle_suspects
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.parents import is_plain
from openfaith.store.removals import Deletion, empty_alias
from openfaith.store.run_records import HeldEntityRun

_CHAINS = """
WITH RECURSIVE chain AS (
    SELECT t.id, t._merged_into FROM {table} AS t
    WHERE t.org_id = %(org_id)s AND t.id = ANY(%(ids)s) AND t._merged_into IS NOT NULL
    UNION
    SELECT t.id, t._merged_into FROM chain JOIN {table} AS t ON t.org_id = %(org_id)s AND t.id = chain._merged_into
    WHERE t._merged_into IS NOT NULL
)
SELECT id, _merged_into FROM chain
"""

_ALIASES = """
SELECT t.id FROM {table} AS t
WHERE t.org_id = %(org_id)s AND t.id = ANY(%(ids)s) AND t._deleted_at IS NOT NULL
  AND t._requested_at <= %(confirmed_at)s
ORDER BY t.id FOR UPDATE
"""
"""Records that were deleted before it was known that they were merged."""

_MERGE = """
UPDATE {table} AS t
SET _merged_into = merged.survivor, _deleted_at = COALESCE(t._deleted_at, %(confirmed_at)s),
    _requested_at = %(confirmed_at)s, _synced_at = now(), _run_id = %(run_id)s
FROM unnest(%(ids)s::text[], %(survivors)s::text[]) AS merged (id, survivor)
WHERE t.org_id = %(org_id)s AND t.id = merged.id AND t._merged_into IS DISTINCT FROM merged.survivor
"""

_LIVING = "SELECT id FROM {table} WHERE org_id = %(org_id)s AND id = ANY(%(ids)s) AND _deleted_at IS NULL"

_REPOINT = """
UPDATE {table} AS t
SET {column} = merged.survivor, _hash = hashtextextended(merged.survivor, t._hash),
    _requested_at = GREATEST(t._requested_at, %(confirmed_at)s), _synced_at = now(), _run_id = %(run_id)s
FROM unnest(%(ids)s::text[], %(survivors)s::text[]) AS merged (id, survivor)
WHERE t.org_id = %(org_id)s AND t.{column} = merged.id AND t._requested_at <= %(confirmed_at)s
"""
"""The hash becomes another one, so that the source's own word, whatever it is, is written when it comes next."""

_FOLLOW = """
UPDATE {table} AS t SET _merged_into = merged.survivor
FROM unnest(%(ids)s::text[], %(survivors)s::text[]) AS merged (id, survivor)
WHERE t.org_id = %(org_id)s AND t._merged_into = merged.id AND t.id <> merged.survivor
"""
"""Who was merged into one of these before."""

_FOLLOW_MERGE = """
UPDATE {table} AS t
SET {column} = alias._merged_into, _hash = hashtextextended(alias._merged_into, t._hash),
    _requested_at = alias._requested_at
FROM {target} AS alias
WHERE t.org_id = %(org_id)s AND t.id = %(id)s AND alias.org_id = t.org_id AND alias.id = t.{column}
  AND alias._merged_into IS NOT NULL AND t._requested_at <= alias._requested_at
"""
"""As `_REPOINT`, of one row that was stored after the merge by what was read before it."""


_TOLD = """
SELECT DISTINCT ON (removed) removed, kept, confirmed_at
FROM (
    SELECT {removed}::text AS removed, {kept}::text AS kept, {stamp} AS stamp, l.id,
           CASE WHEN t._deleted_at IS NULL THEN l._requested_at ELSE GREATEST(l._requested_at, t._requested_at) END
               AS confirmed_at
    FROM {log} AS l JOIN {table} AS t ON t.org_id = l.org_id AND t.id = {removed}::text
    WHERE l.org_id = %(org_id)s AND l._deleted_at IS NULL
      AND t._merged_into IS NULL AND (t._deleted_at IS NOT NULL OR t._requested_at <= l._requested_at)
    UNION ALL
    SELECT {removed}::text, {kept}::text, {stamp}, l.id, l._requested_at
    FROM {log} AS l JOIN {table} AS t
      ON t.org_id = l.org_id AND t._merged_into = {removed}::text AND t._merged_into IS NOT NULL
    WHERE l.org_id = %(org_id)s AND l._deleted_at IS NULL
      AND NOT EXISTS (SELECT FROM {table} AS own WHERE own.org_id = l.org_id AND own.id = {removed}::text)
) AS told
WHERE removed > %(after)s AND kept <> '' AND kept <> removed
ORDER BY removed, stamp DESC NULLS LAST, length(id) DESC, id DESC
LIMIT %(limit)s
"""
"""Of the log's newest words those that the table does not show. The second part has the survivors that we never had
ourselves, and whose place another one took since.

Of a row that is gone already only the survivor is new, so that the log may be older than what is known of it.
"""

_LINKS = """
WITH RECURSIVE link AS (
    SELECT {removed}::text AS removed, {kept}::text AS kept, {stamp} AS stamp, l.id, l._requested_at
    FROM {log} AS l
    WHERE l.org_id = %(org_id)s AND l._deleted_at IS NULL AND {removed}::text = ANY(%(ids)s)
    UNION
    SELECT {removed}::text, {kept}::text, {stamp}, l.id, l._requested_at
    FROM link JOIN {log} AS l ON l.org_id = %(org_id)s AND {removed}::text = link.kept
    WHERE l._deleted_at IS NULL
)
SELECT DISTINCT ON (removed) removed, kept FROM link
WHERE kept <> '' AND kept <> removed AND NOT EXISTS (
    SELECT FROM {table} AS t
    WHERE t.org_id = %(org_id)s AND t.id = link.removed AND t._deleted_at IS NULL AND t._requested_at > link._requested_at
)
ORDER BY removed, stamp DESC NULLS LAST, length(id) DESC, id DESC
"""
"""Where the log leads on to from these records. One that was seen since leads nowhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldMerges:
    """Merges that the log tells of, and that were not applied yet."""

    survivors: Mapping[datetime, Mapping[str, str]]
    """By the time that the log's word is from, by the source's clock: who took whose place, at the end of the chain."""
    circular: tuple[str, ...]
    """Ids whose chain ends where it began."""
    last: str | None
    """After which id there may be more; None where there are no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What a merge came to."""

    merged: int
    """Records that lived until now."""
    renamed: int = 0
    """Records that were gone before: who took their place was not known, or is another one now."""
    refuted: int = 0
    """Suspects that were seen since the listing that missed them: they live."""
    repointed: dict[str, int] = field(default_factory=dict)
    """Rows that pointed at them, by `product.Entity.column`."""
    circular: tuple[str, ...] = ()
    """Ids whose chain of merges ends where it began. Nothing was done about them."""


async def merge(
    database: Database,
    manifest: Manifest,
    entity: Entity,
    held: HeldEntityRun,
    survivors: Mapping[str, str],
    *,
    confirmed_at: datetime,
    suspects_only: bool = True,
) -> Merged:
    """Note of records that others took their place, and let what points at them point there.

    A row that was requested after the confirmation is left alone; so is, of suspects, one that was requested after
    the listing that missed it. A record that was deleted before becomes one that was merged.

    Args:
        held: of the entity itself, or of the one that tells of its merges: under this token it is done.
        survivors: by the id of the merged record; a few hundred at most, all of them are one transaction. A survivor
            that was merged itself, here or before, stands for the one at the end of its chain.
        confirmed_at: when the request began that told of it, by the source's clock.
        suspects_only: False where the source itself told of the merge, so that no listing had to miss the record.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with begin_deletion(database, manifest, entity, held, confirmed_at, elsewhere=True) as deletion:
        ends, circular = resolve_survivors(survivors, await _chains(deletion, survivors.values()))
        doomed = await lock_doomed(deletion, ends, suspects_only=suspects_only)
        aliases = await _ids(deletion, _ALIASES, ends)
        changed = await _merge(deletion, ends, doomed, aliases)
        living = await _ids(deletion, _LIVING, ends)
        gone = {key: survivor for key, survivor in ends.items() if key not in living}
        changed += await _follow(deletion, gone)
        repointed = await _repoint(deletion, gone)
        refuted = await settle_suspects(deletion, ends, merged=len(doomed))
    return Merged(
        merged=len(doomed),
        renamed=changed - len(doomed),
        refuted=refuted,
        repointed=repointed,
        circular=circular,
    )


async def list_told(
    database: Database, manifest: Manifest, log: MergeLog, org_id: OrgId, *, after: str = "", limit: int = 300
) -> ToldMerges:
    """The next merges that the stored log tells of and that were not applied yet, in the order of the merged ids.

    Not those of records that were written after the log's word, nor of records that are not stored. A survivor that
    cannot be an id names nobody: one wrong value in two places would make a chain of them.

    Args:
        after: the id to begin after.
        limit: how many merges at most.
    """
    about = {"org_id": org_id, "after": after, "limit": limit}
    async with database.connection() as connection:
        found = await (await connection.execute(_composed(_TOLD, manifest, log), about)).fetchall()
        told = {key: survivor for key, survivor, _ in found if is_plain(survivor)}
        links = _composed(_LINKS, manifest, log)
        kept = {"org_id": org_id, "ids": list({*told.values()})}
        rows = await (await connection.execute(links, kept)).fetchall() if told else []
        known = {key: survivor for key, survivor in rows if is_plain(key) and is_plain(survivor)}
    ends, circular = resolve_survivors(told, known)
    survivors: dict[datetime, dict[str, str]] = {}
    for key, _, confirmed_at in found:
        if key in ends:
            survivors.setdefault(confirmed_at, {})[key] = ends[key]
    return ToldMerges(
        survivors=survivors, circular=circular, last=found[-1][0] if len(found) == limit else None
    )


def _composed(statement: LiteralString, manifest: Manifest, merges: MergeLog) -> sql.Composed:
    log = manifest.entities[merges.log]
    stamp = "created_at" if "created_at" in log.attributes else "_requested_at"
    return sql.SQL(statement).format(
        table=table(manifest, manifest.entities[merges.entity]),
        log=table(manifest, log),
        removed=beside_parameters(sql.Identifier("l", merges.removed)),
        kept=beside_parameters(sql.Identifier("l", merges.kept)),
        stamp=sql.Identifier("l", stamp),
    )


def resolve_survivors(
    survivors: Mapping[str, str], known: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Who is left at the end of each chain, and the ids whose chain has no end.

    Args:
        survivors: by the id of the merged record, as the source tells it now.
        known: the same of former merges; what is told now goes before.
    """
    following = {**known, **survivors}
    ends: dict[str, str] = {}
    circular: list[str] = []
    for key in survivors:
        seen, end = {key}, following[key]
        while end in following and end not in seen:
            seen.add(end)
            end = following[end]
        if end in seen:
            circular.append(key)
        else:
            ends[key] = end
    return ends, tuple(circular)


async def _chains(deletion: Deletion, ids: Collection[str]) -> dict[str, str]:
    """The former merges that lead on from these records."""
    statement = sql.SQL(_CHAINS).format(table=table(deletion.manifest, deletion.entity))
    return dict(await (await deletion.connection.execute(statement, deletion.about(ids))).fetchall())


async def _ids(deletion: Deletion, statement: LiteralString, ids: Collection[str]) -> set[str]:
    composed = sql.SQL(statement).format(table=table(deletion.manifest, deletion.entity))
    cursor = await deletion.connection.execute(composed, deletion.about(ids))
    return {row[0] for row in await cursor.fetchall()}


async def _merge(
    deletion: Deletion,
    ends: Mapping[str, str],
    doomed: Collection[str],
    aliases: Collection[str],
) -> int:
    """Returns how many rows are others now."""
    ids = [*doomed, *aliases]
    if not ids:
        return 0
    statement = sql.SQL(_MERGE).format(table=table(deletion.manifest, deletion.entity))
    about = deletion.about(ids)
    cursor = await deletion.connection.execute(statement, about | {"survivors": [ends[key] for key in ids]})
    await empty_alias(deletion, doomed)
    await confirm(deletion, doomed)
    return cursor.rowcount


async def _follow(deletion: Deletion, gone: Mapping[str, str]) -> int:
    if not gone:
        return 0
    statement = sql.SQL(_FOLLOW).format(table=table(deletion.manifest, deletion.entity))
    about = deletion.about(gone) | {"survivors": list(gone.values())}
    return (await deletion.connection.execute(statement, about)).rowcount


async def _repoint(deletion: Deletion, gone: Mapping[str, str]) -> dict[str, int]:
    if not gone:
        return {}
    log = merge_log_of(deletion.manifest, deletion.entity.name)
    changed: dict[str, int] = {}
    about = deletion.about(gone) | {"survivors": list(gone.values())}
    for pointing, column in references_to(deletion.manifest, deletion.entity.name):
        if log is not None and pointing.name == log.log:
            continue  # What it says of the past stays as the source has it.
        statement = sql.SQL(_REPOINT).format(
            table=table(deletion.manifest, pointing),
            column=beside_parameters(sql.Identifier(column.name)),
        )
        cursor = await deletion.connection.execute(statement, about)
        if cursor.rowcount:
            changed[f"{pointing.name}.{column.name}"] = cursor.rowcount
    return changed


async def follow_merges(
    connection: psycopg.AsyncConnection, manifest: Manifest, entity: Entity, org_id: OrgId, record_id: str
) -> None:
    """Let a row that was just stored, and read long ago, point at the survivors of what was merged meanwhile."""
    for merges in manifest.merges:
        if entity.name == merges.log:
            continue  # As in `_repoint`.
        for column in columns(entity):
            if target_of(manifest, entity, column) == merges.entity:
                statement = sql.SQL(_FOLLOW_MERGE).format(
                    table=table(manifest, entity),
                    column=beside_parameters(sql.Identifier(column.name)),
                    target=table(manifest, manifest.entities[merges.entity]),
                )
                await connection.execute(statement, {"org_id": org_id, "id": record_id})


def references_to(manifest: Manifest, name: EntityName) -> Iterator[tuple[Entity, Column]]:
    """The columns of all entities that hold ids of one, as far as the manifest knows it."""
    for entity in manifest.entities.values():
        for column in columns(entity):
            if target_of(manifest, entity, column) == name:
                yield entity, column


def target_of(manifest: Manifest, entity: Entity, column: Column) -> EntityName | None:
    """The entity whose ids a column holds; None where it holds none, or of various entities, or nobody knows."""
    if column.kind == "relationship_id":
        relationship = entity.relationships[column.source]
        return None if relationship.polymorphic else relationship.to
    if column.kind != "parent_id" or entity.below is None:
        return None
    parent = manifest.entities[entity.below.parent]
    [held] = [i.column for i in entity.below.ids if i.name == column.placeholder]
    if held == "id":
        return parent.name
    return next((target_of(manifest, parent, found) for found in columns(parent) if found.name == held), None)
