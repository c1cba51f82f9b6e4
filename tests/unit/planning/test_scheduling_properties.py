"""Whatever the graph, the durations and the failures: what every strategy keeps, and how long it takes at most."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.adapters.planning_center import load_planning_center
from openfaith.planning import Graph, Scheduled, make_plan, to_start
from openfaith.records import EntityStatus, Strategy
from unit.planning.graphs import graphs
from unit.planning.simulated_runs import SimulatedRun, names, schedule, scheduled, simulated_runs, waits

WAITERS = (Strategy.PARALLEL, Strategy.HYBRID)


@given(simulated_runs())
def test_whatever_can_run_runs_once_and_everything_else_is_skipped(run: SimulatedRun) -> None:
    """The simulation itself refuses a second start. Nothing is left waiting, so no run hangs."""
    assert run.settled.keys() == {*names(run.entities)}
    assert run.blocked_by.keys() == run.lost()
    assert run.started.keys() == {*names(run.entities)} - run.lost()


@given(simulated_runs())
def test_nothing_starts_before_its_hard_dependencies_have_completed(run: SimulatedRun) -> None:
    for entity in run.entities:
        if entity.name in run.started:
            assert all(run.settled[on] is EntityStatus.COMPLETED for on in entity.hard)
            assert all(run.settled_at[on] <= run.started[entity.name] for on in entity.hard)


@given(simulated_runs(strategies=[Strategy.PARALLEL, Strategy.SEQUENTIAL]))
def test_parallel_and_sequential_wait_for_soft_dependencies_too(run: SimulatedRun) -> None:
    for entity, on in waits(run):
        assert run.settled_at[on] <= run.started[entity]


@given(simulated_runs(cancelled=True))
def test_no_strategy_goes_beyond_the_limit(run: SimulatedRun) -> None:
    assert run.most_at_once <= (1 if run.strategy is Strategy.SEQUENTIAL else run.limit)


@given(simulated_runs(strategies=[Strategy.SEQUENTIAL]))
def test_sequential_goes_by_the_plan_and_never_pauses(run: SimulatedRun) -> None:
    assert list(run.started) == [name for name in names(run.entities) if name in run.started]
    assert run.makespan == run.work


@given(simulated_runs())
def test_a_skipped_entity_names_a_hard_dependency_that_failed_or_was_skipped_before(
    run: SimulatedRun,
) -> None:
    hard = {entity.name: entity.hard for entity in run.entities}
    for entity, blocking in run.blocked_by.items():
        assert blocking in hard[entity]
        assert run.settled[blocking] in {EntityStatus.FAILED, EntityStatus.SKIPPED}
        assert run.settled_at[blocking] <= run.settled_at[entity]


@given(simulated_runs(cancelled=True))
def test_nothing_starts_or_is_skipped_after_a_cancellation_was_noticed(run: SimulatedRun) -> None:
    """What runs is waited for; what waits is left to the end of the run, which cancels it."""
    noticed = [run.settled_at[n] for n, s in run.settled.items() if s is EntityStatus.CANCELLED]
    assert run.running == []
    if noticed:
        assert all(at <= min(noticed) for at in run.started.values())
        assert all(run.settled_at[name] <= min(noticed) for name in run.blocked_by)
    else:
        assert run.settled.keys() == {*names(run.entities)}


@given(simulated_runs(strategies=WAITERS))
def test_a_run_takes_no_longer_than_grahams_bound(run: SimulatedRun) -> None:
    """Makespan <= work / m + (1 - 1 / m) * critical path; multiplied by m, so that it stays whole."""
    assert run.limit * run.makespan <= run.work + (run.limit - 1) * run.critical_path()


@given(simulated_runs(strategies=WAITERS, failing=False, unlimited=True))
def test_without_a_limit_a_run_takes_as_long_as_its_longest_chain(run: SimulatedRun) -> None:
    assert run.makespan == run.critical_path()


@given(simulated_runs(strategies=WAITERS, unlimited=True))
def test_failures_never_make_a_run_longer_than_its_longest_chain(run: SimulatedRun) -> None:
    assert run.makespan <= run.critical_path()


@given(graphs(), st.integers(1, 9), st.sampled_from(Strategy), st.data())
def test_the_answer_depends_on_what_is_known_and_not_on_how_it_was_gathered(
    graph: Graph, limit: int, strategy: Strategy, data: st.DataObject
) -> None:
    """A recovered orchestrator gathers it anew, and must take the same way."""
    entities = scheduled(graph)
    known = data.draw(
        st.dictionaries(st.sampled_from(names(entities)), st.sampled_from(["completed", "failed", "skipped"]))
    )
    running = [name for name in data.draw(st.permutations(names(entities)))[:2] if name not in known]
    settled = {name: EntityStatus(status) for name, status in known.items()}
    shuffled = dict(data.draw(st.permutations(sorted(settled.items()))))
    first = to_start(entities, settled, running, limit=limit, strategy=strategy)
    assert to_start(entities, shuffled, set(running), limit=limit, strategy=strategy) == first
    wide = to_start(entities, settled, running, limit=99, strategy=strategy)
    assert strategy is Strategy.SEQUENTIAL or wide[: len(first)] == first


@given(graphs())
def test_among_what_may_start_nobody_is_preferred_to_what_it_depends_on(graph: Graph) -> None:
    entities = scheduled(graph)
    begun = to_start(entities, {}, [], limit=99, strategy=Strategy.HYBRID)
    for entity in entities:
        for on in {*entity.soft} & {*begun}:
            assert entity.name not in begun or begun.index(on) < begun.index(entity.name)


WHOLE = schedule(make_plan(load_planning_center()))


@pytest.mark.parametrize("strategy", Strategy)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), limit=st.integers(1, 32))
def test_the_whole_of_planning_center_keeps_the_bounds(strategy: Strategy, seed: int, limit: int) -> None:
    """With durations as churches have them: a few entities take longer than all the others together."""
    run = _whole(WHOLE, strategy, limit, Random(seed))
    assert run.started.keys() == {*names(WHOLE)}
    room = 1 if strategy is Strategy.SEQUENTIAL else limit
    assert room * run.makespan <= run.work + (room - 1) * run.critical_path()


def _whole(entities: Sequence[Scheduled], strategy: Strategy, limit: int, dice: Random) -> SimulatedRun:
    durations = {name: round(100 * dice.lognormvariate(0, 2)) for name in names(entities)}
    return SimulatedRun(entities=entities, strategy=strategy, limit=limit, durations=durations).finish()
