"""The bank of planted bugs (`make mutants`) stays usable: each still applies, to what its tests still test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mutants.mutants import MUTANTS, PACKAGE, Mutant

ROOT = Path(__file__).parents[2]

each = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def test_no_two_mutants_have_one_name() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert sorted(names) == sorted(set(names))


@each
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    text = (ROOT / PACKAGE / mutant.file).read_text()
    assert text.count(mutant.before) == 1
    assert mutant.after != mutant.before


@each
def test_a_mutated_module_is_still_one(mutant: Mutant) -> None:
    if mutant.file.endswith(".py"):
        text = (ROOT / PACKAGE / mutant.file).read_text()
        ast.parse(text.replace(mutant.before, mutant.after))


@each
def test_the_tests_of_a_mutant_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        text = (ROOT / "tests" / file).read_text()
        assert not name or f"def {name.partition('[')[0]}(" in text
