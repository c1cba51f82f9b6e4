"""Open circuit breakers: one row each, so that all processes leave the same sources alone and one of them probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from openfaith.breakers import BreakerPolicy, BreakerReason
from openfaith.errors import BreakerOpenError
from openfaith.records import OrgId, RunId
from openfaith.store.connection import Database
from openfaith.store.events import insert_events
from openfaith.store.queries import query
from openfaith.store.sync_outcomes import list_org_ids
from openfaith.telemetry import BreakerClosed, BreakerOpened, BreakerProbed, Event, Subject
from openfaith.texts import storable_text


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBreaker:
    """A source that is left alone. Times are by the database's clock."""

    breaker_id: int
    adapter: str
    base_url: str
    org_id: OrgId | None
    """Whose credentials are concerned; None where all who read the source wait."""
    run_id: RunId | None
    """The last run that met it."""
    reason: BreakerReason
    what: str
    """The request that opened it."""
    seen: str
    """What came of that, or of the last probe."""
    opened_at: datetime
    probes: int
    """How many have failed since."""
    next_probe_at: datetime
    is_probed: bool
    """Half-open: somebody is asking just now."""
    at: datetime
    """When this was so."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", BreakerReason(self.reason))

    @property
    def state(self) -> str:
        return "half-open" if self.is_probed else "open"

    @property
    def open_for(self) -> timedelta:
        return self.at - self.opened_at

    @property
    def due_in(self) -> timedelta:
        """Until the next probe; nothing where it is time."""
        return max(self.next_probe_at - self.at, timedelta())

    def keeps(self, org_id: OrgId, adapter: str, base_url: str) -> bool:
        """Whether it keeps this organization from its source."""
        return (self.adapter, self.base_url) == (adapter, base_url) and self.org_id in {None, org_id}

    @property
    def error(self) -> BreakerOpenError:
        return BreakerOpenError(self.reason, self.what, self.seen)


async def find_breaker(database: Database, org_id: OrgId, adapter: str) -> OpenBreaker | None:
    """What keeps an organization from its source; None where nothing does. The trouble of all comes first."""
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(OpenBreaker))
        await cursor.execute(query("breakers", "find"), {"org_id": org_id, "adapter": adapter})
        return await cursor.fetchone()


async def open_breaker(
    database: Database,
    org_id: OrgId,
    adapter: str,
    error: BreakerOpenError,
    *,
    run_id: RunId | None,
    policy: BreakerPolicy,
    wait: timedelta,
    saved_at: datetime | None = None,
) -> list[Event]:
    """Open an organization's breaker, and everybody's where so many have opened theirs.

    Args:
        wait: until the first probe.
        saved_at: of credentials that were rejected, when they were kept: of others the refusal says nothing. None for
            whatever is kept.

    Returns what is stored of this and still to be logged: nothing where it was open already, unless
    the credentials turn out to be rejected.
    """
    seen = {
        "org_id": org_id,
        "adapter": adapter,
        "run_id": run_id,
        "reason": error.reason,
        "what": storable_text(error.what),
        "seen": storable_text(error.seen),
        "wait": wait,
        "saved_at": saved_at,
    }
    async with database.transaction() as connection:
        opened = await (await connection.execute(query("breakers", "open"), seen)).fetchone()
        if opened is None:
            if error.reason == BreakerReason.REJECTED:
                opened = await (await connection.execute(query("breakers", "reject"), seen)).fetchone()
            await connection.execute(query("breakers", "meet"), seen)
        if opened is None:
            return []
        about = Subject(org_id=org_id, run_id=run_id)
        told: list[Event] = [
            BreakerOpened(about=about, adapter=adapter, reason=error.reason, seen=error.seen)
        ]
        if error.reason == BreakerReason.OUTAGE:
            told += await _open_shared(connection, seen, policy)
        await insert_events(connection, told)
    return told


async def _open_shared(
    connection: psycopg.AsyncConnection, seen: Mapping[str, object], policy: BreakerPolicy
) -> list[Event]:
    asked = {
        **seen,
        "organizations": policy.organizations,
        "part": policy.part,
        "awaited": policy.longest_sleep + policy.probe_takes,
    }
    row = await (await connection.execute(query("breakers", "open_shared"), asked)).fetchone()
    if row is None:
        return []
    _, adapter, organizations = row
    return [
        BreakerOpened(
            adapter=adapter, reason=BreakerReason.OUTAGE, seen=str(seen["seen"]), organizations=organizations
        )
    ]


async def claim_probe(database: Database, breaker: OpenBreaker, *, takes: timedelta) -> bool:
    """Whether it is for the caller to probe: it is time, and no other does."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("breakers", "claim_probe"), {"breaker_id": breaker.breaker_id, "takes": takes}
        )
        return await cursor.fetchone() is not None


