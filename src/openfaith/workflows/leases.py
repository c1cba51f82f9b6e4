"""Failover: the lease of this process, and the taking over of work whose process is gone.

The durable engine never notices that another process died. So every process that runs workflows holds a lease
row, renewed by a heartbeat. Work whose holder has no living lease is put back into its queue. A process that
could not renew its lease in time ends at once: others may already do its work, and the fencing tokens refuse
whatever it might still try to write.

Heartbeat and takeover are threads of their own, so that neither a busy event loop nor a long takeover costs a
process its lease. On one machine a lock file tells sooner: the kernel drops the lock when its process dies, so
that a command started right after a crash need not wait for the lease to end.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

from openfaith.errors import ConfigurationError, SyncError
from openfaith.loops import end_at_once
from openfaith.store import Executor, LeaseConnection, lease_connection
from openfaith.telemetry import WorkTakenOver, get_logger, log_event

LEASE_LOST_EXIT_CODE = 70
"""What a process that lost its lease ends with (EX_SOFTWARE)."""

_log = get_logger("openfaith.leases")


def new_executor(role: str) -> Executor:
    """This process, under an id that no other start of a process has."""
    host, pid = socket.gethostname(), os.getpid()
    return Executor(executor_id=f"{host}:{pid}:{uuid.uuid4().hex[:12]}", role=role, host=host, pid=pid)


class ProcessLocks:
    """A locked file per process, below one directory for each database: gone lock, gone process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: IO[str] | None = None

    def hold(self, executor_id: str) -> None:
        """Lock this process's file until the process ends.

        Raises:
            ConfigurationError: no file can be kept there, or somebody else has this one.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(executor_id)
            # Locked before it has its name, so that nobody finds it unlocked and takes it for a dead process's.
            unnamed = path.with_suffix(".new")
            with ExitStack() as unless_held:
                file = unless_held.enter_context(unnamed.open("w"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists() and not _is_unlocked(path):
                    raise BlockingIOError(errno.EWOULDBLOCK, "somebody else has it")
                unnamed.rename(path)
                unless_held.pop_all()
            self._held = file
        except OSError as exc:
            raise ConfigurationError(
                str(self._directory),
                f"no lock can be held there ({exc.strerror})",
                "a writable OPENFAITH_HOME",
            ) from exc

    def release(self, executor_id: str) -> None:
        if self._held is not None:
            self._path(executor_id).unlink(missing_ok=True)
            self._held.close()
            self._held = None

    def gone(self, executor_ids: Collection[str]) -> list[str]:
        """Those whose file is here and not locked. A file that is not here says nothing: another machine's."""
        return [executor_id for executor_id in executor_ids if self._is_gone(executor_id)]

    def forget(self, executor_ids: Collection[str]) -> None:
        """Remove the files of processes that are gone. Their leases must have ended before: until then the file is all
        that tells, and whoever looks may be killed right after.
        """
        for executor_id in executor_ids:
            self._path(executor_id).unlink(missing_ok=True)

    def abandoned(self) -> frozenset[Path]:
        """The files of processes that are gone, whoever they were."""
        return frozenset(path for path in self._directory.glob("*.lock") if _is_unlocked(path))

    def tidy(self, abandoned: Collection[Path], alive: Collection[str]) -> None:
        """Remove files that nobody needs any more: their processes are gone, and their leases have ended, too."""
        for path in set(abandoned) - {self._path(executor_id) for executor_id in alive}:
            path.unlink(missing_ok=True)

    def _is_gone(self, executor_id: str) -> bool:
        return _is_unlocked(self._path(executor_id))

    def _path(self, executor_id: str) -> Path:
        return self._directory / f"{executor_id.replace(':', '_').replace('/', '_')}.lock"


def _is_unlocked(path: Path) -> bool:
    try:
        file = path.open("r+")
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def end_process() -> None:
    """Leave at once: nothing may be cleaned up that somebody else owns by now."""
    end_at_once(
        "error: this process lost its lease: it, or the database, did not answer for too long, and others may do its"
        " work by now. Everything committed is kept; start it again.\n",
        LEASE_LOST_EXIT_CODE,
    )


