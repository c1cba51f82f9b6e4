from __future__ import annotations

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import ConfigurationError, DependencyCycleError, UnknownNameError
from openfaith.manifest import Reading
from openfaith.planning import make_plan, ready, skipped
from openfaith.records import EntityName
from unit.manifest.samples import church, load

ROOM, PERSON, ADDRESS = (EntityName(f"church.{name}") for name in ("Room", "Person", "Address"))


def test_without_names_everything_that_can_be_read_is_planned() -> None:
    manifest = load_planning_center()
    plan = make_plan(manifest)
    tops = {entity.name for entity in manifest.entities.values() if entity.reading is Reading.TOP}
    assert {*plan.order} == tops
    assert plan.notes == ()


def test_people_come_after_campuses_and_households_and_before_what_belongs_to_them() -> None:
    order = make_plan(
        load_planning_center(), ["Address", "Person", "Household", "Email", "Campus", "PhoneNumber"]
    ).order
    assert [name.removeprefix("people.") for name in order] == [
        "Campus",
        "Household",
        "Person",
        "Address",
        "Email",
        "PhoneNumber",
    ]


def test_a_part_is_planned_in_the_order_of_the_whole() -> None:
    manifest = load_planning_center()
    whole = make_plan(manifest).order
    for name in whole:
        pair = make_plan(manifest, [name, "Person"]).order
        assert list(pair) == [entity for entity in whole if entity in pair]


def test_names_may_be_repeated_and_spelt_in_any_way() -> None:
    assert make_plan(load(church()), ["person", "church.Person", "church_person"]).order == (PERSON,)


def test_no_names_plan_nothing() -> None:
    assert make_plan(load(church()), []).entities == ()


def test_an_entity_knows_its_dependencies_within_the_plan() -> None:
    _, person, address = make_plan(load(church())).entities
    assert (person.hard, person.soft) == ((), (ROOM,))
    assert (address.hard, address.soft) == ((PERSON,), ())


def test_a_hard_dependency_that_was_not_asked_for_does_not_hold_up_but_is_noted() -> None:
    plan = make_plan(load(church()), ["Address"])
    assert ready(plan, completed=[], failed=[]) == (ADDRESS,)
    (note,) = plan.notes
    assert note.startswith("church.Address depends on church.Person (created below it, at /church/v1/people/")


def test_an_unknown_entity_is_refused_with_near_matches() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean people\.Address"):
        make_plan(load_planning_center(), ["Person", "Adress"])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("WorkflowCard", "nested below people.Person"),
        ("HouseholdMembership", "nested below people.Household"),
        ("ListStar", "nested below people.List"),
        ("Organization", "the API has no list of it"),
    ],
)
def test_an_entity_without_a_list_of_its_own_is_refused_with_its_place(name: str, place: str) -> None:
    with pytest.raises(ConfigurationError, match=place) as caught:
        make_plan(load_planning_center(), [name])
    assert caught.value.name == f"people.{name}"


def test_a_hard_cycle_is_refused_even_beside_the_request() -> None:
    """It is a fault of the manifest, and does not go away because nobody asked for its entities today."""
    rule = {"entity": "Person", "on": "Address", "kind": "hard", "why": "for the sake of it"}
    with pytest.raises(DependencyCycleError):
        make_plan(load(church(), overrules=[rule]), ["Room"])


def test_an_entity_starts_when_its_hard_dependencies_have_completed() -> None:
    plan = make_plan(load(church()))
    assert ready(plan, completed=[], failed=[]) == (ROOM, PERSON)
    assert ready(plan, completed=[], failed=[], running=[ROOM, PERSON]) == ()
    assert ready(plan, completed=[PERSON], failed=[], running=[ROOM]) == (ADDRESS,)
    assert ready(plan, completed=[PERSON, ADDRESS], failed=[ROOM]) == ()


def test_a_failed_soft_dependency_blocks_nothing() -> None:
    plan = make_plan(load(church()))
    assert skipped(plan, failed=[ROOM]) == {}
    assert PERSON in ready(plan, completed=[], failed=[ROOM])


def test_a_failed_hard_dependency_skips_and_is_named() -> None:
    plan = make_plan(load(church()))
    assert skipped(plan, failed=[PERSON]) == {ADDRESS: PERSON}
    assert ready(plan, completed=[ROOM], failed=[PERSON]) == ()


def test_each_skipped_entity_names_the_dependency_that_blocks_it() -> None:
    plan = make_plan(load_planning_center())
    blocked = skipped(plan, failed=[EntityName("people.Tab")])
    assert blocked == {"people.FieldDefinition": "people.Tab"}
