"""Choosing what the first records refer to: one array of ids for each link, 0 for none.

All records of an entity are decided in one go, so that who refers to whom is known without making a record.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from openfaith.simulator.layouts import Drafting
from openfaith.simulator.lazily import Lazily
from openfaith.simulator.relations import Beside, Link, Outside, Pick, Relations, Told, Via
from openfaith.simulator.rows import Layout

OUTSIDE_RECORDS = 40
"""How many records the API names without showing them, of each kind."""

Targets: TypeAlias = "tuple[str, array[int]]"
"""The type that a link leads to, and the id for each record."""


def complete(layout: Layout, entity_type: str, drafting: Drafting, relations: Relations) -> Layout:
    """The layout with all links of its entity that have a rule; each is drawn when it is first looked at."""
    ruled = {link.name: link for link in relations.links_of(entity_type) if link.rule is not None}
    drawing = _Drawing(layout, drafting)

    def make(name: str) -> Targets:
        return layout.links[name] if name in layout.links else (ruled[name].to, drawing.draw(ruled[name]))

    drawing.links = Lazily([*layout.links, *ruled], make)
    return replace(layout, links=drawing.links)


class _Drawing:
    """The links of one entity."""

    def __init__(self, layout: Layout, drafting: Drafting) -> None:
        self.links: Mapping[str, Targets] = layout.links
        self._layout = layout
        self._drafting = drafting

    def draw(self, link: Link) -> array[int]:
        chance = self._drafting.random(link.type, link.name)
        count = len(self._layout.ids)
        match link.rule:
            case Via(link=own, onward=onward):
                return self._followed(self.links[own], onward)
            case Beside(step=step):
                return _beside(self._layout, step)
            case Outside(percent=percent):
                return _thinned(chance.choices(range(1, OUTSIDE_RECORDS + 1), k=count), percent, chance)
            case Pick() as rule:
                found = _in_turn(self._picked(rule, link.type, chance), rule)
                return _thinned(_earlier(found, rule, self._layout), rule.percent, chance)
            case Told() | None:
                return array("q", bytes(8 * count))

    def _followed(self, by: Targets, onward: str) -> array[int]:
        """What the targets of a link refer to themselves."""
        if not onward:
            return by[1]
        between = self._drafting.finished[by[0]]
        leads = dict(zip(between.ids, between.links[onward][1], strict=True))
        return array("q", (leads.get(one, 0) for one in by[1]))

    def _picked(self, rule: Pick, own_type: str, chance: random.Random) -> Sequence[int]:
        targets = self._layout if rule.to == own_type else self._drafting.finished[rule.to]
        pool = targets.ids[: rule.first]
        if not pool:
            return [0] * len(self._layout.ids)
        if rule.matching is None:
            return chance.choices(pool, k=len(self._layout.ids))
        own, theirs = rule.matching
        common_ids = self._layout.ids if own == "id" else self.links[own][1]
        # Links of the entity itself are drawn here; asking the drafting for them would ask for itself.
        common_to = (self.links if targets is self._layout else targets.links)[theirs][1]
        groups: dict[int, list[int]] = {}
        for target, common in zip(targets.ids, common_to, strict=True):
            groups.setdefault(common, []).append(target)
        return [chance.choice(groups[one]) if one in groups else 0 for one in common_ids]


def _beside(layout: Layout, step: int) -> array[int]:
    """The ids one step before or behind, within the records of one owner."""
    owners, count = layout.links[layout.owner][1], len(layout.ids)
    places = ((index, index + step) for index in range(count))
    return array(
        "q",
        (
            layout.ids[place] if 0 <= place < count and owners[place] == owners[index] else 0
            for index, place in places
        ),
    )


def _earlier(found: Sequence[int], rule: Pick, layout: Layout) -> Sequence[int]:
    if not rule.earlier:
        return found
    return [target if target < own else 0 for target, own in zip(found, layout.ids, strict=True)]


def _in_turn(found: Sequence[int], rule: Pick) -> Sequence[int]:
    if rule.turn is None:
        return found
    place, rounds = rule.turn
    return [target if index % rounds == place else 0 for index, target in enumerate(found)]


def _thinned(found: Sequence[int], percent: int, chance: random.Random) -> array[int]:
    if percent >= 100:
        return array("q", found)
    return array("q", (target if chance.random() * 100 < percent else 0 for target in found))
