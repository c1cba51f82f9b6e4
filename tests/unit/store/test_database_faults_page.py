"""The reference page of errors is true of PostgreSQL's answers, row by row, and of the tree."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from openfaith import errors
from openfaith.errors import InvalidRecordError, SyncError, treatment_of
from openfaith.store.faults import REFUSED, translate
from openfaith.workflows.serialization import ForeignError, JsonSerializer

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"
URL = "postgresql://openfaith@db.example/church"


class Row(NamedTuple):
    sqlstate: str
    means: str
    error: str
    treatment: str


def cells() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


ROWS = [Row(*row) for row in cells() if len(row[0]) == 5 and row[0].isupper() | row[0].isdigit()]
TREE = {row[0].split("`")[1]: row[1] for row in cells() if row[0].startswith("[`")}


def error_of(sqlstate: str) -> BaseException:
    """What becomes of PostgreSQL's error: in a statement about a page, the record's; else ours, or what is stored of it."""
    error = psycopg.errors.lookup(sqlstate)("words")
    if isinstance(error, REFUSED):
        return InvalidRecordError("people.Person", "words")
    serializer = JsonSerializer()
    translated = translate(URL, error) or serializer.deserialize(serializer.serialize(error))
    assert isinstance(translated, SyncError)
    return translated


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.sqlstate} {row.means}")
def test_the_row_is_true(row: Row) -> None:
    error = error_of(row.sqlstate)
    assert type(error).__name__ == row.error
    assert treatment_of(error) == row.treatment


def test_every_family_of_sqlstates_that_a_sync_meets_has_a_row() -> None:
    """Of connections, of data, of transactions, of resources, of operators, and of our own statements."""
    assert {row.sqlstate[:2] for row in ROWS} >= {
        "08",
        "22",
        "23",
        "25",
        "40",
        "42",
        "53",
        "54",
        "55",
        "57",
        "58",
        "XX",
    }


def test_every_error_of_the_tree_has_its_treatment_on_the_page() -> None:
    leaves = {
        kind.__name__: kind
        for kind in (*vars(errors).values(), ForeignError)
        if isinstance(kind, type) and issubclass(kind, SyncError)
    }
    assert {name: str(treatment_of(leaves[name].__new__(leaves[name]))) for name in TREE} == TREE
    unraised = {"SyncError", "TransientError", "PermanentError", "RecordError", "InterruptedRunError"}
    assert leaves.keys() - TREE.keys() == unraised


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError(), TimeoutError(), RecursionError()])
def test_a_fault_of_a_program_stops_what_met_it(error: Exception) -> None:
    assert treatment_of(error) == "stops the entity"
