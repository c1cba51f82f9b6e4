"""The dependency graph: entities, and who waits for whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from openfaith.records import EntityName


class DependencyKind(StrEnum):
    """Whether an entity must wait for another, or had better."""

    HARD = "hard"
    SOFT = "soft"


class Rule(StrEnum):
    """Where a dependency comes from, strongest first: the first that finds a pair decides its kind."""

    OVERRULE = "overrule"
    """The adapter says so."""
    NESTED = "nested"
    """It can be read only below the other."""
    OWNED = "owned"
    """It is created below the other, and so cannot exist without it."""
    REFERENCE = "reference"
    """It points at one record of the other."""
    SAME = "same"
    """It points at one record of an entity that is the other's under another name."""
    INCLUDE = "include"
    """It can bring along several records of the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """`entity` depends on `on`."""

    entity: EntityName
    on: EntityName
    kind: DependencyKind
    rule: Rule
    why: str
    """The fact in the manifest that says so, for a person to read."""

    @property
    def hard(self) -> bool:
        return self.kind is DependencyKind.HARD


@dataclass(frozen=True, kw_only=True, slots=True)
class Omission:
    """A dependency that the manifest suggests and that was not made, with the reason."""

    entity: EntityName
    on: EntityName
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """At most one dependency for a pair, none on itself, and both ends are among `entities`."""

    entities: tuple[EntityName, ...]
    """By name."""
    dependencies: tuple[Dependency, ...]
    """By entity, then by what it depends on."""
    omissions: tuple[Omission, ...] = ()
    """Likewise."""


def with_dependencies(graph: Graph, names: Iterable[EntityName]) -> frozenset[EntityName]:
    """These entities and all that they depend on, directly or not."""
    onward: dict[EntityName, list[EntityName]] = {}
    for dependency in graph.dependencies:
        onward.setdefault(dependency.entity, []).append(dependency.on)
    found: set[EntityName] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += onward.get(name, ())
    return frozenset(found)


def restrict(graph: Graph, names: Collection[EntityName]) -> Graph:
    """The part of the graph between these entities."""
    return Graph(
        entities=tuple(name for name in graph.entities if name in names),
        dependencies=tuple(d for d in graph.dependencies if d.entity in names and d.on in names),
        omissions=tuple(o for o in graph.omissions if o.entity in names and o.on in names),
    )
