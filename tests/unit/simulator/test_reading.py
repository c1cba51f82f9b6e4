"""What documents hold: records, relationships, includes, sparse fields, links and meta."""

from __future__ import annotations

import json

import pytest

from openfaith.simulator import Church
from openfaith.simulator.relations import Through
from openfaith.simulator.rows import Reference
from support.asking import Ask, Asker


def a_person_with(church: Church, *edges: str) -> int:
    """The first person who has at least two of each of these kinds of records, or as many as anyone has."""
    counts = {edge: church.table(edge).referring("person") for edge in edges}
    return max(
        church.table("Person").ids, key=lambda one: sum(len(found.get(one, ())) for found in counts.values())
    )


# Records


def test_a_listed_record_has_type_id_attributes_relationships_and_one_link(reader: Asker) -> None:
    record = reader.get("emails")["data"][0]
    assert list(record) == ["type", "id", "attributes", "relationships", "links"]
    assert list(record["links"]) == ["self"]
    assert record["links"]["self"] == f"http://simulator/people/v2/emails/{record['id']}"


def test_a_plain_listing_shows_references_to_one_and_no_others(reader: Asker) -> None:
    """Recorded: people show their primary campus and nothing else."""
    assert all(list(person["relationships"]) == ["primary_campus"] for person in reader.get("people")["data"])
    assert all(
        list(home["relationships"]) == ["primary_contact"] for home in reader.get("households")["data"]
    )


def test_a_record_without_references_has_no_relationships_at_all(reader: Asker) -> None:
    """Recorded so. A social profile refers to its person, but only an include tells."""
    for path in ("apps", "social_profiles", "marital_statuses"):
        assert "relationships" not in reader.get(path)["data"][0]


def test_attributes_that_must_be_asked_for_are_not_sent(reader: Asker, church: Church) -> None:
    hidden = {one.name for one in church.entities["Person"].attributes.values() if one.only_when_asked}
    shown = set(church.entities["Person"].attributes) - hidden
    assert hidden
    assert set(reader.get("people")["data"][0]["attributes"]) == shown


def test_ids_are_text_in_their_place_and_numbers_in_attributes(reader: Asker) -> None:
    merger = reader.get("person_mergers")["data"][0]
    assert isinstance(merger["id"], str)
    assert isinstance(merger["attributes"]["person_to_keep_id"], int)
    assert merger["relationships"]["person_to_keep"]["data"]["id"] == str(
        merger["attributes"]["person_to_keep_id"]
    )


def test_an_unset_reference_is_null(reader: Asker) -> None:
    people = reader.get("people", per_page=100)["data"]
    assert {"data": None} in [person["relationships"]["primary_campus"] for person in people]


# meta


def test_meta_says_what_can_be_asked_for_and_whose_records_these_are(reader: Asker, church: Church) -> None:
    listing = church.entities["Person"].listing
    meta = reader.get("people")["meta"]
    assert listing is not None
    assert (meta["can_order_by"], meta["can_query_by"], meta["can_include"]) == (
        [*listing.order_by],
        [*listing.query_by],
        [*listing.includes],
    )
    assert meta["parent"] == {"id": str(church.world.organization.id), "type": "Organization"}


def test_what_cannot_be_asked_for_is_not_mentioned(reader: Asker) -> None:
    meta = reader.get("spam_email_addresses")["meta"]
    assert not {"can_order_by", "can_query_by", "can_include"} & meta.keys()


def test_below_a_record_the_parent_is_that_record(reader: Asker, church: Church) -> None:
    person = church.table("Person").ids[0]
    assert reader.get(f"people/{person}/emails")["meta"]["parent"] == {"id": str(person), "type": "Person"}


# Includes


def test_an_include_adds_a_relationship_with_its_data_and_the_records(reader: Asker, church: Church) -> None:
    person = a_person_with(church, "Email")
    document = reader.get("people", **{"where[id]": person, "include": "emails,primary_campus"})
    record = document["data"][0]
    emails = church.table("Email").referring("person")[person]
    assert len(emails) > 1
    assert record["relationships"]["emails"] == {
        "links": {"related": f"http://simulator/people/v2/people/{person}/emails"},
        "data": [{"type": "Email", "id": str(one)} for one in emails],
    }
    assert [(one["type"], one["id"]) for one in document["included"] if one["type"] == "Email"] == [
        ("Email", str(one)) for one in emails
    ]


def test_included_records_look_as_they_do_in_their_own_listing(reader: Asker) -> None:
    listed = {record["id"]: record for record in reader.get("emails", per_page=100)["data"]}
    included = [one for one in reader.get("people", include="emails")["included"] if one["id"] in listed]
    assert included
    assert all(listed[one["id"]] == one for one in included)


def test_every_record_is_included_once(reader: Asker) -> None:
    included = reader.get("people", per_page=100, include="primary_campus,households,organization")[
        "included"
    ]
    keys = [(one["type"], one["id"]) for one in included]
    assert len(keys) == len(set(keys))
    assert {"Campus", "Household", "Organization"} == {one["type"] for one in included}


