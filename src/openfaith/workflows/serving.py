"""Keeping the promise that an acknowledged run is finished: every unfinished run has a workflow that works on it.

A process that was killed between recording a run and enqueuing its workflow leaves a run that nobody would
ever start. So whoever serves looks at the unfinished runs again and again, and starts what has no workflow.
"""

from __future__ import annotations

import asyncio
from itertools import count

from openfaith.errors import TransientError
from openfaith.records import RunId
from openfaith.store import finish_run, list_unfinished_runs
from openfaith.telemetry import get_logger
from openfaith.workflows.durable import Started, start_run
from openfaith.workflows.runtime import Runtime

LOOK_SECONDS = 1.0

LOOKS_BEFORE_ALL_AGAIN = 30
"""After so many looks the runs that were found well are looked at again: their workflows may have died since."""

_log = get_logger("openfaith.serving")


async def start_unfinished_runs(runtime: Runtime, known: set[tuple[RunId, int]]) -> None:
    """Start every unfinished run that `known` does not hold yet, and settle those whose workflow died.

    A workflow that has ended although its run has not met an error that no outcome accounts for.
    """
    for run in await list_unfinished_runs(runtime.database):
        key = (run.run_id, run.attempt)
        if key in known:
            continue
        if await start_run(run.run_id, run.attempt) is Started.ENDED:
            reason = (
                "its workflow ended before it could record an outcome; see the log of the process that ran it"
            )
            await finish_run(runtime.database, run.run_id, reason=reason)
        else:
            known.add(key)


async def serve(runtime: Runtime) -> None:
    """Look after the unfinished runs until cancelled."""
    known: set[tuple[RunId, int]] = set()
    for look in count():
        if look % LOOKS_BEFORE_ALL_AGAIN == 0:
            known.clear()
        try:
            await start_unfinished_runs(runtime, known)
        except TransientError as exc:
            _log.warning("looking for unfinished runs failed", reason=str(exc))
        await asyncio.sleep(LOOK_SECONDS)
