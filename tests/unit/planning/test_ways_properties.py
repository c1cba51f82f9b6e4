"""Whatever the counts of earlier runs are: everything is read, at no more than it costs by itself."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.adapters.planning_center import load_planning_center
from openfaith.manifest import Reading
from openfaith.planning import Rule, Way, choose_ways, derive_graph, find_rides
from openfaith.planning.costs import can_be_windowed, count_requests
from openfaith.planning.ways import MOST_INCLUDED
from openfaith.records import EntityName

PCO = load_planning_center()
GRAPH = derive_graph(PCO)
NAMES = tuple(PCO.entities)
RIDES = {name: find_rides(PCO, GRAPH, name) for name in NAMES}
OWNED = {(d.entity, d.on) for d in GRAPH.dependencies if d.hard and d.rule is Rule.OWNED}

Counts = dict[EntityName, int]
sizes = st.one_of(st.integers(0, 3), st.integers(0, 500), st.integers(0, 2_000_000))
counted: st.SearchStrategy[Counts] = st.fixed_dictionaries(dict.fromkeys(NAMES, sizes))
partly_counted: st.SearchStrategy[Counts] = st.dictionaries(st.sampled_from(NAMES), sizes)

quick = settings(max_examples=40)


def choose(counts: Mapping[EntityName, int], names: tuple[EntityName, ...] = NAMES) -> dict[EntityName, Way]:
    return choose_ways(PCO, GRAPH, names, counts)


EVERYTHING = choose({}).keys()


def load_of(name: EntityName, carrier: EntityName, counts: Mapping[EntityName, int]) -> int:
    """Records that a full page of the carrier brings along, on average."""
    own, carriers = counts.get(name), counts.get(carrier)
    return 100 if own is None or not carriers else math.ceil(own * min(100, carriers) / carriers)


def can_stand_alone(name: EntityName) -> bool:
    return PCO.entities[name].reading is not Reading.NONE


@quick
@given(partly_counted)
def test_everything_is_read_whatever_was_counted(counts: Counts) -> None:
    assert choose(counts).keys() == EVERYTHING


@quick
@given(partly_counted)
def test_a_ride_is_on_whom_the_record_belongs_to(counts: Counts) -> None:
    for name, way in choose(counts).items():
        if way.carrier is None:
            continue
        place = PCO.entities[name].below
        assert (place is not None and place.parent == way.carrier) or (name, way.carrier) in OWNED
        assert PCO.entities[way.carrier].include_targets[way.include or ""] == name
        assert way.include in way.endpoint.includes


@quick
@given(partly_counted)
def test_rides_form_no_chain(counts: Counts) -> None:
    found = choose(counts)
    carriers = {way.carrier for way in found.values() if way.carrier is not None}
    assert all(found[carrier].reading is not Reading.INCLUDE for carrier in carriers)
    assert all(found[carrier].endpoint.collection for carrier in carriers)


@quick
@given(partly_counted)
def test_a_page_brings_no_more_along_than_it_may(counts: Counts) -> None:
    """But for what can only ride, which is one at most for each of the page's own records."""
    loads: dict[EntityName, int] = defaultdict(int)
    for name, way in choose(counts).items():
        if way.carrier is not None and can_stand_alone(name):
            loads[way.carrier] += load_of(name, way.carrier, counts)
    assert all(load <= MOST_INCLUDED for load in loads.values())


@quick
@given(partly_counted)
def test_who_could_ride_and_does_not_has_a_reason(counts: Counts) -> None:
    """It carries others itself, or its carrier rides, or there is no room left."""
    found = choose(counts)
    loads: dict[EntityName | None, int] = defaultdict(int)
    for name, way in found.items():
        if way.carrier is not None:
            loads[way.carrier] += load_of(name, way.carrier, counts)
    for name, way in found.items():
        for carrier, _ in RIDES[name] if way.carrier is None else ():
            assert (
                name in loads
                or found[carrier].carrier is not None
                or loads[carrier] + load_of(name, carrier, counts) > MOST_INCLUDED
            )


@quick
@given(counted)
def test_no_run_costs_more_than_reading_everything_alone(counts: Counts) -> None:
    alone = {name: choose(counts, (name,)).get(name) for name in NAMES}
    together = choose(counts)
    for name, way in together.items():
        single = alone[name]
        assert way.requests is not None
        assert single is None or single.requests is None or way.requests <= single.requests
    by_itself = [way.requests or 0 for way in alone.values() if way is not None]
    assert sum(way.requests or 0 for way in together.values()) <= sum(by_itself)


@quick
@given(counted)
def test_a_walk_costs_what_its_pages_are(counts: Counts) -> None:
    """At least as many pages as hold the records, and one for every parent; empty ones are no more than the parents.

    Of a hundred records on a page one may be known already.
    """
    for name, way in choose(counts).items():
        pages = math.ceil(counts[name] / 100)
        if way.reading is Reading.TOP:
            windowed = can_be_windowed(way.endpoint)
            assert way.requests == count_requests(counts[name], 100, windowed=windowed)
        elif way.reading is Reading.NESTED:
            assert way.parent is not None
            assert way.requests is not None
            parents = counts[way.parent]
            assert way.requests >= (max(parents, pages) if parents else 0)
            assert way.requests <= parents + (math.ceil(counts[name] / 99) + parents if counts[name] else 0)


@quick
@given(partly_counted, st.permutations(NAMES))
def test_the_choice_does_not_depend_on_the_order(counts: Counts, order: list[EntityName]) -> None:
    assert choose(counts, tuple(order)) == choose(counts)


@quick
@given(partly_counted, st.sets(st.sampled_from(NAMES)))
def test_a_part_is_read_with_what_is_in_it(counts: Counts, part: set[EntityName]) -> None:
    found = choose(counts, tuple(sorted(part)))
    assert found.keys() <= part
    assert {name for name in part if can_stand_alone(name)} <= found.keys()
    assert {way.carrier for way in found.values()} - {None} <= found.keys()
