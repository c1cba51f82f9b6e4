"""The canonical model in the database: the views of `canonical_views`, installed.

The views are made over the mirror tables of every entity that a mapping uses. These exist from the moment an engine has
opened a database, synced or not, so a view of something that nobody has synced yet is there and empty, and nothing
has to be made again when the first page arrives.

Programs of two releases may start by turns. Every form of the model that was installed is remembered, and the newest
has its way: a program that finds its own form there, and a newer one, leaves the views alone. What somebody else built
on a view stops nobody: where the view would have to be dropped, it keeps the form it has, and that is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from openfaith.errors import DatabaseRefusedError
from openfaith.manifest import CanonicalMapping, Manifest
from openfaith.store.canonical_values import MirrorTypes
from openfaith.store.canonical_views import (
    SCHEMA,
    View,
    canonical_views,
    is_survivor_view,
    merge_indexes,
    outdated,
)
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.mirror import fingerprint as mirror_fingerprint
from openfaith.store.mirror import wanted_tables
from openfaith.store.queries import query
from openfaith.telemetry import CanonicalViewKept, log_event

_LOCK = 0x6F70656E66616963
"""The advisory lock's number: the letters `openfaic`."""

_REMEDY = "drop what was built on it, start openfaith again, then make it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Model:
    """The views that this program wants over the mirror tables as they are."""

    manifest: Manifest
    mapping: CanonicalMapping
    types: MirrorTypes
    views: tuple[View, ...]

    @property
    def form(self) -> str:
        """What the program wants, whatever the mirror tables are like. Another manifest is another form."""
        plain = fingerprint(canonical_views(self.manifest, self.mapping, {}))
        tables = mirror_fingerprint(wanted_tables(self.manifest))
        return hashlib.sha256(f"{plain} {tables}".encode()).hexdigest()

    def beside(self, kept: Mapping[str, Collection[str]]) -> tuple[View, ...]:
        """The views that can be made beside those that keep their form. Of these: the references they have."""
        views = canonical_views(self.manifest, self.mapping, self.types, kept=kept)
        return tuple(view for view in views if view.name not in kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Standing:
    """How the model in the database stands to the one that is wanted."""

    is_known: bool
    """This very form was installed before."""
    is_newest: bool
    """And no other one since."""
    is_intact: bool
    """The views were last made as they are wanted, and are all there, but for those in `kept`."""
    kept: dict[str, str]
    """Views that kept an older form, or should be gone, and what rests on them."""
    is_freed: bool
    """Nothing rests on one of these any more."""

    def asks_for_work(self, *, insist: bool) -> bool:
        if self.is_known and not self.is_newest:
            return insist
        return not (self.is_newest and self.is_intact) or self.is_freed or (insist and bool(self.kept))


class _Present(NamedTuple):
    """What the catalog has in the schema."""

    views: dict[str, list[tuple[str, str]]]
    """The columns of each view: name, type."""
    others: set[str]
    """Tables and the like."""


async def install_canonical_model(
    database: Database, manifest: Manifest, mapping: CanonicalMapping, *, insist: bool = False
) -> tuple[str, ...]:
    """Make the views of a mapping, or bring them up to date. Safe in several processes at once.

    All or nothing: whoever reads meanwhile sees the old views or the new ones. What is already as it should be costs
    three small queries and no lock. A view keeps its grants, and the views that others built on it, for as long as it
    only gets more columns; one that loses or changes some is dropped and made again. Where that cannot be, because
    something of somebody else's rests on it, it keeps its old form, which a warning tells at every start.

    Args:
        database: with the mirror tables of this manifest: call it after `ensure_mirror_tables`.
        manifest: of the adapter.
        mapping: the same adapter's, loaded against this manifest.
        insist: a person asks for this very model. Without it a form that was installed before another one is taken
            for an older program's, and changes nothing.

    Returns:
        The names of all views, in the order in which they are made; none when there was nothing to do.

    Raises:
        DatabaseRefusedError: a table of somebody else's has a view's name, or the role may not create the schema.
            With `insist` also: something of somebody else's rests on a view that must be dropped.
    """
    async with database.connection() as connection:
        _, standing = await _look(connection, manifest, mapping)
        if not standing.asks_for_work(insist=insist):
            return _left(standing)
        async with connection.transaction():
            await connection.execute(query("canonical", "lock"), {"lock": _LOCK})
            model, standing = await _look(connection, manifest, mapping)
            if not standing.asks_for_work(insist=insist):
                return _left(standing)
            await connection.execute(
                query("canonical", "note_form"), {"adapter": mapping.adapter, "form": model.form}
            )
            if standing.is_intact and not standing.kept:
                return ()
            kept = await _install(database, connection, model, insist=insist)
    _tell(kept)
    return tuple(view.name for view in model.views)


def _left(standing: _Standing) -> tuple[str, ...]:
    if standing.is_newest:
        _tell(standing.kept)
    return ()


def _tell(kept: Mapping[str, str]) -> None:
    for event in _events(kept):
        log_event(event)


def _events(kept: Mapping[str, str]) -> list[CanonicalViewKept]:
    return [
        CanonicalViewKept(view=f"{SCHEMA}.{name}", because=why, remedy=_REMEDY) for name, why in kept.items()
    ]


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


async def _look(
    connection: psycopg.AsyncConnection, manifest: Manifest, mapping: CanonicalMapping
) -> tuple[_Model, _Standing]:
    types: dict[str, dict[str, str]] = {}
    cursor = await connection.execute(query("canonical", "mirror_types"), {"adapter": manifest.adapter})
    for name, column, kind in await cursor.fetchall():
        types.setdefault(name, {})[column] = kind
    views = canonical_views(manifest, mapping, types)
    model = _Model(manifest=manifest, mapping=mapping, types=types, views=views)
    wanted = {"adapter": mapping.adapter, "form": model.form, "fingerprint": fingerprint(views)}
    standing = "standing" if await _is_installed(connection) else "standing_of_nothing"
    async with connection.cursor(row_factory=class_row(_Standing)) as found:
        await found.execute(query("canonical", standing), wanted)
        row = await found.fetchone()
    assert row is not None, "the query has one row"
    return model, row


async def _is_installed(connection: psycopg.AsyncConnection) -> bool:
    found = await (await connection.execute(query("canonical", "is_there"))).fetchone()
    return found == (True,)


async def _install(
    database: Database, connection: psycopg.AsyncConnection, model: _Model, *, insist: bool
) -> dict[str, str]:
    """Returns the views that keep their form, and what rests on them."""
    adapter = model.mapping.adapter
    await connection.execute(query("canonical", "foundation"))
    rows = await connection.execute(query("canonical", "former_views"), {"adapter": adapter})
    former = [name for (name,) in await rows.fetchall()]
    present = await _present(connection)
    _refuse_others(database, model.views, present)
    kept = await _make_room(connection, model.views, former, present)
    if insist:
        _refuse_kept(database, kept)
    views = model.beside({name: _texts(present.views[name]) for name in kept})
    await _execute(
        connection,
        (*merge_indexes(model.manifest, model.mapping), *(s for view in views for s in view.statements())),
    )
    await connection.execute(
        query("canonical", "note"),
        {
            "adapter": adapter,
            "fingerprint": fingerprint(model.views),
            "views": _in_order(model.views, kept),
            "kept": Jsonb(kept),
        },
    )
    await insert_events(connection, _events(kept))
    return kept


def _refuse_others(database: Database, views: Sequence[View], present: _Present) -> None:
    for view in views:
        if view.name in present.others:
            raise DatabaseRefusedError(
                database.name,
                f"{SCHEMA}.{view.name} is there and is no view",
                "the schema belongs to openfaith: move what else is in it to another one",
            )


def _refuse_kept(database: Database, kept: Mapping[str, str]) -> None:
    for name, why in kept.items():
        raise DatabaseRefusedError(database.name, f"{SCHEMA}.{name} must be made anew, but: {why}", _REMEDY)


def _texts(columns: Iterable[tuple[str, str]]) -> set[str]:
    return {name for name, kind in columns if kind == "text"}


def _in_order(views: Sequence[View], kept: Iterable[str]) -> list[str]:
    """All that are there now, each after those it needs."""
    names = [view.name for view in views]
    gone = [name for name in kept if name not in names]
    survivors = [name for name in gone if is_survivor_view(name)]
    return [*survivors, *names, *(name for name in gone if name not in survivors)]


async def _present(connection: psycopg.AsyncConnection) -> _Present:
    present = _Present(views={}, others=set())
    cursor = await connection.execute(query("canonical", "present_columns"))
    for name, relation_kind, column, kind in await cursor.fetchall():
        if relation_kind == "v":
            present.views.setdefault(name, []).append((column, kind))
        else:
            present.others.add(name)
    return present


async def _make_room(
    connection: psycopg.AsyncConnection, views: Sequence[View], former: Sequence[str], present: _Present
) -> dict[str, str]:
    """Drop what cannot be replaced. Returns what must stay as it is, and what rests on it."""
    outgoing = outdated(views, former, present.views)
    if outgoing:
        await _execute(connection, (v.emptied() for v in views if v.name == "edge" and _fits(v, present)))
    kept: dict[str, str] = {}
    fitting = {view.name for view in views if _fits(view, present)}
    for name in outgoing:
        try:
            async with connection.transaction():
                await connection.execute(_drop(name))
        except pg.DependentObjectsStillExist as exc:
            if name not in fitting:
                kept[name] = "; ".join((exc.diag.message_detail or "something rests on it").splitlines())
    return kept


def _fits(view: View, present: _Present) -> bool:
    """Whether it is there, and can be replaced where it stands."""
    return view.name in present.views and view.can_replace(present.views[view.name])


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
