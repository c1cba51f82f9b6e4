from __future__ import annotations

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import DependencyCycleError
from openfaith.planning import Rule, derive_graph, order, restrict, with_dependencies
from openfaith.planning.ordering import stages
from openfaith.records import EntityName
from unit.planning.graphs import edge, graph


def test_dependencies_come_first_and_names_break_ties() -> None:
    assert order(graph("a => z", "b -> z", alone=["m"])).order == ("m", "z", "a", "b")


def test_a_cycle_is_cut_at_its_soft_dependency() -> None:
    ordering = order(graph("a => b", "b => c", "c -> a"))
    assert ordering.order == ("c", "b", "a")
    (cut,) = ordering.cuts
    assert (cut.dependency.entity, cut.dependency.on) == ("c", "a")
    assert cut.path == ("a", "b", "c", "a")


def test_an_include_is_cut_before_a_reference() -> None:
    ordering = order(graph(edge("a -> b", Rule.REFERENCE), edge("b -> a", Rule.INCLUDE)))
    assert [cut.dependency.rule for cut in ordering.cuts] == [Rule.INCLUDE]
    assert ordering.order == ("b", "a")


def test_a_cycle_of_hard_dependencies_is_refused_with_its_path() -> None:
    with pytest.raises(DependencyCycleError) as caught:
        order(graph("a => b", "b => c", "c => b", "b -> a"))
    assert caught.value.path == ("b", "c", "b")
    assert "b → c → b" in str(caught.value)


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    names = [f"e{number:05}" for number in range(5000)]
    chain = graph(*(f"{entity} => {on}" for entity, on in zip(names[1:], names, strict=False)))
    assert list(order(chain).order) == names


def test_a_part_of_a_graph_keeps_only_what_lies_within() -> None:
    part = restrict(graph("a => b", "b => c", "a -> c"), {EntityName("a"), EntityName("c")})
    assert part.entities == ("a", "c")
    assert [(d.entity, d.on) for d in part.dependencies] == [("a", "c")]


def test_a_stage_is_one_beyond_the_last_that_it_depends_on() -> None:
    whole = graph("b => a", "c -> b", "c -> a", "d => a", alone=["m"])
    assert stages(whole, order(whole)) == {"a": 1, "b": 2, "c": 3, "d": 2, "m": 1}


def test_a_cut_does_not_count_for_a_stage() -> None:
    whole = graph("a => b", "b => c", "c -> a")
    assert stages(whole, order(whole)) == {"c": 1, "b": 2, "a": 3}


def test_what_an_entity_depends_on_goes_all_the_way() -> None:
    whole = graph("a => b", "b -> c", "d -> a", alone=["m"])
    assert with_dependencies(whole, [EntityName("a")]) == {"a", "b", "c"}
    assert with_dependencies(whole, []) == frozenset()


ORDERED = [
    ("people.Campus", "people.Household", "people.Person", "people.Address", "people.HouseholdMembership"),
    ("people.Tab", "people.FieldDefinition", "people.FieldOption", "people.FieldDatum"),
    ("people.Workflow", "people.WorkflowStep", "people.WorkflowCard", "people.WorkflowCardActivity"),
    ("people.Person", "groups.Person", "groups.Membership"),
    ("groups.GroupType", "groups.Group", "groups.Membership"),
    ("groups.Group", "groups.Event", "groups.Attendance"),
    ("people.Person", "giving.Person", "giving.Batch", "giving.Donation", "giving.Designation"),
    ("giving.Fund", "giving.Designation", "giving.DesignationRefund"),
    ("people.Campus", "giving.Campus", "giving.Donation", "giving.Refund", "giving.DesignationRefund"),
    ("giving.Fund", "giving.PledgeCampaign", "giving.Pledge"),
    ("check-ins.Event", "check-ins.EventPeriod", "check-ins.EventTime", "check-ins.CheckIn"),
    ("check-ins.Event", "check-ins.Location", "check-ins.CheckIn", "check-ins.CheckInTime"),
    ("services.ServiceType", "services.Plan", "services.Item", "services.ItemNote"),
    ("services.Series", "services.Plan", "services.PlanTime", "services.PlanPerson"),
    (
        "services.ServiceType",
        "services.Team",
        "services.TeamPosition",
        "services.PersonTeamPositionAssignment",
    ),
    ("services.Song", "services.Arrangement", "services.Key", "services.Item"),
    ("services.TagGroup", "services.Tag", "services.Person", "services.PlanPerson"),
    ("calendar.TagGroup", "calendar.Tag", "calendar.Event", "calendar.EventInstance", "calendar.EventTime"),
    ("calendar.ResourceApprovalGroup", "calendar.Resource", "calendar.ResourceBooking"),
    ("registrations.Signup", "registrations.Registration", "registrations.Attendee"),
    ("publishing.Channel", "publishing.Series", "publishing.Episode", "publishing.Speakership"),
    ("webhooks.WebhookSubscription", "webhooks.Event", "webhooks.Delivery"),
]
"""What a church's records need to be there first, by hand."""


def test_planning_center_is_ordered_for_its_references() -> None:
    ordering = order(derive_graph(load_planning_center()))
    place = {name: number for number, name in enumerate(ordering.order)}
    for chain in ORDERED:
        places = [place[EntityName(name)] for name in chain]
        assert places == sorted(places), chain
    assert ordering.cuts == ()
