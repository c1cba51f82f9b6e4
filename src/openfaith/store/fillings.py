"""Filling columns that a mirror table got later with what `_extra` kept for them, so that no request is spent on it.

A table is gone through by ranges of its key, each in a short transaction that also says how far it came. Whoever is
killed loses one range at most, two processes work at two tables, and a page never waits longer than a range takes:
where both want a row, the filling gives way.

A table is gone through twice, the second time a day later. Programs that do not know the columns yet may still be
writing while the first pass goes by; by then they are gone. What `_extra` holds beside a column that has a value came
from such a program, and is the newer of the two.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from openfaith.records import EntityName
from openfaith.store.connection import Database
from openfaith.store.conversions import comes_back
from openfaith.store.events import insert_events
from openfaith.store.queries import query
from openfaith.telemetry import MirrorTableFilled, Subject, log_event

KEYS_IN_RANGE = 2_000
"""Rows that one transaction looks at: tens of milliseconds."""

AGAIN_AFTER = timedelta(days=1)

_LOCK_TIMEOUT = "200ms"
"""Less than PostgreSQL waits before it looks for a deadlock (1 s), so that it is never a page that is given up."""

_PAUSE_SECONDS = 0.5

_Key = tuple[str, str]


class _Content(TypedDict):
    """What a column holds, as it was queued."""

    kind: str
    source: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Filling:
    """A table whose columns are being filled."""

    adapter: str
    table_name: str
    entity: EntityName
    columns: Mapping[str, _Content]
    passes_left: int
    after_org_id: str | None
    after_id: str | None
    moved: int
    """Values, in this pass."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """Values that do not fit, in this pass, by attribute or relationship."""

    @property
    def table(self) -> sql.Identifier:
        return sql.Identifier(self.adapter, self.table_name)

    @property
    def after(self) -> _Key | None:
        if self.after_org_id is None or self.after_id is None:
            return None
        return self.after_org_id, self.after_id

    @property
    def place(self) -> dict[str, object]:
        """What the queue's statements know it by."""
        return {"adapter": self.adapter, "table": self.table_name}


async def fill_mirror_tables(database: Database, *, keys_in_range: int = KEYS_IN_RANGE) -> None:
    """Fill whatever is due and nobody else is at. Cancelling it costs the range it is at."""
    while True:
        try:
            if not await _fill_range(database, keys_in_range):
                return
        except _GaveWayError:
            await asyncio.sleep(_PAUSE_SECONDS)


class _GaveWayError(Exception):
    """Somebody else wanted the same rows. Never leaves this module."""


async def _fill_range(database: Database, keys_in_range: int) -> bool:
    """One range of one table. False where there is nothing to do."""
    async with database.connection() as connection:
        try:
            async with connection.transaction():
                await connection.execute(
                    sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT))
                )
                filling = await _take(connection)
                event = None if filling is None else await _fill(connection, filling, keys_in_range)
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            raise _GaveWayError from None
    if event is not None:
        log_event(event)
    return filling is not None


async def _take(connection: psycopg.AsyncConnection) -> Filling | None:
    cursor = connection.cursor(row_factory=class_row(Filling))
    await cursor.execute(query("mirror", "take_filling"))
    return await cursor.fetchone()


async def _fill(
    connection: psycopg.AsyncConnection, filling: Filling, keys_in_range: int
) -> MirrorTableFilled | None:
    """Fill the next range; with the last one the pass ends, of which the event tells."""
    try:
        async with connection.transaction():
            end = await _end_of_range(connection, filling, keys_in_range)
            moved, kept = await _move(connection, filling, end)
    except (pg.UndefinedTable, pg.UndefinedColumn):
        # Somebody dropped it meanwhile. Whoever makes it again puts it down again.
        await connection.execute(query("mirror", "end_filling"), filling.place)
        return None
    moved += filling.moved
    kept = dict(Counter(filling.kept) + Counter(kept))
    if end is None:
        return await _end_pass(connection, filling, moved, kept)
    await connection.execute(
        query("mirror", "advance_filling"),
        filling.place | {"org_id": end[0], "id": end[1], "moved": moved, "kept": Jsonb(kept)},
    )
    return None


async def _end_pass(
    connection: psycopg.AsyncConnection, filling: Filling, moved: int, kept: dict[str, int]
) -> MirrorTableFilled | None:
    is_last = filling.passes_left == 1
    await connection.execute(
        query("mirror", "end_filling" if is_last else "repeat_filling"),
        filling.place | {"after": AGAIN_AFTER},
    )
    if not moved and (is_last or not kept):
        return None
    event = MirrorTableFilled(
        about=Subject(entity=filling.entity),
        table=f"{filling.adapter}.{filling.table_name}",
        columns=tuple(filling.columns),
        moved=moved,
        kept=kept,
    )
    await insert_events(connection, [event])
    return event


