"""What speaks against a listing beside its walk: what became of its rows, and what is known of its parents.

What is read below parents was looked for below those that are stored. A record that moved to one that is not there looks
like it is gone, and what is below one that was missed is missed too; so what was read so is proven to be all only where
the same run has proven that of the parents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from openfaith.errors import LeaseLostError
from openfaith.records import EntityName, EntityRunId
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.store.run_records import HeldEntityRun
from openfaith.texts import storable_text

FORGOTTEN = "what it listed was removed before the run was retried"
"""The doubt about a listing of which nothing is there any more to go on with."""


def lost(rows: int, counted: int) -> str:
    """The doubt about a listing that has not as many rows as were written."""
    return f"{counted:,} ids were written, and {rows:,} are there"


def unlisted(records: int) -> str:
    """The doubt about a listing that did not show records of which the source, when it was asked for them, said more."""
    return f"{records:,} of the records that it did not show exist"


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingOfParents:
    """How the parents of an entity were read in the same run."""

    entity: EntityName
    listed: bool
    """Whether what is below them is listed, to be compared, and so they must be too."""
    was_read: bool
    """Whether they were part of the run, and listed where what is below them is."""
    in_part: bool
    """Whether only what had changed of them was read, which neither proves nor disproves that they are all there."""
    proven: bool
    """Whether their entity run completed, and nothing speaks against that it has read them all."""
    stored: bool
    """Whether all that it showed could be fetched and stored. Of what is listed: whether those that could not be are known
    one by one, so that the comparison leaves out what may be below them."""
    read: bool
    """Whether it could look below each of their own parents, if they have such."""

    def doubts(self) -> Iterator[str]:
        """What speaks against that all is known of what is below them."""
        if not self.was_read:
            both = ": reconcile both together" if self.listed else ""
            yield f"{self.entity}, below which it is read, was not read in this run{both}"
            return
        if not self.proven and not self.in_part:
            yield f"the listing of {self.entity}, below which it is read, is not proven"
        if not self.stored:
            yield f"some records of {self.entity}, below which it is read, could not be fetched or stored"
        if not self.read:
            yield f"some records of {self.entity}, below which it is read, are below what could not be read"


async def doubts_of_parents(connection: psycopg.AsyncConnection, entity_run_id: EntityRunId) -> list[str]:
    """What speaks against the listing of an entity run because of its parents; nothing where it was not read below any."""
    standing = await _standing_of_parents(connection, entity_run_id)
    return [] if standing is None else [*standing.doubts()]


async def note_doubts(database: Database, held: HeldEntityRun, doubts: Sequence[str] | None) -> None:
    """Keep why what an entity run read is not proven to be all, with what is to be said of its parents.

    Args:
        doubts: what its walk has against it; None where it was to read a part. Then nothing is claimed, nor where only a
            part of its parents was read and nothing speaks against what was read below them.

    Raises:
        LeaseLostError: somebody else holds the entity run now; nothing was written.
    """
    async with database.transaction() as connection:
        every = None if doubts is None else [*map(storable_text, doubts)]
        if every is not None and (standing := await _standing_of_parents(connection, held.entity_run_id)):
            every += standing.doubts()
            every = None if standing.in_part and not every else every
        cursor = await connection.execute(
            query("runs", "note_doubts"),
            {"entity_run_id": held.entity_run_id, "fence": held.fence, "doubts": every},
        )
        if cursor.rowcount != 1:
            raise LeaseLostError(held.entity_run_id, held.fence)


async def _standing_of_parents(
    connection: psycopg.AsyncConnection, entity_run_id: EntityRunId
) -> StandingOfParents | None:
    cursor = connection.cursor(row_factory=class_row(StandingOfParents))
    await cursor.execute(query("listings", "get_standing_of_parents"), {"entity_run_id": entity_run_id})
    return await cursor.fetchone()
