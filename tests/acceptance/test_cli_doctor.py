"""What the doctor finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.terminal import Terminal


@pytest.fixture
def bare(empty_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A command line with a database that openfaith has never seen."""
    return Terminal(tmp_path_factory.mktemp("home"), database_url=empty_database_url)


def problems(document: Any) -> list[str]:
    assert document["ok"] is not any(not check["ok"] for check in document["checks"])
    return [
        f"{check['name']}: {check['seen']} {check['remedy']}"
        for check in document["checks"]
        if not check["ok"]
    ]


def test_a_machine_before_its_first_command_is_well(bare: Terminal) -> None:
    """And the doctor does not change that."""
    for _ in range(2):
        document = bare.json("doctor")
        assert any(check["seen"].startswith("none yet") for check in document["checks"])


def test_everything_that_works_is_well(grace: Terminal) -> None:
    document = grace.json("doctor")
    assert problems(document) == []
    assert "organization grace" in {check["name"] for check in document["checks"]}
    assert "Everything is well." in grace.succeed("doctor")


def test_a_source_that_is_gone_is_a_problem(grace: Terminal) -> None:
    with RunningSimulator(SimulatorOptions(people=1)) as short_lived:
        grace.connect("gone", short_lived.base_url)
    [problem] = problems(grace.json("doctor", exit_code=1))
    assert problem.startswith("organization gone: ")
    assert "unavailable" in problem


def test_a_run_that_nobody_works_on_is_a_problem(
    opened_url: str, church: RunningSimulator, tmp_path: Path
) -> None:
    terminal = Terminal(tmp_path, database_url=opened_url)
    terminal.connect("grace", church.base_url)
    terminal.succeed("sync", "grace", "--detach")
    [problem] = problems(terminal.json("doctor", exit_code=1))
    assert "`openfaith sync grace` goes on with it" in problem


def test_other_keys_than_those_that_sealed_are_a_problem(grace: Terminal) -> None:
    ended = grace.run(
        "doctor", variables={"OPENFAITH_SECRET_KEYS": "k9:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
    )
    assert ended.returncode == 1
    assert "key 'k1' of organization grace is missing" in ended.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENFAITH_LEASE_SECONDS", "1"),
        ("OPENFAITH_DATABASE_URL", "postgresql://127.0.0.1:9/db"),
        ("OPENFAITH_DATABASE_URL", "mysql://host/db"),
    ],
)
def test_what_would_refuse_other_commands_is_a_problem(terminal: Terminal, variable: str, value: str) -> None:
    ended = terminal.run("doctor", variables={variable: value})
    assert ended.returncode == 1
    assert variable in ended.stdout
    assert ended.stderr == ""
