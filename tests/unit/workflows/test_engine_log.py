"""The durable engine's log: one line for what it gets over by itself."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError

from openfaith.errors import DatabaseUnavailableError
from openfaith.workflows.engine_log import quieten, silence

ENGINE = logging.getLogger("dbos")
CUT_OFF = OperationalError(
    "SELECT secret FROM t", {}, Exception("the server went away\nmore of it"), code="e3q8"
)


@pytest.fixture(autouse=True)
def log_as_it_was(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nobody debugs, whatever other tests have set up."""
    caplog.set_level(logging.INFO, "openfaith")
    level, filters, handlers, propagate = (
        ENGINE.level,
        [*ENGINE.filters],
        [*ENGINE.handlers],
        ENGINE.propagate,
    )
    quieten()
    yield
    ENGINE.setLevel(level)
    ENGINE.filters[:], ENGINE.handlers[:], ENGINE.propagate = filters, handlers, propagate


def test_a_database_that_is_away_is_one_line_without_stack_and_statement(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ENGINE.warning("Poll failed:", exc_info=CUT_OFF)
    ENGINE.warning("Polling failed: %s", CUT_OFF)
    try:
        raise CUT_OFF
    except OperationalError:
        ENGINE.warning(f"Poll failed: {traceback.format_exc()}")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "Poll failed: OperationalError: (builtins.Exception) the server went away",
        "Polling failed: (builtins.Exception) the server went away",
        "Poll failed: sqlalchemy.exc.OperationalError: (builtins.Exception) the server went away",
    ]
    assert all(record.exc_info is None for record in caplog.records)


def test_an_error_of_ours_about_the_database_is_one_line_too(caplog: pytest.LogCaptureFixture) -> None:
    ENGINE.warning("Step failed", exc_info=DatabaseUnavailableError("localhost:5432/x", "refused"))
    [record] = caplog.records
    assert record.exc_info is None
    assert record.getMessage().startswith("Step failed: DatabaseUnavailableError: PostgreSQL at localhost")


@pytest.mark.parametrize(
    "text", ["two lines:\nthe second one", "Poll failed: Traceback (most recent call last):\nKeyError: 1"]
)
def test_whatever_else_has_several_lines_keeps_them(caplog: pytest.LogCaptureFixture, text: str) -> None:
    ENGINE.warning(text)
    [record] = caplog.records
    assert record.getMessage() == text


def test_a_mistake_keeps_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    ENGINE.error("Exception encountered:", exc_info=KeyError("x"))
    [record] = caplog.records
    assert record.exc_info is not None


def test_who_debugs_gets_all_of_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="openfaith"):
        ENGINE.warning("Polling failed: %s", CUT_OFF)
    [record] = caplog.records
    assert "SELECT secret" in record.getMessage()


def test_nothing_is_heard_of_an_engine_that_ends(caplog: pytest.LogCaptureFixture) -> None:
    silence()
    ENGINE.error("cut off")
    assert caplog.records == []
