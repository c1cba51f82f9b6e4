"""Listings: the ids of all that the source has of an entity, kept while they are compared with what is stored.

A listing is opened before its first request, gets a page at a time, each in one statement with the checkpoint and
under the fencing token, like any page, and is closed with a proof or with what speaks against one. What is not listed
in a proven listing may be deleted; so its rows are counted twice, when they are written and when it is closed, and a
listing that lost some proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Literal, cast

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityName, EntityRunId, OrgId, Page, PageCounts, RunId
from openfaith.store.connection import Database
from openfaith.store.doubts import FORGOTTEN, doubts_of_parents, lost
from openfaith.store.events import insert_events
from openfaith.store.examination import Unstorable, examine
from openfaith.store.faults import REFUSED
from openfaith.store.letters import set_aside
from openfaith.store.naming import Named, tell_apart
from openfaith.store.pages import Committed, Findings, PageCommit, PartCommitted, nothing_told
from openfaith.store.queries import NumberedStatement, numbered, query
from openfaith.store.raw_records import RawRecords, storable_count
from openfaith.store.run_records import HeldEntityRun
from openfaith.store.writing import is_versioned
from openfaith.texts import storable_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A listing as it stands."""

    entity_run_id: EntityRunId
    org_id: OrgId
    adapter: str
    entity: EntityName
    started_at: datetime
    """By the source's clock."""
    permissions: str | None
    """Fingerprint of what the token could see, as its run had it when it began; None where that was not known."""
    counted: int
    """Different ids, counted as they were committed."""
    unusable: int
    """Records of which nobody knows who they are."""
    dead_letters: int
    """Records that its pages set aside; those that no program can ever store are not listed either."""
    closed_at: datetime | None
    rows: int | None
    """Different ids, counted when it was closed."""
    proven: bool
    doubts: Sequence[str]
    """Why it is not proven; empty while it is open."""
    side: str
    """`listed` or `stored`: which is being compared."""
    compared_to: str
    """The last id that was, on that side."""
    compared_at: datetime | None
    """When both sides were done."""
    missing: int
    """Listed, and not stored, as far as it was compared."""
    stale: int
    """Listed with a later stamp than is stored, or with one that may stand for two changes, likewise."""
    forgotten_at: datetime | None
    """When its rows and differences were removed, since nobody seemed to need them any more."""
    parent: EntityName | None
    """Below whose rows it was read; None for a list of its own, and for what came along with another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What came of one entity's listing. All counts are of records."""

    entity_run_id: EntityRunId
    entity: EntityName
    started_at: datetime
    closed_at: datetime | None
    compared_at: datetime | None
    listed: int
    proven: bool
    doubts: Sequence[str]
    guard: str | None
    """`allowed` or `stopped`; None where it was not asked yet."""
    guard_reason: str | None
    """Why it stopped."""
    missing: int
    """Listed, and not stored."""
    stale: int
    """Listed with a later stamp than is stored."""
    suspects: int
    """Stored, and not listed."""
    held: int
    """Suspects that wait for a person since then."""
    refuted: int
    """Suspects, of this listing or a former one, that turned out to exist."""
    deleted: int
    """Suspects that the source confirmed to be gone."""
    merged: int
    """Suspects that the source confirmed to be merged into others."""

    @property
    def confirmed(self) -> int:
        """Suspects that the source confirmed."""
        return self.deleted + self.merged


