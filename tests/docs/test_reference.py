"""The documentation names everything that there is, and nothing that there is not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from openfaith import errors
from openfaith.adapters.planning_center import load_planning_center
from openfaith.alerting import RULES
from openfaith.cli.application import application
from openfaith.planning import make_plan
from openfaith.settings import Settings
from openfaith.source import events as source_events
from openfaith.store import mirror
from openfaith.telemetry import events, metrics

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
MIGRATIONS = ROOT / "src" / "openfaith" / "store" / "migrations"


def commands() -> dict[str, Any]:
    """Every command by its words, the groups included."""
    return dict(_walk("openfaith", typer.main.get_command(application)))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    children: dict[str, Any] = getattr(command, "commands", {})
    for word, part in children.items():
        yield from _walk(f"{name} {word}", part)


def options(command: Any) -> list[str]:
    found = (p for p in command.params if p.param_type_name == "option")
    return [name for p in found for name in (*p.opts, *p.secondary_opts) if name != "--help"]


def section(page: str, heading: str) -> str:
    """A heading's text, without that of the headings below it."""
    match = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert match, f"no section {heading}"
    return match[1]


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def subclasses(kind: type[Any]) -> list[type[Any]]:
    """All of them, at every depth."""
    found = list(kind.__subclasses__())
    return found + [deeper for each in found for deeper in subclasses(each)]


@pytest.mark.parametrize("name", commands())
def test_every_command_has_a_section_with_every_option(name: str) -> None:
    text = section(page("cli.md"), name)
    for option in options(commands()[name]):
        assert f"`{option}" in text, option


def test_the_reference_has_no_command_that_does_not_exist() -> None:
    headings = re.findall(r"^#+ (openfaith\b.*)$", page("cli.md"), re.MULTILINE)
    assert sorted(headings) == sorted(commands())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_no_command_that_does_not_exist(path: Path) -> None:
    known = {words.split()[1] for words in commands() if " " in words}
    text = path.read_text("utf-8")
    shell = "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL))
    quoted = re.findall(r"`openfaith ([a-z][\w-]*)", text) + re.findall(
        r"^[^#\n]*\bopenfaith ([a-z][\w-]*)", shell, re.MULTILINE
    )
    assert set(quoted) <= known


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_reference(name: str) -> None:
    assert f"| `OPENFAITH_{name.upper()}` |" in page("settings.md")


def test_the_reference_has_no_setting_that_does_not_exist() -> None:
    named = re.findall(r"^\| `OPENFAITH_(\w+)` \|", page("settings.md"), re.MULTILINE)
    assert sorted(n.lower() for n in named) == sorted(Settings.model_fields)


@pytest.mark.parametrize("event", subclasses(events.Event))
def test_every_event_and_its_measures_are_in_the_reference(event: Any) -> None:
    row = re.search(rf"^\| `{event.__name__}` \|.*$", page("events.md"), re.MULTILINE)
    assert row, event.__name__
    for field in fields(event):
        assert field.name == "about" or f"`{field.name}`" in row[0], field.name


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_every_metric_and_its_own_labels_are_in_the_reference(metric: metrics.Metric) -> None:
    row = re.search(rf"^\| `{metric.name}` \| (.*?) \|.*$", page("metrics.md"), re.MULTILINE)
    assert row
    assert row[1].replace("`", "").split(", ") == ["org", "adapter", "entity", *metric.own_labels][3:] or [""]


def test_the_metric_of_alerts_and_its_labels_are_in_the_reference() -> None:
    labels = ", ".join(f"`{label}`" for label in metrics.ALERT_LABELS)
    assert f"| `{metrics.ALERTS}` | {labels} |" in page("metrics.md")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_in_the_how_to(rule: str) -> None:
    assert f"| `{rule}` |" in (ROOT / "docs" / "how-to" / "alerts.md").read_text("utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_no_metric_that_does_not_exist(path: Path) -> None:
    named = re.findall(r"\bopenfaith_entity_\w+", path.read_text("utf-8"))
    assert set(named) <= {metric.name for metric in metrics.METRICS}


def test_every_notice_of_the_source_is_in_the_reference() -> None:
    classes = [
        c
        for _, c in inspect.getmembers(source_events, inspect.isclass)
        if c.__module__ == source_events.__name__
    ]
    for notice in classes:
        assert f"| `{notice.__name__}` |" in page("events.md")


@pytest.mark.parametrize("error", subclasses(errors.SyncError))
def test_every_error_is_in_the_reference(error: type) -> None:
    text = page("errors.md")
    assert re.search(rf"[─ ]{error.__name__}\b", text)
    assert f"`{error.__name__}`" in text


def test_every_control_table_is_in_the_reference() -> None:
    created = [
        name
        for file in MIGRATIONS.glob("*.sql")
        for name in re.findall(r"CREATE TABLE (openfaith\.\w+)", file.read_text("utf-8"))
    ]
    assert created
    for name in (*created, "openfaith.migration"):
        assert f"| `{name}` |" in page("tables.md")


def test_every_column_that_is_our_own_is_in_the_reference() -> None:
    for name, *_ in mirror._OWN_COLUMNS:
        assert f"| `{name}` |" in page("tables.md")


def test_the_number_of_entities_is_true() -> None:
    synced = len(make_plan(load_planning_center()).order)
    for path in (ROOT / "README.md", ROOT / "changes" / "full-sync.added.md"):
        assert f"{synced} entities" in path.read_text("utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / "changes").iterdir()), ids=lambda path: path.name)
def test_a_change_is_one_sentence(path: Path) -> None:
    assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path.name)
    assert re.fullmatch(r"[A-Z`][^\n]*\.\n", path.read_text("utf-8"))
