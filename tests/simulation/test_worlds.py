"""Whatever happens to a church and to the engine: nothing is lost, doubled or deleted wrongly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest

from simulation.conftest import Worlds
from simulation.world import World

FIRST = int(os.environ.get("OPENFAITH_FIRST_SEED", "0"))
SEEDS = int(os.environ.get("OPENFAITH_SEEDS", "6"))

KEPT = (82, 1393, 10011, 21542, 30185, 31853, 31962, 32906, 35179, 35388, 37065)
"""Seeds that failed once."""

IN_PARALLEL = 6
"""The seed of a small church, three entities of which are read at once."""

_MOST_TESTS = 1_000
"""More of them would take pytest longer to collect and to hand out than a portion takes to run."""


def _portions() -> list[range]:
    size = -(-SEEDS // _MOST_TESTS)
    ranges = [range(first, min(first + size, FIRST + SEEDS)) for first in range(FIRST, FIRST + SEEDS, size)]
    return [*(range(seed, seed + 1) for seed in KEPT if not FIRST <= seed < FIRST + SEEDS), *ranges]


def _named(seeds: Sequence[int]) -> str:
    return "-".join(dict.fromkeys((str(seeds[0]), str(seeds[-1]))))


@pytest.mark.parametrize("seeds", _portions(), ids=_named)
def test_every_world_ends_with_the_tables_equal_to_its_church(worlds: Worlds, seeds: range) -> None:
    failures = [failure for seed in seeds if (failure := _failure(worlds, seed)) is not None]
    if failures:
        raise failures[0] if len(failures) == 1 else ExceptionGroup("worlds that fail", failures)


def test_the_same_seed_has_the_same_history(worlds: Worlds) -> None:
    """Even where entities run at the same time: this is what makes a failure one that can be looked at again."""
    histories = []
    for _ in range(2):
        world = World(IN_PARALLEL, worlds.begin())
        worlds.run(world.live())
        histories.append(world.history)
    assert histories[0] == histories[1]


def _failure(worlds: Worlds, seed: int) -> Exception | None:
    """What is wrong with a world, after its story was told."""
    world = World(seed, worlds.begin())
    try:
        worlds.run(world.live())
    except Exception as failure:  # noqa: BLE001  # of whatever kind: the other worlds go on
        _tell(world)
        return failure
    except BaseException:
        _tell(world)
        raise
    return None


def _tell(world: World) -> None:
    sys.stdout.write(f"{world.story()}\n")
    sys.stdout.write(
        f"again: OPENFAITH_FIRST_SEED={world.seed} OPENFAITH_SEEDS=1 pytest tests/simulation/test_worlds.py\n"
    )
