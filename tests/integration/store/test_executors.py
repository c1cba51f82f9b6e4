"""The leases of processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from openfaith.errors import DatabaseUnavailableError
from openfaith.store import Executor, LeaseConnection, lease_connection
from support.mirror import ask

MINUTE = timedelta(minutes=1)
EXPIRED = timedelta(seconds=-1)


@pytest.fixture
def leases(database_url: str) -> Iterator[LeaseConnection]:
    with lease_connection(database_url, timeout=timedelta(seconds=5)) as connection:
        yield connection


def process(name: str = "one") -> Executor:
    return Executor(executor_id=name, role="worker", host="here", pid=7)


def beat(leases: LeaseConnection, executor: Executor, ttl: timedelta = MINUTE) -> bool:
    return leases.beat(executor, application_version="1", ttl=ttl)


def alive(leases: LeaseConnection) -> list[str]:
    return [executor.executor_id for executor in leases.list_alive()]


def test_a_beat_begins_and_renews_a_lease(leases: LeaseConnection) -> None:
    assert beat(leases, process())
    assert beat(leases, process())
    [found] = leases.list_alive()
    assert (found.executor_id, found.role, found.host, found.pid) == ("one", "worker", "here", 7)
    assert found.started_at is not None


def test_a_lease_that_ended_is_never_revived(leases: LeaseConnection) -> None:
    beat(leases, process(), EXPIRED)
    assert not beat(leases, process())
    assert alive(leases) == []


def test_a_lease_that_is_given_back_is_gone(leases: LeaseConnection) -> None:
    beat(leases, process("one"))
    beat(leases, process("two"))
    leases.release("one")
    assert alive(leases) == ["two"]


def test_leases_of_processes_that_are_gone_are_ended_at_once(leases: LeaseConnection) -> None:
    for name in ("one", "two", "three"):
        beat(leases, process(name))
    leases.expire(["one", "three", "nobody"])
    assert alive(leases) == ["two"]
    assert not beat(leases, process("one"))


def test_leases_that_ended_long_ago_are_forgotten(leases: LeaseConnection, database_url: str) -> None:
    beat(leases, process("old"), timedelta(hours=-25))
    beat(leases, process("recent"), timedelta(hours=-23))
    beat(leases, process("alive"))
    leases.forget_old()
    left = ask(database_url, "SELECT executor_id FROM openfaith.executor ORDER BY 1")
    assert left == [("alive",), ("recent",)]


def test_a_server_that_is_too_slow_is_unavailable(database_url: str) -> None:
    """Better to lose the lease than to hang while others already do the work."""
    with (
        lease_connection(database_url, timeout=timedelta(milliseconds=50)) as connection,
        lease_connection(database_url, timeout=timedelta(seconds=30)) as other,
        other._connection.transaction(),
    ):
        other._connection.execute("LOCK TABLE openfaith.executor")
        with pytest.raises(DatabaseUnavailableError, match="statement timeout"):
            beat(connection, process())


def test_a_connection_that_is_lost_is_unavailable(leases: LeaseConnection, database_url: str) -> None:
    ask(database_url, f"SELECT pg_terminate_backend({leases._connection.info.backend_pid})")
    with pytest.raises(DatabaseUnavailableError):
        beat(leases, process())


def test_a_server_that_is_not_there_is_unavailable(tmp_path: object) -> None:
    with (
        pytest.raises(DatabaseUnavailableError),
        lease_connection(f"postgresql:///x?host={tmp_path}", timeout=MINUTE),
    ):
        pass


def test_options_of_the_url_stay(database_url: str) -> None:
    url = f"{database_url}&options=-c%20search_path%3Delsewhere"
    with lease_connection(url, timeout=MINUTE) as connection:
        shown = connection._connection.execute("SHOW search_path").fetchone()
    assert shown == ("elsewhere",)
