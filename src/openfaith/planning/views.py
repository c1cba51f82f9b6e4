"""What is shown of a graph: all of it or a part, with its order and stages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from openfaith.planning.graph import Dependency, Graph, Omission, restrict
from openfaith.planning.ordering import Cut, order, stages
from openfaith.records import EntityName


@dataclass(frozen=True, kw_only=True)
class View:
    """Some entities of a graph. Numbers, stages and cuts are those of the whole."""

    order: tuple[EntityName, ...]
    number: Mapping[EntityName, int]
    """The place in the order of the whole, from 1. Here also for entities outside."""
    stage: Mapping[EntityName, int]
    dependencies: tuple[Dependency, ...]
    """Those between the entities shown, the cut ones too."""
    outside: tuple[Dependency, ...]
    """Those that lead out of the part, but for the cut ones."""
    cuts: tuple[Cut, ...]
    omissions: tuple[Omission, ...]
    partial: bool
    """Whether anything is left out."""

    @property
    def dropped(self) -> frozenset[Dependency]:
        """The dependencies that were cut."""
        return frozenset(cut.dependency for cut in self.cuts)

    @property
    def kept(self) -> tuple[Dependency, ...]:
        """Those between the entities shown that the order follows."""
        dropped = self.dropped
        return tuple(dependency for dependency in self.dependencies if dependency not in dropped)


def make_view(graph: Graph, only: Collection[EntityName] | None = None) -> View:
    """The graph, or the part with these entities.

    Raises:
        DependencyCycleError: hard dependencies form a cycle.
    """
    ordering = order(graph)
    names = frozenset(graph.entities if only is None else only)
    part = restrict(graph, names)
    cut = {c.dependency for c in ordering.cuts}
    return View(
        order=tuple(name for name in ordering.order if name in names),
        number={name: number for number, name in enumerate(ordering.order, start=1)},
        stage=stages(graph, ordering),
        dependencies=part.dependencies,
        outside=tuple(
            d for d in graph.dependencies if d.entity in names and d.on not in names and d not in cut
        ),
        cuts=tuple(c for c in ordering.cuts if {c.dependency.entity, c.dependency.on} <= names),
        omissions=part.omissions,
        partial=len(names) < len(graph.entities),
    )


def product_of(name: EntityName) -> str:
    """`giving.Donation` → `giving`; empty where a name has no product."""
    return name.rpartition(".")[0]


def bare_name(name: EntityName) -> str:
    """`giving.Donation` → `Donation`."""
    return name.rpartition(".")[2]
