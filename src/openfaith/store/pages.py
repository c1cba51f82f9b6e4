"""Committing a page: the fast way in one statement, the slow way for pages with something wrong in them.

The fast way hands the page to PostgreSQL as it came: to a statement that looks at no value where all its records are
plain (`plain_records`), else to one that looks. When PostgreSQL refuses it, nothing was written, and the
page is examined record by record: values that do not fit their columns move to `_extra`, records that
cannot be stored become dead letters, a record that stands twice counts once, and the rest is committed with
its checkpoint by the statement that looks.

What rode on the page, the records of other entities that it brought along, is stored by the same statement where that
can be, else in the page's own transaction, each entity's by a statement of its own; and it goes the slow way in the same
manner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import cast

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.types.numeric import Int8

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityName, EntityRunId, Page, PageCounts
from openfaith.store.blind_changes import BlindChanges, Rows
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.evolution import as_stored
from openfaith.store.examination import Examined, Unstorable, examine, refusal
from openfaith.store.faults import REFUSED
from openfaith.store.letters import set_aside
from openfaith.store.plain_records import PlainRecords, PlainRows
from openfaith.store.queries import NumberedStatement, numbered
from openfaith.store.raw_records import RawRecords, storable_count
from openfaith.store.upserts import page_statement, rider_statement
from openfaith.store.writing import has_owner
from openfaith.telemetry import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class PageCommit:
    """Where a page belongs: the lease it is written under, and the checkpoint that goes with it."""

    entity_run_id: EntityRunId
    fence: int
    number: int
    """Of the page within the entity run, from 1, without gaps."""
    token: str
    """The page token it was asked for by, for the ledger."""
    checkpoint: str
    """The walk's state after this page, as JSON."""
    requests: int
    """How many requests it took, retries included."""
    parents: str | None = None
    """The ids of the path it was asked by, as JSON by placeholder; None for a list of its own."""
    read_below: str | None = None
    """The parent that is done with this page, if it is: it is no longer one that was left behind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartCommitted:
    """What a commit did to one entity's table."""

    entity: EntityName
    records: int
    counts: PageCounts
    misfits: dict[str, int]
    """How many values of which attribute or relationship went to `_extra` because they did not fit."""
    reasons: tuple[str, ...]
    """Why records were set aside, each reason once."""
    blind_changes: int = 0
    """Rows that say something else under the same stamp now; counted where the writer was told to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """What a commit did."""

    parts: tuple[PartCommitted, ...]
    """The page's own records first, then what rode on it."""
    cancel_requested: bool
    """True where the run was cancelled meanwhile: this was its last page."""
    events: tuple[Event, ...] = ()
    """What was stored with it, of what had to be set aside."""

    @property
    def counts(self) -> PageCounts:
        """Of the page's own records."""
        return self.parts[0].counts


@dataclass(kw_only=True)
class _Table:
    """One entity's side of the writer."""

    entity: Entity
    version: str
    """Of its product's API, by the manifest."""
    include: str | None = None
    """By which it rides; None for the page's own."""
    suffix: str = ""
    """By which its parameters differ from those of the page that is stored by the same statement."""
    plain: PlainRecords
    compose: Callable[[], sql.Composed]
    """Its statement by itself."""

    @cached_property
    def statement(self) -> NumberedStatement:
        return numbered(self.compose())


@dataclass(frozen=True, slots=True)
class _Part:
    """Records of one page that go to one table."""

    table: _Table
    records: Sequence[bytes]
    entity_run_id: EntityRunId
    """Whose dead letters they may become."""
    parameters: Mapping[str, object]


_Stored = tuple[PartCommitted, bool]
"""What was done, and whether the run was cancelled meanwhile."""

Findings = Callable[[PartCommitted], Iterable[Event]]
"""What there is to tell of a part of which something had to be set aside."""


Beside = Callable[[psycopg.AsyncConnection, EntityRunId, Entity, Sequence[bytes]], Awaitable[None]]
"""What else is to be kept of the records of an entity run."""


def nothing_told(_part: PartCommitted) -> Iterable[Event]:
    """For whom nobody needs to hear of it."""
    return ()


_UNEXAMINED = Examined(records={}, letters=())
"""Of a page that went the fast way: nothing was found."""


