"""The embedded server is there from its first user to its last."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from openfaith.errors import DatabaseRefusedError
from openfaith.store.embedded import EmbeddedServer, is_running, stop
from support.embedded import (
    altered,
    cluster_of,
    keep_something,
    read_value,
    server_processes,
    what_was_kept,
)
from support.processes import running

_STARTED_AT = "SELECT pg_postmaster_start_time()::text"


def test_a_home_that_does_not_exist_is_made_and_served(new_home: Path) -> None:
    home = new_home / "new" / "home"
    with EmbeddedServer.start(home) as server:
        assert read_value(server.url, "SELECT current_database()") == "openfaith"
    assert not is_running(home)


def test_a_second_user_attaches_and_the_last_one_stops_the_server(home: Path) -> None:
    first = EmbeddedServer.start(home)
    second = EmbeddedServer.start(home)
    assert read_value(first.url, _STARTED_AT) == read_value(second.url, _STARTED_AT)
    first.release()
    first.release()
    assert read_value(second.url, "SELECT 1") == 1
    second.release()
    assert not is_running(home)
    assert server_processes(home) == frozenset()


def test_rows_and_password_outlive_the_server(home: Path) -> None:
    with EmbeddedServer.start(home) as server:
        url = server.url
        kept = keep_something(url)
    with EmbeddedServer.start(home) as server:
        assert server.url == url
        assert what_was_kept(url) == kept


def test_a_lingering_server_outlives_its_users_until_it_is_stopped(home: Path) -> None:
    with EmbeddedServer.start(home), EmbeddedServer.start(home, linger=True) as server:
        url = server.url
        assert not stop(home), "it is in use"
    assert read_value(url, "SELECT 1") == 1
    assert stop(home)
    assert not is_running(home)
    assert not stop(home), "it is not running"


def test_a_wish_to_linger_ends_with_the_server(home: Path) -> None:
    EmbeddedServer.start(home, linger=True).release()
    stop(home)
    EmbeddedServer.start(home).release()
    assert not is_running(home)


def test_stopping_where_nothing_was_ever_started_makes_nothing(home: Path) -> None:
    assert not stop(home / "absent")
    assert not (home / "absent").exists()


def test_two_processes_at_once_share_one_server(home: Path) -> None:
    code = "with EmbeddedServer.start(home) as s, psycopg.connect(s.url) as c:\n"
    code += f" print(c.execute({_STARTED_AT!r}).fetchone()[0], flush=True); wait()"
    with running(code, home) as one, running(code, home) as other:
        one.proceed()
        other.proceed()
        assert one.read() == other.read()
        for child in (one, other):
            child.proceed()
        assert (one.join(), other.join()) == (0, 0)
    assert not is_running(home)


def test_a_dropped_database_is_made_anew(home: Path) -> None:
    with EmbeddedServer.start(home) as server:
        with psycopg.connect(server.url.replace("/openfaith?", "/postgres?"), autocommit=True) as connection:
            connection.execute("DROP DATABASE openfaith")
        with EmbeddedServer.start(home) as again:
            assert read_value(again.url, "SELECT current_database()") == "openfaith"


def test_the_server_is_durable_private_and_small(home: Path) -> None:
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "jit": "off",
        "max_connections": "100",
        "shared_buffers": "128MB",
    }
    with EmbeddedServer.start(home) as server:
        assert {name: read_value(server.url, f"SHOW {name}") for name in expected} == expected


def test_text_sorts_by_code_point(run_url: str) -> None:
    assert (
        read_value(run_url, "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,B,a,ä}'::text[]) x")
        == "Babä"
    )


def test_nobody_connects_without_the_password(run_url: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(run_url, password="guessed")


def test_the_url_means_the_same_to_sqlalchemy(run_url: str) -> None:
    url = make_url(run_url.replace("postgresql://", "postgresql+psycopg://"))
    arguments, options = url.get_dialect()().create_connect_args(url)
    with psycopg.connect(*arguments, **options) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("openfaith",)


def test_a_failed_statement_leaves_no_trace_in_the_log(home: Path) -> None:
    with EmbeddedServer.start(home) as server:
        with pytest.raises(psycopg.DataError):
            read_value(server.url, "SELECT 'ada@example.org'::integer")
        assert "example.org" not in cluster_of(home).log.read_text()


def test_a_long_log_is_cut_to_its_end(home: Path) -> None:
    with EmbeddedServer.start(home):
        log = cluster_of(home).log
        log.write_text("an old line\n" * 500_000 + "the newest line\n")
        with EmbeddedServer.start(home):
            assert log.stat().st_size <= 1024 * 1024
            assert log.read_text().endswith("the newest line\n")


def test_only_the_owner_gets_at_the_files_and_the_socket(home: Path) -> None:
    with EmbeddedServer.start(home):
        cluster = cluster_of(home)
        paths = [
            cluster.data,
            cluster.sockets,
            cluster.password_file,
            cluster.log,
            cluster.control_lock,
            cluster.users_lock,
        ]
        assert {path.name: oct(stat.S_IMODE(path.stat().st_mode) & 0o077) for path in paths} == {
            p.name: "0o0" for p in paths
        }


def test_a_ctrl_c_in_the_terminal_does_not_reach_the_server(home: Path) -> None:
    with EmbeddedServer.start(home):
        assert {os.getsid(pid) for pid in server_processes(home)}.isdisjoint({os.getsid(0)})


def test_every_process_of_the_server_holds_its_lock(home: Path) -> None:
    with EmbeddedServer.start(home, linger=True):
        assert is_running(home)
    assert is_running(home)
    stop(home)
    assert not is_running(home)


def test_a_wrong_password_is_told_and_the_server_is_not_left_running(home: Path) -> None:
    with altered(cluster_of(home).password_file, "guessed"):
        with pytest.raises(DatabaseRefusedError, match="password authentication failed"):
            EmbeddedServer.start(home)
        assert not is_running(home)


def test_a_lost_password_is_told_before_anything_is_started(home: Path) -> None:
    with (
        altered(cluster_of(home).password_file, None),
        pytest.raises(DatabaseRefusedError, match="password is missing"),
    ):
        EmbeddedServer.start(home)


def test_a_server_that_does_not_start_is_quoted(home: Path) -> None:
    settings = cluster_of(home).data / "postgresql.conf"
    with (
        altered(settings, "no_such_setting = on\n"),
        pytest.raises(DatabaseRefusedError, match="no_such_setting"),
    ):
        EmbeddedServer.start(home)
