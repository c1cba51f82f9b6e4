"""What happens to the church while it is read, and before which requests: the text of `--changes`.

A plan is a list of changes, separated by commas:

    update=Person:0.2           before one request in five a person is updated
    delete=Person@3             before the third request a person is deleted
    update=Person*150@1         150 people are updated in one second
    delete=groups.Group*30%@9   three groups in ten are deleted
    blind_update=Email@2-/Email before every request for e-mails but the first, one changes and moves no stamp
    add=Person-90s:0.1          people appear who carry a stamp of ninety seconds ago
    merge:0.05                  two people are merged
    merge#81+92@4               81 into 92
    chain*3@5                   A into B, B into C, C into D
    mix:0.3                     an update, an addition, a deletion or a merge, of any entity; `mix=Person` of people only
    restore=Person@12           a deleted person comes back

What is drawn depends on the seed, the text and the number of the request, and on nothing else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import msgspec

from openfaith.errors import ConfigurationError
from openfaith.manifest import near_names
from openfaith.simulator.changes import Add, Change, Delete, Merge, Restore, Update
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.occasions import OCCASION, Occasion, read_occasion
from openfaith.simulator.rows import bare
from openfaith.simulator.wiring import WHOLE

PERSON = "Person"
BLIND = "blind_"
"""Before an action: it moves no stamp."""

_PART = re.compile(
    r"(?P<action>[a-z_]+)"
    r"(=(?P<what>([\w-]+\.)?\w+))?"
    r"(#(?P<ids>[0-9]+(\+[0-9]+)*))?"
    r"(\*(?P<count>[0-9]+)(?P<percent>%)?)?"
    r"((?P<seconds>[+-][0-9]+)s)?" + OCCASION
)
_EXPECTED = "action[=Entity][#ids][*count][-seconds s][:probability][@first[-last]][/Entity][~/path], as in update=Person:0.2"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What one part of a plan wants, before it is known to whom it happens."""

    entity_type: str | None = None
    """None: the action chooses."""
    ids: tuple[str, ...] = ()
    count: int | None = None
    """None: as the action usually does."""
    percent: bool = False
    """Whether the count is of a hundred records."""
    blind: bool = False
    stamp_offset_seconds: int = 0

    def many(self, church: Church, *, usual: int = 1, of: int | None = None) -> int:
        """How many records it means now; a share is of those that live, or of so many."""
        if self.count is None:
            return usual
        if not self.percent or self.entity_type is None:
            return self.count
        whole = len(church.tables[self.entity_type]) if of is None else of
        return -(-whole * self.count // 100)


Action = Callable[[Wish, Church, Dice], Sequence[Change]]
"""What a wish comes to in this church now."""


def _update(wish: Wish, church: Church, _dice: Dice) -> Sequence[Change]:
    return [Update(entity=_entity(wish), ids=wish.ids, count=wish.many(church))]


def _add(wish: Wish, church: Church, _dice: Dice) -> Sequence[Change]:
    return [Add(entity=_entity(wish), count=wish.many(church))]


def _delete(wish: Wish, church: Church, _dice: Dice) -> Sequence[Change]:
    return [Delete(entity=_entity(wish), ids=wish.ids, count=wish.many(church))]


def _merge(wish: Wish, church: Church, _dice: Dice) -> Sequence[Change]:
    if wish.ids:
        return [Merge(loser=wish.ids[0], keeper=wish.ids[1])]
    return [Merge(count=wish.many(church))]


def _restore(wish: Wish, church: Church, _dice: Dice) -> Sequence[Change]:
    gone = len(church.gone.get(_entity(wish), ()))
    return [Restore(entity=_entity(wish), ids=wish.ids, count=wish.many(church, of=gone))]


def _chain(wish: Wish, church: Church, dice: Dice) -> Sequence[Change]:
    """Merges in a row, each of the one before's keeper."""
    people = church.tables[PERSON].ids
    merges = min(wish.many(church, usual=2), len(people) - 1)
    chosen = random.Random(dice.below(1 << 48)).sample(people, max(merges, 0) + 1) if people else []
    return [Merge(loser=str(loser), keeper=str(keeper)) for loser, keeper in pairwise(chosen)]


def _mix(wish: Wish, church: Church, dice: Dice) -> Sequence[Change]:
    """An update, an addition, a deletion or a merge: half of them updates, one in ten a merge where people are meant."""
    entity_type = wish.entity_type or dice.pick([one for one in church.served if bare(one) not in WHOLE])
    action = dice.pick((_update,) * 5 + (_add,) * 2 + (_delete,) * 2 + (_merge,))
    if action is _merge and not _may_merge(church, wish.entity_type):
        action = _update
    return action(replace(wish, entity_type=entity_type), church, dice)


ACTIONS: Mapping[str, Action] = {
    "add": _add,
    "chain": _chain,
    "delete": _delete,
    "merge": _merge,
    "mix": _mix,
    "restore": _restore,
    "update": _update,
}

_OF_ENTITIES = frozenset({"add", "delete", "restore", "update"})
"""These need to be told of which entity."""

_OF_PEOPLE = frozenset({"chain", "merge"})
"""These are of people, whatever is told."""

_WITH_IDS = frozenset({"delete", "merge", "restore", "update"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedChange:
    """One part of a plan."""

    text: str
    """As it was written."""
    action: Action
    wish: Wish
    occasion: Occasion

    def draw(self, church: Church) -> Sequence[Change]:
        """What happens at the request that was counted last."""
        dice = Dice(*self.occasion.dice_key, "drawn", self.occasion.seen)
        return [_dressed(change, self.wish) for change in self.action(self.wish, church, dice)]


@dataclass(kw_only=True)
class ChangePlan:
    """All that may happen by itself."""

    changes: list[PlannedChange] = field(default_factory=list)

    def due(self, entity_type: str | None, path: str) -> Iterator[PlannedChange]:
        """What happens before the next request; ``entity_type`` is None where it has no route."""
        return (one for one in self.changes if one.occasion.comes(entity_type, path))


def read_changes(text: str, church: Church) -> ChangePlan:
    """The plan that a text describes; empty text is a plan without changes.

    Raises:
        ConfigurationError: a part of it means nothing. The message says which, and what is expected.
        UnknownNameError: it names an entity that the church has not.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return ChangePlan(changes=[_read(part, church, place) for place, part in enumerate(parts)])


def _read(text: str, church: Church, place: int) -> PlannedChange:
    found = _PART.fullmatch(text)
    if found is None:
        raise _refusal(text, "it cannot be read", _EXPECTED)
    name = found["action"].removeprefix(BLIND)
    if name not in ACTIONS:
        known = sorted(ACTIONS)
        near = " or ".join(near_names(name, known)) or ", ".join(known)
        raise _refusal(text, f"there is none called {name!r}", near)
    wish = _wish(found, church)
    _check(text, name, wish, church)
    return PlannedChange(
        text=text,
        action=ACTIONS[name],
        wish=wish,
        occasion=read_occasion(
            text, found, church, (church.seed, "changes", place, text), number=found["number"]
        ),
    )


def _wish(found: re.Match[str], church: Church) -> Wish:
    return Wish(
        entity_type=church.table(found["what"]).type if found["what"] else None,
        ids=tuple(found["ids"].split("+")) if found["ids"] else (),
        count=int(found["count"]) if found["count"] else None,
        percent=found["percent"] is not None,
        blind=found["action"].startswith(BLIND),
        stamp_offset_seconds=int(found["seconds"] or 0),
    )


def _check(text: str, name: str, wish: Wish, church: Church) -> None:
    """Refuse what an action cannot do.

    Raises:
        ConfigurationError: it contradicts itself, or has nobody to happen to.
    """
    if name in _OF_ENTITIES and wish.entity_type is None:
        raise _refusal(text, "no entity", f"one to {name}, as in {name}=Person")
    if name in _OF_PEOPLE and not _may_merge(church, wish.entity_type):
        raise _refusal(text, "an entity that is not merged", "people, of a church that uses People")
    if wish.ids and name not in _WITH_IDS:
        raise _refusal(text, "ids", f"none: {name} chooses by itself")
    if name == "merge" and len(wish.ids) not in {0, 2}:
        raise _refusal(text, f"{len(wish.ids)} ids", "two, the loser first, as in merge#81+92")
    if wish.blind and name == "add":
        raise _refusal(text, "blind", "add alone: a new record has stamps")
    if wish.percent and wish.entity_type is None:
        raise _refusal(text, "a share of no entity", "one, as in delete=Person*30%")


def _refusal(text: str, seen: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f"change {text!r}", seen, expected)


def _may_merge(church: Church, entity_type: str | None) -> bool:
    return entity_type in {None, PERSON} and PERSON in church.tables


def _entity(wish: Wish) -> str:
    assert wish.entity_type is not None
    return wish.entity_type


def _dressed(change: Change, wish: Wish) -> Change:
    """The change with what holds for every action: whether it is blind, and how old its stamps are."""
    if isinstance(change, Add):
        return msgspec.structs.replace(change, stamp_offset_seconds=wish.stamp_offset_seconds)
    return msgspec.structs.replace(change, stamp_offset_seconds=wish.stamp_offset_seconds, blind=wish.blind)
