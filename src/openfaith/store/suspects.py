"""Suspects: stored records that a proven listing did not show, and what is decided about them.

A suspect is a row of its own, beside the record, which stays as it is. The guard lets all of a listing's suspects be
asked about, or holds them for a person; a person approves or rejects exactly those that are there to be looked at.
Whatever shows that one exists makes it no suspect. If only the source did, asked for it by its id, it is known from then
on as one that listings leave out, and no listing that does so proves anything but together with the source's own word.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from openfaith.errors import ConfigurationError
from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityName, EntityRunId, OrgId, RecordId
from openfaith.store.connection import Database
from openfaith.store.doubts import unlisted
from openfaith.store.listings import lock_listing
from openfaith.store.mirror import table
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun
from openfaith.texts import storable_text

_LIVE = "SELECT count(*) FROM {table} WHERE org_id = %(org_id)s AND _deleted_at IS NULL"
_NAMED_AT_MOST = 10
"""Ids in a text for people."""


class SuspectState(StrEnum):
    """What is known, or was decided, about a suspect."""

    SUSPECT = "suspect"
    """It may be asked about."""
    HELD = "held"
    """It waits for a person."""
    APPROVED = "approved"
    """A person said that it may be deleted, once the source confirms it."""
    REJECTED = "rejected"
    """A person said that it is not gone. It is not asked about again until it was seen again."""
    UNLISTED = "unlisted"
    """It exists, as the source said when it was asked, although it was not listed. Asked about again while it is not."""
    CONFIRMED = "confirmed"
    """It was gone at the source, and is deleted here."""


OPEN_SUSPECTS = frozenset(
    {
        SuspectState.SUSPECT,
        SuspectState.HELD,
        SuspectState.APPROVED,
        SuspectState.REJECTED,
        SuspectState.UNLISTED,
    }
)
"""Those whose record lives."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """A suspect, for a person to look at. Nothing of the record itself but its id."""

    adapter: str
    entity: EntityName
    id: RecordId
    state: SuspectState
    found_at: datetime
    """By the database's clock."""
    listing_started_at: datetime
    """Of the last listing that missed it; by the source's clock, like the confirmation."""
    times_missed: int
    """By how many proven listings in a row."""
    reason: str | None
    """Why it is held, or was."""
    decided_by: str | None
    decided_at: datetime | None
    confirmed_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", SuspectState(self.state))


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectSummary:
    """How many suspects of an entity are in one state."""

    adapter: str
    entity: EntityName
    state: SuspectState
    suspects: int
    since: datetime
    """When the first of them was found, by the database's clock."""
    since_seconds: float
    """How long that is ago."""
    reasons: Sequence[str]
    """Why they are held, or were; each once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", SuspectState(self.state))


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSuspect:
    """A suspect that may be confirmed."""

    id: RecordId
    times_missed: int
    """By how many proven listings in a row."""
    may_be_elsewhere: bool = False
    """Below a parent that could not be read, as far as anybody knows."""
    may_be_unlisted: bool = False
    """The listing that missed it leaves out others that exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingStanding:
    """What the guard must know of a listing that was compared."""

    live_rows: int
    """In the mirror table, the suspects among them."""
    listed: int
    proven: bool
    doubts: Sequence[str]
    suspects: int
    """Whatever a person decided about them. Without those that are known to exist."""
    approved: int
    """Of these, those that a person approved while the token saw what it sees now."""
    rejected: int
    """Of these, those that are not gone, as a person decided."""
    permissions_changed: bool
    """Whether rows may have been stored, since deletions were last allowed, while the token saw something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    proven: bool
    doubts: Sequence[str]
    rows: int | None
    suspects: int
    approved: int
    rejected: int
    permissions_changed: bool


async def lock_suspects(
    connection: psycopg.AsyncConnection, org_id: OrgId, adapter: str, entity: EntityName
) -> None:
    """Keep everybody else from deciding about an entity's suspects until the transaction ends."""
    await connection.execute(
        query("suspects", "lock"), {"org_id": org_id, "adapter": adapter, "entity": entity}
    )


