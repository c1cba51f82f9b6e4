"""Which faults strike when: the text of `--faults`, and the choices it stands for.

A plan is a list of faults, separated by commas:

    error=500:0.02              two in a hundred answers, chosen by the seed
    drop@7                      the seventh request since the plan was set
    error=503@3-5/Email         the third to fifth request for e-mails
    error=403~/groups/v2/groups/81/*   everything below one group; `*` stands for any text
    slow=2s:0.05                one in twenty answers comes two seconds late
    error=403@50-/Email         no e-mail can be read any more
    limit=10@50                 from the fiftieth request on, the rate limit is 10
    poison=Person:3             three people, chosen by the seed, come out wrong
    nul=Person#81+92            these two have a NUL character in a text
    new_attribute=Email         all e-mails have one attribute more
    missing_attribute=Person.nickname  and people one less
    hidden=Person:0.3           three people in ten are not to be seen
    hidden=Person:3@50-         three of them are not, from the fiftieth request on

What stands behind the argument is when (`occasions.py`). A number behind a colon is a probability for a fault of
requests, and a count for a fault of records; of records out of sight it is a count, or with a point a share.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.manifest import near_names
from openfaith.simulator.answers import Answer
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.documents import Document
from openfaith.simulator.faults import REQUEST_FAULTS, Effect
from openfaith.simulator.occasions import OCCASION, Occasion, read_ids, read_occasion
from openfaith.simulator.query import Window
from openfaith.simulator.record_faults import (
    ATTRIBUTE_FAULTS,
    FAULTS_OF_ALL_RECORDS,
    RECORD_FAULTS,
    Spoil,
)
from openfaith.simulator.rows import Reference, Table
from openfaith.simulator.sight import HIDING, WHOLE_SIGHT, Sight, Veil

_FAULT = re.compile(r"(?P<name>[a-z_]+)" r"(=(?P<argument>[^:@/~]*))?" + OCCASION)


@dataclass(frozen=True, slots=True)
class RequestFault:
    """A fault of requests."""

    text: str
    """As it was written."""
    effect: Effect
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class VeilFault:
    """Records that are out of sight, at some requests."""

    veil: Veil
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class RecordFault:
    """A fault of records."""

    text: str
    spoil: Spoil
    entity_type: str
    ids: frozenset[int] | None
    """None: all records of the type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strikes:
    """What all faults together do to one request."""

    names: tuple[str, ...] = ()
    answer: Answer | None = None
    pages: Sequence[Callable[[Window], Window]] = ()
    documents: Sequence[Callable[[Document], Document]] = ()
    bodies: Sequence[Callable[[Answer], Answer]] = ()
    delay_seconds: float = 0.0
    limit: int | None = None
    ignored: Sequence[str] = ()
    sight: Sight = WHOLE_SIGHT


NO_STRIKES = Strikes()


@dataclass(kw_only=True)
class FaultPlan:
    """The faults of one simulator."""

    seed: int
    church: Church
    requests: list[RequestFault] = field(default_factory=list)
    records: list[RecordFault] = field(default_factory=list)
    veils: list[VeilFault] = field(default_factory=list)
    _sights: dict[tuple[Veil, ...], Sight] = field(default_factory=dict)
    """What the veils that fell together left to see: the same each time."""

    def strike(self, entity_type: str | None, path: str) -> Strikes:
        """What happens to the next request; ``entity_type`` is None where it has no route."""
        if not self.requests and not self.veils:
            return NO_STRIKES
        struck = [fault for fault in self.requests if fault.occasion.comes(entity_type, path)]
        veils = tuple(fault.veil for fault in self.veils if fault.occasion.comes(entity_type, path))
        effects = [fault.effect for fault in struck]
        return Strikes(
            names=(*(fault.text for fault in struck), *(veil.text for veil in veils)),
            answer=next((effect.answer for effect in effects if effect.answer), None),
            pages=[effect.page for effect in effects if effect.page],
            documents=[effect.document for effect in effects if effect.document],
            bodies=[effect.body for effect in effects if effect.body],
            delay_seconds=sum(effect.delay_seconds for effect in effects),
            limit=next((effect.limit for effect in reversed(effects) if effect.limit), None),
            ignored=[effect.ignored for effect in effects if effect.ignored],
            sight=self._sight(veils),
        )

    def _sight(self, veils: tuple[Veil, ...]) -> Sight:
        if veils not in self._sights:
            self._sights[veils] = Sight(veils) if veils else WHOLE_SIGHT
        return self._sights[veils]

    def spoil(self, reference: Reference, document: dict[str, Any]) -> dict[str, Any]:
        """A record as it is sent; the same each time."""
        for fault in self.records:
            if fault.entity_type == reference.type and (fault.ids is None or reference.id in fault.ids):
                dice = Dice(self.seed, fault.text, reference.id)
                document = fault.spoil(document, self.church.entities[reference.type], dice)
        return document

    def describe(self) -> dict[str, Any]:
        """What is set, and which records it chose."""
        chosen_by: list[RecordFault | Veil] = [*self.records, *(fault.veil for fault in self.veils)]
        chosen = [
            {
                "fault": fault.text,
                "entity": fault.entity_type,
                "ids": None if fault.ids is None else [str(one) for one in sorted(fault.ids)],
            }
            for fault in chosen_by
        ]
        return {"requests": [fault.text for fault in self.requests], "records": chosen}


