"""A token is read once, at the edge, and never shows its secret again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import ConfigurationError
from openfaith.source import BearerToken, PersonalAccessToken, parse_token

WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


def test_an_id_and_a_secret_are_a_personal_access_token() -> None:
    assert parse_token("app:s3cret") == PersonalAccessToken(app_id="app", secret="s3cret")


def test_anything_else_is_a_bearer_token() -> None:
    assert parse_token("eyJhbGciOi") == BearerToken(token="eyJhbGciOi")


def test_blanks_around_a_pasted_token_are_dropped() -> None:
    assert parse_token("  app:s3cret\n") == PersonalAccessToken(app_id="app", secret="s3cret")


def test_a_secret_may_hold_a_colon() -> None:
    assert parse_token("app:s3:cret") == PersonalAccessToken(app_id="app", secret="s3:cret")


@pytest.mark.parametrize(
    "text", ["", "   ", "\n", ":", "app:", ":s3cret", "two words", "a:b c", "a:b\r\nX: y", "ä:b"]
)
def test_what_cannot_be_a_token_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_token(text)
    for part in ("s3cret", "two words", "b c", "X: y", "ä"):
        assert part not in str(raised.value)


def test_a_colon_cannot_move_from_the_id_into_the_secret() -> None:
    """Basic authentication splits at the first colon."""
    with pytest.raises(ConfigurationError):
        PersonalAccessToken(app_id="a:b", secret="c")


def test_the_headers_are_what_rfc_7617_and_6750_say() -> None:
    assert (
        PersonalAccessToken(app_id="Aladdin", secret="opensesame").authorization
        == "Basic QWxhZGRpbjpvcGVuc2VzYW1l"
    )
    assert BearerToken(token="abc").authorization == "Bearer abc"


@given(WORDS)
def test_no_representation_shows_a_secret(word: str) -> None:
    marked = f"CANARY{word}"
    for token in (PersonalAccessToken(app_id="app", secret=marked), BearerToken(token=marked)):
        assert "CANARY" not in repr(token)
        assert "CANARY" not in str(token)
        assert "CANARY" not in f"{[token]}"
