"""Dead letters: records that could not be stored, looked at, replayed, or given up.

A replay is a page of one record, requested when the letter's was. It goes through the same guarded upsert, so that
whatever is known by now decides: a newer row stays, a deletion that was proven since holds, and so does a merge. The
letter is locked from before its body is read until it is settled, so two replays at once are one after the other, and
the second finds nothing to do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

import psycopg
from psycopg import errors as pg
from psycopg.rows import class_row

from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.manifest import Entity, Manifest, columns
from openfaith.records import EntityName, OrgId, RunId
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.evolution import as_stored
from openfaith.store.examination import Examined, Fault, examine, refusal
from openfaith.store.faults import REFUSED
from openfaith.store.merges import follow_merges
from openfaith.store.queries import NumberedStatement, numbered, query
from openfaith.store.raw_records import RawRecords
from openfaith.store.upserts import replay_statement
from openfaith.telemetry import DeadLettersDiscarded, DeadLettersRetried, Event, Subject, log_event
from openfaith.texts import storable_text

_TOGETHER = 50
"""Letters that are decided about in one transaction; meanwhile the entity's pages wait."""

_LARGEST_NUMBER = 2**63 - 1
_NAMED_AT_MOST = 10
"""Numbers in a text for people."""


class DeadLetterStatus(StrEnum):
    """Whether anybody still waits for a dead letter."""

    OPEN = "open"
    RESOLVED = "resolved"
    """Its record was stored, by a replay or since, or is not needed any more."""
    DISCARDED = "discarded"
    """A person gave it up. If its record comes again, that is another letter."""


class RetryOutcome(StrEnum):
    """What a replay came to."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    """Nothing was written: the stored row is newer, or fuller, or says the same, or was deleted since."""
    UNSTORABLE = "unstorable"
    """It stays open."""
    SETTLED = "settled"
    """It was not open any more, so that nothing was done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A record that could not be stored, for a person to look at. Nothing of the record itself but its key."""

    dead_letter_id: int
    adapter: str
    entity: EntityName
    record_key: str
    """The record's id; where it has none, `sha256:` and the digest of its body."""
    fault: Fault | None
    """None where an older program set it aside."""
    reason: str
    status: DeadLetterStatus
    bytes: int
    """The size of its body."""
    requested_at: datetime
    """Of the request that brought it, by the source's clock."""
    first_seen_at: datetime
    """By the database's clock, as all that follow."""
    last_seen_at: datetime
    seen_seconds: float
    """How long that is ago."""
    times_seen: int
    run_id: RunId | None
    """That met it last; None where it is too long ago."""
    path: str | None
    """Of the collection whose page brought it; None as `fault` is."""
    page_token: str | None
    api_version: str | None
    """Of the product, by the manifest of then."""
    parents: dict[str, str] | None
    """The ids of the path, by placeholder."""
    carrier: EntityName | None
    """On whose page it rode."""
    owner_id: str | None
    """The record of the carrier's that it belongs to."""
    attempts: int
    """Replays so far."""
    last_attempt_at: datetime | None
    last_outcome: RetryOutcome | None
    decided_by: str | None
    """Who discarded it."""
    decided_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", DeadLetterStatus(self.status))
        object.__setattr__(self, "fault", None if self.fault is None else Fault(self.fault))
        outcome = None if self.last_outcome is None else RetryOutcome(self.last_outcome)
        object.__setattr__(self, "last_outcome", outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterSummary:
    """How many letters of an entity are set aside for one reason."""

    adapter: str
    entity: EntityName
    fault: Fault | None
    reason: str
    status: DeadLetterStatus
    letters: int
    bytes: int
    """Of all their bodies."""
    since: datetime
    """When the first of them was met, by the database's clock."""
    since_seconds: float
    attempts: int
    """The most replays of any of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", DeadLetterStatus(self.status))
        object.__setattr__(self, "fault", None if self.fault is None else Fault(self.fault))


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterChoice:
    """Which letters of an organization and adapter are meant: open ones, or those that are named."""

    org_id: OrgId
    adapter: str
    ids: Collection[int] | None = None
    """Their numbers; None for all that are open."""
    entity: EntityName | None = None
    reason: str | None = None
    """A `Fault`, or a reason in full."""

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "org_id": self.org_id,
            "adapter": self.adapter,
            "ids": None if self.ids is None else list(self.ids),
            "entity": self.entity,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Retried:
    """What became of one letter."""

    dead_letter_id: int
    entity: EntityName
    outcome: RetryOutcome
    reason: str | None = None
    """Why it still cannot be stored, if so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Open:
    """A letter that is locked, with its record."""

    dead_letter_id: int
    org_id: OrgId
    entity: EntityName
    body: bytes
    requested_at: datetime
    path: str | None
    carrier: EntityName | None


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a replay came to nothing."""

    fault: Fault
    reason: str


# Looking


async def list_dead_letters(
    database: Database,
    org_id: OrgId,
    *,
    entity: EntityName | None = None,
    reason: str | None = None,
    ids: Collection[int] | None = None,
    statuses: Collection[DeadLetterStatus] = (DeadLetterStatus.OPEN,),
    after: DeadLetter | None = None,
    limit: int = 1000,
) -> list[DeadLetter]:
    """An organization's dead letters, in the order of adapter, entity and number, from after one of them on.

    Args:
        reason: a `Fault`, or a reason in full.
    """
    about: dict[str, object] = {
        "org_id": org_id,
        "entity": entity,
        "reason": reason,
        "ids": None if ids is None else list(ids),
        "statuses": list(statuses),
        "after_adapter": after.adapter if after else "",
        "after_entity": after.entity if after else "",
        "after_id": after.dead_letter_id if after else 0,
        "limit": limit,
    }
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(DeadLetter))
        await cursor.execute(query("dead_letters", "list"), about)
        return await cursor.fetchall()


async def summarize_dead_letters(
    database: Database,
    org_id: OrgId,
    *,
    entity: EntityName | None = None,
    reason: str | None = None,
    statuses: Collection[DeadLetterStatus] = (DeadLetterStatus.OPEN,),
) -> list[DeadLetterSummary]:
    """An organization's dead letters, counted, in the order of adapter, entity and status; the usual reasons first."""
    about = {"org_id": org_id, "entity": entity, "reason": reason, "statuses": list(statuses)}
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(DeadLetterSummary))
        await cursor.execute(query("dead_letters", "summarize"), about)
        return await cursor.fetchall()


