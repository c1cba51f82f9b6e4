from __future__ import annotations

import json
import re

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import ConfigurationError, DependencyCycleError
from openfaith.planning import Graph, Omission, derive_graph, render
from openfaith.records import EntityName
from unit.planning.graphs import graph

CYCLIC = graph("b => a", "c -> b", "a -> c", alone=["end"])


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


def test_text_shows_order_dependencies_cuts_and_omissions() -> None:
    omission = Omission(entity=EntityName("a"), on=EntityName("b"), why="b must wait for a")
    text = render(Graph(entities=CYCLIC.entities, dependencies=CYCLIC.dependencies, omissions=(omission,)))
    assert text.splitlines() == [
        "1. a",
        "2. b",
        "     waits for a: b => a",
        "3. c",
        "     rather after b: c -> b",
        "4. end",
        "",
        "Cut, since they closed a cycle:",
        "  a after c (a -> c): a → c → b → a",
        "",
        "Not made:",
        "  a after b: b must wait for a",
    ]


def test_mermaid_uses_ids_that_no_name_can_break() -> None:
    """`end` is a keyword there, and a dot, quote or bracket in an id is a syntax error."""
    lines = render(graph('end => x"y]', "x.z -> end"), "mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    assert all(
        re.fullmatch(r'  e\d+\["[^"]*"\]|  e\d+ (-->|-\.->|-\. cut \.->) e\d+', line) for line in lines[1:]
    )
    assert any("x&quot;y]" in line for line in lines)


def test_mermaid_tells_hard_soft_and_cut_apart() -> None:
    text = render(CYCLIC, "mermaid")
    assert ("e1 --> e0" in text, "e2 -.-> e1" in text, "e0 -. cut .-> e2" in text) == (True, True, True)


def test_dot_quotes_names() -> None:
    text = render(graph('a"b => c\\d'), "dot")
    assert r'  "a\"b" -> "c\\d" [style=solid' in text
    assert text.startswith("digraph dependencies {\n")
    assert text.endswith("}\n")


def test_dot_tells_hard_soft_and_cut_apart() -> None:
    styles = re.findall(r'"(\w)" -> "(\w)" \[style=(\w+)', render(CYCLIC, "dot"))
    assert {*styles} == {("b", "a", "solid"), ("c", "b", "dashed"), ("a", "c", "dotted")}


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
