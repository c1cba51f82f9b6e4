"""The ids by which single stored records can be asked for."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import sql

from openfaith.manifest import Endpoint, Entity, Manifest, columns
from openfaith.records import OrgId
from openfaith.store.connection import Database
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.parents import is_plain

_OWN = "id"
"""How paths call a record's own id."""

_IDS = "SELECT t.id, {ids} FROM {table} AS t WHERE t.org_id = %(org_id)s AND t.id = ANY(%(ids)s)"


def find_get(entity: Entity) -> Endpoint | None:
    """The path that gives one record, of whose ids our row has all; None where there is none."""
    known = {_OWN, *_columns(entity)}
    return next((e for e in entity.endpoints if e.name == "get" and {*e.placeholders} <= known), None)


async def list_paths(
    database: Database, manifest: Manifest, entity: Entity, org_id: OrgId, ids: Collection[str]
) -> dict[str, str | None]:
    """The path of each stored record, by id; None where it cannot be made: its row lacks an id, or has a strange one."""
    get = find_get(entity)
    if get is None:
        return dict.fromkeys(ids)
    held = _columns(entity)
    names = [name for name in get.placeholders if name != _OWN]
    statement = sql.SQL(_IDS).format(
        ids=sql.SQL(", ").join(
            [beside_parameters(sql.Identifier("t", held[name])) for name in names] or [sql.SQL("NULL")]
        ),
        table=table(manifest, entity),
    )
    async with database.connection() as connection:
        cursor = await connection.execute(statement, {"org_id": org_id, "ids": list(ids)})
        rows = await cursor.fetchall()
    return {row[0]: path_of(get, {_OWN: row[0], **dict(zip(names, row[1:], strict=False))}) for row in rows}


def path_of(endpoint: Endpoint, ids: dict[str, str | None]) -> str | None:
    """The path with these ids in it; None where one is missing, or cannot stand in a path."""
    if any(not is_plain(ids.get(name)) for name in endpoint.placeholders):
        return None
    return endpoint.path.format_map(ids)


def _columns(entity: Entity) -> dict[str, str]:
    """By placeholder: the column that holds it."""
    return {c.placeholder: c.name for c in columns(entity) if c.placeholder is not None}
