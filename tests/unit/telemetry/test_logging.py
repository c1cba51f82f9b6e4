"""Log lines: on standard error, for people or for machines, and only where somebody set that up."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from openfaith.records import EntityName, OrgId, RunId
from openfaith.telemetry import (
    RunJoined,
    SourceNotice,
    Subject,
    ValuesSetAside,
    configure_logging,
    get_logger,
    log_event,
)

ABOUT = Subject(org_id=OrgId("grace"), run_id=RunId(7), entity=EntityName("people.Person"))
WARNING = ValuesSetAside(about=ABOUT, values={"age": 1})


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("openfaith")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before
    root.setLevel(before[1])
    ours.setLevel(before[2])
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_an_event_is_one_line_of_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", log_format="json")
    log_event(WARNING)
    [line] = lines(capsys)
    found = json.loads(line)
    assert found.pop("timestamp")
    assert found == {
        "event": WARNING.message(), "event_name": "ValuesSetAside", "level": "warning",
        "org_id": "grace", "run_id": 7, "entity": "people.Person",
    }  # fmt: skip


def test_fields_are_there_for_machines_even_where_they_are_empty(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", log_format="json")
    log_event(RunJoined())
    found = json.loads(lines(capsys)[0])
    assert (found["org_id"], found["run_id"], found["entity"]) == (None, None, None)


def test_an_event_is_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", log_format="console")
    log_event(SourceNotice(notice="n", text="100% of {everything}"))
    [line] = lines(capsys)
    assert "100% of {everything}" in line
    assert "None" not in line


@pytest.mark.parametrize(("level", "shown"), [("debug", 3), ("info", 3), ("warning", 2), ("error", 1)])
def test_only_what_is_severe_enough_is_shown(
    capsys: pytest.CaptureFixture[str], level: str, shown: int
) -> None:
    configure_logging(level=level, log_format="json")
    log_event(RunJoined())
    log_event(WARNING)
    get_logger("openfaith.somewhere").error("a failure", reason="x")
    assert len(lines(capsys)) == shown


def test_other_libraries_log_through_the_same_lines_from_warnings_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="debug", log_format="json")
    logging.getLogger("some.library").info("hidden")
    logging.getLogger("some.library").warning("seen %d", 5)
    [line] = lines(capsys)
    assert json.loads(line)["event"] == "seen 5"


def test_a_library_with_a_level_of_its_own_shows_no_more_than_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="error", log_format="json")
    library = logging.getLogger("some.talkative.library")
    library.setLevel(logging.WARNING)
    library.warning("hidden")
    assert lines(capsys) == []


def test_keywords_of_a_logger_are_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(log_format="json")
    get_logger("openfaith.somewhere").warning("it failed", reason="because")
    found = json.loads(lines(capsys)[0])
    assert (found["event"], found["reason"], found["level"]) == ("it failed", "because", "warning")


def test_configuring_again_replaces_what_was(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        configure_logging(level="info", log_format="json")
    log_event(RunJoined())
    assert len(lines(capsys)) == 1


def test_a_program_that_only_imports_us_keeps_its_standard_output() -> None:
    """And hears of warnings as Python does by default."""
    code = (
        "from openfaith.telemetry import RunJoined, ValuesSetAside, get_logger, log_event\n"
        "log_event(RunJoined()); log_event(ValuesSetAside(values={'age': 1}))\n"
        "get_logger('openfaith.x').warning('careful', reason='x')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [ValuesSetAside(values={"age": 1}).message(), "careful"]


def test_a_program_that_logs_in_its_own_way_gets_our_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="openfaith"):
        log_event(WARNING)
    [seen] = caplog.records
    assert (seen.getMessage(), seen.levelname, vars(seen)["org_id"]) == (
        WARNING.message(),
        "WARNING",
        "grace",
    )
