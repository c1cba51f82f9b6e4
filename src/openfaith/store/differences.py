"""What a closed listing and a mirror table do not have in common, found a range of ids at a time.

Two sides are gone through, each in the order of its own key, 10,000 ids in a transaction, with the other side looked
up by id: first what was listed (what of it is not stored, or older), then what is stored (what of it was not listed).
How far that is stands in the listing itself, so that whoever takes over goes on there, and nothing is held in memory.
A join by ranges of both keys at once would be quicker; but then an index that sorts otherwise than it did, as after a
change of the server's locale, would make rows look like they had not been listed.

What is listed with the very stamp that is stored is stale, too, where it was read in the second of that stamp and not since
by a listing or a full sync that was proven: the next delta would have asked for it again, and asks for less from now on.

A stored row that a proven listing does not have is a suspect. Nothing happens to it by that: it is a question.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity, Manifest, columns
from openfaith.records import EntityName
from openfaith.store.connection import Database
from openfaith.store.doubts import FORGOTTEN, lost
from openfaith.store.listings import Listing, count_rows, lock_listing
from openfaith.store.mirror import table
from openfaith.store.queries import query
from openfaith.store.removals import known_to_be_gone
from openfaith.store.run_records import HeldEntityRun
from openfaith.store.suspects import lock_suspects

IDS_AT_ONCE = 10_000

_SAME_MOMENT = timedelta(seconds=2)
"""Stamps are of whole seconds, and so is the source's clock: what was asked for so soon after its stamp may have changed
again under the same one."""

_LISTED = """
WITH part AS MATERIALIZED (
    SELECT id, updated_at FROM openfaith.listing_row
    WHERE entity_run_id = %(entity_run_id)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
), whole AS MATERIALIZED (
    SELECT COALESCE(max(proven_at), '-infinity') AS read_at FROM openfaith.sync_state
    WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
), found AS (
    SELECT part.id, CASE WHEN stored.id IS NULL THEN 'missing' ELSE 'stale' END AS kind
    FROM part CROSS JOIN whole LEFT JOIN LATERAL (
        SELECT t.id, t._source_updated_at, t._requested_at FROM {table} AS t
        WHERE t.org_id = %(org_id)s AND t.id = part.id COLLATE "default" AND t._deleted_at IS NULL
        OFFSET 0
    ) AS stored ON true
    WHERE stored.id IS NULL OR part.updated_at > COALESCE(stored._source_updated_at, '-infinity')
       OR %(rereads)s AND part.updated_at = stored._source_updated_at
          AND part.updated_at > GREATEST(stored._requested_at, whole.read_at) - %(same_moment)s::interval
), noted AS (
    INSERT INTO openfaith.difference (entity_run_id, id, kind)
    SELECT %(entity_run_id)s, id, kind FROM found
), refuted AS (
    DELETE FROM openfaith.suspect
    WHERE org_id = %(org_id)s AND adapter = %(adapter)s AND entity = %(entity)s
      AND id = ANY (ARRAY(SELECT id FROM part))
    RETURNING state
)
SELECT (SELECT count(*) FROM part), (SELECT max(id) FROM part),
       (SELECT count(*) FROM found WHERE kind = 'missing'), (SELECT count(*) FROM found WHERE kind = 'stale'),
       0, (SELECT count(*) FROM refuted WHERE state NOT IN ('confirmed', 'unlisted'))
