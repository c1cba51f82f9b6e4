"""The canonical model in the database: the views of `canonical_views`, installed.

The views are made over the mirror tables of every entity that a mapping uses. These exist from the moment an engine has
opened a database, synced or not, so a view of something that nobody has synced yet is there and empty, and nothing
has to be made again when the first page arrives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg
from psycopg import errors as pg
from psycopg import sql

from openfaith.errors import DatabaseRefusedError
from openfaith.manifest import CanonicalMapping, Manifest
from openfaith.store.canonical_views import SCHEMA, View, canonical_views, merge_indexes, outdated
from openfaith.store.connection import Database
from openfaith.store.queries import query

_LOCK = 0x6F70656E66616963
"""The advisory lock's number: the letters `openfaic`."""


class _Present(NamedTuple):
    """What the catalog has in the schema."""

    views: dict[str, list[tuple[str, str]]]
    """The columns of each view: name, type."""
    others: set[str]
    """Tables and the like."""


async def install_canonical_model(
    database: Database, manifest: Manifest, mapping: CanonicalMapping
) -> tuple[str, ...]:
    """Make the views of a mapping, or bring them up to date. Safe in several processes at once.

    All or nothing: whoever reads meanwhile sees the old views or the new ones. What is already as it should be costs
    three small queries and no lock. A view keeps its grants, and the views that others built on it, for as long as it
    only gets more columns; one that loses or changes some is dropped and made again.

    Args:
        database: with the mirror tables of this manifest: call it after `ensure_mirror_tables`.
        manifest: of the adapter.
        mapping: the same adapter's, loaded against this manifest.

    Returns:
        The names of all views, in the order in which they were made; none when there was nothing to do.

    Raises:
        DatabaseRefusedError: something of somebody else's is in the way, or the role may not create the schema.
    """
    async with database.connection() as connection:
        views = await _wanted(connection, manifest, mapping)
        if await _is_current(connection, mapping, views):
            return ()
        async with connection.transaction():
            await connection.execute(query("canonical", "lock"), {"lock": _LOCK})
            views = await _wanted(connection, manifest, mapping)
            if await _is_current(connection, mapping, views):
                return ()
            await _install(database, connection, manifest, mapping, views)
    return tuple(view.name for view in views)


async def drop_canonical_views(connection: psycopg.AsyncConnection) -> None:
    """Drop all views of all mappings, so that a mirror column can take another type or go.

    PostgreSQL lets neither happen to a column that a view shows. Call it in the transaction that changes the column;
    `install_canonical_model` finds the views missing and makes them again.
    """
    await connection.execute(query("canonical", "lock"), {"lock": _LOCK})
    if not await _is_installed(connection):
        return
    rows = await (await connection.execute(query("canonical", "all_views"))).fetchall()
    for (name,) in reversed(rows):
        await connection.execute(_drop(name))


async def _wanted(
    connection: psycopg.AsyncConnection, manifest: Manifest, mapping: CanonicalMapping
) -> tuple[View, ...]:
    types: dict[str, dict[str, str]] = {}
    cursor = await connection.execute(query("canonical", "mirror_types"), {"adapter": manifest.adapter})
    for name, column, kind in await cursor.fetchall():
        types.setdefault(name, {})[column] = kind
    return canonical_views(manifest, mapping, types)


async def _is_installed(connection: psycopg.AsyncConnection) -> bool:
    found = await (await connection.execute(query("canonical", "is_there"))).fetchone()
    return found == (True,)


async def _is_current(
    connection: psycopg.AsyncConnection, mapping: CanonicalMapping, views: Sequence[View]
) -> bool:
    if not await _is_installed(connection):
        return False
    wanted = {"adapter": mapping.adapter, "fingerprint": fingerprint(views)}
    found = await (await connection.execute(query("canonical", "is_current"), wanted)).fetchone()
    return found == (True,)


async def _install(
    database: Database,
    connection: psycopg.AsyncConnection,
    manifest: Manifest,
    mapping: CanonicalMapping,
    views: Sequence[View],
) -> None:
    await connection.execute(query("canonical", "foundation"))
    former = await connection.execute(query("canonical", "former_views"), {"adapter": mapping.adapter})
    names = [name for (name,) in await former.fetchall()]
    present = await _present(connection)
    for view in views:
        if view.name in present.others:
            raise DatabaseRefusedError(
                database.name,
                f"{SCHEMA}.{view.name} is there and is no view",
                "the schema belongs to openfaith: move what else is in it to another one",
            )
    await _drop_views(database, connection, outdated(views, names, present.views))
    await _execute(
        connection, (*merge_indexes(manifest, mapping), *(s for view in views for s in view.statements()))
    )
    await connection.execute(
        query("canonical", "note"),
        {
            "adapter": mapping.adapter,
            "fingerprint": fingerprint(views),
            "views": [view.name for view in views],
        },
    )


async def _present(connection: psycopg.AsyncConnection) -> _Present:
    present = _Present(views={}, others=set())
    cursor = await connection.execute(query("canonical", "present_columns"))
    for name, relation_kind, column, kind in await cursor.fetchall():
        if relation_kind == "v":
            present.views.setdefault(name, []).append((column, kind))
        else:
            present.others.add(name)
    return present


async def _drop_views(database: Database, connection: psycopg.AsyncConnection, names: Iterable[str]) -> None:
    for name in names:
        try:
            await connection.execute(_drop(name))
        except pg.DependentObjectsStillExist as exc:
            raise DatabaseRefusedError(
                database.name,
                f"{SCHEMA}.{name} must be made anew, but: {exc.diag.message_detail}",
                "drop what was built on it, start openfaith again, then make it again",
            ) from exc


def _drop(name: str) -> sql.Composed:
    return sql.SQL("DROP VIEW IF EXISTS {}").format(sql.Identifier(SCHEMA, name))


async def _execute(connection: psycopg.AsyncConnection, statements: Iterable[sql.Composed]) -> None:
    """All at once: some five hundred statements, most of them comments, in one round trip."""
    await connection.execute(sql.SQL(";\n").join(statements))


def fingerprint(views: Sequence[View]) -> str:
    """Changes whenever a definition or a comment does, or the functions that the definitions use."""
    parts = [query("canonical", "foundation")]
    parts += [f"{view.name}\n{view.comment}\n{view.columns}\n{view.body.as_string()}" for view in views]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
