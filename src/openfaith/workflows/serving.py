"""Keeping the promise that an acknowledged run is finished: every unfinished run has a workflow that works on it.

A process that was killed between recording a run and enqueuing its workflow leaves a run that nobody would
ever start. So whoever serves looks at the unfinished runs again and again, and starts what has no workflow.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

from openfaith.errors import TransientError
from openfaith.records import OrgId, RunId, RunStatus
from openfaith.store import RunRecord, finish_run, list_unfinished_runs
from openfaith.telemetry import get_logger
from openfaith.workflows.durable import Started, forget_old_workflows, start_run
from openfaith.workflows.runtime import Runtime

LOOK_SECONDS = 1.0

LOOKS_BEFORE_ALL_AGAIN = 30
"""After so many looks the runs that were found well are looked at again: their workflows may have died since."""

LOOKS_BEFORE_FORGETTING = 600

KEPT = timedelta(days=7)
"""How long the durable engine remembers a workflow that has ended. What the run did stays in our own tables."""

_log = get_logger("openfaith.serving")


async def start_unfinished_runs(runtime: Runtime, known: set[tuple[RunId, int]]) -> None:
    """Start the unfinished runs whose turn it is and that `known` does not hold; settle those whose workflow died.

    One run of an organization at a time: whoever waits has no workflow yet, and so no history that grows.
    A workflow that has ended although its run has not met an error that no outcome accounts for.
    """
    busy: set[tuple[OrgId, str]] = set()
    unfinished = await list_unfinished_runs(runtime.database)
    for run in sorted(unfinished, key=lambda run: (run.status is RunStatus.QUEUED, run.run_id)):
        place, key = (run.org_id, run.adapter), (run.run_id, run.attempt)
        if run.status is RunStatus.QUEUED and place in busy:
            continue
        busy.add(place)
        if key not in known and await _start(runtime, run):
            known.add(key)


async def _start(runtime: Runtime, run: RunRecord) -> bool:
    """Whether the run has a workflow now that will see it through."""
    if await start_run(run.run_id, run.attempt) is Started.UNDER_WAY:
        return True
    reason = "its workflow ended before it could record an outcome; see the log of the process that ran it"
    await finish_run(runtime.database, run.run_id, reason=reason, attempt=run.attempt)
    return False


async def serve(runtime: Runtime) -> None:
    """Look after the unfinished runs until cancelled; now and then, forget workflows that ended long ago."""
    known: set[tuple[RunId, int]] = set()
    for look in count():
        if look % LOOKS_BEFORE_ALL_AGAIN == 0:
            known.clear()
        try:
            await start_unfinished_runs(runtime, known)
            if look % LOOKS_BEFORE_FORGETTING == 0:
                await forget_old_workflows(datetime.now(UTC) - KEPT)
        except TransientError as exc:
            _log.warning("looking for unfinished runs failed", reason=str(exc))
        except Exception as exc:  # noqa: BLE001  # a worker that starts no runs any more, and lives, would be waited for
            _log.error("looking for unfinished runs failed", reason=type(exc).__name__)
        await asyncio.sleep(LOOK_SECONDS)
