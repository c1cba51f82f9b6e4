"""A church, synced from the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from openfaith.simulator import RunningSimulator
from support.terminal import Terminal

MEMBERS_OF_A_SYNC = {
    "name",
    "status",
    "reason",
    "pages",
    "requests",
    "inserted",
    "updated",
    "unchanged",
    "deleted",
    "suspects",
    "dead_letters",
    "seconds",
}


@pytest.fixture(scope="module")
def first(grace: Terminal) -> Any:
    """The document of the first sync of all that the church uses."""
    return grace.json("sync", "grace", "--product", "people")


def truth(church: RunningSimulator) -> dict[str, int]:
    counted: dict[str, int] = church.control("truth")["entities"]
    return counted


def test_a_sync_has_the_promised_shape(first: Any) -> None:
    assert first["status"] == "completed"
    assert isinstance(first["run_id"], str)
    assert all(entity.keys() >= MEMBERS_OF_A_SYNC for entity in first["entities"])


def test_a_sync_stores_what_the_source_has(first: Any, church: RunningSimulator) -> None:
    expected = truth(church)
    assert {e["name"]: e["rows"] for e in first["entities"]} == {
        e["name"]: expected[e["name"]] for e in first["entities"]
    }


def test_the_tables_can_be_reached_by_the_url_that_is_printed(
    first: Any, grace: Terminal, church: RunningSimulator
) -> None:
    with psycopg.connect(grace.succeed("database", "url").strip()) as connection:
        row = connection.execute("SELECT count(*) FROM pco.people_person WHERE org_id = 'grace'").fetchone()
    assert row == (truth(church)["people.Person"],)


def test_a_second_sync_says_that_nothing_had_changed(first: Any, grace: Terminal) -> None:
    text = grace.succeed("sync", "grace", "--entity", "Email", "--entity", "people_person")
    assert "people.Person completed: 250 rows, 3 pages, 3 requests, " in text
    assert "Nothing had changed" in text


def test_people_read_a_line_for_every_entity_and_a_table(first: Any, grace: Terminal) -> None:
    lines = grace.succeed("sync", "grace", "--entity", "Campus").splitlines()
    assert lines[0].startswith("Started run ")
    assert lines[1].startswith("people.Campus completed: ")
    assert lines[2].split() == [
        "entity",
        "status",
        "rows",
        "inserted",
        "updated",
        "unchanged",
        "dead",
        "letters",
        "pages",
        "requests",
        "seconds",
        "rows/s",
    ]  # as it is printed


def test_python_runs_it_as_a_module(first: Any, grace: Terminal) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "openfaith", "--version"], capture_output=True, text=True, check=True
    )
    assert ended.stdout == grace.succeed("--version")


def test_status_says_how_fresh_everything_is(first: Any, grace: Terminal) -> None:
    [grace_status] = grace.json("status", "grace")["organizations"]
    person = next(e for e in grace_status["entities"] if e["name"] == "people.Person")
    assert person["rows"] == 250
    assert person["never_synced"] is False
    assert 0 <= person["behind_seconds"] < 600
    told = grace.succeed("status", "grace").splitlines()
    assert not any("people." in line for line in told if "NEVER SYNCED" in line)


def test_what_was_never_synced_is_said_so(grace: Terminal, church: RunningSimulator) -> None:
    grace.connect("new", church.base_url)
    [new] = grace.json("status", "new")["organizations"]
    assert all(e["never_synced"] and e["status"] == "never" for e in new["entities"])
    assert "NEVER SYNCED: every entity" in grace.succeed("status", "new")


def test_runs_are_listed_and_shown(first: Any, grace: Terminal) -> None:
    listed = grace.json("runs", "list", "grace")["runs"]
    assert first["run_id"] in {run["run_id"] for run in listed}
    shown = grace.json("runs", "show", first["run_id"])
    assert shown["entities"] == first["entities"]
    assert {"RunStarted", "RunFinished"} <= {event["name"] for event in shown["events"]}
    assert "run completed" in grace.succeed("runs", "show", first["run_id"])


def test_a_run_keeps_the_strategy_it_was_requested_with_and_shows_it(grace: Terminal) -> None:
    grace.succeed("sync", "grace", "--entity", "Campus", "--strategy", "sequential", "--detach")
    text = grace.succeed("sync", "grace", "--entity", "Campus")
    assert "Its strategy stays sequential, as it was first asked for" in text
    run_id = grace.json("runs", "list", "grace", "--limit", "1")["runs"][0]["run_id"]
    assert grace.json("runs", "show", run_id)["strategy"] == "sequential"
    assert "its strategy is sequential" in grace.succeed("runs", "show", run_id)


def test_watching_a_run_that_is_over_shows_its_end(first: Any, grace: Terminal) -> None:
    assert grace.json("runs", "watch", first["run_id"]) == first


def test_a_run_that_is_over_can_be_neither_cancelled_nor_retried(first: Any, grace: Terminal) -> None:
    for verb in ("cancel", "retry"):
        assert grace.json("runs", verb, first["run_id"], exit_code=2)["error"]["kind"] == "RunConflictError"


def test_migrating_again_changes_nothing(first: Any, grace: Terminal) -> None:
    assert grace.json("migrate")["applied"] == []


def test_what_is_read_without_its_parent_says_so_where_it_is_asked_for(first: Any, grace: Terminal) -> None:
    """Nobody has synced groups here: below none of them there is anything, and nothing fails."""
    ended = grace.run("sync", "grace", "--entity", "groups.Membership")
    note = "groups.Membership depends on groups.Group"
    assert ended.returncode == 0
    assert ended.stderr.startswith(note)
    assert note not in ended.stdout
    document = grace.json("sync", "grace", "--entity", "groups.Membership")
    assert [text.startswith(note) for text in document["notes"]] == [True]
    assert grace.json("runs", "show", document["run_id"])["notes"] == document["notes"]
    assert first["notes"] == []


@pytest.mark.parametrize(
    "command", [("entities", "--json"), ("status",), ("status", "--json"), ("--version",)]
)
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_output_that_cannot_be_written_is_one_error(
    grace: Terminal, command: tuple[str, ...], variables: dict[str, str]
) -> None:
    """`openfaith status > /dev/full`."""
    ended = grace.run_into(Path("/dev/full"), *command, variables=variables)
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: standard output cannot be written (No space left on device)\n",
    )


def test_a_reader_that_goes_away_stops_a_sync_without_a_word_and_without_a_loss(
    first: Any, grace: Terminal
) -> None:
    """`openfaith sync grace | head -1`."""
    ended = grace.read_first_line("sync", "grace", "--product", "people")
    assert ended.stdout.startswith("Started run ")
    # Of others that are gone it may have to tell, which it learns in its own time.
    own = [line for line in ended.stderr.splitlines() if "WorkTakenOver" not in line]
    assert (ended.returncode, own) == (141, [])
    assert "Continuing run " in grace.succeed("sync", "grace", "--product", "people")


def test_a_request_without_a_worker_waits_and_says_so(first: Any, grace: Terminal) -> None:
    text = grace.succeed("sync", "grace", "--entity", "Tab", "--detach")
    assert "No worker is alive" in text
    [run] = [r for r in grace.json("runs", "list", "grace")["runs"] if r["status"] == "queued"]
    cancelled = grace.json("runs", "cancel", run["run_id"])
    assert cancelled["status"] == "cancelled"
    assert grace.json("runs", "retry", run["run_id"])["status"] == "completed"


def test_bad_records_are_set_aside_and_the_run_says_so(
    first: Any, grace: Terminal, church: RunningSimulator
) -> None:
    church.control("faults", {"faults": "missing_id=Email:1"})
    try:
        text = grace.succeed("sync", "grace", "--entity", "Email")
    finally:
        church.control("faults", {"faults": ""})
    assert "1 record could not be stored and became a dead letter" in text


def test_a_run_that_fails_in_part_exits_with_1_and_its_reasons(
    first: Any, grace: Terminal, church: RunningSimulator
) -> None:
    church.control("faults", {"faults": "missing_id=Person:200"})
    try:
        ended = grace.run(
            "sync", "grace", "--entity", "Campus", "--entity", "Person", "--entity", "Email", "--json"
        )
    finally:
        church.control("faults", {"faults": ""})
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["status"]) == (1, "partial")
    assert {e["name"]: e["status"] for e in document["entities"]} == {
        "people.Campus": "completed",
        "people.Person": "failed",
        "people.Email": "skipped",
    }
    assert all(e["reason"] for e in document["entities"] if e["status"] != "completed")


def test_what_failed_of_a_run_is_a_dead_letter_until_it_is_made_up_for(
    first: Any, grace: Terminal, church: RunningSimulator
) -> None:
    church.control("faults", {"faults": "error=404@1-/Tab"})
    try:
        ended = grace.run("sync", "grace", "--entity", "Tab", "--json")
    finally:
        church.control("faults", {"faults": ""})
    number = json.loads(ended.stdout)["run_id"]
    [kept] = [run for run in grace.json("dead-letters", "list", "grace")["runs"] if run["run_id"] == number]
    assert (ended.returncode, kept["name"], kept["kind"], kept["times"]) == (1, "people.Tab", "full", 1)
    told = grace.succeed("dead-letters", "list", "grace", "--entity", "Tab")
    assert "The full of people.Tab failed " in told
    assert f" in run {number}: GET /people/v2/tabs" in told
    assert f"`openfaith dead-letters retry grace --run {number}`" in told
    assert grace.json("dead-letters", "retry", "grace", "--run", number)["status"] == "completed"
    assert grace.json("dead-letters", "list", "grace", "--entity", "Tab")["runs"] == []
    again = grace.run("dead-letters", "retry", "grace", "--run", number)
    assert (again.returncode, "failed run" in again.stderr) == (2, True)
