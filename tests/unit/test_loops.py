"""Ending tasks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from openfaith.loops import end_tasks


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        assert await end_tasks([task]) == []
    assert task.cancelled()


async def test_what_tasks_raised_is_returned() -> None:
    async def fail() -> None:
        raise LookupError

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    [error] = await end_tasks([task, asyncio.create_task(asyncio.sleep(60))])
    assert isinstance(error, LookupError)


async def test_no_tasks_end_at_once() -> None:
    assert await end_tasks([]) == []
