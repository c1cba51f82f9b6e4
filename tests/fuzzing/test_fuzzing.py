"""Whatever comes from outside: no crash, no hang, no loss. A short form of `make fuzz`, the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from fuzzing.database import on_stage
from fuzzing.mutating import least
from fuzzing.running import Batch, gather, shares
from fuzzing.target import FoundError, Target, run_batch
from fuzzing.targets import IN_DATABASE, IN_MEMORY, TARGETS
from support.postgres import Databases

INPUTS = 250
IN_DATABASE_INPUTS = 40


@pytest.fixture(scope="module")
def _stage(databases: Databases, opened: str) -> Iterator[None]:
    with databases.fresh(template=opened) as url, on_stage(url):
        yield


@pytest.mark.parametrize("target", IN_MEMORY, ids=str)
def test_no_input_breaks_it(target: Target[Any]) -> None:
    assert run_batch(target, 0, INPUTS) > 1


@pytest.mark.usefixtures("_stage")
@pytest.mark.parametrize("target", IN_DATABASE, ids=str)
def test_no_input_breaks_what_postgresql_reads(target: Target[Any]) -> None:
    assert run_batch(target, 0, IN_DATABASE_INPUTS) > 1


def test_no_two_targets_have_one_name() -> None:
    names = [target.name for target in TARGETS]
    assert len({*names}) == len(names)


def _make(chance: Random, _kept: object) -> str:
    return "".join(chance.choices("abc", k=20))


def _refuse(text: str) -> str:
    assert "cab" not in text
    return text[:1]


FRAIL = Target(name="frail", weight=1, make=_make, check=_refuse)


def test_what_is_found_says_how_to_find_it_again_with_the_least_of_the_input() -> None:
    with pytest.raises(FoundError) as found:
        run_batch(FRAIL, 3)
    assert found.value.shown == "'cab'"
    assert "make fuzz ONLY=frail FIRST=3" in str(found.value)
    with pytest.raises(FoundError) as again:
        run_batch(FRAIL, 3)
    assert str(again.value) == str(found.value)


def test_what_takes_more_steps_than_its_size_explains_is_found() -> None:
    def quadratic(text: str) -> int:
        return sum(len(text) for _ in text for _ in range(10_000))

    with pytest.raises(FoundError, match=r"[0-9,]+ steps for an input that may cause 22,000"):
        run_batch(Target(name="slow", weight=1, make=_make, check=quadratic), 0)


def test_everything_that_is_asked_for_is_shared_out() -> None:
    batches = shares(10_000, [], 7)
    assert sum(batch.inputs for batch in batches) >= 10_000
    assert {batch.target for batch in batches} == {target.name for target in TARGETS}
    assert min(batch.number for batch in batches) == 7
    assert shares(500, ["page"], 3) == [Batch("page", 3, 500)]


def test_a_worker_that_does_not_come_back_has_found_something(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever ended it: what was not tried is not fine."""
    [report] = gather([Batch("no such target", 0, 1)], jobs=1)
    assert report.found is not None
    assert "a worker ended in batch 0 of no such target" in report.found
    assert report.batch.inputs == 0
    assert "KeyError" in capfd.readouterr().err


def test_the_least_that_fails_is_found_at_any_place() -> None:
    assert least(b"xxxxxxxAyyyyyyyyyyB", lambda part: b"A" in part and b"B" in part) == b"AB"
