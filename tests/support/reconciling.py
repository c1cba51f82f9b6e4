"""A church whose records are listed, compared with what is stored, and deleted where they are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openfaith.manifest import Entity, Manifest
from openfaith.records import EntityName, EntityRunId, Page
from openfaith.store import (
    Committed,
    Compared,
    Database,
    Deleted,
    Listing,
    ListingWriter,
    Merged,
    PageWriter,
    Reconciliation,
    allow_deletions,
    close_listing,
    compare_next,
    list_beside,
    list_reconciliations,
    merge,
    open_listing,
    tombstone,
)
from support.mirror import MANIFEST, MEMBER, Reader, Row, fetch, make_page, make_place, moment, record


@dataclass
class Reconciler:
    """Whoever holds an entity run, and reconciles with it. Times are seconds by the source's clock."""

    reader: Reader
    riders: tuple[tuple[Entity, str], ...] = ()
    """What comes along, each with its include; then the pages are stored, and their ids beside them."""
    rider_runs: Mapping[EntityName, EntityRunId] = field(default_factory=dict)

    @classmethod
    async def begin(
        cls,
        database: Database,
        entity: Entity = MEMBER,
        *,
        org: str,
        manifest: Manifest = MANIFEST,
        at: float = 100,
    ) -> Reconciler:
        reader = await Reader.begin(database, entity, org=org, manifest=manifest)
        return await cls.of(reader, at=at)

    @classmethod
    async def of(cls, reader: Reader, *, at: float = 100) -> Reconciler:
        """Within an entity run that has stored something already."""
        await open_listing(reader.database, reader.held, started_at=moment(at))
        return cls(reader)

    async def again(self, *, at: float, permissions: str | None = None) -> Reconciler:
        """The next run of the same, after this one was completed."""
        return await Reconciler.of(await self.reader.begin_again(permissions=permissions), at=at)

    @property
    def database(self) -> Database:
        return self.reader.database

    async def show(self, *keys: str, at: float | None = 50) -> Committed:
        """List these ids, as last changed `at`, on the next page."""
        stamps: dict[str, Any] = {} if at is None else {"updated_at": moment(at).isoformat()}
        return await self.commit(make_page(*(record(k, self.reader.entity.type, **stamps) for k in keys)))

    async def commit(self, page: Page) -> Committed:
        place = make_place(self.reader.held, self.reader.held.pages + 1)
        if self.riders:
            writer = PageWriter(
                self.database, self.reader.manifest, self.reader.entity, self.riders, list_beside
            )
            committed = await writer.commit(page, place, self.rider_runs)
        else:
            lister = ListingWriter(self.database, self.reader.manifest, self.reader.entity)
            committed = await lister.commit(page, place)
        self.reader.held = replace(self.reader.held, pages=place.number)
        return committed

    async def close(self, *doubts: str, shown: int | None = None) -> Listing:
        return await close_listing(self.database, self.reader.held, doubts, shown=shown)

    async def compare(self, *, limit: int = 10_000, steps: int | None = None) -> Compared:
        """All ranges, or so many of them, added up."""
        found = Compared(done=False)
        while not found.done and steps != 0:
            part = await compare_next(
                self.database,
                self.reader.manifest,
                self.reader.entity,
                self.reader.held,
                limit=limit,
            )
            found = Compared(
                done=part.done,
                missing=found.missing + part.missing,
                stale=found.stale + part.stale,
                suspects=found.suspects + part.suspects,
                refuted=found.refuted + part.refuted,
            )
            steps = None if steps is None else steps - 1
        return found

    async def reconcile(self, *keys: str, at: float | None = 50, allow: bool = True) -> Compared:
        """List these, compare, and let the guard allow what follows."""
        await self.show(*keys, at=at)
        await self.close()
        found = await self.compare()
        if allow:
            await allow_deletions(self.database, self.reader.held)
        return found

    async def delete(self, *keys: str, at: float = 200, suspects_only: bool = True) -> Deleted:
        return await tombstone(
            self.database,
            self.reader.manifest,
            self.reader.entity,
            self.reader.held,
            keys,
            confirmed_at=moment(at),
            suspects_only=suspects_only,
        )

    async def merge(
        self, survivors: Mapping[str, str], *, at: float = 200, suspects_only: bool = True
    ) -> Merged:
        return await merge(
            self.database,
            self.reader.manifest,
            self.reader.entity,
            self.reader.held,
            survivors,
            confirmed_at=moment(at),
            suspects_only=suspects_only,
        )

    async def living(self) -> set[str]:
        return {key for key, row in (await self.reader.rows()).items() if row["_deleted_at"] is None}

    async def listed(self) -> dict[str, Any]:
        rows = await fetch(
            self.database,
            "SELECT id, updated_at FROM openfaith.listing_row WHERE entity_run_id = %s",
            self.reader.held.entity_run_id,
        )
        return {row["id"]: row["updated_at"] for row in rows}

    async def differences(self) -> dict[str, str]:
        """Kind by id."""
        rows = await fetch(
            self.database,
            "SELECT id, kind FROM openfaith.difference WHERE entity_run_id = %s ORDER BY id",
            self.reader.held.entity_run_id,
        )
        return {row["id"]: row["kind"] for row in rows}

    async def suspects(self) -> dict[str, Row]:
        """All there are of the entity, whatever their state, by id."""
        rows = await fetch(
            self.database,
            "SELECT * FROM openfaith.suspect WHERE org_id = %s AND entity = %s ORDER BY id",
            self.reader.org_id,
            self.reader.entity.name,
        )
        return {row["id"]: row for row in rows}

    async def report(self) -> Reconciliation:
        found = await list_reconciliations(self.database, self.reader.run_id)
        [own] = [each for each in found if each.entity == self.reader.entity.name]
        return own


async def store(reader: Reader, keys: Sequence[str], *, at: float = 60, changed_at: float = 50) -> None:
    """Have these records stored, as requested `at` and last changed `changed_at`."""
    stamp = moment(changed_at).isoformat()
    await reader.store(*(record(key, reader.entity.type, updated_at=stamp) for key in keys), at=at)
