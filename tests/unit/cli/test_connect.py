"""Where a secret may come from."""

from __future__ import annotations

import io

import pytest

from openfaith.cli.commands.connect import read_token
from openfaith.cli.failures import UsageError
from openfaith.errors import ConfigurationError


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard input that is no terminal."""
    stream = io.StringIO("s3cret\n")
    monkeypatch.setattr("sys.stdin", stream)
    return stream


def test_the_secret_is_read_from_standard_input(piped: io.StringIO) -> None:
    assert read_token("app", secret_stdin=True, token_stdin=False) == "app:s3cret"


def test_a_whole_token_is_read_from_standard_input(piped: io.StringIO) -> None:
    assert read_token(None, secret_stdin=False, token_stdin=True) == "s3cret"


@pytest.mark.parametrize(
    ("app_id", "secret_stdin", "token_stdin"),
    [
        ("app", False, True),
        (None, True, True),
        (None, True, False),
        (None, False, False),
        ("app", False, False),
    ],
)
def test_options_that_say_too_much_or_too_little_are_refused(
    piped: io.StringIO, app_id: str | None, secret_stdin: bool, token_stdin: bool
) -> None:
    """Also where nobody is there to be asked."""
    with pytest.raises(UsageError):
        read_token(app_id, secret_stdin=secret_stdin, token_stdin=token_stdin)


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_000])
def test_what_cannot_be_a_secret_is_refused_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(ConfigurationError) as caught:
        read_token("app", secret_stdin=True, token_stdin=False)
    assert "xxx" not in str(caught.value)
