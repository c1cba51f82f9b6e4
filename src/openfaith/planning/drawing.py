"""A graph as a picture: the text that Mermaid and Graphviz draw.

Entities stand in one box for each product. What lies outside the part that was asked for, but is depended on by it,
is drawn with a dashed border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from openfaith.planning.graph import Dependency
from openfaith.planning.views import View, bare_name, product_of
from openfaith.records import EntityName

# Mermaid


def mermaid(view: View) -> str:
    """Names stand in quoted labels; the ids are numbers, since a dot or a keyword in an id breaks the syntax.

    A soft dependency that follows from others is not drawn: Mermaid refuses more than 500 arrows, and nobody can
    follow half as many.
    """
    kept = (*view.kept, *view.outside)
    drawn = _without_implied(kept)
    ids = {name: f"e{view.number[name]}" for name in _drawn_entities(view)}
    lines = ["flowchart LR", *_boxes(view, _mermaid_box(ids))]
    lines += [f"  {ids[d.entity]} {'-->' if d.hard else '-.->'} {ids[d.on]}" for d in drawn]
    lines += [f"  {ids[c.dependency.entity]} -. cut .-> {ids[c.dependency.on]}" for c in view.cuts]
    if len(drawn) < len(kept):
        lines.append(f"  %% {len(kept) - len(drawn)} soft dependencies that follow from these are not drawn")
    if outside := [ids[name] for name in ids if name not in view.order]:
        lines.append("  classDef outside stroke-dasharray: 4 4")
        lines.append(f"  class {','.join(outside)} outside")
    return "\n".join(lines) + "\n"


def _mermaid_box(ids: Mapping[EntityName, str]) -> Callable[[str, list[EntityName]], Iterator[str]]:
    def box(product: str, names: list[EntityName]) -> Iterator[str]:
        nodes = [f'{ids[name]}["{_mermaid_label(bare_name(name))}"]' for name in names]
        if not product:
            yield from (f"  {node}" for node in nodes)
            return
        yield f'  subgraph p{ids[names[0]]}["{_mermaid_label(product)}"]'
        yield from (f"    {node}" for node in nodes)
        yield "  end"

    return box


def _mermaid_label(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;")


def _without_implied(dependencies: Iterable[Dependency]) -> list[Dependency]:
    """All hard ones, and the soft ones that no longer way leads to. There is no cycle among them."""
    dependencies = list(dependencies)
    onward: dict[EntityName, set[EntityName]] = {}
    for dependency in dependencies:
        onward.setdefault(dependency.entity, set()).add(dependency.on)
    beyond: dict[EntityName, set[EntityName]] = {}
    return [
        d
        for d in dependencies
        if d.hard or not any(d.on in _reachable(on, onward, beyond) for on in onward[d.entity])
    ]


def _reachable(
    start: EntityName, onward: Mapping[EntityName, set[EntityName]], known: dict[EntityName, set[EntityName]]
) -> set[EntityName]:
    """What `start` depends on, directly or not, but not itself. `known` remembers answers."""
    if start not in known:
        found: set[EntityName] = set()
        waiting = list(onward.get(start, ()))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += onward.get(name, ())
        known[start] = found
    return known[start]


# Graphviz


def dot(view: View) -> str:
    """With every dependency: Graphviz copes, and a tool that reads this wants them all."""
    dropped = view.dropped
    lines = ["digraph dependencies {", "  rankdir=LR;", "  node [shape=box];", *_boxes(view, _dot_box(view))]
    for dependency in (*view.dependencies, *view.outside):
        style = "dotted" if dependency in dropped else "solid" if dependency.hard else "dashed"
        label = f"style={style}, tooltip={_quoted(dependency.why)}"
        lines.append(f"  {_quoted(dependency.entity)} -> {_quoted(dependency.on)} [{label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_box(view: View) -> Callable[[str, list[EntityName]], Iterator[str]]:
    shown = frozenset(view.order)

    def box(product: str, names: list[EntityName]) -> Iterator[str]:
        nodes = [f"{_quoted(name)}{'' if name in shown else ' [style=dashed]'};" for name in names]
        if not product:
            yield from (f"  {node}" for node in nodes)
            return
        yield f"  subgraph {_quoted(f'cluster_{product}')} {{"
        yield f"    label={_quoted(product)};"
        yield from (f"    {node}" for node in nodes)
        yield "  }"

    return box


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Both


def _drawn_entities(view: View) -> list[EntityName]:
    """Those of the part in their order, then what they depend on outside."""
    return list(dict.fromkeys((*view.order, *(dependency.on for dependency in view.outside))))


def _boxes(view: View, box: Callable[[str, list[EntityName]], Iterator[str]]) -> Iterator[str]:
    products: dict[str, list[EntityName]] = {}
    for name in _drawn_entities(view):
        products.setdefault(product_of(name), []).append(name)
    for product, names in sorted(products.items()):
        yield from box(product, names)
