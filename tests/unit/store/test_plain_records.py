"""Which records are plain, so that nobody has to look at their values."""

from __future__ import annotations

from typing import Any

import pytest

from openfaith.manifest import AttributeType, Relationship
from openfaith.store.plain_records import PlainRecords
from support.mirror import MEMBER, make_entity, record, to_one

WHOLE: dict[str, Any] = {
    "name": "Ann ☃",
    "age": 41,
    "height": 1.75,
    "active": True,
    "born": "1984-02-29",
    "joined_at": "2020-03-01T10:00:07Z",
    "settings": {"a": [1, {"b": None}]},
    "tags": ["x", 2],
    "updated_at": "2026-01-01T00:00:00.25+02:00",
}
RELATED: dict[str, Any] = {"campus": to_one("7"), "owner": to_one("9", "Person"), "teams": {"data": []}}
NOTHING: dict[str, Any] = dict.fromkeys(WHOLE)
MEMBERS = PlainRecords(MEMBER)
RIDERS = PlainRecords(MEMBER, rides=True)


def is_plain(known: PlainRecords, bodies: list[bytes]) -> bool:
    return known.read(bodies) is not None


@pytest.mark.parametrize(
    "body",
    [
        record("1", relationships=RELATED, **WHOLE),
        record("1", **WHOLE),
        record("1"),
        record("1", **NOTHING),
        record("1", relationships=dict.fromkeys(RELATED), **WHOLE),
        record("1", relationships={"campus": {"data": None}, "owner": {"links": {}}}, **WHOLE),
        record("1", relationships={"teams": {"data": [{"type": "Team", "id": "5"}]}}, **WHOLE),
        record("1", relationships={"teams": to_one("5", "Team"), "campus": None}, **WHOLE),
        # What PostgreSQL refuses by itself, or the statement looks at in any case.
        record("1", age="old", height="tall"),
        record(""),
        record("☃, {NULL}"),
    ],
)
def test_what_fits_is_plain(body: bytes) -> None:
    assert is_plain(MEMBERS, [body])


@pytest.mark.parametrize(
    "body",
    [
        record("1", kind="Other"),
        record("1").replace(b'"1"', b"1"),
        record('quo"te'),
        record("back\\slash"),
        record("nothing\x00"),
        record("1", relationships={"campus": to_one('7","8')}),
        record("1", relationships={"owner": to_one("7", 'Per"son')}),
        record("1", relationships={"owner": {"data": {"type": 5, "id": "7"}}}),
        record("1", **WHOLE, shoe_size=41),
        record("1", active="true"),
        record("1", active=1),
        record("1", born="today"),
        record("1", born="2020-02-30"),
        record("1", born="2020-01-01T10:00:00Z"),
        record("1", joined_at="now"),
        record("1", joined_at="2020-01-01"),
        record("1", joined_at="2020-01-01T10:11x12Z"),
        record("1", joined_at=1577836800),
        record("1", updated_at="infinity"),
        record("1", relationships={"teams": "anything"}),
        record("1", relationships={"teams": {"data": [{"type": "Team", "id": "\x00"}]}}),
        record("1", relationships={"campus": {"links": {"related": "\x00"}}}),
        record("1", relationships={"mentor": to_one("8", "Member")}),
        record("1", relationships={"mentor": {"data": []}}),
        record("1", relationships={"campus": {"data": [{"type": "Campus", "id": "7"}]}}),
        record("1", relationships={"campus": to_one(7)}),
        record("1", relationships={"campus": {"data": {"type": "Campus"}}}),
        record("1", relationships={"campus": "7"}),
        record("1", relationships=[]),
        b'{"type":"Member","id":"1"}',
        b'{"type":"Member","id":"1","attributes":null}',
        b'{"type":"Member","id":"1","attributes":{"active":"of","active":true}}',
        b'{"type":"Member","id":"1","attributes":{"name":"\xff","born":"\xff"}}',
        b'{"type":"Member","id":"1","attributes":{"born":"\\ud800"}}',
        b'{"type":"Member","id":"1","attributes":' + b'{"settings":' * 5000 + b"1" + b"}" * 5001,
        b"[]",
        b"",
    ],
)
def test_what_does_not_fit_or_is_not_known_is_not_plain(body: bytes) -> None:
    """Though most of it is stored, and none of it is lost."""
    assert not is_plain(MEMBERS, [body])
    assert not is_plain(MEMBERS, [record("2", **WHOLE), body])


