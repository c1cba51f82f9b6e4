"""Which walk a segment goes on with: the one at the last checkpoint, or at the beginning the one that serves the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from openfaith.manifest import Below, Endpoint, Entity, Reading
from openfaith.manifest.capabilities import DeltaWay, best_delta_way, times_in
from openfaith.planning import can_be_windowed
from openfaith.records import SyncKind
from openfaith.store import HeldEntityRun, find_share, get_sweep_checkpoint, list_marks
from openfaith.strategies import (
    OLDEST_MARK,
    DeltaKind,
    DeltaState,
    FullState,
    NestedState,
    SweepBelow,
    SweepState,
    begin_delta,
    begin_sweep,
    begin_sweep_below,
    is_delta,
    is_last,
    is_sweep,
    read_sweep_below,
    restart_second_pass,
    share_of_parents,
)
from openfaith.telemetry import DeltaFellBack
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.list_walks import DeltaWalk, SweepWalk, TopWalk
from openfaith.workflows.nested_walks import NestedWalk
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.single_records import is_listed_by_id
from openfaith.workflows.walks import Walk

_REPEATS = 1
"""How often a reconciliation walks a part of a list again that did not prove anything: it shifted, or lied, meanwhile."""

_DELTA_KINDS: dict[DeltaWay, DeltaKind] = {
    DeltaWay.KEYSET: "keyset",
    DeltaWay.WINDOW: "window",
    DeltaWay.NEWEST_FIRST: "newest_first",
}


async def begin_walk(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> Walk:
    """The walk through a list of its own."""
    whole, stored = top_walk(assignment), held.checkpoint
    if is_delta(stored):
        return DeltaWalk(state=DeltaState.from_json(stored or {}), whole=whole)
    if assignment.kind is SyncKind.DELTA and stored is None:
        return await _begin_delta(runtime, assignment, whole)
    if assignment.kind is SyncKind.SWEEP:
        return await _begin_sweep(runtime, assignment, whole, stored)
    return replace(whole, state=FullState.from_json(stored))


def top_walk(assignment: Assignment) -> TopWalk:
    """The walk that reads everything, or as much of it as a listing needs, from the beginning."""
    assert assignment.endpoint is not None, "what rides asks nothing"
    return TopWalk(
        state=FullState(),
        endpoint=assignment.endpoint,
        page_size=assignment.page_size,
        includes=assignment.includes,
        fields={f"fields[{assignment.entity.type}]": "created_at,updated_at"}
        if is_listed_by_id(assignment)
        else {},
        windowed=can_be_windowed(assignment.endpoint),
        repeats=_REPEATS if assignment.kind is SyncKind.RECONCILIATION else 0,
    )


def delta_kind(endpoint: Endpoint) -> DeltaKind | None:
    """The cheapest way to read what changed in a list, as the manifest has it; None where there is none."""
    way, time = best_delta_way(times_in(endpoint.query_by), times_in(endpoint.order_by))
    return _DELTA_KINDS.get(way) if time == "updated_at" else None


def mark_lasts(walked: Entity, reading: Reading) -> timedelta:
    """How long deltas go by a watermark: not at all where they read everything.

    Args:
        walked: whose pages are read: the carrier, of what comes along with another.
        reading: how that is read.
    """
    keeps = reading is Reading.TOP and walked.listing is not None and delta_kind(walked.listing) is not None
    return OLDEST_MARK if keeps else timedelta()


async def _begin_delta(runtime: Runtime, assignment: Assignment, whole: TopWalk) -> Walk:
    """From the mark on; everything where there is none.

    An entity of which that is the only way is not told of. One that showed nothing when it was read whole is, once it shows
    something: a list that is empty costs the same one request either way, and one that only looked empty is found so.
    """
    kind = delta_kind(whole.endpoint)
    if kind is None:
        return whole
    entities = (assignment.entity.name, *(rider.entity for rider in assignment.riders))
    states = await list_marks(runtime.database, assignment.org_id, assignment.adapter, entities)
    unread = [name for name in entities if name not in states]
    own = states.get(assignment.entity.name)
    if unread or own is None:
        reason = f"{(unread or entities)[0]} was never read whole"
        await runtime.tell(DeltaFellBack(about=assignment.subject, reason=reason))
        return whole
    if empty := [name for name, state in states.items() if not state.shown]:
        return replace(whole, instead=f"{empty[0]} showed nothing when it was last read whole")
    return DeltaWalk(state=begin_delta(kind, own.watermark, own.newest), whole=whole)


async def _begin_sweep(
    runtime: Runtime, assignment: Assignment, whole: TopWalk, stored: dict[str, Any] | None
) -> SweepWalk:
    """From where the last sweep has come to, or this one."""
    if stored is not None and is_sweep(stored, "list"):
        return SweepWalk(state=SweepState.from_json(stored), whole=whole)
    return SweepWalk(state=begin_sweep(await _last_sweep(runtime, assignment)), whole=whole)


async def begin_nested_walk(runtime: Runtime, assignment: Assignment, held: HeldEntityRun) -> NestedWalk:
    """The walk below parents, of which it knows none yet."""
    place = assignment.entity.below
    assert place is not None, "a nested entity has a place below a parent"
    sweep, state = await _begin_below(runtime, assignment, place, held.checkpoint)
    return NestedWalk(
        # Done, and yet taken again: the run is retried for those that were left behind.
        state=restart_second_pass(state) if state.done else state,
        place=place,
        page_size=assignment.page_size,
        includes=assignment.includes,
        sweep=sweep,
        read_before=held.read_before,
    )


async def _begin_below(
    runtime: Runtime, assignment: Assignment, place: Below, stored: dict[str, Any] | None
) -> tuple[SweepBelow | None, NestedState]:
    """Where the walk stands, and of which share of the parents it is where it is not of all."""
    if assignment.kind is not SyncKind.SWEEP:
        return None, NestedState.from_json(stored)
    if stored is not None and is_sweep(stored, "parents"):
        return read_sweep_below(stored)
    turn, state = begin_sweep_below(await _last_sweep(runtime, assignment))
    if is_last(turn):
        return SweepBelow(turn=turn), state
    upto = await find_share(
        runtime.database,
        runtime.manifest(assignment.adapter),
        place,
        assignment.org_id,
        after=state.after,
        share_of=share_of_parents,
    )
    return SweepBelow(turn=turn, upto=upto), state


async def _last_sweep(runtime: Runtime, assignment: Assignment) -> dict[str, Any] | None:
    return await get_sweep_checkpoint(
        runtime.database, assignment.org_id, assignment.adapter, assignment.entity.name
    )
