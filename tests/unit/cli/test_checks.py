"""What the doctor looks at on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from openfaith.cli.checks import Check, check_database, check_disk, check_home, check_key_file
from openfaith.cli.commands.doctor import line
from openfaith.settings import Settings
from openfaith.store import DatabaseFacts


def facts(*, is_too_old: bool = False, is_new: bool = False, due: tuple[str, ...] = ()) -> DatabaseFacts:
    return DatabaseFacts(name="host:5432/db", version="18.6", is_too_old=is_too_old, is_new=is_new, due=due)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made


def test_a_private_home_is_fine(home: Path) -> None:
    assert check_home(home).ok


def test_a_home_that_does_not_exist_yet_is_fine(tmp_path: Path) -> None:
    check = check_home(tmp_path / "a" / "b")
    assert check.ok
    assert not (tmp_path / "a").exists()


def test_a_home_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not check_home(tmp_path / "file" / "home").ok


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not check_home(tmp_path / "file").ok


def test_a_home_that_others_can_read_is_a_problem(home: Path) -> None:
    home.chmod(0o755)
    check = check_home(home)
    assert not check.ok
    assert check.remedy == f"chmod go-rw {home}"


def test_keys_that_others_can_read_are_a_problem(home: Path) -> None:
    keys = home / "secret.keys"
    keys.touch(mode=0o644)
    keys.chmod(0o644)
    assert not check_key_file(Settings(home=home)).ok
    keys.chmod(0o600)
    assert check_key_file(Settings(home=home)).ok


def test_keys_from_the_environment_need_no_file(home: Path) -> None:
    assert check_key_file(Settings(home=home, secret_keys=SecretStr("k1:x"))).ok


def test_free_space_is_told_in_gibibytes(home: Path) -> None:
    assert "GiB free" in check_disk(home).seen


def test_a_database_that_is_up_to_date_is_fine() -> None:
    assert all(check.ok for check in check_database(facts()))


def test_a_new_database_is_fine() -> None:
    assert all(check.ok for check in check_database(facts(is_new=True, due=("control_tables",))))


def test_due_migrations_are_a_problem_with_a_command() -> None:
    [problem] = [check for check in check_database(facts(due=("more_tables",))) if not check.ok]
    assert problem.remedy == "openfaith migrate"
    assert "more_tables" in problem.seen


def test_an_old_server_is_a_problem() -> None:
    assert not next(check_database(facts(is_too_old=True))).ok


def test_a_problem_goes_on_with_what_to_do() -> None:
    check = Check(name="tables", ok=False, seen="1 migration due", remedy="openfaith migrate")
    assert line(check) == "PROBLEM  tables: 1 migration due. Do this: openfaith migrate"


def test_what_is_well_has_no_remedy() -> None:
    assert line(Check(name="disk", ok=True, seen="9 GiB", remedy="free some")) == "ok       disk: 9 GiB"
