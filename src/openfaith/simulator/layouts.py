"""How many records there are, with which ids and stamps, and which of them belong together.

Only arrays of numbers are made here, all entities in one go and in well under a second for 100,000 people.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, repeat

from openfaith.simulator.rows import Layout
from openfaith.simulator.stamps import EARLIEST, LATEST

BULK_EDIT = LATEST - 40 * 86_400 + 12_345
"""The second in which somebody changed many records at once: the largest group of equal stamps."""

_SHARE_NEVER_CHANGED = 35
_SHARE_BULK_EDITED = 3
_SHARE_IMPORTED_TOGETHER = 20
"""Percent of records that were created in the same second as the one before."""

FAMILY_SIZES = (1, 2, 3, 4, 5, 6)
FAMILY_SIZE_WEIGHTS = (34, 27, 18, 13, 6, 2)
HOUSEHOLDS_PER_PERSON = 0.4

ORGANIZATION_ID = 263_471
"""The one organization: the parent of every top-level collection."""

LENGTHS = 6
"""In how many steps the ids of one entity grow longer by a digit."""


@dataclass(frozen=True, kw_only=True)
class Drafting:
    """What a plan may build on."""

    seed: int
    people: int
    finished: Mapping[str, Layout]
    """Type → layout, for the entities planned before."""

    def random(self, *key: object) -> random.Random:
        return random.Random("\x1f".join(map(str, (self.seed, *key))))


Plan = Callable[[Drafting, str], Layout]
"""Lays out the entity of the given type."""


def counted(count: Callable[[int], int]) -> Plan:
    """As many records as ``count`` says for this number of people."""

    def plan(drafting: Drafting, entity_type: str) -> Layout:
        return _unowned(drafting.random(entity_type), count(drafting.people))

    return plan


def owned(link: str, owner_type: str, weights: Sequence[int], *, spread: bool = False) -> Plan:
    """Some records for each owner: ``weights[n]`` of them, relatively, have n. The first owner has at least one.

    Most are made with their owner; ``spread``: at any time since.
    """

    def plan(drafting: Drafting, entity_type: str) -> Layout:
        owners = drafting.finished[owner_type]
        chance = drafting.random(entity_type)
        counts = chance.choices(range(len(weights)), weights, k=len(owners.ids))
        counts[:1] = [max(1, first) for first in counts[:1]]
        owner_ids = array("q", chain.from_iterable(map(repeat, owners.ids, counts)))
        since = chain.from_iterable(map(repeat, owners.created, counts))
        made = _any_time_after(chance, since) if spread else _soon_after(chance, since, len(owner_ids))
        created = array("q", made)
        ids = array("q", ids_with_gaps(chance, len(owner_ids)))
        return Layout(
            ids=ids,
            created=created,
            updated=_updated(chance, created),
            links={link: (owner_type, owner_ids)},
            owner=link,
        )

    return plan


def households(drafting: Drafting, entity_type: str) -> Layout:
    """Families of people whose ids follow each other; the first of each is the primary contact."""
    people = drafting.finished["Person"]
    contacts = array("q", (people.ids[start] for start, _ in _families(drafting)))
    chance = drafting.random(entity_type)
    created = array("q", (people.created[start] for start, _ in _families(drafting)))
    ids = array("q", ids_with_gaps(chance, len(contacts)))
    return Layout(
        ids=ids,
        created=created,
        updated=_updated(chance, created),
        links={"primary_contact": ("Person", contacts)},
        owner="primary_contact",
    )


def household_memberships(drafting: Drafting, entity_type: str) -> Layout:
    """One for each person of each household, in order of the people."""
    people, homes = drafting.finished["Person"], drafting.finished["Household"]
    members = array(
        "q", chain.from_iterable(people.ids[start : start + size] for start, size in _families(drafting))
    )
    households_of = array(
        "q",
        chain.from_iterable(
            repeat(home, size) for home, (_, size) in zip(homes.ids, _families(drafting), strict=True)
        ),
    )
    layout = _unowned(drafting.random(entity_type), len(members))
    return Layout(
        ids=layout.ids, created=layout.created, updated=layout.updated, links={"person": ("Person", members), "household": ("Household", households_of)}, owner="person"
    )  # fmt: skip


def _families(drafting: Drafting) -> Iterator[tuple[int, int]]:
    """The place of the first person, and the number of people, of each household. Some people are in none."""
    chance = drafting.random("families")
    start = 0
    for _ in range(round(drafting.people * HOUSEHOLDS_PER_PERSON)):
        start += chance.random() < 0.12
        size = chance.choices(FAMILY_SIZES, FAMILY_SIZE_WEIGHTS)[0]
        if start + size > drafting.people:
            return
        yield start, size
        start += size


def _unowned(chance: random.Random, count: int) -> Layout:
    moments = sorted(chance.choices(range(EARLIEST, LATEST), k=count))
    together = [False, *(chance.random() * 100 < _SHARE_IMPORTED_TOGETHER for _ in range(count - 1))][:count]
    created = array("q", accumulate(zip(moments, together, strict=True), _with_predecessor, initial=0))[1:]
    return Layout(
        ids=array("q", ids_with_gaps(chance, count)), created=created, updated=_updated(chance, created)
    )


def _with_predecessor(before: int, row: tuple[int, bool]) -> int:
    moment, together = row
    return before if together else moment


def _soon_after(chance: random.Random, since: Iterator[int], count: int) -> Iterator[int]:
    """Most children are made with their owner, the others some time later."""
    delays = chance.choices((0, 1, 2, 40, 86_400 * 3, 86_400 * 200), (50, 20, 10, 5, 10, 5), k=count)
    return (min(moment + delay, LATEST) for moment, delay in zip(since, delays, strict=True))


def _any_time_after(chance: random.Random, since: Iterator[int]) -> Iterator[int]:
    return (moment + int(chance.random() * (LATEST - moment)) for moment in since)


def _updated(chance: random.Random, created: array[int]) -> array[int]:
    return array("q", (_last_change(chance.random(), moment) for moment in created))


def _last_change(share: float, created: int) -> int:
    if share * 100 < _SHARE_NEVER_CHANGED:
        return created
    if share * 100 < _SHARE_NEVER_CHANGED + _SHARE_BULK_EDITED:
        return max(created, BULK_EDIT)
    rest = share * 1_000_003 % 1  # the digits that the comparisons above did not look at
    return created + int(rest * (LATEST - created))


def ids_with_gaps(chance: random.Random, count: int) -> Iterator[int]:
    """Ascending ids that are not consecutive and grow from 2 to 8 digits, so that their order is not that of their text."""
    if not count:
        return iter(())
    steps = chance.choices(range(1, 9), k=count)
    steps[0] = chance.randrange(80, 96)
    level = 1
    for place in _jumps(count):
        level *= 10
        steps[place] += 100 * level + chance.randrange(level)
    return accumulate(steps)


def _jumps(count: int) -> Iterator[int]:
    """Where the ids grow longer: at even distances, each place once."""
    return iter(sorted({count * step // LENGTHS for step in range(1, LENGTHS)} - {0}))


def only_organization(_drafting: Drafting, _entity_type: str) -> Layout:
    return Layout(
        ids=array("q", [ORGANIZATION_ID]), created=array("q", [EARLIEST]), updated=array("q", [EARLIEST])
    )


def subset(of_type: str, percent: int, link: str = "person") -> Plan:
    """Some records of another entity, under the same ids, among them the first: the people whom a product knows."""

    def plan(drafting: Drafting, entity_type: str) -> Layout:
        whole = drafting.finished[of_type]
        chance = drafting.random(entity_type)
        chosen = [place for place in range(len(whole.ids)) if place == 0 or chance.random() * 100 < percent]
        ids = array("q", (whole.ids[place] for place in chosen))
        created = array("q", (whole.created[place] for place in chosen))
        return Layout(
            ids=ids,
            created=created,
            updated=_updated(chance, created),
            links={link: (of_type, ids)},
            owner=link,
        )

    return plan


def paired(
    one: tuple[str, str, str], other: tuple[str, str, str], *, percent: int = 100, most: int | None = None
) -> Plan:
    """A record for each two that belong together: an attendance for each event and each member of its group.

    Args:
        one: the link to the first of them, its type, and its link that both have in common (`id` for itself).
        other: the same of the second.
        percent: how many of a hundred pairs have a record; the first pair always has.
        most: how many pairs each of the first takes part in, at most.
    """

    def plan(drafting: Drafting, entity_type: str) -> Layout:
        link, owner_type, shared = one
        owners = drafting.finished[owner_type]
        partners = _by_shared(drafting.finished[other[1]], other[2])
        chance = drafting.random(entity_type)
        pairs = [
            (place, partner)
            for place, common in enumerate(_shared(owners, shared))
            for partner in partners.get(common, ())[:most]
        ]
        kept = [pair for number, pair in enumerate(pairs) if not number or chance.random() * 100 < percent]
        since = iter([owners.created[place] for place, _ in kept])
        created = array("q", _soon_after(chance, since, len(kept)))
        return Layout(
            ids=array("q", ids_with_gaps(chance, len(kept))),
            created=created,
            updated=_updated(chance, created),
            links={
                link: (owner_type, array("q", (owners.ids[place] for place, _ in kept))),
                other[0]: (other[1], array("q", (partner for _, partner in kept))),
            },
            owner=link,
        )

    return plan


def sampled(
    one: tuple[str, str], other: tuple[str, str], sizes: Sequence[int], *, percent: float = 0
) -> Plan:
    """Different records of one entity for each of another: a group's members, none of them twice.

    Args:
        one: a link and the type of those in whose order the records are.
        other: a link and the type of those that are drawn.
        sizes: how many each has, one of these by chance.
        percent: beside that, so many of a hundred of the others.
    """

    def plan(drafting: Drafting, entity_type: str) -> Layout:
        owners, others = drafting.finished[one[1]], drafting.finished[other[1]].ids
        chance = drafting.random(entity_type)
        drawn: list[tuple[int, int]] = []
        for place in range(len(owners.ids)):
            size = chance.choice(sizes) + round(len(others) * percent / 100)
            size = min(max(size, not place), len(others))
            drawn += [(place, others[index]) for index in sorted(chance.sample(range(len(others)), size))]
        since = iter([owners.created[place] for place, _ in drawn])
        created = array("q", _soon_after(chance, since, len(drawn)))
        return Layout(
            ids=array("q", ids_with_gaps(chance, len(drawn))),
            created=created,
            updated=_updated(chance, created),
            links={
                one[0]: (one[1], array("q", (owners.ids[place] for place, _ in drawn))),
                other[0]: (other[1], array("q", (drawn_id for _, drawn_id in drawn))),
            },
            owner=one[0],
        )

    return plan


def _shared(layout: Layout, link: str) -> Sequence[int]:
    return layout.ids if link == "id" else layout.links[link][1]


def _by_shared(layout: Layout, link: str) -> dict[int, list[int]]:
    """The ids of the records that lead to each target."""
    found: dict[int, list[int]] = {}
    for record_id, common in zip(layout.ids, _shared(layout, link), strict=True):
        if common:
            found.setdefault(common, []).append(record_id)
    return found
