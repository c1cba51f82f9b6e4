"""Below which parent an entity is read, and that the ids of its path can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.adapters.planning_center import load_planning_center
from openfaith.manifest import Below, Entity, Manifest, Reading, columns
from openfaith.manifest.ways import Paths, with_places
from openfaith.records import EntityName
from unit.manifest.samples import church, endpoint, listed, load, nested

PCO = load_planning_center()
PLACED = [entity for entity in PCO.entities.values() if entity.below is not None]


def below(manifest: Manifest, name: str) -> Below:
    place = manifest.entities[EntityName(name)].below
    assert place is not None
    return place


def ids(place: Below) -> list[tuple[str, str]]:
    return [(path_id.name, path_id.column) for path_id in place.ids]


# Planning Center


@pytest.mark.parametrize(
    ("name", "parent", "path", "held_by"),
    [
        ("groups.Attendance", "groups.Event", "events/{event_id}/attendances", ["id"]),
        ("services.Tag", "services.TagGroup", "tag_groups/{tag_group_id}/tags", ["id"]),
        ("people.WorkflowCard", "people.Workflow", "workflows/{workflow_id}/cards", ["id"]),
        (
            "people.HouseholdMembership",
            "people.Household",
            "households/{household_id}/household_memberships",
            ["id"],
        ),
        (
            "people.FormFieldOption",
            "people.FormField",
            "forms/{form_id}/fields/{field_id}/options",
            ["form_id", "id"],
        ),
        (
            "people.WorkflowCardNote",
            "people.WorkflowCard",
            "people/{person_id}/workflow_cards/{workflow_card_id}/notes",
            ["person_id", "id"],
        ),
        (
            "services.Attendance",
            "services.Plan",
            "service_types/{service_type_id}/plans/{plan_id}/attendances",
            ["service_type_id", "id"],
        ),
        (
            "services.CustomSlide",
            "services.Item",
            "service_types/{service_type_id}/plans/{plan_id}/items/{item_id}/custom_slides",
            ["service_type_id", "plan_id", "id"],
        ),
        (
            "webhooks.Delivery",
            "webhooks.Event",
            "webhook_subscriptions/{webhook_subscription_id}/events/{event_id}/deliveries",
            ["webhook_subscription_id", "id"],
        ),
        ("giving.Refund", "giving.Donation", "donations/{donation_id}/refund", ["id"]),
        (
            "giving.DesignationRefund",
            "giving.Refund",
            "donations/{donation_id}/refund/designation_refunds",
            ["donation_id"],
        ),
    ],
)
def test_planning_center_is_read_at_the_place_that_each_record_belongs_to(
    name: str, parent: str, path: str, held_by: list[str]
) -> None:
    """Tags hang on songs, people and media, too, and a plan is below its series as well as its service type."""
    place = below(PCO, name)
    assert place.parent == parent
    assert place.endpoint.path == f"/{name.partition('.')[0]}/v2/{path}"
    assert [path_id.column for path_id in place.ids] == held_by


def test_every_entity_that_is_only_listed_below_others_has_a_place() -> None:
    nowhere = [e.name for e in PCO.entities.values() if e.reading is Reading.NESTED and e.below is None]
    assert nowhere == []


def test_what_has_a_list_of_its_own_needs_no_place() -> None:
    assert [e.name for e in PLACED if e.listing is not None] == []


@pytest.mark.parametrize("entity", PLACED, ids=lambda entity: entity.name)
def test_the_parents_table_holds_every_id_of_the_path(entity: Entity) -> None:
    place = below(PCO, entity.name)
    parent = PCO.entities[place.parent]
    held = {column.name for column in columns(parent) if column.kind != "attribute"} | {"id"}
    assert {path_id.column for path_id in place.ids} <= held
    assert tuple(path_id.name for path_id in place.ids) == place.endpoint.placeholders


@pytest.mark.parametrize("entity", PLACED, ids=lambda entity: entity.name)
def test_the_ids_lead_from_the_outermost_parent_to_the_nearest(entity: Entity) -> None:
    """The parent's own is the last, unless the path stops at the one record below it, which needs no id."""
    place = below(PCO, entity.name)
    own = [path_id.column == "id" for path_id in place.ids]
    lone = Paths(PCO.entities).single(place.endpoint) == place.parent
    assert own == [False] * len(own) if lone else own == [False] * (len(own) - 1) + [True]


@pytest.mark.parametrize("entity", PLACED, ids=lambda entity: entity.name)
def test_the_way_up_ends_at_a_list_of_its_own(entity: Entity) -> None:
    seen = list(ancestors(entity))
    assert len(seen) == len(set(seen))
    assert PCO.entities[seen[-1]].listing is not None


