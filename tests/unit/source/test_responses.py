"""What is kept of an error document, and what is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import (
    AccessDeniedError,
    BrokenResponseError,
    CredentialsRejectedError,
    RateLimitedError,
    RecordNotFoundError,
    RequestRejectedError,
    SourceUnavailableError,
)
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.responses import error_of, read_errors

ASKED = Request.read("/people/v2/people", {"where[search_name]": "Jane Roe"}, None)


def answer(status: int, *errors: object, body: bytes | None = None, **headers: str) -> Exchange:
    content = json.dumps({"errors": list(errors)}).encode() if body is None else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(sent_at=0, ended_at=1, status=status, headers=named, body=content)


def test_a_success_is_no_error() -> None:
    for status in (200, 201, 202, 204):
        assert error_of(ASKED, answer(status)) is None


def test_a_refused_attribute_is_named_without_its_value() -> None:
    """The detail of a 422 may quote the value, and so a person's data."""
    refused = {
        "status": "422",
        "title": "Validation Error",
        "detail": "Address CANARY is invalid",
        "source": {"parameter": "address"},
    }
    error = error_of(ASKED, answer(422, refused, {"code": "taken"}))
    assert isinstance(error, RequestRejectedError)
    assert error.status == 422
    assert error.seen == "Validation Error (parameter address); taken"


def refusal_of(parameter: object) -> str:
    [entry] = read_errors(answer(422, {"title": "Invalid", "source": {"parameter": parameter}}).body)
    return entry.summary


@pytest.mark.parametrize("parameter", ["first_name", "where[search_name]", "filter", "data.attributes.base"])
def test_what_is_refused_is_named_as_the_source_does(parameter: str) -> None:
    assert refusal_of(parameter) == f"Invalid (parameter {parameter})"


@pytest.mark.parametrize(
    "parameter", ["Ann Example", "ann@example.org", "first_nameAnn", "", "1", 1, None, ["base"]]
)
def test_what_is_no_name_of_a_parameter_is_not_told(parameter: object) -> None:
    """It may be the value, and so a person's data."""
    assert refusal_of(parameter) == "Invalid"


def test_a_missing_permission_is_told_in_the_sources_words() -> None:
    error = error_of(ASKED, answer(403, {"detail": "You do not have access to this resource"}))
    assert isinstance(error, AccessDeniedError)
    assert "You do not have access to this resource" in error.seen


def test_of_a_401_only_the_hint_is_kept() -> None:
    error = error_of(ASKED, answer(401, {"detail": "Token CANARY. Error Code Hint: (BABOON)"}))
    assert isinstance(error, CredentialsRejectedError)
    assert error.seen == "401, BABOON: the access token has expired"


@pytest.mark.parametrize("detail", ["", "Error Code Hint: (WOMBAT)", "Error Code Hint:", None, 7])
def test_without_a_known_hint_the_credentials_are_rejected(detail: object) -> None:
    assert isinstance(error_of(ASKED, answer(401, {"detail": detail})), CredentialsRejectedError)


def test_a_hint_is_found_in_any_of_several_errors() -> None:
    error = error_of(ASKED, answer(401, {"title": "x"}, {"detail": "… Error Code Hint: (TRASH_PANDA)"}))
    assert isinstance(error, AccessDeniedError)


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html>", b"", b"{}", b'{"errors":[]}', b'{"errors":{}}', b"[]", b'{"errors":["x"]}']
)
def test_a_404_that_is_not_the_apis_own_does_not_say_that_a_record_is_gone(body: bytes) -> None:
    error = error_of(ASKED, answer(404, body=body, Content_Type="text/html"))
    assert isinstance(error, RequestRejectedError)
    assert error.status == 404


def test_a_404_whose_body_broke_does_not_either() -> None:
    fault = BrokenResponseError("GET /p", "a body that is cut off")
    broken = Exchange(sent_at=0, ended_at=1, status=404, headers={}, fault=fault)
    assert error_of(ASKED, broken) is fault


def test_the_apis_own_404_does() -> None:
    error = error_of(ASKED, answer(404, {"detail": "The resource you requested could not be found"}))
    assert isinstance(error, RecordNotFoundError)


def test_a_failure_of_the_source_does_not_need_its_body() -> None:
    fault = BrokenResponseError("GET /p", "a body that is cut off")
    for status, kind in ((429, RateLimitedError), (502, SourceUnavailableError)):
        broken = Exchange(sent_at=0, ended_at=1, status=status, headers={}, fault=fault)
        assert isinstance(error_of(ASKED, broken), kind)


def test_a_429_says_how_long_to_wait() -> None:
    error = error_of(ASKED, answer(429, Retry_After="12"))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_seconds == 12


def test_a_redirection_names_the_host_only() -> None:
    error = error_of(ASKED, answer(302, body=b"", Location="https://login.example/?token=CANARY"))
    assert isinstance(error, RequestRejectedError)
    assert "login.example" in error.seen
    assert "CANARY" not in error.seen


def test_an_unreadable_redirection_is_one_all_the_same() -> None:
    assert isinstance(error_of(ASKED, answer(301, body=b"", Location="https://[")), RequestRejectedError)


def test_texts_of_the_source_are_one_line_of_bounded_length() -> None:
    error = error_of(ASKED, answer(403, *[{"detail": "a\r\nb\x1b[31m " * 1000}] * 50))
    assert isinstance(error, AccessDeniedError)
    assert error.seen.isprintable()
    assert len(error.seen) <= 310


def test_no_error_quotes_a_filter() -> None:
    for status in (301, 400, 401, 403, 404, 422, 429, 500):
        assert "Jane" not in str(error_of(ASKED, answer(status, {"title": "x"})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["title", "code", "detail", "source", "parameter"]), inner)
    ),
    max_leaves=10,
)


@given(st.integers(300, 599), JSON)
def test_no_error_document_is_too_strange(status: int, errors: object) -> None:
    error = error_of(ASKED, answer(status, body=json.dumps({"errors": errors}).encode()))
    assert error is not None
    assert str(error)


@given(st.binary())
def test_no_body_is_too_strange(body: bytes) -> None:
    assert read_errors(body) == ()


def test_an_error_document_that_is_not_utf_8_is_none() -> None:
    error = error_of(ASKED, answer(422, body=b'{"errors":[{"title":"M\xfcller"}]}'))
    assert isinstance(error, RequestRejectedError)
    assert "no error document" in error.seen


@pytest.mark.parametrize("location", ["https://[]@", "https://xn--a/"])
def test_a_redirection_to_what_is_no_address_is_refused_like_any_other(location: str) -> None:
    error = error_of(ASKED, answer(302, Location=location))
    assert isinstance(error, RequestRejectedError)
    assert "a redirection to another path" in error.seen


def test_however_long_the_name_of_a_host_is_a_redirection_to_it_is_told_in_a_line() -> None:
    error = error_of(ASKED, answer(302, Location=f"https://{'a' * 5000}/"))
    assert len(str(error)) < 600
    assert "a redirection to aaa" in str(error)
