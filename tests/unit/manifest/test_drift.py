"""Where a source differs from the manifest, and what that changes for a sync."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.manifest import (
    Attribute,
    AttributeType,
    Drift,
    Endpoint,
    Entity,
    Method,
    Relationship,
    find_drift,
    missing_collection,
)
from openfaith.records import EntityName, Page

LISTING = Endpoint(
    name="list",
    method=Method.GET,
    path="/people/v2/people",
    collection=True,
    includes=("emails", "campus"),
    order_by=("updated_at", "name"),
    query_by=("updated_at", "name", "id"),
)
PERSON = Entity(
    name=EntityName("people.Person"),
    type="Person",
    product="people",
    attributes={
        "name": Attribute(name="name", type=AttributeType.STRING),
        "updated_at": Attribute(name="updated_at", type=AttributeType.DATE_TIME),
        "secret": Attribute(name="secret", type=AttributeType.STRING, only_when_asked=True),
    },
    relationships={"campus": Relationship(name="campus", to=EntityName("people.Campus"))},
    endpoints=(LISTING,),
    include_targets={"emails": EntityName("people.Email"), "campus": None},
)
WHOLE = {"name": "x", "updated_at": "2020-01-02T00:00:00Z"}


def person(*relationships: str, **attributes: object) -> bytes:
    document = {"type": "Person", "id": "1", "attributes": attributes}
    return json.dumps(document | {"relationships": {r: {"data": None} for r in relationships}}).encode()


def page(*records: bytes, **said: frozenset[str] | None) -> Page:
    """What a collection answers that says of itself what the manifest does, unless told otherwise."""
    meta: dict[str, Any] = {
        "can_query_by": frozenset(LISTING.query_by),
        "can_order_by": frozenset(LISTING.order_by),
        "can_include": frozenset(LISTING.includes),
    }
    return Page(
        records=records,
        included={},
        total_count=None,
        has_next=False,
        requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        size_bytes=0,
        **(meta | said),
    )


def drift_of(*records: bytes, **said: frozenset[str] | None) -> tuple[Drift, ...]:
    return find_drift(PERSON, LISTING, page(*records, **said))


def test_a_source_that_is_as_the_manifest_says_has_no_drift() -> None:
    assert drift_of(person("campus", **WHOLE), person("emails", **WHOLE)) == ()


def test_an_attribute_that_records_show_and_the_manifest_does_not_know_is_new() -> None:
    assert drift_of(person(**WHOLE, nickname="x")) == (
        Drift(kind="attribute", name="nickname", change="added"),
    )


def test_an_attribute_that_no_record_shows_is_gone() -> None:
    assert drift_of(person(updated_at=None)) == (
        Drift(
            kind="attribute",
            name="name",
            change="gone",
            consequence="name is null in rows that are written from now on",
        ),
    )


def test_an_attribute_that_one_of_the_records_shows_is_not_gone() -> None:
    assert drift_of(person(updated_at=None), person(**WHOLE)) == ()


def test_without_the_time_of_change_versions_are_told_apart_by_the_request() -> None:
    [gone] = drift_of(person(name="x"))
    assert gone.name == "updated_at"
    assert "told apart only by when they were asked for" in gone.consequence


def test_an_attribute_that_has_to_be_asked_for_is_never_gone() -> None:
    assert "secret" not in {drift.name for drift in drift_of(person())}


@pytest.mark.parametrize("records", [(), (b"no record",), (b"[]",), (b'{"id": "1"}',), (b"[" * 5000,)])
def test_without_a_record_nothing_is_gone(records: tuple[bytes, ...]) -> None:
    assert drift_of(*records) == ()


def test_a_relationship_that_nobody_told_of_is_new_and_none_is_ever_gone() -> None:
    """Which relationships a record shows depends on the request."""
    assert drift_of(person("mentor", **WHOLE)) == (Drift(kind="relationship", name="mentor", change="added"),)


def test_what_stored_rows_hold_is_drift_where_the_manifest_does_not_know_it() -> None:
    """`_extra` also has values that merely did not fit."""
    found = find_drift(
        PERSON,
        None,
        None,
        unknown_attributes={"nickname", "name"},
        unknown_relationships={"mentor", "campus"},
    )
    assert [(d.kind, d.name, d.change) for d in found] == [
        ("attribute", "nickname", "added"),
        ("relationship", "mentor", "added"),
    ]


@pytest.mark.parametrize(
    ("query", "order", "said"),
    [
        ({"name", "id"}, None, "newest_first on updated_at, no longer by keyset on updated_at"),
        (None, {"name"}, "window on updated_at, no longer by keyset on updated_at"),
        ({"id"}, {"name"}, "reading everything, no longer by keyset on updated_at"),
        ({"id", "created_at"}, {"name"}, "window on created_at, no longer by keyset on updated_at"),
    ],
)
def test_a_time_that_is_gone_says_what_becomes_of_the_delta(
    query: set[str] | None, order: set[str] | None, said: str
) -> None:
    found = drift_of(
        can_query_by=None if query is None else frozenset(query),
        can_order_by=None if order is None else frozenset(order),
    )
    assert {d.consequence for d in found if d.name == "updated_at"} == {
        f"what changed can be found by {said}"
    }


def test_a_key_that_no_delta_rests_on_has_no_consequence() -> None:
    found = drift_of(can_query_by=frozenset({"updated_at", "name", "search"}))
    assert [(d.kind, d.name, d.change, d.consequence) for d in found] == [
        ("filter", "id", "gone", ""),
        ("filter", "search", "added", ""),
    ]


def test_an_include_that_is_gone_names_what_has_to_be_read_otherwise() -> None:
    found = drift_of(can_include=frozenset({"campus", "notes"}))
    assert [(d.name, d.change, d.consequence) for d in found] == [
        ("notes", "added", ""),
        ("emails", "gone", "people.Email cannot ride along any more, and costs requests of its own"),
    ]


def test_what_a_page_does_not_tell_of_is_no_drift() -> None:
    assert drift_of(can_query_by=None, can_order_by=None, can_include=None) == ()


def test_a_collection_that_is_not_there_is_drift() -> None:
    assert missing_collection(LISTING).name == "/people/v2/people"


KEYS = st.frozensets(
    st.sampled_from(["updated_at", "created_at", "name", "id", "search", "emails", "campus"])
)


@given(query=KEYS, order=KEYS, include=KEYS, attributes=KEYS.filter(bool))
def test_drift_is_just_the_difference(
    query: frozenset[str], order: frozenset[str], include: frozenset[str], attributes: frozenset[str]
) -> None:
    """Whoever applies it to the manifest has what the source says."""
    found = drift_of(
        person(**dict.fromkeys(attributes)), can_query_by=query, can_order_by=order, can_include=include
    )
    known = {
        "filter": set(LISTING.query_by),
        "order": set(LISTING.order_by),
        "include": set(LISTING.includes),
        "attribute": PERSON.attributes.keys() - {"secret"},
    }
    live = {"filter": query, "order": order, "include": include, "attribute": attributes}
    for kind, names in known.items():
        added = {d.name for d in found if (d.kind, d.change) == (kind, "added")}
        gone = {d.name for d in found if (d.kind, d.change) == (kind, "gone")}
        assert (names - gone) | added == live[kind]
        assert gone <= names
        assert not added & names
    assert len(found) == len({(d.kind, d.name) for d in found})
