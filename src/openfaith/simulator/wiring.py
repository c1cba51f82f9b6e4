"""From the manifest to the links and edges of a church: what a product's contents do not say is derived here.

A path that leads on from a record needs an edge. The rules, first one that applies: the contents declare the edge;
the record asked for has a link to the one above it, named after it or the only one; or it gets such a link, which no
answer shows. So an entity that nobody described is served at once, in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from openfaith.manifest import Entity, Reading, Relationship
from openfaith.manifest.naming import snake_case
from openfaith.simulator.paths import Path, product_of, type_of
from openfaith.simulator.relations import (
    Chain,
    Children,
    Edge,
    Link,
    Only,
    Outside,
    Pick,
    Relations,
    ToOne,
    Via,
    link_by_rule,
)
from openfaith.simulator.rows import bare

USUAL_PERCENT = 60
"""How many records refer to something, where nothing is said of it."""

WHOLE = frozenset({"Organization"})
"""There is one record of these, to which every reference leads."""


def wire(
    entities: Mapping[str, Entity],
    paths: Iterable[Path],
    declared: Iterable[Link],
    edges: Mapping[tuple[str, str], Edge],
    settled: frozenset[str],
) -> Relations:
    """All links and edges.

    Args:
        entities: those of the church, by type.
        paths: all that can be read, shorter ones first.
        declared: the links that the contents know.
        edges: the edges that they know.
        settled: types whose declared links are all they have.
    """
    wiring = _Wiring(entities, declared, edges, settled)
    for entity_type in entities:
        wiring.relate(entity_type)
    for path in paths:
        if path.leads_on:
            wiring.lead(path)
    for entity_type, entity in entities.items():
        wiring.bring_along(entity_type, entity)
    return Relations(wiring.resolved(), wiring.edges)


class _Wiring:
    def __init__(
        self,
        entities: Mapping[str, Entity],
        declared: Iterable[Link],
        edges: Mapping[tuple[str, str], Edge],
        settled: frozenset[str],
    ) -> None:
        self.links: dict[str, dict[str, Link]] = {}
        self.edges = dict(edges)
        self._entities = entities
        self._settled = settled
        self._types = {entity.name: entity_type for entity_type, entity in entities.items()}
        for link in declared:
            if link.type in entities:
                self.links.setdefault(link.type, {})[link.name] = link

    def relate(self, entity_type: str) -> None:
        """A link for every relationship to one that the manifest lists."""
        links = self.links.setdefault(entity_type, {})
        if entity_type in self._settled:
            return
        for relationship in self._entities[entity_type].to_one:
            if relationship.name not in links:
                links[relationship.name] = self._related(entity_type, relationship)

    def _related(self, entity_type: str, relationship: Relationship) -> Link:
        target = self._types.get(relationship.to) if relationship.to else None
        if target is None:
            outside = f"{product_of(entity_type)}.{relationship.name.title().replace('_', '')}"
            return link_by_rule(entity_type, relationship.name, Outside(to=outside))
        percent = 100 if bare(target) in WHOLE else USUAL_PERCENT
        return link_by_rule(entity_type, relationship.name, Pick(to=target, percent=percent))

    def lead(self, path: Path) -> None:
        """An edge for a path that leads on from a record."""
        above, name = path.owners[-1], path.edges[-1]
        if (above, name) in self.edges or above not in self._entities or path.type not in self._entities:
            return
        if "/" in name:
            self.edges[above, name] = Chain(edges=tuple(name.split("/")))
        elif path.endpoint.collection:
            self.edges[above, name] = Children(type=path.type, link=self._upward(path.type, above))
        elif name in self.links[above]:
            self.edges[above, name] = ToOne(link=name)
        elif path.endpoint.name == "list":
            self.edges[above, name] = Only(type=path.type, link=self._upward(path.type, above))
        else:
            self.edges[above, name] = ToOne(link=name)
            percent = 100 if bare(path.type) in WHOLE else USUAL_PERCENT
            self.links[above][name] = link_by_rule(above, name, Pick(to=path.type, percent=percent))

    def _upward(self, entity_type: str, above: str) -> str:
        """The link by which a record knows what it is below of; made where there is none.

        What can be read below others only goes with the first of them; shorter paths come first.
        """
        links = self.links[entity_type]
        fitting = [link.name for link in links.values() if self._leads(link) == above]
        named = snake_case(bare(above))
        found = named if named in fitting or len(fitting) != 1 else fitting[0]
        if found not in fitting:
            links[found] = link_by_rule(entity_type, found, Pick(to=above, percent=USUAL_PERCENT))
        is_placed = any(link.owned for link in links.values())
        if not is_placed and self._entities[entity_type].reading is not Reading.TOP:
            links[found] = link_by_rule(entity_type, found, Pick(to=above, owned=True))
        return found

    def _leads(self, link: Link) -> str:
        return self._target_via(link.type, link.rule) if isinstance(link.rule, Via) else link.to

    def bring_along(self, entity_type: str, entity: Entity) -> None:
        """An edge for an include that no path leads to."""
        for include, target_name in entity.include_targets.items():
            target = self._types.get(target_name) if target_name else None
            if target is None or (entity_type, include) in self.edges or include in self.links[entity_type]:
                continue
            if entity_type not in self._settled:
                self.edges[entity_type, include] = Children(
                    type=target, link=self._upward(target, entity_type)
                )

    def resolved(self) -> list[Link]:
        """All links; those via others lead where the others lead."""
        return [
            replace(link, to=self._target_via(link.type, link.rule)) if isinstance(link.rule, Via) else link
            for links in self.links.values()
            for link in links.values()
        ]

    def _target_via(self, entity_type: str, rule: Via) -> str:
        between = self.links[entity_type][rule.link]
        near = self._target_via(entity_type, between.rule) if isinstance(between.rule, Via) else between.to
        if not rule.onward:
            return near
        onward = self.links[near][rule.onward]
        return self._target_via(near, onward.rule) if isinstance(onward.rule, Via) else onward.to


def served(paths: Iterable[Path]) -> dict[str, Entity]:
    """Type → entity, for everything that a path returns."""
    return {type_of(path.entity): path.entity for path in paths}
