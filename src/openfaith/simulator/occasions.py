"""At which requests something happens: the last part of what a plan says, behind the thing itself.

    :0.02               at two in a hundred requests, chosen by the seed
    @7                  at the seventh request since the plan was set
    @3-5                at the third to fifth
    @50-                at the fiftieth and all that follow
    /Email              at requests for e-mails; numbers count only these
    ~/groups/v2/*       at requests below a path; `*` stands for any text

Each occasion counts on its own, so that the parts of a plan do not disturb each other's choices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from openfaith.errors import ConfigurationError
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice

OCCASION = (
    r"(:(?P<number>[0-9.]+))?"
    r"(@(?P<first>[0-9]+)(?P<to>-(?P<last>[0-9]*))?)?"
    r"(/(?P<entity>[\w-]+(\.\w+)?))?"
    r"(~(?P<path>/[^,]*))?"
)
"""The end of a pattern; `number` is a probability unless the reader of the plan takes it for something else."""


@dataclass(slots=True)
class Occasion:
    """Some of the requests, and how many it has looked at."""

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

    def comes(self, entity_type: str | None, path: str) -> bool:
        """Whether it is this request, which is counted if it is one of those looked at."""
        if self.entity_type is not None and entity_type != self.entity_type:
            return False
        if self.path is not None and not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        if self.seen < self.first or (self.last is not None and self.seen > self.last):
            return False
        return self.chance >= 1 or Dice(*self.dice_key, self.seen).chance(self.chance)


def read_occasion(
    text: str,
    found: re.Match[str],
    church: Church,
    dice_key: tuple[object, ...],
    *,
    number: str | None,
    stays: bool = False,
) -> Occasion:
    """The occasion that the end of a part of a plan describes.

    Args:
        text: the part, for messages.
        found: what `OCCASION` matched in it.
        church: knows the entities.
        dice_key: decides the choices, with the number of the request.
        number: the probability, as written.
        stays: whether a single number means that request and all that follow.

    Raises:
        ConfigurationError: the probability is none.
        UnknownNameError: there is no such entity.
    """
    first = int(found["first"] or 1)
    single = None if stays or not found["first"] else first
    last = (int(found["last"]) if found["last"] else None) if found["to"] else single
    return Occasion(
        dice_key=dice_key,
        chance=_chance(text, number),
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
            repr(text), f"a probability of {number}", "a number from 0 to 1, as in drop:0.01"
        )
    return chance


def read_ids(text: str, ids: str) -> tuple[int, ...]:
    """Ids as plans write them, joined by `+`.

    Raises:
        ConfigurationError: they are not.
    """
    if not re.fullmatch(r"[0-9]+(\+[0-9]+)*", ids):
        raise ConfigurationError(repr(text), f"ids {ids!r}", "numbers joined by +, as in nul=Person#81+92")
    return tuple(map(int, ids.split("+")))
