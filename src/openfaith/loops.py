"""The processes that are ours: their event loop (uvloop, where it is to be had), and their garbage collector.

A library chooses neither: inside somebody else's program the engine runs as it finds it. And, on any loop, the ending
of tasks.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


def new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  # Windows has none
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


_ALLOCATIONS_BETWEEN_COLLECTIONS = 20_000
"""What a page leaves behind is freed by counting references; there is little for the collector to find."""


def collect_rarely() -> None:
    """Have the collector look less often: from the start of a process on, since imports allocate much and free little."""
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, 20, 50)


def end_quickly() -> None:
    """Have the interpreter end without a last look at every object there is. A seventh of a short command's time."""
    gc.freeze()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, on the quicker loop, and with a collector that does not walk the modules again and again."""
    gc.freeze()
    collect_rarely()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


_CANCEL_AGAIN_SECONDS = 1.0


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> list[BaseException]:
    """Cancel tasks until each has ended, and return what they raised beside that.

    Once is not enough: `asyncio.wait_for` before Python 3.12 loses a cancellation that comes together with what it waits
    for, and a task that goes on for ever would then be waited for as long.
    """
    tasks = set(tasks)
    left = tasks
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)
    ended = (task.exception() for task in tasks if not task.cancelled())
    return [error for error in ended if error is not None]


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Do what must not be left half done, however often whoever waits for it is cancelled; that is raised afterwards.

    For what ends by itself, and soon.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # it is heard of; the cancellation goes before
        raise cancelled
    return task.result()


_LAST_WORDS_SECONDS = 1.0


def end_at_once(last_words: str, code: int) -> NoReturn:
    """End this process without cleaning up. Whoever reads standard error may be gone, or not read: nobody waits for that."""
    try:
        writer = threading.Thread(target=_say, args=[last_words], daemon=True)
        writer.start()
        writer.join(_LAST_WORDS_SECONDS)
    finally:
        os._exit(code)


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode())
