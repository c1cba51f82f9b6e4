from __future__ import annotations

import re
from collections import Counter

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import ConfigurationError, DependencyCycleError, UnknownNameError
from openfaith.manifest import Reading
from openfaith.manifest.capabilities import effective_reading
from openfaith.planning import make_plan
from openfaith.records import EntityName
from unit.manifest.samples import church, load

ROOM, PERSON, ADDRESS = (EntityName(f"church.{name}") for name in ("Room", "Person", "Address"))


def test_without_names_everything_that_can_be_read_is_planned() -> None:
    manifest = load_planning_center()
    plan = make_plan(manifest)
    ways = Counter(entity.way.reading for entity in plan.entities)
    assert ways == {Reading.TOP: 107, Reading.NESTED: 61, Reading.INCLUDE: 49}
    readable = {
        name for name, e in manifest.entities.items() if effective_reading(manifest, e) is not Reading.NONE
    }
    assert {*plan.order} == readable
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
    whole = make_plan(manifest)
    for entity in whole.entities:
        part = make_plan(manifest, [entity.name, entity.way.carrier or entity.name, "Person"]).order
        assert list(part) == [name for name in whole.order if name in part]


def test_names_may_be_repeated_and_spelt_in_any_way() -> None:
    assert make_plan(load(church()), ["person", "church.Person", "church_person"]).order == (PERSON,)


def test_no_names_plan_nothing() -> None:
    assert make_plan(load(church()), []).entities == ()


def test_an_entity_knows_its_dependencies_within_the_plan() -> None:
    _, person, address = make_plan(load(church())).entities
    assert (person.hard, person.soft) == ((), (ROOM,))
    assert (address.hard, address.soft) == ((PERSON,), ())


def test_every_entity_comes_after_all_that_it_depends_on() -> None:
    """What the order gave up to break a cycle is no dependency of the plan."""
    plan = make_plan(load_planning_center())
    before: set[EntityName] = set()
    for entity in plan.entities:
        assert {*entity.hard, *entity.soft} <= before
        before.add(entity.name)


def test_a_hard_dependency_that_was_not_asked_for_does_not_hold_up_but_is_noted() -> None:
    plan = make_plan(load(church()), ["Address"])
    assert [(e.name, e.hard) for e in plan.entities] == [(ADDRESS, ())]
    (note,) = plan.notes
    assert note.startswith("church.Address depends on church.Person (created below it, at /church/v1/people/")


def test_an_unknown_entity_is_refused_with_near_matches() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean people\.Address"):
        make_plan(load_planning_center(), ["Person", "Adress"])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("people.ListStar", "One record at most below each parent, at /people/v2/lists/{list_id}/star"),
        ("people.Organization", "One record for the whole organization"),
        ("giving.Note", "it comes along with giving.Donation only"),
    ],
)
def test_an_entity_that_cannot_be_read_is_refused_and_says_why(name: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(why)) as caught:
        make_plan(load_planning_center(), [name])
    assert caught.value.name == name


def test_what_only_comes_along_is_planned_with_whom_it_comes() -> None:
    donation, note = make_plan(load_planning_center(), ["giving.Note", "giving.Donation"]).entities
    assert (note.way.reading, note.way.carrier, note.hard) == (
        Reading.INCLUDE,
        donation.name,
        (donation.name,),
    )


def test_what_is_nested_is_read_also_without_its_parent_in_the_plan() -> None:
    """Whose rows may be there from an earlier run."""
    plan = make_plan(load_planning_center(), ["WorkflowCard"])
    [card] = plan.entities
    assert (card.way.reading, card.way.parent, card.hard) == (Reading.NESTED, "people.Workflow", ())
    assert plan.notes[0].startswith("people.WorkflowCard depends on people.Workflow")


def test_a_hard_cycle_is_refused_even_beside_the_request() -> None:
    """It is a fault of the manifest, and does not go away because nobody asked for its entities today."""
    rule = {"entity": "Person", "on": "Address", "kind": "hard", "why": "for the sake of it"}
    with pytest.raises(DependencyCycleError):
        make_plan(load(church(), overrules=[rule]), ["Room"])