def test_a_record_of_the_page_can_be_included_too(reader: Asker) -> None:
    document = reader.get("people", include="households.people")
    page = {one["id"] for one in document["data"]}
    assert page & {one["id"] for one in document["included"] if one["type"] == "Person"}


def test_a_nested_include_shows_a_made_up_relationship(reader: Asker, church: Church) -> None:
    """Measured: `households.people` gives a person a list of people."""
    home = max(
        church.table("Household").ids,
        key=lambda one: len(church.table("HouseholdMembership").referring("household")[one]),
    )
    members = church.reach(
        Reference("Household", home), Through(type="HouseholdMembership", link="household", onward="person")
    )
    document = reader.get("people", **{"where[id]": members[0].id, "include": "households.people"})
    relationships = document["data"][0]["relationships"]
    assert [one["id"] for one in relationships["households"]["data"]] == [str(home)]
    assert [one["id"] for one in relationships["people"]["data"]] == [str(member.id) for member in members]


def test_an_include_of_nothing_is_an_empty_list_or_null(reader: Asker, church: Church) -> None:
    person = reader.get("people", include="social_profiles,name_prefix")["data"]
    assert any(one["relationships"]["social_profiles"]["data"] == [] for one in person)
    assert None in [one["relationships"]["name_prefix"]["data"] for one in person]


@pytest.mark.parametrize("include", ["shoes", "gender", "emails_", ".emails"])
def test_an_unknown_include_is_ignored(reader: Asker, include: str) -> None:
    assert reader.get("people", include=include)["data"] == reader.get("people")["data"]


def test_every_include_of_the_manifest_can_be_asked_for(reader: Asker, church: Church) -> None:
    for entity in church.entities.values():
        if entity.listing is not None:
            for include in entity.listing.includes:
                path = entity.listing.path.removeprefix("/people/v2/")
                record = reader.get(path, include=include)["data"][0]
                assert include in record["relationships"], (entity.name, include)


def test_an_include_under_another_name_reaches_its_target(reader: Asker) -> None:
    """The relationship of a note is called `note_category`, its include `category`."""
    document = reader.get("notes", include="category")
    assert {one["type"] for one in document["included"]} == {"NoteCategory"}


def test_included_is_empty_or_absent_without_an_include(ask: Ask) -> None:
    """Recorded until 2023 and in 2026."""
    assert ask().get("people")["included"] == []
    assert "included" not in ask(included_when_empty=False).get("people")
    assert "included" in ask(included_when_empty=False).get("people", include="emails")


# Sparse fields


def test_fields_limit_attributes_and_relationships(reader: Asker) -> None:
    record = reader.get("people", **{"fields[Person]": "first_name,primary_campus"})["data"][0]
    assert list(record["attributes"]) == ["first_name"]
    assert list(record["relationships"]) == ["primary_campus"]


def test_an_unknown_field_selects_nothing(reader: Asker) -> None:
    record = reader.get("people", **{"fields[Person]": "shoes"})["data"][0]
    assert record["attributes"] == {}
    assert "relationships" not in record


def test_fields_bring_out_what_is_only_sent_when_asked(reader: Asker) -> None:
    attributes = reader.get("people", **{"fields[Person]": "mfa_configured"})["data"][0]["attributes"]
    assert list(attributes) == ["mfa_configured"]


def test_fields_of_another_type_limit_included_records_only(reader: Asker) -> None:
    document = reader.get("people", **{"include": "emails", "fields[Email]": "address"})
    assert len(document["data"][0]["attributes"]) > 20
    assert all(list(one["attributes"]) == ["address"] for one in document["included"])


def test_sparse_fields_leave_out_even_the_stamp_and_keep_the_id(reader: Asker) -> None:
    record = reader.get("people", **{"fields[Person]": ""})["data"][0]
    assert set(record) == {"type", "id", "attributes", "links"}
    assert record["attributes"] == {}


def test_fields_of_every_product_are_named_by_their_bare_types(ask: Ask) -> None:
    asker = ask(people=30, products=("people", "giving", "groups"))
    for path, name, field in (
        ("/giving/v2/donations", "Donation", "updated_at"),
        ("/groups/v2/people", "Person", "first_name"),
    ):
        records = json.loads(asker.raw(path, {f"fields[{name}]": f"{field},shoes"}).body)["data"]
        assert records
        assert all(list(one["attributes"]) == [field] for one in records)


def test_fields_limit_what_is_included_in_other_products(ask: Ask) -> None:
    asker = ask(people=30, products=("people", "giving"))
    query = {"include": "designations", "fields[Designation]": "amount_cents"}
    document = json.loads(asker.raw("/giving/v2/donations", query).body)
    assert document["included"]
    assert all(list(one["attributes"]) == ["amount_cents"] for one in document["included"])
    assert len(document["data"][0]["attributes"]) > 5


