"""What to do next while a run goes on: which entities start, and which can no longer run.

Three strategies of execution:

- *sequential*: one entity at a time, in the plan's order.
- *parallel*: an entity starts when everything it depends on has settled, soft dependencies included. A soft one
  counts however it ended.
- *hybrid*: an entity starts when its hard dependencies have completed. Soft ones only give the preferred order.

A dependency that the order gave up to break a cycle is none of the plan's, and nobody waits for it.

Where several entities may start and there is no room for all, those with the longest chain of dependents below them
come first (Hu's rule: how long an entity takes is not known, so every link counts the same), and then the plan's
order decides. The chain follows soft dependencies too. An entity's own is therefore always longer than that of
anything that depends on it: among what may start, nobody is preferred to what it depends on, and the order that the
soft dependencies ask for is kept.

Nothing is left waiting while there is room, so a run takes at most its work divided by the room, and (1 - 1/room) of
its longest chain of waiting on top (Graham's bound for list scheduling), whatever the durations turn out to be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from openfaith.records import EntityName, EntityStatus, Strategy


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled:
    """One entity of a run, and those of the run that it depends on. They come before it in the plan's order."""

    name: EntityName
    hard: tuple[EntityName, ...]
    soft: tuple[EntityName, ...]


def to_start(
    entities: Sequence[Scheduled],
    settled: Mapping[EntityName, EntityStatus],
    running: Collection[EntityName],
    *,
    limit: int,
    strategy: Strategy,
) -> tuple[EntityName, ...]:
    """What to start now, best first. The same answer for the same arguments, in whatever order they were gathered.

    Args:
        entities: all of the run, in the plan's order.
        settled: how everything ended that is over; what `to_skip` named is among it, as skipped.
        running: what was started and is not over.
        limit: how many entities may run at once, at least 1; a sequential run has room for one.

    Returns nothing once an entity was cancelled: then the whole run was.
    """
    if EntityStatus.CANCELLED in settled.values():
        return ()
    room = (1 if strategy is Strategy.SEQUENTIAL else limit) - len(running)
    waiting = [entity for entity in entities if entity.name not in settled and entity.name not in running]
    free = [entity.name for entity in waiting if _may_start(entity, settled, strategy)]
    if strategy is not Strategy.SEQUENTIAL:
        chains = _longest_chains(entities)
        free.sort(key=lambda name: -chains[name])
    return tuple(free[: max(0, room)])


def to_skip(
    entities: Sequence[Scheduled], settled: Mapping[EntityName, EntityStatus]
) -> dict[EntityName, EntityName]:
    """What can no longer run, each with the hard dependency that blocks it: one that failed, or is skipped itself.

    Returns nothing once an entity was cancelled: what is left then is cancelled with its run.
    """
    if EntityStatus.CANCELLED in settled.values():
        return {}
    blocked: dict[EntityName, EntityName] = {}
    for entity in entities:
        if entity.name in settled:
            continue
        lost = (on for on in entity.hard if on in blocked or _is_lost(settled.get(on)))
        if (blocking := next(lost, None)) is not None:
            blocked[entity.name] = blocking
    return blocked


def _may_start(entity: Scheduled, settled: Mapping[EntityName, EntityStatus], strategy: Strategy) -> bool:
    if any(settled.get(on) is not EntityStatus.COMPLETED for on in entity.hard):
        return False
    return strategy is Strategy.HYBRID or all(on in settled for on in entity.soft)


def _is_lost(status: EntityStatus | None) -> bool:
    return status not in {None, EntityStatus.COMPLETED}


def _longest_chains(entities: Sequence[Scheduled]) -> dict[EntityName, int]:
    """Per entity: how many others wait for it one after the other, along the longest chain of dependents."""
    chains = dict.fromkeys((entity.name for entity in entities), 0)
    for entity in reversed(entities):
        for on in (*entity.hard, *entity.soft):
            chains[on] = max(chains[on], chains[entity.name] + 1)
    return chains
