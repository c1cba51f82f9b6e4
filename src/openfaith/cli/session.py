"""A command's time in the event loop: with the engine open, until it is done or a signal comes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from openfaith.cli.failures import InterruptedBySignalError
from openfaith.loops import end_at_once, run

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.settings import Settings

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

LONGEST_END_SECONDS = 9.0
"""After a signal. Whoever sends one kills after ten, as a rule; and a database that hangs would be waited for longer."""


def prepare() -> Settings:
    """Read the environment and set up logging.

    Raises:
        ConfigurationError: a variable has a value that cannot be used.
    """
    from openfaith.settings import load_settings  # noqa: PLC0415  # pydantic is not for `--help`
    from openfaith.telemetry import configure_logging  # noqa: PLC0415  # nor is structlog

    settings = load_settings()
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    return settings


def with_engine(work: Callable[[Engine], Awaitable[T]], *, linger: bool = False) -> T:
    """Run a command's work with the engine open, as the environment says, until it is done or a signal comes.

    Raises:
        SyncError: as `Engine.open`, or from the work.
        InterruptedBySignalError: a signal came, and the work has ended.
    """
    settings = prepare()
    # Imported before the loop begins, where Ctrl-C still interrupts at once; and not for `--help`.
    from openfaith.engine import Engine  # noqa: PLC0415  # dbos and sqlalchemy take seconds

    async def main() -> T:
        async with Engine.open(settings, linger=linger) as engine:
            return await work(engine)

    return run_until_signal(main())


def run_until_signal(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work. The first Ctrl-C or SIGTERM cancels it; a second one does not wait for it to clean up, and
    nor does anybody for longer than `LONGEST_END_SECONDS`.

    Raises:
        InterruptedBySignalError: a signal came, and the work has ended.
    """
    received: list[int] = []

    async def main() -> T:
        task = asyncio.ensure_future(work)
        _on_signals(task, received)
        return await task

    try:
        return run(main())
    except (asyncio.CancelledError, Exception) as exc:
        if not received:
            raise
        raise InterruptedBySignalError(received[0]) from exc


def _on_signals(task: asyncio.Task[Any] | asyncio.Future[Any], received: list[int]) -> None:
    def stop(number: int) -> None:
        if received:
            os._exit(128 + number)  # what was committed is kept, and the kernel frees our locks
        received.append(number)
        patience = threading.Timer(LONGEST_END_SECONDS, _end_now, [number])
        patience.daemon = True
        patience.start()
        task.cancel()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)


def _end_now(number: int) -> None:
    """A thread's last resort: it waits for no loop, no connection and no other thread."""
    end_at_once(
        "warning: it takes too long to end, as where the database does not answer. Everything committed is kept; the next"
        " process goes on from there.\n",
        128 + number,
    )
