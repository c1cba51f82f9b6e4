from __future__ import annotations

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import DependencyCycleError
from openfaith.planning import Rule, derive_graph, order, restrict
from openfaith.records import EntityName
from unit.planning.graphs import edge, graph


def test_dependencies_come_first_and_names_break_ties() -> None:
    assert order(graph("a => z", "b -> z", alone=["m"])).order == ("m", "z", "a", "b")


def test_a_cycle_is_cut_at_its_soft_dependency() -> None:
    ordering = order(graph("a => b", "b => c", "c -> a"))
    assert ordering.order == ("c", "b", "a")
    (cut,) = ordering.cuts
    assert (cut.dependency.entity, cut.dependency.on) == ("c", "a")
    assert cut.path == ("a", "b", "c", "a")


def test_an_include_is_cut_before_a_reference() -> None:
    ordering = order(graph(edge("a -> b", Rule.REFERENCE), edge("b -> a", Rule.INCLUDE)))
    assert [cut.dependency.rule for cut in ordering.cuts] == [Rule.INCLUDE]
    assert ordering.order == ("b", "a")


def test_a_cycle_of_hard_dependencies_is_refused_with_its_path() -> None:
    with pytest.raises(DependencyCycleError) as caught:
        order(graph("a => b", "b => c", "c => b", "b -> a"))
    assert caught.value.path == ("b", "c", "b")
    assert "b → c → b" in str(caught.value)


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    names = [f"e{number:05}" for number in range(5000)]
    chain = graph(*(f"{entity} => {on}" for entity, on in zip(names[1:], names, strict=False)))
    assert list(order(chain).order) == names


def test_a_part_of_a_graph_keeps_only_what_lies_within() -> None:
    part = restrict(graph("a => b", "b => c", "a -> c"), {EntityName("a"), EntityName("c")})
    assert part.entities == ("a", "c")
    assert [(d.entity, d.on) for d in part.dependencies] == [("a", "c")]


def test_planning_center_people_are_ordered_for_their_references() -> None:
    ordering = order(derive_graph(load_planning_center()))
    place = {name.removeprefix("people."): number for number, name in enumerate(ordering.order)}
    assert place["Campus"] < place["Household"] < place["Person"]
    assert all(place["Person"] < place[contact] for contact in ("Address", "Email", "PhoneNumber"))
    assert ordering.cuts == ()
