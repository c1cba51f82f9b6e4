"""The demo, with an embedded database, from nothing to a look at the tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.postgres import discard_home, make_home
from support.terminal import Terminal


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    made = make_home()
    yield made
    discard_home(made)


@pytest.fixture(scope="module")
def newcomer(home: Path) -> Terminal:
    """Somebody with no server, no account and no settings."""
    return Terminal(home)


@pytest.fixture(scope="module")
def shown(newcomer: Terminal) -> str:
    return newcomer.succeed("demo", "--people", "60")


def test_the_demo_syncs_a_church_and_says_how_to_look(shown: str) -> None:
    assert "people.Person completed: 60 rows" in shown
    assert "Run 1 of demo-60-1 completed" in shown
    assert "openfaith database stop" in shown
    assert "Planning Center allows 100 per 20 s" in shown
    assert re.search(r"All of this took \d", shown)


def test_the_demo_shows_people(shown: str) -> None:
    assert re.search(r"^id\s+name\s+campus\s+household\s+email", shown, re.MULTILINE)
    assert "Household" in shown


def test_the_printed_connection_still_works(shown: str) -> None:
    """The server outlives the command."""
    command = next(line for line in shown.splitlines() if "postgresql://" in line)
    with psycopg.connect(shlex.split(command)[1]) as connection:
        assert connection.execute("SELECT count(*) FROM pco.people_person").fetchone() == (60,)


def test_a_second_demo_changes_nothing_and_says_so(shown: str, newcomer: Terminal) -> None:
    assert "Nothing had changed" in newcomer.succeed("demo", "--people", "60")


def test_afterwards_nothing_is_wrong_or_left_to_do(shown: str, newcomer: Terminal) -> None:
    """Although the source is gone, and most of what could be synced was left out."""
    assert "Everything is well." in newcomer.succeed("doctor")
    told = newcomer.succeed("status", "demo-60-1")
    assert "NEVER SYNCED" not in told
    assert "The demo reads no more than that" in told


def test_a_real_church_of_that_name_keeps_its_token(database_url: str, home: Path) -> None:
    terminal = Terminal(home, database_url=database_url)
    terminal.succeed(
        *("connect", "pco", "--org", "demo-1-1", "--app-id", "a", "--secret-stdin", "--no-verify"),
        *("--base-url", "https://api.example.org"),
        stdin="secret",
    )
    ended = terminal.run("demo", "--people", "1")
    assert ended.returncode == 2
    assert "the demo would replace its token" in ended.stderr


def test_the_embedded_server_is_stopped_and_started(shown: str, newcomer: Terminal) -> None:
    assert newcomer.json("database", "stop") == {"stopped": True, "in_use": False}
    assert newcomer.json("database", "stop") == {"stopped": False, "in_use": False}
    assert newcomer.json("database", "start")["running"] is True
    url = newcomer.json("database", "url")["url"]
    with psycopg.connect(url):
        pass
    assert newcomer.json("database", "stop")["stopped"] is True


def test_a_server_that_is_in_use_is_not_stopped(shown: str, newcomer: Terminal) -> None:
    with newcomer.start("up") as worker:
        worker.read_until("The worker is ready")
        assert newcomer.json("database", "stop", exit_code=1) == {"stopped": False, "in_use": True}


def test_a_home_that_cannot_be_written_is_named(nowhere: Path) -> None:
    ended = Terminal(nowhere).run("demo", "--people", "1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: OPENFAITH_HOME: ")
