"""Suspects from the terminal and from Python: looked at, approved, rejected; and what is shown of a reconciliation."""

from __future__ import annotations

import asyncio
import json
import secrets
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
from openfaith.store import DeletionPolicy, SuspectState

REASON = "61 of 100 rows are more than 50"

LISTED = """
WITH run AS (
    INSERT INTO openfaith.sync_run (org_id, adapter, kind, requested_by, status, started_at, finished_at)
    VALUES (%(org)s, 'pco', 'reconciliation', 'test', 'completed', now(), now()) RETURNING run_id
), entity_run AS (
    INSERT INTO openfaith.entity_run (run_id, org_id, adapter, entity, position, status, started_at, finished_at)
    SELECT run_id, %(org)s, 'pco', 'people.' || name, position, 'completed', now(), now()
    FROM run CROSS JOIN unnest(ARRAY['Person', 'Email']) WITH ORDINALITY AS e (name, position)
    RETURNING run_id, entity_run_id, entity
), listing AS (
    INSERT INTO openfaith.listing (entity_run_id, org_id, adapter, entity, started_at, closed_at, compared_at, rows, counted,
        proven, doubts, guard, guard_reason, suspects, held)
    SELECT entity_run_id, %(org)s, 'pco', entity, now(), now(), now(), 39, 39,
           entity = 'people.Person', CASE WHEN entity = 'people.Email' THEN ARRAY['a page was short'] ELSE '{}' END,
           CASE WHEN entity = 'people.Person' THEN 'stopped' END, CASE WHEN entity = 'people.Person' THEN %(reason)s END,
           CASE WHEN entity = 'people.Person' THEN 61 ELSE 0 END, CASE WHEN entity = 'people.Person' THEN 61 ELSE 0 END
    FROM entity_run
), state AS (
    INSERT INTO openfaith.sync_state (org_id, adapter, entity, watermark, live_rows, last_run_id, last_status,
        last_completed_at, source_count, counted_at, proven_at, doubts)
    SELECT %(org)s, 'pco', entity, now() - interval '3 minutes', 100, run_id, 'completed', now(), 39,
           now() - interval '3 minutes', now() - interval '2 hours',
           CASE WHEN entity = 'people.Email' THEN ARRAY['a page was short'] ELSE '{}' END
    FROM entity_run
), outcome AS (
    INSERT INTO openfaith.sync_outcome (org_id, adapter, entity, kind, run_id, status, reason, finished_at, completed_at)
    SELECT %(org)s, 'pco', entity, kind, run_id, status, reason, now(), completed_at
    FROM entity_run CROSS JOIN (VALUES
        ('reconciliation', 'completed', NULL, now() - interval '2 hours'), ('delta', 'failed', 'it was late', NULL)
    ) AS o (kind, status, reason, completed_at)
)
SELECT run_id, entity_run_id FROM entity_run WHERE entity = 'people.Person'
"""

MISSED = """
INSERT INTO openfaith.suspect (org_id, adapter, entity, id, state, reason, listing_started_at, entity_run_id, found_at)
SELECT %(org)s, 'pco', %(entity)s, id, %(state)s, CASE WHEN %(state)s = 'held' THEN %(reason)s END, now(), %(entity_run_id)s,
       now() - interval '2 hours'
FROM unnest(%(ids)s::text[]) AS id
"""


@dataclass(frozen=True)
class Church:
    """An organization of the test's own, of whose hundred people a listing missed 61, who wait for a person."""

    org: str
    url: str
    home: Path
    run_id: int

    @property
    def settings(self) -> Settings:
        return Settings(database_url=SecretStr(self.url), home=self.home)

    def states(self) -> dict[str, int]:
        with psycopg.connect(self.url) as connection:
            found = connection.execute(
                "SELECT state, count(*) FROM openfaith.suspect WHERE org_id = %s GROUP BY state", [self.org]
            )
            return dict(found.fetchall())


