"""The church: all its records, the same for the same number of people and seed, and changeable afterwards."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeGuard

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import UnknownNameError
from openfaith.manifest import Entity, Manifest, near_names
from openfaith.records import EntityName
from openfaith.simulator.contents import EDGES, KINDS, LINKS, SETTLED
from openfaith.simulator.drawing import complete
from openfaith.simulator.kinds import Kind, World, first_row, make_record
from openfaith.simulator.layouts import Drafting, counted, only_organization, owned
from openfaith.simulator.lazily import Lazily
from openfaith.simulator.paths import ORGANIZATION, read_paths
from openfaith.simulator.relations import (
    Chain,
    Children,
    Edge,
    Only,
    Relations,
    Through,
    ToOne,
    pointed_at,
)
from openfaith.simulator.rows import DEFAULT_PRODUCT, Layout, Record, Reference, Table, bare
from openfaith.simulator.wiring import served, wire

UNDESCRIBED_RECORDS = 3
"""How many records an entity gets that only the manifest describes."""

UNDESCRIBED_WEIGHTS = (70, 20, 10)
"""How many of them an owner has, where they are below one."""


class Church:
    """A church's data in Planning Center.

    Records are made when they are looked at, so a large church costs little until it is read. `put` and `remove`
    change it; everything else is worked out from them (`changes.py` has the verbs).
    """

    def __init__(
        self,
        *,
        people: int = 5000,
        seed: int = 1,
        manifest: Manifest | None = None,
        products: Iterable[str] | None = None,
    ) -> None:
        """``products`` are those that the church uses; None: all of the manifest.

        Raises:
            UnknownNameError: there is no such product.
        """
        self.manifest = manifest or _planning_center()
        self.seed = seed
        self.products = tuple(self.manifest.products if products is None else products)
        for product in self.products:
            if product not in self.manifest.products:
                raise UnknownNameError("product", product, near_names(product, self.manifest.products))
        self.paths = {product: read_paths(self.manifest, product) for product in self.products}
        self.served = served(path for paths in self.paths.values() for path in paths)
        """Type → entity, for everything that can be read."""
        self.entities = {**self.served, **_joints(self.products)}
        """Those, and what only ties two others together."""
        paths = [path for paths in self.paths.values() for path in paths]
        self.relations = wire(self.entities, paths, LINKS, EDGES, SETTLED)
        self.kinds = {
            entity_type: KINDS.get(entity_type) or _undescribed(entity_type, self.relations)
            for entity_type in self.entities
        }
        self.world = World(seed, _layouts(people, seed, self.kinds, self.relations))
        self.tables: Mapping[str, Table] = Lazily(self.kinds, self._table)
        self.gone: dict[str, dict[int, Record]] = {}
        """Type → id → the last content of each record that was taken away and may come back."""
        self.listeners: list[Callable[[Reference], None]] = []
        """Called with each record that a change may have made look different."""

    def table(self, name: str) -> Table:
        """The table of an entity, by `Person` or `people.Person`; others than People by `groups.Person`.

        Raises:
            UnknownNameError: the church has no such records.
        """
        try:
            return self.tables[name.removeprefix(f"{DEFAULT_PRODUCT}.")]
        except KeyError:
            raise UnknownNameError(
                "entity", name, near_names(name, self.served), "in the simulated church"
            ) from None

    def has(self, reference: Reference) -> bool:
        """Whether the record that is meant is there."""
        return reference.type in self.tables and reference.id in self.tables[reference.type]

    def find(self, reference: Reference) -> Record | None:
        """The record that is meant, or None if there is none (any more)."""
        return self.tables[reference.type].record(reference.id) if self.has(reference) else None

    def reach(self, origin: Reference, edge: Edge) -> Sequence[Reference]:
        """The live records that an edge leads to, in order of their ids, each once."""
        match edge:
            case ToOne(link=link):
                record = self.find(origin)
                target = record.links.get(link) if record else None
                return (target,) if target is not None and self.has(target) else ()
            case Children(type=child, link=link) | Only(type=child, link=link):
                return [Reference(child, child_id) for child_id in self._referring(child, link, origin.id)]
            case Through(type=between, link=link, onward=onward):
                if between not in self.tables:
                    return ()
                column = self.tables[between].column(f"{onward}_id")
                far_type = self.relations.target_type(between, onward)
                found = {column[row] for row in self._referring(between, link, origin.id)}
                return [Reference(far_type, one) for one in sorted(filter(_is_id, found))]
            case Chain(edges=names):
                return self._reach_along(origin, names)

    def connects(self, origin: Reference, edge: Edge, target: Reference) -> bool:
        """Whether an edge leads from one live record to another."""
        if isinstance(edge, Children | Only):
            record = self.find(target) if target.type == edge.type else None
            return record is not None and record.links.get(edge.link) == origin
        return target in self.reach(origin, edge)

    def put(self, entity_type: str, record: Record) -> None:
        """Store a new record, or a new content of one."""
        before = self.find(Reference(entity_type, record.id))
        self.tables[entity_type].put(record)
        if before is None:
            self.gone.get(entity_type, {}).pop(record.id, None)
        self._tell(entity_type, record, before)

    def remove(self, entity_type: str, record_id: int) -> None:
        """Take a record away, and nothing else.

        Raises:
            KeyError: there is none.
        """
        before = self.tables[entity_type].record(record_id)
        self.tables[entity_type].remove(record_id)
        self.gone.setdefault(entity_type, {})[record_id] = before
        self._tell(entity_type, before, None)

    def _reach_along(self, origin: Reference, names: Sequence[str]) -> Sequence[Reference]:
        """Where several edges lead one after the other."""
        found: Iterable[Reference] = [origin]
        for name in names:
            edges = [(one, self.relations.edge(one.type, name)) for one in found]
            found = {target for one, edge in edges if edge for target in self.reach(one, edge)}
        return sorted(found)

    def _tell(self, entity_type: str, record: Record, before: Record | None) -> None:
        """A record shows what refers to it, so its neighbours may look different too."""
        seen = {
            Reference(entity_type, record.id),
            *pointed_at(record.links),
            *(pointed_at(before.links) if before else ()),
        }
        if before is not None and before.links != record.links:
            seen |= self._below(Reference(entity_type, record.id))
        for listener in self.listeners:
            for reference in seen:
                listener(reference)

    def _below(self, reference: Reference) -> set[Reference]:
        """What belongs to a record, and to that: the paths of all of it may lead over what the record refers to."""
        found: set[Reference] = set()
        for link in self.relations.links_to(reference.type):
            if link.owned and link.type in self.tables:
                for one in self._referring(link.type, link.name, reference.id):
                    child = Reference(link.type, one)
                    found |= {child, *self._below(child)}
        return found

    def _referring(self, entity_type: str, link: str, target_id: int) -> Sequence[int]:
        if entity_type not in self.tables:
            return ()
        return self.tables[entity_type].referring(link).get(target_id, ())

    def _table(self, entity_type: str) -> Table:
        entity, kind = self.entities[entity_type], self.kinds[entity_type]
        return Table(entity_type, entity, self.world.layouts[entity_type], _maker(entity, kind, self.world))


@functools.cache
def _planning_center() -> Manifest:
    """Read once: tests make many churches."""
    return load_planning_center()


def _maker(entity: Entity, kind: Kind, world: World) -> Callable[[int], Record]:
    return lambda index: make_record(entity, kind, first_row(kind, index, world), world)


def _layouts(people: int, seed: int, kinds: Mapping[str, Kind], relations: Relations) -> Mapping[str, Layout]:
    """Each is laid out when it is first looked at, after those it builds on. People are there whatever is served."""
    known = {**KINDS, **kinds}

    def plan(entity_type: str) -> Layout:
        return complete(known[entity_type].plan(drafting, entity_type), entity_type, drafting, relations)

    layouts = Lazily(known, plan)
    drafting = Drafting(seed=seed, people=people, finished=layouts)
    return layouts


def _joints(products: Iterable[str]) -> dict[str, Entity]:
    """What ties two records together where the API shows the ends only: a group's tags."""
    joints = [entity_type for entity_type, kind in KINDS.items() if kind.is_joint]
    return {
        entity_type: Entity(
            name=EntityName(entity_type),
            type=bare(entity_type),
            product=entity_type.rpartition(".")[0],
            attributes={},
            relationships={},
            endpoints=(),
        )
        for entity_type in joints
        if entity_type.rpartition(".")[0] in products
    }


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int)


def _undescribed(entity_type: str, relations: Relations) -> Kind:
    """A few records, below the first entity that owns such."""
    if bare(entity_type) == ORGANIZATION:
        return Kind(type=entity_type, plan=only_organization)
    above = next((link for link in relations.links_of(entity_type) if link.owned), None)
    if above is None:
        return Kind(type=entity_type, plan=counted(lambda _people: UNDESCRIBED_RECORDS))
    return Kind(type=entity_type, plan=owned(above.name, above.to, UNDESCRIBED_WEIGHTS))
