"""Which faults strike when: the text of `--faults`, and the choices it stands for.

A plan is a list of faults, separated by commas:

    error=500:0.02              two in a hundred answers, chosen by the seed
    drop@7                      the seventh request since the plan was set
    error=503@3-5/Email         the third to fifth request for e-mails
    error=403~/groups/v2/groups/81/*   everything below one group; `*` stands for any text
    slow=2s:0.05                one in twenty answers comes two seconds late
    limit=10@50                 from the fiftieth request on, the rate limit is 10
    poison=Person:3             three people, chosen by the seed, come out wrong
    nul=Person#81+92            these two have a NUL character in a text
    new_attribute=Email         all e-mails have one attribute more

A number behind a colon is a probability for a fault of requests, and a count for a fault of records.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from openfaith.errors import ConfigurationError
from openfaith.manifest import near_names
from openfaith.simulator.answers import Answer
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.documents import Document
from openfaith.simulator.faults import FAULTS_OF_ALL_RECORDS, RECORD_FAULTS, REQUEST_FAULTS, Effect, Spoil
from openfaith.simulator.rows import Reference

_FAULT = re.compile(
    r"(?P<name>[a-z_]+)"
    r"(=(?P<argument>[^:@/~]*))?"
    r"(:(?P<number>[0-9.]+))?"
    r"(@(?P<first>[0-9]+)(?P<to>-(?P<last>[0-9]+))?)?"
    r"(/(?P<entity>[\w-]+(\.\w+)?))?"
    r"(~(?P<path>/[^,]*))?"
)


@dataclass(slots=True)
class RequestFault:
    """A fault of requests, and how many it has looked at."""

    text: str
    """As it was written."""
    effect: Effect
    dice_key: tuple[object, ...]
    chance: float = 1.0
    first: int = 1
    last: int | None = None
    """None: to the end."""
    entity_type: str | None = None
    """None: of all requests."""
    path: str | None = None
    """The paths it looks at, `*` for any text; None: all."""
    seen: int = 0

    def strikes(self, entity_type: str | None, path: str) -> bool:
        """Whether it strikes this request, which is counted if it is one of those the fault looks at."""
        if self.entity_type is not None and entity_type != self.entity_type:
            return False
        if self.path is not None and not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        if self.seen < self.first or (self.last is not None and self.seen > self.last):
            return False
        return self.chance >= 1 or Dice(*self.dice_key, self.seen).chance(self.chance)


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
    documents: Sequence[Callable[[Document], Document]] = ()
    bodies: Sequence[Callable[[Answer], Answer]] = ()
    delay_seconds: float = 0.0
    limit: int | None = None


@dataclass(kw_only=True)
class FaultPlan:
    """The faults of one simulator."""

    seed: int
    church: Church
    requests: list[RequestFault] = field(default_factory=list)
    records: list[RecordFault] = field(default_factory=list)

    def strike(self, entity_type: str | None, path: str) -> Strikes:
        """What happens to the next request; ``entity_type`` is None where it has no route."""
        struck = [fault for fault in self.requests if fault.strikes(entity_type, path)]
        if not struck:
            return Strikes()
        effects = [fault.effect for fault in struck]
        return Strikes(
            names=tuple(fault.text for fault in struck),
            answer=next((effect.answer for effect in effects if effect.answer), None),
            documents=[effect.document for effect in effects if effect.document],
            bodies=[effect.body for effect in effects if effect.body],
            delay_seconds=sum(effect.delay_seconds for effect in effects),
            limit=next((effect.limit for effect in reversed(effects) if effect.limit), None),
        )

    def spoil(self, reference: Reference, document: dict[str, Any]) -> dict[str, Any]:
        """A record as it is sent; the same each time."""
        for fault in self.records:
            if fault.entity_type == reference.type and (fault.ids is None or reference.id in fault.ids):
                dice = Dice(self.seed, fault.text, reference.id)
                document = fault.spoil(document, self.church.entities[reference.type], dice)
        return document

    def describe(self) -> dict[str, Any]:
        """What is set, and which records it chose."""
        chosen = [
            {
                "fault": fault.text,
                "entity": fault.entity_type,
                "ids": None if fault.ids is None else [str(one) for one in sorted(fault.ids)],
            }
            for fault in self.records
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
        if found["name"] in RECORD_FAULTS:
            plan.records.append(_record_fault(part, found, church))
        else:
            plan.requests.append(_request_fault(part, found, church, place))
    return plan


def _request_fault(text: str, found: re.Match[str], church: Church, place: int) -> RequestFault:
    name = found["name"]
    if name not in REQUEST_FAULTS:
        known = sorted({*REQUEST_FAULTS, *RECORD_FAULTS})
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
    first = int(found["first"] or 1)
    single = None if name == "limit" else first  # a limit stays lowered
    last = int(found["last"]) if found["to"] else single if found["first"] else None
    return RequestFault(
        text=text,
        effect=effect,
        dice_key=(church.seed, "fault", place, text),
        chance=_chance(text, found["number"]),
        first=first,
        last=last,
        entity_type=church.table(found["entity"]).type if found["entity"] else None,
        path=found["path"],
    )


def _chance(text: str, number: str | None) -> float:
    try:
        chance = 1.0 if number is None else float(number)
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        raise ConfigurationError(
            f"fault {text!r}", f"a probability of {number}", "a number from 0 to 1, as in drop:0.01"
        )
    return chance


def _record_fault(text: str, found: re.Match[str], church: Church) -> RecordFault:
    name, _, ids = (found["argument"] or "").partition("#")
    if not name or found["first"] or found["entity"] or found["path"]:
        raise ConfigurationError(
            f"fault {text!r}",
            "no records, or more than records, to strike",
            f"an entity and a count or ids, as in {found['name']}=Person:3",
        )
    table = church.table(name)
    spoil = RECORD_FAULTS[found["name"]]
    blank = {"id": "1", "attributes": dict.fromkeys(table.entity.attributes)}
    if spoil(blank, table.entity, Dice()) is blank:
        raise ConfigurationError(
            f"fault {text!r}", f"{name} has nothing that it could strike", "an entity that has"
        )
    if ids:
        return RecordFault(text, spoil, table.type, frozenset(_read_ids(text, ids)))
    if found["number"] is None and found["name"] in FAULTS_OF_ALL_RECORDS:
        return RecordFault(text, spoil, table.type, None)
    if found["number"] is not None and not found["number"].isdecimal():
        raise ConfigurationError(
            f"fault {text!r}", f"a count of {found['number']}", "a whole number of records"
        )
    chance = random.Random("\x1f".join((str(church.seed), text)))
    return RecordFault(
        text,
        spoil,
        table.type,
        frozenset(chance.sample(table.ids, min(int(found["number"] or 1), len(table.ids)))),
    )


def _read_ids(text: str, ids: str) -> list[int]:
    if not re.fullmatch(r"[0-9]+(\+[0-9]+)*", ids):
        raise ConfigurationError(
            f"fault {text!r}", f"ids {ids!r}", "numbers joined by +, as in nul=Person#81+92"
        )
    return [int(one) for one in ids.split("+")]
