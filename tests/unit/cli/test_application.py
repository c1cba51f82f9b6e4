"""Command lines that need neither a database nor a source, run in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from openfaith.cli.main import run

COMMANDS = (
    "demo up connect sync status runs suspects entities graph simulate migrate database doctor".split()  # noqa: SIM905  # as in the help
)


def out_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 0
    return capsys.readouterr().out


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(out_of(capsys, *arguments))


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = out_of(capsys, "--help")
    assert all(f"  {command} " in text for command in COMMANDS)


def test_help_fits_a_terminal_of_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert "..." not in out_of(capsys, "--help").replace("[ARGS]...", "")


def test_help_imports_neither_the_durable_engine_nor_the_driver() -> None:
    """They take seconds."""
    code = (
        "import sys; from openfaith.cli.main import run; run(['--help']); "
        "print({'dbos', 'sqlalchemy', 'psycopg', 'aiohttp', 'pydantic', 'starlette', 'prometheus_client'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("set()\n")


@pytest.mark.parametrize("arguments", [(), ("runs",), ("suspects",), ("database",)])
def test_a_group_without_a_command_shows_its_help_and_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 2
    assert "Usage: openfaith" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert out_of(capsys, "--version").startswith("openfaith ")


def test_an_unknown_command_names_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["syncc"]) == 2
    assert "sync" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync", "--json"),
        ("sync", "grace", "--type", "sideways", "--json"),
        ("sync", "grace", "--strategy", "sideways", "--json"),
        ("runs", "show", "seven", "--json"),
        ("runs", "show", "0", "--json"),
        ("runs", "show", str(2**63), "--json"),
        ("runs", "list", "--limit", "0", "--json"),
        ("status", "--prometheus", "--json"),
        ("status", "grace", "--json", "--prometheus"),
        ("suspects", "approve", "grace", "--json"),
        ("suspects", "approve", "grace", "--entity", "Person", "--json"),
        ("suspects", "reject", "grace", "--entity", "Person", "7", "--all", "--json"),
        ("entities", "--nonsense", "--json"),
        ("simulate", "--people", "-1", "--json"),
        ("simulate", "--port", "70000", "--json"),
    ],
)
def test_wrong_usage_is_one_line_and_one_object(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["kind"] == "UsageError"
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_unknown_strategy_names_the_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync", "grace", "--strategy", "sideways"]) == 2
    assert "'sideways' is not one of 'sequential', 'parallel', 'hybrid'" in capsys.readouterr().err


def test_two_forms_of_one_status_are_refused_by_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--json", "--prometheus"]) == 2
    assert "--json and --prometheus are two forms of the same" in capsys.readouterr().err


def test_entities_have_the_promised_shape(capsys: pytest.CaptureFixture[str]) -> None:
    document = json_of(capsys, "entities", "--json")
    person = next(e for e in document["entities"] if e["name"] == "people.Person")
    assert person["table"] == "pco.people_person"
    assert person["reading"] == "top"
    assert isinstance(person["delta"], str)
    assert document["totals"]["entities"] == len(document["entities"])


def test_one_entity_has_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    document = json_of(capsys, "entities", "email", "--json")
    assert [e["name"] for e in document["entities"]] == ["people.Email"]
    assert document["totals"]["entities"] > 1


def test_people_read_what_can_be_synced(capsys: pytest.CaptureFixture[str]) -> None:
    text = out_of(capsys, "entities")
    assert "pco.people_person" in text
    assert "below parents" in text
    person = out_of(capsys, "entities", "Person")
    assert "primary_campus" in person
    assert "relationship primary_campus" in person


def test_entities_say_what_they_depend_on(capsys: pytest.CaptureFixture[str]) -> None:
    (address,) = json_of(capsys, "entities", "Address", "--json")["entities"]
    (person,) = (d for d in address["dependencies"] if d["on"] == "people.Person")
    assert person["kind"] == "hard"
    assert person["why"].startswith("created below it")


def test_one_product_is_described_with_its_totals(capsys: pytest.CaptureFixture[str]) -> None:
    document = json_of(capsys, "entities", "--product", "check_ins", "--json")
    assert {entity["product"] for entity in document["entities"]} == {"check-ins"}
    assert [*document["totals"]["products"]] == ["check-ins"]
    assert document["totals"]["products"]["check-ins"]["entities"] == len(document["entities"])


def test_several_products_are_described_together(capsys: pytest.CaptureFixture[str]) -> None:
    text = out_of(capsys, "entities", "--product", "api", "--product", "webhooks")
    assert "webhooks.Delivery" in text
    assert "api.Person" in text
    assert "12 entities, 9 of which can be read" in text


@pytest.mark.parametrize("command", ["entities", "graph"])
def test_an_unknown_product_names_near_ones(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run([command, "--product", "givng"]) == 2
    assert "giving" in capsys.readouterr().err


def test_an_entity_of_another_product_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["entities", "giving.Donation", "--product", "groups"]) == 2
    assert "giving.Donation" in capsys.readouterr().err


def test_the_graph_of_a_product_is_its_own_and_what_leads_out_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = json_of(capsys, "graph", "--product", "giving", "--json")
    assert {name.partition(".")[0] for name in document["order"]} == {"giving"}
    assert {edge["to"] for edge in document["outside"]} == {"people.Campus", "people.Person"}


def test_the_graph_of_an_entity_is_all_that_it_depends_on(capsys: pytest.CaptureFixture[str]) -> None:
    document = json_of(capsys, "graph", "Email", "--json")
    assert {"people.Campus", "people.Household", "people.Person", "people.Email"} <= {*document["order"]}
    assert "people.Address" not in document["order"]
    assert document["outside"] == []


def test_an_unknown_entity_names_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["entities", "Persn"]) == 2
    assert "people.Person" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("graph", "--format", "json"), ("graph", "--json")])
def test_the_graph_has_the_promised_shape(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    document = json_of(capsys, *arguments)
    order = document["order"]
    places = [order.index(f"people.{name}") for name in ("Campus", "Household", "Person", "Address")]
    assert places == sorted(places)
    assert all({"from", "to", "kind", "why"} <= edge.keys() for edge in document["edges"])
    assert {edge["kind"] for edge in document["edges"]} == {"hard", "soft"}


@pytest.mark.parametrize(
    ("form", "first"),
    [("text", "Numbers are the order"), ("mermaid", "flowchart LR"), ("dot", "digraph dependencies {")],
)
def test_the_graph_is_written_in_every_form(
    capsys: pytest.CaptureFixture[str], form: str, first: str
) -> None:
    assert out_of(capsys, "graph", "--format", form).startswith(first)


def test_faults_that_mean_nothing_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--faults", "nonsense=1", "--json"]) == 2
    assert "nonsense" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_surprise_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("Ada Lovelace")

    monkeypatch.setattr("openfaith.cli.commands.entities.only", surprise)
    assert run(["entities", "Person"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ZeroDivisionError at ")
    assert err.count("\n") == 1
    assert "Ada" not in err


def test_a_surprise_is_traced_where_everything_is_logged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("Ada Lovelace")

    monkeypatch.setattr("openfaith.cli.commands.entities.only", surprise)
    monkeypatch.setenv("OPENFAITH_LOG_LEVEL", "debug")
    monkeypatch.setenv("OPENFAITH_LOG_FORMAT", "json")
    assert run(["entities", "Person"]) == 1
    logged = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert "commands/entities.py" in logged["trace"]
