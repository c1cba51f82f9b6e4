from __future__ import annotations

import re

from hypothesis import given

from openfaith.adapters.planning_center import load_planning_center
from openfaith.planning import Graph, derive_graph, order, render
from openfaith.records import EntityName
from unit.planning.graphs import graph, graphs

CYCLIC = graph("b => a", "c -> b", "a -> c", alone=["end"])
TWO = graph("gifts.Gift => gifts.Fund", "gifts.Gift -> folk.Person", "folk.Person -> folk.Room")
GIFTS = {EntityName("gifts.Gift"), EntityName("gifts.Fund")}


def drawn(text: str) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """Of a Mermaid picture: the label of each id, and the arrows between labels."""
    labels = {match[1]: match[2] for match in re.finditer(r'^ +(e\d+)\["([^"]*)"\]$', text, re.MULTILINE)}
    arrows = re.findall(r"^ +(e\d+) (-->|-\.->|-\. cut \.->) (e\d+)$", text, re.MULTILINE)
    return labels, {(labels[start], arrow, labels[end]) for start, arrow, end in arrows}


def test_mermaid_uses_ids_that_no_name_can_break() -> None:
    """`end` is a keyword there, and a dot, quote or bracket in an id is a syntax error."""
    lines = render(graph('end => x"y]', "z -> end"), "mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    assert all(
        re.fullmatch(r'  e\d+\["[^"]*"\]|  e\d+ (-->|-\.->|-\. cut \.->) e\d+', line) for line in lines[1:]
    )
    assert any("x&quot;y]" in line for line in lines)


def test_mermaid_tells_hard_soft_and_cut_apart() -> None:
    _, arrows = drawn(render(CYCLIC, "mermaid"))
    assert arrows == {("b", "-->", "a"), ("c", "-.->", "b"), ("a", "-. cut .->", "c")}


def test_mermaid_puts_each_product_in_a_box_of_its_own() -> None:
    lines = render(TWO, "mermaid").splitlines()
    boxes = [line for line in lines if "subgraph" in line]
    assert [re.sub(r".*\[|\]", "", box) for box in boxes] == ['"folk"', '"gifts"']
    assert lines.count("  end") == len(boxes)


def test_a_part_is_drawn_with_what_it_depends_on_outside() -> None:
    """The person is there, with a dashed border; the room that only the person depends on is not."""
    text = render(TWO, "mermaid", only=GIFTS)
    labels, arrows = drawn(text)
    assert {*labels.values()} == {"Gift", "Fund", "Person"}
    assert arrows == {("Gift", "-->", "Fund"), ("Gift", "-.->", "Person")}
    (outside,) = re.findall(r"class (\S+) outside", text)
    assert labels[outside] == "Person"


def test_a_soft_dependency_that_follows_from_others_is_not_drawn() -> None:
    text = render(graph("b => a", "c -> b", "c -> a"), "mermaid")
    assert drawn(text)[1] == {("b", "-->", "a"), ("c", "-.->", "b")}
    assert "%% 1 soft dependencies" in text


def test_a_hard_dependency_is_always_drawn() -> None:
    assert ("c", "-->", "a") in drawn(render(graph("b -> a", "c -> b", "c => a"), "mermaid"))[1]


def test_the_picture_of_planning_center_is_small_enough_for_mermaid() -> None:
    """It refuses pictures of more than 500 arrows."""
    manifest = load_planning_center()
    labels, arrows = drawn(render(derive_graph(manifest), "mermaid"))
    assert len(labels) == len(manifest.entities)
    assert len(arrows) < 400


@given(graphs())
def test_what_is_not_drawn_can_still_be_followed(whole: Graph) -> None:
    """Whoever depends on another directly does so along the arrows."""
    _, arrows = drawn(render(whole, "mermaid"))
    kept = {(start, end) for start, arrow, end in arrows if "cut" not in arrow}
    cut = {cut.dependency for cut in order(whole).cuts}
    for dependency in whole.dependencies:
        if dependency not in cut:
            assert dependency.on in followed(dependency.entity, kept)


def followed(start: str, arrows: set[tuple[str, str]]) -> set[str]:
    found: set[str] = set()
    ends = {start}
    while ends:
        ends = {end for begin, end in arrows if begin in ends} - found
        found |= ends
    return found


def test_dot_quotes_names() -> None:
    text = render(graph('a"b => c\\d'), "dot")
    assert r'  "a\"b" -> "c\\d" [style=solid' in text
    assert text.startswith("digraph dependencies {\n")
    assert text.endswith("}\n")


def test_dot_tells_hard_soft_and_cut_apart() -> None:
    styles = re.findall(r'"(\w)" -> "(\w)" \[style=(\w+)', render(CYCLIC, "dot"))
    assert {*styles} == {("b", "a", "solid"), ("c", "b", "dashed"), ("a", "c", "dotted")}


def test_dot_has_a_cluster_for_each_product_and_dashes_what_is_outside() -> None:
    text = render(TWO, "dot", only=GIFTS)
    assert 'subgraph "cluster_gifts" {' in text
    assert '    "folk.Person" [style=dashed];' in text
    assert "folk.Room" not in text
