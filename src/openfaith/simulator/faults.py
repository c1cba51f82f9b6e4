"""What can go wrong, one small function each.

There are three families. A fault of *requests* strikes some of them: it answers instead of the API, changes the
document, spoils the written body, makes the answer wait, or lowers the limit. A fault of *records* makes some
records come out wrong whenever they are sent. Adding one is a function and a line in its family's table; what it
strikes, and how that is written, is `fault_plans.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from openfaith.manifest import AttributeType, Entity
from openfaith.simulator.answers import (
    HTML_TYPE,
    Answer,
    forbidden,
    not_found,
    page,
    server_error,
    too_many_requests,
)
from openfaith.simulator.dice import Dice
from openfaith.simulator.documents import Document
from openfaith.simulator.limits import Verdict

SERVER_ERRORS = (500, 502, 503, 504)
REFUSALS = {"403": forbidden, "404": not_found}
"""What the API answers where a user may not see something, or no such thing is there (any more)."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one fault does to one request; what it does not do stays empty."""

    answer: Answer | None = None
    """Sent instead of the API's own."""
    document: Callable[[Document], Document] | None = None
    """Applied before the document is written."""
    body: Callable[[Answer], Answer] | None = None
    """Applied to the finished answer."""
    delay_seconds: float = 0.0
    limit: int | None = None
    """The rate limit for this request."""


# Faults of requests: each is given the text behind `=` and raises ValueError, with what it expects, if it is wrong.


def _error(argument: str) -> Effect:
    if argument in REFUSALS:
        return Effect(answer=REFUSALS[argument]())
    if argument not in map(str, SERVER_ERRORS):
        known = ", ".join([*REFUSALS, *map(str, SERVER_ERRORS)])
        raise ValueError(f"one of {known}, as in error=500")
    return Effect(answer=server_error(int(argument)))


def _drop(_argument: str) -> Effect:
    return Effect(answer=Answer(status=0, ending="dropped"))


def _limited(argument: str) -> Effect:
    """A 429 although the limit is not reached."""
    if argument not in {"", "silent"} and not argument.isdecimal():
        raise ValueError("nothing, the seconds of Retry-After, or `silent` for none, as in limited=5")
    verdict = Verdict(118, 100, int(argument) if argument.isdecimal() else 1)
    return Effect(answer=too_many_requests(verdict, 20, with_retry_after=argument != "silent"))


def _html(_argument: str) -> Effect:
    """A page of some proxy, with 200."""
    return Effect(answer=replace(page(200, "We will be right back"), content_type=HTML_TYPE))


def _slow(argument: str) -> Effect:
    return Effect(delay_seconds=_seconds(argument))


def _limit(argument: str) -> Effect:
    if not argument.isdecimal() or int(argument) < 1:
        raise ValueError("requests per period, 1 or more, as in limit=10@50")
    return Effect(limit=int(argument))


def _truncate(_argument: str) -> Effect:
    """A body that ends in the middle, with a length that says that this is all."""
    return Effect(body=lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))


def _cut(_argument: str) -> Effect:
    """The connection closes in the middle of the body."""
    return Effect(body=lambda answer: replace(answer, ending="cut"))


def _empty(_argument: str) -> Effect:
    """No rows, and nothing that says that there should be some."""

    def empty(document: Document) -> Document:
        meta = {name: value for name, value in document.meta.items() if name != "next"} | {
            "total_count": 0,
            "count": 0,
        }
        links = {name: value for name, value in document.links.items() if name != "next"}
        return Document(data=[], links=links, meta=meta) if isinstance(document.data, list) else document

    return Effect(document=empty)


def _no_next(_argument: str) -> Effect:
    """The next page is there, but nothing says so."""
    return Effect(document=lambda document: _without(document, "next"))


def _no_total(_argument: str) -> Effect:
    """`total_count` is missing (reported in 2025-11 for another product)."""
    return Effect(document=lambda document: _without(document, "total_count"))


REQUEST_FAULTS: Mapping[str, Callable[[str], Effect]] = {
    "cut": _cut,
    "drop": _drop,
    "empty": _empty,
    "error": _error,
    "html": _html,
    "limit": _limit,
    "limited": _limited,
    "no_next": _no_next,
    "no_total": _no_total,
    "slow": _slow,
    "truncate": _truncate,
}


# Faults of records: each is given the record as it would be sent, and returns it spoilt.

