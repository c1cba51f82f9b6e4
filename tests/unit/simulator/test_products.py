"""Every product of the manifest is served: all paths, consistent with each other, and coherent records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import UnknownNameError
from openfaith.simulator import Church, SimulatorOptions
from openfaith.simulator.ancestry import Ancestors, ancestors, path_named, usual_path
from openfaith.simulator.contents import PRODUCT_PEOPLE
from openfaith.simulator.paths import Path
from openfaith.simulator.routes import Routes
from openfaith.simulator.rows import Record, Reference
from support.asking import Asker

PEOPLE = 60
MANIFEST = load_planning_center()
PRODUCTS = tuple(MANIFEST.products)


@pytest.fixture(scope="module")
def whole() -> Church:
    """A church with all products, to look at."""
    return Church(people=PEOPLE, seed=1)


@pytest.fixture(scope="module")
def everything(whole: Church) -> Asker:
    return Asker(SimulatorOptions(people=PEOPLE, rate_limit=10**9), whole)


def read(asker: Asker, path: str, **parameters: Any) -> dict[str, Any]:
    answer = asker.raw(path, parameters)
    assert answer.status == 200, (path, answer)
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


def filled(template: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def records(church: Church, entity_type: str) -> Iterator[Record]:
    table = church.tables[entity_type]
    return (table.record(one) for one in table.ids)


def samples(found: Ancestors, most: int) -> list[tuple[int, dict[str, str]]]:
    return [(record_id, places[0]) for record_id, places in list(found.items())[:most]]


def paths_below(church: Church, product: str) -> list[Path]:
    return [path for path in church.paths[product] if path.leads_on]


# What is there


def test_every_entity_that_can_be_read_is_served(whole: Church) -> None:
    served = {str(entity.name) for entity in whole.served.values()}
    unserved = {str(name) for name in MANIFEST.entities} - served
    assert all(not any(e.collection for e in MANIFEST.entities[name].endpoints) for name in unserved)  # type: ignore[index]  # their names


def test_every_served_entity_has_records(whole: Church) -> None:
    assert [name for name in whole.served if not len(whole.tables[name])] == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_top_level_collection_answers(everything: Asker, product: str) -> None:
    for path in everything.simulator.church.paths[product]:
        if path.endpoint.collection and not path.owners:
            document = read(everything, path.endpoint.path, per_page=100)
            assert document["meta"]["total_count"] == len(everything.simulator.church.tables[path.type])
            assert document["meta"]["parent"]["type"] == "Organization"
            assert {one["type"] for one in document["data"]} <= {path.entity.type}


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_path_below_a_record_finds_what_the_truth_says(everything: Asker, product: str) -> None:
    church = everything.simulator.church
    for path in paths_below(church, product):
        for record_id, place in samples(ancestors(church, path), 3):
            document = read(everything, filled(path.endpoint.path, place), per_page=100)
            data = document["data"] if path.endpoint.collection else [document["data"]]
            if document["meta"].get("total_count", 0) <= 100:
                assert str(record_id) in [one["id"] for one in data], path.endpoint.path
            *_, last = place.values()
            assert document["meta"]["parent"] == {"id": last, "type": church.entities[path.owners[-1]].type}


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_record_is_read_below_its_parents_and_not_below_others(everything: Asker, product: str) -> None:
    church = everything.simulator.church
    for path in church.paths[product]:
        if path.endpoint.name != "get" or len(path.owners) < 2 or path.endpoint.path.count("{") < 2:
            continue
        collection = path.endpoint.path.removesuffix("/{id}")
        found = samples(ancestors(church, path_named(church, path.type, collection)), 2)
        for record_id, place in found:
            document = read(everything, filled(path.endpoint.path, {**place, "id": str(record_id)}))
            assert document["data"]["id"] == str(record_id)
            wrong = dict.fromkeys(place, "7")
            answer = everything.raw(filled(path.endpoint.path, {**wrong, "id": str(record_id)}))
            assert answer.status == 404


def test_the_parents_of_a_path_must_hang_together(everything: Asker) -> None:
    """A plan is not found below another service type, though both are there."""
    church = everything.simulator.church
    found = ancestors(church, path_named(church, "services.Item", "/services/v2/service_types/{service_type_id}/plans/{plan_id}/items"))  # fmt: skip
    place = next(iter(found.values()))[0]
    others = [
        one for one in church.tables["services.ServiceType"].ids if str(one) != place["service_type_id"]
    ]
    right = f"/services/v2/service_types/{place['service_type_id']}/plans/{place['plan_id']}/items"
    assert everything.raw(right).status == 200
    assert everything.raw(right.replace(place["service_type_id"], str(others[0]), 1)).status == 404


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_include_brings_records_of_its_target(everything: Asker, product: str) -> None:
    church = everything.simulator.church
    for path in church.paths[product]:
        includes = [one for one in path.endpoint.includes if path.entity.include_targets.get(one)]
        if path.owners or not path.endpoint.collection or not includes:
            continue
        document = read(everything, path.endpoint.path, per_page=100, include=",".join(includes))
        targets = {MANIFEST.entities[path.entity.include_targets[one] or ""].type for one in includes}  # type: ignore[index]  # they have one
        assert {one["type"] for one in document["included"]} <= targets
        known = {(one["type"], one["id"]) for one in [*document["included"], *document["data"]]}
        for record in document["data"]:
            for include in includes:
                data = record["relationships"][include]["data"]
                for one in data if isinstance(data, list) else [data] if data else []:
                    assert (one["type"], one["id"]) in known


def test_one_record_reached_by_several_paths_is_the_same(everything: Asker) -> None:
    church = everything.simulator.church
    membership = next(records(church, "groups.Membership"))
    group, person = membership.links["group"], membership.links["person"]
    assert group is not None
    assert person is not None
    found = [
        read(everything, path, per_page=100)["data"]
        for path in (
            f"/groups/v2/groups/{group.id}/memberships",
            f"/groups/v2/people/{person.id}/memberships",
        )
    ]
    first, second = ([one for one in data if one["id"] == str(membership.id)] for data in found)
    assert first == second
    assert len(first) == 1


# Coherence


def test_every_reference_leads_to_a_live_record_of_its_type(whole: Church) -> None:
    for link in whole.relations.links:
        for record in records(whole, link.type):
            target = record.links[link.name]
            if target is not None and not link.kept:
                assert whole.has(target), link
                assert target.type == link.to or not link.to


def test_what_belongs_to_something_says_to_what(whole: Church) -> None:
    optional = {"services.Attachment"}  # of one of several
    for link in whole.relations.links:
        if link.owned and link.type not in optional:
            assert all(record.links[link.name] is not None for record in records(whole, link.type)), link


def test_what_a_product_calls_a_person_is_a_person(whole: Church) -> None:
    people = whole.table("Person")
    for entity_type in PRODUCT_PEOPLE:
        for record in records(whole, entity_type):
            assert record.id in people
            assert record.attributes["first_name"] == people.record(record.id).attributes["first_name"]


def test_a_donation_is_the_sum_of_its_designations(whole: Church) -> None:
    designations = whole.table("giving.Designation")
    for donation in records(whole, "giving.Donation"):
        parts = [designations.record(one) for one in designations.referring("donation").get(donation.id, ())]
        assert donation.attributes["amount_cents"] == sum(
            int(str(p.attributes["amount_cents"])) for p in parts
        )


def test_those_who_came_to_a_group_belong_to_it(whole: Church) -> None:
    members = {
        (record.links["group"], record.links["person"]) for record in records(whole, "groups.Membership")
    }
    for attendance in records(whole, "groups.Attendance"):
        event = whole.find(attendance.links["event"] or Reference("", 0))
        assert event is not None
        assert (event.links["group"], attendance.links["person"]) in members


def test_nobody_is_in_a_group_twice(whole: Church) -> None:
    pairs = [(one.links["group"], one.links["person"]) for one in records(whole, "groups.Membership")]
    assert len(pairs) == len(set(pairs))


def test_who_serves_in_a_plan_is_of_a_team_of_its_service_type(whole: Church) -> None:
    teams = whole.table("services.Team")
    for one in records(whole, "services.PlanPerson"):
        team = one.links["team"]
        assert team is not None
        assert teams.record(team.id).links["service_type"] == one.links["service_type"]


def test_a_plan_stands_between_its_neighbours(whole: Church) -> None:
    plans = whole.table("services.Plan")
    for plan in records(whole, "services.Plan"):
        following = plan.links["next_plan"]
        if following is not None:
            assert plans.record(following.id).links["previous_plan"] == Reference("services.Plan", plan.id)


def test_check_ins_are_of_the_event_of_their_period(whole: Church) -> None:
    periods = whole.table("check-ins.EventPeriod")
    for one in records(whole, "check-ins.CheckIn"):
        period = one.links["event_period"]
        assert period is not None
        assert one.links["event"] == periods.record(period.id).links["event"]


def test_a_walk_over_a_church_of_200_people_takes_a_few_thousand_requests() -> None:
    """So many as a test can wait for: a page for each hundred records, or for each parent."""
    church = Church(people=200)
    requests = 0
    for entity_type, entity in church.served.items():
        usual = usual_path(church, entity_type)
        if usual is not None:
            requests += len(church.tables[usual.owners[-1]])
        elif entity.listing is not None:
            requests += 1 + len(church.tables[entity_type]) // 100
    assert requests < 7000


def test_a_church_of_5000_has_a_history_of_donations() -> None:
    church = Church(people=5000)
    assert 10_000 < len(church.table("giving.Donation")) < 50_000
    assert sum(len(church.tables[name]) for name in church.served) < 200_000


# Choosing products


def test_only_the_products_that_a_church_uses_are_served() -> None:
    church = Church(people=PEOPLE, products=["giving"])
    asker = Asker(SimulatorOptions(people=PEOPLE), church)
    assert {entity.product for entity in church.served.values()} == {"giving"}
    assert asker.raw("/giving/v2/donations").status == 200
    refused = asker.raw("/people/v2/people")
    assert refused.status == 401
    assert b"TRASH_PANDA" in refused.body


def test_a_product_has_the_same_records_whichever_others_there_are(whole: Church) -> None:
    alone = Church(people=PEOPLE, products=["groups"])
    for entity_type in alone.served:
        assert list(records(alone, entity_type)) == list(records(whole, entity_type))


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(UnknownNameError, match="no product 'givin'; did you mean giving"):
        Church(people=1, products=["givin"])


@pytest.mark.parametrize("entity_type", ["groups.Membership", "services.Key", "Condition", "giving.Donation"])
def test_a_record_says_where_it_is_found(whole: Church, everything: Asker, entity_type: str) -> None:
    routes = Routes(whole)
    for record in list(records(whole, entity_type))[:5]:
        document = read(everything, routes.path_of(entity_type, record))
        assert document["data"]["id"] == str(record.id)


# Who may read what


def test_a_product_without_access_answers_401_and_says_why() -> None:
    asker = Asker(SimulatorOptions(people=5, inaccessible_products=("giving",)))
    answer = asker.raw("/giving/v2/donations")
    assert answer.status == 401
    (error,) = json.loads(answer.body)["errors"]
    assert error["code"] == "unauthorized"
    assert error["detail"].endswith("Error Code Hint: (TRASH_PANDA)")
    assert asker.raw("/people/v2/people").status == 200


def test_a_forbidden_entity_answers_403_at_every_path_and_others_do_not() -> None:
    asker = Asker(SimulatorOptions(people=30, forbidden_entities=("groups.Membership", "Note")))
    group = asker.simulator.church.tables["groups.Group"].ids[0]
    assert asker.raw(f"/groups/v2/groups/{group}/memberships").status == 403
    assert asker.raw("/people/v2/notes").status == 403
    assert asker.raw(f"/groups/v2/groups/{group}/events").status == 200


@pytest.mark.parametrize("options", [{"inaccessible_products": ("givin",)}, {"forbidden_entities": ("Nte",)}])
def test_options_that_name_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        Asker(SimulatorOptions(people=5, **options))


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_fault_strikes_the_paths_below_one_parent(status: int) -> None:
    church = Church(people=60, products=["groups"])
    first, second = church.table("groups.Group").ids[:2]
    faults = f"error={status}~/groups/v2/groups/{first}/*"
    asker = Asker(SimulatorOptions(people=60, faults=faults), church)
    assert asker.raw(f"/groups/v2/groups/{first}/memberships").status == status
    assert asker.raw(f"/groups/v2/groups/{second}/memberships").status == 200


def test_a_product_is_answered_by_its_own_version() -> None:
    asker = Asker(SimulatorOptions(people=5))
    answer = asker.raw("/giving/v2/funds")
    assert answer.headers["X-PCO-API-Processed-As-Version"] == MANIFEST.products["giving"].version
    assert asker.raw("/giving/v2/funds", version="2018-01-01").status == 400


# The truth


def test_the_truth_names_every_place_of_a_nested_record(whole: Church) -> None:
    usual = usual_path(whole, "groups.Membership")
    assert usual is not None
    assert usual.endpoint.path == "/groups/v2/groups/{group_id}/memberships"
    for record_id, places in ancestors(whole, usual).items():
        group = whole.table("groups.Membership").record(record_id).links["group"]
        assert group is not None
        assert places == [{"group_id": str(group.id)}]


def test_an_entity_with_a_collection_of_its_own_needs_no_parents(whole: Church) -> None:
    assert usual_path(whole, "giving.Donation") is None


def test_an_unknown_path_is_refused_with_those_that_there_are(whole: Church) -> None:
    with pytest.raises(UnknownNameError, match=re.escape("/groups/v2/people/{person_id}/memberships")):
        path_named(whole, "groups.Membership", "/groups/v2/memberships")
