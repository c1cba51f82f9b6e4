"""Locks between processes that the kernel takes back from the dead."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from openfaith.errors import DatabaseUnavailableError

_PATIENCE_SECONDS = 120
"""Longer than a first start and a stop together take on a slow machine."""


class Lock:
    """One holder's hold on a lock file; ends with ``close``, or with the process."""

    def __init__(self, path: Path) -> None:
        # Closed on exec, so that no program inherits the hold unless we say so.
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_exclusive(self) -> bool:
        """True where nobody else holds it, shared or exclusive."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """True where nobody else holds it exclusively."""
        return self._try(fcntl.LOCK_SH)

    def fileno(self) -> int:
        """The descriptor; a program that inherits it shares the hold, and keeps it when we close ours."""
        assert self._descriptor is not None
        return self._descriptor

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fileno(), kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Holds ``path`` alone.

    Raises:
        DatabaseUnavailableError: another process has held it for two minutes.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with closing(Lock(path)) as lock:
        # Polled, not awaited in the kernel: a stopped holder must not hang us for ever.
        while not lock.try_exclusive():
            if time.monotonic() > deadline:
                raise DatabaseUnavailableError(
                    str(path.parent), f"another process has held {path.name} for {_PATIENCE_SECONDS} s"
                )
            time.sleep(0.02)
        yield
