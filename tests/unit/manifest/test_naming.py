from __future__ import annotations

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import UnknownNameError
from openfaith.manifest import (
    AttributeType,
    Entity,
    columns,
    load_manifest,
    near_names,
    resolve_entity,
    resolve_product,
    table_name,
)
from openfaith.manifest.naming import snake_case
from openfaith.records import EntityName
from unit.manifest.samples import document, listed, load


def person(**members: object) -> Entity:
    return load({"Person": listed("people", **members)}).entities[EntityName("church.Person")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Person", "person"),
        ("PhoneNumber", "phone_number"),
        ("RSVP", "rsvp"),
        ("RSVPList", "rsvp_list"),
        ("Step2Note", "step2_note"),
        ("check-ins", "check_ins"),
    ],
)
def test_names_become_small_words(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_a_table_is_named_after_product_and_entity() -> None:
    names = {"PhoneNumber", "Person", "HouseholdMembership"}
    people = [e for e in load_planning_center().entities.values() if e.product == "people"]
    assert {table_name(e) for e in people if e.type in names} == {
        "people_phone_number",
        "people_person",
        "people_household_membership",
    }


def test_attributes_keep_their_names_and_types() -> None:
    first, second = columns(person())
    assert (first.name, first.kind, first.source, first.type) == (
        "name",
        "attribute",
        "name",
        AttributeType.STRING,
    )
    assert (second.name, second.type) == ("updated_at", AttributeType.DATE_TIME)


def test_a_to_one_relationship_becomes_an_id() -> None:
    column = columns(person(relationships={"boss": {"to": "Person"}}))[-1]
    assert (column.name, column.kind, column.source, column.type) == (
        "boss_id",
        "relationship_id",
        "boss",
        None,
    )


def test_a_polymorphic_relationship_has_a_type_beside_its_id() -> None:
    *_, first, second = columns(person(relationships={"owner": {"to": None, "polymorphic": True}}))
    assert (first.name, second.name) == ("owner_id", "owner_type")
    assert second.kind == "relationship_type"


def test_a_to_many_relationship_has_no_column() -> None:
    assert [c.kind for c in columns(person(relationships={"friends": {"to": "Person", "many": True}}))] == [
        "attribute",
        "attribute",
    ]


def test_an_attribute_keeps_the_column_that_a_relationship_would_have() -> None:
    """Planning Center documents `Note.person_id` beside the relationship `person`: both stay readable."""
    entity = person(attributes={"boss_id": "string"}, relationships={"boss": {"to": "Person"}})
    assert [(c.name, c.source) for c in columns(entity)] == [
        ("boss_id", "boss_id"),
        ("boss_relationship_id", "boss"),
    ]


def test_both_columns_of_a_relationship_move_together() -> None:
    entity = person(
        attributes={"owner_type": "string"}, relationships={"owner": {"to": None, "polymorphic": True}}
    )
    assert [c.name for c in columns(entity)] == [
        "owner_type",
        "owner_relationship_id",
        "owner_relationship_type",
    ]


def test_a_relationship_does_not_take_the_key_of_the_table() -> None:
    assert columns(person(relationships={"org": {"to": None}}))[-1].name == "org_relationship_id"


@pytest.mark.parametrize(
    "name",
    [
        "people.PhoneNumber",
        "PhoneNumber",
        "phonenumber",
        " PHONENUMBER ",
        "phone_number",
        "phone-number",
        "people.phone_number",
        "people_phone_number",
        "pco.people_phone_number",
    ],
)
def test_an_entity_is_known_by_many_spellings(name: str) -> None:
    assert resolve_entity(load_planning_center(), name) == "people.PhoneNumber"


def test_every_entity_is_known_by_its_own_names() -> None:
    manifest = load_planning_center()
    for entity in manifest.entities.values():
        assert resolve_entity(manifest, entity.name) == entity.name
        assert resolve_entity(manifest, table_name(entity)) == entity.name


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("PhoneNumbr", "people.PhoneNumber"),
        ("people.Adress", "people.Address"),
        ("persn", "people.Person"),
        ("Emails", "people.Email"),
        ("giving.Persn", "giving.Person"),
        ("check_ins.Locatoin", "check-ins.Location"),
        ("Donatin", "giving.Donation"),
    ],
)
def test_an_unknown_entity_is_refused_with_those_it_resembles(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        resolve_entity(load_planning_center(), name)
    assert caught.value.near[0] == near


@pytest.mark.parametrize("name", ["", "zzzz", "people.", "giving.Person2000", "pco.people"])
def test_an_unknown_entity_that_resembles_none_is_refused_with_the_next_move(name: str) -> None:
    with pytest.raises(UnknownNameError, match="openfaith entities"):
        resolve_entity(load_planning_center(), name)


@pytest.mark.parametrize("name", ["check-ins", "check_ins", "Check-Ins", " check-ins "])
def test_a_product_is_known_by_many_spellings(name: str) -> None:
    assert resolve_product(load_planning_center(), name) == "check-ins"


def test_an_unknown_product_is_refused_with_near_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"no product 'givng'; did you mean giving\?"):
        resolve_product(load_planning_center(), "givng")


def test_an_unknown_product_that_resembles_none_is_refused_with_all() -> None:
    with pytest.raises(UnknownNameError) as caught:
        resolve_product(load({"Person": listed("people")}), "zzzz")
    assert caught.value.near == ("church",)


def test_a_bare_name_means_the_default_product_where_several_have_it() -> None:
    for default in ("church", "giving"):
        manifest = load_manifest(
            {
                "church.json": document({"Person": listed("people")}),
                "giving.json": document(
                    {"Person": {"attributes": {}, "endpoints": []}}, product="giving", base_path="/giving/v1"
                ),
            },
            adapter="sample",
            default_product=default,
        )
        assert resolve_entity(manifest, "person") == f"{default}.Person"
        assert resolve_entity(manifest, "church.person") == "church.Person"


def test_a_bare_name_of_several_products_but_the_default_one_is_ambiguous() -> None:
    bare: dict[str, object] = {"Gift": {"attributes": {}, "endpoints": []}}
    manifest = load_manifest(
        {
            "a.json": document(bare, product="a", base_path="/a"),
            "b.json": document(bare, product="b", base_path="/b"),
            "c.json": document({}, product="c", base_path="/c"),
        },
        adapter="sample",
        default_product="c",
    )
    with pytest.raises(UnknownNameError) as caught:
        resolve_entity(manifest, "gift")
    assert caught.value.near == ("a.Gift", "b.Gift")


def test_near_names_come_best_first_and_are_the_same_whatever_their_order() -> None:
    known = ["people.Person", "people.PersonApp", "people.PersonMerger", "people.Email"]
    assert near_names("Persn", known)[0] == "people.Person"
    assert near_names("Persn", known) == near_names("Persn", reversed(known))
