"""The lease rows of processes that run workflows.

Synchronous, on a connection of its own: the heartbeat runs in a thread, so that a busy event loop does not
cost a process its lease.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from openfaith.store.connection import options, watch
from openfaith.store.faults import translated
from openfaith.store.queries import query


@dataclass(frozen=True, kw_only=True, slots=True)
class Executor:
    """A process that runs workflows, and holds a lease while it lives."""

    executor_id: str
    """Unique per start of a process."""
    role: str
    """`worker`: serves everybody. `command`: a command line that does its own work."""
    host: str
    pid: int
    started_at: datetime | None = None


class LeaseConnection:
    """The verbs of the lease table, over one connection.

    Each raises DatabaseUnavailableError where the server is gone or too slow.
    """

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self._url = url
        self._connection = connection

    def beat(self, executor: Executor, *, application_version: str, ttl: timedelta) -> bool:
        """Start or renew the lease. False: it has ended, and the process must end too."""
        parameters = {
            "executor_id": executor.executor_id,
            "role": executor.role,
            "application_version": application_version,
            "host": executor.host,
            "pid": executor.pid,
            "ttl": ttl,
        }
        with translated(self._url):
            return self._connection.execute(query("executors", "beat"), parameters).fetchone() is not None

    def release(self, executor_id: str) -> None:
        with translated(self._url):
            self._connection.execute(query("executors", "release"), {"executor_id": executor_id})

    def expire(self, executor_ids: Sequence[str]) -> None:
        """End the leases of processes that are known to be gone."""
        with translated(self._url):
            self._connection.execute(query("executors", "expire"), {"executor_ids": list(executor_ids)})

    def forget_old(self) -> None:
        with translated(self._url):
            self._connection.execute(query("executors", "forget"))

    def list_alive(self) -> list[Executor]:
        with translated(self._url), self._connection.cursor(row_factory=class_row(Executor)) as cursor:
            return cursor.execute(query("executors", "list_alive")).fetchall()


@contextmanager
def lease_connection(url: str, *, timeout: timedelta) -> Iterator[LeaseConnection]:
    """Connect; statements that take longer than `timeout` fail.

    Raises:
        DatabaseUnavailableError: the server cannot be reached, or is too slow to renew a lease in time.
    """
    milliseconds = max(1, int(timeout.total_seconds() * 1000))
    with translated(url):
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=max(2, int(timeout.total_seconds())),
            options=options(url, {"statement_timeout": str(milliseconds), "TimeZone": "UTC"}),
            application_name="openfaith lease",
            **watch(url, timeout),
        )
        with connection:
            yield LeaseConnection(url, connection)