async def get_dead_letter(database: Database, org_id: OrgId, dead_letter_id: int) -> tuple[DeadLetter, bytes]:
    """A letter of whatever status, and its record as it came: personal data.

    Raises:
        UnknownNameError: the organization has no such letter.
    """
    known = 0 < dead_letter_id <= _LARGEST_NUMBER
    found = await list_dead_letters(
        database, org_id, ids=[dead_letter_id] if known else [], statuses=list(DeadLetterStatus)
    )
    async with database.connection() as connection:
        about = {"org_id": org_id, "dead_letter_id": dead_letter_id if found else 0}
        row = await (await connection.execute(query("dead_letters", "read_body"), about)).fetchone()
    if not found or row is None:
        hint = f"`openfaith dead-letters list {org_id}` shows those that there are"
        raise UnknownNameError("dead letter", str(dead_letter_id), hint=hint)
    return found[0], bytes(row[0])


# Deciding


async def discard_dead_letters(database: Database, choice: DeadLetterChoice, *, by: str) -> int:
    """Give open letters up. Returns how many; those that were settled before stay as they are.

    Args:
        by: who decided.

    Raises:
        ConfigurationError: one of the numbers is no such letter's. Nothing was changed.
    """
    await _check_known(database, choice)
    discarded = 0
    async for entity, ids in _batches(database, choice):
        about = Subject(org_id=choice.org_id, entity=entity)
        async with database.transaction() as connection:
            await _hold_pages(connection, choice, entity)
            found = [letter for each in ids if (letter := await _lock(connection, each)) is not None]
            for letter in found:
                place = {"dead_letter_id": letter.dead_letter_id, "by": storable_text(by)}
                await connection.execute(query("dead_letters", "discard"), place)
            told = [DeadLettersDiscarded(about=about, letters=len(found))] if found else []
            await insert_events(connection, told)
        _log(told)
        discarded += len(found)
    return discarded


