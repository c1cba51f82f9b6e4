"""How one entity's records come about: the words that the files with the church's contents are written in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from openfaith.manifest.entity import Entity
from openfaith.simulator import words
from openfaith.simulator.dice import Dice
from openfaith.simulator.layouts import ORGANIZATION_ID, Plan
from openfaith.simulator.plain import plain_value
from openfaith.simulator.rows import Layout, Record, Reference, place_of
from openfaith.simulator.stamps import stamp


class Identity(NamedTuple):
    """Who a person is, as far as other records repeat it."""

    first_name: str
    last_name: str
    gender: str | None
    is_child: bool

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(slots=True)
class Row:
    """What a record is made from."""

    id: int
    index: int
    """Its number within the entity, from 0."""
    rank: int
    """Its number among the records of the same owner, from 0."""
    dice: Dice
    created_at: str
    updated_at: str
    links: dict[str, Reference | None] = field(default_factory=dict)
    """What is decided already; `refer` adds to it."""

    def refer(self, name: str, target: Reference | None) -> Reference | None:
        """Let the record refer to ``target``, unless that was decided before."""
        return self.links.setdefault(name, target)


class World:
    """What the records of one church know of each other. It never changes: lazily made records depend on it."""

    def __init__(self, seed: int, layouts: Mapping[str, Layout]) -> None:
        self.seed = seed
        self.layouts = layouts
        self.organization = Reference("Organization", ORGANIZATION_ID)

    def dice(self, *key: object) -> Dice:
        return Dice(self.seed, *key)

    def pick(self, entity_type: str, dice: Dice) -> Reference | None:
        """One of the first records of an entity; None where it has none."""
        ids = self.layouts[entity_type].ids if entity_type in self.layouts else ()
        return Reference(entity_type, ids[dice.below(len(ids))]) if ids else None

    def linked(self, reference: Reference | None, link: str) -> Reference | None:
        """What a record referred to at first; None also for one that was added later."""
        if reference is None or link not in self.layouts[reference.type].links:
            return None
        layout = self.layouts[reference.type]
        place = place_of(layout.ids, reference.id)
        to, ids = layout.links[link]
        return Reference(to, ids[place]) if place is not None and ids[place] else None

    def owned_ids(self, entity_type: str, owner_id: int) -> Sequence[int]:
        """The ids of an entity's first records that belong to one owner."""
        if entity_type not in self.layouts:
            return ()
        layout = self.layouts[entity_type]
        owners = layout.links[layout.owner][1]
        return layout.ids[bisect_left(owners, owner_id) : bisect_left(owners, owner_id + 1)]

    def created_at(self, reference: Reference | None) -> str | None:
        """When a record was made; None for one that was added later."""
        layout = self.layouts[reference.type] if reference is not None else None
        place = place_of(layout.ids, reference.id) if layout is not None and reference is not None else None
        return None if layout is None or place is None else stamp(layout.created[place])

    def identity(self, person_id: int) -> Identity:
        """Who the person was at first; a person added later has an identity too."""
        return self.identity_by(self.dice("Person", person_id), person_id)

    def identity_by(self, dice: Dice, person_id: int) -> Identity:
        """The same, by other dice: who the person could be as well."""
        household, rank = self.household_place(person_id)
        is_male = dice.one_in(2)
        first_name = dice.pick(words.MALE_NAMES if is_male else words.FEMALE_NAMES)
        last_name = dice.pick(words.SURNAMES)
        if household is not None and not dice.one_in(12):
            last_name = self.family_name(household)
        gender = None if dice.one_in(9) else "Male" if is_male else "Female"
        is_child = rank >= 2 or (household is None and dice.one_in(8))
        return Identity(first_name, last_name, gender, is_child)

    def family_name(self, household_id: int) -> str:
        return self.dice("Household", household_id, "name").pick(words.SURNAMES)

    def household_place(self, person_id: int) -> tuple[int | None, int]:
        """The person's first household, and the number within it; None and 0 for those without."""
        if "HouseholdMembership" not in self.layouts:
            return None, 0
        links = self.layouts["HouseholdMembership"].links
        place = place_of(links["person"][1], person_id)
        if place is None:
            return None, 0
        households = links["household"][1]
        return households[place], place - bisect_left(households, households[place])

    def household_size(self, household_id: int) -> int:
        """How many people the household had at first."""
        households = self.layouts["HouseholdMembership"].links["household"][1]
        return bisect_left(households, household_id + 1) - bisect_left(households, household_id)


Fill = Callable[[Row, World], Mapping[str, object]]
"""The attributes of a record, without `created_at` and `updated_at`; its links are added to the row."""


def _nothing(_row: Row, _world: World) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One entity of the simulated church."""

    type: str
    plan: Plan
    fill: Fill = _nothing
    """What it does not name gets a plain value."""
    is_joint: bool = False
    """True: the records only tie two others together, and no path returns them."""
    together: tuple[tuple[str, ...], ...] = ()
    """Groups of attributes that only make sense together; a random change takes all of a group."""
    fixed: tuple[str, ...] = ()
    """Attributes that repeat other records, and so never change by chance."""


def make_record(entity: Entity, kind: Kind, row: Row, world: World) -> Record:
    """The record of a row: what the kind knows, and a plain value for whatever else the manifest lists."""
    stamps = {"created_at": row.created_at, "updated_at": row.updated_at}
    filled = {**kind.fill(row, world), **stamps}
    repeated = {f"{name}_id": target.id if target else None for name, target in row.links.items()}
    filled = {**repeated, **filled}
    attributes = {
        name: filled[name] if name in filled else plain_value(attribute, row.dice)
        for name, attribute in entity.attributes.items()
    }
    return Record(row.id, attributes, row.links)


def first_row(kind: Kind, index: int, world: World) -> Row:
    """The row number ``index`` of the church as it was at first."""
    layout = world.layouts[kind.type]
    links: dict[str, Reference | None] = {
        name: Reference(to, ids[index]) if ids[index] else None for name, (to, ids) in layout.links.items()
    }
    return Row(
        id=layout.ids[index],
        index=index,
        rank=_rank(layout, index),
        dice=world.dice(kind.type, layout.ids[index]),
        created_at=stamp(layout.created[index]),
        updated_at=stamp(layout.updated[index]),
        links=links,
    )


def _rank(layout: Layout, index: int) -> int:
    """The owner's records follow each other, so the first link says where they begin."""
    if not layout.owner:
        return 0
    owners = layout.links[layout.owner][1]
    return index - bisect_left(owners, owners[index])