async def read_standing(
    database: Database, manifest: Manifest, entity: Entity, org_id: OrgId, entity_run_id: EntityRunId
) -> ListingStanding:
    """What the guard must know of an entity run's listing, after it was compared."""
    live = sql.SQL(_LIVE).format(table=table(manifest, entity))
    async with database.connection() as connection:
        counting = await (await connection.execute(live, {"org_id": org_id})).fetchone()
        cursor = connection.cursor(row_factory=class_row(_Counted))
        await cursor.execute(query("suspects", "count"), {"entity_run_id": entity_run_id})
        found = await cursor.fetchone()
    assert counting is not None
    assert found is not None, "a listing is opened before it is compared"
    return ListingStanding(
        live_rows=counting[0],
        listed=found.rows or 0,
        proven=found.proven,
        doubts=found.doubts,
        suspects=found.suspects,
        approved=found.approved,
        rejected=found.rejected,
        permissions_changed=found.permissions_changed,
    )


async def allow_deletions(database: Database, held: HeldEntityRun) -> None:
    """Let a compared, proven listing's suspects be confirmed. What is stored is accepted under what its token may see.

    Safe to repeat: what was asked about already, and waits for a person since, waits on.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.transaction() as connection:
        listing = await lock_listing(connection, held)
        await lock_suspects(connection, listing.org_id, listing.adapter, listing.entity)
        about = {"entity_run_id": held.entity_run_id}
        await connection.execute(query("suspects", "discount"), about)
        await connection.execute(query("suspects", "allow"), about)


async def hold_suspects(
    database: Database, held: HeldEntityRun, reason: str, ids: Collection[str] | None = None
) -> int:
    """Have a compared listing's suspects wait for a person, those apart that one approved or rejected.

    Returns how many wait by that.

    Args:
        reason: why, for people.
        ids: only these, until a person decides about them, and the others may still be confirmed; None for all of the
            listing, whose deletions stop, and which the next guard judges anew.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.transaction() as connection:
        listing = await lock_listing(connection, held)
        await lock_suspects(connection, listing.org_id, listing.adapter, listing.entity)
        about = {"entity_run_id": held.entity_run_id, "reason": storable_text(reason)}
        if ids is None:
            await connection.execute(query("suspects", "discount"), about)
            cursor = await connection.execute(query("suspects", "hold"), about)
        else:
            cursor = await connection.execute(query("suspects", "hold_some"), about | {"ids": list(ids)})
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def list_open_suspects(
    database: Database, entity_run_id: EntityRunId, *, after: str = "", limit: int = 100
) -> list[OpenSuspect]:
    """The next suspects of a listing that may be confirmed, in the order of their ids.

    None before the guard has spoken. Where it stopped, those that a person approved before.
    """
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(OpenSuspect))
        await cursor.execute(
            query("suspects", "list_open"), {"entity_run_id": entity_run_id, "after": after, "limit": limit}
        )
        return await cursor.fetchall()


async def list_unlisted(
    database: Database, entity_run_id: EntityRunId, *, limit: int = 100
) -> list[OpenSuspect]:
    """The next records to be asked for of which it is known that they exist, or did, and are not listed."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(OpenSuspect))
        await cursor.execute(
            query("suspects", "list_unlisted"), {"entity_run_id": entity_run_id, "limit": limit}
        )
        return await cursor.fetchall()


async def suspect_again(database: Database, held: HeldEntityRun, ids: Sequence[str]) -> None:
    """Suspect records again that existed although they were not listed: the source has them no more.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.transaction() as connection:
        listing = await lock_listing(connection, held)
        await lock_suspects(connection, listing.org_id, listing.adapter, listing.entity)
        about = {"entity_run_id": held.entity_run_id, "ids": list(ids)}
        await connection.execute(query("suspects", "suspect_again"), about)