"""

_STORED = """
WITH part AS MATERIALIZED (
    SELECT t.id, t._requested_at, t._deleted_at, {parent} AS parent FROM {table} AS t
    WHERE t.org_id = %(org_id)s AND t.id > %(after)s COLLATE "default" ORDER BY t.id LIMIT %(limit)s
), missed AS MATERIALIZED (
    SELECT part.id COLLATE "C" AS id, part._requested_at FROM part
    WHERE part._deleted_at IS NULL AND part._requested_at <= %(started_at)s{walked}
      AND NOT EXISTS (
          SELECT FROM openfaith.listing_row AS r
          WHERE r.entity_run_id = %(entity_run_id)s AND r.id = part.id COLLATE "C"
          OFFSET 0)
), judged AS (
    SELECT missed.id, COALESCE(s.times_missed, 0) + 1 AS times_missed, COALESCE(s.found_at, now()) AS found_at,
           kept.state, CASE WHEN kept.state IS NOT NULL THEN s.reason END AS reason,
           CASE WHEN kept.state IS NOT NULL THEN s.decided_by END AS decided_by,
           CASE WHEN kept.state IS NOT NULL THEN s.decided_at END AS decided_at
    FROM missed
    LEFT JOIN LATERAL (
        SELECT * FROM openfaith.suspect AS s
        WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s AND s.entity = %(entity)s AND s.id = missed.id
          AND s.state <> 'confirmed' AND (missed._requested_at <= s.listing_started_at OR s.state = 'unlisted')
        OFFSET 0
    ) AS s ON true
    CROSS JOIN LATERAL (SELECT CASE
        WHEN s.state = 'rejected' THEN s.state
        WHEN s.must_wait THEN s.state
        WHEN s.state = 'unlisted' THEN s.state
        WHEN s.state = 'approved' AND s.permissions IS NOT DISTINCT FROM %(permissions)s THEN s.state
    END AS state) AS kept
), written AS (
    INSERT INTO openfaith.suspect AS s (org_id, adapter, entity, id, state, must_wait, reason, found_at, entity_run_id,
        listing_started_at, permissions, times_missed, decided_by, decided_at)
    SELECT %(org_id)s, %(adapter)s, %(entity)s, id, COALESCE(state, 'suspect'), COALESCE(state = 'held', false), reason,
           found_at, %(entity_run_id)s, %(started_at)s, %(permissions)s, times_missed, decided_by, decided_at
    FROM judged
    ON CONFLICT (org_id, adapter, entity, id) DO UPDATE
    SET (state, must_wait, reason, found_at, entity_run_id, listing_started_at, permissions, times_missed, decided_by,
         decided_at, confirmed_at)
      = (excluded.state, excluded.must_wait, excluded.reason, excluded.found_at, excluded.entity_run_id, excluded.listing_started_at,
         excluded.permissions, excluded.times_missed, excluded.decided_by, excluded.decided_at, NULL)
    RETURNING s.id, s.state
), noted AS (
    INSERT INTO openfaith.difference (entity_run_id, id, kind)
    SELECT %(entity_run_id)s, id, 'suspect' FROM written WHERE state <> 'rejected'
)
SELECT (SELECT count(*) FROM part), (SELECT max(id) FROM part), 0, 0,
       (SELECT count(*) FROM written WHERE state NOT IN ('rejected', 'unlisted')), 0
"""

_WALKED = """
      AND NOT EXISTS (
          SELECT FROM openfaith.parent_failure AS f
          WHERE f.entity_run_id = %(entity_run_id)s AND f.parent_id = part.parent
          OFFSET 0)
      AND (EXISTS (
          SELECT FROM {table} AS p
          WHERE p.org_id = %(org_id)s AND p.id = part.parent AND p._deleted_at IS NULL
            AND p._requested_at <= %(started_at)s
          OFFSET 0) OR {gone})"""
"""The parent was one of those that were gone through, and could be read below; or it is known to be gone, so that whatever
was below it is below another one now, all of which were gone through, or gone too."""

_ALL_READ = """
      AND NOT EXISTS (SELECT FROM openfaith.parent_failure WHERE entity_run_id = %(entity_run_id)s)"""
"""A record that belongs to none of its parents may be below any that could not be read. What has no parents has none such."""

_UNSTORED = """
INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason)
SELECT e.entity_run_id, d.record_key, 'its record could not be stored'
FROM openfaith.entity_run AS e
JOIN openfaith.sync_run AS run ON run.run_id = e.run_id
JOIN openfaith.dead_letter AS d
  ON d.org_id = e.org_id AND d.adapter = e.adapter AND d.entity = e.parent
     AND (d.run_id = e.run_id OR d.last_seen_at >= run.requested_at)
