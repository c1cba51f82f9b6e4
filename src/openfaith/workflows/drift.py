"""Comparing the manifest with what a live source says of itself: one small request for every collection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from openfaith.errors import (
    AccessDeniedError,
    ProductClosedError,
    RecordNotFoundError,
    RequestRejectedError,
    TransientError,
)
from openfaith.manifest import Drift, Endpoint, Entity, Manifest, find_drift, missing_collection
from openfaith.records import EntityName, OrgId, Page
from openfaith.source import SourceClient
from openfaith.store import Database, sample_unknowns
from openfaith.telemetry import ManifestDrift, Subject

Outcome = Literal["checked", "closed", "denied", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityCheck:
    """What was found of one entity."""

    entity: EntityName
    outcome: Outcome
    """`denied`: the credentials may not read it. `closed`: nor anything else of its product. `failed`: it was not to
    be had, though nobody forbids it."""
    drift: tuple[Drift, ...] = ()
    reason: str = ""
    """Why it is not checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestCheck:
    """What a check found."""

    entities: tuple[EntityCheck, ...]
    """Those that were asked, and those whose stored rows hold something unknown; in the manifest's order."""
    closed: dict[str, str]
    """Products that the credentials do not open, and what the source said."""
    requests: int

    @property
    def drifted(self) -> tuple[EntityCheck, ...]:
        return tuple(check for check in self.entities if check.drift)

    @property
    def failed(self) -> tuple[EntityCheck, ...]:
        """Those that could not be asked, though nobody forbids it."""
        return tuple(check for check in self.entities if check.outcome == "failed")


async def check_manifest(
    database: Database, manifest: Manifest, client: SourceClient, org_id: OrgId
) -> ManifestCheck:
    """Ask every collection that needs no id once, and look into a sample of the stored rows.

    Raises:
        CredentialsRejectedError: the source does not accept the token at all.
    """
    check = _Check(database, manifest, client, org_id)
    before = client.requests_sent
    found: dict[EntityName, EntityCheck] = {}
    for product in manifest.products:
        found |= {c.entity: c for c in await check.check_product(product)}
    return ManifestCheck(
        entities=tuple(found[name] for name in manifest.entities if name in found),
        closed=check.closed,
        requests=client.requests_sent - before,
    )


class _Check:
    """One check of one organization."""

    def __init__(self, database: Database, manifest: Manifest, client: SourceClient, org_id: OrgId) -> None:
        self._database = database
        self._manifest = manifest
        self._client = client
        self._org_id = org_id
        self.closed: dict[str, str] = {}

    async def check_product(self, product: str) -> list[EntityCheck]:
        """Its collections, and of its other entities those whose stored rows hold something unknown."""
        entities = [e for e in self._manifest.entities.values() if e.product == product]
        listed = [(e, e.listing) for e in entities if e.listing is not None]
        asked = await self._try_the_door(listed)
        if asked and all(check.outcome in {"closed", "denied"} for check in asked):
            self.closed[product] = asked[-1].reason
            asked = []
        else:
            asked += await asyncio.gather(*(self._ask(*pair) for pair in listed[len(asked) :]))
        stored = [await self._look_at_rows(e) for e in entities if e.listing is None]
        return [*asked, *(check for check in stored if check.drift)]

    async def _try_the_door(self, listed: Sequence[tuple[Entity, Endpoint]]) -> list[EntityCheck]:
        """Ask one after the other until one may be read, so that a closed product costs one request and not all."""
        checks: list[EntityCheck] = []
        for entity, listing in listed:
            checks.append(await self._ask(entity, listing))
            if checks[-1].outcome != "denied":
                break
        return checks

    async def _ask(self, entity: Entity, listing: Endpoint) -> EntityCheck:
        version = self._manifest.products[entity.product].version
        try:
            page = await self._client.get_page(listing.path, {"per_page": "1"}, version=version)
        except AccessDeniedError as error:
            outcome: Outcome = "closed" if isinstance(error, ProductClosedError) else "denied"
            return EntityCheck(entity=entity.name, outcome=outcome, reason=str(error))
        except RecordNotFoundError:
            drift = (missing_collection(listing),)
            return EntityCheck(entity=entity.name, outcome="checked", drift=drift)
        except (TransientError, RequestRejectedError) as error:
            return EntityCheck(entity=entity.name, outcome="failed", reason=str(error))
        return await self._compare(entity, listing, page)

    async def _look_at_rows(self, entity: Entity) -> EntityCheck:
        return await self._compare(entity, entity.collection, None)

    async def _compare(self, entity: Entity, endpoint: Endpoint | None, page: Page | None) -> EntityCheck:
        unknowns = await sample_unknowns(self._database, self._manifest, entity, self._org_id)
        drift = find_drift(
            entity,
            endpoint,
            page,
            unknown_attributes=unknowns.attributes,
            unknown_relationships=unknowns.relationships,
        )
        return EntityCheck(entity=entity.name, outcome="checked", drift=drift)


def drift_event(about: Subject, drift: Sequence[Drift]) -> ManifestDrift | None:
    """What a run tells of an entity's drift; None where there is none."""
    if not drift:
        return None
    consequences = dict.fromkeys(d.consequence for d in drift if d.consequence)
    return ManifestDrift(
        about=about,
        added=_names(drift, "added"),
        gone=_names(drift, "gone"),
        consequences=tuple(consequences),
    )


def _names(drift: Sequence[Drift], change: str) -> dict[str, list[str]]:
    """By kind."""
    names: dict[str, list[str]] = {}
    for one in drift:
        if one.change == change:
            names.setdefault(one.kind, []).append(one.name)
    return names
