from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import UnknownNameError
from openfaith.manifest import (
    DeltaWay,
    Reading,
    analyse_manifest,
    describe_entity,
    describe_manifest,
    get_entity_capabilities,
    get_entity_delta_fields,
    get_entity_orderable_fields,
    get_entity_relationships,
)
from unit.manifest.samples import church, listed, load, nested


def test_capabilities_follow_from_the_endpoints() -> None:
    room, address = (get_entity_capabilities(load(church()), name) for name in ("Room", "Address"))
    assert (room.listable, room.readable, room.creatable, room.updatable, room.deletable) == (
        True,
        True,
        False,
        False,
        False,
    )
    assert address.creatable
    assert room.max_page_size == 100


def test_an_organization_that_stands_at_the_root_of_a_product_is_not_read() -> None:
    """Every page could bring it along, but it belongs to none of their records: nothing says that it comes whole."""
    name = "check-ins.Organization"
    capabilities = get_entity_capabilities(load_planning_center(), name)
    assert (bool(capabilities.carriers), capabilities.reading) == (True, Reading.NONE)


def test_a_listing_that_includes_an_entity_carries_it() -> None:
    carriers = get_entity_capabilities(load(church()), "Address").carriers
    assert [(carrier.entity, carrier.include) for carrier in carriers] == [("church.Person", "addresses")]


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("Person", Reading.TOP),
        ("PersonApp", Reading.INCLUDE),
        ("WorkflowCardActivity", Reading.NESTED),
        ("BirthdayPeople", Reading.NONE),
    ],
)
def test_an_include_of_a_listing_is_better_than_a_walk_below_every_parent(
    name: str, reading: Reading
) -> None:
    assert get_entity_capabilities(load_planning_center(), name).reading is reading


def test_relationships_are_known_from_both_sides() -> None:
    relationships = get_entity_relationships(load(church()), "Person")
    assert [r.name for r in relationships.outgoing] == ["room"]
    assert [(r.entity, r.name, r.many) for r in relationships.incoming] == [
        ("church.Address", "person", False)
    ]


@pytest.mark.parametrize(
    ("query", "order", "way", "field"),
    [
        (["updated_at", "created_at"], ["updated_at"], DeltaWay.KEYSET, "updated_at"),
        (["updated_at"], ["created_at"], DeltaWay.WINDOW, "updated_at"),
        (["created_at"], ["updated_at", "created_at"], DeltaWay.NEWEST_FIRST, "updated_at"),
        (["created_at"], ["created_at"], DeltaWay.KEYSET, "created_at"),
        (["created_at"], [], DeltaWay.WINDOW, "created_at"),
        ([], ["created_at"], DeltaWay.NEWEST_FIRST, "created_at"),
        (["name"], ["name"], DeltaWay.NONE, None),
    ],
)
def test_the_way_of_a_delta_follows_from_what_can_be_filtered_and_ordered(
    query: list[str], order: list[str], way: DeltaWay, field: str | None
) -> None:
    attributes = {"name": "string", "updated_at": "date_time", "created_at": "date_time"}
    entity = listed("people", attributes=attributes, query_by=query, order_by=order)
    delta = get_entity_delta_fields(load({"Person": entity}), "Person")
    assert (delta.way, delta.field, delta.created_only) == (way, field, field == "created_at")


def test_a_nested_collection_has_delta_fields_too() -> None:
    step = nested("people/{person_id}/steps", attributes={"updated_at": "date_time"}, query_by=["updated_at"])
    delta = get_entity_delta_fields(load({"Person": listed("people"), "Step": step}), "Step")
    assert delta.way is DeltaWay.WINDOW


def test_an_entity_without_a_collection_has_no_delta_and_no_order() -> None:
    manifest = load_planning_center()
    assert get_entity_delta_fields(manifest, "BirthdayPeople").way is DeltaWay.NONE
    assert get_entity_orderable_fields(manifest, "BirthdayPeople").attributes == ()


def test_keys_that_no_record_shows_stand_apart() -> None:
    fields = get_entity_orderable_fields(load_planning_center(), "WorkflowCard")
    assert set(fields.computed) == {"first_name", "last_name"}
    assert "updated_at" in fields.attributes


@pytest.mark.parametrize("name", ["Persn", "people.Room"])
def test_an_unknown_entity_is_refused(name: str) -> None:
    with pytest.raises(UnknownNameError):
        get_entity_capabilities(load_planning_center(), name)


def test_the_totals_of_people_are_those_of_its_documentation() -> None:
    """Documented in 2025: 17 filter by `updated_at`, 8 only order by it; in 2026 FormSubmission joined the former."""
    people = analyse_manifest(load_planning_center()).products[0]
    assert (people.product, people.entities) == ("people", 62)
    assert people.by_reading == {Reading.TOP: 34, Reading.INCLUDE: 13, Reading.NESTED: 11, Reading.NONE: 4}
    assert people.by_delta == {
        DeltaWay.KEYSET: 18,
        DeltaWay.WINDOW: 0,
        DeltaWay.NEWEST_FIRST: 8,
        DeltaWay.NONE: 36,
    }
    assert people.created_only == 5


def test_what_a_person_should_look_at_is_remarked() -> None:
    remarks = {(remark.entity, remark.text) for remark in analyse_manifest(load_planning_center()).remarks}
    assert ("people.Person", "relationship gender: nobody says which entity it leads to") in remarks
    assert any("note_category_relationship_id" in text for entity, text in remarks if entity == "people.Note")


def test_a_time_that_no_record_shows_is_remarked() -> None:
    entity = listed(
        "people", attributes={"name": "string"}, order_by=["updated_at"], computed_keys=["updated_at"]
    )
    (remark,) = analyse_manifest(load({"Person": entity})).remarks
    assert remark.text.startswith("updated_at: can be asked for, but no record shows it")


def names(rows: object) -> Iterable[str]:
    assert isinstance(rows, list)
    return [row["name"] for row in rows]


def test_the_description_is_plain_json() -> None:
    manifest = load_planning_center()
    description = json.loads(json.dumps(describe_manifest(manifest)))
    assert names(description["entities"]) == list(manifest.entities)
    assert description["totals"]["products"]["people"]["reading"] == {
        "top": 34,
        "include": 13,
        "nested": 11,
        "none": 4,
    }


def test_the_totals_of_all_are_the_sums_of_the_products() -> None:
    """Documented: 111 entities list without an id, 97 only below a parent, and 36 not at all.

    Of those 133, 47 come whole with the pages of their parent.
    """
    totals: Any = describe_manifest(load_planning_center())["totals"]
    assert totals["entities"] == 244
    assert totals["reading"] == {"top": 111, "include": 47, "nested": 59, "none": 27}
    for member in ("reading", "delta"):
        for way, number in totals[member].items():
            assert number == sum(product[member][way] for product in totals["products"].values())


def test_an_entity_is_described_by_any_of_its_names() -> None:
    manifest = load_planning_center()
    person = describe_entity(manifest, "person")
    assert person == describe_entity(manifest, "people.Person")
    assert {key: person[key] for key in ("name", "table", "reading", "delta", "delta_field")} == {
        "name": "people.Person",
        "table": "pco.people_person",
        "reading": "top",
        "delta": "keyset",
        "delta_field": "updated_at",
    }
