"""What a run starts and skips next, by what has settled."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.planning import Scheduled, make_plan, to_skip, to_start
from openfaith.records import EntityName, EntityStatus, Strategy
from unit.planning.simulated_runs import SimulatedRun, schedule

SEQUENTIAL, PARALLEL, HYBRID = Strategy
COMPLETED, FAILED, SKIPPED, CANCELLED = (
    EntityStatus.COMPLETED,
    EntityStatus.FAILED,
    EntityStatus.SKIPPED,
    EntityStatus.CANCELLED,
)


Plan = tuple[Scheduled, ...]


def names(letters: str) -> tuple[EntityName, ...]:
    return tuple(map(EntityName, letters))


def plan(**needs: str) -> Plan:
    """Entities in this order. Each has the letters of those it needs, and after a blank of those it had better have."""
    split = {name: (*text.split(" "), "")[:2] for name, text in needs.items()}
    return tuple(
        Scheduled(name=EntityName(name), hard=names(hard), soft=names(soft))
        for name, (hard, soft) in split.items()
    )


def start(
    plan: Plan,
    settled: Mapping[str, EntityStatus],
    running: str = "",
    limit: int = 9,
    strategy: Strategy = HYBRID,
) -> str:
    known = {EntityName(name): status for name, status in settled.items()}
    return "".join(to_start(plan, known, names(running), limit=limit, strategy=strategy))


def skip(plan: Plan, settled: Mapping[str, EntityStatus]) -> dict[str, str]:
    known = {EntityName(name): status for name, status in settled.items()}
    return {str(name): str(blocking) for name, blocking in to_skip(plan, known).items()}


CHAIN = plan(a="", b="a", c="b", d="")
SOFT = plan(a="", b="", c=" a", d="b a")


@pytest.mark.parametrize(
    ("settled", "running", "limit", "started"),
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
@pytest.mark.parametrize("strategy", [PARALLEL, HYBRID])
def test_an_entity_starts_when_what_it_needs_has_completed_and_there_is_room(
    strategy: Strategy, settled: dict[str, EntityStatus], running: str, limit: int, started: str
) -> None:
    assert start(CHAIN, settled, running, limit, strategy) == started


@pytest.mark.parametrize(
    ("settled", "running", "sequential", "parallel", "hybrid"),
    [
        ({}, "", "a", "ab", "abc"),
        ({}, "a", "", "b", "bc"),
        ({"b": COMPLETED}, "a", "", "", "cd"),
        ({"a": COMPLETED}, "b", "", "c", "c"),
        ({"a": COMPLETED}, "", "b", "bc", "bc"),
        ({"a": FAILED}, "b", "", "c", "c"),
        ({"a": SKIPPED, "b": COMPLETED}, "", "c", "cd", "cd"),
        ({"a": COMPLETED, "b": COMPLETED}, "", "c", "cd", "cd"),
        ({"a": CANCELLED, "b": COMPLETED}, "", "", "", ""),
    ],
)
def test_soft_dependencies_are_waited_for_unless_the_strategy_is_hybrid(
    settled: dict[str, EntityStatus], running: str, sequential: str, parallel: str, hybrid: str
) -> None:
    """However they ended: a soft dependency that failed holds nobody up."""
    found = [start(SOFT, settled, running, strategy=strategy) for strategy in Strategy]
    assert found == [sequential, parallel, hybrid]


def test_the_longest_chain_of_dependents_goes_first_unless_the_strategy_is_sequential() -> None:
    made = plan(a="", b="", c="b", d="c", e=" a")
    assert start(made, {}, limit=9) == "bae"
    assert start(made, {}, limit=9, strategy=PARALLEL) == "ba"
    assert start(made, {}, limit=9, strategy=SEQUENTIAL) == "a"


def test_entities_with_chains_of_the_same_length_keep_the_order_of_the_plan() -> None:
    assert start(plan(c="", a="", b=""), {}) == "cab"


@pytest.mark.parametrize(
    ("settled", "skipped"),
    [
        ({}, {}),
        ({"a": COMPLETED}, {}),
        ({"a": FAILED}, {"b": "a", "c": "b"}),
        ({"a": SKIPPED}, {"b": "a", "c": "b"}),
        ({"a": EntityStatus.NOT_ACCESSIBLE}, {"b": "a", "c": "b"}),
        ({"a": FAILED, "b": SKIPPED, "c": SKIPPED}, {}),
        ({"a": COMPLETED, "b": FAILED}, {"c": "b"}),
        ({"d": FAILED}, {}),
        ({"a": FAILED, "d": CANCELLED}, {}),
    ],
)
def test_what_needs_something_that_did_not_complete_is_skipped_and_says_so(
    settled: dict[str, EntityStatus], skipped: dict[str, str]
) -> None:
    assert skip(CHAIN, settled) == skipped


def test_a_failed_soft_dependency_skips_nobody() -> None:
    assert skip(SOFT, {"a": FAILED}) == {}


def test_each_skipped_entity_names_the_dependency_that_blocks_it() -> None:
    made = schedule(make_plan(load_planning_center(), ["Tab", "FieldDefinition", "Campus"]))
    blocked = to_skip(made, {EntityName("people.Tab"): FAILED})
    assert blocked == {"people.FieldDefinition": "people.Tab"}


@pytest.mark.parametrize("strategy", Strategy)
def test_people_come_after_campuses_and_households_and_before_their_addresses(strategy: Strategy) -> None:
    """With one place, every strategy keeps the preferred order."""
    made = schedule(make_plan(load_planning_center(), ["Address", "Person", "Household", "Campus"]))
    durations = {entity.name: 1 for entity in made}
    run = SimulatedRun(entities=made, strategy=strategy, limit=1, durations=durations)
    begun = [name.removeprefix("people.") for name in run.finish().started]
    assert begun == ["Campus", "Household", "Person", "Address"]
