"""How each entity of a run is read, and what that costs: the fewest requests, by arithmetic.

Requests are the scarce good, so an entity that somebody else's listing can bring along whole rides: its records come
as `included` of the pages that are asked for anyway, and cost nothing. *Whole* means that every one of its records
belongs to a record of that listing: the entity is read below it, or created below it and points at it. Any other
include brings only what happens to be referred to, and proves nothing.

What rides makes the pages longer. A page of a hundred records brings at most so many others along; where there is
not room for all, those ride that save most. Without counts of an earlier run an entity is taken to have one record
for each of its carrier's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from openfaith.manifest import Endpoint, Entity, Manifest, Reading, whole_includes
from openfaith.manifest.capabilities import best_delta_way, times_in
from openfaith.planning.costs import can_be_windowed, count_pages, count_requests
from openfaith.planning.graph import Graph, Rule
from openfaith.records import EntityName, SyncKind

MOST_INCLUDED = 1_000
"""Records that a page may bring along on top of its own. Long answers are what a source times out on."""

_UNCOUNTED = 100
"""How many records a parent is taken to have that nobody has counted: enough to make nested reading dear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How one entity is read in one run."""

    entity: EntityName
    reading: Reading
    endpoint: Endpoint
    """What is asked: its own collection, or the one that it rides on."""
    parent: EntityName | None = None
    """Whose stored rows are walked, for a nested one."""
    carrier: EntityName | None = None
    """Whose pages bring it along, for one that rides."""
    include: str | None = None
    """By which include of the carrier."""
    requests: int | None = None
    """Expected; None where nobody has counted the records, or the parents, yet."""
    stands_alone: bool = False
    """Whether its own list serves this run better than any ride."""

    @property
    def text(self) -> str:
        """For a person to read."""
        match self.reading:
            case Reading.INCLUDE:
                return f"rides on {self.carrier} (include={self.include})"
            case Reading.NESTED:
                return f"below each {self.parent}, at {self.endpoint.path}"
            case _:
                return f"its own list, {self.endpoint.path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ride:
    entity: EntityName
    carrier: EntityName
    include: str
    saved: int
    load: int
    """Records that a full page of the carrier brings along."""
    only: bool
    """True where it cannot be read in any other way."""


def choose_ways(
    manifest: Manifest,
    graph: Graph,
    names: Collection[EntityName],
    counts: Mapping[EntityName, int],
    kind: SyncKind = SyncKind.FULL,
) -> dict[EntityName, Way]:
    """The way of every named entity that can be read, in the order of the names.

    Args:
        names: what is read in this run. Only what is read in it can carry.
        counts: records by entity, as of an earlier run, where there was one.
        kind: of the run. A delta needs lists to narrow.
    """
    alone = {name for name in names if _stands_alone(manifest.entities[name], kind)}
    rides = _chosen(sorted(_rides(manifest, graph, names, counts, alone), key=_worth))
    ways = (_way(manifest, manifest.entities[name], rides.get(name), counts) for name in names)
    return {way.entity: replace(way, stands_alone=way.entity in alone) for way in ways if way is not None}


def _stands_alone(entity: Entity, kind: SyncKind) -> bool:
    """Whether a delta can ask the entity's own list for changes, which no ride could."""
    listing = entity.listing
    if listing is None or kind is not SyncKind.DELTA:
        return False
    _, time = best_delta_way(times_in(listing.query_by), times_in(listing.order_by))
    return time == "updated_at"


def find_rides(manifest: Manifest, graph: Graph, name: EntityName) -> list[tuple[EntityName, str]]:
    """The listings that can bring the entity along whole, with the include."""
    return [(ride.carrier, ride.include) for ride in _rides_of(manifest, graph, manifest.entities[name], {})]


def _worth(ride: _Ride) -> tuple[bool, int, EntityName, EntityName, str]:
    return not ride.only, -ride.saved, ride.entity, ride.carrier, ride.include


