"""Seeing a run through: showing it until it is over, and doing its work where nobody else does."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from openfaith.cli.breakers import BreakerWatch
from openfaith.cli.failures import RUN_FAILED, describe, tell
from openfaith.cli.output import Output
from openfaith.cli.progress import Display, make_display
from openfaith.cli.summaries import closing_lines, summary_table
from openfaith.cli.words import counted, kind_of
from openfaith.errors import ConfigurationError, DatabaseUnavailableError, SyncError, UnknownNameError
from openfaith.records import RunId, RunStatus

if TYPE_CHECKING:
    from openfaith.engine import Engine, RunView
    from openfaith.store import Executor, RunRecord

_LOOKS_BETWEEN_ROLL_CALLS = 5
_PATIENCE_SECONDS = 60


async def see_through(engine: Engine, run_id: RunId, output: Output, *, go_on: Sequence[str]) -> int:
    """Do and show a run until it is over; then say what came of it. Returns the exit code.

    A worker that is alive does the work; where there is none, or it goes away, it is done here.

    Args:
        go_on: the command line that continues the run where this one is stopped.
    """
    notes = await tell_notes(engine, run_id, output)
    watch = BreakerWatch(engine, (await engine.run(run_id)).run.org_id, output)
    try:
        with make_display(output.console) as display:
            while True:
                async with engine.working_if_nobody_is() as here:
                    if not here:
                        output.say(worker_line(await engine.executors()))
                    views = _views(engine, run_id, display.look_seconds, watch, while_others_work=not here)
                    stopping = _stopping(go_on) if here else _leaving(run_id)
                    view = await _show(views, display, output, stopping=stopping)
                if view.run.is_final:
                    break
                output.say("The worker is gone; going on here.")
    except SyncError as error:
        return _failed(error, output)
    return conclude(view, output, notes)


async def look_on(engine: Engine, run_id: RunId, output: Output) -> int:
    """The same, but without ever doing the work."""
    notes = await tell_notes(engine, run_id, output)
    try:
        with make_display(output.console) as display:
            watch = BreakerWatch(engine, (await engine.run(run_id)).run.org_id, output)
            views = _views(engine, run_id, display.look_seconds, watch)
            view = await _show(views, display, output, stopping=_leaving(run_id))
    except SyncError as error:
        return _failed(error, output)
    return conclude(view, output, notes)


def _stopping(go_on: Sequence[str]) -> str:
    return f"Stopping. Everything committed is kept; `{shlex.join(go_on)}` goes on from there."


def _leaving(run_id: RunId) -> str:
    return (
        f"No longer watching run {run_id}: whoever works on it goes on. "
        f"`openfaith runs watch {run_id}` looks again, `openfaith runs cancel {run_id}` stops it."
    )


async def _show(views: AsyncIterator[RunView], display: Display, output: Output, *, stopping: str) -> RunView:
    """Show the views until there are no more. Returns the last.

    On Ctrl-C the next move is said here, at once: the clean-up that follows takes a moment.
    """
    view: RunView | None = None
    try:
        async for view in views:
            display.update(view)
    except asyncio.CancelledError:
        output.say(stopping)
        raise
    assert view is not None, "every run has at least one view"
    return view


def _failed(error: SyncError, output: Output) -> int:
    """A run was under way, so its failure is no matter of usage."""
    tell(describe(error), as_json=output.as_json)
    return RUN_FAILED


async def tell_notes(engine: Engine, run_id: RunId, output: Output) -> tuple[str, ...]:
    """Say, on standard error, what of a run is read without something that it depends on."""
    notes = await plan_notes(engine, run_id)
    for note in notes:
        output.warn(note)
    return notes


async def plan_notes(engine: Engine, run_id: RunId) -> tuple[str, ...]:
    """What of a run is read without something that it depends on."""
    run = (await engine.run(run_id)).run
    try:
        plan = await engine.plan(run.org_id, adapter=run.adapter, entities=run.entities)
    except (UnknownNameError, ConfigurationError):  # planned by a program that knew more
        return ()
    return plan.notes


def conclude(view: RunView, output: Output, notes: Sequence[str]) -> int:
    """Say what came of a run that is over. Returns the exit code."""
    if view.run.dry_run:
        output.say("Dry run: nothing was written.", style="bold")
    output.show(summary_table(view.entities, width=output.console.width, dry_run=view.run.dry_run))
    for text, style in closing_lines(view):
        output.say(text, style=style)
    output.data({**view.to_json(), "notes": list(notes)})
    return 0 if view.status is RunStatus.COMPLETED else RUN_FAILED


async def _views(
    engine: Engine,
    run_id: RunId,
    look_seconds: float,
    watch: BreakerWatch,
    *,
    while_others_work: bool = False,
) -> AsyncIterator[RunView]:
    """The run as it stands, again and again, until it is over, or until no worker is left that could do it."""
    looks = 0
    while True:
        view = await _look(engine, run_id)
        yield view
        if view.run.is_final:
            return
        await asyncio.sleep(look_seconds)
        looks += 1
        if looks % _LOOKS_BETWEEN_ROLL_CALLS == 0:
            await watch.look()
            if while_others_work and not await has_worker(engine):
                return


async def _look(engine: Engine, run_id: RunId) -> RunView:
    """The run as it stands. A database that is away for a moment ends nothing: the work waits for it too."""
    loop = asyncio.get_running_loop()
    patient_until = loop.time() + _PATIENCE_SECONDS
    while True:
        try:
            return await engine.run(run_id)
        except DatabaseUnavailableError:
            if loop.time() > patient_until:
                raise
            await asyncio.sleep(1)


async def has_worker(engine: Engine) -> bool:
    """Whether a worker process is alive on this database."""
    return any(executor.role == "worker" for executor in await engine.executors())


def worker_line(executors: Sequence[Executor]) -> str:
    """Who does the work, where it is not done here."""
    workers = [executor for executor in executors if executor.role == "worker"]
    where = f"{workers[0].host}, process {workers[0].pid}" if workers else "another process"
    more = f" and {len(workers) - 1} more" if len(workers) > 1 else ""
    return f"A worker ({where}{more}) does the work; following it here."


def announcement(run: RunRecord, *, is_new: bool, executors: Sequence[Executor], pages: int) -> str:
    """What becomes of a request for a sync: a new run, one that is joined, or an interrupted one that goes on."""
    name = f"run {run.run_id}, {kind_of(run)} of {run.org_id}"
    if is_new:
        return f"Started {name}."
    if executors:
        return f"Joined {name}, which is {run.status} already."
    if run.status is RunStatus.QUEUED:
        return f"Taking up {name}, which was waiting for somebody to do it."
    return f"Continuing {name}, which was interrupted after {counted(pages, 'page')}."
