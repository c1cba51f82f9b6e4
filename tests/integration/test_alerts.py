"""Alerts from the terminal and from Python, and a worker that tells of them."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from openfaith import Engine, Settings
from openfaith.alerting import AlertState, Targets, decide
from openfaith.cli.commands.suspects import who
from openfaith.cli.main import run
from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.store import open_database, update_alerts
from support.alerts import receiving
from support.mirror import ask
from support.scripted_source import error, scripted_source

SYNCED = """
INSERT INTO openfaith.sync_state (org_id, adapter, entity, watermark, last_status, last_completed_at, proven_at, doubts)
SELECT %s, 'pco', 'people.' || name, now() - age, 'completed', now(), now(), '{}'
FROM (VALUES ('Person', interval '30 hours'), ('Email', interval '40 hours'), ('Campus', interval '1 hour')) AS e (name, age)
"""


@dataclass(frozen=True)
class Church:
    """An organization of the test's own, of which two entities are stale."""

    org: str
    url: str
    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(database_url=SecretStr(self.url), home=self.home)

    def look(self) -> None:
        """As a worker does."""
        asyncio.run(self._look())

    async def _look(self) -> None:
        async with open_database(self.url) as database:
            await update_alerts(database, [self.org], lambda facts: decide(facts, Targets()))  # type: ignore[list-item]