async def prolong_breaker(
    database: Database, breaker: OpenBreaker, seen: str, *, policy: BreakerPolicy, wait: timedelta
) -> list[Event]:
    """A probe has failed, by this. Opens everybody's where so many have opened theirs: those that did at the same moment
    have not seen each other.

    Returns what is stored of this and still to be logged.
    """
    asked = {
        "breaker_id": breaker.breaker_id,
        "org_id": breaker.org_id,
        "adapter": breaker.adapter,
        "what": breaker.what,
        "seen": storable_text(seen),
        "wait": wait,
    }
    told: list[Event] = []
    async with database.transaction() as connection:
        # First, while this holds nothing that `close_breaker` waits for: it may have to wait for that.
        if breaker.org_id is not None and breaker.reason is BreakerReason.OUTAGE:
            told = await _open_shared(connection, asked, policy)
        failed = await (await connection.execute(query("breakers", "prolong"), asked)).fetchone()
        if failed is not None:
            told.append(
                BreakerProbed(
                    about=Subject(org_id=breaker.org_id),
                    adapter=breaker.adapter,
                    seen=str(asked["seen"]),
                    probes=failed[0],
                    seconds=wait.total_seconds(),
                )
            )
        await insert_events(connection, told)
    return told


async def close_breaker(database: Database, breaker: OpenBreaker) -> list[Event]:
    """The source is well again; where the breaker was everybody's, for everybody.

    Returns what is stored of this and still to be logged.
    """
    async with database.transaction() as connection:
        cursor = await connection.execute(query("breakers", "close"), {"breaker_id": breaker.breaker_id})
        told: list[Event] = [
            BreakerClosed(
                about=Subject(org_id=org_id), adapter=adapter, reason=reason, probes=probes, seconds=seconds
            )
            for org_id, adapter, reason, probes, seconds in await cursor.fetchall()
        ]
        await insert_events(connection, told)
    return told


async def forget_breaker(connection: psycopg.AsyncConnection, org_id: OrgId, adapter: str) -> RunId | None:
    """An organization has other credentials. Returns the run that the old ones had stopped."""
    cursor = await connection.execute(query("breakers", "forget"), {"org_id": org_id, "adapter": adapter})
    row = await cursor.fetchone()
    if row is None or row[1] != BreakerReason.REJECTED or row[0] is None:
        return None
    return RunId(row[0])


async def has_read(database: Database, run_id: RunId, *, within: timedelta) -> bool:
    """Whether a run has read a page within this time, in whatever attempt."""
    asked = {"run_id": run_id, "within": within}
    async with database.connection() as connection:
        row = await (await connection.execute(query("breakers", "has_read"), asked)).fetchone()
    return row is not None and row[0]


async def list_breakers(database: Database, org_id: OrgId | None = None) -> Sequence[OpenBreaker]:
    """Those that are open, of one organization or of all, and those of all who read a source."""
    async with database.connection() as connection:
        org_ids = [org_id] if org_id is not None else await list_org_ids(connection)
        cursor = connection.cursor(row_factory=class_row(OpenBreaker))
        await cursor.execute(query("breakers", "list"), {"org_ids": org_ids})
        return await cursor.fetchall()
