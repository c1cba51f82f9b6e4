"""Commands that are stopped, killed and watched."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.store.embedded.cluster import find_cluster
from support.terminal import Command, Terminal

FREELY = 12
"""Requests that are answered at once, before the source makes everybody wait."""


@pytest.fixture
def church() -> Iterator[RunningSimulator]:
    """A church whose API stops answering after a while."""
    options = SimulatorOptions(
        people=250, products=("people",), rate_limit=10**6, faults=f"slow=60s@{FREELY + 2}"
    )
    with RunningSimulator(options) as running:
        yield running


@pytest.fixture
def grace(opened_url: str, tmp_path: Path, church: RunningSimulator) -> Terminal:
    terminal = Terminal(tmp_path, database_url=opened_url)
    terminal.connect("grace", church.base_url)
    return terminal


def heal(church: RunningSimulator) -> None:
    church.control("faults", {"faults": ""})


def stuck(command: Command) -> None:
    """Returns when several entities are done, and the rest waits for the source."""
    for _ in range(4):
        command.read_until(" completed: ")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_sync_says_how_to_go_on_and_the_same_command_does(
    grace: Terminal, church: RunningSimulator, number: signal.Signals, code: int
) -> None:
    with grace.start("sync", "grace", "--product", "people") as command:
        stuck(command)
        command.send(number)
        assert command.end() == code
    assert (
        "Everything committed is kept; `openfaith sync grace --product people` goes on from there."
        in command.text
    )
    assert "Traceback" not in command.text
    [run] = grace.json("runs", "list")["runs"]
    assert (run["status"], run["interrupted"]) == ("running", True)
    assert "was interrupted" in grace.succeed("status")
    heal(church)
    text = grace.succeed("sync", "grace", "--product", "people")
    assert "Continuing run 1" in text
    assert "had ended before" in text
    assert "Run 1 of grace completed" in text


def test_a_killed_sync_goes_on_without_fetching_again(grace: Terminal, church: RunningSimulator) -> None:
    with grace.start("sync", "grace", "--product", "people") as command:
        stuck(command)
        command.send(signal.SIGKILL)
        assert command.end() == -signal.SIGKILL
    heal(church)
    done = {e["name"] for e in grace.json("runs", "show", "1")["entities"] if e["status"] == "completed"}
    church.control("requests", method="DELETE")
    assert grace.json("sync", "grace", "--product", "people")["status"] == "completed"
    asked = {request["path"] for request in church.control("requests")["requests"]}
    assert done
    assert "people.Campus" not in done or not any(path.endswith("/campuses") for path in asked)


def test_with_json_a_stopped_sync_prints_an_object(grace: Terminal) -> None:
    with grace.start("sync", "grace", "--product", "people", "--json") as command:
        stuck(command)
        command.send(signal.SIGINT)
        assert command.end() == 130
    assert '"kind": "Interrupted"' in command.text


def test_a_worker_does_the_work_and_others_follow_it(grace: Terminal, church: RunningSimulator) -> None:
    heal(church)
    with grace.start("up") as worker:
        worker.read_until("The worker is ready")
        assert "Database: " in worker.text
        assert "Organizations: grace." in worker.text
        requested = grace.json("sync", "grace", "--product", "people", "--detach")
        assert grace.json("runs", "watch", requested["run_id"])["status"] == "completed"
        assert "does the work; following it here" in grace.succeed("sync", "grace", "--entity", "Campus")
        assert any("worker on" in c["seen"] for c in grace.json("doctor")["checks"])
        worker.send(signal.SIGINT)
        assert worker.end() == 0
    assert "run 1 of grace: completed" in worker.text


def test_a_sync_takes_over_from_a_worker_that_dies(grace: Terminal, church: RunningSimulator) -> None:
    with grace.start("up") as worker:
        worker.read_until("The worker is ready")
        with grace.start("sync", "grace", "--product", "people") as follower:
            follower.read_until("does the work")
            stuck(follower)
            worker.send(signal.SIGKILL)
            follower.read_until("The worker is gone; going on here.")
            heal(church)
            assert follower.end() == 0
    assert "Run 1 of grace completed" in follower.text


@contextmanager
def standing_still(postmaster: int) -> Iterator[None]:
    """The server and its processes neither answer nor end, as over a network that swallows everything."""
    os.kill(postmaster, signal.SIGSTOP)  # first, so that it makes no more of them
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    processes = [postmaster, *map(int, children)]
    for process in processes[1:]:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_a_worker_whose_database_does_not_answer_ends_all_the_same(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    with terminal.start("up") as worker:
        worker.read_until("The worker is ready")
        cluster = find_cluster(tmp_path)
        assert cluster is not None
        assert cluster.postmaster_pid is not None
        with standing_still(cluster.postmaster_pid):
            worker.send(signal.SIGTERM)
            assert worker.end() == 143
    assert "it takes too long to end" in worker.text
    terminal.succeed("database", "stop")


def test_a_running_run_is_cancelled_from_elsewhere(grace: Terminal, church: RunningSimulator) -> None:
    church.control("faults", {"faults": f"slow=2s@{FREELY}"})
    with grace.start("sync", "grace", "--product", "people") as command:
        stuck(command)
        assert "pages in flight" in grace.succeed("runs", "cancel", "1")
        heal(church)
        assert command.end() == 1
    assert "Run 1 of grace cancelled" in command.text
    assert grace.json("runs", "retry", "1")["status"] == "completed"


def test_the_simulator_ends_with_ctrl_c(grace: Terminal) -> None:
    with grace.start("simulate", "--people", "5", "--port", "0", "--json") as simulator:
        simulator.read_until('"base_url": "http://127.0.0.1:')
        simulator.send(signal.SIGINT)
        assert simulator.end() == 0
