"""A graph as text: for a person, for Mermaid, for Graphviz, or as JSON. Pictures are made in `drawing`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Literal, get_args

from openfaith.errors import ConfigurationError
from openfaith.planning.drawing import dot, mermaid
from openfaith.planning.graph import Dependency, Graph
from openfaith.planning.ordering import Cut
from openfaith.planning.views import View, bare_name, make_view, product_of
from openfaith.records import EntityName

GraphFormat = Literal["text", "mermaid", "dot", "json"]

_WIDTH = 118
"""Columns of text, after which a list of names goes on below."""


def render(graph: Graph, form: str = "text", *, only: Collection[EntityName] | None = None) -> str:
    """The graph and its order, or the part with these entities. The order of a part is that of the whole.

    In pictures an arrow points from the dependent to what it depends on.

    Raises:
        ConfigurationError: there is no such format.
        DependencyCycleError: hard dependencies form a cycle.
    """
    renderers: dict[str, Callable[[View], str]] = {
        "text": _text,
        "mermaid": mermaid,
        "dot": dot,
        "json": _json,
    }
    if form not in renderers:
        raise ConfigurationError("format", repr(form), f"one of {', '.join(get_args(GraphFormat))}")
    return renderers[form](make_view(graph, only))


# For a person


def _text(view: View) -> str:
    return "\n".join(_lines(view)) + "\n"


def _lines(view: View) -> Iterator[str]:
    yield "Numbers are the order of a sync; what is of one stage may run together."
    for product in dict.fromkeys(product_of(name) for name in sorted(view.order)):
        yield ""
        yield from _product_lines(view, product)
    yield from _cut_lines(view.cuts)
    yield from _omission_lines(view)


def _product_lines(view: View, product: str) -> Iterator[str]:
    names = [name for name in view.order if product_of(name) == product]
    own = [d for d in (*view.dependencies, *view.outside) if product_of(d.entity) == product]
    hard = sum(dependency.hard for dependency in own)
    if product:
        yield f"{product}: {len(names)} {'entity' if len(names) == 1 else 'entities'}; dependencies: {hard} hard, {len(own) - hard} soft"
    for name in names:
        yield f"{view.number[name]:>5}. {bare_name(name)}  (stage {view.stage[name]})"
        yield from _dependency_lines(view, name)


def _dependency_lines(view: View, name: EntityName) -> Iterator[str]:
    """Hard ones each with its reason; soft ones by name, since they are many and cost nothing to miss."""
    kept = [d for d in (*view.kept, *view.outside) if d.entity == name]
    for dependency in kept:
        if dependency.hard:
            yield f"{'':10} waits for {_seen_from(name, dependency.on)}: {dependency.why}"
    soft = [_seen_from(name, dependency.on) for dependency in kept if not dependency.hard]
    if soft:
        yield textwrap.fill(
            f"rather after {', '.join(soft)}",
            _WIDTH,
            initial_indent=" " * 11,
            subsequent_indent=" " * 13,
            break_on_hyphens=False,
        )


def _seen_from(entity: EntityName, other: EntityName) -> str:
    return bare_name(other) if product_of(entity) == product_of(other) else other


def _cut_lines(cuts: Iterable[Cut]) -> Iterator[str]:
    lines = [
        f"  {c.dependency.entity} after {c.dependency.on} ({c.dependency.why}): {_path(c)}" for c in cuts
    ]
    if lines:
        yield "\nCut, since they closed a cycle:"
        yield from lines


def _path(cut: Cut) -> str:
    return " → ".join(cut.path)


def _omission_lines(view: View) -> Iterator[str]:
    if view.omissions and view.partial:
        yield "\nNot made:"
        yield from (f"  {o.entity} after {o.on}: {o.why}" for o in view.omissions)
    elif view.omissions:
        yield f"\n{len(view.omissions)} more were suggested and not made: JSON, or a part of the graph, has the reasons."


# For a program


def _json(view: View) -> str:
    document = {
        "order": list(view.order),
        "stages": {name: view.stage[name] for name in view.order},
        "edges": [_edge(dependency) for dependency in view.dependencies],
        "outside": [_edge(dependency) for dependency in view.outside],
        "cuts": [{**_edge(cut.dependency), "path": list(cut.path)} for cut in view.cuts],
        "omissions": [{"from": o.entity, "to": o.on, "why": o.why} for o in view.omissions],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def describe_dependencies(graph: Graph) -> dict[EntityName, list[dict[str, str]]]:
    """For every entity what it depends on, in plain members: `on`, `kind`, `rule`, `why`."""
    described: dict[EntityName, list[dict[str, str]]] = {name: [] for name in graph.entities}
    for dependency in graph.dependencies:
        edge = _edge(dependency)
        described[dependency.entity].append(
            {"on": edge["to"], "kind": edge["kind"], "rule": edge["rule"], "why": edge["why"]}
        )
    return described


def _edge(dependency: Dependency) -> dict[str, str]:
    return {
        "from": dependency.entity,
        "to": dependency.on,
        "kind": dependency.kind,
        "rule": dependency.rule,
        "why": dependency.why,
    }
