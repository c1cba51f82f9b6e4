"""What is fuzzed, and how: inputs are made, tried and counted in batches, each of which a number brings back."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Any, Generic, TypeVar, cast

from fuzzing.mutating import least
from openfaith.errors import SyncError
from openfaith.workflows.serialization import JsonSerializer

T = TypeVar("T")

BATCH = 500
"""Inputs that one number stands for. What came of the first of them has a say in how the others are made."""

MARK = "Sm1thfield"
"""Stands wherever a person's data or a secret would. No text of ours may hold it."""

_KEPT = 32
"""Inputs of a batch that did something new, and that others are made from."""

_COUNTED = 50
"""Of so many inputs the steps of one are counted."""

_STEPS_PER_CHARACTER = 100
"""Calls of functions, Python's and C's, that each character of an input may cause. What takes more would hang on a long one."""


@dataclass(frozen=True, kw_only=True)
class Target(Generic[T]):
    """A parser of something that comes from outside, or several that take the same."""

    name: str
    weight: int
    """Its share of the inputs, beside that of the others."""
    make: Callable[[Random, Sequence[T]], T]
    """An input. The second argument has inputs that did something new, to make others from."""
    check: Callable[[T], Hashable]
    """Try it, and assert what must be true whatever it is. Returns what came of it, roughly: a new answer is of interest."""
    steps: int = 20_000
    """Calls that an input may cause however short it is."""
    begin: Callable[[], None] | None = None
    """Is called before a batch, so that it does not matter which came before."""
    size: Callable[[T], int] | None = len  # type: ignore[assignment]  # of those whose inputs have a length
    """Of an input, in characters; None where steps say nothing, as they are another process's."""

    def __str__(self) -> str:
        return self.name


class FoundError(Exception):
    """An input did what no input may do."""

    def __init__(self, target: str, batch: int, number: int, shown: str, trace: str) -> None:
        super().__init__(target, batch, number, shown, trace)
        self.target = target
        self.batch = batch
        self.shown = shown
        self.trace = trace
        self.number = number

    def __str__(self) -> str:
        return (
            f"{self.target}: input {self.number} of batch {self.batch} fails.\n{self.trace}\n"
            f"The input, or a part of it that fails too:\n  {self.shown}\n"
            f"Again: make fuzz ONLY={self.target} FIRST={self.batch} INPUTS={BATCH}"
        )


def run_batch(target: Target[Any], batch: int, inputs: int = BATCH) -> int:
    """Try so many inputs, which depend on the number of the batch and nothing else. Returns how many did something new.

    Raises:
        FoundError: one of them did what no input may do.
    """
    chance = Random(f"{target.name} {batch}")
    seen: set[Hashable] = set()
    kept: list[Any] = []
    if target.begin is not None:
        target.begin()
    for number in range(inputs):
        made = target.make(chance, kept)
        try:
            counted = target.size is not None and number % _COUNTED == 0
            came = _counted(target, made) if counted else target.check(made)
        except (Exception, RecursionError) as error:
            raise FoundError(target.name, batch, number, *_told(target, made, error)) from error
        if came not in seen:
            seen.add(came)
            kept.append(made)
            if len(kept) > _KEPT:
                del kept[int(chance.random() * _KEPT)]
    return len(seen)


def _counted(target: Target[T], made: T) -> Hashable:
    """As `check`, with an eye on how much work it is. Steps are the same on every machine; seconds are not."""
    assert target.size is not None
    steps = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        came = target.check(made)
    finally:
        sys.setprofile(before)
    most = target.steps + _STEPS_PER_CHARACTER * target.size(made)
    assert steps <= most, f"{steps:,} steps for an input that may cause {most:,}"
    return came


def _told(target: Target[T], made: T, error: BaseException) -> tuple[str, str]:
    """The input as Python writes it, shortened where that is known to be possible; and where it failed."""

    def fails(shorter: Any) -> bool:
        try:
            target.check(shorter)
        except Exception as again:  # noqa: BLE001  # whatever it was
            return type(again) is type(error)
        return False

    shown: object = made
    if isinstance(made, str | bytes):
        shown = least(cast("str", made), fails)
    return ascii(shown), "".join(traceback.format_exception(error)[-12:])


def clear(error: SyncError, *, size: int = 0) -> str:
    """Look whether an error says something that can be printed, quotes nothing of a person's, and can be stored.

    Args:
        error: as it was raised.
        size: of what a person wrote, where that may be quoted.
    """
    text = str(error)
    assert text.strip(), "an error that says nothing"
    assert MARK not in text, f"personal data in: {text}"
    assert len(text) < 4_000 + 4 * size, f"{len(text):,} characters"
    assert all(letter.isprintable() or letter == "\n" for letter in text), ascii(text)
    serializer = JsonSerializer()
    back = serializer.deserialize(serializer.serialize(error))
    assert (type(back), str(back)) == (type(error), text), "it is another one after it was stored"
    return type(error).__name__
