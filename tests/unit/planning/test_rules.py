from __future__ import annotations

from collections.abc import Mapping

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.planning import Rule, derive_graph
from unit.manifest.samples import church, endpoint, listed, load, nested, owned
from unit.planning.graphs import pairs


def derived(entities: Mapping[str, object], **members: object) -> set[str]:
    """The dependencies, without the product's name."""
    return {
        pair.replace("church.", "") for pair in pairs(derive_graph(load(entities, **members)).dependencies)
    }


def omitted(entities: Mapping[str, object], **members: object) -> dict[str, str]:
    omissions = derive_graph(load(entities, **members)).omissions
    return {f"{o.entity} -> {o.on}".replace("church.", ""): o.why.replace("church.", "") for o in omissions}


def test_an_entity_below_a_parent_waits_for_it() -> None:
    steps = nested("flows/{flow_id}/steps")
    assert derived({"Flow": listed("flows"), "Step": steps}) == {"Step => Flow"}


def test_a_deeper_entity_waits_for_the_nearest_parent_only() -> None:
    entities = {
        "Flow": listed("flows"),
        "Step": nested("flows/{flow_id}/steps"),
        "Task": nested("flows/{flow_id}/steps/{step_id}/tasks"),
    }
    assert derived(entities) == {"Step => Flow", "Task => Step"}


def test_placeholders_may_be_spelt_differently() -> None:
    entities = {
        "Flow": listed("flows"),
        "Step": nested("flows/{id}/steps"),
        "Task": nested("flows/{flow}/steps/{the_step}/tasks"),
    }
    assert "Task => Step" in derived(entities)


def test_a_single_record_below_a_parent_waits_for_it() -> None:
    star: dict[str, object] = {
        "attributes": {},
        "endpoints": [endpoint("list", "/church/v1/flows/{flow_id}/star")],
    }
    assert derived({"Flow": listed("flows"), "Star": star}) == {"Star => Flow"}


def below(*paths: str, **members: object) -> dict[str, object]:
    """An entity that is read below each of several others."""
    endpoints = [endpoint(f"way_{n}", f"/church/v1/{path}", collection=True) for n, path in enumerate(paths)]
    return {"attributes": {}, "endpoints": endpoints} | members


def test_of_several_parents_the_one_that_takes_the_fewest_ids_is_waited_for() -> None:
    entities = {
        "Flow": listed("flows"),
        "Step": nested("flows/{flow_id}/steps"),
        "Task": below("flows/{flow_id}/steps/{step_id}/tasks", "flows/{flow_id}/tasks"),
    }
    assert derived(entities) == {"Step => Flow", "Task => Flow"}


def test_rather_any_parent_than_each_person() -> None:
    entities = {
        "Person": listed("people"),
        "Household": listed("households"),
        "Membership": below("people/{id}/memberships", "households/{id}/memberships"),
    }
    assert derived(entities) == {"Membership => Household"}


def test_rather_the_parent_that_it_belongs_to_than_one_that_it_hangs_on() -> None:
    tag = below("songs/{id}/tags", "tag_groups/{id}/tags", relationships={"tag_group": {"to": "TagGroup"}})
    entities = {"Song": listed("songs"), "TagGroup": listed("tag_groups"), "Tag": tag}
    assert derived(entities) == {"Tag => TagGroup"}


def test_an_entity_belongs_to_what_it_is_created_below() -> None:
    note = below("templates/{id}/notes", "plans/{id}/notes")
    endpoints = note["endpoints"]
    assert isinstance(endpoints, list)
    endpoints.append(endpoint("create", "/church/v1/plans/{plan_id}/notes", method="POST"))
    entities = {"Template": listed("templates"), "Plan": listed("plans"), "Note": note}
    assert derived(entities) == {"Note => Plan"}