async def retry_dead_letters(
    database: Database, manifest: Manifest, choice: DeadLetterChoice
) -> list[Retried]:
    """Replay letters by what this program knows of their entities now. Returns what became of each, in their order.

    Safe to repeat, and in several processes at once. A sync of the same entity may be under way: its pages wait while
    some letters are replayed, and the newer version stays, whichever comes first.

    Raises:
        ConfigurationError: one of the numbers is no such letter's. Nothing was changed.
    """
    await _check_known(database, choice)
    replays = _Replays(manifest)
    everything: list[Retried] = []
    async for entity, ids in _batches(database, choice):
        async with database.transaction() as connection:
            await _hold_pages(connection, choice, entity)
            done = [await replays.retry(connection, entity, each) for each in ids]
            told = _told(Subject(org_id=choice.org_id, entity=entity), done)
            await insert_events(connection, told)
        _log(told)
        everything += done
    return everything


def _told(about: Subject, done: Sequence[Retried]) -> list[Event]:
    counts = {outcome: sum(each.outcome is outcome for each in done) for outcome in RetryOutcome}
    if counts[RetryOutcome.SETTLED] == len(done):
        return []
    return [
        DeadLettersRetried(
            about=about,
            stored=counts[RetryOutcome.STORED],
            superseded=counts[RetryOutcome.SUPERSEDED],
            unstorable=counts[RetryOutcome.UNSTORABLE],
        )
    ]


def _log(events: Sequence[Event]) -> None:
    for event in events:
        log_event(event)


async def _check_known(database: Database, choice: DeadLetterChoice) -> None:
    if choice.ids is None:
        return
    unknown = [each for each in choice.ids if not 0 < each <= _LARGEST_NUMBER]
    if not unknown:
        async with database.connection() as connection:
            cursor = await connection.execute(query("dead_letters", "find_unknown"), choice.parameters)
            unknown = [each for (each,) in await cursor.fetchall()]
    if unknown:
        shown = ", ".join(map(str, unknown[:_NAMED_AT_MOST]))
        more = f" and {len(unknown) - _NAMED_AT_MOST} more" if len(unknown) > _NAMED_AT_MOST else ""
        of = "" if choice.entity is None else f" of {choice.entity}"
        why = "" if choice.reason is None else f" for the reason {choice.reason!r}"
        raise ConfigurationError(
            f"dead letters{of}",
            f"there is none{why} with the number {shown}{more}, so nothing was changed",
            f"numbers that `openfaith dead-letters list {choice.org_id}` shows",
        )


async def _batches(
    database: Database, choice: DeadLetterChoice
) -> AsyncIterator[tuple[EntityName, list[int]]]:
    """The chosen letters, some of one entity at a time, in the order in which everybody locks them."""
    last: tuple[int, str] | None = (0, "")
    while last is not None:
        place = {"after_id": last[0], "after_entity": last[1], "limit": _TOGETHER}
        async with database.connection() as connection:
            cursor = await connection.execute(query("dead_letters", "choose"), choice.parameters | place)
            chosen: list[tuple[int, str]] = await cursor.fetchall()
        for entity, letters in groupby(chosen, key=lambda letter: letter[1]):
            yield EntityName(entity), [number for number, _ in letters]
        last = chosen[-1] if chosen else None


async def _hold_pages(
    connection: psycopg.AsyncConnection, choice: DeadLetterChoice, entity: EntityName
) -> None:
    place = {"org_id": choice.org_id, "adapter": choice.adapter, "entity": entity}
    await connection.execute(query("dead_letters", "hold_pages"), place)


async def _lock(connection: psycopg.AsyncConnection, dead_letter_id: int) -> _Open | None:
    """The letter, which nobody else settles until the transaction ends; None where it is not open any more."""
    cursor = connection.cursor(row_factory=class_row(_Open))
    await cursor.execute(query("dead_letters", "lock"), {"dead_letter_id": dead_letter_id})
    return await cursor.fetchone()


