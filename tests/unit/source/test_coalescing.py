"""Identical work in flight is done once."""

from __future__ import annotations

import asyncio

import pytest

from openfaith.source.coalescing import Coalescer


class Work:
    """Counts how often it is begun, and ends when it is told."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return self.begun


async def until_blocked() -> None:
    """Let every task run until it waits for something that only the test can do."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_who_ask_for_the_same_share_one_answer() -> None:
    share, work = Coalescer[str, int](), Work()
    tasks = [asyncio.create_task(share.share("a", work)) for _ in range(3)]
    await until_blocked()
    work.may_end.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1]


async def test_those_who_ask_for_something_else_do_not() -> None:
    share, work = Coalescer[str, int](), Work()
    work.may_end.set()
    await asyncio.gather(share.share("a", work), share.share("b", work))
    assert work.begun == 2


async def test_nothing_is_kept_once_it_has_ended() -> None:
    share, work = Coalescer[str, int](), Work()
    work.may_end.set()
    assert [await share.share("a", work), await share.share("a", work)] == [1, 2]


async def test_an_error_is_shared_and_not_kept() -> None:
    share, work = Coalescer[str, int](), Work()
    work.error = ValueError("broken")
    work.may_end.set()
    first, second = await asyncio.gather(
        share.share("a", work), share.share("a", work), return_exceptions=True
    )
    assert first is second is work.error
    work.error = None
    assert await share.share("a", work) == 2


async def test_a_waiter_that_is_cancelled_leaves_the_others_alone() -> None:
    share, work = Coalescer[str, int](), Work()
    first, second = (asyncio.create_task(share.share("a", work)) for _ in range(2))
    await until_blocked()
    first.cancel()
    await until_blocked()
    work.may_end.set()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_last_waiters_cancellation_ends_the_work() -> None:
    share, work = Coalescer[str, int](), Work()
    tasks = [asyncio.create_task(share.share("a", work)) for _ in range(2)]
    await until_blocked()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert work.cancelled == 1


async def test_whoever_asks_while_work_is_being_cancelled_gets_new_work() -> None:
    share, work = Coalescer[str, int](), Work()
    first = asyncio.create_task(share.share("a", work))
    await until_blocked()
    first.cancel()
    second = asyncio.create_task(share.share("a", work))
    await until_blocked()
    work.may_end.set()
    assert await second == 2
