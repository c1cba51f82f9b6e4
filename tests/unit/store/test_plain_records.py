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


@pytest.mark.parametrize(
    "body",
    [
        record("1", relationships=RELATED, **WHOLE),
        record("1", **WHOLE),
        record("1"),
        record("1", **NOTHING),
        record("1", relationships=dict.fromkeys(RELATED), **WHOLE),
        record("1", relationships={"campus": {"data": None}, "owner": {"links": {}}}, **WHOLE),
        record("1", relationships={"teams": "anything"}, **WHOLE),
        # What PostgreSQL refuses by itself, or the statement looks at in any case.
        record("1", kind="Other", age="old", height="tall"),
    ],
)
def test_what_fits_is_plain(body: bytes) -> None:
    assert MEMBERS.has_all([body])


@pytest.mark.parametrize(
    "body",
    [
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
    assert not MEMBERS.has_all([body])
    assert not MEMBERS.has_all([record("2", **WHOLE), body])


def test_what_comes_along_may_be_named_among_the_relationships() -> None:
    """But not as one record: that is a relationship nobody knew of, and kept."""
    named = record("1", relationships={"emails": {"links": {}, "data": [{"type": "Email", "id": "5"}]}})
    assert PlainRecords(MEMBER, ["emails"]).has_all([named])
    assert not MEMBERS.has_all([named])
    alone = record("1", relationships={"emails": to_one("5", "Email")})
    assert not PlainRecords(MEMBER, ["emails"]).has_all([alone])


def test_a_known_relationship_stays_what_it_is_where_it_comes_along() -> None:
    asked = PlainRecords(MEMBER, ["campus"])
    assert asked.has_all([record("1", relationships={"campus": to_one("7")})])
    assert not asked.has_all([record("1", relationships={"campus": {"data": []}})])


@pytest.mark.parametrize("missing", WHOLE)
def test_a_thin_copy_is_not_plain(missing: str) -> None:
    thin = record("1", **{name: value for name, value in WHOLE.items() if name != missing})
    assert not PlainRecords(MEMBER, rides=True).has_all([thin])
    assert PlainRecords(MEMBER, rides=True).has_all([record("1", **WHOLE)])
    assert MEMBERS.has_all([thin])


@pytest.mark.parametrize("name", ['quo"ted', "back\\slash", "new\nline"])
def test_names_that_json_escapes_make_nothing_plain(name: str) -> None:
    """Rather than to be taken for unknown ones, or not to be missed."""
    attribute = make_entity("Odd", {name: AttributeType.STRING})
    assert not PlainRecords(attribute, rides=True).has_all([record("1", "Odd", **{name: "x"})])
    assert not PlainRecords(attribute, rides=True).has_all([record("1", "Odd")])
    related = make_entity("Odd", {}, Relationship(name=name, to=None, polymorphic=True))
    assert not PlainRecords(related).has_all([record("1", "Odd", relationships={name: {"data": []}})])


def test_names_that_python_keeps_for_itself_are_names_like_others() -> None:
    words = make_entity(
        "Odd", {"class": AttributeType.BOOLEAN, "self": AttributeType.DATE, "☃": AttributeType.STRING}
    )
    assert PlainRecords(words).has_all([record("1", "Odd", **{"class": True, "self": None, "☃": "x"})])
    assert not PlainRecords(words).has_all([record("1", "Odd", **{"class": "x"})])