class PageWriter:
    """Commits the pages of one entity. Composes each statement once, when it is needed; keeps no state of a run."""

    def __init__(
        self,
        database: Database,
        manifest: Manifest,
        entity: Entity,
        riders: Sequence[tuple[Entity, str]] = (),
        beside: Beside | None = None,
        *,
        blind: BlindChanges | None = None,
    ) -> None:
        """Make the writer of one entity's pages.

        Args:
            riders: the entities that come along, each with its include.
            beside: is called with the records of each part, once they are stored, in their transaction.
            blind: counts the changes that moved no stamp.
        """
        self._database = database
        self._beside = beside
        self._blind = blind
        self._manifest = manifest
        self._nothing_beside = beside is None and blind is None
        self._includes = [include for _, include in riders]
        self._compose(entity, [rider for rider, _ in riders])

    def _compose(self, entity: Entity, riders: Sequence[Entity]) -> None:
        """Say how the statements are made, for these forms of the tables."""
        manifest, includes = self._manifest, self._includes
        versions = {name: product.version for name, product in manifest.products.items()}
        self._own = _Table(
            entity=entity,
            version=versions[entity.product],
            plain=PlainRecords(entity, includes),
            compose=partial(page_statement, manifest, entity, includes),
        )
        self._riders = [
            _Table(
                entity=rider,
                version=versions[rider.product],
                include=include,
                suffix=f"_{number}",
                plain=PlainRecords(rider, rides=True),
                compose=partial(rider_statement, manifest, rider, entity, include),
            )
            for number, (rider, include) in enumerate(zip(riders, includes, strict=True), start=1)
        ]
        self._at_once = [] if any(map(has_owner, riders)) else self._riders
        """The riders that the page's own statement can store with it: all or none."""
        self._statements: dict[bool, NumberedStatement] = {}
        """What stores a page and those, by whether all of it is plain."""

    def _statement(self, *, plain: bool) -> NumberedStatement:
        if plain not in self._statements:
            riders = [table.entity for table in self._at_once]
            statement = page_statement(self._manifest, self._own.entity, self._includes, riders, plain=plain)
            self._statements[plain] = numbered(statement)
        return self._statements[plain]

    async def commit(
        self,
        page: Page,
        place: PageCommit,
        riders: Mapping[EntityName, EntityRunId] | None = None,
        findings: Findings = nothing_told,
    ) -> Committed:
        """Store a page with its checkpoint and counts, and what rode on it, in one transaction.

        Args:
            riders: the entity runs of those that come along.
            findings: what is stored beside what had to be set aside, to tell it.

        Raises:
            LeaseLostError: somebody else holds the entity run now, or it is settled, or this is not its next page;
                nothing was written.
            DatabaseUnavailableError: whether anything was written is not known. Whoever takes the entity run again
                learns it, and cannot commit the page twice.
        """
        async with self._database.connection() as connection:
            parts = self._parts(page, place, riders or {})
            try:
                return await self._commit(connection, place, parts, findings)
            except pg.DatatypeMismatch:
                # A program of another manifest gave a column another type meanwhile. Nothing was written.
                await self._follow_tables(connection)
                parts = self._parts(page, place, riders or {})
                return await self._commit(connection, place, parts, findings)

    def _parts(
        self, page: Page, place: PageCommit, riders: Mapping[EntityName, EntityRunId]
    ) -> tuple[_Part, ...]:
        shared = {
            "entity_run_id": place.entity_run_id,
            "fence": place.fence,
            "requested_at": page.requested_at,
            "page": place.number,
        }
        own = {
            "token": place.token,
            "requests": place.requests,
            "checkpoint": place.checkpoint,
            "parents": place.parents,
            "read_below": place.read_below,
            "total_count": storable_count(page.total_count),
        }
        carried = {"carriers": RawRecords(page.records)}
        return (
            _Part(self._own, page.records, place.entity_run_id, shared | own),
            *(
                _Part(rider, records, run_id, shared | carried | {"rider_run_id": run_id})
                for rider in self._riders
                if (records := page.included.get(rider.entity.type))
                and (run_id := riders.get(rider.entity.name)) is not None
            ),
        )

    async def _follow_tables(self, connection: psycopg.AsyncConnection) -> None:
        tables = [self._own, *self._riders]
        own, *riders = [await as_stored(connection, self._manifest, table.entity) for table in tables]
        self._compose(own, riders)

    async def _commit(
        self,
        connection: psycopg.AsyncConnection,
        place: PageCommit,
        parts: Sequence[_Part],
        findings: Findings,
    ) -> Committed:
        try:
            if self._nothing_beside and (len(parts) == 1 or self._at_once):
                with suppress(pg.SerializationFailure):  # it would write over what it could not see yet
                    return await self._store_at_once(connection, place, parts)
            # One after the other, and not as a pipeline: in the middle of one, the server waits for a frozen process
            # for ever, and with it for the row that whoever takes the work over needs.
            async with connection.transaction():
                before = await self._look(connection, parts)
                stored = [await _store(connection, place, part) for part in parts]
                await self._keep_beside(connection, parts)
                return _committed(await self._count_blind(connection, parts, before, stored))
        except REFUSED:
            # With the events, so that no crash can part them from what they tell of.
            async with connection.transaction():
                before = await self._look(connection, parts)
                stored = await _store_all_examined(connection, place, parts)
                await self._keep_beside(connection, parts)
                committed = _committed(await self._count_blind(connection, parts, before, stored))
                events = tuple(event for part in committed.parts for event in findings(part))
                await insert_events(connection, events)
            return replace(committed, events=events)

    async def _store_at_once(
        self,
        connection: psycopg.AsyncConnection,
        place: PageCommit,
        parts: Sequence[_Part],
    ) -> Committed:
        """Store all parts by one statement: by the one that looks at no value, where they are plain.

        Raises:
            LeaseLostError: the page is not ours to commit.
            SerializationFailure: what came of the riders rests on stored rows that are newer by now; nothing was written.
        """
        own, *riders = parts
        ridden = {part.table.entity.name: part for part in riders}
        tables = [self._own, *self._at_once]
        brought = [own, *(ridden.get(table.entity.name) for table in self._at_once)]
        parameters: dict[str, object] = {**own.parameters, **_counted_as_it_came(own)}
        for table, part in zip(self._at_once, brought[1:], strict=True):
            parameters |= {
                # Always of one type: for every other one the statement would be prepared anew.
                f"rider_run_id{table.suffix}": Int8(0 if part is None else part.entity_run_id),
                f"size{table.suffix}": Int8(0 if part is None else len(part.records)),
            }
        records = [() if part is None else part.records for part in brought]
        plain = _plain_rows(tables, records)
        sent: Sequence[RawRecords | PlainRows] = plain or [RawRecords(came) for came in records]
        for table, rows in zip(tables, sent, strict=True):
            parameters |= rows.parameters(table.suffix)
        statement = self._statement(plain=plain is not None)
        cancelled, *counts = await _execute(connection, place, statement, parameters)
        done = {
            table.entity.name: pair
            for table, pair in zip(tables, zip(counts[::2], counts[1::2], strict=True), strict=True)
        }
        return Committed(
            parts=tuple(_part_committed(part, _UNEXAMINED, *done[part.table.entity.name]) for part in parts),
            cancel_requested=cancelled,
        )

    async def _keep_beside(self, connection: psycopg.AsyncConnection, parts: Sequence[_Part]) -> None:
        if self._beside is not None:
            for part in parts:
                await self._beside(connection, part.entity_run_id, part.table.entity, part.records)

    async def _look(self, connection: psycopg.AsyncConnection, parts: Sequence[_Part]) -> list[Rows]:
        """What is stored of each part, where blind changes are counted."""
        if self._blind is None:
            return []
        return [
            await self._blind.look(connection, part.entity_run_id, part.table.entity, part.records)
            for part in parts
        ]

    async def _count_blind(
        self,
        connection: psycopg.AsyncConnection,
        parts: Sequence[_Part],
        before: Sequence[Rows],
        stored: Sequence[_Stored],
    ) -> list[_Stored]:
        if self._blind is None:
            return [*stored]
        counted: list[_Stored] = []
        for part, rows, (done, cancelled) in zip(parts, before, stored, strict=True):
            # What was not written has not changed.
            changed = done.counts.updated and await self._blind.count(
                connection, part.entity_run_id, part.table.entity, rows
            )
            counted.append((replace(done, blind_changes=changed), cancelled))
        return counted