async def _end_of_range(
    connection: psycopg.AsyncConnection, filling: Filling, keys_in_range: int
) -> _Key | None:
    """The last key of the range; None where it reaches to the end of the table."""
    cursor = await connection.execute(
        sql.SQL("SELECT org_id, id FROM {} WHERE {} ORDER BY org_id, id OFFSET {} LIMIT 1").format(
            filling.table, _within(filling.after, None), sql.Literal(keys_in_range - 1)
        )
    )
    found = await cursor.fetchone()
    return None if found is None else (found[0], found[1])


def _within(after: _Key | None, end: _Key | None) -> sql.Composable:
    """The condition of a range: from behind one key up to another."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    if after is not None:
        parts.append(sql.SQL("(org_id, id) > ({}, {})").format(*map(sql.Literal, after)))
    if end is not None:
        parts.append(sql.SQL("(org_id, id) <= ({}, {})").format(*map(sql.Literal, end)))
    return sql.SQL(" AND ").join(parts)


async def _move(
    connection: psycopg.AsyncConnection, filling: Filling, end: _Key | None
) -> tuple[int, dict[str, int]]:
    """Move what fits. Returns how many values that were, and how many of which source stay."""
    within, moved, kept = _within(filling.after, end), 0, {}
    for part in _parts(filling):
        cursor = await connection.execute(part.moving(filling.table, within))
        moved += cursor.rowcount
        found = await (await connection.execute(part.counting(filling.table, within))).fetchone()
        if found is not None and found[0]:
            kept[part.source] = found[0]
    return moved, kept


@dataclass(frozen=True, kw_only=True, slots=True)
class _AttributePart:
    """One attribute that has a column now."""

    column: str
    source: str
    kind: str

    def moving(self, table: sql.Identifier, within: sql.Composable) -> sql.Composed:
        source, kind = sql.Literal(self.source), sql.SQL(self.kind)
        text = sql.SQL("(_extra ->> {})").format(source)
        value = sql.SQL("NULLIF(_extra -> {}, 'null')").format(source)
        return sql.SQL(
            "UPDATE {table} SET {column} = {value}, _extra = NULLIF(_extra - {source}::text, '{{}}')"
            " WHERE {within} AND _extra ? {source} AND ({text} IS NULL OR {fits})"
        ).format(
            table=table,
            column=sql.Identifier(self.column),
            value=value if self.kind == "jsonb" else sql.SQL("{}::{}").format(text, kind),
            source=source,
            within=within,
            text=text,
            fits=comes_back(text, self.kind),
        )

    def counting(self, table: sql.Identifier, within: sql.Composable) -> sql.Composed:
        return sql.SQL("SELECT count(*) FROM {} WHERE {} AND _extra ? {}").format(
            table, within, sql.Literal(self.source)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _RelationshipPart:
    """One to-one relationship that has a column now, or two."""

    columns: Mapping[str, str]
    """By name: the member of the reference that it holds, `id` or `type`."""
    source: str

    def moving(self, table: sql.Identifier, within: sql.Composable) -> sql.Composed:
        return sql.SQL(
            "UPDATE {table} SET {values}, _extra = NULLIF(CASE"
            " WHEN (_extra -> 'relationships') - {source}::text = '{{}}' THEN _extra - 'relationships'"
            " ELSE _extra #- {path} END, '{{}}')"
            " WHERE {within} AND _extra -> 'relationships' ? {source} AND openfaith.is_id(_extra #>> {id})"
        ).format(
            table=table,
            values=sql.SQL(", ").join(
                sql.SQL("{} = _extra #>> {}").format(sql.Identifier(name), self._path(member))
                for name, member in self.columns.items()
            ),
            source=sql.Literal(self.source),
            path=self._path(),
            within=within,
            id=self._path("id"),
        )

    def counting(self, table: sql.Identifier, within: sql.Composable) -> sql.Composed:
        return sql.SQL("SELECT count(*) FROM {} WHERE {} AND _extra -> 'relationships' ? {}").format(
            table, within, sql.Literal(self.source)
        )

    def _path(self, *members: str) -> sql.Literal:
        return sql.Literal(["relationships", self.source, *members])


def _parts(filling: Filling) -> Iterator[_AttributePart | _RelationshipPart]:
    """What is to be moved. A relationship whose id has a column already has nothing in `_extra`."""
    references: dict[str, dict[str, str]] = {}
    for name, content in filling.columns.items():
        if content["kind"] == "attribute":
            yield _AttributePart(column=name, source=content["source"], kind=content["type"])
        else:
            member = "id" if content["kind"] == "relationship_id" else "type"
            references.setdefault(content["source"], {})[name] = member
    for source, columns in references.items():
        if "id" in columns.values():
            yield _RelationshipPart(columns=columns, source=source)
