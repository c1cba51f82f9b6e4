"""The event loop of the processes that are ours: uvloop, where it is to be had.

A library never chooses a loop: inside somebody else's program the engine runs on the loop it finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  # Windows has none
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, on the quicker loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)
