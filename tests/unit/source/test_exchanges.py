"""How a request is called where people read it."""

from __future__ import annotations

from openfaith.source.exchanges import Exchange, Request


def test_filters_are_named_without_their_values() -> None:
    request = Request.read(
        "/people/v2/people", {"where[search_name]": "Jane Roe", "offset": "25", "include": "emails"}, None
    )
    assert request.what == "GET /people/v2/people?include=emails&offset=25&where[search_name]=…"


def test_a_request_without_parameters_is_its_method_and_path() -> None:
    assert Request.read("/people/v2/people/1", {}, None).what == "GET /people/v2/people/1"


def test_the_order_of_parameters_makes_no_difference() -> None:
    one = Request.read("/p", {"a": "1", "b": "2"}, "v")
    other = Request.read("/p", {"b": "2", "a": "1"}, "v")
    assert one == other
    assert hash(one) == hash(other)


def test_another_version_is_another_request() -> None:
    assert Request.read("/p", {}, "2025-01-01") != Request.read("/p", {}, None)


def test_the_product_is_the_first_part_of_the_path() -> None:
    assert Request.read("/check-ins/v2/events", {}, None).product == "check-ins"


def test_only_reads_may_be_repeated() -> None:
    assert Request.read("/p", {}, None).repeatable
    assert not Request(method="GET", path="/p").repeatable


def test_refusals_failures_and_silence_look_like_overload() -> None:
    looks = {
        status: Exchange(sent_at=0, ended_at=1, status=status, headers={}).overloaded
        for status in (None, 200, 404, 422, 429, 500, 503)
    }
    assert looks == {None: True, 200: False, 404: False, 422: False, 429: True, 500: True, 503: True}