Spoil = Callable[[dict[str, Any], Entity, Dice], dict[str, Any]]

_WRONG_VALUES: Mapping[AttributeType, object] = {
    AttributeType.STRING: {"unexpected": ["object"]},
    AttributeType.INTEGER: "twelve",
    AttributeType.FLOAT: "12,5",
    AttributeType.BOOLEAN: "maybe",
    AttributeType.DATE: 20_250_131,
    AttributeType.DATE_TIME: "yesterday",
    AttributeType.JSON: "not an object",
    AttributeType.ARRAY: "not a list",
}
_TIMES = frozenset({AttributeType.DATE, AttributeType.DATE_TIME})
_ABSURD_TIMES = ("0000-00-00", "2025-02-30T25:61:61Z", "275760-09-13T00:00:00Z", "-4713-11-24T00:00:00Z")


def _wrong_type(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """A value that is not of its attribute's type. The stamps stay right: other faults are for those."""
    names = [name for name in record["attributes"] if name not in {"created_at", "updated_at"}]
    typed = [name for name in names if entity.attributes[name].type is not AttributeType.STRING]
    return _with_value(record, typed or names, lambda name: _WRONG_VALUES[entity.attributes[name].type], dice)


def _nul(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """A NUL character in a text: good JSON that PostgreSQL cannot store."""
    names = [name for name in record["attributes"] if entity.attributes[name].type is AttributeType.STRING]
    return _with_value(record, names, lambda _name: "before\u0000after", dice)


def _absurd_date(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """A date that no calendar has, where the entity has dates at all; not the stamps."""
    names = [
        name
        for name in record["attributes"]
        if entity.attributes[name].type in _TIMES and name not in {"created_at", "updated_at"}
    ]
    return _with_value(record, names, lambda _name: dice.pick(_ABSURD_TIMES), dice)


def _absurd_stamp(record: dict[str, Any], _entity: Entity, dice: Dice) -> dict[str, Any]:
    """An `updated_at` that cannot be one."""
    return _with_value(
        record,
        [name for name in record["attributes"] if name == "updated_at"],
        lambda _name: dice.pick(_ABSURD_TIMES),
        dice,
    )


def _missing_id(record: dict[str, Any], _entity: Entity, _dice: Dice) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "id"}


_POISONS: tuple[Spoil, ...] = (_wrong_type, _nul, _absurd_date, _absurd_stamp, _missing_id)


def _poison(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """Any of these that can harm the record."""
    first = dice.below(len(_POISONS))
    spoilt = (spoil(record, entity, dice) for spoil in (*_POISONS[first:], *_POISONS[:first]))
    return next(one for one in spoilt if one is not record)


def _new_attribute(record: dict[str, Any], _entity: Entity, dice: Dice) -> dict[str, Any]:
    """An attribute that no documentation has."""
    return {
        **record,
        "attributes": {
            **record["attributes"],
            "new_attribute": dice.pick(("red", "blue", 7, None, {"shade": "teal"})),
        },
    }


RECORD_FAULTS: Mapping[str, Spoil] = {
    "absurd_date": _absurd_date,
    "absurd_stamp": _absurd_stamp,
    "missing_id": _missing_id,
    "new_attribute": _new_attribute,
    "nul": _nul,
    "poison": _poison,
    "wrong_type": _wrong_type,
}

FAULTS_OF_ALL_RECORDS = frozenset({"new_attribute"})
"""These strike all records of a type if no number is given; the others strike one."""


def _with_value(
    record: dict[str, Any], names: list[str], value: Callable[[str], object], dice: Dice
) -> dict[str, Any]:
    """The record with one attribute replaced; unchanged if there is none to choose."""
    if not names:
        return record
    name = dice.pick(names)
    return {**record, "attributes": {**record["attributes"], name: value(name)}}


def _without(document: Document, name: str) -> Document:
    return replace(
        document,
        links={key: value for key, value in document.links.items() if key != name},
        meta={key: value for key, value in document.meta.items() if key != name},
    )


def _seconds(text: str) -> float:
    """`2s`, `0.5s` or `250ms`."""
    for unit, factor in (("ms", 0.001), ("s", 1.0)):
        number = text.removesuffix(unit)
        if text.endswith(unit) and number.replace(".", "", 1).isdecimal():
            return float(number) * factor
    raise ValueError("a duration, as in slow=2s or slow=250ms")
