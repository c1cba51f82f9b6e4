"""A graph as text: for a person, for Mermaid, for Graphviz, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Literal, get_args

from openfaith.errors import ConfigurationError
from openfaith.planning.graph import Dependency, Graph
from openfaith.planning.ordering import Cut, Ordering, order
from openfaith.records import EntityName

GraphFormat = Literal["text", "mermaid", "dot", "json"]


def render(graph: Graph, form: str = "text") -> str:
    """The graph and its order. In pictures an arrow points from the dependent to what it depends on.

    Raises:
        ConfigurationError: there is no such format.
        DependencyCycleError: hard dependencies form a cycle.
    """
    renderers: dict[str, Callable[[Graph, Ordering], str]] = {
        "text": _text,
        "mermaid": _mermaid,
        "dot": _dot,
        "json": _json,
    }
    if form not in renderers:
        raise ConfigurationError("format", repr(form), f"one of {', '.join(get_args(GraphFormat))}")
    return renderers[form](graph, order(graph))


def _text(graph: Graph, ordering: Ordering) -> str:
    return "\n".join(_lines(graph, ordering)) + "\n"


def _lines(graph: Graph, ordering: Ordering) -> Iterator[str]:
    dropped = {cut.dependency for cut in ordering.cuts}
    width = len(str(len(ordering.order)))
    for number, name in enumerate(ordering.order, start=1):
        yield f"{number:>{width}}. {name}"
        for dependency in graph.dependencies:
            if dependency.entity == name and dependency not in dropped:
                yield f"{'':{width}}    {_relation(dependency)} {dependency.on}: {dependency.why}"
    yield from _cut_lines(ordering)
    yield from _omission_lines(graph)


def _relation(dependency: Dependency) -> str:
    return "waits for" if dependency.hard else "rather after"


def _cut_lines(ordering: Ordering) -> Iterator[str]:
    if ordering.cuts:
        yield "\nCut, since they closed a cycle:"
    for cut in ordering.cuts:
        yield f"  {cut.dependency.entity} after {cut.dependency.on} ({cut.dependency.why}): {_path(cut)}"


def _path(cut: Cut) -> str:
    return " → ".join(cut.path)


def _omission_lines(graph: Graph) -> Iterator[str]:
    if graph.omissions:
        yield "\nNot made:"
    for omission in graph.omissions:
        yield f"  {omission.entity} after {omission.on}: {omission.why}"


def _mermaid(graph: Graph, ordering: Ordering) -> str:
    """Names stand in quoted labels; the ids are numbers, since a dot or a keyword in an id breaks the syntax."""
    ids = _ids(ordering)
    dropped = {cut.dependency for cut in ordering.cuts}
    lines = ["flowchart LR", *(f'  {ids[name]}["{_mermaid_label(name)}"]' for name in ordering.order)]
    for dependency in graph.dependencies:
        arrow = "-. cut .->" if dependency in dropped else "-->" if dependency.hard else "-.->"
        lines.append(f"  {ids[dependency.entity]} {arrow} {ids[dependency.on]}")
    return "\n".join(lines) + "\n"


def _mermaid_label(name: EntityName) -> str:
    return name.replace("&", "&amp;").replace('"', "&quot;")


def _dot(graph: Graph, ordering: Ordering) -> str:
    dropped = {cut.dependency for cut in ordering.cuts}
    lines = ["digraph dependencies {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(name)};" for name in ordering.order]
    for dependency in graph.dependencies:
        style = "dotted" if dependency in dropped else "solid" if dependency.hard else "dashed"
        label = f"style={style}, tooltip={_quoted(dependency.why)}"
        lines.append(f"  {_quoted(dependency.entity)} -> {_quoted(dependency.on)} [{label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _ids(ordering: Ordering) -> dict[EntityName, str]:
    return {name: f"e{number}" for number, name in enumerate(ordering.order)}


def _json(graph: Graph, ordering: Ordering) -> str:
    document = {
        "order": list(ordering.order),
        "edges": [_edge(dependency) for dependency in graph.dependencies],
        "cuts": [{**_edge(cut.dependency), "path": list(cut.path)} for cut in ordering.cuts],
        "omissions": [{"from": o.entity, "to": o.on, "why": o.why} for o in graph.omissions],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _edge(dependency: Dependency) -> dict[str, str]:
    return {
        "from": dependency.entity,
        "to": dependency.on,
        "kind": dependency.kind,
        "rule": dependency.rule,
        "why": dependency.why,
    }
