"""How an entity is read, and at what cost: facts, and the arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.manifest import Manifest, Reading
from openfaith.planning import Way, choose_ways, derive_graph, find_rides, make_plan
from openfaith.records import EntityName
from unit.manifest.samples import Document, church, listed, load, nested

PCO = load_planning_center()
ROOM, PERSON, ADDRESS, NOTE = (EntityName(f"church.{name}") for name in ("Room", "Person", "Address", "Note"))


def ways(manifest: Manifest, counts: Mapping[str, int] | None = None, *names: str) -> dict[EntityName, Way]:
    """By bare names, which stand for the church's."""
    counted = {EntityName(f"church.{name}"): count for name, count in (counts or {}).items()}
    chosen = [EntityName(f"church.{name}") for name in names] or list(manifest.entities)
    return choose_ways(manifest, derive_graph(manifest), chosen, counted)


def with_notes(**members: object) -> dict[str, object]:
    """People whose listing brings their notes along, which are read below each of them otherwise."""
    person = listed("people", includes={"notes": "Note"}, **members)
    return {"Person": person, "Note": nested("people/{person_id}/notes")}


# Planning Center


def test_contact_data_and_what_else_belongs_to_a_person_rides_on_people() -> None:
    plan = make_plan(PCO)
    riding = {e.name for e in plan.entities if e.way.carrier == "people.Person"}
    assert riding == {
        "people.Address",
        "people.Email",
        "people.PersonApp",
        "people.PhoneNumber",
        "people.PlatformNotification",
    }


def test_what_is_referred_to_by_others_keeps_its_own_list() -> None:
    """A person's campus can be included, but a campus without people would never be seen."""
    plan = make_plan(PCO)
    way = next(e.way for e in plan.entities if e.name == "people.Campus")
    assert (way.reading, way.endpoint.path) == (Reading.TOP, "/people/v2/campuses")
    assert "primary_campus" in PCO.entities[EntityName("people.Person")].include_targets
    assert find_rides(PCO, derive_graph(PCO), EntityName("people.Campus")) == []


def test_the_next_of_a_signups_times_is_not_all_of_them() -> None:
    """Two includes bring times; one of them only the next."""
    signup = PCO.entities[EntityName("registrations.Signup")]
    bring = [i for i, target in signup.include_targets.items() if target == "registrations.SignupTime"]
    assert sorted(bring) == ["next_signup_time", "signup_times"]
    rides = find_rides(PCO, derive_graph(PCO), EntityName("registrations.SignupTime"))
    assert rides == [("registrations.Signup", "signup_times")]


def test_no_listing_brings_two_entities_of_one_type_along() -> None:
    """Beside its own records, nor by two includes: a record is known by its type alone."""
    graph = derive_graph(PCO)
    types = defaultdict(list)
    for name, entity in PCO.entities.items():
        for carrier in {carrier for carrier, _ in find_rides(PCO, graph, name)}:
            types[carrier].append(entity.type)
    assert types
    for carrier, carried in types.items():
        assert len({PCO.entities[carrier].type, *carried}) == 1 + len(carried), carrier


# A made-up church


def test_an_entity_with_a_list_of_its_own_is_asked_there() -> None:
    way = ways(load(church()), None, "Room")[ROOM]
    assert (way.reading, way.endpoint.path, way.parent, way.carrier) == (
        Reading.TOP,
        "/church/v1/rooms",
        None,
        None,
    )
    assert way.text == "its own list, /church/v1/rooms"


def test_what_is_created_below_its_owner_and_points_at_it_rides() -> None:
    way = ways(load(church()))[ADDRESS]
    assert (way.reading, way.carrier, way.include, way.requests) == (
        Reading.INCLUDE,
        PERSON,
        "addresses",
        0,
    )
    assert way.endpoint.path == "/church/v1/people"
    assert way.text == "rides on church.Person (include=addresses)"


def test_what_is_read_below_its_parent_rides_on_that() -> None:
    assert ways(load(with_notes()))[NOTE].carrier == PERSON


def test_nobody_rides_on_what_is_not_read_in_this_run() -> None:
    assert ways(load(church()), None, "Address", "Room")[ADDRESS].reading is Reading.TOP
    way = ways(load(with_notes()), None, "Note")[NOTE]
    assert (way.reading, way.parent, way.carrier) == (Reading.NESTED, PERSON, None)
    assert way.text == "below each church.Person, at /church/v1/people/{person_id}/notes"


def test_an_include_of_another_entity_than_the_owner_brings_nobody_whole() -> None:
    """Whose address is the room's? A person's, and not every person has a room."""
    room = listed("rooms", includes={"addresses": "Address"})
    manifest = load(church() | {"Room": room})
    assert ways(manifest)[ADDRESS].carrier == PERSON
    assert ways(manifest, None, "Room", "Address")[ADDRESS].reading is Reading.TOP