def test_what_comes_along_may_be_named_among_the_relationships() -> None:
    """But not as one record: that is a relationship nobody knew of, and kept."""
    named = record("1", relationships={"emails": {"links": {}, "data": [{"type": "Email", "id": "5"}]}})
    assert is_plain(PlainRecords(MEMBER, ["emails"]), [named])
    assert not is_plain(MEMBERS, [named])
    alone = record("1", relationships={"emails": to_one("5", "Email")})
    assert not is_plain(PlainRecords(MEMBER, ["emails"]), [alone])


def test_a_known_relationship_stays_what_it_is_where_it_comes_along() -> None:
    asked = PlainRecords(MEMBER, ["campus"])
    assert is_plain(asked, [record("1", relationships={"campus": to_one("7")})])
    assert not is_plain(asked, [record("1", relationships={"campus": {"data": []}})])


@pytest.mark.parametrize("missing", WHOLE)
def test_a_thin_copy_is_not_plain(missing: str) -> None:
    sent = {name: value for name, value in WHOLE.items() if name != missing}
    thin = record("1", relationships=RELATED, **sent)
    assert not is_plain(RIDERS, [thin])
    assert is_plain(RIDERS, [record("1", relationships=RELATED, **WHOLE)])
    assert is_plain(MEMBERS, [thin])


@pytest.mark.parametrize("silent", ["campus", "owner"])
def test_a_copy_that_does_not_speak_of_a_relationship_is_not_plain(silent: str) -> None:
    """What is stored of it shall stay. To say that there is none is to speak of it."""
    related = {name: end for name, end in RELATED.items() if name != silent}
    assert not is_plain(RIDERS, [record("1", relationships=related, **WHOLE)])
    nowheres: list[Any] = [None, {"data": None}, {"links": {}}]
    for nowhere in nowheres:
        assert is_plain(RIDERS, [record("1", relationships={**related, silent: nowhere}, **WHOLE)])
    nothings: list[Any] = [None, {}]
    for nothing in nothings:
        assert not is_plain(RIDERS, [record("1", relationships=nothing, **WHOLE)])


def test_plain_records_are_sent_column_by_column() -> None:
    somewhere = record("2", relationships={"campus": to_one("7"), "owner": to_one("9", "Person")}, name="Ann")
    rows = MEMBERS.read([record("1"), somewhere])
    assert rows is not None
    assert [bytes(body) for body in rows.attributes.bodies] == [b"{}", b'{"name": "Ann"}']
    texts = [rows.ids, *rows.ends]
    assert texts == ['{"1","2"}', '{NULL,"7"}', '{NULL,"9"}', '{NULL,"Person"}']


def test_of_no_records_there_are_no_rows() -> None:
    rows = MEMBERS.read([])
    assert rows is not None
    assert (rows.ids, rows.attributes.bodies, rows.ends) == ("{}", [], ("{}", "{}", "{}"))


@pytest.mark.parametrize("name", ['quo"ted', "back\\slash", "new\nline"])
def test_names_that_json_escapes_make_nothing_plain(name: str) -> None:
    """Rather than to be taken for unknown ones, or not to be missed."""
    attribute = make_entity("Odd", {name: AttributeType.STRING})
    assert not is_plain(PlainRecords(attribute, rides=True), [record("1", "Odd", **{name: "x"})])
    assert not is_plain(PlainRecords(attribute, rides=True), [record("1", "Odd")])
    related = make_entity("Odd", {}, Relationship(name=name, to=None, polymorphic=True))
    assert not is_plain(PlainRecords(related), [record("1", "Odd", relationships={name: {"data": []}})])


def test_names_that_python_keeps_for_itself_are_names_like_others() -> None:
    words = make_entity(
        "Odd", {"class": AttributeType.BOOLEAN, "self": AttributeType.DATE, "☃": AttributeType.STRING}
    )
    assert is_plain(PlainRecords(words), [record("1", "Odd", **{"class": True, "self": None, "☃": "x"})])
    assert not is_plain(PlainRecords(words), [record("1", "Odd", **{"class": "x"})])