def test_the_path_that_goes_on_from_the_parents_own_is_taken() -> None:
    """Not every plan is in a series, though every plan knows its kind."""
    entities = {
        "Kind": listed("kinds"),
        "Series": listed("series"),
        "Plan": below("kinds/{id}/plans", "series/{id}/plans"),
        "Need": below("series/{series}/plans/{id}/needs", "kinds/{kind}/plans/{id}/needs"),
    }
    graph = derive_graph(load(entities))
    (need,) = (d for d in graph.dependencies if d.entity == "church.Need")
    assert (need.on, need.why) == (
        "church.Plan",
        "read below it, at /church/v1/kinds/{kind}/plans/{id}/needs",
    )


def test_two_that_are_listed_below_each_other_are_a_cycle_and_not_an_endless_question() -> None:
    entities = {
        "Room": listed("rooms"),
        "Door": below("rooms/{room}/doors/{door}/doors", "keys/{key}/doors/{door}/doors"),
        "Key": below("doors/{door}/keys/{key}/keys"),
    }
    assert len(derive_graph(load(entities)).entities) == 3


def test_among_equals_the_first_parent_counts() -> None:
    entities = {
        "Room": listed("rooms"),
        "Door": listed("doors"),
        "Key": below("doors/{id}/keys", "rooms/{id}/keys"),
    }
    assert derived(entities) == {"Key => Door"}


def test_the_one_record_below_another_is_a_parent_without_an_id() -> None:
    refund: dict[str, object] = {
        "attributes": {},
        "endpoints": [endpoint("list", "/church/v1/gifts/{gift_id}/refund")],
    }
    entities = {
        "Gift": listed("gifts"),
        "Refund": refund,
        "Part": nested("gifts/{gift_id}/refund/parts"),
    }
    assert derived(entities) == {"Refund => Gift", "Part => Refund"}


def test_an_entity_with_a_list_of_its_own_does_not_wait_for_those_who_list_it_too() -> None:
    person = listed("people")
    endpoints = person["endpoints"]
    assert isinstance(endpoints, list)
    endpoints.append(endpoint("Room.people", "/church/v1/rooms/{room_id}/people", collection=True))
    assert derived({"Room": listed("rooms"), "Person": person}) == set()


def test_an_entity_created_below_another_that_it_points_at_waits_for_it() -> None:
    address = owned("addresses", "people/{person_id}/addresses", relationships={"person": {"to": "Person"}})
    assert derived({"Person": listed("people"), "Address": address}) == {"Address => Person"}


def test_a_listing_below_the_owner_confirms_it_as_well() -> None:
    address = owned("addresses", "people/{person_id}/addresses")
    endpoints = address["endpoints"]
    assert isinstance(endpoints, list)
    endpoints.append(endpoint("Person.addresses", "/church/v1/people/{person_id}/addresses", collection=True))
    assert derived({"Person": listed("people"), "Address": address}) == {"Address => Person"}


def test_an_ownership_that_nothing_confirms_is_soft() -> None:
    address = owned("addresses", "people/{person_id}/addresses")
    graph = derive_graph(load({"Person": listed("people"), "Address": address}))
    assert pairs(graph.dependencies) == {"church.Address -> church.Person"}
    assert graph.dependencies[0].why.endswith("which nothing else confirms")


def test_a_reference_to_one_record_is_soft() -> None:
    person = listed("people", relationships={"room": {"to": "Room"}})
    assert derived({"Room": listed("rooms"), "Person": person}) == {"Person -> Room"}


def test_a_relationship_to_many_or_to_nobody_knows_what_is_no_dependency() -> None:
    person = listed("people", relationships={"rooms": {"to": "Room", "many": True}, "boss": {"to": None}})
    assert derived({"Room": listed("rooms"), "Person": person}) == set()


def test_an_include_is_soft() -> None:
    assert derived({"Room": listed("rooms"), "Person": listed("people", includes={"rooms": "Room"})}) == {
        "Person -> Room"
    }


