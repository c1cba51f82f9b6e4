"""What a church's data is kept in: records, references between them, and one table per entity.

A table starts as a layout, a few arrays of numbers, from which any record can be made when it is asked for. What
changes afterwards is kept beside it. Everything that is derived (columns, orders, who refers to whom) is built
when first needed and kept right by `put` and `remove`, the only two ways in.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from openfaith.manifest.entity import Entity
from openfaith.simulator.stamps import stamp

MAX_REMEMBERED_SELECTIONS = 16
"""Results of queries that one table keeps; each holds up to one number per record."""


DEFAULT_PRODUCT = "people"
"""Its entities go by their bare names."""


class Reference(NamedTuple):
    """Which record is meant."""

    type: str
    """As the church calls it: `Person` of People, `groups.Person` of every other product."""
    id: int


def bare(entity_type: str) -> str:
    """A type as the API writes it, without its product."""
    return entity_type.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the church has it now."""

    id: int
    attributes: dict[str, object]
    """All of the manifest, in its order, also those that the API sends only when asked."""
    links: dict[str, Reference | None]
    """What it refers to, also what only an include shows."""

    def with_attributes(self, changed: Mapping[str, object]) -> Record:
        return replace(self, attributes={**self.attributes, **changed})

    def with_link(self, name: str, target: Reference | None) -> Record:
        """The same record referring to another; an attribute that repeats the id (`person_id`) follows."""
        repeated = f"{name}_id"
        attributes = self.attributes
        if repeated in attributes:
            attributes = attributes | {repeated: target.id if target else None}
        return replace(self, attributes=attributes, links=self.links | {name: target})


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What of an entity's first records is decided at once: all arrays are of one length, in order of the ids."""

    ids: array[int]
    created: array[int]
    """Unix times."""
    updated: array[int]
    links: Mapping[str, tuple[str, array[int]]] = field(default_factory=dict)
    """Link name → type and ids of its targets, for the links that need no record to be known; 0 stands for none."""
    owner: str = ""
    """The link by whose targets the records are in order, if there is one."""

    def column(self, key: str, entity: Entity) -> Iterable[object] | None:
        """One column without building a record; None where that takes one."""
        stamps = {"created_at": self.created, "updated_at": self.updated}
        if key in stamps and key in entity.attributes:
            return map(stamp, stamps[key])
        link = key.removesuffix("_id")
        if link == key or link not in self.links:
            return None
        return (target or None for target in self.links[link][1])