def test_an_owner_that_differs_from_record_to_record_carries_nobody() -> None:
    entities = church()
    address = entities["Address"]
    assert isinstance(address, dict)
    address["relationships"] = {"owner": {"to": None, "polymorphic": True}}
    assert ways(load(entities))[ADDRESS].reading is Reading.TOP


def test_who_rides_carries_nobody() -> None:
    """Includes of includes are more than most sources promise."""
    entities: dict[str, object] = {
        "House": listed("houses", includes={"floors": "Floor"}),
        "Floor": nested("houses/{house_id}/floors", includes={"rooms": "Room"}),
        "Room": nested("houses/{house_id}/floors/{floor_id}/rooms"),
    }
    counts = {"House": 10, "Floor": 20, "Room": 500}
    found = ways(load(entities), counts)
    assert [way.carrier for way in found.values()] == [None, None, "church.Floor"]
    assert [way.requests for way in found.values()] == [1, 10, 0]
    unread = ways(load(entities), counts | {"Floor": 200_000})
    assert unread[EntityName("church.Floor")].reading is Reading.NESTED


def test_what_has_no_room_on_a_page_is_read_by_itself() -> None:
    manifest = load(with_notes())
    assert ways(manifest, {"Person": 100, "Note": 1000})[NOTE].reading is Reading.INCLUDE
    assert ways(manifest, {"Person": 100, "Note": 1001})[NOTE].reading is Reading.NESTED


def test_where_there_is_not_room_for_all_those_ride_that_save_most() -> None:
    """Whoever has a list of its own costs less to read alone than what is asked for below every person."""
    entities = church()
    person = entities["Person"]
    assert isinstance(person, dict)
    person["includes"] |= {"notes": "Note"}
    manifest = load(entities | {"Note": nested("people/{person_id}/notes")})
    both = ways(manifest, {"Person": 1000, "Address": 5000, "Note": 5000})
    assert (both[ADDRESS].carrier, both[NOTE].carrier) == (PERSON, PERSON)
    crowded = ways(manifest, {"Person": 1000, "Address": 9000, "Note": 5000})
    assert (crowded[ADDRESS].carrier, crowded[NOTE].carrier) == (None, PERSON)


def test_what_can_only_ride_does_however_crowded_it_is() -> None:
    """Otherwise it would not be read at all."""
    portrait: Document = {
        "attributes": {"name": "string"},
        "endpoints": [{"name": "list", "method": "GET", "path": "/church/v1/people/{person_id}/portrait", "collection": False}],
    }  # fmt: skip
    entities = with_notes()
    person = entities["Person"]
    assert isinstance(person, dict)
    person["includes"] = {"notes": "Note", "portrait": "Portrait"}
    manifest = load(entities | {"Portrait": portrait})
    found = ways(manifest, {"Person": 1000, "Note": 10_000, "Portrait": 900})
    assert found[EntityName("church.Portrait")].carrier == PERSON
    assert found[NOTE].reading is Reading.NESTED
    assert ways(manifest, None, "Portrait", "Note").keys() == {NOTE}


@pytest.mark.parametrize(
    ("records", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (199, 2), (200, 3), (5000, 51)]
)
def test_a_list_costs_a_request_for_each_page_and_one_where_it_is_empty(records: int, requests: int) -> None:
    assert ways(load(church()), {"Room": records}, "Room")[ROOM].requests == requests


@pytest.mark.parametrize(
    ("parents", "records", "requests"),
    [(0, 0, 0), (0, 70, 0), (40, 0, 40), (40, 4000, 40), (40, 4001, 80), (3, 900, 12)],
)
def test_a_nested_walk_costs_at_least_a_request_for_every_parent(
    parents: int, records: int, requests: int
) -> None:
    way = ways(load(with_notes()), {"Person": parents, "Note": records}, "Note")[NOTE]
    assert way.requests == requests


def test_what_nobody_has_counted_has_no_expected_cost() -> None:
    manifest = load(with_notes())
    assert ways(manifest)[PERSON].requests is None
    assert ways(manifest, {"Note": 10}, "Note")[NOTE].requests is None
    assert ways(manifest, {"Person": 10}, "Note")[NOTE].requests == 10


def test_the_page_size_of_the_product_counts() -> None:
    manifest = load(church(), max_page_size=25)
    assert ways(manifest, {"Room": 97}, "Room")[ROOM].requests == 4
    assert ways(manifest, {"Room": 98}, "Room")[ROOM].requests == 5
