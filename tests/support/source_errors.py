"""The rows of the reference page of the source's errors."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "source-errors.md"


class Row(NamedTuple):
    """What is seen, and what becomes of it."""

    seen: str
    hint: str
    error: str
    treatment: str

    @property
    def name(self) -> str:
        return f"{self.seen} {self.hint}".strip()


def rows() -> list[Row]:
    """In the order of the page."""
    lines = _PAGE.read_text(encoding="utf-8").splitlines()
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|"))
    return [Row(*row) for row in list(cells)[2:]]
