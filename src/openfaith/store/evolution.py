"""Bringing the mirror tables up to the manifest, beside programs that are reading and writing them.

Everything is decided from one look at the catalog; where a manifest was met before, not even that is needed. Tables
that are missing are made together. A table that stands there is changed in a transaction of its own, for which it is
asked for briefly and again: whoever waits for a table's exclusive lock makes everyone behind him wait too.
Filling new columns from `_extra` is work for later (`fillings`): here it is only put down.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.types.json import Jsonb

from openfaith.errors import DatabaseRefusedError
from openfaith.manifest import Attribute, AttributeType, Entity, Manifest, columns, table_name
from openfaith.store.canonical import drop_canonical_views
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.mirror import WantedTable, fingerprint, wanted_tables
from openfaith.store.queries import query
from openfaith.store.table_changes import (
    Conversion,
    PresentColumn,
    PresentTable,
    TableChange,
    additions,
    alteration,
    commenting,
    creation,
    decide,
    kept_comment,
    setting_aside,
)
from openfaith.telemetry import Event, MirrorTableChanged, MirrorTablesMade, Subject, log_event

_LOCK_TIMEOUT = "300ms"
"""How long readers may have to queue behind us while somebody else reads."""

PATIENCE = timedelta(seconds=90)
"""How long a table is asked for, again and again. Less than others wait for their turn to change tables."""

_PAUSE_SECONDS = 1.0

_BLOCKED = (
    psycopg.ProgrammingError,
    psycopg.NotSupportedError,
    psycopg.DataError,
    psycopg.IntegrityError,
    pg.DependentObjectsStillExist,
)
"""What PostgreSQL raises where something of somebody else's rests on a column's type: a view, an index, a rule."""

_ATTRIBUTE_TYPES = {
    "text": AttributeType.STRING,
    "bigint": AttributeType.INTEGER,
    "double precision": AttributeType.FLOAT,
    "boolean": AttributeType.BOOLEAN,
    "date": AttributeType.DATE,
    "timestamptz": AttributeType.DATE_TIME,
    "jsonb": AttributeType.JSON,
}


@dataclass(kw_only=True)
class _Done:
    """What became of one table."""

    set_aside: dict[str, int] = field(default_factory=dict)
    converted: list[Conversion] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)
    """By conversion, as a person reads it: what keeps the column as it is."""


async def ensure_mirror_tables(
    database: Database, manifest: Manifest, *, insist: bool = False, patience: timedelta = PATIENCE
) -> bool:
    """Make what is missing, and change what the manifest wants otherwise. Safe in several processes at once.

    Args:
        insist: a person asks for this very manifest. Without it a manifest that the tables were made for before is
            taken for an older program's, and only misses what is missing.
        patience: how long to wait for tables that others hold.

    Returns False when there was nothing to do. That costs one query.

    Raises:
        ManifestError: one of the engine's own columns has another type than it must have.
        DatabaseRefusedError: somebody holds a table for longer than that.
        DatabaseUnavailableError: another process is busy changing tables for too long.
    """
    tables = wanted_tables(manifest)
    form = {
        "adapter": manifest.adapter,
        "fingerprint": fingerprint(tables),
        "tables": [t.name for t in tables],
    }
    if not insist and await _ask(database, "is_current", form):
        return False
    async with database.exclusive("mirror tables"):
        if not insist and await _ask(database, "is_current", form):
            return False
        known = not insist and await _ask(database, "is_known", form)
        async with database.connection() as connection:
            present = await read_present(connection, manifest.adapter)
        changes = [decide(wanted, present.get(wanted.name), known=known) for wanted in tables]
        await _carry_out(database, manifest.adapter, [c for c in changes if c.is_needed], patience)
        async with database.connection() as connection:
            await connection.execute(query("mirror", "note"), form)
    return any(change.is_needed for change in changes)


async def _ask(database: Database, name: str, form: Mapping[str, object]) -> bool:
    async with database.connection() as connection:
        found = await (await connection.execute(query("mirror", name), form)).fetchone()
    return found is not None and bool(found[0])


async def read_present(connection: psycopg.AsyncConnection, adapter: str) -> dict[str, PresentTable]:
    """What the catalog has of an adapter's tables, in one query."""
    cursor = await connection.execute(query("mirror", "present"), {"adapter": adapter})
    found: dict[str, tuple[str | None, dict[str, PresentColumn]]] = {}
    for table, told, column, kind, comment in await cursor.fetchall():
        found.setdefault(table, (told, {}))[1][column] = PresentColumn(type=_short(kind), comment=comment)
    return {name: PresentTable(comment=told, columns=own) for name, (told, own) in found.items()}


def _short(kind: str) -> str:
    return "timestamptz" if kind == "timestamp with time zone" else kind


async def _carry_out(
    database: Database, adapter: str, changes: Sequence[TableChange], patience: timedelta
) -> None:
    await _create(database, adapter, [change for change in changes if change.creates])
    for change in changes:
        if not change.creates:
            await _change(database, change, patience)


async def _create(database: Database, adapter: str, changes: Sequence[TableChange]) -> None:
    """All together: nobody can be in the way of a table that is not there yet."""
    if not changes:
        return
    made = MirrorTablesMade(adapter=adapter, tables=len(changes))
    async with database.transaction() as connection:
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(adapter)))
        for change in changes:
            await _execute_together(connection, [creation(change), *commenting(change)])
        await insert_events(connection, [made])
    log_event(made)


async def _execute_together(connection: psycopg.AsyncConnection, statements: Iterable[sql.Composed]) -> None:
    """In one round trip."""
    text = sql.SQL("; ").join(statements)
    if text.as_string():
        await connection.execute(text)