async def _store(
    connection: psycopg.AsyncConnection, place: PageCommit, part: _Part, examined: Examined = _UNEXAMINED
) -> _Stored:
    """Run the part's statement.

    Raises:
        LeaseLostError: the page is not ours to commit.
    """
    parameters = {
        **part.parameters,
        **_counted_as_it_came(part),
        **RawRecords(part.records).parameters(),
    }
    if examined is not _UNEXAMINED:
        cleaned = RawRecords([record.body for record in examined.records.values()])
        parameters |= {
            **cleaned.parameters(),
            "misfits": examined.misfits,
            "dead_letters": len(examined.letters),
        }
    cancelled, *counts = await _execute(connection, place, part.table.statement, parameters)
    inserted, updated = counts
    return _part_committed(part, examined, inserted, updated), cancelled


def _plain_rows(tables: Sequence[_Table], records: Sequence[Sequence[bytes]]) -> list[PlainRows] | None:
    """The records of a page for each of these tables; None unless all of them are plain."""
    found: list[PlainRows] = []
    for table, own in zip(tables, records, strict=True):
        rows = table.plain.read(own)
        if rows is None:
            return None
        found.append(rows)
    return found


def _counted_as_it_came(part: _Part) -> dict[str, object]:
    """What a statement is told about records of which nothing was found that has to be set aside."""
    return {"misfits": None, "size": len(part.records), "dead_letters": 0}