# Paths


def test_every_collection_of_the_manifest_answers(reader: Asker, church: Church) -> None:
    for entity in church.entities.values():
        if entity.listing is not None:
            document = reader.get(entity.listing.path.removeprefix("/people/v2/"), per_page=100)
            assert {record["type"] for record in document["data"]} == {entity.type}


def test_every_record_can_be_read_by_its_own_link(reader: Asker, church: Church) -> None:
    for entity in church.entities.values():
        if entity.listing is not None and any(one.name == "get" for one in entity.endpoints):
            path = entity.listing.path.removeprefix("/people/v2/")
            listed = reader.get(path)["data"][0]
            single = reader.get(listed["links"]["self"].partition("/people/v2/")[2])["data"]
            assert single["attributes"] == listed["attributes"]
            assert single["id"] == listed["id"]


def test_a_record_read_by_its_id_links_to_its_edges_and_not_to_what_is_unset(
    reader: Asker, church: Church
) -> None:
    table = church.table("Person")
    person = next(one for one in table.ids if table.record(one).links["name_prefix"] is None)
    links = reader.get(f"people/{person}")["data"]["links"]
    assert links["emails"] == f"http://simulator/people/v2/people/{person}/emails"
    assert links["name_prefix"] is None


def test_an_edge_to_one_is_a_single_record_and_not_found_when_unset(reader: Asker, church: Church) -> None:
    """Recorded for primary_campus."""
    table = church.table("Person")
    links = {one: table.record(one).links["primary_campus"] for one in table.ids}
    for person, campus in links.items():
        if campus is not None:
            assert reader.get(f"people/{person}/primary_campus")["data"]["id"] == str(campus.id)
        else:
            assert reader.raw(f"/people/v2/people/{person}/primary_campus").status == 404
    assert None in links.values()


@pytest.mark.parametrize(
    ("edge", "entity", "link"), [("emails", "Email", "person"), ("field_data", "FieldDatum", "customizable")]
)
def test_a_nested_collection_holds_the_parents_records(
    reader: Asker, church: Church, edge: str, entity: str, link: str
) -> None:
    owners = church.table(entity).referring(link)
    for person in church.table("Person").ids:
        assert reader.ids(f"people/{person}/{edge}") == list(owners.get(person, ()))


def test_a_nested_collection_can_be_paged_filtered_and_ordered(reader: Asker, church: Church) -> None:
    person = a_person_with(church, "Email")
    emails = reader.ids(f"people/{person}/emails")
    assert len(emails) > 1
    assert reader.ids(f"people/{person}/emails", per_page=1, offset=1) == emails[1:2]
    assert reader.ids(f"people/{person}/emails", **{"where[primary]": "true"}) == emails[:1]
    assert sorted(reader.ids(f"people/{person}/emails", order="-address")) == emails


def test_household_memberships_are_read_below_either_side_and_link_to_the_household(
    reader: Asker, church: Church
) -> None:
    home = church.table("Household").ids[0]
    record = reader.get(f"households/{home}/household_memberships")["data"][0]
    assert list(record["relationships"]) == ["person"]
    assert record["links"]["self"].endswith(f"/households/{home}/household_memberships/{record['id']}")
    assert reader.get(record["links"]["self"].partition("/people/v2/")[2])["data"]["id"] == record["id"]
    person = record["relationships"]["person"]["data"]["id"]
    assert record["id"] in [one["id"] for one in reader.get(f"people/{person}/household_memberships")["data"]]


def test_a_record_is_not_found_below_another_owner(reader: Asker, church: Church) -> None:
    first, second = church.table("Household").ids[:2]
    membership = reader.ids(f"households/{first}/household_memberships")[0]
    assert reader.raw(f"/people/v2/households/{second}/household_memberships/{membership}").status == 404


def test_a_collection_of_which_the_church_has_nothing_is_empty(reader: Asker, church: Church) -> None:
    lists = church.table("List").ids
    with_rules = church.table("Rule").referring("list")
    without = next(one for one in lists if one not in with_rules)
    assert reader.get(f"lists/{without}/rules")["data"] == []


@pytest.mark.parametrize(
    "path",
    ["people/1", "people/abc", "people/1/emails", "people/99999999999999999999", "emails/-5", "people/٣"],
)
def test_what_is_not_there_is_not_found(reader: Asker, path: str) -> None:
    answer = reader.raw(f"/people/v2/{path}")
    assert answer.status == 404
    assert json.loads(answer.body)["errors"][0]["detail"] == "The resource you requested could not be found"


def test_the_organization_and_oneself_are_single_records(reader: Asker, church: Church) -> None:
    assert reader.get("")["data"]["type"] == "Organization"
    me = reader.get("me")["data"]
    assert me["id"] == str(church.table("Person").ids[0])
    assert me["attributes"]["site_administrator"] is True