# Replaying


class _Replays:
    """Replays letters one by one, in the caller's transaction. Composes a statement once for each kind of place."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._entities = dict(manifest.entities)
        """Their attributes have the types of the columns, where those turned out to be others."""
        self._statements: dict[tuple[EntityName, EntityName | None], NumberedStatement] = {}

    async def retry(
        self, connection: psycopg.AsyncConnection, entity: EntityName, dead_letter_id: int
    ) -> Retried:
        letter = await _lock(connection, dead_letter_id)
        if letter is None:
            return Retried(dead_letter_id=dead_letter_id, entity=entity, outcome=RetryOutcome.SETTLED)
        about: dict[str, object] = {"dead_letter_id": dead_letter_id}
        done = self._missing(letter) or await self._replay(connection, letter)
        if isinstance(done, _Failure):
            failure = about | {"fault": done.fault, "reason": done.reason}
            await connection.execute(query("dead_letters", "note_failure"), failure)
            outcome = RetryOutcome.UNSTORABLE
            return Retried(dead_letter_id=dead_letter_id, entity=entity, outcome=outcome, reason=done.reason)
        if done is RetryOutcome.STORED:
            await connection.execute(query("dead_letters", "note_sight"), about)
        return Retried(dead_letter_id=dead_letter_id, entity=entity, outcome=done)

    def _missing(self, letter: _Open) -> _Failure | None:
        """What there must be to know what the record is, and whose."""
        for name in (letter.entity, letter.carrier):
            if name is not None and name not in self._entities:
                return _Failure(Fault.PLACE, f"this program's manifest has no {name}")
        is_nested = any(column.placeholder is not None for column in columns(self._entities[letter.entity]))
        if is_nested and letter.path is None:
            return _Failure(Fault.PLACE, "an older program set it aside, and did not keep whose it is")
        return None

    async def _replay(self, connection: psycopg.AsyncConnection, letter: _Open) -> RetryOutcome | _Failure:
        entity = self._entities[letter.entity]
        try:
            async with connection.transaction():
                return await self._examine_and_store(connection, entity, letter)
        except pg.DatatypeMismatch:
            # A program of another manifest gave a column another type.
            self._entities[entity.name] = stored = await as_stored(connection, self._manifest, entity)
            self._statements.clear()
            return await self._examine_and_store(connection, stored, letter)

    async def _examine_and_store(
        self, connection: psycopg.AsyncConnection, entity: Entity, letter: _Open
    ) -> RetryOutcome | _Failure:
        examined = await examine(connection, entity, [letter.body])
        for still in examined.letters:
            return _Failure(still.fault, still.reason)
        try:
            async with connection.transaction():
                outcome = await self._store(connection, entity, letter, examined)
        except REFUSED as exc:
            return _Failure(Fault.REFUSED, refusal(exc))
        if outcome is RetryOutcome.STORED:
            [record_id] = examined.records
            await follow_merges(connection, self._manifest, entity, letter.org_id, record_id)
        return outcome

    async def _store(
        self, connection: psycopg.AsyncConnection, entity: Entity, letter: _Open, examined: Examined
    ) -> RetryOutcome:
        statement = self._statement(entity, letter.carrier)
        parameters = {
            "dead_letter_id": letter.dead_letter_id,
            "records": RawRecords([record.body for record in examined.records.values()]),
            "misfits": examined.misfits,
            "requested_at": letter.requested_at,
        }
        cursor = psycopg.AsyncRawCursor(connection)
        await cursor.execute(statement.text, statement.arguments(parameters))
        row = await cursor.fetchone()
        assert row is not None, "the letter is locked, and open"
        return RetryOutcome(row[0])

    def _statement(self, entity: Entity, carrier: EntityName | None) -> NumberedStatement:
        key = (entity.name, carrier)
        if key not in self._statements:
            rode_on = None if carrier is None else self._manifest.entities[carrier]
            self._statements[key] = numbered(replay_statement(self._manifest, entity, rode_on))
        return self._statements[key]
