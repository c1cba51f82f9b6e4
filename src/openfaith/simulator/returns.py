"""Bringing a record back that was deleted: as it was, but for what has become of the records it refers to."""

from __future__ import annotations

import random
from collections.abc import Sequence

from openfaith.errors import UnknownNameError
from openfaith.simulator.additions import is_needed
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.relations import Link, Via
from openfaith.simulator.rows import Record, Reference
from openfaith.simulator.variations import referring_to


def returning(church: Church, entity_type: str, ids: Sequence[str], count: int, dice: Dice) -> list[Record]:
    """The records that come back, ready to be stored.

    Args:
        church: where they were.
        entity_type: their type.
        ids: which of the deleted ones are meant; none: some chosen by chance.
        count: how many to choose, fewer if there are fewer.
        dice: choose.

    Raises:
        UnknownNameError: an id is not one of a deleted record, or of one whose owner is gone.
    """
    gone = church.gone.get(entity_type, {})
    back = [one for one in sorted(gone) if _has_place(church, entity_type, gone[one])]
    for record_id in ids:
        if not record_id.isdecimal() or int(record_id) not in back:
            why = "among the deleted whose owners are there; who was merged does not come back"
            raise UnknownNameError("record", f"{entity_type} {record_id}", (), why)
    chance = random.Random(dice.below(1 << 48))
    chosen = list(map(int, ids)) if ids else chance.sample(back, min(count, len(back)))
    return [_reconnected(church, entity_type, gone[one]) for one in chosen]


def _has_place(church: Church, entity_type: str, record: Record) -> bool:
    """Whether everything is there that a record cannot do without."""
    needed = (
        record.links.get(link.name) for link in church.relations.links_of(entity_type) if is_needed(link)
    )
    return all(target is not None and church.has(target) for target in needed)


def _reconnected(church: Church, entity_type: str, record: Record) -> Record:
    """The record, referring to nothing that is gone, and repeating what others refer to and are called now."""
    for link in church.relations.links_of(entity_type):
        target = _leads_to(church, record, link)
        if target != record.links.get(link.name) or link.to == "Person":
            record = referring_to(church, record, link.name, target)
    return record


def _leads_to(church: Church, record: Record, link: Link) -> Reference | None:
    if not isinstance(link.rule, Via):
        target = record.links.get(link.name)
        return target if target is not None and (link.kept or church.has(target)) else None
    nearer = church.relations.link_named(link.type, link.rule.link)
    near = _leads_to(church, record, nearer) if nearer is not None else None
    if not link.rule.onward:
        return near
    between = church.find(near) if near is not None else None
    return between.links.get(link.rule.onward) if between is not None else None
