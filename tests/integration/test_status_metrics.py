"""`openfaith status --prometheus`: the same as `status --json`, of what really happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openfaith.cli.main import run
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.postgres import Databases
from support.simulated import NO_WAITING, following

Command = Callable[..., str]
Labels = tuple[str, ...]
Found = Mapping[str, Mapping[Labels, float]]

OWN_LABELS = {
    "status": ("status",),
    "kind_status": ("kind", "status"),
    "kind_completed_timestamp_seconds": ("kind",),
}
GONE = 70
"""Emails that are deleted at the source: more than are deleted here without a person."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(databases: Databases, opened: str, home: Path) -> Iterator[str]:
    """Of `grace`, which was synced in every way, once with a failure, and of `new`, which never was."""
    template = f"{opened}_and_lived"
    databases.ensure_template(template, lambda url: asyncio.run(_live(url, home)), of=opened)
    with databases.fresh(template=template) as found:
        yield found


async def _live(url: str, home: Path) -> None:
    options = SimulatorOptions(people=80, rate_limit=NO_WAITING, products=("people",))
    with RunningSimulator(options) as church:
        async with following(church, url, home, "grace", ["Person", "Email"]) as grace:
            await grace.engine.connect("new", "simulator:secret", base_url=church.base_url)
            await grace.sync()
            await grace.sync("sweep")
            grace.change("delete", entity="Email", count=GONE)
            await grace.sync("reconciliation")
            await grace.sync("full", "giving.Fund")


@pytest.fixture
def openfaith(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> Command:
    """The command line, in this process; it returns what was printed."""
    return _command(url, home, monkeypatch, capsys)


def _command(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("OPENFAITH_DATABASE_URL", url)
    monkeypatch.setenv("OPENFAITH_HOME", str(home))

    def call(*arguments: str, code: int = 0) -> str:
        assert run(arguments) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    return call


def read(text: str) -> Found:
    """Values by metric, without its prefix, and labels. What is of no entity, as alerts, has its own tests."""
    found = {}
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("openfaith_entity_"):
            continue
        name = family.name.removeprefix("openfaith_entity_")
        labels = ("org", "adapter", "entity", *OWN_LABELS.get(name, ()))
        found[name] = {tuple(s.labels[label] for label in labels): s.value for s in family.samples}
    return found


def entities_of(document: Mapping[str, Any]) -> dict[Labels, Any]:
    """What `status --json` says of each entity."""
    return {
        (org["org"], org["adapter"], entity["name"]): entity
        for org in document["organizations"]
        for entity in org["entities"]
    }


def seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()


def without_unknown(values: Mapping[Labels, float | None]) -> dict[Labels, float]:
    return {labels: value for labels, value in values.items() if value is not None}


def expected(entities: Mapping[Labels, Any]) -> dict[str, dict[Labels, float]]:
    """The metrics that follow from `status --json`."""
    met = {place: entity for place, entity in entities.items() if entity["status"] != "never"}
    numbers: dict[str, Callable[[Any], float | None]] = {
        "rows": lambda e: None if e["never_synced"] else e["rows"],
        "source_records": lambda e: e["source_count"],
        "source_counted_timestamp_seconds": lambda e: seconds(e["counted_at"]),
        "proven": lambda e: None if e["doubts"] is None else e["proven"],
        "proven_timestamp_seconds": lambda e: seconds(e["proven_at"]),
        "watermark_timestamp_seconds": lambda e: seconds(e["watermark"]),
        "sampled_records": lambda e: e["sampled"],
        "sampled_different_records": lambda e: e["sampled_different"],
        "sampled_timestamp_seconds": lambda e: seconds(e["sampled_at"]),
        "swept_timestamp_seconds": lambda e: seconds(e["last_swept_at"]),
        "blind_change_ratio": lambda e: e["blind_change_rate"],
        "suspects": lambda e: e["suspects"],
        "held_suspects": lambda e: e["held"],
        "dead_letters": lambda e: e["dead_letters"],
    }
    kinds = [(place, kind) for place, entity in met.items() for kind in entity["kinds"]]
    return {
        name: without_unknown({place: value(entity) for place, entity in met.items()})
        for name, value in numbers.items()
    } | {
        "status": {(*place, entity["status"]): 1 for place, entity in entities.items()},
        "kind_status": {(*place, kind["kind"], kind["status"]): 1 for place, kind in kinds},
        "kind_completed_timestamp_seconds": without_unknown(
            {(*place, kind["kind"]): seconds(kind["completed_at"]) for place, kind in kinds}
        ),
    }


PERSON, EMAIL, FUND = (("grace", "pco", name) for name in ("people.Person", "people.Email", "giving.Fund"))


def test_metrics_say_what_json_says(openfaith: Command) -> None:
    document = json.loads(openfaith("status", "--json"))
    found = read(openfaith("status", "--prometheus"))
    assert found == expected(entities_of(document))
    assert all(found.values())


def test_metrics_are_those_of_what_happened(openfaith: Command) -> None:
    found = read(openfaith("status", "grace", "--prometheus"))
    assert found["rows"][PERSON] == found["source_records"][PERSON] == 80
    assert found["rows"][EMAIL] - found["source_records"][EMAIL] == GONE
    assert (found["suspects"][EMAIL], found["held_suspects"][EMAIL]) == (GONE, GONE)
    assert (found["sampled_records"][PERSON], found["sampled_different_records"][PERSON]) == (5, 0)
    assert (found["proven"][PERSON], found["dead_letters"][PERSON], found["blind_change_ratio"][PERSON]) == (
        1,
        0,
        0,
    )
    completed = {
        kind: found["kind_completed_timestamp_seconds"][*PERSON, kind]
        for kind in ("full", "sweep", "reconciliation")
    }
    assert completed["full"] < completed["sweep"] < completed["reconciliation"]
    assert found["status"][*PERSON, "completed"] == 1


def test_what_never_completed_has_a_status_and_no_numbers_that_would_be_made_up(openfaith: Command) -> None:
    found = read(openfaith("status", "grace", "--prometheus"))
    [status] = [labels[-1] for labels in found["status"] if labels[:3] == FUND]
    assert status == "not_accessible"
    assert FUND in found["suspects"]
    for name in ("rows", "source_records", "proven", "watermark_timestamp_seconds", "sampled_records"):
        assert FUND not in found[name]


def test_one_organization_is_told_alone(openfaith: Command) -> None:
    everything = read(openfaith("status", "--prometheus"))
    told = read(openfaith("status", "new", "--prometheus"))
    assert told == {"status": {labels: 1 for labels in everything["status"] if labels[0] == "new"}}
    assert {labels[-1] for labels in told["status"]} == {"never"}
    assert {labels[0] for labels in everything["status"]} == {"grace", "new"}


def test_a_database_without_organizations_is_an_empty_exposition(
    empty_database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    openfaith = _command(empty_database_url, home, monkeypatch, capsys)
    assert openfaith("status", "--prometheus") == ""


def test_an_unknown_organization_is_refused_as_without_metrics(openfaith: Command) -> None:
    refused = openfaith("status", "elsewhere", "--prometheus", code=2)
    assert refused == openfaith("status", "elsewhere", code=2)
    assert "connect it with" in refused
