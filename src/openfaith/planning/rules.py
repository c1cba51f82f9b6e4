"""The rules by which dependencies follow from a manifest. All of them stand here.

Hard, the entity must wait:

1. *nested*: it has no collection that needs no id, so it is read below the parent that its path names.
2. *owned*: it is created below another (`POST /people/{person_id}/addresses`), and a reference to it, an include
   of it or a listing below it confirms the ownership. Unconfirmed, the dependency is soft.

Soft, it had better wait:

3. *reference*: it points at one record of the other, by a to-one relationship or an include that brings one.
4. *same*: the adapter says that the other has the same records as the one it points at, or as itself: a donation's
   person of Giving is a person of People.
5. *include*: it can bring along several records of the other.

A soft dependency is not made

6. on the entity itself, where a hard one stands already, on an entity that has one record only and no list (the
   organization that a token belongs to), or on one that is never read: there is nothing to wait for;
7. on an entity that itself must wait for this one, through however many hard dependencies: a parent's include of
   its children;
8. of a container on its members, where the members point back. A container owns the memberships: something is
   created or read below it that points at one member (a household, its household memberships, people). Its
   references to members, such as the primary contact, resolve once the members are there;
9. by an include of several, where the other points back at one: the include is the far side of that reference.

Last, the adapter's overrules: `hard` and `soft` set a dependency, `none` removes it. Rules 6 to 9 leave them alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from openfaith.manifest import Endpoint, Entity, Manifest, Method, Reading
from openfaith.manifest.capabilities import effective_reading
from openfaith.manifest.ways import Paths
from openfaith.planning.graph import Dependency, DependencyKind, Graph, Omission, Rule
from openfaith.records import EntityName

Pair = tuple[EntityName, EntityName]
"""An entity, and what it depends on."""


def derive_graph(manifest: Manifest) -> Graph:
    """Every dependency between the manifest's entities, each with the fact it rests on."""
    facts = _Facts(manifest)
    overruled = {(rule.entity, rule.on) for rule in manifest.overrules}
    by_path = _first_of_each_pair(d for d in facts.by_path() if (d.entity, d.on) not in overruled)
    firm = _first_of_each_pair(_overrules(manifest)) | by_path
    settled = overruled | by_path.keys()
    soft = _first_of_each_pair(d for d in facts.soft() if (d.entity, d.on) not in settled)
    omissions = _contradictions(facts, firm, soft)
    made = {pair: dependency for pair, dependency in (firm | soft).items() if pair not in omissions}
    return Graph(
        entities=tuple(sorted(manifest.entities)),
        dependencies=tuple(made[pair] for pair in sorted(made)),
        omissions=tuple(
            Omission(entity=pair[0], on=pair[1], why=why)
            for pair, why in sorted((omissions | _removed(manifest)).items())
        ),
    )


def _first_of_each_pair(dependencies: Iterable[Dependency]) -> dict[Pair, Dependency]:
    found: dict[Pair, Dependency] = {}
    for dependency in dependencies:
        if dependency.entity != dependency.on:
            found.setdefault((dependency.entity, dependency.on), dependency)
    return found


def _overrules(manifest: Manifest) -> Iterator[Dependency]:
    for rule in manifest.overrules:
        if rule.kind != "none":
            kind = DependencyKind(rule.kind)
            yield Dependency(entity=rule.entity, on=rule.on, kind=kind, rule=Rule.OVERRULE, why=rule.why)


def _removed(manifest: Manifest) -> dict[Pair, str]:
    return {(rule.entity, rule.on): rule.why for rule in manifest.overrules if rule.kind == "none"}


# What contradicts (rules 6 to 9)


def _contradictions(
    facts: _Facts, firm: Mapping[Pair, Dependency], soft: Mapping[Pair, Dependency]
) -> dict[Pair, str]:
    """The soft pairs that are not made, each with the reason."""
    hard = [pair for pair, dependency in firm.items() if dependency.hard]
    needs: dict[EntityName, list[EntityName]] = {}
    for entity, on in hard:
        needs.setdefault(entity, []).append(on)
    waits_for = {entity: _reachable(entity, needs) for entity in needs}
    reasons = ((pair, _objection(facts, pair, waits_for, hard, soft)) for pair in soft)
    return {pair: reason for pair, reason in reasons if reason}


def _objection(
    facts: _Facts,
    pair: Pair,
    waits_for: Mapping[EntityName, set[EntityName]],
    hard: Iterable[Pair],
    soft: Mapping[Pair, Dependency],
) -> str:
    entity, on = pair
    if facts.is_single(on):
        return f"there is only one {on}"
    if facts.is_unreadable(on):
        return f"{on} is never read"
    if entity in waits_for.get(on, ()):
        return f"{on} must wait for {entity}"
    back = soft.get((on, entity))
    if back is None:
        return ""
    ours, theirs = facts.membership(entity, on, hard), facts.membership(on, entity, hard)
    if ours and not theirs:
        return f"{entity} contains {on} through {ours}"
    if theirs and not ours:
        return ""
    if soft[pair].rule is Rule.INCLUDE and back.rule is Rule.REFERENCE:
        return f"{on} points back at one {entity}"
    return ""


def _reachable(start: EntityName, needs: Mapping[EntityName, Iterable[EntityName]]) -> set[EntityName]:
    """All that `start` depends on, directly or not."""
    seen: set[EntityName] = set()
    waiting = deque([start])
    while waiting:
        for on in needs.get(waiting.popleft(), ()):
            if on not in seen:
                seen.add(on)
                waiting.append(on)
    return seen


