"""Committing a page: the fast way in one statement, the slow way for pages with something wrong in them.

The fast way hands the page to PostgreSQL unread. When PostgreSQL refuses it, nothing was written, and the
page is examined record by record: values that do not fit their columns move to `_extra`, records that
cannot be stored become dead letters, a record that stands twice counts once, and the rest is committed with
its checkpoint by the very same statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import psycopg
from psycopg import errors as pg
from psycopg import pq
from psycopg.adapt import Dumper

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityRunId, Page, PageCounts
from openfaith.store.connection import Database
from openfaith.store.examination import DeadLetter, Examined, examine
from openfaith.store.queries import numbered, query
from openfaith.store.upserts import page_statement

_REFUSED = (
    psycopg.DataError,  # a value that does not cast, a member that is no object, what is no JSON
    pg.NotNullViolation,  # no id, or no hash: no record of this entity
    pg.CardinalityViolation,  # one id twice
    pg.ProgramLimitExceeded,  # an id too long for the index, a document too large
    pg.StatementTooComplex,  # nested too deeply
)
"""What PostgreSQL raises for a page because of something that stands in it."""

_UNEXAMINED = Examined(records={}, letters=())
"""Of a page that went the fast way: nothing was found."""

_BIGGEST_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Records:
    """Records as they came, to be sent as one JSON array."""

    bodies: Sequence[bytes]


class _RecordsDumper(Dumper):
    """Sends records as binary jsonb: the server parses them, once, and sees every byte of them."""

    format = pq.Format.BINARY
    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: _Records) -> bytes:
        return b"\x01[" + b",".join(obj.bodies) + b"]"


psycopg.adapters.register_dumper(_Records, _RecordsDumper)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """What a commit did."""

    counts: PageCounts
    cancel_requested: bool
    """True where the run was cancelled meanwhile: this was its last page."""
    misfits: dict[str, int] = field(default_factory=dict)
    """How many values of which attribute or relationship went to `_extra` because they did not fit."""
    reasons: tuple[str, ...] = ()
    """Why records were set aside, each reason once."""


class PageWriter:
    """Commits the pages of one entity. Composes the statement once; keeps no state of a run."""

    def __init__(self, database: Database, manifest: Manifest, entity: Entity) -> None:
        self._database = database
        self._entity = entity
        self._statement = numbered(page_statement(manifest, entity))

    async def commit(self, page: Page, place: PageCommit) -> Committed:
        """Store a page with its checkpoint and counts, in one transaction.

        Raises:
            LeaseLostError: somebody else holds the entity run now, or it is settled, or this is not its next page;
                nothing was written.
            DatabaseUnavailableError: whether anything was written is not known. Whoever takes the entity run again
                learns it, and cannot commit the page twice.
        """
        async with self._database.connection() as connection:
            try:
                row = await self._execute(connection, page, place, page.records)
            except _REFUSED:
                return await self._commit_examined(connection, page, place)
        return _committed(row, page, place, _UNEXAMINED)

    async def _execute(
        self,
        connection: psycopg.AsyncConnection,
        page: Page,
        place: PageCommit,
        records: Sequence[bytes],
        *,
        misfits: str | None = None,
        dead_letters: int = 0,
    ) -> tuple[int, int, bool] | None:
        parameters = {
            "entity_run_id": place.entity_run_id,
            "fence": place.fence,
            "records": _Records(records),
            "misfits": misfits,
            "requested_at": page.requested_at,
            "page": place.number,
            "token": place.token,
            "size": len(page.records),
            "dead_letters": dead_letters,
            "requests": place.requests,
            "checkpoint": place.checkpoint,
            "total_count": _storable_count(page.total_count),
        }
        cursor = psycopg.AsyncRawCursor(connection)
        await cursor.execute(self._statement.text, self._statement.arguments(parameters), prepare=True)
        return cast("tuple[int, int, bool] | None", await cursor.fetchone())

    async def _commit_examined(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit
    ) -> Committed:
        """The slow way. One transaction: the good records, the dead letters, the checkpoint."""
        async with connection.transaction():
            examined = await examine(connection, self._entity, page.records)
            try:
                async with connection.transaction():
                    row = await self._execute_examined(connection, page, place, examined)
            except _REFUSED:
                # The examination knows every fault but the strangest, which show only when one tries.
                examined = examined.without(await self._refusals(connection, page, place, examined))
                row = await self._execute_examined(connection, page, place, examined)
            committed = _committed(row, page, place, examined)
            await _set_aside(connection, page, place, examined.letters)
        return committed

    async def _execute_examined(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit, examined: Examined
    ) -> tuple[int, int, bool] | None:
        return await self._execute(
            connection,
            page,
            place,
            [record.body for record in examined.records.values()],
            misfits=examined.misfits,
            dead_letters=len(examined.letters),
        )

    async def _refusals(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit, examined: Examined
    ) -> dict[str, str]:
        """Why PostgreSQL refuses single records, by id. Leaves nothing behind."""
        refusals: dict[str, str] = {}
        for key, record in examined.records.items():
            alone = Examined(records={key: record}, letters=())
            try:
                async with connection.transaction(force_rollback=True):
                    await self._execute_examined(connection, page, place, alone)
            except _REFUSED as exc:
                refusals[key] = f"PostgreSQL refuses it ({exc.sqlstate}: {type(exc).__name__})"
        return refusals


def _committed(
    row: tuple[int, int, bool] | None, page: Page, place: PageCommit, examined: Examined
) -> Committed:
    if row is None:
        raise LeaseLostError(place.entity_run_id, place.fence)
    inserted, updated, cancel_requested = row
    dead = len(examined.letters)
    return Committed(
        counts=PageCounts(
            inserted=inserted,
            updated=updated,
            unchanged=len(page.records) - dead - inserted - updated,
            dead_letters=dead,
        ),
        cancel_requested=cancel_requested,
        misfits={} if examined is _UNEXAMINED else examined.count_misfits(),
        reasons=tuple(sorted({letter.reason for letter in examined.letters})),
    )


async def _set_aside(
    connection: psycopg.AsyncConnection, page: Page, place: PageCommit, letters: Sequence[DeadLetter]
) -> None:
    for letter in letters:
        await connection.execute(
            query("dead_letters", "set_aside"),
            {
                "record_key": letter.record_key,
                "reason": letter.reason,
                "body": letter.body,
                "requested_at": page.requested_at,
                "entity_run_id": place.entity_run_id,
            },
        )


def _storable_count(count: int | None) -> int | None:
    """For display only: a count that no column holds is no reason to refuse the page."""
    return count if count is not None and count <= _BIGGEST_COUNT else None
