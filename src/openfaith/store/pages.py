"""Committing a page: the fast way in one statement, the slow way for pages with something wrong in them.

The fast way hands the page to PostgreSQL unread. When PostgreSQL refuses it, nothing was written, and the
page is taken again record by record: values that do not fit their columns move to `_extra`, records that
cannot be stored become dead letters, a record that stands twice counts once, and the rest is committed with
its checkpoint by the very same statement.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
from psycopg import errors as pg
from psycopg.types.json import Jsonb

from openfaith.errors import InvalidRecordError, LeaseLostError
from openfaith.manifest import Entity, Manifest, columns
from openfaith.records import EntityRunId, Page, PageCounts
from openfaith.store.connection import Database
from openfaith.store.mirror import column_type
from openfaith.store.queries import query
from openfaith.store.upserts import MISFITS, page_statement

_REFUSED = (psycopg.DataError, pg.NotNullViolation, pg.CardinalityViolation, pg.InvalidParameterValue)
"""What PostgreSQL raises for a page with a bad value, no id, one id twice, or a member that is no object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageCommit:
    """Where a page belongs: the lease it is written under, and the checkpoint that goes with it."""

    entity_run_id: EntityRunId
    fence: int
    number: int
    """Of the page within the entity run, from 1."""
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
    """How many values of which attribute went to `_extra` because they did not fit."""
    reasons: tuple[str, ...] = ()
    """Why records were set aside, each reason once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sorted:
    """A page that was taken apart: what can be stored, and what cannot."""

    records: dict[str, bytes]
    """By id, the last copy of each."""
    letters: list[tuple[str, str, bytes]]
    """Record key, reason, body as it came."""
    misfits: dict[str, int]


class PageWriter:
    """Commits the pages of one entity. Composes the statement once; keeps no state of a run."""

    def __init__(self, database: Database, manifest: Manifest, entity: Entity) -> None:
        self._database = database
        self._entity = entity
        # Rendered once: a composed statement would be rendered again for every page.
        self._statement = page_statement(manifest, entity).as_string()
        self._types = {c.source: column_type(c) for c in columns(entity) if c.kind == "attribute"}

    async def commit(self, page: Page, place: PageCommit) -> Committed:
        """Store a page with its checkpoint and counts, in one transaction.

        Raises:
            LeaseLostError: somebody else holds the entity run now; nothing was written.
            DatabaseUnavailableError: the outcome is unknown or nothing was written; committing again is safe,
                because the ledger refuses a page number that is already there.
        """
        async with self._database.connection() as connection:
            try:
                row = await self._execute(connection, page, place, page.records)
            except _REFUSED:
                return await self._commit_sorted(connection, page, place)
        inserted, updated, cancel_requested = _held(row, place)
        unchanged = len(page.records) - inserted - updated
        counts = PageCounts(inserted=inserted, updated=updated, unchanged=unchanged)
        return Committed(counts=counts, cancel_requested=cancel_requested)

    async def _execute(
        self,
        connection: psycopg.AsyncConnection,
        page: Page,
        place: PageCommit,
        records: Sequence[bytes],
        dead_letters: int = 0,
    ) -> tuple[int, int, bool] | None:
        parameters = {
            "entity_run_id": place.entity_run_id,
            "fence": place.fence,
            # The server parses the records: typed jsonb they are parsed once.
            "records": Jsonb(b"[" + b",".join(records) + b"]", dumps=_as_it_is),
            "requested_at": page.requested_at,
            "page": place.number,
            "token": place.token,
            "size": len(page.records),
            "dead_letters": dead_letters,
            "requests": place.requests,
            "checkpoint": place.checkpoint,
            "total_count": page.total_count,
        }
        cursor = await connection.execute(self._statement, parameters, prepare=True)
        return cast("tuple[int, int, bool] | None", await cursor.fetchone())

    async def _commit_sorted(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit
    ) -> Committed:
        """The slow way. One transaction: the good records, the dead letters, the checkpoint."""
        async with connection.transaction():
            found = await self._sort(connection, page)
            for key in await self._unstorable(connection, page, place, found.records):
                body = found.records.pop(key[0])
                found.letters.append((*key, _original(page, key[0]) or body))
            row = await self._execute(
                connection, page, place, tuple(found.records.values()), len(found.letters)
            )
            inserted, updated, cancel_requested = _held(row, place)
            for record_key, reason, body in found.letters:
                await connection.execute(
                    query("dead_letters", "set_aside"),
                    {
                        "record_key": record_key,
                        "reason": reason,
                        "body": body,
                        "requested_at": page.requested_at,
                        "entity_run_id": place.entity_run_id,
                    },
                )
        dead = len(found.letters)
        counts = PageCounts(
            inserted=inserted,
            updated=updated,
            unchanged=len(page.records) - dead - inserted - updated,
            dead_letters=dead,
        )
        return Committed(
            counts=counts,
            cancel_requested=cancel_requested,
            misfits=found.misfits,
            reasons=tuple(sorted({reason for _, reason, _ in found.letters})),
        )

    async def _sort(self, connection: psycopg.AsyncConnection, page: Page) -> _Sorted:
        documents: list[dict[str, Any]] = []
        letters: list[tuple[str, str, bytes]] = []
        bodies: dict[str, bytes] = {}
        for body in page.records:
            try:
                document = read_record(self._entity, body)
            except InvalidRecordError as exc:
                letters.append((record_key(body), exc.reason, body))
            else:
                documents.append(document)
                bodies[str(document["id"])] = body
        misfits: dict[str, int] = {}
        for document, name in await self._misfits(connection, documents):
            document.setdefault(MISFITS, {})[name] = document["attributes"].pop(name)
            bodies[str(document["id"])] = json.dumps(document, ensure_ascii=False).encode()
            misfits[name] = misfits.get(name, 0) + 1
        return _Sorted(records=bodies, letters=letters, misfits=misfits)

    async def _misfits(
        self, connection: psycopg.AsyncConnection, documents: Sequence[dict[str, Any]]
    ) -> list[tuple[dict[str, Any], str]]:
        """The values that their columns cannot hold: record and attribute name."""
        candidates = [
            (document, name, value if isinstance(value, str) else json.dumps(value))
            for document in documents
            for name, value in document["attributes"].items()
            if value is not None and self._types.get(name, "text") not in {"text", "jsonb"}
        ]
        cursor = await connection.execute(
            query("dead_letters", "find_misfits"),
            {
                "texts": [text for _, _, text in candidates],
                "types": [self._types[name] for _, name, _ in candidates],
            },
        )
        return [candidates[index][:2] for (index,) in await cursor.fetchall()]

    async def _unstorable(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit, records: dict[str, bytes]
    ) -> list[tuple[str, str]]:
        """The ids that PostgreSQL still refuses, each with its reason. None, in all but the strangest pages."""
        if await self._refusal(connection, page, place, tuple(records.values())) is None:
            return []
        refusals = [
            (key, await self._refusal(connection, page, place, (body,))) for key, body in records.items()
        ]
        return [(key, reason) for key, reason in refusals if reason is not None]

    async def _refusal(
        self, connection: psycopg.AsyncConnection, page: Page, place: PageCommit, records: Sequence[bytes]
    ) -> str | None:
        """Why PostgreSQL refuses these records; None where it takes them. Leaves nothing behind."""
        try:
            async with connection.transaction(force_rollback=True):
                await self._execute(connection, page, place, records)
        except _REFUSED as exc:
            return f"PostgreSQL refuses it ({exc.sqlstate}: {type(exc).__name__})"
        return None


def read_record(entity: Entity, body: bytes) -> dict[str, Any]:
    """Decode one record and check what the store relies on.

    Raises:
        InvalidRecordError: it cannot be stored; the reason names the member, never a value.
    """
    try:
        document = json.loads(body)
    except ValueError as exc:
        raise InvalidRecordError(entity.name, "it is not valid JSON") from exc
    problem = _problem(entity, document, body)
    if problem:
        raise InvalidRecordError(entity.name, problem)
    return cast("dict[str, Any]", document)


def _problem(entity: Entity, document: object, body: bytes) -> str | None:
    if not isinstance(document, dict):
        return "it is not an object"
    if not isinstance(document.get("id"), str | int) or document["id"] in {"", True, False}:
        return "it has no id"
    if document.get("type") != entity.type:
        return f"its type is not {entity.type}"
    if not isinstance(document.get("attributes"), dict):
        return "it has no attributes"
    if not isinstance(document.get("relationships", {}), dict | None):
        return "its relationships are not an object"
    if b"\\u0000" in body and _holds_nul(document):
        return "it holds the character U+0000, which PostgreSQL cannot store"
    return None


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(member) for key, member in value.items())
    return isinstance(value, list) and any(_holds_nul(member) for member in value)


def record_key(body: bytes) -> str:
    """What identifies a record that cannot be stored: its id, else the digest of its body."""
    try:
        found = json.loads(body)["id"]
    except (ValueError, TypeError, KeyError, IndexError):
        found = None
    if (
        isinstance(found, str | int)
        and not isinstance(found, bool)
        and found != ""
        and "\x00" not in str(found)
    ):
        return str(found)
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _original(page: Page, key: str) -> bytes | None:
    return next((body for body in reversed(page.records) if record_key(body) == key), None)


def _held(row: tuple[int, int, bool] | None, place: PageCommit) -> tuple[int, int, bool]:
    if row is None:
        raise LeaseLostError(place.entity_run_id, place.fence)
    return row


def _as_it_is(body: bytes) -> bytes:
    return body