class _Line:
    """A connection to the lease table that is kept while it works, and made anew after it failed."""

    def __init__(self, url: str, timeout: timedelta) -> None:
        self._url = url
        self._timeout = timeout
        self._open = ExitStack()
        self._connection: LeaseConnection | None = None

    @contextmanager
    def use(self) -> Iterator[LeaseConnection]:
        try:
            if self._connection is None:
                self._connection = self._open.enter_context(
                    lease_connection(self._url, timeout=self._timeout)
                )
            yield self._connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection = None
        self._open.close()


class Lease:
    """This process's lease, and its watch over the leases of others."""

    def __init__(
        self,
        executor: Executor,
        *,
        url: str,
        application_version: str,
        ttl: timedelta,
        locks: ProcessLocks,
        on_lost: Callable[[], None] = end_process,
    ) -> None:
        self.executor = executor
        self._application_version = application_version
        self._ttl = ttl
        self._locks = locks
        self._on_lost = on_lost
        self._heart = _Line(url, ttl / 4)
        self._eyes = _Line(url, ttl)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Take the lease and keep it. Call before the engine starts, so that nothing runs without one.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
        """
        self._locks.hold(self.executor.executor_id)
        with self._heart.use() as connection:
            connection.beat(self.executor, application_version=self._application_version, ttl=self._ttl)
            connection.forget_old()
        self._start(self._keep, "openfaith-heartbeat")

    def watch(self, pending: Callable[[], Collection[str]], recover: Callable[[list[str]], int]) -> None:
        """Take over the work of processes that are gone, now and from now on.

        Args:
            pending: the executors that running workflows belong to.
            recover: puts the workflows of these executors back into their queues, and says how many.
        """
        self._start(lambda: self._watch(pending, recover), "openfaith-takeover")

    def end(self) -> None:
        """Give the lease back. Call after the engine has stopped: from now on others take over what is left."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=self._ttl.total_seconds())
        try:
            with self._heart.use() as connection:
                connection.release(self.executor.executor_id)
        except SyncError as exc:
            _log.warning("the lease could not be given back; it ends by itself", reason=str(exc))
        self._heart.close()
        self._eyes.close()
        self._locks.release(self.executor.executor_id)

    def _start(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._stopping.wait(self._ttl.total_seconds() / 4):
            tried = time.monotonic()
            if self._renew():
                renewed = tried
            elif time.monotonic() - renewed > self._ttl.total_seconds():
                self._on_lost()
                return

    def _renew(self) -> bool:
        try:
            with self._heart.use() as connection:
                if connection.beat(
                    self.executor, application_version=self._application_version, ttl=self._ttl
                ):
                    return True
        except SyncError as exc:
            _log.warning("the lease was not renewed", reason=str(exc))
            return False
        self._on_lost()
        return False

    def _watch(self, pending: Callable[[], Collection[str]], recover: Callable[[list[str]], int]) -> None:
        pause = min(2.0, self._ttl.total_seconds() / 4)
        while True:
            try:
                self._take_over(pending, recover)
            except Exception as exc:  # noqa: BLE001  # the watch must outlive any fault of the database or the engine
                _log.warning("looking for work of processes that are gone failed", reason=repr(exc))
            if self._stopping.wait(pause):
                return

    def _take_over(self, pending: Callable[[], Collection[str]], recover: Callable[[list[str]], int]) -> None:
        with self._eyes.use() as connection:
            # Who has work first, who lives second: a process that begins in between is then seen alive.
            holders = set(pending()) - {self.executor.executor_id}
            abandoned = self._locks.abandoned()
            if not holders and not abandoned:
                return
            alive = {e.executor_id for e in connection.list_alive()}
            gone = self._locks.gone(alive)
            if gone:
                connection.expire(gone)
                self._locks.forget(gone)
            self._locks.tidy(abandoned, alive)
        dead = sorted(holders - alive | set(gone) & holders)
        if dead:
            recovered = recover(dead)
            if recovered:
                log_event(WorkTakenOver(executors=tuple(dead), workflows=recovered))
