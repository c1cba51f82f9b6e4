"""Some value for an attribute that nobody described: by its name where that says what it holds, else by its type."""

from __future__ import annotations

import re
from collections.abc import Callable

from openfaith.manifest.entity import Attribute, AttributeType
from openfaith.simulator import words
from openfaith.simulator.dice import Dice

HOSTS = "https://files.church.example"

_BY_NAME: tuple[tuple[re.Pattern[str], Callable[[Dice], str]], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"currency_symbol", lambda _dice: "$"),
        (r"currency", lambda _dice: "USD"),
        (r"color", lambda dice: f"#{dice.below(1 << 24):06x}"),
        (r"time_zone", lambda _dice: "America/Chicago"),
        (r"content_type", lambda dice: dice.pick(("application/pdf", "image/png", "text/plain"))),
        (r"(^|_)(url|image|avatar|thumbnail|photo|link|file|artwork|diagram)", lambda dice: f"{HOSTS}/{dice.below(10**9)}"),
        (r"first_name|given_name|nickname|middle_name", lambda dice: dice.pick(words.FEMALE_NAMES)),
        (r"last_name", lambda dice: dice.pick(words.SURNAMES)),
        (r"email|from_address", lambda dice: f"someone{dice.below(10_000)}@example.org"),
        (r"phone|number", lambda dice: f"(555) 555-0{100 + dice.below(100)}"),
        (r"(^|_)(status|stage|state)$", lambda dice: dice.pick(("active", "pending", "complete"))),
        (r"permission", lambda dice: dice.pick(("viewer", "editor", "manager"))),
        (r"gender", lambda dice: dice.pick(("Male", "Female"))),
        (r"(^|_)(dates|date|range)$", lambda dice: f"{1 + dice.below(28)} June 2025"),
        (r"(^|_)(name|title|label|subject)$", lambda dice: f"{dice.pick(words.TOPICS)} {1 + dice.below(99)}"),
        (r"(^|_)(kind|type|category|role|mode|visibility|strategy|frequency)$", lambda dice: dice.pick(words.SORTS)),
    )
)  # fmt: skip


def plain_value(attribute: Attribute, dice: Dice) -> object:
    """Some value of the attribute's type, or none."""
    if dice.one_in(5):
        return None
    if attribute.name.endswith("_id"):
        return 1 + dice.below(1000)  # ids are numbers in attributes, whatever the documentation says
    if attribute.type is AttributeType.STRING:
        return _text(attribute.name, dice)
    return _of_type(attribute, dice)


def _text(name: str, dice: Dice) -> str:
    for pattern, make in _BY_NAME:
        if pattern.search(name):
            return make(dice)
    return dice.pick(words.SENTENCES)


def _of_type(attribute: Attribute, dice: Dice) -> object:
    number = dice.below(1000)
    match attribute.type:
        case AttributeType.INTEGER:
            return number * 25 if attribute.name.endswith("_cents") else number % 40
        case AttributeType.FLOAT:
            return number / 8
        case AttributeType.BOOLEAN:
            return number % 2 == 0
        case AttributeType.DATE:
            return f"{2000 + number % 25}-{1 + number % 12:02}-{1 + number % 28:02}"
        case AttributeType.DATE_TIME:
            return f"{2000 + number % 25}-{1 + number % 12:02}-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z"
        case AttributeType.JSON:
            return {"number": number}
        case _:
            return [number]
