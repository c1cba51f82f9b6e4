from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import DependencyCycleError
from openfaith.planning import Graph, order
from openfaith.planning.ordering import find_cycle
from unit.planning.graphs import graphs


@given(graphs())
def test_an_order_has_every_entity_once(graph: Graph) -> None:
    assert sorted(order(graph).order) == sorted(graph.entities)


@given(graphs())
def test_an_order_respects_every_dependency_but_the_cuts(graph: Graph) -> None:
    ordering = order(graph)
    place = {name: number for number, name in enumerate(ordering.order)}
    cut = {c.dependency for c in ordering.cuts}
    assert all(place[d.on] < place[d.entity] for d in graph.dependencies if d not in cut)


@given(graphs())
def test_only_soft_dependencies_that_lie_on_a_cycle_are_cut(graph: Graph) -> None:
    edges = {(d.entity, d.on) for d in graph.dependencies}
    for cut in order(graph).cuts:
        steps = list(pairwise(cut.path))
        assert not cut.dependency.hard
        assert (cut.dependency.entity, cut.dependency.on) in steps
        assert cut.path[0] == cut.path[-1]
        assert edges >= {*steps}


@given(graphs())
def test_a_graph_without_a_cycle_is_not_cut(graph: Graph) -> None:
    assert bool(order(graph).cuts) == bool(find_cycle(graph.dependencies))


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_the_graph_is_written(graph: Graph, chance: random.Random) -> None:
    entities, dependencies = list(graph.entities), list(graph.dependencies)
    chance.shuffle(entities)
    chance.shuffle(dependencies)
    assert order(Graph(entities=tuple(entities), dependencies=tuple(dependencies))) == order(graph)


@given(graphs(hard_cycles=True))
def test_a_hard_cycle_is_always_named_by_a_path_that_exists(graph: Graph) -> None:
    hard = {(d.entity, d.on) for d in graph.dependencies if d.hard}
    try:
        order(graph)
        assert not find_cycle(d for d in graph.dependencies if d.hard)
    except DependencyCycleError as error:
        path = error.path
        assert len(path) > 1
        assert path[0] == path[-1]
        assert len({*path}) == len(path) - 1
        assert hard >= {*pairwise(path)}
