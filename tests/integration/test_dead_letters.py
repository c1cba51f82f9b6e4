"""Dead letters from the terminal and from Python, of an organization whose people could not all be stored."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from openfaith import Engine, Settings
from openfaith.cli.commands.suspects import who
from openfaith.cli.main import run
from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.store import DeadLetterStatus, RetryOutcome

PERSON = b'{"type": "Person", "id": "%d", "attributes": {"first_name": "Ann", "updated_at": "2026-01-02T00:00:00Z"}}'

SET_ASIDE = """
INSERT INTO openfaith.dead_letter (org_id, adapter, entity, record_key, fault, reason, body, requested_at, path, page_token,
    api_version, first_seen_at, last_seen_at)
SELECT %(org)s, 'pco', %(entity)s, %(key)s, %(fault)s, %(reason)s, %(body)s, '2026-01-03', '/people/v2/people', 'offset=100',
       '2025-11-10', now() - interval '2 hours', now() - interval '2 hours'
RETURNING dead_letter_id
"""

OLD, NUL = (
    "its type was not known to an older program",
    "it holds the character U+0000, which PostgreSQL cannot store",
)


@dataclass(frozen=True)
class Church:
    """An organization of the test's own, with two people that can be stored by now, and one that never can."""

    org: str
    url: str
    home: Path
    ids: tuple[int, ...]

    @property
    def settings(self) -> Settings:
        return Settings(database_url=SecretStr(self.url), home=self.home)

    def people(self) -> set[str]:
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT id FROM pco.people_person WHERE org_id = %s", [self.org])
            return {row[0] for row in found.fetchall()}


