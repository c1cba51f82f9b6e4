"""Whatever is killed, at whatever moment: no acknowledged commit is lost, and the next start works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from openfaith.store.embedded import EmbeddedServer, is_running, stop
from support.embedded import (
    cluster_of,
    keep_something,
    kill_server,
    read_value,
    server_processes,
    what_was_kept,
)
from support.processes import running

_USE = "server = EmbeddedServer.start(home); print(server.url, flush=True); wait()"


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any of it."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_killed_client_leaves_a_server_that_can_be_used(home: Path) -> None:
    with running(_USE, home) as child:
        child.proceed()
        url = child.read()
        kept = keep_something(url)
        child.kill()
    assert is_running(home)
    with EmbeddedServer.start(home) as server:
        assert what_was_kept(server.url) == kept
    assert not is_running(home)


def test_a_killed_client_leaves_a_server_that_can_be_stopped(home: Path) -> None:
    with running(_USE, home) as child:
        child.proceed()
        child.read()
        assert not stop(home), "it is in use"
        child.kill()
    assert stop(home)
    assert not is_running(home)


def test_a_killed_postmaster_loses_no_commit(home: Path) -> None:
    with EmbeddedServer.start(home) as server:
        kept = keep_something(server.url)
        postmaster = cluster_of(home).postmaster_pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        with EmbeddedServer.start(home) as again:
            assert what_was_kept(again.url) == kept


def test_a_busy_backend_without_postmaster_is_ended_before_another_server_starts(home: Path) -> None:
    """It checks for its postmaster only where it would wait, and this one never does."""
    with EmbeddedServer.start(home) as server, psycopg.connect(server.url, autocommit=True) as connection:
        kept = keep_something(server.url)
        busy = connection.info.backend_pid
        client = Thread(target=_loop_for_ever, args=[connection])
        client.start()
        while read_value(server.url, f"SELECT state FROM pg_stat_activity WHERE pid = {busy}") != "active":
            pass
        postmaster = cluster_of(home).postmaster_pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        with EmbeddedServer.start(home) as again:
            assert busy not in server_processes(home)
            assert what_was_kept(again.url) == kept
        client.join()


def test_a_server_that_somebody_began_to_stop_is_stopped_and_started_anew(home: Path) -> None:
    """As an init system does: it asks the server politely, which then waits for its clients for ever."""
    with EmbeddedServer.start(home) as server, closing(psycopg.connect(server.url)):
        kept = keep_something(server.url)
        cluster = cluster_of(home)
        postmaster = cluster.postmaster_pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGTERM)
        while not cluster.is_stopping:
            pass
        with EmbeddedServer.start(home) as again:
            assert what_was_kept(again.url) == kept
            assert cluster.postmaster_pid != postmaster


def test_a_killed_server_loses_no_commit(home: Path) -> None:
    with EmbeddedServer.start(home, linger=True) as server:
        kept = keep_something(server.url)
        kill_server(home)
    with EmbeddedServer.start(home) as server:
        assert what_was_kept(server.url) == kept
    assert not is_running(home), "the wish to linger went with the server it was meant for"


def test_everything_killed_at_once_loses_no_acknowledged_commit(home: Path) -> None:
    code = """
with EmbeddedServer.start(home) as server, psycopg.connect(server.url, autocommit=True) as connection:
    connection.execute("DROP TABLE IF EXISTS counted; CREATE TABLE counted (n integer PRIMARY KEY)")
    for n in range(1_000_000):
        connection.execute("INSERT INTO counted VALUES (%s)", [n])
        print(n, flush=True)
"""
    with running(code, home) as child:
        child.proceed()
        while (acknowledged := int(child.read())) < 50:
            pass
        kill_server(home)
        child.kill()
    with EmbeddedServer.start(home) as server:
        stored = read_value(server.url, "SELECT max(n) FROM counted")
        assert isinstance(stored, int)
        assert stored >= acknowledged
        assert read_value(server.url, "SELECT count(*) FROM counted") == stored + 1


def test_a_pid_that_was_given_to_another_process_is_not_believed(
    home: Path, stranger: subprocess.Popen[bytes]
) -> None:
    with EmbeddedServer.start(home) as server:
        kept = keep_something(server.url)
        kill_server(home)
    cluster = cluster_of(home)
    for stale in (cluster.data / "postmaster.pid", cluster.sockets / ".s.PGSQL.5432.lock"):
        first, _, rest = stale.read_text().partition("\n")
        assert first.isdecimal()
        stale.write_text(f"{stranger.pid}\n{rest}")
    assert not stop(home)
    with EmbeddedServer.start(home) as server:
        assert what_was_kept(server.url) == kept
    assert stranger.poll() is None


@pytest.mark.parametrize("program", ["initdb", "pg_ctl"])
def test_a_program_whose_launcher_was_killed_is_awaited(new_home: Path, program: str) -> None:
    """It goes on by itself, and has not come as far as the data directory when the next start looks."""
    code = f"""
def run_and_die(argv, *, check, **options):
    if Path(argv[0]).name == {program!r}:
        subprocess.Popen(argv, **options | {{"stdout": subprocess.DEVNULL}})
        os.kill(os.getpid(), signal.SIGKILL)
    return subprocess_run(argv, check=check, **options)
subprocess_run, subprocess.run = subprocess.run, run_and_die
EmbeddedServer.start(home)
"""
    with running(code, new_home) as child:
        child.proceed()
        assert child.join() == -signal.SIGKILL
    with EmbeddedServer.start(new_home) as server:
        assert read_value(server.url, "SELECT 1") == 1
    assert [path.name for path in cluster_of(new_home).directory.glob("*.new-*")] == []


@pytest.mark.parametrize("instant", ["launching._sync", "postmaster._ensure_database"])
def test_a_first_start_that_was_killed_is_continued(new_home: Path, instant: str) -> None:
    code = f"{instant} = lambda _: os.kill(os.getpid(), signal.SIGKILL); EmbeddedServer.start(home)"
    with running(code, new_home) as child:
        child.proceed()
        assert child.join() == -signal.SIGKILL
    with EmbeddedServer.start(new_home) as server:
        assert read_value(server.url, "SELECT current_database()") == "openfaith"
    assert not is_running(new_home)


def _loop_for_ever(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("DO 'BEGIN LOOP END LOOP; END'")
