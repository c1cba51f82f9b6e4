"""The named statements: each has a name, a sentence and a caller."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from psycopg import sql

import openfaith.store
from openfaith.store.queries import numbered, query

FILES = sorted(
    file.name.removesuffix(".sql")
    for file in resources.files("openfaith.store").joinpath("sql").iterdir()
    if file.name.endswith(".sql")
)


SCRIPTS = {"foundation"}
"""What makes a schema with all that is in it is one text of several statements."""

PARTS = {"ids_of_page"}
"""What stands in several statements is no statement by itself."""


def text_of(file: str) -> str:
    return resources.files("openfaith.store").joinpath("sql", f"{file}.sql").read_text("utf-8")


def names_in(file: str) -> list[str]:
    return re.findall(r"^-- name: (\w+)$", text_of(file), re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_name_of_its_own_and_a_sentence(file: str) -> None:
    names = names_in(file)
    assert names
    assert len(names) == len(set(names))
    for name in names:
        first, _, rest = query(file, name).partition("\n")
        assert re.fullmatch(r"-- [A-Z].*", first), (name, first)
        assert rest.rstrip().endswith(";") is (name not in PARTS)
        assert rest.count(";") == (name not in PARTS) or name in SCRIPTS, name


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_caller(file: str) -> None:
    modules = Path(openfaith.store.__file__).parent.glob("*.py")
    code = "\n".join(module.read_text("utf-8") for module in modules)
    assert [name for name in names_in(file) if f'"{name}"' not in code] == []


def test_a_statement_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        query("runs", "nonsense")


def test_a_numbered_statement_has_each_parameter_once() -> None:
    statement = numbered(
        sql.SQL("SELECT %(b)s, %(a)b::jsonb, {}, %(b)s % 2").format(sql.SQL("'100%% %%(a)s'"))
    )
    assert statement.text == b"SELECT $1, $2::jsonb, '100% %(a)s', $1 % 2"
    assert statement.arguments({"a": 1, "b": 2, "c": 3}) == [2, 1]
