"""Servers of single tests, as distinct from the server of the run."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from openfaith.store.embedded.cluster import Cluster, find_cluster


def cluster_of(home: Path) -> Cluster:
    cluster = find_cluster(home)
    assert cluster is not None
    return cluster


def server_processes(home: Path) -> frozenset[int]:
    """The pids of the home's PostgreSQL."""
    return cluster_of(home).processes()


def kill_server(home: Path) -> None:
    """Ends every process of the server as kill -9 does."""
    for pid in server_processes(home):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def read_value(url: str, query: str) -> object:
    """The only column of the only row."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def keep_something(url: str) -> int:
    """Commits a number that no other test knows."""
    number = secrets.randbelow(2**31)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
        connection.execute("TRUNCATE kept")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])
    return number


def what_was_kept(url: str) -> object:
    """The number that was committed last."""
    return read_value(url, "SELECT number FROM kept")


@contextmanager
def altered(file: Path, text: str | None) -> Iterator[None]:
    """Writes something else into a file, or removes it, and restores it afterwards, owner and all."""
    aside = file.rename(file.with_name("altered"))
    if text is not None:
        shutil.copy2(aside, file)
        os.chown(file, aside.stat().st_uid, aside.stat().st_gid)
        file.write_text(text)
    try:
        yield
    finally:
        aside.rename(file)