def test_a_reference_to_itself_is_no_dependency() -> None:
    assert derived({"Person": listed("people", relationships={"boss": {"to": "Person"}})}) == set()


def test_a_parent_does_not_wait_for_the_children_it_includes() -> None:
    entities = church()
    assert derived(entities) == {"Address => Person", "Person -> Room"}
    assert omitted(entities) == {"Person -> Address": "Address must wait for Person"}


def test_a_grandparent_does_not_wait_for_grandchildren() -> None:
    entities = {
        "Flow": listed("flows", includes={"tasks": "Task"}),
        "Step": nested("flows/{flow_id}/steps"),
        "Task": nested("flows/{flow_id}/steps/{step_id}/tasks"),
    }
    assert omitted(entities) == {"Flow -> Task": "Task must wait for Flow"}


def test_a_reference_to_one_is_stronger_than_an_include_of_several_back() -> None:
    entities = {
        "Room": listed("rooms", includes={"people": "Person"}),
        "Person": listed("people", relationships={"room": {"to": "Room"}}),
    }
    assert derived(entities) == {"Person -> Room"}
    assert omitted(entities) == {"Room -> Person": "Person points back at one Room"}


def test_an_include_that_an_edge_shows_to_bring_one_is_a_reference() -> None:
    room = listed("rooms", includes={"people": "Person"})
    endpoints = room["endpoints"]
    assert isinstance(endpoints, list)
    endpoints.append(endpoint("Person.room", "/church/v1/people/{person_id}/room"))
    graph = derive_graph(load({"Room": room, "Person": listed("people", includes={"room": "Room"})}))
    assert pairs(graph.dependencies) == {"church.Person -> church.Room"}
    assert graph.dependencies[0].rule is Rule.REFERENCE


def test_two_references_at_each_other_both_stay_for_the_order_to_cut() -> None:
    entities = {
        "Room": listed("rooms", relationships={"keeper": {"to": "Person"}}),
        "Person": listed("people", relationships={"room": {"to": "Room"}}),
    }
    assert derived(entities) == {"Person -> Room", "Room -> Person"}


def test_members_come_after_their_container_though_it_points_at_one_of_them() -> None:
    person = listed("people", includes={"households": "Household"})
    endpoints = person["endpoints"]
    assert isinstance(endpoints, list)
    endpoints.append(endpoint("Household.people", "/church/v1/households/{id}/people", collection=True))
    entities = {
        "Household": listed("households", relationships={"primary_contact": {"to": "Person"}}),
        "Membership": nested(
            "households/{household_id}/memberships", relationships={"person": {"to": "Person"}}
        ),
        "Person": person,
    }
    assert derived(entities) == {"Membership => Household", "Membership -> Person", "Person -> Household"}
    assert omitted(entities) == {"Household -> Person": "Household contains Person through Membership"}


def test_nothing_waits_for_the_one_organization() -> None:
    organization: dict[str, object] = {"attributes": {}, "endpoints": [endpoint("list", "/church/v1")]}
    person = listed("people", relationships={"organization": {"to": "Organization"}})
    assert omitted({"Organization": organization, "Person": person}) == {
        "Person -> Organization": "there is only one Organization"
    }


def test_nothing_waits_for_what_is_never_read() -> None:
    star: dict[str, object] = {
        "attributes": {},
        "endpoints": [endpoint("list", "/church/v1/flows/{flow_id}/star")],
    }
    person = listed("people", relationships={"star": {"to": "Star"}})
    assert omitted({"Flow": listed("flows"), "Star": star, "Person": person}) == {
        "Person -> Star": "Star is never read"
    }


def twins() -> dict[str, object]:
    """A giver is a person under another name, with the same id."""
    return {
        "Person": listed("people"),
        "Giver": listed("givers", same_as="Person"),
        "Gift": listed("gifts", relationships={"giver": {"to": "Giver"}}),
    }