@pytest.fixture
def church(shared_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Church:
    monkeypatch.setenv("OPENFAITH_DATABASE_URL", shared_url)
    monkeypatch.setenv("OPENFAITH_HOME", str(tmp_path))
    org = f"org-{secrets.token_hex(6)}"
    asyncio.run(_connect(Settings(database_url=SecretStr(shared_url), home=tmp_path), org))
    with psycopg.connect(shared_url) as connection:
        listed = connection.execute(LISTED, {"org": org, "reason": REASON}).fetchone()
        assert listed is not None
        run_id, entity_run_id = listed
        missed: dict[str, Any] = {"org": org, "reason": REASON, "entity_run_id": entity_run_id}
        ids = [f"{n:03}" for n in range(1, 62)]
        connection.execute(MISSED, missed | {"entity": "people.Person", "state": "held", "ids": ids})
        connection.execute(MISSED, missed | {"entity": "people.Email", "state": "suspect", "ids": ["7"]})
    return Church(org=org, url=shared_url, home=tmp_path, run_id=run_id)


async def _connect(settings: Settings, org: str) -> None:
    async with Engine.open(settings) as engine:
        await engine.connect(org, "app:secret", verify=False)


class Shell:
    """The command line, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        assert run(arguments) == 0
        return self._capsys.readouterr().out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        assert run(arguments) == 2
        return self._capsys.readouterr().err


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_people_see_how_many_wait_why_since_when_which_and_what_to_do(church: Church, shell: Shell) -> None:
    told = shell("suspects", "list", church.org)
    ids = ", ".join(f"{n:03}" for n in range(1, 21))
    assert told.splitlines()[:5] == [
        "people.Email: 1 suspect is to be asked about by the next reconciliation (found 2 h ago).",
        "  Ids: 7",
        "people.Person: 61 suspects wait for your decision (the first found 2 h ago).",
        f"  Why: {REASON}.",
        f"  Ids: {ids} and 41 more",
    ]
    assert f"`openfaith suspects approve {church.org} --entity people.Person --all`" in told


def test_machines_get_every_id(church: Church, shell: Shell) -> None:
    email, person = shell.json("suspects", "list", church.org)["entities"]
    assert (email["name"], email["held"], email["ids"]) == ("people.Email", 0, [])
    assert [each["id"] for each in email["suspects"]] == ["7"]
    assert (person["held"], len(person["ids"]), person["reasons"]) == (61, 61, [REASON])
    [only] = shell.json("suspects", "list", church.org, "--entity", "Email")["entities"]
    assert only["name"] == "people.Email"


def test_suspects_are_read_a_part_at_a_time(church: Church) -> None:
    async def read() -> list[str]:
        async with Engine.open(church.settings) as engine:
            first = await engine.suspects.list(church.org, entity="Person", limit=60)
            rest = await engine.suspects.list(church.org, entity="Person", after=first[-1], limit=60)
            return [each.id for each in (*first, *rest)]

    assert asyncio.run(read()) == [f"{n:03}" for n in range(1, 62)]


def test_approving_some_leaves_the_others_waiting(church: Church, shell: Shell) -> None:
    told = shell("suspects", "approve", church.org, "--entity", "person", "001", "002", "002")
    assert told.startswith("Approved 2 suspects of people.Person.\n")
    assert church.states() == {"approved": 2, "held": 59, "suspect": 1}
    [record, *_] = shell.json("suspects", "list", church.org, "--entity", "Person")["entities"][0]["suspects"]
    assert (record["state"], record["decided_by"]) == ("approved", who())


def test_approving_all_concerns_those_that_wait(church: Church, shell: Shell) -> None:
    decided = shell.json("suspects", "approve", church.org, "--entity", "Person", "--all")
    assert (decided["entity"], decided["decision"], decided["decided"]) == ("people.Person", "approved", 61)
    assert church.states() == {"approved": 61, "suspect": 1}
    assert "nothing was changed" in shell("suspects", "approve", church.org, "--entity", "Person", "--all")
    assert "are approved" in shell("suspects", "list", church.org)


def test_what_is_rejected_is_listed_no_more_unless_it_is_asked_for(church: Church, shell: Shell) -> None:
    shell("suspects", "reject", church.org, "--entity", "Person", "--all")
    shell("suspects", "reject", church.org, "--entity", "Email", "7")
    assert church.states() == {"rejected": 62}
    assert "There are no suspects" in shell("suspects", "list", church.org)
    assert "61 suspects were rejected and stay" in shell("suspects", "list", church.org, "--all")


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_an_id_that_does_not_wait_changes_nothing(church: Church, shell: Shell, verb: str) -> None:
    before = church.states()
    err = shell.refused("suspects", verb, church.org, "--entity", "Person", "001", "4711", "4712")
    assert "nobody waits for a decision about 4711, 4712" in err
    assert "nothing was changed" in err
    assert church.states() == before


def test_what_does_not_wait_cannot_be_approved(church: Church, shell: Shell) -> None:
    assert "about 7," in shell.refused("suspects", "approve", church.org, "--entity", "Email", "7")


def test_unknown_names_name_near_ones(church: Church, shell: Shell) -> None:
    near = church.org[:-1]
    for verb, *rest in (["list"], ["approve", "--entity", "Person", "--all"]):
        assert f"did you mean {church.org}" in shell.refused("suspects", verb, near, *rest)
    for verb, *rest in (["list"], ["reject", "--all"], ["policy"]):
        err = shell.refused("suspects", verb, church.org, *rest, "--entity", "Persn")
        assert "did you mean people.Person" in err


def test_a_policy_is_soft_until_it_is_set(church: Church, shell: Shell) -> None:
    assert "people.Person: soft." in shell("suspects", "policy", church.org, "--entity", "Person")
    assert "is removed" in shell("suspects", "policy", church.org, "hard", "--entity", "Person")
    document = shell.json("suspects", "policy", church.org, "--entity", "Person")
    assert document == {"org": church.org, "entity": "people.Person", "policy": "hard"}
    err = shell.refused("suspects", "policy", church.org, "gentle", "--entity", "Person")
    assert "one of soft, hard, archive" in err


def test_the_engine_has_the_same_verbs(church: Church) -> None:
    async def work() -> None:
        async with Engine.open(church.settings) as engine:
            assert await engine.suspects.approve(church.org, "Person", ["001"], by="ann") == 1
            assert await engine.suspects.reject(church.org, "Person", ["001", "002"], by="ann") == 2
            counted = await engine.suspects.count(church.org, entity="Person")
            assert {each.state: each.suspects for each in counted} == {
                SuspectState.HELD: 59,
                SuspectState.REJECTED: 2,
            }
            await engine.suspects.set_policy(church.org, "Person", DeletionPolicy.ARCHIVE)
            assert await engine.suspects.policy(church.org, "Person") is DeletionPolicy.ARCHIVE
            with pytest.raises(ConfigurationError, match="a list"):
                await engine.suspects.approve(church.org, "Person", "001")
            with pytest.raises(UnknownNameError):
                await engine.suspects.list("nobody")

    asyncio.run(work())


# What is shown of it elsewhere


def test_a_reconciliation_is_shown_with_its_report(church: Church, shell: Shell) -> None:
    told = shell("runs", "show", str(church.run_id))
    assert "entity listed suspects held proof" in " ".join(told.split())
    assert f"people.Person: the guard stopped its deletions: {REASON}." in told
    assert "people.Email is not proven complete: a page was short." in told
    person, email = shell.json("runs", "show", str(church.run_id))["reconciliation"]
    assert (person["name"], person["held"], person["guard"]) == ("people.Person", 61, "stopped")
    assert (email["proven"], email["doubts"]) == (False, ["a page was short"])


def test_the_status_of_an_organization_says_how_true_it_is(church: Church, shell: Shell) -> None:
    told = shell("status", church.org)
    [person] = [line for line in told.splitlines() if line.startswith("people.Person ")]
    assert person.split()[5:12] == ["61", "more", "than", "the", "source", "2", "h"]
    assert "reconciliation 2 h ago" in told
    assert "people.Email is not proven complete: a page was short" in told
    assert (
        f"61 suspects of people.Person wait for your decision: `openfaith suspects list {church.org}`" in told
    )
    [document] = shell.json("status", church.org)["organizations"]
    found = {entity["name"]: entity for entity in document["entities"]}
    facts = found["people.Person"]
    assert (facts["source_count"], facts["surplus"], facts["suspects"], facts["held"]) == (39, 61, 61, 61)
    assert (facts["proven"], found["people.Email"]["proven"]) == (True, False)
    assert {kind["kind"]: (kind["status"], kind["reason"]) for kind in facts["kinds"]} == {
        "reconciliation": ("completed", None),
        "delta": ("failed", "it was late"),
    }
    assert found["people.Campus"].keys() == facts.keys()


def test_the_status_of_all_is_a_line_for_each(church: Church, shell: Shell) -> None:
    heading, *lines = shell("status").splitlines()
    [line] = [line for line in lines if line.startswith(church.org)]
    assert "suspects waiting" in heading
    assert line.split()[1:] == ["3", "min", "ago", "2", "1", "1", line.split()[-2], "61"]


def test_what_a_run_is_reading_is_in_progress(church: Church, shell: Shell) -> None:
    with psycopg.connect(church.url) as connection:
        connection.execute(
            "UPDATE openfaith.sync_run SET status = 'running', finished_at = NULL WHERE run_id = %s",
            [church.run_id],
        )
        connection.execute(
            "UPDATE openfaith.entity_run SET status = 'running', finished_at = NULL, pages = 4"
            " WHERE run_id = %s AND entity = 'people.Email'",
            [church.run_id],
        )
    assert "interrupted" in shell("status", church.org)
    found = {e["name"]: e for e in shell.json("status", church.org)["organizations"][0]["entities"]}
    assert found["people.Email"]["in_progress"]["pages"] == 4
    assert found["people.Person"]["in_progress"] is None
