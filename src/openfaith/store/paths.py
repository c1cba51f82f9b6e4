"""Where single stored records are at the source: by which path each can be asked for, and by which it was read."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from psycopg import sql

from openfaith.manifest import Endpoint, Entity, Manifest, columns
from openfaith.records import OrgId
from openfaith.store.connection import Database
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.parents import is_plain

_OWN = "id"
"""How paths call a record's own id."""

_IDS = "SELECT {ids} FROM {table} AS t WHERE t.org_id = %(org_id)s AND t.id = ANY(%(ids)s)"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordPlace:
    """Where a stored record is, as far as its row tells."""

    path: str | None = None
    """By which it can be asked for; None where there is none: its row lacks an id, or has a strange one."""
    parents: str | None = None
    """The ids of the path by which it was read, as a `PageCommit` has them; None for a list of its own."""


def find_get(entity: Entity) -> Endpoint | None:
    """The path that gives one record, of whose ids our row has all; None where there is none."""
    known = {_OWN, *_columns(entity)}
    return next((e for e in entity.endpoints if e.name == "get" and {*e.placeholders} <= known), None)


async def list_places(
    database: Database, manifest: Manifest, entity: Entity, org_id: OrgId, ids: Collection[str]
) -> dict[str, RecordPlace]:
    """The place of each of these records that is stored, by id."""
    held = _columns(entity)
    statement = sql.SQL(_IDS).format(
        ids=sql.SQL(", ").join(
            beside_parameters(sql.Identifier("t", column)) for column in (_OWN, *held.values())
        ),
        table=table(manifest, entity),
    )
    async with database.connection() as connection:
        cursor = await connection.execute(statement, {"org_id": org_id, "ids": list(ids)})
        rows = await cursor.fetchall()
    return {row[0]: _place(entity, row[0], dict(zip(held, row[1:], strict=True))) for row in rows}


def _place(entity: Entity, own: str, parents: dict[str, str | None]) -> RecordPlace:
    get = find_get(entity)
    return RecordPlace(
        path=None if get is None else path_of(get, {**parents, _OWN: own}),
        parents=json.dumps(parents) if parents else None,
    )


def path_of(endpoint: Endpoint, ids: dict[str, str | None]) -> str | None:
    """The path with these ids in it; None where one is missing, or cannot stand in a path."""
    if any(not is_plain(ids.get(name)) for name in endpoint.placeholders):
        return None
    return endpoint.path.format_map(ids)


def _columns(entity: Entity) -> dict[str, str]:
    """By placeholder: the column that holds it."""
    return {c.placeholder: c.name for c in columns(entity) if c.placeholder is not None}