async def _execute(
    connection: psycopg.AsyncConnection,
    place: PageCommit,
    statement: NumberedStatement,
    parameters: Mapping[str, object],
) -> tuple[bool, *tuple[int, ...]]:
    """Run one of the page statements. Returns its row.

    Raises:
        LeaseLostError: the page is not ours to commit.
    """
    cursor = psycopg.AsyncRawCursor(connection)
    await cursor.execute(statement.text, statement.arguments(parameters), prepare=True)
    row = cast("tuple[bool, *tuple[int, ...]] | None", await cursor.fetchone())
    if row is None:
        raise LeaseLostError(place.entity_run_id, place.fence)
    return row


async def _store_all_examined(
    connection: psycopg.AsyncConnection, place: PageCommit, parts: Sequence[_Part]
) -> list[_Stored]:
    """The slow way, for the page and what rode on it. Whose that is, only the page's good records can say."""
    own, *riders = parts
    stored, examined = await _store_examined(connection, place, own)
    carriers = RawRecords([record.body for record in examined.records.values()])
    all_stored = [stored]
    for rider in riders:
        part = replace(rider, parameters={**rider.parameters, "carriers": carriers})
        all_stored.append((await _store_examined(connection, place, part))[0])
    return all_stored


async def _store_examined(
    connection: psycopg.AsyncConnection, place: PageCommit, part: _Part
) -> tuple[_Stored, Examined]:
    """The slow way for one entity: the good records, and the dead letters."""
    examined = await examine(connection, part.table.entity, part.records)
    try:
        async with connection.transaction():
            stored = await _store(connection, place, part, examined)
    except REFUSED:
        # The examination knows every fault but the strangest, which show only when one tries.
        examined = examined.without(await _refusals(connection, place, part, examined))
        stored = await _store(connection, place, part, examined)
    await _set_aside(connection, place, part, examined.letters)
    return stored, examined


async def _refusals(
    connection: psycopg.AsyncConnection, place: PageCommit, part: _Part, examined: Examined
) -> dict[str, str]:
    """Why PostgreSQL refuses single records, by id. Leaves nothing behind."""
    refusals: dict[str, str] = {}
    for key, record in examined.records.items():
        alone = Examined(records={key: record}, letters=())
        try:
            async with connection.transaction(force_rollback=True):
                await _store(connection, place, part, alone)
        except REFUSED as exc:
            refusals[key] = refusal(exc)
    return refusals


def _committed(stored: Sequence[_Stored]) -> Committed:
    return Committed(
        parts=tuple(part for part, _ in stored), cancel_requested=any(cancelled for _, cancelled in stored)
    )


def _part_committed(part: _Part, examined: Examined, inserted: int, updated: int) -> PartCommitted:
    dead = len(examined.letters)
    return PartCommitted(
        entity=part.table.entity.name,
        records=len(part.records),
        counts=PageCounts(
            inserted=inserted,
            updated=updated,
            unchanged=len(part.records) - dead - inserted - updated,
            dead_letters=dead,
        ),
        misfits={} if examined is _UNEXAMINED else examined.count_misfits(),
        reasons=tuple(sorted({letter.reason for letter in examined.letters})),
    )


async def _set_aside(
    connection: psycopg.AsyncConnection, place: PageCommit, part: _Part, letters: Sequence[Unstorable]
) -> None:
    """Keep what cannot be stored, with all that a replay needs beside its body."""
    await set_aside(
        connection,
        letters,
        {
            "requested_at": part.parameters["requested_at"],
            "entity_run_id": part.entity_run_id,
            "asked_run_id": place.entity_run_id,
            "token": place.token,
            "version": part.table.version,
            "parents": part.parameters.get("parents"),
            "carriers": part.parameters.get("carriers"),
            "include": part.table.include,
        },
    )
