"""One order for a graph: cycles cut at soft dependencies, then Kahn's algorithm with ties by name."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from openfaith.errors import DependencyCycleError
from openfaith.planning.graph import Dependency, Graph, Rule
from openfaith.records import EntityName

_WEAKEST_FIRST = tuple(reversed(Rule))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """A soft dependency that the order does not follow, since it closed a cycle."""

    dependency: Dependency
    path: tuple[EntityName, ...]
    """The cycle: each depends on the next, and the last is the first again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordering:
    """Every entity once, after all that it depends on, but for the cuts."""

    order: tuple[EntityName, ...]
    cuts: tuple[Cut, ...]


def order(graph: Graph) -> Ordering:
    """The order in which the graph's entities are best synced. The same graph gives the same order.

    Raises:
        DependencyCycleError: hard dependencies form a cycle; it has the path.
    """
    hard = [dependency for dependency in graph.dependencies if dependency.hard]
    if path := find_cycle(hard):
        raise DependencyCycleError(path)
    cuts = tuple(_cuts(graph.dependencies))
    dropped = {cut.dependency for cut in cuts}
    kept = [dependency for dependency in graph.dependencies if dependency not in dropped]
    return Ordering(order=_topological(graph.entities, kept), cuts=cuts)


def stages(graph: Graph, ordering: Ordering) -> dict[EntityName, int]:
    """By how many others an entity comes at the earliest: 1 depends on nothing, 2 on entities of stage 1, and so on.

    Entities of one stage may run together. Cuts do not count.
    """
    dropped = {cut.dependency for cut in ordering.cuts}
    before: dict[EntityName, list[EntityName]] = {}
    for dependency in graph.dependencies:
        if dependency not in dropped:
            before.setdefault(dependency.entity, []).append(dependency.on)
    stage: dict[EntityName, int] = {}
    for name in ordering.order:
        stage[name] = 1 + max((stage[on] for on in before.get(name, ())), default=0)
    return stage


def _cuts(dependencies: Iterable[Dependency]) -> Iterator[Cut]:
    """Open one cycle after the other at its weakest soft dependency. No cycle may be hard throughout."""
    left = {(dependency.entity, dependency.on): dependency for dependency in dependencies}
    while path := find_cycle(left.values()):
        weakest = min((left[pair] for pair in pairwise(path) if not left[pair].hard), key=_strength)
        del left[weakest.entity, weakest.on]
        yield Cut(dependency=weakest, path=path)


def _strength(dependency: Dependency) -> tuple[int, EntityName, EntityName]:
    return _WEAKEST_FIRST.index(dependency.rule), dependency.entity, dependency.on


def find_cycle(dependencies: Iterable[Dependency]) -> tuple[EntityName, ...]:
    """Some cycle, always the same one, with its first entity again at the end; empty if there is none."""
    onward = _onward(dependencies)
    finished: set[EntityName] = set()
    for start in sorted(onward):
        if start not in finished and (cycle := _cycle_from(start, onward, finished)):
            return cycle
    return ()


def _cycle_from(
    start: EntityName, onward: Mapping[EntityName, Sequence[EntityName]], finished: set[EntityName]
) -> tuple[EntityName, ...]:
    """Depth first, with the path on a stack of our own: a manifest may be deeper than Python's."""
    path = [start]
    branches = [iter(onward.get(start, ()))]
    while path:
        following = next(branches[-1], None)
        if following is None:
            finished.add(path.pop())
            branches.pop()
        elif following in path:
            return (*path[path.index(following) :], following)
        elif following not in finished:
            path.append(following)
            branches.append(iter(onward.get(following, ())))
    return ()


def _onward(dependencies: Iterable[Dependency]) -> dict[EntityName, list[EntityName]]:
    onward: dict[EntityName, list[EntityName]] = {}
    for entity, on in sorted((dependency.entity, dependency.on) for dependency in dependencies):
        onward.setdefault(entity, []).append(on)
    return onward


def _topological(
    entities: Iterable[EntityName], dependencies: Iterable[Dependency]
) -> tuple[EntityName, ...]:
    """Kahn: whatever waits for nothing comes next, the smallest name first. There is no cycle."""
    dependents: dict[EntityName, list[EntityName]] = {}
    open_count = dict.fromkeys(entities, 0)
    for dependency in dependencies:
        dependents.setdefault(dependency.on, []).append(dependency.entity)
        open_count[dependency.entity] += 1
    free = [entity for entity, count in open_count.items() if count == 0]
    heapq.heapify(free)
    ordered: list[EntityName] = []
    while free:
        ordered.append(heapq.heappop(free))
        for dependent in dependents.get(ordered[-1], ()):
            open_count[dependent] -= 1
            if open_count[dependent] == 0:
                heapq.heappush(free, dependent)
    return tuple(ordered)
