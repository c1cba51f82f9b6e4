"""What is read back from where it was stored, and made storable before: errors, results of steps, texts."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from random import Random
from typing import Any

from fuzzing.mutating import SPELLINGS, one_of, some_text, varied_members, varied_text, written
from fuzzing.target import Target
from openfaith.errors import SyncError
from openfaith.texts import storable_json, storable_text
from openfaith.workflows.serialization import _CLASSES, ForeignError, JsonSerializer

_NAMES = sorted(_CLASSES)
SERIALIZER = JsonSerializer()


def _arguments(chance: Random, name: str) -> list[str]:
    """As many as its constructor takes, more or less."""
    code = getattr(_CLASSES[name].__init__, "__code__", None)
    most = 1 if code is None else code.co_argcount - 1
    number = most if chance.random() < 0.7 else int(chance.random() * 5)
    return [one_of(chance, SPELLINGS) if chance.random() < 0.3 else '"GET /people"' for _ in range(number)]


def stored_text(chance: Random, kept: Sequence[str]) -> str:
    """A result or an error as an older or a newer version of the program may have stored it."""
    if kept and chance.random() < 0.2:
        return varied_text(chance, chance.choice(kept))
    name = one_of(chance, _NAMES)
    arguments = f"[{','.join(_arguments(chance, name))}]"
    error = varied_members(chance, {"$error": json.dumps(name), "args": arguments, "text": '"what it said"'})
    whole = written(error) if chance.random() < 0.7 else written({"counts": written(error), "n": "7"})
    return varied_text(chance, whole, 1) if chance.random() < 0.1 else whole


def check_stored(made: str) -> Hashable:
    """What is JSON comes back as itself or as an error that can be told, whichever version wrote it."""
    try:
        json.loads(made)
    except (ValueError, RecursionError):
        return "no JSON"
    found = SERIALIZER.deserialize(made)
    if isinstance(found, SyncError):
        text = str(found)
        again = SERIALIZER.deserialize(SERIALIZER.serialize(found))
        assert isinstance(again, SyncError)
        assert str(again) == text
        return type(found).__name__, isinstance(found, ForeignError)
    return type(found).__name__


def any_text(chance: Random, kept: Sequence[str]) -> str:
    del kept
    return varied_text(chance, some_text(chance, 40), 4)


def check_storable(made: str) -> Hashable:
    """PostgreSQL can keep it, what it can keep anyhow stays, and twice is as good as once."""
    kept = storable_text(made)
    kept.encode()
    assert "\0" not in kept
    assert storable_text(kept) == kept
    fine = "\0" not in made and not any("\ud800" <= letter <= "\udfff" for letter in made)
    assert not fine or kept == made
    value = {made: [made, {"a": made}, 1, None]}
    assert storable_json(value) == {kept: [kept, {"a": kept}, 1, None]}
    return fine, len(kept) == len(made)


TARGETS: tuple[Target[Any], ...] = (
    Target(name="stored", weight=4, make=stored_text, check=check_stored),
    Target(name="storable", weight=4, make=any_text, check=check_storable),
)
