"""Merges that the source tells of: asked about one record, and applied from the log that is stored.

A record that is gone was deleted, or another one took its place. Which of the two is true stands in a list of its own
at the source, the log (`Manifest.merges`). Whoever misses a record asks it (`find_survivor`). And since that list is an
entity like any other, every run that has read it applies what it tells (`apply_merges`): people that were merged are
so here within one delta, and need no reconciliation to be found missing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from openfaith.errors import SyncError
from openfaith.manifest import Endpoint, Manifest, MergeLog
from openfaith.records import Page
from openfaith.source import SourceClient
from openfaith.store import HeldEntityRun, ToldMerges, list_told, merge
from openfaith.telemetry import RecordsMerged
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.runtime import Runtime

MOST_LINKS = 20
"""Of a chain of merges; a longer one is taken for a circle."""

AT_ONCE = 300
"""Merges that are looked up together."""

_PAGE_SIZE = "100"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_MOST_DIGITS = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Survivor:
    """What the source says of a record that it does not have any more."""

    id: str | None
    """Who has its place, at the end of the chain; None where it was not merged, or the chain has no end."""
    requests: int
    """That it took."""
    filter_ignored: bool = False
    """Whether the source showed merges that nobody asked for, so that one may be missing among them."""


async def find_survivor(client: SourceClient, manifest: Manifest, log: MergeLog, record_id: str) -> Survivor:
    """Ask the log who took a record's place, and who took theirs, to the end.

    Raises:
        SyncError: as the client does; its `requests` are those of all links.
    """
    entity = manifest.entities[log.log]
    assert entity.listing is not None, "the log of merges has a list"
    version = manifest.products[entity.product].version
    chain, requests, ignored = [record_id], 0, False
    while len(chain) <= MOST_LINKS:
        try:
            page = await client.get_page(
                entity.listing.path, _asking(entity.listing, log, chain[-1]), version=version
            )
        except SyncError as error:
            error.requests += requests
            raise
        requests += page.requests
        told = list(_told(page, log))
        ignored = ignored or any(removed != chain[-1] for removed, _, _ in told)
        found = [(at, kept) for removed, kept, at in told if removed == chain[-1]]
        if not found:
            end = chain[-1] if len(chain) > 1 else None
            return Survivor(id=end, requests=requests, filter_ignored=ignored)
        _, kept = max(found, key=lambda each: each[0])
        if kept in chain:
            break
        chain.append(kept)
    return Survivor(id=None, requests=requests, filter_ignored=ignored)


def _asking(listing: Endpoint, log: MergeLog, record_id: str) -> dict[str, str]:
    newest_first = {"order": "-created_at"} if "created_at" in listing.order_by else {}
    return {f"where[{log.removed}]": record_id, "per_page": _PAGE_SIZE, **newest_first}


def _told(page: Page, log: MergeLog) -> Iterator[tuple[str, str, tuple[datetime, int]]]:
    """Who was removed and who was kept, and when; of equal times the one that the source numbered last is newer."""
    for record, row in zip(page.records, page.rows, strict=True):
        attributes = _attributes(record)
        removed, kept = _id(attributes.get(log.removed)), _id(attributes.get(log.kept))
        if removed and kept:
            yield removed, kept, (row.created_at or _LONG_AGO, _number(row.id))


def _attributes(record: bytes) -> dict[str, object]:
    """None at all where it is no record: it tells nothing, and the others of its page do."""
    try:
        document = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    attributes = document.get("attributes") if isinstance(document, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def _number(record_id: str | None) -> int:
    """An id as a number, where it is one of a size that sources count to."""
    plain = record_id is not None and record_id.isdecimal() and len(record_id) <= _MOST_DIGITS
    return int(record_id or 0) if plain else 0


def _id(value: object) -> str | None:
    """An id as text; attributes have it as a number, too (reported of deliveries of Planning Center, 2026-07)."""
    if isinstance(value, bool):
        return None
    return str(value) if isinstance(value, str | int) else None


async def apply_merges(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> int:
    """Apply what a stored log of merges tells and the tables do not show yet. Whatever is no log has nothing to tell.

    Each part is one transaction under the log's own fencing token, and what is applied is not found again: to begin
    anew after a crash is to go on.

    Returns:
        How many records have another survivor now.

    Raises:
        LeaseLostError: another process holds the log's entity run now.
    """
    manifest = runtime.manifest(assignment.adapter)
    applied = 0
    for log in (log for log in manifest.merges if log.log == assignment.entity.name):
        after: str | None = ""
        while after is not None:
            told = await list_told(
                runtime.database, manifest, log, assignment.org_id, after=after, limit=AT_ONCE
            )
            applied += await _apply(runtime, assignment, held, log, told)
            after = told.last
    return applied


async def _apply(
    runtime: Runtime, assignment: Assignment, held: HeldEntityRun, log: MergeLog, told: ToldMerges
) -> int:
    manifest = runtime.manifest(assignment.adapter)
    merged, repointed = 0, Counter[str]()
    for confirmed_at, survivors in sorted(told.survivors.items()):
        async with runtime.committing():
            done = await merge(
                runtime.database,
                manifest,
                manifest.entities[log.entity],
                held,
                survivors,
                confirmed_at=confirmed_at,
                suspects_only=False,
            )
        merged += done.merged + done.renamed
        repointed.update(done.repointed)
    if merged or repointed:
        await runtime.tell(
            RecordsMerged(
                about=replace(assignment.subject, entity=log.entity),
                merged=merged,
                repointed=dict(sorted(repointed.items())),
            )
        )
    return merged