def read_plan(text: str, church: Church) -> FaultPlan:
    """The plan that a text describes; empty text is a plan without faults.

    Raises:
        ConfigurationError: a part of it means nothing. The message says which, and what is expected.
    """
    plan = FaultPlan(seed=church.seed, church=church)
    for place, part in enumerate(part.strip() for part in text.split(",") if part.strip()):
        found = _FAULT.fullmatch(part)
        if found is None:
            raise ConfigurationError(
                f"fault {part!r}",
                "it cannot be read",
                "name[=argument][:number][@first[-last]][/Entity][~/path], as in error=500:0.02",
            )
        if found["name"] in HIDING:
            plan.veils.append(_veil_fault(part, found, church, place))
        elif found["name"] in RECORD_FAULTS or found["name"] in ATTRIBUTE_FAULTS:
            plan.records.append(_record_fault(part, found, church))
        else:
            plan.requests.append(_request_fault(part, found, church, place))
    return plan


def _request_fault(text: str, found: re.Match[str], church: Church, place: int) -> RequestFault:
    name = found["name"]
    if name not in REQUEST_FAULTS:
        known = sorted({*REQUEST_FAULTS, *RECORD_FAULTS, *ATTRIBUTE_FAULTS, *HIDING})
        raise ConfigurationError(
            f"fault {text!r}",
            f"there is none called {name!r}",
            " or ".join(near_names(name, known)) or ", ".join(known),
        )
    try:
        effect = REQUEST_FAULTS[name](found["argument"] or "")
    except ValueError as wrong:
        raise ConfigurationError(
            f"fault {text!r}", f"{found['argument'] or 'nothing'!r} behind {name}", str(wrong)
        ) from None
    key = (church.seed, "fault", place, text)
    stays = name == "limit"  # a limit stays lowered
    occasion = read_occasion(text, found, church, key, number=found["number"], stays=stays)
    return RequestFault(text, effect, occasion)


def _veil_fault(text: str, found: re.Match[str], church: Church, place: int) -> VeilFault:
    name, ids = _whom(text, found)
    table, number = church.table(name), found["number"]
    is_share = number is None or "." in number
    chosen = None if is_share and not ids else frozenset(_chosen(text, found, ids, table, church.seed))
    key = (church.seed, "fault", place, text)
    occasion = read_occasion(text, found, church, key, number=number if is_share else None)
    veil = Veil(
        text=text,
        way=HIDING[found["name"]],
        entity_type=table.type,
        ids=chosen,
        share=occasion.chance,
        seed=church.seed,
    )
    occasion.chance = 1.0  # the number says how many records, not how many requests
    return VeilFault(veil, occasion)


def _record_fault(text: str, found: re.Match[str], church: Church) -> RecordFault:
    if found["first"] or found["entity"] or found["path"]:
        raise _no_records(text, found)
    name, ids = _whom(text, found)
    if found["name"] in ATTRIBUTE_FAULTS:
        name, attribute = _attribute(text, name, church)
        spoil = ATTRIBUTE_FAULTS[found["name"]](attribute)
    else:
        spoil = RECORD_FAULTS[found["name"]]
    table = church.table(name)
    blank = {"id": "1", "attributes": dict.fromkeys(table.entity.attributes)}
    if spoil(blank, table.entity, Dice()) is blank:
        raise ConfigurationError(
            f"fault {text!r}", f"{name} has nothing that it could strike", "an entity that has"
        )
    if found["number"] is None and not ids and found["name"] in FAULTS_OF_ALL_RECORDS:
        return RecordFault(text, spoil, table.type, None)
    return RecordFault(text, spoil, table.type, frozenset(_chosen(text, found, ids, table, church.seed)))


def _whom(text: str, found: re.Match[str]) -> tuple[str, str]:
    """Of whom the argument speaks: an entity, and ids if it names some."""
    name, _, ids = (found["argument"] or "").partition("#")
    if not name:
        raise _no_records(text, found)
    return name, ids


def _no_records(text: str, found: re.Match[str]) -> ConfigurationError:
    return ConfigurationError(
        f"fault {text!r}",
        "no records, or more than records, to strike",
        f"an entity and a count or ids, as in {found['name']}=Person:3",
    )


def _attribute(text: str, name: str, church: Church) -> tuple[str, str]:
    """Entity and attribute of `Person.nickname`, or of `Person` and the seed's choice; not the stamps then."""
    owner, _, attribute = name.rpartition(".")
    try:
        entity = church.table(name).entity
    except UnknownNameError:
        if not owner:
            raise
        entity = church.table(owner).entity
        if attribute not in entity.attributes:
            near = near_names(attribute, entity.attributes)
            raise UnknownNameError("attribute", attribute, near, f"in {owner}") from None
        return owner, attribute
    names = [one for one in entity.attributes if one not in {"created_at", "updated_at"}]
    shown = [one for one in names if not entity.attributes[one].only_when_asked]
    if not shown:
        raise ConfigurationError(
            f"fault {text!r}", f"{name} has nothing that it could strike", "an entity that has"
        )
    return name, Dice(church.seed, text).pick(shown)


def _chosen(text: str, found: re.Match[str], ids: str, table: Table, seed: int) -> Sequence[int]:
    """The records that are named, or so many of the seed's choice."""
    if ids:
        return read_ids(text, ids)
    if found["number"] is not None and not found["number"].isdecimal():
        raise ConfigurationError(
            f"fault {text!r}", f"a count of {found['number']}", "a whole number of records"
        )
    chance = random.Random("\x1f".join((str(seed), text)))
    return chance.sample(table.ids, min(int(found["number"] or 1), len(table.ids)))