async def _change(database: Database, change: TableChange, patience: timedelta) -> None:
    """Change one table, as soon as nobody else holds it."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + patience.total_seconds()
    while not await _try_to_change(database, change):
        if loop.time() > ends_at:
            raise _held(database, change.wanted)
        # Not in step with whoever does the same.
        await asyncio.sleep(_PAUSE_SECONDS * (0.5 + random.random()))  # noqa: S311  # no secret


async def _try_to_change(database: Database, change: TableChange) -> bool:
    """Change a table now; False where somebody else holds it, and nothing was done."""
    async with database.connection() as connection:
        try:
            async with connection.transaction():
                event = await _change_now(connection, change)
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            return False
    if event is not None:
        log_event(event)
    return True


def _held(database: Database, wanted: WantedTable) -> DatabaseRefusedError:
    return DatabaseRefusedError(
        database.name,
        f"{wanted.schema}.{wanted.name} cannot be changed while other sessions hold it (a backup, an open transaction)",
        "wait for them to end, or end them, then run the same command again",
    )


async def _change_now(connection: psycopg.AsyncConnection, change: TableChange) -> Event | None:
    await connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
    if change.adds or change.converts:
        await connection.execute(
            sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(change.wanted.identifier)
        )
    if change.adds:
        await connection.execute(additions(change))
    done = _Done()
    for conversion in change.converts:
        await _convert(connection, change, conversion, done)
    await _execute_together(connection, commenting(replace(change, comments=_comments(change, done))))
    if change.fills:
        await _queue_filling(connection, change, done)
    event = _told(change, done)
    if event is not None:
        await insert_events(connection, [event])
    return event


async def _convert(
    connection: psycopg.AsyncConnection, change: TableChange, conversion: Conversion, done: _Done
) -> None:
    """Give a column its new type, or leave it as it is where something rests on it. Writers follow the table.

    What rests on it may be the canonical views, which are ours: whoever opens the database next makes them again.
    """
    try:
        try:
            rows = await _alter(connection, change, conversion)
        except _BLOCKED:
            rows = await _alter(connection, change, conversion, beforehand=drop_canonical_views)
    except _BLOCKED as exc:
        done.blocked[conversion.column.name] = (
            exc.diag.message_detail or exc.diag.message_primary or "refused"
        )
        return
    done.converted.append(conversion)
    if rows:
        done.set_aside[conversion.column.name] = rows


async def _nothing(_: psycopg.AsyncConnection) -> None:
    """Most tables have no views."""


async def _alter(
    connection: psycopg.AsyncConnection,
    change: TableChange,
    conversion: Conversion,
    *,
    beforehand: Callable[[psycopg.AsyncConnection], Awaitable[None]] = _nothing,
) -> int:
    """All of it or nothing. Returns how many values were set aside."""
    async with connection.transaction():
        await beforehand(connection)
        cursor = await connection.execute(setting_aside(change, conversion))
        await connection.execute(alteration(change, conversion))
    return cursor.rowcount


def _comments(change: TableChange, done: _Done) -> dict[str, str]:
    blocked = {
        c.column.name: kept_comment(
            c, f"because PostgreSQL refuses to change it: {done.blocked[c.column.name]}"
        )
        for c in change.converts
        if c.column.name in done.blocked
    }
    return dict(change.comments) | blocked


async def _queue_filling(connection: psycopg.AsyncConnection, change: TableChange, done: _Done) -> None:
    wanted = {
        c.name: {"kind": c.content.kind, "source": c.content.source, "type": c.type}
        for c in change.fills
        if c.content is not None and c.name not in done.blocked
    }
    if wanted:
        await connection.execute(
            query("mirror", "queue_filling"),
            {
                "adapter": change.wanted.schema,
                "table": change.wanted.name,
                "entity": change.wanted.entity,
                "columns": Jsonb(wanted),
            },
        )


def _told(change: TableChange, done: _Done) -> MirrorTableChanged | None:
    if not (change.adds or change.converts or change.keeps):
        return None
    kept = {str(c): f"it holds every {c.column.type}" for c in change.keeps}
    kept |= {str(c): done.blocked[c.column.name] for c in change.converts if c.column.name in done.blocked}
    return MirrorTableChanged(
        about=Subject(entity=change.wanted.entity),
        table=f"{change.wanted.schema}.{change.wanted.name}",
        added=tuple(c.name for c in change.adds),
        changed=tuple(map(str, done.converted)),
        kept=kept,
        set_aside=done.set_aside,
    )


async def as_stored(connection: psycopg.AsyncConnection, manifest: Manifest, entity: Entity) -> Entity:
    """The entity as its table holds it: the types of its attributes are those of their columns.

    For a program that finds that another one, of a newer manifest, gave a column another type. What does not fit that
    goes to `_extra`, like anything that does not fit.
    """
    cursor = await connection.execute(
        query("mirror", "column_types"), {"adapter": manifest.adapter, "table": table_name(entity)}
    )
    present = {name: _short(kind) for name, kind in await cursor.fetchall()}
    types = {
        c.source: _ATTRIBUTE_TYPES[present[c.name]]
        for c in columns(entity)
        if c.kind == "attribute" and present.get(c.name) in _ATTRIBUTE_TYPES
    }
    return replace(
        entity,
        attributes={
            name: _typed(attribute, types.get(name)) for name, attribute in entity.attributes.items()
        },
    )


def _typed(attribute: Attribute, kind: AttributeType | None) -> Attribute:
    """An array stays one: it lives in the same column type as any JSON."""
    if kind is None or (kind is AttributeType.JSON and attribute.type is AttributeType.ARRAY):
        return attribute
    return replace(attribute, type=kind)