@pytest.fixture
def church(opened_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Church:
    monkeypatch.setenv("OPENFAITH_DATABASE_URL", opened_url)
    monkeypatch.setenv("OPENFAITH_HOME", str(tmp_path))
    church = Church(org=f"org-{secrets.token_hex(6)}", url=opened_url, home=tmp_path)
    asyncio.run(_connect(church))
    ask(opened_url, SYNCED, church.org)
    church.look()
    return church


async def _connect(church: Church) -> None:
    async with Engine.open(church.settings) as engine:
        await engine.connect(church.org, "app:secret", verify=False)


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


def test_people_see_what_is_wrong_since_when_and_what_to_do(church: Church, shell: Shell) -> None:
    told = shell("alerts", "list", church.org).splitlines()
    assert re.fullmatch(rf"\d+  {church.org}  stale \(error, opened just now\)", told[0])
    assert told[1].startswith("  people.Email was last true at 20") or told[1].startswith(
        "  people.Person was"
    )
    assert f"`openfaith status {church.org}` says why" in told[1]
    assert told[-1].startswith("`openfaith alerts ack ID` says that you know")


def test_machines_get_everything(church: Church, shell: Shell) -> None:
    found = shell.json("alerts", "list")["alerts"]
    assert {alert["entity"] for alert in found} == {"people.Person", "people.Email"}
    assert found[0].keys() == {
        "id", "org", "adapter", "entity", "aspect", "rule", "severity", "state", "message", "opened_at", "last_seen_at",
        "times_seen", "acknowledged_at", "acknowledged_by", "resolved_at", "deliveries",
    }  # fmt: skip
    assert (found[0]["rule"], found[0]["state"], found[0]["aspect"]) == ("stale", "open", None)


def test_what_is_acknowledged_says_by_whom_and_goes_on(church: Church, shell: Shell) -> None:
    first, second = (alert["id"] for alert in shell.json("alerts", "list", church.org)["alerts"])
    assert shell("alerts", "ack", first).startswith("Acknowledged 1 alert: ")
    church.look()
    assert f"acknowledged by {who()} just now" in shell("alerts", "list", church.org)
    assert shell.json("alerts", "ack", first, second) == {"acknowledged": 1, "by": who()}
    assert shell("alerts", "ack", "--all") == "No alert is open: nothing was changed.\n"
    assert {alert["state"] for alert in shell.json("alerts", "list")["alerts"]} == {"acknowledged"}


def test_what_is_resolved_is_listed_only_when_it_is_asked_for(church: Church, shell: Shell) -> None:
    ask(church.url, "UPDATE openfaith.sync_state SET watermark = now()")
    church.look()
    assert shell("alerts", "list", church.org) == "There are no alerts.\n"
    assert "opened just now, resolved just now" in shell("alerts", "list", church.org, "--all")
    [number, *_] = (alert["id"] for alert in shell.json("alerts", "list", "--all")["alerts"])
    assert f"alert {number}: it is resolved" in shell.refused("alerts", "ack", number)


def test_what_could_not_be_told_is_said_and_why(church: Church, shell: Shell) -> None:
    ask(
        church.url,
        """INSERT INTO openfaith.alert_delivery (alert_id, channel, occasion, attempts, error, next_attempt_at)
        SELECT alert_id, 'webhook', 'opened', 3, 'the receiver answered 500', now() + interval '1 hour' FROM openfaith.alert""",
    )
    told = shell("alerts", "list", church.org)
    assert "  Not told by webhook after 3 attempts: the receiver answered 500; to be tried again in " in told
    ask(
        church.url,
        "UPDATE openfaith.alert SET state = 'acknowledged', acknowledged_by = 'ann', acknowledged_at = now()",
    )
    assert "after 3 attempts: the receiver answered 500; there is no need any more." in shell(
        "alerts", "list", church.org
    )
    ask(church.url, "UPDATE openfaith.alert_delivery SET given_up_at = now()")
    assert "the receiver answered 500; given up just now." in shell("alerts", "list", church.org)
    [delivery] = shell.json("alerts", "list")["alerts"][0]["deliveries"]
    assert (delivery["channel"], delivery["attempts"]) == ("webhook", 3)


def test_wrong_usage_is_refused_and_changes_nothing(church: Church, shell: Shell) -> None:
    [number, *_] = (alert["id"] for alert in shell.json("alerts", "list")["alerts"])
    assert "there is no alert '987654321'" in shell.refused("alerts", "ack", number, "987654321")
    assert "no alerts are named" in shell.refused("alerts", "ack")
    assert "both ids and --all are given" in shell.refused("alerts", "ack", number, "--all")
    assert "0 is no alert's number" in shell.refused("alerts", "ack", "0")
    assert "did you mean" in shell.refused("alerts", "list", church.org[:-1])
    assert {alert["state"] for alert in shell.json("alerts", "list")["alerts"]} == {"open"}


def test_the_status_says_that_there_are_alerts(church: Church, shell: Shell) -> None:
    line = f"2 alerts hold: `openfaith alerts list {church.org}`."
    assert line in shell("status", church.org).splitlines()
    assert "2 alerts hold: `openfaith alerts list`." in shell("status").splitlines()
    [one] = shell.json("status", church.org)["organizations"]
    assert one["alerts"] == 2
    metric = (
        f'openfaith_alerts{{adapter="pco",org="{church.org}",rule="stale",severity="error",state="open"}} 2.0'
    )
    assert sorted(metric) in [sorted(line) for line in shell("status", "--prometheus").splitlines()]


def test_settings_that_cannot_be_used_stop_every_command(
    church: Church, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENFAITH_ALERT_WEBHOOK_URL", "s3cret")
    refused = shell.refused("status")
    assert refused.startswith("error: OPENFAITH_ALERT_WEBHOOK_URL: it does not begin with https://")
    assert "s3cret" not in refused


async def _told_by_worker(church: Church, wanted: Callable[[list[str]], bool]) -> list[str]:
    async with receiving() as receiver:
        settings = church.settings.model_copy(update={"alert_webhook_url": SecretStr(receiver.url)})
        async with Engine.open(settings) as engine, engine.working("worker"), asyncio.timeout(60):
            while not wanted(receiver.keys):  # noqa: ASYNC110  # the receiver is the one who knows
                await asyncio.sleep(0.01)
        return receiver.keys


def test_a_worker_looks_and_tells(church: Church, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openfaith.workflows.alerts.LOOK_AGAIN", timedelta(milliseconds=50))
    keys = asyncio.run(_told_by_worker(church, lambda keys: len(keys) >= 2))
    numbers = [alert["id"] for alert in shell.json("alerts", "list")["alerts"]]
    assert sorted(keys) == sorted(f"{number}-opened" for number in numbers)
    with psycopg.connect(church.url) as connection:
        [told] = connection.execute(
            "SELECT count(*) FROM openfaith.event WHERE name = 'AlertOpened'"
        ).fetchall()
    assert told == (2,)


def test_a_command_without_a_worker_looks_and_tells_before_it_ends(church: Church, shell: Shell) -> None:
    """As one that a timer starts: nobody else would."""

    async def sync() -> list[str]:
        async with receiving() as receiver, scripted_source(*[error(401, code="unauthorized")] * 9) as source:
            settings = church.settings.model_copy(update={"alert_webhook_url": SecretStr(receiver.url)})
            async with Engine.open(settings) as engine:
                await engine.connect(church.org, "app:secret", base_url=source.url, verify=False)
                await engine.sync(church.org, entities=["Campus"])
            return receiver.keys

    keys = asyncio.run(sync())
    found = {alert["id"]: alert["rule"] for alert in shell.json("alerts", "list", church.org)["alerts"]}
    assert "run_failed" in found.values()
    assert sorted(keys) == sorted(f"{number}-opened" for number in found)


def test_the_engine_has_the_same_verbs(church: Church) -> None:
    async def work() -> None:
        async with Engine.open(church.settings) as engine:
            first, _ = await engine.alerts.list(church.org)
            assert await engine.alerts.acknowledge([first.alert_id], by="ann") == 1
            counts = {count.state: count.alerts for count in await engine.alerts.count(church.org)}
            assert counts == {AlertState.OPEN: 1, AlertState.ACKNOWLEDGED: 1}
            assert await engine.alerts.deliveries([first]) == {}
            with pytest.raises(ConfigurationError, match="a list"):
                await engine.alerts.acknowledge("7")  # type: ignore[arg-type]
            with pytest.raises(UnknownNameError):
                await engine.alerts.list("nobody")

    asyncio.run(work())