def test_the_same_records_under_another_name_come_later() -> None:
    assert derived(twins()) == {"Giver -> Person", "Gift -> Giver", "Gift -> Person"}


def test_a_reference_to_the_same_records_says_how_it_leads_there() -> None:
    graph = derive_graph(load(twins()))
    (gift,) = (d for d in graph.dependencies if d.entity == "church.Gift" and d.on == "church.Person")
    assert (gift.rule, gift.why) == (Rule.SAME, "relationship giver, to the same by id in church.Giver")


def overrule(kind: str, entity: str = "Person", on: str = "Room") -> list[dict[str, str]]:
    return [{"entity": entity, "on": on, "kind": kind, "why": "the adapter knows"}]


def test_an_overrule_makes_a_dependency_hard() -> None:
    assert "Person => Room" in derived(church(), overrules=overrule("hard"))


def test_an_overrule_removes_a_dependency_and_the_graph_says_so() -> None:
    entities = church()
    assert derived(entities, overrules=overrule("none")) == {"Address => Person"}
    assert omitted(entities, overrules=overrule("none"))["Person -> Room"] == "the adapter knows"


def test_an_overrule_makes_a_hard_dependency_soft() -> None:
    assert "Address -> Person" in derived(church(), overrules=overrule("soft", "Address", "Person"))


def test_an_overrule_adds_a_dependency_that_no_rule_finds() -> None:
    graph = derive_graph(load(church(), overrules=overrule("soft", "Room", "Address")))
    added = next(d for d in graph.dependencies if d.entity == "church.Room")
    assert (added.on, added.rule, added.why) == ("church.Address", Rule.OVERRULE, "the adapter knows")


def test_planning_center_people_stand_in_the_order_that_resolves_references() -> None:
    dependencies = pairs(derive_graph(load_planning_center()).dependencies)
    for owned_by_person in (
        "Address",
        "Email",
        "PhoneNumber",
        "FieldDatum",
        "SocialProfile",
        "Note",
        "BackgroundCheck",
    ):
        assert f"people.{owned_by_person} => people.Person" in dependencies
    assert {"people.Person -> people.Campus", "people.Person -> people.Household"} <= dependencies
    assert {"people.FieldDefinition => people.Tab", "people.WorkflowCard => people.Workflow"} <= dependencies


def test_a_donation_comes_rather_after_its_person_in_both_products() -> None:
    dependencies = pairs(derive_graph(load_planning_center()).dependencies)
    assert {
        "giving.Donation -> giving.Person",
        "giving.Donation -> people.Person",
        "giving.Person -> people.Person",
    } <= dependencies


@pytest.mark.parametrize(
    ("entity", "parent"),
    [
        ("people.HouseholdMembership", "people.Household"),
        ("people.WorkflowCard", "people.Workflow"),
        ("groups.Membership", "groups.Group"),
        ("giving.DesignationRefund", "giving.Refund"),
        ("check-ins.EventPeriod", "check-ins.Event"),
        ("check-ins.PersonEvent", "check-ins.Event"),
        ("services.Plan", "services.ServiceType"),
        ("services.PlanNote", "services.Plan"),
        ("services.Tag", "services.TagGroup"),
        ("services.TeamPosition", "services.Team"),
        ("calendar.RequiredApproval", "calendar.ResourceApprovalGroup"),
    ],
)
def test_planning_center_is_walked_below_what_each_record_belongs_to(entity: str, parent: str) -> None:
    graph = derive_graph(load_planning_center())
    nested_below = [d.on for d in graph.dependencies if d.entity == entity and d.rule is Rule.NESTED]
    assert nested_below == [parent]


def test_each_dependency_says_which_fact_it_rests_on() -> None:
    address = next(
        d for d in derive_graph(load_planning_center()).dependencies if d.entity == "people.Address"
    )
    assert address.why == "created below it, at /people/v2/people/{person_id}/addresses"
