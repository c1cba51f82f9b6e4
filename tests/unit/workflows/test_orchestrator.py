"""What a run starts and skips, by what has ended."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.planning import Plan
from openfaith.records import EntityName, EntityStatus
from openfaith.workflows.orchestrator import read_plan, to_skip, to_start
from openfaith.workflows.steps import PlanResult

COMPLETED, FAILED, SKIPPED, CANCELLED = (
    EntityStatus.COMPLETED,
    EntityStatus.FAILED,
    EntityStatus.SKIPPED,
    EntityStatus.CANCELLED,
)


def plan(**hard: str) -> Plan:
    """Entities in this order, each with the letters of those it needs."""
    return read_plan(
        PlanResult(
            order=[EntityName(name) for name in hard],
            hard={EntityName(name): [EntityName(on) for on in needs] for name, needs in hard.items()},
            in_flight=9,
        )
    )


def start(plan: Plan, ended: Mapping[str, str], running: str = "", in_flight: int = 9) -> str:
    found = to_start(
        plan, {EntityName(n): s for n, s in ended.items()}, [EntityName(n) for n in running], in_flight
    )
    return "".join(found)


def skip(plan: Plan, ended: Mapping[str, str]) -> dict[str, str]:
    return {str(n): str(on) for n, on in to_skip(plan, {EntityName(n): s for n, s in ended.items()}).items()}


CHAIN = plan(a="", b="a", c="b", d="")


def test_a_stored_plan_is_read_in_its_order() -> None:
    assert CHAIN.order == ("a", "b", "c", "d")
    assert [e.hard for e in CHAIN.entities] == [(), ("a",), ("b",), ()]


@pytest.mark.parametrize(
    ("ended", "running", "in_flight", "started"),
    [
        ({}, "", 9, "ad"),
        ({}, "", 1, "a"),
        ({}, "a", 9, "d"),
        ({}, "a", 1, ""),
        ({}, "ad", 1, ""),
        ({"a": COMPLETED}, "d", 9, "b"),
        ({"a": COMPLETED, "d": COMPLETED}, "", 9, "b"),
        ({"a": FAILED}, "d", 9, ""),
        ({"a": FAILED, "b": SKIPPED, "c": SKIPPED}, "", 9, "d"),
        ({"a": COMPLETED, "d": CANCELLED}, "", 9, ""),
        ({"a": COMPLETED, "b": COMPLETED, "c": COMPLETED, "d": COMPLETED}, "", 9, ""),
    ],
)
def test_an_entity_starts_when_what_it_needs_has_completed_and_there_is_room(
    ended: dict[str, str], running: str, in_flight: int, started: str
) -> None:
    assert start(CHAIN, ended, running, in_flight) == started


@pytest.mark.parametrize(
    ("ended", "skipped"),
    [
        ({}, {}),
        ({"a": COMPLETED}, {}),
        ({"a": FAILED}, {"b": "a", "c": "b"}),
        ({"a": SKIPPED}, {"b": "a", "c": "b"}),
        ({"a": FAILED, "b": SKIPPED, "c": SKIPPED}, {}),
        ({"a": COMPLETED, "b": FAILED}, {"c": "b"}),
        ({"d": FAILED}, {}),
        ({"a": FAILED, "d": CANCELLED}, {}),
    ],
)
def test_what_needs_something_that_did_not_complete_is_skipped_and_says_so(
    ended: dict[str, str], skipped: dict[str, str]
) -> None:
    assert skip(CHAIN, ended) == skipped


@given(data=st.data())
def test_every_run_comes_to_an_end_and_settles_every_entity_once(data: st.DataObject) -> None:
    """However entities end and in whatever order: none starts before what it needs, and none is left waiting."""
    names = "abcdefgh"[: data.draw(st.integers(1, 8))]
    made = plan(
        **{
            name: "".join(sorted(data.draw(st.sets(st.sampled_from(names[:position])))) if position else [])
            for position, name in enumerate(names)
        }
    )
    in_flight = data.draw(st.integers(1, 4))
    ended: dict[str, str] = {}
    running = ""
    while True:
        blocked = skip(made, ended)
        assert not blocked.keys() & {*ended, *running}
        ended |= dict.fromkeys(blocked, SKIPPED)
        begun = start(made, ended, running, in_flight)
        for name in begun:
            needs = next(e.hard for e in made.entities if e.name == name)
            assert all(ended.get(on) == COMPLETED for on in needs)
        running += begun
        assert len(running) <= in_flight
        if not running:
            break
        name = data.draw(st.sampled_from(running))
        running = running.replace(name, "")
        ended[name] = data.draw(st.sampled_from([COMPLETED, COMPLETED, FAILED]))
    assert ended.keys() == set(names)
    assert all((status == SKIPPED) <= (FAILED in ended.values()) for status in ended.values())
