"""Locked files tell at once which processes of this machine are gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openfaith.errors import ConfigurationError
from openfaith.workflows import ProcessLocks, new_executor

HOLDER = """
import sys
from pathlib import Path
from openfaith.workflows.leases import ProcessLocks
locks = ProcessLocks(Path(sys.argv[1]))
locks.hold(sys.argv[2])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "home" / "executors"


def test_a_process_that_holds_its_lock_is_not_gone(directory: Path) -> None:
    mine, others = ProcessLocks(directory), ProcessLocks(directory)
    mine.hold("host:1:a")
    assert others.gone(["host:1:a"]) == []
    mine.release("host:1:a")


def test_a_process_that_was_killed_is_gone_for_whoever_looks_until_it_is_forgotten(directory: Path) -> None:
    """Who looked first may be killed before it could do anything about it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory), "host:2:b"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        locks = ProcessLocks(directory)
        assert locks.gone(["host:2:b"]) == []
        process.kill()
    assert locks.gone(["host:2:b", "elsewhere:3:c"]) == ["host:2:b"]
    assert ProcessLocks(directory).gone(["host:2:b"]) == ["host:2:b"]
    locks.forget(["host:2:b", "elsewhere:3:c"])
    assert locks.gone(["host:2:b"]) == []
    assert list(directory.iterdir()) == []


def test_of_a_process_without_a_file_nothing_is_known(directory: Path) -> None:
    """It may live on another machine."""
    assert ProcessLocks(directory).gone(["elsewhere:3:c"]) == []


def test_a_lock_that_is_given_back_leaves_no_file(directory: Path) -> None:
    locks = ProcessLocks(directory)
    locks.hold("host:1:a")
    locks.release("host:1:a")
    locks.release("host:1:a")
    assert list(directory.iterdir()) == []


def test_nobody_gives_back_what_another_holds(directory: Path) -> None:
    mine, others = ProcessLocks(directory), ProcessLocks(directory)
    mine.hold("host:1:a")
    with pytest.raises(ConfigurationError, match="no lock can be held there"):
        others.hold("host:1:a")
    others.release("host:1:a")
    assert ProcessLocks(directory).gone(["host:1:a"]) == []
    mine.release("host:1:a")


def test_files_stay_inside_their_directory(directory: Path) -> None:
    locks = ProcessLocks(directory)
    locks.hold("../../host:1:a")
    assert [path.parent for path in directory.iterdir()] == [directory]
    assert oct(directory.stat().st_mode & 0o777) == "0o700"
    locks.release("../../host:1:a")


def test_a_home_where_nothing_can_be_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        ProcessLocks(tmp_path / "file" / "executors").hold("host:1:a")
    assert caught.value.name == str(tmp_path / "file" / "executors")


def test_every_start_of_a_process_has_an_id_of_its_own() -> None:
    ids = {new_executor("worker").executor_id for _ in range(100)}
    assert len(ids) == 100
    assert {new_executor(role).role for role in ("worker", "command")} == {"worker", "command"}


def test_what_processes_that_are_gone_left_is_removed_once_their_leases_have_ended(directory: Path) -> None:
    mine, others = ProcessLocks(directory), ProcessLocks(directory)
    mine.hold("host:1:a")
    for name in ("host_2_b.lock", "host_3_c.lock"):
        (directory / name).touch()
    found = others.abandoned()
    others.tidy(found, alive={"host:1:a", "host:2:b"})
    assert {path.name for path in directory.iterdir()} == {"host_1_a.lock", "host_2_b.lock"}
    mine.release("host:1:a")
