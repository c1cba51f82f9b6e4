"""Identical reads in flight are sent once and share their answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiters: int = 0


class Coalescer(Generic[K, V]):
    """Whoever asks for what is already being asked for waits for the same answer, or the same error.

    Nothing is kept once it has ended. One waiter's cancellation leaves the others alone; the last one's ends the
    work itself.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    async def share(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        flight = self._flights.get(key) or self._start(key, work)
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                await self._cancel(key, flight)

    def _start(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> _Flight[V]:
        flight = _Flight(asyncio.create_task(work()))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._forget(key, flight))
        return flight

    async def _cancel(self, key: K, flight: _Flight[V]) -> None:
        # Forgotten before the first await: whoever asks from here on must not join work that is ending.
        self._forget(key, flight)
        flight.task.cancel()
        await asyncio.wait({flight.task})

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
