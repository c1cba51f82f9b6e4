"""Ending tasks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from openfaith.loops import end_tasks, to_its_end


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


async def test_what_must_not_be_left_half_done_ends_before_the_cancellation_is_heard() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), []

    async def close() -> None:
        begun.set()
        await may_end.wait()
        ended.append(1)

    task = asyncio.create_task(to_its_end(close()))
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [1]


async def test_what_came_of_it_is_told_where_nobody_cancelled() -> None:
    async def count() -> int:
        return 7

    async def fail() -> None:
        raise LookupError

    assert await to_its_end(count()) == 7
    with pytest.raises(LookupError):
        await to_its_end(fail())


async def test_no_tasks_end_at_once() -> None:
    assert await end_tasks([]) == []


def test_a_process_ends_at_once_though_nobody_reads_its_last_words() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = "from openfaith.loops import end_at_once; end_at_once('x' * 100, 7)"
    ended = subprocess.run([sys.executable, "-c", program], stderr=writer, check=False, timeout=60)
    os.close(writer)
    assert ended.returncode == 7


def test_a_process_ends_at_once_though_its_last_words_find_no_room() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(65536))
    os.set_blocking(writer, True)
    program = "from openfaith.loops import end_at_once; end_at_once('x' * 100, 7)"
    ended = subprocess.run([sys.executable, "-c", program], stderr=writer, check=False, timeout=60)
    os.close(writer)
    os.close(reader)
    assert ended.returncode == 7
