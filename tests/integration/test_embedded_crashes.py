"""Whatever is killed, at whatever moment: no acknowledged commit is lost, and the next start works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from openfaith.store.embedded import EmbeddedServer, stop
from support.embedded import cluster_of, execute, is_running, kill_server, read_value, server_processes
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
        execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        child.kill()
    assert is_running(home)
    with EmbeddedServer.start(home) as server:
        assert read_value(server.url, "SELECT answer FROM kept") == 42
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
        execute(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        postmaster = cluster_of(home).postmaster_pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        with EmbeddedServer.start(home) as again:
            assert read_value(again.url, "SELECT answer FROM kept") == 42


def test_a_busy_backend_without_postmaster_is_ended_before_another_server_starts(home: Path) -> None:
    """It checks for its postmaster only where it would wait, and this one never does."""
    with EmbeddedServer.start(home) as server, psycopg.connect(server.url, autocommit=True) as connection:
        execute(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
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
            assert read_value(again.url, "SELECT answer FROM kept") == 42
        client.join()


def test_a_killed_server_loses_no_commit(home: Path) -> None:
    with EmbeddedServer.start(home, linger=True) as server:
        execute(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill_server(home)
    with EmbeddedServer.start(home) as server:
        assert read_value(server.url, "SELECT answer FROM kept") == 42
    assert not is_running(home), "the wish to linger went with the server it was meant for"


def test_everything_killed_at_once_loses_no_acknowledged_commit(home: Path) -> None:
    code = """
with EmbeddedServer.start(home) as server, psycopg.connect(server.url, autocommit=True) as connection:
    connection.execute("CREATE TABLE counted (n integer PRIMARY KEY)")
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
        execute(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill_server(home)
    cluster = cluster_of(home)
    for stale in (cluster.data / "postmaster.pid", cluster.sockets / ".s.PGSQL.5432.lock"):
        first, _, rest = stale.read_text().partition("\n")
        assert first.isdecimal()
        stale.write_text(f"{stranger.pid}\n{rest}")
    assert not stop(home)
    with EmbeddedServer.start(home) as server:
        assert read_value(server.url, "SELECT answer FROM kept") == 42
    assert stranger.poll() is None


@pytest.mark.parametrize("program", ["initdb", "pg_ctl"])
def test_a_program_whose_launcher_was_killed_is_awaited(home: Path, program: str) -> None:
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
    with running(code, home) as child:
        child.proceed()
        assert child.join() == -signal.SIGKILL
    with EmbeddedServer.start(home) as server:
        assert read_value(server.url, "SELECT 1") == 1
    assert [path.name for path in cluster_of(home).directory.glob("*.new-*")] == []


@pytest.mark.parametrize("instant", ["_sync", "_ensure_database"])
def test_a_first_start_that_was_killed_is_continued(home: Path, instant: str) -> None:
    code = (
        f"postmaster.{instant} = lambda _: os.kill(os.getpid(), signal.SIGKILL); EmbeddedServer.start(home)"
    )
    with running(code, home) as child:
        child.proceed()
        assert child.join() == -signal.SIGKILL
    with EmbeddedServer.start(home) as server:
        assert read_value(server.url, "SELECT current_database()") == "openfaith"
    assert not is_running(home)


def _loop_for_ever(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("DO 'BEGIN LOOP END LOOP; END'")
