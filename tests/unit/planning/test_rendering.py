from __future__ import annotations

import json

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import ConfigurationError, DependencyCycleError
from openfaith.planning import Graph, Omission, derive_graph, describe_dependencies, render
from openfaith.records import EntityName
from unit.planning.graphs import graph

CYCLIC = graph("b => a", "c -> b", "a -> c", alone=["end"])
TWO = graph("gifts.Gift => gifts.Fund", "gifts.Gift -> folk.Person", "folk.Person -> folk.Room")


def test_json_points_from_the_dependent_to_what_it_depends_on() -> None:
    document = json.loads(render(CYCLIC, "json"))
    assert document["order"] == ["a", "b", "c", "end"]
    assert {"from": "b", "to": "a", "kind": "hard", "rule": "nested", "why": "b => a"} in document["edges"]
    (cut,) = document["cuts"]
    assert (cut["from"], cut["to"], cut["path"]) == ("a", "c", ["a", "c", "b", "a"])


def test_json_of_planning_center_has_every_entity_and_no_edge_outside() -> None:
    manifest = load_planning_center()
    document = json.loads(render(derive_graph(manifest), "json"))
    assert {*document["order"]} == {*manifest.entities}
    assert {edge["kind"] for edge in document["edges"]} == {"hard", "soft"}
    assert all({edge["from"], edge["to"]} <= {*document["order"]} for edge in document["edges"])


def test_text_shows_order_stages_dependencies_and_cuts() -> None:
    omission = Omission(entity=EntityName("a"), on=EntityName("b"), why="b must wait for a")
    text = render(Graph(entities=CYCLIC.entities, dependencies=CYCLIC.dependencies, omissions=(omission,)))
    assert text.splitlines() == [
        "Numbers are the order of a sync; what is of one stage may run together.",
        "",
        "    1. a  (stage 1)",
        "    2. b  (stage 2)",
        "           waits for a: b => a",
        "    3. c  (stage 3)",
        "           rather after b",
        "    4. end  (stage 1)",
        "",
        "Cut, since they closed a cycle:",
        "  a after c (a -> c): a → c → b → a",
        "",
        "1 more were suggested and not made: JSON, or a part of the graph, has the reasons.",
    ]


def test_text_has_a_paragraph_for_each_product() -> None:
    assert render(TWO).splitlines()[1:] == [
        "",
        "folk: 2 entities; dependencies: 0 hard, 1 soft",
        "    1. Room  (stage 1)",
        "    2. Person  (stage 2)",
        "           rather after Room",
        "",
        "gifts: 2 entities; dependencies: 1 hard, 1 soft",
        "    3. Fund  (stage 1)",
        "    4. Gift  (stage 3)",
        "           waits for Fund: gifts.Gift => gifts.Fund",
        "           rather after folk.Person",
    ]


def test_a_part_keeps_the_numbers_and_stages_of_the_whole() -> None:
    text = render(TWO, only={EntityName("gifts.Gift")})
    assert "    4. Gift  (stage 3)" in text.splitlines()
    assert "Room" not in text


def test_a_part_says_why_a_dependency_was_not_made() -> None:
    omission = Omission(entity=EntityName("a"), on=EntityName("b"), why="b must wait for a")
    whole = Graph(entities=CYCLIC.entities, dependencies=CYCLIC.dependencies, omissions=(omission,))
    text = render(whole, only={EntityName("a"), EntityName("b")})
    assert text.splitlines()[-2:] == ["Not made:", "  a after b: b must wait for a"]


def test_json_of_a_part_has_what_leads_out_of_it_apart() -> None:
    names = {EntityName("gifts.Gift"), EntityName("gifts.Fund")}
    document = json.loads(render(TWO, "json", only=names))
    assert document["order"] == ["gifts.Fund", "gifts.Gift"]
    assert [(edge["from"], edge["to"]) for edge in document["edges"]] == [("gifts.Gift", "gifts.Fund")]
    assert [(edge["from"], edge["to"]) for edge in document["outside"]] == [("gifts.Gift", "folk.Person")]


def test_dependencies_are_described_for_each_entity() -> None:
    described = describe_dependencies(TWO)
    assert described[EntityName("folk.Room")] == []
    assert described[EntityName("gifts.Gift")] == [
        {"on": "folk.Person", "kind": "soft", "rule": "reference", "why": "gifts.Gift -> folk.Person"},
        {"on": "gifts.Fund", "kind": "hard", "rule": "nested", "why": "gifts.Gift => gifts.Fund"},
    ]


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "json"])
def test_every_format_is_the_same_each_time(form: str) -> None:
    manifest = load_planning_center()
    assert render(derive_graph(manifest), form) == render(derive_graph(manifest), form)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected one of text, mermaid, dot, json"):
        render(CYCLIC, "svg")


def test_a_hard_cycle_is_not_rendered_as_if_it_could_run() -> None:
    with pytest.raises(DependencyCycleError):
        render(graph("a => b", "b => a"))
