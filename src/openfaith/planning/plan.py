"""What a run will do, and what it may do next."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from openfaith.errors import ConfigurationError
from openfaith.manifest import Manifest, Reading, resolve_entity
from openfaith.planning.graph import Dependency, Graph, Rule, restrict
from openfaith.planning.ordering import Cut, order
from openfaith.planning.rules import derive_graph
from openfaith.records import EntityName


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedEntity:
    """One entity of a plan. Its dependencies are those within the plan."""

    name: EntityName
    hard: tuple[EntityName, ...]
    """Must have completed before it starts."""
    soft: tuple[EntityName, ...]
    """Come before it in the order; it does not wait for them."""


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


def make_plan(manifest: Manifest, names: Iterable[str] | None = None) -> Plan:
    """Plan the named entities, or all that can be read; a name given twice counts once.

    An entity whose hard dependency was not requested is synced by itself: what it depends on may be there from an
    earlier run. The plan has a note of it.

    Raises:
        UnknownNameError: there is no such entity.
        ConfigurationError: an entity was named that has no list of its own.
        DependencyCycleError: the manifest's hard dependencies form a cycle.
    """
    graph = derive_graph(manifest)
    requested = _readable(manifest) if names is None else _requested(manifest, graph, names)
    whole = order(graph)
    part = restrict(graph, requested)
    return Plan(
        entities=tuple(_planned(name, part, whole.cuts) for name in whole.order if name in requested),
        cuts=tuple(
            c for c in whole.cuts if c.dependency.entity in requested and c.dependency.on in requested
        ),
        notes=tuple(_notes(graph, requested)),
    )


def _readable(manifest: Manifest) -> set[EntityName]:
    return {entity.name for entity in manifest.entities.values() if entity.reading is Reading.TOP}


def _requested(manifest: Manifest, graph: Graph, names: Iterable[str]) -> set[EntityName]:
    requested = {resolve_entity(manifest, name) for name in names}
    for name in sorted(requested - _readable(manifest)):
        raise ConfigurationError(
            name,
            f"{_place(graph, name)}, and such entities are not read yet",
            "entities with a list of their own (`openfaith entities` shows which)",
        )
    return requested


def _place(graph: Graph, name: EntityName) -> str:
    """Where an entity without a list of its own is to be found."""
    nested = (d for d in graph.dependencies if d.entity == name and d.rule is Rule.NESTED)
    parent = next(nested, None)
    return f"it is nested below {parent.on} ({parent.why})" if parent else "the API has no list of it"


def _planned(name: EntityName, graph: Graph, cuts: Iterable[Cut]) -> PlannedEntity:
    dropped = {cut.dependency for cut in cuts}
    own = [d for d in graph.dependencies if d.entity == name and d not in dropped]
    return PlannedEntity(
        name=name, hard=tuple(d.on for d in own if d.hard), soft=tuple(d.on for d in own if not d.hard)
    )


def _notes(graph: Graph, requested: Collection[EntityName]) -> list[str]:
    missing = [d for d in graph.dependencies if d.hard and d.entity in requested and d.on not in requested]
    return [_note(dependency) for dependency in missing]


def _note(missing: Dependency) -> str:
    return (
        f"{missing.entity} depends on {missing.on} ({missing.why}), which was not asked for: "
        "it is synced without, and references may lead nowhere until that is synced too"
    )


# While the run goes on


def ready(
    plan: Plan,
    completed: Collection[EntityName],
    failed: Collection[EntityName],
    running: Collection[EntityName] = (),
) -> tuple[EntityName, ...]:
    """What may start now, best first: all its hard dependencies have completed, and it has not started itself.

    `failed` are those that ended in any other way than completed. Whatever `skipped` names never becomes ready.
    """
    begun = {*completed, *failed, *running}
    return tuple(
        e.name for e in plan.entities if e.name not in begun and all(on in completed for on in e.hard)
    )


def skipped(plan: Plan, failed: Collection[EntityName]) -> dict[EntityName, EntityName]:
    """What can no longer run, each with the hard dependency that blocks it: one that failed, or is skipped itself."""
    blocked: dict[EntityName, EntityName] = {}
    for entity in plan.entities:
        blocking = next((on for on in entity.hard if on in failed or on in blocked), None)
        if blocking is not None and entity.name not in failed:
            blocked[entity.name] = blocking
    return blocked
