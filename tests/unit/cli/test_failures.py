"""From exception to sentence and exit code."""

from __future__ import annotations

import json

import pytest
import typer

from openfaith.cli.failures import InterruptedBySignalError, UsageError, describe, tell, trace, wants_json
from openfaith.errors import ConfigurationError, UnknownNameError


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """The same, after it was raised and caught."""
    with pytest.raises(type(error)) as caught:
        _raise(error, cause)
    return caught.value


def _raise(error: Exception, cause: Exception | None) -> None:
    raise error from cause


def test_what_was_raised_on_purpose_says_itself() -> None:
    failure = describe(UnknownNameError("entity", "Persn", ("people.Person",)))
    assert (failure.kind, failure.exit_code) == ("UnknownNameError", 2)
    assert "people.Person" in failure.message


def test_a_surprise_names_its_place_and_quotes_nothing() -> None:
    failure = describe(raised(ValueError("invalid input: 'Ada Lovelace'")))
    assert (failure.kind, failure.exit_code) == ("UnexpectedError", 1)
    assert "ValueError" in failure.message
    assert "OPENFAITH_LOG_LEVEL=debug" in failure.message
    assert "Ada" not in failure.message


def test_a_surprise_inside_of_our_code_names_the_line() -> None:
    with pytest.raises(AttributeError) as caught:
        describe.__globals__["_usage"](None)
    assert "openfaith/cli/failures.py:" in describe(caught.value).message


def test_the_trace_has_every_cause_and_no_foreign_text() -> None:
    cause = raised(ValueError("'Ada Lovelace' is no number"))
    text = trace(raised(ConfigurationError("x", "seen", "expected"), cause))
    assert "ConfigurationError: x: seen; expected expected" in text
    assert "caused by:" in text
    assert "ValueError" in text
    assert "Ada" not in text


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_a_signal_exits_as_shells_report_it(number: int, code: int) -> None:
    failure = describe(InterruptedBySignalError(number))
    assert failure.exit_code == code
    assert failure.is_told


def test_a_question_that_nobody_answers_is_wrong_usage() -> None:
    assert describe(typer.Abort()).exit_code == 2


def test_a_usage_error_points_to_the_help() -> None:
    failure = describe(UsageError("--secret-stdin needs --app-id"))
    assert failure.kind == "UsageError"
    assert failure.message == "--secret-stdin needs --app-id; see `openfaith --help`"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["sync", "grace", "--json"], True),
        (["sync", "grace"], False),
        (["entities", "--", "--json"], False),
        ([], False),
    ],
)
def test_json_is_wanted_where_the_option_stands(arguments: list[str], wanted: bool) -> None:
    assert wants_json(arguments) is wanted


def test_a_failure_is_a_line_for_people_and_an_object_for_machines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = tell(describe(ConfigurationError("X", "a", "b")), as_json=True)
    out, err = capsys.readouterr()
    assert code == 2
    assert err == "error: X: a; expected b\n"
    assert json.loads(out) == {"error": {"kind": "ConfigurationError", "message": "X: a; expected b"}}
