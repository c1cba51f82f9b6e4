"""A dry run, at the terminal: what it says, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openfaith.cli.main import run
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.mirror import ask
from support.simulated import NO_WAITING, following

SHELL = ("sync", "grace", "--entity", "Person", "--entity", "Email")


@pytest.fixture(scope="module")
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(
        SimulatorOptions(people=80, rate_limit=NO_WAITING, products=("people",))
    ) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def connected(shared_url: str, shared_home: Path, church: RunningSimulator) -> None:
    async def connect() -> None:
        async with following(church, shared_url, shared_home, "grace", ["Person"]):
            pass

    asyncio.run(connect())


@pytest.fixture
def openfaith(
    shared_url: str,
    shared_home: Path,
    connected: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """The command line, in this process; it returns what was printed."""
    monkeypatch.setenv("OPENFAITH_DATABASE_URL", shared_url)
    monkeypatch.setenv("OPENFAITH_HOME", str(shared_home))

    def call(*arguments: str, code: int = 0) -> str:
        assert run(arguments) == code
        return capsys.readouterr().out

    return call


def test_people_read_what_a_sync_would_do(openfaith: Any, shared_url: str) -> None:
    told = openfaith(*SHELL, "--dry-run")
    assert told.startswith("Started run ")
    assert ", a dry run of a full sync of grace." in told.splitlines()[0]
    assert "Dry run: nothing was written." in told.splitlines()
    assert "would insert" in told
    assert "A sync would insert " in told
    assert "runs retry" not in told
    assert ask(shared_url, "SELECT count(*) FROM pco.people_person") == [(0,)]


def test_machines_read_what_a_sync_would_do(openfaith: Any) -> None:
    document = json.loads(openfaith(*SHELL, "--dry-run", "--json"))
    assert document["dry_run"] is True
    person = next(e for e in document["entities"] if e["name"] == "people.Person")
    assert (person["inserted"], person["updated"], person["deleted"], person["held"]) == (80, 0, 0, 0)
    shown = json.loads(openfaith("runs", "show", document["run_id"], "--json"))
    assert shown["dry_run"] is True
    assert "a dry run of a full sync" in openfaith("runs", "show", document["run_id"])
    listed = json.loads(openfaith("runs", "list", "grace", "--json"))["runs"]
    assert [r["dry_run"] for r in listed if r["run_id"] == document["run_id"]] == [True]
    assert "full, dry run" in openfaith("runs", "list")


def test_a_reconciliation_says_what_would_wait_for_a_person(openfaith: Any, church: RunningSimulator) -> None:
    assert json.loads(openfaith(*SHELL, "--json"))["dry_run"] is False
    church.control("change", {"action": "delete", "entity": "Email", "count": 70})
    told = openfaith(*SHELL, "--type", "reconciliation", "--dry-run")
    assert "70 suspects would wait for a person" in told
    assert "for a person" in told
    assert "There are no suspects" in openfaith("suspects", "list", "grace")


def test_nothing_to_do_is_said_so(openfaith: Any) -> None:
    told = openfaith("sync", "grace", "--entity", "Campus", "--type", "delta", "--dry-run")
    openfaith("sync", "grace", "--entity", "Campus")
    told = openfaith("sync", "grace", "--entity", "Campus", "--type", "delta", "--dry-run")
    assert "A sync would write no row." in told
