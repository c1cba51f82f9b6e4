"""How long a first full sync takes by each strategy of execution, in one run on this machine.

    python benchmarks/strategies.py                                  500 people, all products, 50 ms latency, three rounds
    python benchmarks/strategies.py --product people groups          only these products
    python benchmarks/strategies.py --people 5000 --latency-ms 200 --in-flight 16 --rounds 1

The three take turns: each round, each for an organization of its own, in one database of an embedded PostgreSQL and
against one simulated church that answers after the latency and announces a rate limit that nobody reaches. Reported
is the median round of each strategy:

- wall: seconds from the run's start to its end, by the database's clock;
- work: what its entities took, added up; with few cores it grows with what runs at once;
- chain: the longest chain of entities that had to wait for each other, added up;
- least: below this no order can come, with that work and that chain: the larger of chain and work / in flight.

Wall above least is what the order and the hand-over from one entity to the next cost: the durable engine's queue and
the orchestrator look for news a few times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from openfaith import Engine, RunStatus, RunView, Settings, Strategy
from openfaith.planning import Plan, make_plan
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator, SimulatorOptions

TOKEN = "simulator:secret"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One run. Times in seconds."""

    wall: float
    work: float
    chain: float
    in_flight: int
    """How many entities there may be at once."""
    requests: int

    @property
    def least(self) -> float:
        return max(self.chain, self.work / self.in_flight)


def measure(view: RunView, plan: Plan, in_flight: int) -> Measurement:
    run = view.run
    if run.status is not RunStatus.COMPLETED or run.started_at is None or run.finished_at is None:
        sys.exit(f"run {run.run_id} is {run.status}: {run.reason or 'see `openfaith runs show`'}")
    seconds = {entity.entity: entity.seconds or 0.0 for entity in view.entities}
    return Measurement(
        wall=(run.finished_at - run.started_at).total_seconds(),
        work=sum(seconds.values()),
        chain=longest_chain(plan, seconds, soft=run.strategy is not Strategy.HYBRID),
        in_flight=1 if run.strategy is Strategy.SEQUENTIAL else in_flight,
        requests=sum(entity.requests for entity in view.entities),
    )


def longest_chain(plan: Plan, seconds: dict[EntityName, float], *, soft: bool) -> float:
    ends: dict[EntityName, float] = {}
    for entity in plan.entities:
        waits_for = (*entity.hard, *entity.soft) if soft else entity.hard
        ends[entity.name] = max((ends[on] for on in waits_for), default=0.0) + seconds[entity.name]
    return max(ends.values(), default=0.0)


async def rounds(
    arguments: argparse.Namespace, base_url: str, home: Path
) -> dict[Strategy, list[Measurement]]:
    settings = Settings(
        home=home, entities_in_flight=arguments.in_flight, worker_concurrency=max(16, arguments.in_flight)
    )
    found: dict[Strategy, list[Measurement]] = {strategy: [] for strategy in Strategy}
    async with Engine.open(settings) as engine, engine.working():
        products = arguments.product or list(engine.manifest().products)
        wanted = [n for n in make_plan(engine.manifest()).order if n.partition(".")[0] in products]
        plan = make_plan(engine.manifest(), wanted)
        for number in range(arguments.rounds):
            for strategy in Strategy:
                org = f"{strategy}-{number}"
                await engine.connect(org, TOKEN, base_url=base_url)
                view = await engine.sync(org, entities=plan.order, strategy=strategy)
                found[strategy].append(measure(view, plan, arguments.in_flight))
            print(f"round {number + 1} of {arguments.rounds} done", file=sys.stderr)
    return found


def report(found: dict[Strategy, list[Measurement]]) -> None:
    print(f"{'':<12}{'wall':>8}{'work':>8}{'chain':>8}{'least':>8}{'wall/least':>12}{'requests':>10}")
    for strategy, measurements in found.items():
        median = _median(measurements)
        print(
            f"{strategy:<12}{median.wall:>8.1f}{median.work:>8.1f}{median.chain:>8.1f}{median.least:>8.1f}"
            f"{median.wall / median.least:>12.2f}{median.requests:>10,}"
        )


def _median(measurements: Iterable[Measurement]) -> Measurement:
    """The round whose wall time is the median, so that its figures belong together."""
    by_wall = sorted(measurements, key=lambda measurement: measurement.wall)
    middle = statistics.median_low([measurement.wall for measurement in by_wall])
    return next(measurement for measurement in by_wall if measurement.wall == middle)


def main() -> None:
    parser = argparse.ArgumentParser(description="The three strategies of execution beside each other.")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--product", nargs="+", help="all where none is named")
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    options = SimulatorOptions(
        people=arguments.people, latency_seconds=arguments.latency_ms / 1000, rate_limit=10_000_000
    )
    with (
        tempfile.TemporaryDirectory(prefix="openfaith-bench-") as directory,
        RunningSimulator(options) as simulator,
    ):
        home = Path(directory)
        home.chmod(0o711)
        simulator.control("warm", {})
        found = asyncio.run(rounds(arguments, simulator.base_url, home))
    print(
        f"{arguments.people:,} people, {arguments.latency_ms} ms latency, {arguments.in_flight} entities in flight; seconds"
    )
    report(found)


if __name__ == "__main__":
    main()
