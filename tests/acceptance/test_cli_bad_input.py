"""Bad input to every command: one line that names the thing and the next move, a code, and nothing half-done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openfaith.simulator import RunningSimulator
from support.terminal import Terminal

EVERY_COMMAND = [
    ("up",),
    ("sync", "grace"),
    ("status",),
    ("runs", "list"),
    ("suspects", "list", "grace"),
    ("runs", "show", "1"),
    ("runs", "watch", "1"),
    ("runs", "cancel", "1"),
    ("runs", "retry", "1"),
    ("migrate",),
    ("database", "url"),
]
CONNECT = ("connect", "pco", "--org", "acme", "--app-id", "simulator", "--secret-stdin")
UNREACHABLE = "http://127.0.0.1:9"


def refusal(terminal: Terminal, *arguments: str, stdin: str = "", **variables: str) -> str:
    """The one line that a command is refused with."""
    ended = terminal.run(*arguments, stdin=stdin, variables=variables)
    assert ended.returncode == 2, (ended.stdout, ended.stderr)
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_a_wrong_setting_is_named_by_every_command(terminal: Terminal, command: tuple[str, ...]) -> None:
    """Before anything is started, and without its value."""
    text = refusal(terminal, *command, OPENFAITH_LEASE_SECONDS="s3cret")
    assert "OPENFAITH_LEASE_SECONDS" in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENFAITH_DATABASE_URL", "mysql://user:s3cret@host/db"),
        ("OPENFAITH_SECRET_KEYS", "s3cret"),
        ("OPENFAITH_LOG_LEVEL", "loud"),
        ("OPENFAITH_LOG_FORMAT", "xml"),
        ("OPENFAITH_ENTITIES_IN_FLIGHT", "0"),
        ("OPENFAITH_WORKER_CONCURRENCY", "many"),
    ],
)
def test_each_setting_is_named(terminal: Terminal, variable: str, value: str) -> None:
    text = refusal(terminal, "status", **{variable: value})
    assert variable in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://user:s3cret@127.0.0.1:9/db", "cannot be reached"),
        ("postgresql://user:s3cret@no.such.host.invalid/db", "cannot be reached"),
    ],
)
def test_an_unreachable_database_is_named_without_its_password(
    terminal: Terminal, url: str, said: str
) -> None:
    text = refusal(terminal, "sync", "grace", OPENFAITH_DATABASE_URL=url)
    assert said in text
    assert "s3cret" not in text


def test_a_home_that_cannot_be_written_is_named(terminal: Terminal, nowhere: Path) -> None:
    assert str(nowhere) in refusal(terminal, "status", OPENFAITH_HOME=str(nowhere))


def test_an_unknown_organization_names_a_near_one(grace: Terminal) -> None:
    assert "did you mean grace?" in refusal(grace, "sync", "grase")
    assert "connect it with" in refusal(grace, "status", "elsewhere")
    assert "connect it with" in refusal(grace, "runs", "list", "elsewhere")


def test_an_unknown_entity_names_near_ones(grace: Terminal) -> None:
    assert "did you mean people.Person" in refusal(grace, "sync", "grace", "--entity", "Persn")


def test_an_entity_that_cannot_be_read_says_why(grace: Terminal) -> None:
    text = refusal(grace, "sync", "grace", "--entity", "OrganizationStatistics")
    assert "no list" in text


def test_refused_requests_leave_no_run_behind(grace: Terminal) -> None:
    grace.run("sync", "grace", "--entity", "Persn")
    assert grace.json("runs", "list", "grace") == {"runs": []}


@pytest.mark.parametrize("verb", ["show", "watch", "cancel", "retry"])
def test_an_unknown_run_says_where_to_look(terminal: Terminal, verb: str) -> None:
    assert "openfaith runs list" in refusal(terminal, "runs", verb, "4711")


@pytest.mark.parametrize("org", ["Grace", "grace church", "", "-", "x" * 64, "grâce"])
def test_an_organization_needs_a_plain_name(terminal: Terminal, church: RunningSimulator, org: str) -> None:
    command = ("connect", "pco", f"--org={org}", "--app-id", "simulator", "--secret-stdin")
    text = refusal(terminal, *command, "--base-url", church.base_url, stdin="secret")
    assert "a-z 0-9" in text


def test_a_rejected_token_is_not_kept(terminal: Terminal, church: RunningSimulator) -> None:
    text = refusal(terminal, *CONNECT, "--base-url", church.base_url, stdin="wr0ng")
    assert "rejected the credentials" in text
    assert "wr0ng" not in text
    assert "acme" not in terminal.succeed("status")


def test_an_unreachable_source_is_not_kept(terminal: Terminal) -> None:
    assert "unavailable" in refusal(terminal, *CONNECT, "--base-url", UNREACHABLE, stdin="secret")
    assert "acme" not in terminal.succeed("status")


@pytest.mark.parametrize("url", ["ftp://host", "nonsense", "http://example.org", "https://u:s3cret@host"])
def test_a_base_url_must_be_safe_to_send_a_token_to(terminal: Terminal, url: str) -> None:
    text = refusal(terminal, *CONNECT, "--base-url", url, stdin="secret")
    assert "base_url" in text
    assert "s3cret" not in text


def test_an_unknown_adapter_names_those_there_are(terminal: Terminal) -> None:
    assert "there are: pco" in refusal(
        terminal, "connect", "pcoo", "--org", "acme", "--token-stdin", stdin="x"
    )


def test_no_secret_is_no_secret(terminal: Terminal) -> None:
    assert "nothing was on it" in refusal(terminal, *CONNECT, stdin="")


def test_nobody_is_asked_where_nobody_is(terminal: Terminal) -> None:
    assert "--secret-stdin" in refusal(terminal, "connect", "pco", "--org", "acme")


def test_a_server_of_somebody_elses_is_not_started_or_stopped(terminal: Terminal) -> None:
    for verb in ("start", "stop"):
        assert "OPENFAITH_DATABASE_URL" in refusal(terminal, "database", verb)


def test_an_address_in_use_is_named(terminal: Terminal, church: RunningSimulator) -> None:
    port = church.base_url.rpartition(":")[2]
    assert port in refusal(terminal, "simulate", "--people", "1", "--port", port)


def test_with_json_a_refusal_is_an_object_too(grace: Terminal) -> None:
    ended = grace.run("sync", "grase", "--json")
    assert ended.returncode == 2
    error = json.loads(ended.stdout)["error"]
    assert error["kind"] == "UnknownNameError"
    assert ended.stderr == f"error: {error['message']}\n"