class ListingWriter:
    """Commits the pages of one entity's listing. Keeps no state of a run."""

    def __init__(self, database: Database, manifest: Manifest, entity: Entity) -> None:
        self._database = database
        self._entity = entity
        self._version = manifest.products[entity.product].version
        self._statement = listing_statement("list_page")

    async def commit(self, page: Page, place: PageCommit, findings: Findings = nothing_told) -> Committed:
        """Keep the ids of a page with its checkpoint and counts, in one transaction.

        Records that no table can hold are set aside. Where nobody knows who a record is, the listing proves nothing.

        Args:
            findings: what is stored beside what had to be set aside, to tell it.

        Raises:
            LeaseLostError: somebody else holds the entity run now, or its listing is not open, or this is not its
                next page; nothing was written.
            DatabaseUnavailableError: whether anything was written is not known. Whoever takes the entity run again
                learns it, and cannot commit the page twice.
        """
        async with self._database.connection() as connection:
            try:
                return await self._store(connection, page, place, RawRecords(page.records))
            except REFUSED:
                async with connection.transaction():
                    return await self._store_named(connection, page, place, findings)

    async def _store_named(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit, findings: Findings
    ) -> Committed:
        """The slow way, for a page with something wrong in it."""
        named = tell_apart(self._entity, page.records)
        letters = (await examine(connection, self._entity, named.unstorable)).letters
        records = await _dated(connection, named)
        committed = await self._store(
            connection, page, place, records, unusable=named.unknown, letters=letters
        )
        await set_aside(
            connection,
            letters,
            {
                "requested_at": page.requested_at,
                "entity_run_id": place.entity_run_id,
                "asked_run_id": place.entity_run_id,
                "token": place.token,
                "version": self._version,
                "parents": place.parents,
                "carriers": None,
                "include": None,
            },
        )
        events = tuple(event for part in committed.parts for event in findings(part))
        await insert_events(connection, events)
        return replace(committed, events=events)

    async def _store(
        self,
        connection: psycopg.AsyncConnection,
        page: Page,
        place: PageCommit,
        records: RawRecords,
        *,
        unusable: int = 0,
        letters: Sequence[Unstorable] = (),
    ) -> Committed:
        parameters = {
            "entity_run_id": place.entity_run_id,
            "fence": place.fence,
            "page": place.number,
            "token": place.token,
            "requests": place.requests,
            "requested_at": page.requested_at,
            "checkpoint": place.checkpoint,
            "read_below": place.read_below,
            "total_count": storable_count(page.total_count),
            "records": records,
            "unusable": unusable,
            "dead_letters": len(letters),
            "size": len(page.records),
            "type": self._entity.type,
            "versioned": is_versioned(self._entity),
        }
        cursor = psycopg.AsyncRawCursor(connection)
        await cursor.execute(self._statement.text, self._statement.arguments(parameters), prepare=True)
        row = cast("tuple[bool] | None", await cursor.fetchone())
        if row is None:
            raise LeaseLostError(place.entity_run_id, place.fence)
        part = PartCommitted(
            entity=self._entity.name,
            records=len(page.records),
            counts=PageCounts(dead_letters=len(letters)),
            misfits={},
            reasons=tuple(sorted({letter.reason for letter in letters})),
        )
        return Committed(parts=(part,), cancel_requested=row[0])


@cache
def listing_statement(name: Literal["list_page", "list_beside"]) -> NumberedStatement:
    """One of the statements that keep the ids of a page, with what they have in common."""
    ids = sql.SQL(query("listings", "ids_of_page"))
    return numbered(sql.SQL(query("listings", name)).format(ids_of_page=ids))


async def list_beside(
    connection: psycopg.AsyncConnection, entity_run_id: EntityRunId, entity: Entity, records: Sequence[bytes]
) -> None:
    """Keep the ids of records that the caller's transaction stores, or sets aside, in the listing of their entity run.

    Raises:
        LeaseLostError: the listing is not open.
    """
    statement = listing_statement("list_beside")
    parameters = {
        "listed_run_id": entity_run_id,
        "type": entity.type,
        "versioned": is_versioned(entity),
    }

    async def keep(raw: RawRecords, unusable: int = 0) -> None:
        cursor = psycopg.AsyncRawCursor(connection)
        arguments = statement.arguments(parameters | {"records": raw, "unusable": unusable})
        await cursor.execute(statement.text, arguments, prepare=True)
        if await cursor.fetchone() is None:
            raise LeaseLostError(entity_run_id, 0)

    try:
        async with connection.transaction():
            await keep(RawRecords(records))
    except REFUSED:
        named = tell_apart(entity, records)
        await keep(await _dated(connection, named), named.unknown)


async def _dated(connection: psycopg.AsyncConnection, named: Named) -> RawRecords:
    """The records of a refused page that can be listed, without what is no time to PostgreSQL."""
    cursor = await connection.execute(query("listings", "dated"), {"records": RawRecords(named.listable)})
    row = await cursor.fetchone()
    assert row is not None, "it aggregates"
    return RawRecords([row[0].encode()[1:-1]])


