from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from openfaith.planning import Graph, Plan, PlannedEntity, order, ready, skipped
from openfaith.records import EntityName
from unit.planning.graphs import graphs


def planned(graph: Graph) -> Plan:
    entities = (
        PlannedEntity(
            name=name, hard=tuple(d.on for d in graph.dependencies if d.hard and d.entity == name), soft=()
        )
        for name in order(graph).order
    )
    return Plan(entities=tuple(entities), cuts=(), notes=())


class Run:
    """What an orchestrator remembers; any entity may fail, and several run at once."""

    def __init__(self, plan: Plan, doomed: Iterable[EntityName], width: int) -> None:
        self.plan = plan
        self.doomed = {*doomed}
        self.width = width
        self.started: list[EntityName] = []
        self.completed: set[EntityName] = set()
        self.failed: set[EntityName] = set()

    @property
    def running(self) -> list[EntityName]:
        return [name for name in self.started if name not in self.completed | self.failed]

    def finish(self) -> None:
        while True:
            free = ready(self.plan, self.completed, self.failed, self.running)
            self.started += free[: self.width - len(self.running)]
            if not self.running:
                return
            settled = self.running[-1]
            (self.failed if settled in self.doomed else self.completed).add(settled)


def runs() -> st.SearchStrategy[Run]:
    """Any plan, with any entities that fail, one or several at a time."""

    def run(graph: Graph) -> st.SearchStrategy[Run]:
        doomed = st.sets(st.sampled_from(graph.entities))
        return st.builds(Run, st.just(planned(graph)), doomed, st.integers(1, 4))

    return graphs().flatmap(run)


@given(runs())
def test_every_entity_is_started_once_or_skipped(run: Run) -> None:
    run.finish()
    blocked = skipped(run.plan, run.failed)
    assert len(run.started) == len({*run.started})
    assert {*run.started} | blocked.keys() == {*run.plan.order}
    assert {*run.started}.isdisjoint(blocked)


@given(runs())
def test_nothing_starts_before_its_hard_dependencies_have_completed(run: Run) -> None:
    hard = {entity.name: entity.hard for entity in run.plan.entities}
    run.finish()
    for name in run.started:
        assert run.completed >= {*hard[name]}
        assert all(run.started.index(on) < run.started.index(name) for on in hard[name])


@given(runs())
def test_a_skipped_entity_names_a_hard_dependency_that_failed_or_was_skipped(run: Run) -> None:
    hard = {entity.name: entity.hard for entity in run.plan.entities}
    run.finish()
    blocked = skipped(run.plan, run.failed)
    for name, blocking in blocked.items():
        assert blocking in hard[name]
        assert blocking in run.failed or blocking in blocked


@given(runs())
def test_without_a_failure_everything_completes(run: Run) -> None:
    run.doomed = set()
    run.finish()
    assert run.completed == {*run.plan.order}
    assert skipped(run.plan, run.failed) == {}
