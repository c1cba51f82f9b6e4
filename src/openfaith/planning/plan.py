"""What a run will do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from openfaith.errors import ConfigurationError
from openfaith.manifest import Manifest, resolve_entity
from openfaith.planning.graph import Dependency, Graph, restrict
from openfaith.planning.ordering import Cut, order
from openfaith.planning.rules import derive_graph
from openfaith.planning.ways import Way, choose_ways, find_rides
from openfaith.records import EntityName, SyncKind


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedEntity:
    """One entity of a plan. Its dependencies are those within the plan."""

    name: EntityName
    way: Way
    """How it is read."""
    hard: tuple[EntityName, ...]
    """Must have completed before it starts."""
    soft: tuple[EntityName, ...]
    """Come before it in the order. Whether it waits for them is the strategy's choice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The requested entities in the order in which they are best started."""

    entities: tuple[PlannedEntity, ...]
    cuts: tuple[Cut, ...]
    """Soft dependencies among the requested entities that the order does not follow."""
    notes: tuple[str, ...]
    """What a person may wonder about: a requested entity whose hard dependency was not requested."""

    @property
    def order(self) -> tuple[EntityName, ...]:
        return tuple(entity.name for entity in self.entities)


def make_plan(
    manifest: Manifest,
    names: Iterable[str] | None = None,
    counts: Mapping[EntityName, int] | None = None,
    *,
    kind: SyncKind = SyncKind.FULL,
) -> Plan:
    """Plan the named entities, or all that can be read; a name given twice counts once.

    An entity whose hard dependency was not requested is synced by itself: what it depends on may be there from an
    earlier run. The plan has a note of it.

    Args:
        counts: records by entity as of an earlier run, by which the ways are chosen.
        kind: of the run, which has a say in the ways.

    Raises:
        UnknownNameError: there is no such entity.
        ConfigurationError: an entity was named that cannot be read, or not without another one.
        DependencyCycleError: the manifest's hard dependencies form a cycle.
    """
    graph = derive_graph(manifest)
    whole = order(graph)
    requested = None if names is None else {resolve_entity(manifest, name) for name in names}
    asked = [name for name in whole.order if requested is None or name in requested]
    ways = choose_ways(manifest, graph, asked, counts or {}, kind)
    if requested is not None:
        _refuse_unreadable(manifest, graph, requested - ways.keys())
    part = restrict(graph, ways.keys())
    return Plan(
        entities=tuple(_planned(way, part, whole.cuts) for way in ways.values()),
        cuts=tuple(c for c in whole.cuts if c.dependency.entity in ways and c.dependency.on in ways),
        notes=tuple(_notes(graph, ways.keys())),
    )


def _refuse_unreadable(manifest: Manifest, graph: Graph, names: Collection[EntityName]) -> None:
    for name in sorted(names):
        carriers = [carrier for carrier, _ in find_rides(manifest, graph, name)]
        if carriers:
            seen = f"it comes along with {carriers[0]} only, which was not asked for"
            raise ConfigurationError(name, seen, f"{carriers[0]} among the entities")
        note = manifest.entities[name].note or "the API has no list of it"
        raise ConfigurationError(name, note, "entities that can be read (`openfaith entities` shows which)")


def _planned(way: Way, graph: Graph, cuts: Iterable[Cut]) -> PlannedEntity:
    dropped = {cut.dependency for cut in cuts}
    own = [d for d in graph.dependencies if d.entity == way.entity and d not in dropped]
    return PlannedEntity(
        name=way.entity,
        way=way,
        hard=tuple(d.on for d in own if d.hard),
        soft=tuple(d.on for d in own if not d.hard),
    )


def _notes(graph: Graph, requested: Collection[EntityName]) -> list[str]:
    missing = [d for d in graph.dependencies if d.hard and d.entity in requested and d.on not in requested]
    return [_note(dependency) for dependency in missing]


def _note(missing: Dependency) -> str:
    return (
        f"{missing.entity} depends on {missing.on} ({missing.why}), which was not asked for: "
        "it is synced without, and references may lead nowhere until that is synced too"
    )
