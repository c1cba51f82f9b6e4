"""Graphs for tests: written as text, or drawn at random."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from openfaith.planning import Dependency, DependencyKind, Graph, Rule
from openfaith.records import EntityName

_RULES = {
    DependencyKind.HARD: (Rule.NESTED, Rule.OWNED, Rule.OVERRULE),
    DependencyKind.SOFT: (Rule.REFERENCE, Rule.INCLUDE, Rule.OVERRULE),
}


def edge(text: str, rule: Rule | None = None) -> Dependency:
    """`"a => b"` is hard, `"a -> b"` soft."""
    hard = "=>" in text
    entity, on = (EntityName(name.strip()) for name in text.split("=>" if hard else "->"))
    kind = DependencyKind.HARD if hard else DependencyKind.SOFT
    return Dependency(entity=entity, on=on, kind=kind, rule=rule or _RULES[kind][0], why=text)


def graph(*edges: str | Dependency, alone: Iterable[str] = ()) -> Graph:
    dependencies = [edge(e) if isinstance(e, str) else e for e in edges]
    names = {d.entity for d in dependencies} | {d.on for d in dependencies} | {EntityName(a) for a in alone}
    return Graph(
        entities=tuple(sorted(names)),
        dependencies=tuple(sorted(dependencies, key=lambda d: (d.entity, d.on))),
    )


def pairs(dependencies: Iterable[Dependency]) -> set[str]:
    """As text again."""
    return {f"{d.entity} {'=>' if d.hard else '->'} {d.on}" for d in dependencies}


@st.composite
def graphs(draw: st.DrawFn, *, most: int = 9, hard_cycles: bool = False) -> Graph:
    """Any graph. Unless asked for, hard dependencies lead from later names to earlier ones and so form no cycle."""
    names = [EntityName(chr(ord("a") + number)) for number in range(draw(st.integers(1, most)))]
    chosen = draw(st.sets(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=3 * len(names)))
    dependencies = [
        _drawn(draw, pair, hard_cycles=hard_cycles) for pair in sorted(chosen) if pair[0] != pair[1]
    ]
    return Graph(entities=tuple(names), dependencies=tuple(dependencies))


def _drawn(draw: st.DrawFn, pair: tuple[EntityName, EntityName], *, hard_cycles: bool) -> Dependency:
    entity, on = pair
    kinds = list(DependencyKind) if hard_cycles or entity > on else [DependencyKind.SOFT]
    kind = draw(st.sampled_from(kinds))
    rule = draw(st.sampled_from(_RULES[kind]))
    return Dependency(entity=entity, on=on, kind=kind, rule=rule, why=f"{entity} on {on}")
