"""Servers of single tests, as distinct from the server of the run."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import psycopg

from openfaith.store.embedded.cluster import Cluster, find_cluster
from openfaith.store.embedded.locks import Lock


def cluster_of(home: Path) -> Cluster:
    cluster = find_cluster(home)
    assert cluster is not None
    return cluster


def server_processes(home: Path) -> frozenset[int]:
    """The pids of the home's PostgreSQL."""
    cluster = cluster_of(home)
    return cluster.account.processes_in(cluster.data)


def is_running(home: Path) -> bool:
    """Whether any process of the server is alive, by the lock that they all hold."""
    lock = Lock(cluster_of(home).server_lock)
    try:
        return not lock.try_exclusive()
    finally:
        lock.close()


def kill_server(home: Path) -> None:
    """kill -9 of every process of the server."""
    kill(server_processes(home))


def kill(pids: frozenset[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def read_value(url: str, query: str) -> object:
    """The only column of the only row."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def execute(url: str, statement: str) -> None:
    """Returns when it is committed."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
