"""Runs without a world: the orchestrator's loop on a clock that jumps from one end of an entity to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from openfaith.planning import Graph, Plan, Scheduled, order, to_skip, to_start
from openfaith.records import EntityName, EntityStatus, Strategy
from unit.planning.graphs import graphs


def scheduled(graph: Graph) -> tuple[Scheduled, ...]:
    """The whole graph in its order, without the dependencies that the order gives up."""
    ordering = order(graph)
    dropped = {cut.dependency for cut in ordering.cuts}
    kept = [d for d in graph.dependencies if d not in dropped]
    return tuple(
        Scheduled(
            name=name,
            hard=tuple(d.on for d in kept if d.entity == name and d.hard),
            soft=tuple(d.on for d in kept if d.entity == name and not d.hard),
        )
        for name in ordering.order
    )


def schedule(plan: Plan) -> tuple[Scheduled, ...]:
    """A plan's entities, each started by itself."""
    return tuple(Scheduled(name=e.name, hard=e.hard, soft=e.soft) for e in plan.entities)


def names(entities: Sequence[Scheduled]) -> tuple[EntityName, ...]:
    return tuple(entity.name for entity in entities)


@dataclass(kw_only=True)
class SimulatedRun:
    """What a run does, and when. Times are whole units from the run's start, so that sums are exact."""

    entities: Sequence[Scheduled]
    strategy: Strategy
    limit: int
    durations: Mapping[EntityName, int]
    doomed: Collection[EntityName] = ()
    """These fail when their time has passed."""
    cancelled_at: int | None = None
    """What ends then or later ends as cancelled."""
    started: dict[EntityName, int] = field(default_factory=dict)
    settled_at: dict[EntityName, int] = field(default_factory=dict)
    settled: dict[EntityName, EntityStatus] = field(default_factory=dict)
    blocked_by: dict[EntityName, EntityName] = field(default_factory=dict)
    most_at_once: int = 0

    @property
    def running(self) -> list[EntityName]:
        return [name for name in self.started if name not in self.settled]

    @property
    def makespan(self) -> int:
        return max(self.settled_at.values(), default=0)

    @property
    def work(self) -> int:
        return sum(self.durations[name] for name in self.started)

    def waits_for(self, entity: Scheduled) -> tuple[EntityName, ...]:
        """What the strategy makes an entity wait for."""
        return entity.hard if self.strategy is Strategy.HYBRID else (*entity.hard, *entity.soft)

    def critical_path(self) -> int:
        """The longest chain of waiting, in time. What was skipped takes none."""
        ends: dict[EntityName, int] = {}
        for entity in self.entities:
            begin = max((ends[on] for on in self.waits_for(entity)), default=0)
            ends[entity.name] = begin + (self.durations[entity.name] if entity.name in self.started else 0)
        return max(ends.values(), default=0)

    def lost(self) -> set[EntityName]:
        """What can never run, by a rule of its own: something it needs, directly or not, fails."""
        lost: set[EntityName] = set()
        for entity in self.entities:
            if any(on in lost or on in self.doomed for on in entity.hard):
                lost.add(entity.name)
        return lost

    def finish(self) -> SimulatedRun:
        now = 0
        while True:
            for entity, blocking in to_skip(self.entities, self.settled).items():
                assert entity not in self.started
                self.blocked_by[entity] = blocking
                self._settle(entity, EntityStatus.SKIPPED, now)
            for entity in self._next():
                assert entity not in self.started
                self.started[entity] = now
            self.most_at_once = max(self.most_at_once, len(self.running))
            if not self.running:
                return self
            # Of several that end at once, the one that began last is heard of first.
            entity = min(reversed(self.running), key=self._end)
            now = self._end(entity)
            self._settle(entity, self._outcome(entity, now), now)

    def _next(self) -> tuple[EntityName, ...]:
        return to_start(self.entities, self.settled, self.running, limit=self.limit, strategy=self.strategy)

    def _end(self, entity: EntityName) -> int:
        return self.started[entity] + self.durations[entity]

    def _outcome(self, entity: EntityName, now: int) -> EntityStatus:
        if self.cancelled_at is not None and now >= self.cancelled_at:
            return EntityStatus.CANCELLED
        return EntityStatus.FAILED if entity in self.doomed else EntityStatus.COMPLETED

    def _settle(self, entity: EntityName, status: EntityStatus, now: int) -> None:
        assert entity not in self.settled
        self.settled[entity] = status
        self.settled_at[entity] = now


@st.composite
def simulated_runs(
    draw: st.DrawFn,
    *,
    strategies: Collection[Strategy] = tuple(Strategy),
    failing: bool = True,
    cancelled: bool = False,
    unlimited: bool = False,
) -> SimulatedRun:
    """Any graph, by any of the strategies, with any durations, carried through to its end."""
    entities = scheduled(draw(graphs(most=12)))
    return SimulatedRun(
        entities=entities,
        strategy=draw(st.sampled_from(sorted(strategies))),
        limit=len(entities) if unlimited else draw(st.integers(1, 5)),
        durations={name: draw(st.integers(0, 20)) for name in names(entities)},
        doomed=draw(st.sets(st.sampled_from(names(entities)), max_size=4)) if failing else (),
        cancelled_at=draw(st.integers(0, 60)) if cancelled else None,
    ).finish()


def waits(run: SimulatedRun) -> Iterator[tuple[EntityName, EntityName]]:
    """What was started, with each that it had to wait for."""
    for entity in run.entities:
        if entity.name in run.started:
            yield from ((entity.name, on) for on in run.waits_for(entity))
