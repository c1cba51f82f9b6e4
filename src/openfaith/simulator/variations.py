"""What a record could say instead: the values of a change that names none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.kinds import Kind, Row, make_record
from openfaith.simulator.rows import Record, Reference

MOST_GROUPS = 2
"""How many groups of attributes one change takes, at most."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_STAMPS = frozenset({"created_at", "updated_at"})


def other_values(
    church: Church, entity_type: str, record: Record, *, now: str, ordinal: int, dice: Dice
) -> Mapping[str, object]:
    """New values for one or two groups of attributes, of the kind that such records have.

    Args:
        church: where the record is.
        entity_type: its type.
        record: as it is.
        now: a stamp, for attributes that tell when something happened.
        ordinal: another number gives other values.
        dice: chooses the attributes.
    """
    kind, table = church.kinds[entity_type], church.tables[entity_type]
    row = Row(
        id=record.id,
        index=table.index_of(record.id),
        rank=0,
        dice=church.world.dice(entity_type, record.id, "again", ordinal),
        created_at=str(record.attributes.get("created_at") or now),
        updated_at=now,
        links=dict(record.links),
    )
    other = make_record(table.entity, kind, row, church.world).attributes
    groups = [
        group
        for group in changeable(kind, record.attributes)
        if any(other[name] != record.attributes[name] for name in group)
    ]
    chosen = [dice.pick(groups) for _ in range(MOST_GROUPS)] if groups else []
    return {name: other[name] for group in chosen for name in group} or _marked(kind, record.attributes)


def changeable(kind: Kind, attributes: Iterable[str]) -> list[tuple[str, ...]]:
    """The groups of attributes that may change by chance: stamps, ids and repetitions of others do not."""
    names = [name for name in attributes if name not in _STAMPS and name not in kind.fixed]
    together = [tuple(name for name in group if name in names) for group in kind.together]
    grouped = {name for group in together for name in group}
    alone = [(name,) for name in names if name not in grouped and not name.endswith("_id")]
    return [*together, *alone]


NAMES = ("first_name", "last_name", "name")


def names_of(person: Record, record: Record) -> Mapping[str, object]:
    """A person's names under the attributes in which another record repeats them."""
    names = {name: person.attributes[name] for name in NAMES}
    full = dict.fromkeys(("full_name", "profile_name"), names["name"])
    return {name: value for name, value in {**names, **full}.items() if name in record.attributes}


def name_of(church: Church, person: Reference | None) -> object:
    """What records that repeat a person's name repeat."""
    record = church.find(person) if person else None
    names = (record.attributes.get(name) for name in ("name", "full_name")) if record else ()
    return next((name for name in names if name is not None), None)


def referring_to(church: Church, record: Record, link: str, target: Reference | None) -> Record:
    """A record that refers to another; one that repeats names repeats the other's."""
    record = record.with_link(link, target)
    name = f"{link}_name"
    return record.with_attributes({name: name_of(church, target)}) if name in record.attributes else record


def with_full_name(record: Record, attributes: Mapping[str, object]) -> Mapping[str, object]:
    """A person's `name` follows from the two names it is made of, unless it is given."""
    if "name" in attributes or attributes.keys().isdisjoint({"first_name", "last_name"}):
        return attributes
    parts = {**record.attributes, **attributes}
    if not {"first_name", "last_name", "name"} <= parts.keys():
        return attributes
    return {**attributes, "name": f"{parts['first_name']} {parts['last_name']}"}


def _marked(kind: Kind, attributes: Mapping[str, object]) -> Mapping[str, object]:
    """For records that always come out the same: their first text gets a mark."""
    for name, value in attributes.items():
        if isinstance(value, str) and not _TIME.match(value) and name not in _STAMPS.union(kind.fixed):
            return {name: f"{value} *"}
    return {}