async def open_listing(database: Database, held: HeldEntityRun, *, started_at: datetime | None) -> None:
    """Begin the listing of an entity run, and with it those of the entities that ride on it.

    One that has a page keeps its start: a resumed listing is as old as its first page. Before that it may have been told
    by another clock, as where the source did not tell the time.

    Args:
        started_at: before its first request, by the source's clock. None where nobody is asked, as there is nobody to look
            below: then it is as old as the listing of the parents in the same run, which has shown that. Where there is
            none either it proves nothing, whenever it began.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("listings", "open_listings"),
            {
                "entity_run_id": held.entity_run_id,
                "fence": held.fence,
                "started_at": started_at,
            },
        )
        if cursor.rowcount != 1:
            raise LeaseLostError(held.entity_run_id, held.fence)


async def close_listing(
    database: Database, held: HeldEntityRun, doubts: Collection[str], *, shown: int | None = None
) -> Listing:
    """End a listing. It is proven where nothing speaks against it, and its rows are those that its pages wrote.

    One that was read below parents proves nothing unless the same run has proven these to be all there. A listing that is
    closed stays as it is.

    Args:
        doubts: what its walk has against it.
        shown: how many records that walk was shown; None where it did not count them. Where these were not as many
            different ones, some stood in two places, and so others may have stood in none.

    Raises:
        LeaseLostError: somebody else holds the entity run now, or it has no listing; nothing was written.
    """
    async with database.transaction() as connection:
        listing = await lock_listing(connection, held)
        if listing.closed_at is None:
            rows = await count_rows(connection, held.entity_run_id)
            every = [
                *map(storable_text, doubts),
                *_own_doubts(listing, rows, shown),
                *await doubts_of_parents(connection, held.entity_run_id),
            ]
            await connection.execute(
                query("listings", "close_listing"),
                {"entity_run_id": held.entity_run_id, "rows": rows, "doubts": list(dict.fromkeys(every))},
            )
            listing = await lock_listing(connection, held)
    return listing


def _own_doubts(listing: Listing, rows: int, shown: int | None) -> list[str]:
    doubts = []
    if listing.forgotten_at is not None:
        doubts.append(FORGOTTEN)
    if rows != listing.counted:
        doubts.append(lost(rows, listing.counted))
    known = rows + listing.unusable + listing.dead_letters
    if shown is not None and known < shown:
        doubts.append(f"{shown:,} records were shown, and only {known:,} different ones")
    if listing.unusable:
        doubts.append(f"{listing.unusable:,} records had no usable id")
    return doubts


async def get_listing(database: Database, entity_run_id: EntityRunId) -> Listing | None:
    """The listing of an entity run, if it was begun."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Listing))
        await cursor.execute(query("listings", "get_listing"), {"entity_run_id": entity_run_id})
        return await cursor.fetchone()


async def lock_listing(connection: psycopg.AsyncConnection, held: HeldEntityRun) -> Listing:
    """The listing, and its entity run, for this transaction only.

    Raises:
        LeaseLostError: somebody else holds the entity run now, or it has no listing.
    """
    cursor = connection.cursor(row_factory=class_row(Listing))
    await cursor.execute(
        query("listings", "lock_listing"), {"entity_run_id": held.entity_run_id, "fence": held.fence}
    )
    listing = await cursor.fetchone()
    if listing is None:
        raise LeaseLostError(held.entity_run_id, held.fence)
    return listing


async def count_rows(connection: psycopg.AsyncConnection, entity_run_id: EntityRunId) -> int:
    """How many ids a listing has now."""
    cursor = await connection.execute(query("listings", "count_rows"), {"entity_run_id": entity_run_id})
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def list_reconciliations(database: Database, run_id: RunId) -> list[Reconciliation]:
    """What came of each entity's listing in a run, in the order of its plan. Outlives the rows themselves."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Reconciliation))
        await cursor.execute(query("listings", "list_reconciliations"), {"run_id": run_id})
        return await cursor.fetchall()


async def forget_old_listings(database: Database) -> None:
    """Bound what grows with reconciliations: rows and differences of listings that are over, and old tombstones.

    Those of a completed entity run go at once, others after a week. What came of a listing stays. A run that is retried
    after that goes on with what is left of it, and proves nothing by it.
    """
    while await _forget_next(database):
        pass
    for name in ("prune_confirmed", "prune_removals"):
        async with database.connection() as connection:
            await connection.execute(query("listings", name))


async def _forget_next(database: Database) -> bool:
    """One listing, in one transaction: whoever sees that it is forgotten sees none of it, and whoever does not, all."""
    async with database.transaction() as connection:
        forgotten = await (await connection.execute(query("listings", "forget_next"))).fetchone()
        if forgotten is None:
            return False
        for name in ("forget_rows", "forget_differences"):
            await connection.execute(query("listings", name), {"entity_run_id": forgotten[0]})
    return True
