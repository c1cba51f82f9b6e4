"""A process that dies anywhere, and the same command once more: as if nothing had happened.

By default some of the points, others each time; `OPENFAITH_CRASHES` says about how many of each command, or `all`.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from crashes.lanes import Lane, open_lanes
from crashes.sweep import Sweep, Trial, prepare
from crashes.verbs import VERBS, Verb
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.postgres import Databases
from support.simulated import NO_WAITING

CRASHES = os.environ.get("OPENFAITH_CRASHES", "4")
LANES = int(os.environ.get("OPENFAITH_CRASH_LANES", "1"))
PAIRS = int(os.environ.get("OPENFAITH_CRASH_PAIRS", "0"))
"""Of each verb."""

SEED = int(os.environ.get("OPENFAITH_FIRST_SEED") or secrets.randbelow(10_000))
"""Where the points begin, where not all are taken, and which pairs are drawn."""


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[Sequence[Lane]]:
    home = tmp_path / "home"
    with open_lanes(LANES, tmp_path, home) as opened:
        yield opened


@pytest.fixture
def church(lanes: Sequence[Lane]) -> Iterator[RunningSimulator]:
    tokens = tuple(f"{lane.name}:secret" for lane in lanes)
    with RunningSimulator(
        SimulatorOptions(people=10, products=("people",), tokens=tokens, rate_limit=NO_WAITING)
    ) as running:
        yield running


@pytest.mark.timeout(900 if CRASHES == "4" else 4 * 3600)
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_command_that_is_killed_anywhere_is_finished_by_the_same_command(
    verb: Verb, databases: Databases, opened: str, church: RunningSimulator, lanes: Sequence[Lane]
) -> None:
    """Every table equals the source, all is counted once, and at most one page was fetched again for each crash."""
    sweep = prepare(verb, databases, opened, church, lanes)
    step = 1 if CRASHES == "all" else max(1, len(sweep.points) // int(CRASHES))
    singles = sweep.singles(sweep.points[SEED % step :: step])
    pairs = sweep.pairs(PAIRS, Random(SEED), singles)
    report(sweep, singles, pairs, f"every {step}th from {SEED % step}" if step > 1 else "all")
    assert [str(trial) for trial in [*singles, *pairs] if trial.problems] == [], f"seed {SEED}"
    # What goes on side by side is not in the same order each time, so that a point may lie behind the end.
    assert sum(trial.reached == 0 for trial in singles) <= max(1, len(singles) // 10), f"seed {SEED}"


def report(sweep: Sweep, singles: Sequence[Trial], pairs: Sequence[Trial], which: str) -> None:
    """For whoever reads along: how many there were, and what they cost."""
    trials = [*singles, *pairs]
    sys.stdout.write(
        f"\n{sweep.verb.name}: {len(sweep.points)} points, {which}: {len(singles)} killed, "
        f"{sum(trial.reached == 0 for trial in singles)} of them not met; {len(pairs)} pairs (seed {SEED}), "
        f"{sum(trial.reached == 2 for trial in pairs)} met; pages fetched again: "
        f"{sum(trial.pages_again for trial in trials)} for {sum(trial.reached for trial in trials)} crashes, "
        f"at most {max((trial.pages_again for trial in trials), default=0)} for one\n"
    )
    for trial in singles:
        if not trial.reached:
            sys.stdout.write(f"  not met: {', '.join(map(str, trial.points))}\n")