WHERE e.entity_run_id = %(entity_run_id)s AND (d.status <> 'open' OR NOT EXISTS (
    SELECT FROM {parents} AS p
    WHERE p.org_id = d.org_id AND p.id = d.record_key AND p._deleted_at IS NULL
    OFFSET 0))
ON CONFLICT (entity_run_id, parent_id) DO NOTHING
"""
"""Parents that the run has met, and that are not there to be read below because they could not be stored. A later run may
have met them again before this one was retried. One that is stored as it was before is read below like any other. Of a letter that somebody has settled meanwhile nobody knows when the record
was stored: the walk may have passed it before."""

_SEEN_SINCE = """
WITH refuted AS (
    DELETE FROM openfaith.suspect AS s
    WHERE s.org_id = %(org_id)s AND s.adapter = %(adapter)s AND s.entity = %(entity)s AND s.state <> 'confirmed'
      AND NOT EXISTS (
          SELECT FROM {table} AS t
          WHERE t.org_id = %(org_id)s AND t.id = s.id COLLATE "default" AND t._deleted_at IS NULL
            AND (t._requested_at <= s.listing_started_at OR s.state = 'unlisted')
          OFFSET 0)
    RETURNING s.state
)
SELECT count(*) FILTER (WHERE state <> 'unlisted') FROM refuted
"""
"""Suspects whose row was written or deleted since the listing that missed them. What is known to exist although it is not
listed may be written by whoever asks for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What one range of ids came to."""

    done: bool
    """Whether nothing is left to compare."""
    missing: int = 0
    stale: int = 0
    suspects: int = 0
    refuted: int = 0
    """Suspects of former listings that were seen since."""


@dataclass(frozen=True, slots=True)
class _Range:
    """What a range's statement returns."""

    size: int
    last: str | None
    missing: int
    stale: int
    suspects: int
    refuted: int