def ancestors(entity: Entity) -> Iterator[EntityName]:
    """Parent, its parent, and so on."""
    while entity.below is not None:
        yield entity.below.parent
        entity = PCO.entities[entity.below.parent]


@pytest.mark.parametrize("entity", PLACED, ids=lambda entity: entity.name)
def test_every_id_of_the_path_has_one_column_of_text(entity: Entity) -> None:
    place = below(PCO, entity.name)
    own = columns(entity)
    filled = [column for column in own if column.placeholder is not None]
    needed = [] if place.shared else sorted(place.endpoint.placeholders)
    assert sorted(column.placeholder or "" for column in filled) == needed
    assert all(column.type is None for column in filled)
    assert len({column.name for column in own}) == len(own)


def test_a_person_who_is_met_below_many_belongs_to_none_of_them() -> None:
    """The id of the parent would be that of whoever was read last."""
    shared = {entity.name for entity in PLACED if below(PCO, entity.name).shared}
    assert shared == {"groups.Owner", "registrations.Person"}


@settings(max_examples=10)
@given(st.permutations(list(PCO.entities)))
def test_the_places_do_not_depend_on_the_order_of_the_manifest(order: list[EntityName]) -> None:
    shuffled = replace(PCO, entities={name: PCO.entities[name] for name in order})
    assert {e.name: e.below for e in with_places(shuffled).entities.values()} == {
        e.name: e.below for e in PCO.entities.values()
    }


# A made-up church


def test_a_shorter_path_goes_before_a_longer_one() -> None:
    room = nested("houses/{house}/floors/{floor}/rooms")
    room["endpoints"] = [
        endpoint("list", "/church/v1/houses/{house}/floors/{floor}/rooms", collection=True),
        endpoint("all", "/church/v1/houses/{house}/rooms", collection=True),
    ]
    manifest = load({"House": listed("houses"), "Floor": nested("houses/{house}/floors"), "Room": room})
    assert below(manifest, "church.Room").parent == "church.House"


def test_an_outer_id_is_the_one_that_the_parent_was_read_by_whatever_the_paths_call_it() -> None:
    manifest = load(
        {
            "House": listed("houses"),
            "Floor": nested("houses/{house_id}/floors"),
            "Room": nested("houses/{of_the_house}/floors/{floor_id}/rooms"),
        }
    )
    assert ids(below(manifest, "church.Room")) == [("of_the_house", "house_id"), ("floor_id", "id")]


def test_an_outer_id_is_that_of_a_record_the_parent_points_at() -> None:
    """Cards are listed by themselves, and their notes below the person of each card."""
    card = listed("cards", relationships={"person": {"to": "Person"}})
    card["endpoints"] = [
        endpoint("list", "/church/v1/cards", collection=True),
        endpoint("of_person", "/church/v1/people/{id}/cards", collection=True),
    ]
    manifest = load(church() | {"Card": card, "Note": nested("people/{person_id}/cards/{card_id}/notes")})
    place = below(manifest, "church.Note")
    assert (place.parent, ids(place)) == ("church.Card", [("person_id", "person_id"), ("card_id", "id")])


def test_a_place_whose_ids_no_row_has_is_none() -> None:
    manifest = load(
        church() | {"Card": listed("cards"), "Note": nested("trays/{tray_id}/cards/{card_id}/notes")}
    )
    assert manifest.entities[EntityName("church.Note")].below is None


def test_a_place_below_what_is_not_read_itself_is_none() -> None:
    manifest = load(
        {
            "Door": nested("trays/{tray_id}/doors"),
            "Key": nested("trays/{tray_id}/doors/{door_id}/keys"),
        }
    )
    assert [e.below for e in manifest.entities.values()] == [None, None]


def test_the_column_of_a_parent_is_the_relationships_where_the_record_names_it() -> None:
    named = nested("people/{person_id}/notes", relationships={"person": {"to": "Person"}})
    manifest = load(church() | {"Note": named})
    [column] = [c for c in columns(manifest.entities[EntityName("church.Note")]) if c.placeholder]
    assert (column.name, column.kind, column.placeholder) == ("person_id", "relationship_id", "person_id")


def test_the_column_of_a_parent_makes_way_for_an_attribute_of_that_name() -> None:
    named = nested("people/{person_id}/notes", attributes={"person_id": "string"})
    manifest = load(church() | {"Note": named, "Line": nested("people/{person_id}/notes/{note_id}/lines")})
    [column] = [c for c in columns(manifest.entities[EntityName("church.Note")]) if c.placeholder]
    assert (column.name, column.kind) == ("person_parent_id", "parent_id")
    assert ids(below(manifest, "church.Line")) == [("person_id", "person_parent_id"), ("note_id", "id")]
