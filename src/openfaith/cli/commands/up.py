"""`openfaith up`: a database and a worker, until Ctrl-C."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from openfaith.cli.failures import InterruptedBySignalError
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.standing import open_runs
from openfaith.cli.words import counted, listed
from openfaith.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.store import RunRecord

_LOOK_SECONDS = 1.0


def up() -> None:
    """Run a worker, and the database, until Ctrl-C.

    The database is run where it is embedded. Start as many as you like, on as many machines as you like: they share the work. Runs that were interrupted are
    continued.
    """
    try:
        with_engine(partial(_up, output=Output()))
    except InterruptedBySignalError:
        return  # asked for, and nothing is wrong


async def _up(engine: Engine, *, output: Output) -> None:
    others = [e for e in await engine.executors() if e.role == "worker"]
    async with engine.working("worker"):
        await _greet(engine, output)
        if others:
            output.say(f"{counted(len(others), 'other worker')} alive; the work is shared.")
        try:
            await _tell_runs(engine, output)
        except asyncio.CancelledError:
            output.say("\nStopping. Everything committed is kept; the next worker goes on from there.")
            raise


async def _greet(engine: Engine, output: Output) -> None:
    # The URL of a server that is not ours holds somebody's password; an embedded one's is shown on request.
    output.say(
        f"Database: {engine.database_name}"
        + (" (embedded: `openfaith database url`)" if engine.settings.database_url is None else "")
    )
    names = [org for org, _, _ in await engine.organizations()]
    if names:
        output.say(f"Organizations: {listed(names, most=20)}.")
    else:
        output.say("No organization is connected yet: `openfaith connect pco --org ORG`.")
    for standing in await open_runs(engine):
        output.say(f"Continuing run {standing.run.run_id} of {standing.run.org_id}.")
    output.say("The worker is ready: `openfaith sync ORG` gives it work. Ctrl-C ends it.")


async def _tell_runs(engine: Engine, output: Output) -> None:
    """Say when a run begins and when it is over, for ever."""
    told = {run.run_id: run.status for run in await engine.runs()}
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            found = await engine.runs()
        except DatabaseUnavailableError as exc:
            output.say(str(exc))
            continue
        for run in reversed(found):
            if told.get(run.run_id) != run.status:
                output.say(run_line(run))
        told = {run.run_id: run.status for run in found}


def run_line(run: RunRecord) -> str:
    """`12:00:01  run 7 of demo: completed`."""
    at = run.finished_at or run.started_at or run.requested_at
    return (
        f"{at:%H:%M:%S}  {'dry run' if run.dry_run else 'run'} {run.run_id} of {run.org_id}: {run.status}"
        + (f" ({run.reason})" if run.reason else "")
    )
