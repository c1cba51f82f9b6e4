"""Named statements from `sql/*.sql`: a line `-- name: word`, a sentence, then the statement."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

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
