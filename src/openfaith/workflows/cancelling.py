"""Work that is looked after while it waits: a source may have everybody wait for minutes, and nothing is committed meanwhile
that would tell that the run was cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from openfaith.errors import DatabaseUnavailableError, RunCancelledError
from openfaith.loops import end_tasks
from openfaith.records import RunId

T = TypeVar("T")

LOOK_WHILE_WAITING = timedelta(seconds=4)
"""How often it is looked whether anybody still wants the work, and how long what nobody wants may take to end by itself:
a request that ends so is counted.
"""


async def until_cancelled(
    run_id: RunId, is_cancelled: Callable[[], Coroutine[None, None, bool]], work: Coroutine[None, None, T]
) -> T:
    """Do the work, and end it soon after its run was cancelled.

    Args:
        is_cancelled: asks the database. What it raises ends the work, unless the database is away.

    Raises:
        RunCancelledError: a person cancelled the run.
        SyncError: what the work or the question raised.
    """
    task = asyncio.create_task(work)
    try:
        while not await _ends(task):
            if await _is_over(task, is_cancelled) and not await _ends(task):
                raise RunCancelledError(run_id)
    finally:
        await end_tasks([task])  # also hears of what it has raised meanwhile
    return task.result()


async def _ends(task: asyncio.Task[T]) -> bool:
    await asyncio.wait({task}, timeout=LOOK_WHILE_WAITING.total_seconds())
    return task.done()


async def _is_over(task: asyncio.Task[T], ask: Callable[[], Awaitable[bool]]) -> bool:
    """Whether the run was cancelled, as far as that is known before the work ends by itself."""
    asking = asyncio.ensure_future(ask())
    try:
        await asyncio.wait({task, asking}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return False
        with suppress(DatabaseUnavailableError):  # the next commit tells
            return asking.result()
        return False
    finally:
        await end_tasks([asking])