async def compare_next(
    database: Database,
    manifest: Manifest,
    entity: Entity,
    held: HeldEntityRun,
    *,
    rereads: bool = True,
    limit: int = IDS_AT_ONCE,
) -> Compared:
    """Compare the next range of ids of a closed listing, and note what differs. To be called until it is done.

    A listing that is not proven makes no suspects. Neither does one that has lost rows since it was closed, or of which
    nothing is kept any more: it is no longer proven, and the suspects that it made are forgotten. Of what was listed below
    parents, rows of those that could not be read, or stored, or were not there to be walked, are left out.

    Args:
        rereads: whether what is stale will be asked for by itself; else the pages of the listing have brought it.
        limit: ids in a range; all there are where fewer are left.

    Raises:
        LeaseLostError: somebody else holds the entity run now, or its listing is not closed; nothing was written.
    """
    async with database.transaction() as connection:
        listing = await lock_listing(connection, held)
        if listing.closed_at is None:
            raise LeaseLostError(held.entity_run_id, held.fence)
        await lock_suspects(connection, listing.org_id, listing.adapter, listing.entity)
        if listing.forgotten_at is not None:
            # First of all: how far it was compared says nothing without the differences that were found.
            await _distrust(connection, listing, FORGOTTEN)
            return Compared(done=True)
        if listing.compared_at is not None:
            return Compared(done=True)
        comparison = _Comparison(connection, manifest, entity, listing, rereads)
        if listing.side == "listed":
            found = await comparison.compare_listed(limit)
        else:
            found = await comparison.compare_stored(limit)
        return await comparison.advance(found, limit)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One range's part of a comparison, in the transaction of its connection."""

    connection: psycopg.AsyncConnection
    manifest: Manifest
    entity: Entity
    listing: Listing
    rereads: bool

    async def compare_listed(self, limit: int) -> _Range:
        statement = sql.SQL(_LISTED).format(table=table(self.manifest, self.entity))
        place = {"after": self.listing.compared_to, "limit": limit, "rereads": self.rereads}
        return _Range(*await self._fetch(statement, **place))

    async def compare_stored(self, limit: int) -> _Range:
        if self.listing.parent is not None:
            await self._leave_behind_unstored(self.listing.parent)
        column = None if self.listing.parent is None else parent_id_column(self.entity)
        statement = sql.SQL(_STORED).format(
            table=table(self.manifest, self.entity),
            parent=sql.SQL("NULL::text") if column is None else sql.Identifier("t", column),
            walked=sql.SQL(_ALL_READ) if column is None else self._walked(),
        )
        return _Range(*await self._fetch(statement, after=self.listing.compared_to, limit=limit))

    async def _leave_behind_unstored(self, parent: EntityName) -> None:
        parents = table(self.manifest, self.manifest.entities[parent])
        statement = sql.SQL(_UNSTORED).format(parents=parents)
        await self.connection.execute(statement, {"entity_run_id": self.listing.entity_run_id})

    def _walked(self) -> sql.Composed:
        assert self.entity.below is not None, "only what is below a parent has a column for it"
        parent = self.manifest.entities[self.entity.below.parent]
        gone = known_to_be_gone(self.manifest, parent, sql.Identifier("part", "parent"))
        return sql.SQL(_WALKED).format(table=table(self.manifest, parent), gone=gone)

    async def advance(self, found: _Range, limit: int) -> Compared:
        """Note how far the comparison is, and what the range came to."""
        ends = found.size < limit
        proven = self.listing.proven and (not ends or await self._is_whole())
        done = ends and (self.listing.side == "stored" or not proven)
        compared = Compared(
            done=done,
            missing=found.missing,
            stale=found.stale,
            suspects=found.suspects if proven else 0,
            refuted=found.refuted + (await self._forget_seen() if done else 0),
        )
        await self.connection.execute(
            query("differences", "advance"),
            {
                **asdict(compared),
                "entity_run_id": self.listing.entity_run_id,
                "side": "stored" if ends and not done else self.listing.side,
                "compared_to": "" if ends else found.last,
            },
        )
        return compared

    async def _is_whole(self) -> bool:
        """Whether the listing still has the rows that it was closed with; where not, it is distrusted."""
        assert self.listing.rows is not None, "it is closed"
        rows = await count_rows(self.connection, self.listing.entity_run_id)
        if rows == self.listing.rows:
            return True
        await _distrust(self.connection, self.listing, lost(rows, self.listing.rows))
        return False

    async def _forget_seen(self) -> int:
        statement = sql.SQL(_SEEN_SINCE).format(table=table(self.manifest, self.entity))
        [refuted] = await self._fetch(statement)
        return int(refuted)

    async def _fetch(self, statement: sql.Composed, **parameters: object) -> tuple[Any, ...]:
        listing = self.listing
        known = {
            "entity_run_id": listing.entity_run_id,
            "org_id": listing.org_id,
            "adapter": listing.adapter,
            "entity": listing.entity,
            "started_at": listing.started_at,
            "permissions": listing.permissions,
            "same_moment": _SAME_MOMENT,
        }
        row = await (await self.connection.execute(statement, known | parameters)).fetchone()
        assert row is not None, "it counts"
        return row


async def _distrust(connection: psycopg.AsyncConnection, listing: Listing, doubt: str) -> None:
    await connection.execute(
        query("differences", "distrust"), {"entity_run_id": listing.entity_run_id, "doubt": doubt}
    )


def parent_id_column(entity: Entity) -> str | None:
    """The column that holds the id of the parent that an entity is read below; None where it belongs to none."""
    if entity.below is None:
        return None
    own = next((i.name for i in entity.below.ids if i.column == "id"), None)
    return next((c.name for c in columns(entity) if c.placeholder is not None and c.placeholder == own), None)