async def refute_suspects(database: Database, held: HeldEntityRun, ids: Sequence[str]) -> None:
    """Note of suspects that they exist, and are not listed; and forget what their listing has made of the others.

    It has not shown all there is, and nobody knew, so it is not proven any more. The next one that leaves out just these
    is believed so far as the source, asked for each, says the same of the others.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.transaction() as connection:
        listing = await lock_listing(connection, held)
        await lock_suspects(connection, listing.org_id, listing.adapter, listing.entity)
        place = {"entity_run_id": held.entity_run_id}
        await connection.execute(query("suspects", "refute"), place | {"ids": list(ids)})
        await connection.execute(query("differences", "distrust"), place | {"doubt": unlisted(len(ids))})


async def has_open_suspects(database: Database, entity_run_id: EntityRunId) -> bool:
    """Whether there are suspects that live of the entity of an entity run, or of those that ride on it."""
    async with database.connection() as connection:
        cursor = await connection.execute(query("suspects", "is_any_open"), {"entity_run_id": entity_run_id})
        row = await cursor.fetchone()
    assert row is not None
    return bool(row[0])


async def forget_shown(
    database: Database,
    org_id: OrgId,
    adapter: str,
    entity: Entity,
    records: Sequence[bytes],
    *,
    requested_at: datetime,
) -> int:
    """Forget the suspects that a page shows: whether or not anything of them has changed, they exist.

    Safe wherever it is stopped, also by whoever lost the entity run: a suspect that is forgotten is only missed anew.

    Args:
        records: of the entity, as they came.
        requested_at: when the page was, by the source's clock. A listing that began later knows better.

    Returns how many there were.
    """
    async with database.transaction() as connection:
        await lock_suspects(connection, org_id, adapter, entity.name)
        cursor = await connection.execute(
            query("suspects", "forget_shown"),
            {
                "org_id": org_id,
                "adapter": adapter,
                "entity": entity.name,
                "type": entity.type,
                "bodies": list(records),
                "requested_at": requested_at,
            },
        )
        return cursor.rowcount


async def list_suspects(
    database: Database,
    org_id: OrgId,
    *,
    entity: EntityName | None = None,
    states: Collection[SuspectState] = OPEN_SUSPECTS,
    after: Suspect | None = None,
    limit: int = 1000,
) -> list[Suspect]:
    """An organization's suspects, in the order of adapter, entity and id, from after one of them on."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Suspect))
        await cursor.execute(
            query("suspects", "list"),
            {
                "org_id": org_id,
                "entity": entity,
                "states": list(states),
                "after_adapter": after.adapter if after else "",
                "after_entity": after.entity if after else "",
                "after_id": after.id if after else "",
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def summarize_suspects(
    database: Database,
    org_id: OrgId,
    *,
    entity: EntityName | None = None,
    states: Collection[SuspectState] = OPEN_SUSPECTS,
) -> list[SuspectSummary]:
    """An organization's suspects, counted, in the order of adapter, entity and state."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(SuspectSummary))
        await cursor.execute(
            query("suspects", "summarize"), {"org_id": org_id, "entity": entity, "states": list(states)}
        )
        return await cursor.fetchall()


async def decide_suspects(
    database: Database,
    org_id: OrgId,
    adapter: str,
    entity: EntityName,
    ids: Collection[str] | None,
    *,
    approve: bool,
    by: str,
    all_or_none: bool = False,
) -> int:
    """Note what a person decided about suspects. Returns how many it was decided about.

    To approve concerns those that wait for it, and by their ids those that were rejected, and only them: what goes
    missing later needs another approval, and so does everything once the token sees something else. To reject concerns
    also those that do not wait. What waited and was not decided about waits on, whatever the next guard says.

    Args:
        ids: None for all that wait now.
        approve: False to reject.
        by: who decided.
        all_or_none: change nothing where it cannot be decided about every one of the ids.

    Raises:
        ConfigurationError: `all_or_none`, and it could not.
    """
    async with database.transaction() as connection:
        await lock_suspects(connection, org_id, adapter, entity)
        cursor = await connection.execute(
            query("suspects", "approve" if approve else "reject"),
            {
                "org_id": org_id,
                "adapter": adapter,
                "entity": entity,
                "ids": None if ids is None else list(ids),
                "by": storable_text(by),
            },
        )
        if all_or_none and ids is not None:
            decided = {found for (found,) in await cursor.fetchall()}
            _check_decided(org_id, entity, [each for each in dict.fromkeys(ids) if each not in decided])
        return cursor.rowcount


def _check_decided(org_id: OrgId, entity: EntityName, others: Sequence[str]) -> None:
    if others:
        more = f" and {len(others) - _NAMED_AT_MOST} more" if len(others) > _NAMED_AT_MOST else ""
        raise ConfigurationError(
            f"suspects of {entity}",
            f"nobody waits for a decision about {', '.join(others[:_NAMED_AT_MOST])}{more}, so nothing was changed",
            f"ids that `openfaith suspects list {org_id} --entity {entity} --json` shows",
        )
