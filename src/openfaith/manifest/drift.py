"""Where a source differs from the manifest: what it has that nobody told us, and what it no longer has.

A collection says of itself what it can filter by, order by and include, and its records show their attributes and
relationships. Both are compared with the manifest, name by name. Nothing here asks anybody: the first page of a listing
that is read anyhow is enough.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from openfaith.manifest.capabilities import best_delta_way, times_in
from openfaith.manifest.entity import Endpoint, Entity
from openfaith.records import Page

DriftKind = Literal["collection", "attribute", "relationship", "filter", "order", "include"]

RECORDS_LOOKED_AT = 25
"""Of a page. Its records have the same attributes, so that more would tell no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """One name that only the manifest has, or only the source."""

    kind: DriftKind
    name: str
    change: Literal["added", "gone"]
    """At the source, as seen from the manifest."""
    consequence: str = ""
    """What it changes for a sync, in a sentence; empty where nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """What the records of a page show."""

    records: int
    attributes: frozenset[str]
    relationships: frozenset[str]


def find_drift(
    entity: Entity,
    endpoint: Endpoint | None,
    page: Page | None,
    *,
    unknown_attributes: Iterable[str] = (),
    unknown_relationships: Iterable[str] = (),
) -> tuple[Drift, ...]:
    """Compare an entity with what its source shows of it.

    Args:
        endpoint: the collection that was asked, or would be; None where there is none.
        page: a page of it, with whole records: none that were asked for by `fields[...]`. None where it was not asked.
        unknown_attributes: names that stand in `_extra` of stored rows; those that the manifest knows are no drift.
        unknown_relationships: likewise.
    """
    shown = _look_at(() if page is None else page.records)
    attributes = shown.attributes.union(unknown_attributes)
    relationships = shown.relationships.union(unknown_relationships)
    return (
        *_added("attribute", attributes - entity.attributes.keys()),
        *(_gone_attributes(entity, shown) if shown.records else ()),
        *_added("relationship", relationships - entity.relationships.keys() - entity.include_targets.keys()),
        *(() if page is None or endpoint is None else _changed_abilities(entity, endpoint, page)),
    )


def missing_collection(endpoint: Endpoint) -> Drift:
    """The drift of a collection for which the source answers 404."""
    return Drift(
        kind="collection",
        name=endpoint.path,
        change="gone",
        consequence="the source has no such list (404), so it cannot be read by it",
    )


def _look_at(records: Iterable[bytes]) -> _Shown:
    found = [
        members for body in tuple(records)[:RECORDS_LOOKED_AT] if (members := _members(body)) is not None
    ]
    return _Shown(
        records=len(found),
        attributes=frozenset(name for attributes, _ in found for name in attributes),
        relationships=frozenset(name for _, relationships in found for name in relationships),
    )


def _members(body: bytes) -> tuple[set[str], set[str]] | None:
    """The names of a record's attributes and relationships; None for what is no record."""
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("attributes"), dict):
        return None
    relationships = record.get("relationships")
    return set(record["attributes"]), set(relationships if isinstance(relationships, dict) else ())


def _added(kind: DriftKind, names: Iterable[str]) -> Iterator[Drift]:
    for name in sorted(names):
        yield Drift(kind=kind, name=name, change="added")


def _gone_attributes(entity: Entity, shown: _Shown) -> Iterator[Drift]:
    """A relationship that no record shows proves nothing: which ones are shown depends on the request."""
    expected = {a.name for a in entity.attributes.values() if not a.only_when_asked}
    for name in sorted(expected - shown.attributes):
        consequence = f"{name} is null in rows that are written from now on"
        if name == "updated_at":
            consequence += ", and a record's versions are told apart only by when they were asked for"
        yield Drift(kind="attribute", name=name, change="gone", consequence=consequence)


def _changed_abilities(entity: Entity, endpoint: Endpoint, page: Page) -> Iterator[Drift]:
    """What a page does not tell of (None) is taken to be as the manifest says."""
    query, order = page.can_query_by, page.can_order_by
    delta = _delta_consequence(endpoint, query, order)
    yield from _keys("filter", endpoint.query_by, query, delta)
    yield from _keys("order", endpoint.order_by, order, delta)
    if page.can_include is not None:
        yield from _added("include", page.can_include - set(endpoint.includes))
        for name in sorted(set(endpoint.includes) - page.can_include):
            yield Drift(
                kind="include", name=name, change="gone", consequence=_include_consequence(entity, name)
            )


def _keys(
    kind: Literal["filter", "order"], known: Collection[str], told: frozenset[str] | None, delta: str
) -> Iterator[Drift]:
    if told is None:
        return
    for name in sorted(told ^ set(known)):
        yield Drift(
            kind=kind,
            name=name,
            change="added" if name in told else "gone",
            consequence=delta if times_in((name,)) else "",
        )


def _delta_consequence(endpoint: Endpoint, query: frozenset[str] | None, order: frozenset[str] | None) -> str:
    before = best_delta_way(times_in(endpoint.query_by), times_in(endpoint.order_by))
    after = best_delta_way(
        times_in(endpoint.query_by if query is None else query),
        times_in(endpoint.order_by if order is None else order),
    )
    if before == after:
        return ""
    return f"what changed can be found by {_way(*after)}, no longer by {_way(*before)}"


def _way(way: str, field: str | None) -> str:
    return "reading everything" if field is None else f"{way} on {field}"


def _include_consequence(entity: Entity, name: str) -> str:
    target = entity.include_targets.get(name)
    return f"{target or 'what it brought'} cannot ride along any more, and costs requests of its own"