# What the manifest says (rules 1 to 5)


@dataclass(frozen=True, slots=True)
class _Reference:
    """One entity pointing at one record of another."""

    to: EntityName
    why: str


class _Facts:
    """The manifest, asked the questions of the rules."""

    def __init__(self, manifest: Manifest) -> None:
        self._entities = manifest.entities
        self._paths = Paths(manifest.entities)
        self._unreadable = {
            entity.name
            for entity in manifest.entities.values()
            if effective_reading(manifest, entity) is Reading.NONE
        }

    def by_path(self) -> Iterator[Dependency]:
        """Nested before owned, so that it wins where both hold."""
        for entity in self._entities.values():
            yield from self._nested(entity)
            yield from self._owned(entity)

    def soft(self) -> Iterator[Dependency]:
        """References before includes, so that they win where both hold."""
        for entity in self._entities.values():
            for reference in self._references(entity):
                yield _soft(entity.name, reference.to, Rule.REFERENCE, reference.why)
        for entity in self._entities.values():
            yield from self._same(entity)
        for entity in self._entities.values():
            yield from self._includes_of_several(entity)

    def membership(
        self, container: EntityName, member: EntityName, hard: Iterable[Pair]
    ) -> EntityName | None:
        """What ties members to the container: it must wait for the container and points at one member."""
        if not self._lists(container, member):
            return None
        owned = sorted(entity for entity, on in hard if on == container)
        return next((o for o in owned if member in self._targets(self._entities[o]) and o != member), None)

    def is_single(self, name: EntityName) -> bool:
        """Whether the API has one record of it: its own request needs no id and answers no list."""
        request = _own_request(self._entities[name])
        return request is not None and not request.collection and not request.placeholders

    def is_unreadable(self, name: EntityName) -> bool:
        return name in self._unreadable

    def _nested(self, entity: Entity) -> Iterator[Dependency]:
        if entity.below is not None:
            why = f"read below it, at {entity.below.endpoint.path}"
            on = entity.below.parent
            yield Dependency(entity=entity.name, on=on, kind=DependencyKind.HARD, rule=Rule.NESTED, why=why)

    def _owned(self, entity: Entity) -> Iterator[Dependency]:
        for request in entity.endpoints:
            owner = self._paths.parent(request) if request.method is Method.POST else None
            if owner is None:
                continue
            confirmed = self._confirms(entity, owner)
            kind = DependencyKind.HARD if confirmed else DependencyKind.SOFT
            why = f"created below it, at {request.path}" + (
                "" if confirmed else ", which nothing else confirms"
            )
            yield Dependency(entity=entity.name, on=owner, kind=kind, rule=Rule.OWNED, why=why)

    def _confirms(self, entity: Entity, owner: EntityName) -> bool:
        """A reference to the owner, or a listing below it."""
        return owner in self._targets(entity) or self._lists(owner, entity.name)

    def _references(self, entity: Entity) -> Iterator[_Reference]:
        for relationship in entity.to_one:
            if relationship.to is not None:
                yield _Reference(relationship.to, f"relationship {relationship.name}")
        for include, target in entity.include_targets.items():
            if target is not None and self._brings_one(entity, include, target):
                yield _Reference(target, f"include {include}, of one record")

    def _same(self, entity: Entity) -> Iterator[Dependency]:
        if entity.same_as is not None:
            yield _soft(entity.name, entity.same_as, Rule.SAME, "its records are the same, by id")
        for reference in self._references(entity):
            same = self._entities[reference.to].same_as
            if same is not None:
                yield _soft(
                    entity.name, same, Rule.SAME, f"{reference.why}, to the same by id in {reference.to}"
                )

    def _targets(self, entity: Entity) -> set[EntityName]:
        return {reference.to for reference in self._references(entity)}

    def _includes_of_several(self, entity: Entity) -> Iterator[Dependency]:
        for include, target in entity.include_targets.items():
            if target is not None and not self._brings_one(entity, include, target):
                yield _soft(entity.name, target, Rule.INCLUDE, f"include {include}")

    def _brings_one(self, entity: Entity, include: str, target: EntityName) -> bool:
        """By the relationship of the include's name, else by the edge that leads from the one to the other."""
        relationship = entity.relationships.get(include)
        if relationship is not None:
            return not relationship.many
        edge = f"{_bare(entity.name)}.{include}"
        return any(e.name == edge and not e.collection for e in self._entities[target].endpoints)

    def _lists(self, parent: EntityName, child: EntityName) -> bool:
        """Whether the child's records can be listed below one record of the parent."""
        collections = (e for e in self._entities[child].endpoints if e.method is Method.GET and e.collection)
        return any(self._paths.parent(endpoint) == parent for endpoint in collections)


def _soft(entity: EntityName, on: EntityName, rule: Rule, why: str) -> Dependency:
    return Dependency(entity=entity, on=on, kind=DependencyKind.SOFT, rule=rule, why=why)


def _own_request(entity: Entity) -> Endpoint | None:
    """How its records are asked for: its own `list`, which may answer one record, else any collection."""
    own = (e for e in entity.endpoints if e.method is Method.GET and e.name == "list")
    return next(own, None) or entity.collection


def _bare(name: EntityName) -> str:
    return name.rpartition(".")[2]
