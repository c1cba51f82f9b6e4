"""Faults of a manifest, collected so that one reading reports all of them.

A `Place` is a spot in a file. It takes what stands there, returns it with the type that was asked for, and where
it cannot, notes a problem and returns something harmless: the reading goes on and fails at its end.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from openfaith.errors import ManifestError
from openfaith.manifest.naming import near_names

MOST_REPORTED = 20
"""More than this helps nobody: the rest usually follows from the first."""

_MOST_LISTED = 12

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One fault."""

    where: str
    seen: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.seen}; expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a manifest file, as `people.json: Person.attributes`."""

    problems: list[Problem]
    """Shared by all places of one reading."""
    file: str
    path: str = ""

    def __truediv__(self, member: object) -> Place:
        name = printable(str(member))
        return Place(self.problems, self.file, f"{self.path}.{name}" if self.path else name)

    def __str__(self) -> str:
        return f"{self.file}: {self.path}" if self.path else self.file

    def wrong(self, seen: str, expected: str) -> None:
        self.problems.append(Problem(where=str(self), seen=printable(seen), expected=printable(expected)))

    def mapping(self, value: object) -> dict[str, object]:
        """The members that have a name; whatever else is a problem."""
        if not isinstance(value, Mapping):
            self.wrong(shown(value), "an object")
            return {}
        for key in value:
            if not isinstance(key, str):
                self.wrong(f"a member named {shown(key)}", "text for a name")
        return {key: member for key, member in value.items() if isinstance(key, str)}

    def members(
        self, value: object, *, required: Collection[str], optional: Collection[str]
    ) -> dict[str, object]:
        """An object with exactly these members."""
        if not isinstance(value, Mapping):
            self.wrong(shown(value), "an object")
            return {}
        found = self.mapping(value)
        known = {*required, *optional}
        for name in sorted(found.keys() - known):
            self.known(name, known, "unknown member")
        for name in sorted(set(required) - found.keys()):
            self.wrong(f"no member {name!r}", f"the members {', '.join(sorted(required))}")
        return {name: member for name, member in found.items() if name in known}

    def rows(self, value: object) -> Iterator[tuple[Place, object]]:
        """The members of a list, each with its place."""
        if not isinstance(value, list):
            self.wrong(shown(value), "a list")
            return
        for number, row in enumerate(value):
            yield self / number, row

    def text(self, value: object) -> str:
        if isinstance(value, str):
            return value
        self.wrong(shown(value), "text")
        return ""

    def truth(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        self.wrong(shown(value), "true or false")
        return False

    def number(self, value: object, *, most: float, whole: bool = True) -> float:
        """A number from 1, or above 0 where it need not be whole; 1 where it is none."""
        kinds = int if whole else int | float
        least = 1 if whole else 0.001
        if isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(shown(value), f"a {'whole ' if whole else ''}number from {least:g} to {most:g}")
        return 1

    def names(self, value: object) -> tuple[str, ...]:
        """A list of texts, none of them twice."""
        names = [name for place, row in self.rows(value) if (name := place.text(row))]
        for name in (name for name, times in Counter(names).items() if times > 1):
            self.wrong(f"{name!r} more than once", "each name once")
        return tuple(dict.fromkeys(names))

    def known(self, name: str, names: Collection[str], what: str) -> bool:
        """Whether `name` is one of `names`; a problem with near matches where it is not."""
        if name in names:
            return True
        self.wrong(f"{what} {name!r}", one_of(name, names))
        return False


def one_of(name: str, names: Collection[str]) -> str:
    """What to expect instead of a name: the near ones if there are, else all, if a person can take them in."""
    if near := near_names(name, names):
        return " or ".join(near)
    if len(names) > _MOST_LISTED:
        return f"one of the {len(names)} known"
    return f"one of {', '.join(sorted(names))}"


def printable(text: str) -> str:
    """The text, or its escaped form: JSON can spell names that no terminal prints."""
    return text if text.isprintable() else ascii(text)


def shown(value: object) -> str:
    """A value for a message, cut to a readable length and depth."""
    return _SHOWN.repr(value)


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise what was found, all in one error.

    Raises:
        ManifestError: there are problems; the first is in its members, the others in `more`.
    """
    if not problems:
        return
    first, *others = problems[:MOST_REPORTED]
    more = [str(problem) for problem in others]
    if len(problems) > MOST_REPORTED:
        more.append(f"and {len(problems) - MOST_REPORTED} more")
    raise ManifestError(first.where, first.seen, first.expected, tuple(more))
