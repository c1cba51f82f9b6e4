"""What speaks against a listing beside its walk: what became of its rows, and what is known of its parents.

What is read below parents was looked for below those that are stored. A record that moved to one that is not there looks
like it is gone; so a listing of that kind proves something only where the same run has proven the parents to be all there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from openfaith.records import EntityName, EntityRunId
from openfaith.store.queries import query

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
    """How the parents of an entity were listed in the same run."""

    entity: EntityName
    listed: bool
    proven: bool
    """Whether their entity run completed, by a proven listing."""
    stored: bool
    """Whether all that it showed could be fetched and stored."""
    read: bool
    """Whether it could look below each of their own parents, if they have such."""

    def doubts(self) -> Iterator[str]:
        """What speaks against a listing of what is below them."""
        if not self.listed:
            yield f"{self.entity}, below which it is read, was not listed in this run: reconcile both together"
            return
        if not self.proven:
            yield f"the listing of {self.entity}, below which it is read, is not proven"
        if not self.stored:
            yield f"some records of {self.entity}, below which it is read, could not be fetched or stored"
        if not self.read:
            yield f"some records of {self.entity}, below which it is read, are below what could not be read"


async def doubts_of_parents(connection: psycopg.AsyncConnection, entity_run_id: EntityRunId) -> list[str]:
    """What speaks against the listing of an entity run because of its parents; nothing where it was not read below any."""
    cursor = connection.cursor(row_factory=class_row(StandingOfParents))
    await cursor.execute(query("listings", "get_standing_of_parents"), {"entity_run_id": entity_run_id})
    standing = await cursor.fetchone()
    return [] if standing is None else [*standing.doubts()]