class Table:
    """The live records of one entity."""

    def __init__(
        self, entity_type: str, entity: Entity, layout: Layout, make: Callable[[int], Record]
    ) -> None:
        """``make`` builds the record number n of the layout, counted from 0."""
        self.entity = entity
        self.type = entity_type
        self._layout = layout
        self._make = make
        self._ids = layout.ids.tolist()
        self._changed: dict[int, Record] = {}
        self._columns: dict[str, dict[int, object]] = {}
        self._referring: dict[str, dict[int, list[int]]] = {}
        self._sorted: dict[str, tuple[list[object], list[int]]] = {}
        self._selections: dict[object, Sequence[int]] = {}
        self._highest_first_id = self._highest_id = self._ids[-1] if self._ids else 0

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, record_id: int) -> bool:
        return place_of(self._ids, record_id) is not None

    @property
    def ids(self) -> Sequence[int]:
        """All live ids, ascending. Not to be changed."""
        return self._ids

    def record(self, record_id: int) -> Record:
        """The record with this id.

        Raises:
            KeyError: there is none, or none any more.
        """
        changed = self._changed.get(record_id)
        if changed is not None:
            return changed
        if record_id not in self:
            raise KeyError(record_id)
        return self._make(bisect_left(self._layout.ids, record_id))

    def column(self, key: str) -> Mapping[int, object]:
        """Id → value of an attribute, of `id`, or of a link's target (`<link>_id`)."""
        if key not in self._columns:
            self._columns[key] = self._build_column(key)
        return self._columns[key]

    def referring(self, link: str) -> Mapping[int, list[int]]:
        """Id of the target → ids of the records whose ``link`` points at it, ascending."""
        if link not in self._referring:
            found: dict[int, list[int]] = {}
            targets = self.column(f"{link}_id")
            for record_id in self._ids:
                target = targets[record_id]
                if isinstance(target, int):
                    found.setdefault(target, []).append(record_id)
            self._referring[link] = found
        return self._referring[link]

    def sorted_by(self, key: str) -> tuple[Sequence[object], Sequence[int]]:
        """The values of a column that are not null, ascending, and beside them their ids (ties by id)."""
        if key not in self._sorted:
            column = self.column(key)
            rows = [
                (sort_key(value), record_id)
                for record_id in self._ids
                if (value := column[record_id]) is not None
            ]
            rows.sort()
            self._sorted[key] = ([value for value, _ in rows], [record_id for _, record_id in rows])
        return self._sorted[key]

    def remembered(self, query: object, select: Callable[[], Sequence[int]]) -> Sequence[int]:
        """What ``select`` found for this query, found again only after a change."""
        if query not in self._selections:
            while len(self._selections) >= MAX_REMEMBERED_SELECTIONS:
                del self._selections[next(iter(self._selections))]
            self._selections[query] = select()
        return self._selections[query]

    def new_id(self) -> int:
        """An id that no record has or had."""
        return self._highest_id + 1

    def index_of(self, record_id: int) -> int:
        """The number of a record, or of a new one: those added later come behind the first ones."""
        place = place_of(self._layout.ids, record_id)
        return len(self._layout.ids) + record_id - self._highest_first_id - 1 if place is None else place

    def put(self, record: Record) -> None:
        """Store a new record, or a new content of one."""
        if record.id in self:
            self._unlink(record.id)
        else:
            insort(self._ids, record.id)
            self._highest_id = max(self._highest_id, record.id)
        self._changed[record.id] = record
        for key, column in self._columns.items():
            column[record.id] = column_value(record, key)
        for link, found in self._referring.items():
            target = record.links.get(link)
            if target is not None:
                insort(found.setdefault(target.id, []), record.id)
        self._forget_orders()

    def remove(self, record_id: int) -> None:
        """Forget a record.

        Raises:
            KeyError: there is none.
        """
        if record_id not in self:
            raise KeyError(record_id)
        self._unlink(record_id)
        del self._ids[bisect_left(self._ids, record_id)]
        self._changed.pop(record_id, None)
        for column in self._columns.values():
            del column[record_id]
        self._forget_orders()

    def _unlink(self, record_id: int) -> None:
        for link, found in self._referring.items():
            target = self._columns[f"{link}_id"][record_id]
            if isinstance(target, int):
                found[target].remove(record_id)

    def _forget_orders(self) -> None:
        self._sorted.clear()
        self._selections.clear()

    def _build_column(self, key: str) -> dict[int, object]:
        if key == "id":
            return {record_id: record_id for record_id in self._ids}
        known = self._layout.column(key, self.entity)
        if known is None:
            return {record_id: column_value(self.record(record_id), key) for record_id in self._ids}
        first = dict(zip(self._layout.ids, known, strict=True))
        changed = {record_id: column_value(record, key) for record_id, record in self._changed.items()}
        return {
            record_id: changed[record_id] if record_id in changed else first[record_id]
            for record_id in self._ids
        }


def column_value(record: Record, key: str) -> object:
    """What a query compares: an attribute, the id, or the id of a link's target; None where there is no such."""
    if key in record.attributes:
        return record.attributes[key]
    if key == "id":
        return record.id
    target = record.links.get(key.removesuffix("_id"))
    return target.id if target else None


def sort_key(value: object) -> str | float:
    """What values of one column are ordered by: text without regard to case, documents by their text."""
    match value:
        case bool() | int() | float():
            return value
        case str():
            return value.casefold()
        case _:
            return json.dumps(value)


def place_of(ids: Sequence[int], wanted: int) -> int | None:
    """The index of an id in ascending ids."""
    place = bisect_left(ids, wanted)
    return place if place < len(ids) and ids[place] == wanted else None
