"""An answer's envelope is split; the records stay the bytes that came."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from openfaith.errors import BrokenResponseError
from openfaith.records import Page, Row
from openfaith.source.documents import (
    Document,
    read_document,
    read_page,
    read_record,
    read_row,
    read_written,
    speaks_of,
    without_first,
)
from openfaith.source.exchanges import Exchange, Request
from support.mirror import make_page

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


FAULTS = [rb'"\ud83d"', rb'"\udc00 x"', b"NaN", b"-Infinity", b"1e999999", b'"\xff"', b"9" * 5000]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_with_a_fault_is_known_by_its_id_and_stamps(fault: bytes) -> None:
    """Where nobody knew them, a delta would distrust the whole list, until the record is mended."""
    stamps = b'"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"'
    row = read_row(b'{"type":"Person","id":"7","attributes":{"name":' + fault + b"," + stamps + b"}}")
    assert row == Row(
        id="7",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "record", [b"", b"NaN", b"[NaN]", b'"\\ud83d"', b'{"id":NaN}', b'{"id":7,"n":NaN}', b'{"id":']
)
def test_of_what_is_no_record_nothing_is_known(record: bytes) -> None:
    assert read_row(record) == Row(id=None, created_at=None, updated_at=None)


@pytest.mark.parametrize(
    ("name", "kept"), [(rb"1\u0000", "1\ufffd"), (rb"\ud83d", "\ufffd"), (rb"\ud83d\ude00", "\U0001f600")]
)
def test_an_id_that_no_checkpoint_can_hold_is_known_by_one_that_it_can(name: bytes, kept: str) -> None:
    """Wherever it is met it is the same one."""
    assert read_row(b'{"id":"' + name + b'","attributes":{}}').id == kept
    assert read_row(b'{"id":"' + name + b'","attributes":{"n":NaN}}').id == kept


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("2026-01-02T14:00:00+02:00", "2026-01-02T12:00:00+00:00"),
        ("2026-01-01T20:00:00-04:00", "2026-01-02T00:00:00+00:00"),
        ("2026-01-02T12:00:00", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("9999-12-31T23:00:00-02:00", None),
    ],
)
def test_a_stamp_is_a_time_in_utc_whatever_zone_it_was_told_in(said: str, time: str | None) -> None:
    """What asks by it says it as UTC."""
    updated_at = read_row(json.dumps({"id": "1", "attributes": {"updated_at": said}}).encode()).updated_at
    assert (updated_at and updated_at.isoformat()) == time
    assert updated_at is None or updated_at.tzinfo is UTC


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_with_a_fault_speaks_of_what_came_along(fault: bytes) -> None:
    record = b'{"id":"1","attributes":{"name":' + fault + b'},"relationships":{"emails":{"data":[]}}}'
    assert speaks_of(make_page(record), "emails")
    assert not speaks_of(make_page(record), "campus")


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


@pytest.mark.parametrize(
    "fault",
    [
        b'{"type":"Em\xe4il","id":"2"}',
        b'{"type":"Email","id":"2","attributes":{"updated_at":"\xff"}}',
        b'{"type":"Email","id":"\xff","relationships":{"\xff":{"data":null}}}',
    ],
)
def test_a_record_that_is_not_utf_8_costs_neither_the_page_nor_the_look_at_it(fault: bytes) -> None:
    """It is noticed where a text is looked at, and nowhere before."""
    read = page(b'{"data":[' + RECORD + b"," + fault + b'],"included":[' + fault + b"]}")
    assert read.records == (RECORD, fault)
    assert [row.updated_at for row in read.rows] == [None, None]
    assert sum(map(len, read.included.values())) == 1
    assert without_first(read).records == (fault,)


@pytest.mark.parametrize("names", [b'["\xff"]', b"[1e999]", b"1e999", rb'["\ud83d"]'])
def test_what_a_collection_says_of_itself_may_be_unreadable(names: bytes) -> None:
    read = page(b'{"data":[' + RECORD + b'],"meta":{"can_query_by":' + names + b"}}")
    assert read.can_query_by is None
    assert read.records == (RECORD,)


def test_a_single_record_of_an_unreadable_type_is_none() -> None:
    with pytest.raises(BrokenResponseError):
        record(b'{"data":{"type":"\xff","id":"1"}}')


@pytest.mark.parametrize("fault", [rb'{"id":"2","name":"\ud83d"}', b'{"id":"2","n":NaN}'])
@pytest.mark.parametrize(
    "good",
    [
        b'{"id":"1","amount":0.1000000000000000055511151231257827}',
        b'{"id":"1","amount":1e400}',
        b'{"id" : "1","name":"\xc3\xa9","name":"e"}',
        b'{"id":"1","digits":' + b"9" * 5000 + b"}",
    ],
)
def test_a_record_stays_as_it_came_whatever_its_neighbour_is_like(good: bytes, fault: bytes) -> None:
    """Decoded and written again it would be another number, or an error."""
    read = page(
        b'{ "data" : [ ' + good + b" , " + fault + b' ] , "included":[' + good + b'], "\\ud800": 0 } '
    )
    assert read.records == (good, fault)
    assert read.included == {"": (good,)}


def test_what_comes_along_may_have_anything_for_an_id() -> None:
    relationships = {"emails": {"data": [named("Email", "1")]}}
    strange: list[object] = [
        {"type": "Email", "id": ["1"]},
        {"type": "Email", "id": {"a": 1}},
        {"type": "Email"},
    ]
    read = page_with(
        data=[named("Person", "1") | {"relationships": relationships}],
        included=[named("Email", "1"), *strange],
    )
    assert [json.loads(each) for each in without_first(read).included["Email"]] == strange


@pytest.mark.parametrize(
    ("stamp", "seen"),
    [
        ("2024-05-06T09:08:09+02:00", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
def test_stamps_are_seen_in_utc_and_not_at_all_where_that_has_no_such_time(
    stamp: str, seen: datetime | None
) -> None:
    [row] = page_with(data=[named("Person", "1") | {"attributes": {"updated_at": stamp}}]).rows
    assert row.updated_at == seen
    assert seen is None or (row.updated_at is not None and row.updated_at.tzinfo is UTC)