@pytest.fixture
def church(shared_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Church:
    monkeypatch.setenv("OPENFAITH_DATABASE_URL", shared_url)
    monkeypatch.setenv("OPENFAITH_HOME", str(tmp_path))
    org = f"org-{secrets.token_hex(6)}"
    asyncio.run(_connect(Settings(database_url=SecretStr(shared_url), home=tmp_path), org))
    with psycopg.connect(shared_url) as connection:
        ids = tuple(_set_aside(connection, org))
    return Church(org=org, url=shared_url, home=tmp_path, ids=ids)


async def _connect(settings: Settings, org: str) -> None:
    async with Engine.open(settings) as engine:
        await engine.connect(org, "app:secret", verify=False)


def _set_aside(connection: psycopg.Connection, org: str) -> Iterator[int]:
    letters: list[dict[str, Any]] = [
        {"key": "1", "fault": "shape", "reason": OLD, "body": PERSON % 1},
        {"key": "2", "fault": "shape", "reason": OLD, "body": PERSON % 2},
        {"key": "3", "fault": "value", "reason": NUL, "body": (PERSON % 3).replace(b"Ann", b"A\\u0000\x1b")},
    ]
    for letter in letters:
        about = {"org": org, "entity": "people.Person"} | letter
        row = connection.execute(SET_ASIDE, about).fetchone()
        assert row is not None
        yield row[0]


class Shell:
    """The command line, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> str:
        assert run([str(each) for each in arguments]) == code
        captured = self._capsys.readouterr()
        return captured.err if code == 2 else captured.out

    def json(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_people_see_which_why_since_when_and_what_to_do_but_no_record(church: Church, shell: Shell) -> None:
    told = shell("dead-letters", "list", church.org)
    size = 2 * len(PERSON % 1)
    assert told.splitlines()[:2] == [
        f"people.Person: 2 dead letters, {size} bytes: {OLD} (since 2 h ago).",
        f"people.Person: 1 dead letter, {size // 2 + 5} bytes: {NUL} (since 2 h ago).",
    ]
    for number, row in zip(church.ids, told.splitlines()[4:7], strict=True):
        assert row.split()[0] == str(number)
    assert f"`openfaith dead-letters retry {church.org} --all`" in told
    assert "Ann" not in told


def test_machines_get_every_letter_without_its_record(church: Church, shell: Shell) -> None:
    listed = shell.json("dead-letters", "list", church.org)
    assert [each["id"] for each in listed["dead_letters"]] == list(church.ids)
    assert [each["dead_letters"] for each in listed["reasons"]] == [2, 1]
    assert listed["bytes"] == sum(each["bytes"] for each in listed["dead_letters"])
    first = listed["dead_letters"][0]
    assert (first["record"], first["class"], first["path"], first["attempts"]) == (
        "1", "shape", "/people/v2/people", 0,
    )  # fmt: skip
    assert "Ann" not in json.dumps(listed)
    [value] = shell.json("dead-letters", "list", church.org, "--entity", "Person", "--reason", "value")[
        "dead_letters"
    ]
    assert value["id"] == church.ids[2]
    assert "no such dead letters" in shell("dead-letters", "list", church.org, "--entity", "Email")


def test_show_prints_the_record_and_spares_the_terminal(church: Church, shell: Shell) -> None:
    told = shell("dead-letters", "show", church.org, church.ids[2])
    assert told.splitlines()[0] == f"people.Person 3: {NUL}."
    assert "page offset=100, API version 2025-11-10" in told
    assert '"first_name": "A\\u0000\\x1b"' in told
    assert "\x1b" not in told
    shown = shell.json("dead-letters", "show", church.org, church.ids[0])["dead_letter"]
    assert (shown["body"], shown["body_base64"]) == ((PERSON % 1).decode(), None)


def test_what_can_be_stored_is_and_the_exit_code_says_what_cannot(church: Church, shell: Shell) -> None:
    told = shell("dead-letters", "retry", church.org, "--all", code=1)
    assert told.splitlines()[:3] == [
        "2 dead letters: stored.",
        "1 dead letter: still cannot be stored.",
        f"  people.Person: 1 because {NUL}.",
    ]
    assert church.people() == {"1", "2"}
    again = shell.json("dead-letters", "retry", church.org, *church.ids[:2])
    assert again["outcomes"] == {"stored": 0, "superseded": 0, "unstorable": 0, "settled": 2}
    [left] = shell.json("dead-letters", "list", church.org)["dead_letters"]
    assert (left["id"], left["attempts"], left["last_outcome"]) == (church.ids[2], 1, "unstorable")
    every = shell.json("dead-letters", "list", church.org, "--all")["dead_letters"]
    assert [each["status"] for each in every] == ["resolved", "resolved", "open"]
    told = shell("dead-letters", "list", church.org, "--all")
    assert "status" in told
    assert "resolved" in told


def test_a_discarded_letter_is_nobodys_any_more(church: Church, shell: Shell) -> None:
    document = shell.json("dead-letters", "discard", church.org, church.ids[2])
    assert document == {"org": church.org, "discarded": 1, "by": who()}
    assert shell("dead-letters", "discard", church.org, church.ids[2]).startswith("None of them is open")
    assert shell("dead-letters", "retry", church.org, "--all", "--reason", "value").startswith(
        "No dead letter"
    )
    told = shell("dead-letters", "show", church.org, church.ids[2])
    assert f"Status: discarded by {who()}" in told


def test_what_is_not_there_is_refused(church: Church, shell: Shell) -> None:
    for verb in ("retry", "discard"):
        assert "name their ids" in shell("dead-letters", verb, church.org, code=2)
        assert "both ids and --all" in shell("dead-letters", verb, church.org, "--all", 7, code=2)
        told = shell("dead-letters", verb, church.org, church.ids[0], 999_999_999, code=2)
        assert "there is none with the number 999999999, so nothing was changed" in told
    assert "there is no dead letter '999999999'" in shell(
        "dead-letters", "show", church.org, 999_999_999, code=2
    )
    assert church.people() == set()


def test_python_has_the_same_verbs(church: Church) -> None:
    async def main() -> None:
        async with Engine.open(church.settings) as engine:
            letters = engine.dead_letters
            assert len(await letters.list(church.org, entity="Person")) == 3
            done = await letters.retry(church.org, None, reason="shape")
            assert [each.outcome for each in done] == [RetryOutcome.STORED] * 2
            assert await letters.discard(church.org, None, by="ann") == 1
            assert await letters.count(church.org) == []
            everything = await letters.list(church.org, statuses=list(DeadLetterStatus))
            assert [each.decided_by for each in everything] == [None, None, "ann"]
            with pytest.raises(ConfigurationError, match="it is the text"):
                await letters.retry(church.org, "7")  # type: ignore[arg-type]  # as people write it
            with pytest.raises(UnknownNameError, match="organization"):
                await letters.show("nobody", church.ids[0])

    asyncio.run(main())


FAIL = """
WITH run AS (
    INSERT INTO openfaith.sync_run (org_id, adapter, kind, requested_by, status, started_at, finished_at, reason)
    VALUES (%(org)s, 'pco', 'full', 'test', 'failed', now(), now(), 'it was late') RETURNING run_id
)
INSERT INTO openfaith.failed_run (org_id, adapter, entity, kind, run_id, reason, times, first_failed_at)
SELECT %(org)s, 'pco', entity, kind, run_id, 'it was late', times, now() - interval '2 hours'
FROM run, (VALUES ('people.Email', 'full', 1), ('*', 'delta', 3)) AS failed (entity, kind, times)
RETURNING run_id
"""


@pytest.fixture
def failed(church: Church) -> int:
    """A run of which something failed."""
    with psycopg.connect(church.url) as connection:
        row = connection.execute(FAIL, {"org": church.org}).fetchone()
    assert row is not None
    return int(row[0])


def test_people_see_which_runs_failed_and_what_to_do(church: Church, failed: int, shell: Shell) -> None:
    told = shell("dead-letters", "list", church.org)
    assert told.splitlines()[-4:] == [
        f"The delta of everything failed 3 times since 2 h ago, last in run {failed}: it was late.",
        f"The full of people.Email failed 2 h ago in run {failed}: it was late.",
        f"`openfaith dead-letters retry {church.org} --run {failed}` lets such a run go on where it stopped;",
        f"`openfaith dead-letters discard {church.org} --run {failed}` gives it up; a later run makes up for it, too.",
    ]
    assert "people.Email" in shell("dead-letters", "list", church.org, "--reason", "it was late")
    assert "people.Email" not in shell("dead-letters", "list", church.org, "--entity", "Person")
    [whole] = shell.json("dead-letters", "list", church.org, "--entity", "*")["runs"]
    assert (whole["name"], whole["kind"]) == ("*", "delta")


def test_what_failed_of_a_run_is_given_up_by_somebody(church: Church, failed: int, shell: Shell) -> None:
    done = shell.json("dead-letters", "discard", church.org, "--run", failed, "--entity", "Email")
    assert done == {"org": church.org, "run_id": str(failed), "discarded": 1, "by": who()}
    [left] = shell.json("dead-letters", "list", church.org)["runs"]
    assert (left["name"], left["run_id"], left["times"], left["status"]) == ("*", str(failed), 3, "open")
    assert "discarded" in shell("dead-letters", "list", church.org, "--all")
    assert "1 entity" in shell("dead-letters", "discard", church.org, "--run", failed)
    assert "was given up before" in shell("dead-letters", "discard", church.org, "--run", failed)
    assert shell.json("dead-letters", "list", church.org)["runs"] == []
    assert len(shell.json("dead-letters", "list", church.org)["dead_letters"]) == len(church.ids)


@pytest.mark.parametrize("verb", ["retry", "discard"])
@pytest.mark.parametrize("beside", [("7",), ("--all",), ("--reason", "value")], ids=str)
def test_a_run_or_records_are_named_and_not_both(
    church: Church, shell: Shell, verb: str, beside: tuple[str, ...]
) -> None:
    assert "--run is given beside" in shell("dead-letters", verb, church.org, "--run", 7, *beside, code=2)


@pytest.mark.parametrize("verb", ["retry", "discard"])
def test_a_run_of_which_nothing_failed_is_none_to_decide_about(
    church: Church, shell: Shell, verb: str
) -> None:
    told = shell("dead-letters", verb, church.org, "--run", 2**62, code=2)
    assert "failed run" in told
    assert f"`openfaith dead-letters list {church.org}`" in told
