"""Named statements from `sql/*.sql`: a line `-- name: word`, a sentence, then the statement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import LiteralString, cast

from psycopg import sql

_PARAMETER = re.compile(r"%\((\w+)\)[sbt]|%%")

_HEADER = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def query(file: str, name: str) -> LiteralString:
    """The text of statement `name` in `sql/<file>.sql`. A name that does not exist is a KeyError."""
    return _read(file)[name]


@cache
def _read(file: str) -> dict[str, LiteralString]:
    text = resources.files("openfaith.store").joinpath("sql", f"{file}.sql").read_text("utf-8")
    parts = _HEADER.split(text)[1:]
    return {
        name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


@dataclass(frozen=True, slots=True)
class NumberedStatement:
    """A statement in PostgreSQL's own notation, `$1` and so on, and what stands for which number."""

    text: bytes
    """As the driver sends it: it would encode a text for every execution, and look at all of it to find it prepared."""
    names: tuple[str, ...]

    def arguments(self, parameters: Mapping[str, object]) -> list[object]:
        """The parameters in the order of their numbers."""
        return [parameters[name] for name in self.names]


def numbered(statement: sql.Composed) -> NumberedStatement:
    """Render a composed statement once and for all.

    The driver would render it for every execution, and look for parameters in all of its text again: it
    remembers short statements only.
    """
    names: dict[str, int] = {}

    def place(match: re.Match[str]) -> str:
        return "%" if match[1] is None else f"${names.setdefault(match[1], len(names) + 1)}"

    text = _PARAMETER.sub(place, statement.as_string())
    return NumberedStatement(text=text.encode(), names=tuple(names))
