"""Bringing a cluster's server up and down, whatever state it was left in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from enum import Enum, auto

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from openfaith.errors import DatabaseRefusedError
from openfaith.store.embedded.cluster import NAME, PORT, Cluster
from openfaith.store.embedded.launching import READY_SECONDS, last_lines, launch, not_ready
from openfaith.store.embedded.locks import Lock

_STOPPED_SECONDS = 20
"""How long a stop waits for the last checkpoint, which a full disk can make impossible; then there is none."""

_ORPHANS_SECONDS = 5
"""What backends without a postmaster get to end when asked to."""


class Move(Enum):
    """What a start does next."""

    ATTACH = auto()
    WAIT = auto()
    """A server is alive: starting, recovering, or where we cannot see its processes."""
    FINISH_STOPPING = auto()
    """A server was asked to stop, and whoever asked is gone."""
    END_ORPHANS = auto()
    """Backends outlived their postmaster; a second server beside them would corrupt the data."""
    LAUNCH = auto()


def next_move(
    answer: Ping, *, alive: frozenset[int], postmaster: int | None, is_stopping: bool, held: bool
) -> Move:
    """Decides how a start goes on.

    Args:
        answer: what the socket says.
        alive: the processes that we see in the data directory.
        postmaster: the pid in ``postmaster.pid``.
        is_stopping: what that file says of its process.
        held: a process holds the server's lock. It may not have come as far as the data directory yet, or live in
            another container.
    """
    if answer is Ping.OK:
        return Move.ATTACH
    if postmaster in alive:
        return Move.FINISH_STOPPING if is_stopping else Move.WAIT
    if alive:
        return Move.END_ORPHANS
    return Move.WAIT if held or answer is Ping.REJECT else Move.LAUNCH


def ensure_running(cluster: Cluster) -> None:
    """Returns when the server accepts connections to our database. The caller holds the control lock.

    Raises:
        DatabaseUnavailableError: it is alive, but not ready in time.
        DatabaseRefusedError: it does not start, or refuses our password.
        ConfigurationError: no binaries fit.
        OSError: the disk is full, read-only, or not ours.
    """
    deadline = time.monotonic() + READY_SECONDS
    launched = False
    while (move := _look(cluster)) is not Move.ATTACH:
        if move is Move.LAUNCH:
            launch(cluster)
            launched = True
        elif move is Move.FINISH_STOPPING:
            shut_down(cluster)
        elif time.monotonic() > deadline:
            raise not_ready(cluster)
        elif move is Move.END_ORPHANS:
            _end_orphans(cluster)
        else:
            time.sleep(0.05)
    try:
        _ensure_database(cluster)
    except DatabaseRefusedError:
        if launched:
            shut_down(cluster)
        raise


def shut_down(cluster: Cluster) -> bool:
    """Stops a live server; sessions end at once. False where none is alive."""
    if not cluster.is_postmaster_alive():
        return False
    pid = cluster.postmaster_pid
    assert pid is not None
    # Fast: with a last checkpoint. Then immediate: without, and the next start recovers from the log of writes.
    for request in (signal.SIGINT, signal.SIGQUIT):
        _signal([pid], request)
        if _ends(cluster, pid):
            break
    return True


def _ends(cluster: Cluster, pid: int) -> bool:
    deadline = time.monotonic() + _STOPPED_SECONDS
    # The file goes last but for the process; asking it first saves most looks at the processes.
    while cluster.postmaster_pid == pid or pid in cluster.processes():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _look(cluster: Cluster) -> Move:
    address = make_conninfo(host=str(cluster.sockets), port=PORT, user=NAME, dbname=NAME, connect_timeout=2)
    with closing(Lock(cluster.server_lock)) as lock:
        return next_move(
            Ping(PGconn.ping(address.encode())),
            alive=cluster.processes(),
            postmaster=cluster.postmaster_pid,
            is_stopping=cluster.is_stopping,
            held=not lock.try_exclusive(),
        )


def _end_orphans(cluster: Cluster) -> None:
    """As in a crash, which it was: what they had committed is in the log of writes, and recovery finds it."""
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while orphans := cluster.processes():
        _signal(orphans, signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.05)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _ensure_database(cluster: Cluster) -> None:
    try:
        with psycopg.connect(cluster.url("postgres"), autocommit=True, connect_timeout=10) as connection:
            # At every start: a crash may have come between initdb and this, and a person may drop it to begin again.
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).rowcount:
                connection.execute("CREATE DATABASE openfaith TEMPLATE template0")
    except psycopg.Error as exc:
        raise DatabaseRefusedError(
            str(cluster.directory), last_lines(str(exc)), f"its log is {cluster.log}"
        ) from exc
