"""The church: all its records, the same for the same number of people and seed, and changeable afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import UnknownNameError
from openfaith.manifest import Entity, Manifest, Reading, near_names
from openfaith.simulator.contents import KINDS
from openfaith.simulator.kinds import Kind, World, first_row, make_record
from openfaith.simulator.layouts import Drafting, counted
from openfaith.simulator.relations import Children, Edge, Through, ToOne, pointed_at, target_type
from openfaith.simulator.rows import Layout, Record, Reference, Table

UNDESCRIBED_RECORDS = 3
"""How many records an entity gets that only the manifest describes."""

PRODUCT = "people"


class Church:
    """A church's data in Planning Center People.

    Records are made when they are looked at, so a large church costs little until it is read. `put` and `remove`
    change it; everything else is worked out from them (`changes.py` has the verbs).
    """

    def __init__(self, *, people: int = 5000, seed: int = 1, manifest: Manifest | None = None) -> None:
        self.manifest = manifest or load_planning_center()
        self.seed = seed
        self.entities = {
            entity.type: entity for entity in self.manifest.entities.values() if entity.product == PRODUCT
        }
        self.kinds = {
            entity_type: KINDS.get(entity_type) or _undescribed(entity_type)
            for entity_type in self.entities
            if self._is_kept(entity_type)
        }
        self.world = World(seed, _layouts(people, seed, self.kinds))
        self.tables = {entity_type: self._table(entity_type) for entity_type in self.kinds}
        self.listeners: list[Callable[[Reference], None]] = []
        """Called with each record that a change may have made look different."""

    def table(self, name: str) -> Table:
        """The table of an entity, by `Person` or `people.Person`.

        Raises:
            UnknownNameError: the church has no such records.
        """
        try:
            return self.tables[name.removeprefix(f"{PRODUCT}.")]
        except KeyError:
            raise UnknownNameError(
                "entity", name, near_names(name, self.tables), "in the simulated church"
            ) from None

    def has(self, reference: Reference) -> bool:
        """Whether the record that is meant is there."""
        table = self.tables.get(reference.type)
        return table is not None and reference.id in table

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
            case Children(type=child, link=link):
                return [Reference(child, child_id) for child_id in self._referring(child, link, origin.id)]
            case Through(type=between, link=link, onward=onward):
                column, far_type = self.tables[between].column(f"{onward}_id"), target_type(between, onward)
                found = {column[row] for row in self._referring(between, link, origin.id)}
                return [Reference(far_type, one) for one in sorted(filter(_is_id, found))]

    def put(self, entity_type: str, record: Record) -> None:
        """Store a new record, or a new content of one."""
        before = self.find(Reference(entity_type, record.id))
        self.tables[entity_type].put(record)
        self._tell(entity_type, record, before)

    def remove(self, entity_type: str, record_id: int) -> None:
        """Take a record away, and nothing else.

        Raises:
            KeyError: there is none.
        """
        before = self.tables[entity_type].record(record_id)
        self.tables[entity_type].remove(record_id)
        self._tell(entity_type, before, None)

    def _tell(self, entity_type: str, record: Record, before: Record | None) -> None:
        """A record shows what refers to it, so its neighbours may look different too."""
        seen = {
            Reference(entity_type, record.id),
            *pointed_at(record.links),
            *(pointed_at(before.links) if before else ()),
        }
        for listener in self.listeners:
            for reference in seen:
                listener(reference)

    def _referring(self, entity_type: str, link: str, target_id: int) -> Sequence[int]:
        table = self.tables.get(entity_type)
        return table.referring(link).get(target_id, ()) if table is not None else ()

    def _is_kept(self, entity_type: str) -> bool:
        return entity_type in KINDS or self.entities[entity_type].reading is Reading.TOP

    def _table(self, entity_type: str) -> Table:
        entity, kind = self.entities[entity_type], self.kinds[entity_type]
        return Table(entity, self.world.layouts[entity_type], _maker(entity, kind, self.world))


def _maker(entity: Entity, kind: Kind, world: World) -> Callable[[int], Record]:
    return lambda index: make_record(entity, kind, first_row(kind, index, world), world)


def _layouts(people: int, seed: int, kinds: Mapping[str, Kind]) -> dict[str, Layout]:
    """Described entities first, in the order in which they are described: plans build on earlier ones."""
    finished: dict[str, Layout] = {}
    drafting = Drafting(seed=seed, people=people, finished=finished)
    for entity_type, kind in (KINDS | dict(kinds)).items():
        finished[entity_type] = kind.plan(drafting, entity_type)
    return finished


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int)


def _undescribed(entity_type: str) -> Kind:
    return Kind(
        type=entity_type, plan=counted(lambda _people: UNDESCRIBED_RECORDS), fill=lambda _row, _world: {}
    )
