"""An answer's envelope is split; the records stay the bytes that came."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from openfaith.errors import BrokenResponseError
from openfaith.records import Page
from openfaith.source.documents import (
    Document,
    read_document,
    read_page,
    read_record,
    read_written,
    without_first,
)
from openfaith.source.exchanges import Exchange, Request

NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)
ASKED = Request.read("/people/v2/people", {"where[search_name]": "Jane Roe"}, None)
RECORD = b'{"type":"Person","id":"1","attributes":{"name":"Jane  Roe"}}'


def answer(body: bytes, status: int = 200) -> Exchange:
    headers = {"Content-Type": "application/vnd.api+json; charset=utf-8"}
    return Exchange(sent_at=0, ended_at=1, status=status, headers=headers, body=body)


def page(body: bytes) -> Page:
    return read_page(ASKED, answer(body), NOON)


def page_with(**members: object) -> Page:
    return page(json.dumps({"data": [], **members}).encode())


def named(kind: str, number: str) -> dict[str, object]:
    return {"type": kind, "id": number}


def record(body: bytes) -> Document:
    return read_record(ASKED, answer(body), NOON)


def test_records_keep_their_text_to_the_byte() -> None:
    read = page(b'{"data":[' + RECORD + b" ,\n" + b'{"id" : "2"}' + b"]}")
    assert read.records == (RECORD, b'{"id" : "2"}')


def test_included_records_do_too() -> None:
    assert page(b'{"data":[],"included":[' + RECORD + b"]}").included == {"Person": (RECORD,)}


@pytest.mark.parametrize(
    "body", [b'{"data":[]}', b'{"data":[],"included":null}', b'{"data":[],"included":[]}']
)
def test_included_is_optional(body: bytes) -> None:
    assert page(body).included == {}


def test_a_page_says_when_it_was_asked_for_and_how_large_it_is() -> None:
    read = page(b'{"data":[]}')
    assert (read.requested_at, read.size_bytes) == (NOON, 11)


def test_what_the_source_says_of_itself_is_read() -> None:
    read = page_with(
        meta={
            "total_count": 300,
            "next": {"offset": 100},
            "can_query_by": ["id", "updated_at"],
            "can_order_by": ["updated_at"],
            "can_include": [],
        },
        links={"next": "https://api.example/people?offset=100"},
    )
    assert read.total_count == 300
    assert read.has_next
    assert read.can_query_by == frozenset({"id", "updated_at"})
    assert read.can_order_by == frozenset({"updated_at"})
    assert read.can_include == frozenset()


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"meta": None, "links": None},
        {"meta": [], "links": "x"},
        {"meta": {"total_count": "300", "next": None, "can_query_by": "id"}, "links": {"next": None}},
        {
            "meta": {
                "total_count": -1,
                "next": {},
                "can_query_by": ["id", 3],
                "can_order_by": {},
                "can_include": 1,
            }
        },
        {"meta": {"total_count": True}, "links": {"self": "x"}},
        {"meta": {"total_count": 1.5, "next": 0}},
    ],
)
def test_nothing_of_it_has_to_be_there_or_right(members: dict[str, object]) -> None:
    read = page_with(**members)
    assert read.total_count is None
    assert not read.has_next
    assert read.can_query_by is None
    assert read.can_order_by is None
    assert read.can_include is None


@pytest.mark.parametrize(
    "members",
    [
        {"links": {"next": "https://api.example/people?offset=75&per_page=25"}},
        {"links": {"next": "https://api.example/people?cursor=abc"}},
        {"meta": {"next": {"offset": 100}}},
    ],
)
def test_the_link_or_meta_says_that_there_is_more(members: dict[str, object]) -> None:
    assert page_with(**members).has_next


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html></html>",
        b"[]",
        b"null",
        b'"data"',
        b"{}",
        b'{"data":null}',
        b'{"data":{}}',
        b'{"data":"x"}',
        b'{"errors":[{"title":"x"}]}',
        b'{"data":[],"included":{}}',
        b'{"data":[' + RECORD,
        b'{"data":[' + RECORD + b"]",
        b'{"data":[]} and more',
        b"\xff\xfe",
        b"{" * 200_000,
        b'{"data":[' + b"[" * 200_000,
    ],
)
def test_what_is_no_listing_is_a_broken_response(body: bytes) -> None:
    with pytest.raises(BrokenResponseError):
        page(body)


def test_a_broken_response_quotes_neither_records_nor_filters() -> None:
    for body in (b'{"data":[{"name":"CANARY"', b'{"data":"CANARY"}', b'{"data":{"CANARY":1}}', b"CANARY"):
        with pytest.raises(BrokenResponseError) as raised:
            page(body)
        assert "CANARY" not in str(raised.value)
        assert "Jane" not in str(raised.value)


@pytest.mark.parametrize(
    "fault", [rb'{"id":"2","name":"\ud83d"}', rb'{"id":"2","name":"\udc00 x"}', b'{"id":"2","n":NaN}']
)
def test_one_record_that_is_not_quite_json_does_not_cost_the_page(fault: bytes) -> None:
    """Half a surrogate pair, as cut-off emoji leave it: the record keeps its fault and is set aside later."""
    read = page(
        b'{"meta":{"total_count":3},"data":[' + RECORD + b"," + fault + b'],"included":[' + RECORD + b"]}"
    )
    assert next(json.loads(text) for text in read.records) == json.loads(RECORD)
    assert json.dumps(json.loads(read.records[1])) == json.dumps(json.loads(fault))
    assert [json.loads(text) for text in read.included["Person"]] == [json.loads(RECORD)]
    assert read.total_count == 3


@pytest.mark.parametrize("fault", [rb'"\ud83d"', rb'"\udc00 x"', b"NaN", b"1e999999"])
def test_an_included_record_that_is_not_quite_json_stands_under_its_type(fault: bytes) -> None:
    """Where nobody looked for it, it would be lost."""
    strange = b'{"type":"Email","id":"2","name":' + fault + b"}"
    read = page(b'{"data":[],"included":[' + RECORD + b"," + strange + b"]}")
    assert {kind: len(records) for kind, records in read.included.items()} == {"Person": 1, "Email": 1}


@pytest.mark.parametrize("untyped", [b'{"id":"1"}', b'{"type":null}', b'{"type":7,"n":NaN}', b"5", b"[NaN]"])
def test_what_is_included_without_a_type_is_nobodys(untyped: bytes) -> None:
    assert list(page(b'{"data":[],"included":[' + RECORD + b"," + untyped + b"]}").included) == ["Person", ""]


def test_a_page_goes_on_without_its_first_record_and_what_came_along_with_it() -> None:
    """What the second shares with it too; what nobody names stays."""
    first = {
        "emails": {"data": [named("Email", "1"), named("Email", "2")]},
        "campus": {"data": named("Campus", "7")},
    }
    second = {"emails": {"data": [named("Email", "3")]}, "campus": {"data": named("Campus", "7")}}
    left = without_first(
        page_with(
            data=[
                named("Person", "1") | {"relationships": first},
                named("Person", "2") | {"relationships": second},
            ],
            included=[
                *(named("Email", number) for number in ("1", "2", "3", "4")),
                named("Campus", "7"),
                named("PhoneNumber", "1"),
            ],
        )
    )
    assert [row.id for row in left.rows] == ["2"]
    assert len(left.records) == 1
    kept = {kind: [json.loads(record)["id"] for record in records] for kind, records in left.included.items()}
    assert kept == {"Email": ["3", "4"], "Campus": [], "PhoneNumber": ["1"]}


@pytest.mark.parametrize(
    "relationships", [None, 7, [], {"emails": None}, {"emails": {"data": "1"}}, {"emails": 5}]
)
def test_links_of_any_shape_take_nothing_along(relationships: object) -> None:
    left = without_first(
        page_with(
            data=[named("Person", "1") | {"relationships": relationships}, named("Person", "2")],
            included=[named("Email", "1")],
        )
    )
    assert len(left.records) == len(left.included["Email"]) == 1


def test_such_a_page_must_still_be_a_listing() -> None:
    for body in (
        b'{"data":NaN}',
        b'{"data":{"a":NaN}}',
        b"NaN",
        b'{"meta":NaN}',
        b'{"data":[],"included":NaN}',
    ):
        with pytest.raises(BrokenResponseError):
            page(body)


def test_a_record_that_is_no_object_is_left_to_be_set_aside() -> None:
    assert page(b'{"data":[3,null]}').records == (b"3", b"null")


def test_one_record_is_read_with_what_is_included() -> None:
    read = record(b'{"data":' + RECORD + b',"included":[' + RECORD + b'],"meta":{"parent":{"id":"9"}}}')
    assert read.data == RECORD
    assert read.included == (RECORD,)
    assert read.meta == {"parent": {"id": "9"}}
    assert read.requested_at == NOON


@pytest.mark.parametrize(
    "data", [b"null", b"{}", b"[]", b'"x"', b'{"id":"1"}', b'{"type":"P","id":1}', b"[" + RECORD + b"]"]
)
def test_what_is_no_record_is_a_broken_response(data: bytes) -> None:
    with pytest.raises(BrokenResponseError):
        record(b'{"data":' + data + b"}")


def test_a_success_without_a_body_is_no_document() -> None:
    with pytest.raises(BrokenResponseError):
        read_page(ASKED, answer(b"", status=204), NOON)


def test_a_write_may_be_answered_without_a_body() -> None:
    assert read_written(ASKED, answer(b"", status=204), NOON) is None


def test_a_write_may_be_answered_with_a_list() -> None:
    """Uploads are (recorded)."""
    read = read_written(ASKED, answer(b'{"data":[' + RECORD + b"]}", status=201), NOON)
    assert read is not None
    assert read.data == b"[" + RECORD + b"]"


def test_an_answer_without_data_is_no_document() -> None:
    with pytest.raises(BrokenResponseError):
        read_document(ASKED, answer(b'{"meta":{}}'), NOON)