def _rides(
    manifest: Manifest,
    graph: Graph,
    names: Collection[EntityName],
    counts: Mapping[EntityName, int],
    alone: Collection[EntityName],
) -> Iterator[_Ride]:
    for name in names:
        if name in alone:
            continue
        for ride in _rides_of(manifest, graph, manifest.entities[name], counts):
            if ride.carrier in names:
                yield ride


def _rides_of(
    manifest: Manifest, graph: Graph, entity: Entity, counts: Mapping[EntityName, int]
) -> Iterator[_Ride]:
    for carrier in _owners(graph, entity):
        for include in whole_includes(entity, manifest.entities[carrier]):
            yield _Ride(
                entity=entity.name,
                carrier=carrier,
                include=include,
                saved=_cost_alone(manifest, entity, counts),
                load=_load(manifest, entity, carrier, counts),
                only=entity.asked is None,
            )


def _owners(graph: Graph, entity: Entity) -> list[EntityName]:
    """To whose records every record of the entity belongs."""
    if entity.below is not None:
        return [entity.below.parent]
    pointed_at = {r.to for r in entity.to_one if not r.polymorphic}
    return [
        d.on
        for d in graph.dependencies
        if d.entity == entity.name and d.hard and d.rule is Rule.OWNED and d.on in pointed_at
    ]


def _chosen(rides: list[_Ride]) -> dict[EntityName, _Ride]:
    """The best first, as far as there is room. Who rides carries nobody, and who carries does not ride.

    What can only ride always does: it is one record at most for each of its carrier's.
    """
    chosen: dict[EntityName, _Ride] = {}
    load: dict[EntityName, int] = {}
    for ride in rides:
        taken = ride.entity in chosen or ride.entity in load or ride.carrier in chosen
        fits = ride.only or load.get(ride.carrier, 0) + ride.load <= MOST_INCLUDED
        if not taken and fits:
            chosen[ride.entity] = ride
            load[ride.carrier] = load.get(ride.carrier, 0) + ride.load
    return chosen


def _way(
    manifest: Manifest, entity: Entity, ride: _Ride | None, counts: Mapping[EntityName, int]
) -> Way | None:
    if ride is not None:
        asked = manifest.entities[ride.carrier].asked
        assert asked is not None, "a carrier is read by a collection"
        way = Way(entity=entity.name, reading=Reading.INCLUDE, endpoint=asked, requests=0)
        return replace(way, carrier=ride.carrier, include=ride.include)
    asked = entity.asked
    if asked is None:
        return None
    requests = _expected(manifest, entity, counts)
    if entity.below is None:
        return Way(entity=entity.name, reading=Reading.TOP, endpoint=asked, requests=requests)
    return Way(
        entity=entity.name,
        reading=Reading.NESTED,
        endpoint=asked,
        parent=entity.below.parent,
        requests=requests,
    )


def _cost_alone(manifest: Manifest, entity: Entity, counts: Mapping[EntityName, int]) -> int:
    """Requests that reading it by itself takes; a guess where nobody has counted."""
    expected = _expected(manifest, entity, counts)
    if expected is not None:
        return expected
    return 1 if entity.below is None else counts.get(entity.below.parent, _UNCOUNTED)


def _expected(manifest: Manifest, entity: Entity, counts: Mapping[EntityName, int]) -> int | None:
    """Of a list, or of the list below every parent, as if all of them were of one length; at least one of each."""
    page, own = manifest.products[entity.product].max_page_size, counts.get(entity.name)
    if entity.below is None:
        windowed = entity.asked is not None and can_be_windowed(entity.asked)
        return None if own is None else count_requests(own, page, windowed=windowed)
    parents = counts.get(entity.below.parent)
    if parents is None:
        return None
    return parents if not parents or own is None else parents * count_pages(math.ceil(own / parents), page)


def _load(manifest: Manifest, entity: Entity, carrier: EntityName, counts: Mapping[EntityName, int]) -> int:
    page = manifest.products[manifest.entities[carrier].product].max_page_size
    own, carriers = counts.get(entity.name), counts.get(carrier)
    return page if own is None or not carriers else math.ceil(own * min(page, carriers) / carriers)
