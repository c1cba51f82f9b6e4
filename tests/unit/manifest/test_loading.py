from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from openfaith.errors import ManifestError
from openfaith.manifest import AttributeType, Method, load_manifest, merge_log_of, parse_document
from openfaith.manifest.problems import MOST_REPORTED
from openfaith.records import EntityName
from openfaith.retries import RetryPolicy
from unit.manifest.samples import Document, church, document, endpoint, listed, load

PERSON = EntityName("church.Person")


def fault(entities: dict[str, object], **members: object) -> str:
    """What a faulty manifest is told."""
    with pytest.raises(ManifestError) as caught:
        load(entities, **members)
    return str(caught.value)


def person(**members: object) -> dict[str, object]:
    return {"Person": listed("people", **members)}


def test_a_manifest_keeps_the_order_of_its_files() -> None:
    assert list(load(church()).entities) == ["church.Room", "church.Person", "church.Address"]


def test_references_are_completed_by_their_product() -> None:
    manifest = load(church())
    assert manifest.entities[PERSON].relationships["room"].to == "church.Room"
    assert manifest.entities[PERSON].include_targets == {"room": "church.Room", "addresses": "church.Address"}


def test_a_reference_can_lead_to_another_product() -> None:
    giving = document(
        {"Gift": {"attributes": {}, "endpoints": [], "relationships": {"giver": {"to": "church.Person"}}}},
        product="giving",
        base_path="/giving/v1",
    )
    documents = {"church.json": document(church()), "giving.json": giving}
    manifest = load_manifest(documents, adapter="sample", default_product="church")
    assert manifest.entities[EntityName("giving.Gift")].relationships["giver"].to == PERSON


def test_an_entity_is_as_patient_as_its_adapter_but_for_what_it_says_itself() -> None:
    patient = RetryPolicy(attempts=9, base=timedelta(seconds=3))
    manifest = load_manifest(
        {"church.json": document(church() | person(retries={"attempts": 2, "cap_seconds": 5}))},
        adapter="sample",
        default_product="church",
        retries=patient,
    )
    assert manifest.entities[EntityName("church.Room")].retries == patient
    assert manifest.entities[PERSON].retries == replace(patient, attempts=2, cap=timedelta(seconds=5))


def test_an_entity_can_have_the_same_records_as_another() -> None:
    giver = listed("givers", same_as="Person")
    assert load(church() | {"Giver": giver}).entities[EntityName("church.Giver")].same_as == PERSON


def test_an_entity_cannot_be_the_same_as_itself() -> None:
    assert "Person.same_as: itself; expected another entity" in fault(person(same_as="Person"))


def test_the_same_records_as_those_of_nobody_are_refused() -> None:
    assert "Person.same_as: no entity 'church.Persn'" in fault(person(same_as="Persn"))


def test_what_an_entity_says_once_reaches_the_endpoints_it_holds_for() -> None:
    entity = load(person(includes={}, order_by=["name"], query_by=["name"], create_fields=["name"])).entities[
        PERSON
    ]
    by_name = {e.name: e for e in entity.endpoints}
    assert by_name["list"].order_by == by_name["list"].query_by == ("name",)
    assert by_name["get"].order_by == by_name["get"].query_by == ()


def test_fields_belong_to_the_method_that_writes_them() -> None:
    endpoints = [
        endpoint("create", "/church/v1/people", method="POST"),
        endpoint("update", "/church/v1/people/{id}", method="PATCH"),
        endpoint("delete", "/church/v1/people/{id}", method="DELETE"),
    ]
    entity = load(
        person(endpoints=endpoints, create_fields=["name"], update_fields=["updated_at"]),
    ).entities[PERSON]
    assert {e.method: e.fields for e in entity.endpoints} == {
        Method.POST: ("name",),
        Method.PATCH: ("updated_at",),
        Method.DELETE: (),
    }


def test_an_attribute_may_be_sent_only_when_asked_for() -> None:
    entity = load(person(only_when_asked=["name"])).entities[PERSON]
    assert {a.name: a.only_when_asked for a in entity.attributes.values()} == {
        "name": True,
        "updated_at": False,
    }
    assert entity.attributes["updated_at"].type is AttributeType.DATE_TIME


def test_the_type_of_an_entity_is_its_name_unless_said_otherwise() -> None:
    assert load(person()).entities[PERSON].type == "Person"
    assert load(person(type="Human")).entities[PERSON].type == "Human"


@pytest.mark.parametrize(
    ("members", "place", "expected"),
    [
        ({"atributes": {}}, "Person: unknown member 'atributes'", "expected attributes"),
        ({"attributes": {"name": "strng"}}, "Person.attributes.name: the type 'strng'", "expected string"),
        ({"attributes": {"name": 3}}, "Person.attributes.name: 3", "expected text"),
        ({"attributes": []}, "Person.attributes: []", "expected an object"),
        (
            {"attributes": {"First Name": "string"}},
            "Person.attributes: the name 'First Name'",
            "small letters",
        ),
        (
            {"attributes": {"_seen": "string"}},
            "Person.attributes: the name '_seen'",
            "beginning with a letter",
        ),
        (
            {"attributes": {"org_id": "string"}},
            "Person.attributes.org_id: a reserved name",
            "the mirror table's key",
        ),
        ({"attributes": {"x" * 64: "string"}}, "of 64 bytes", "at most 63"),
        ({"only_when_asked": ["nam"]}, "Person.only_when_asked: no attribute 'nam'", "expected name"),
        (
            {"relationships": {"boss": {"to": "Persn"}}},
            "Person.relationships.boss.to: no entity",
            "church.Person",
        ),
        (
            {"relationships": {"boss": {}}},
            "Person.relationships.boss: no member 'to'",
            "expected the members to",
        ),
        (
            {"relationships": {"boss": {"to": "Person", "polymorphic": True}}},
            "Person.relationships.boss: polymorphic, yet to church.Person",
            "expected null",
        ),
        ({"relationships": {"boss": {"to": None, "many": 1}}}, "boss.many: 1", "expected true or false"),
        (
            {"includes": {"boss": "Boss"}},
            "Person.includes.boss: no entity 'church.Boss'",
            "one of church.Person",
        ),
        (
            {"order_by": ["nmae"]},
            "Person.order_by: no attribute, relationship or computed key 'nmae'",
            "name",
        ),
        ({"query_by": ["updated"]}, "Person.query_by: no attribute", "updated_at"),
        ({"query_by": ["name", "name"]}, "Person.query_by: 'name' more than once", "each name once"),
        ({"query_by": "name"}, "Person.query_by: 'name'", "expected a list"),
        ({"computed_keys": ["name"]}, "Person.computed_keys: 'name', which is known anyway", "nothing else"),
        ({"retries": {"attempts": 0}}, "Person.retries.attempts: 0", "a whole number from 1 to 20"),
        ({"retries": {"attempts": 2.5}}, "Person.retries.attempts: 2.5", "a whole number from 1 to 20"),
        ({"retries": {"attempts": True}}, "Person.retries.attempts: True", "a whole number from 1 to 20"),
        ({"retries": {"cap_seconds": 0}}, "Person.retries.cap_seconds: 0", "a number from 0.001 to 3600"),
        ({"retries": {"base_seconds": "1"}}, "Person.retries.base_seconds: '1'", "a number"),
        ({"retries": {"wait": 1}}, "Person.retries: unknown member 'wait'", "attempts"),
        ({"type": ""}, "Person.type: ''", "the JSON:API type"),
        ({"note": 1}, "Person.note: 1", "expected text"),
    ],
)
def test_a_fault_of_an_entity_names_place_and_expectation(
    members: Document, place: str, expected: str
) -> None:
    message = fault(person(**members))
    assert place in message
    assert expected in message
    assert message.startswith("church.json: Person")


@pytest.mark.parametrize(
    ("row", "place", "expected"),
    [
        (
            endpoint("list", "/other/v1/people", collection=True),
            "endpoints.0.path: '/other/v1/people'",
            "a path below /church/v1",
        ),
        (
            endpoint("list", "/church/v10/people", collection=True),
            "endpoints.0.path: '/church/v10/people'",
            "below /church/v1",
        ),
        (endpoint("get", "/church/v1/people/{id"), "endpoints.0.path: '{id'", "{one_id}"),
        (endpoint("get", "/church/v1/people/{}"), "endpoints.0.path: '{}'", "{one_id}"),
        (endpoint("get", "/church/v1//people"), "endpoints.0.path: ''", "between single slashes"),
        (endpoint("get", "/church/v1/a/{id}/b/{id}"), "'id' 2 times", "a name for each id"),
        (
            endpoint("create", "/church/v1/people", method="POST", collection=True),
            "POST of a collection",
            "GET",
        ),
        (endpoint("get", "/church/v1/people", method="PUT"), "endpoints.0.method: the method 'PUT'", "GET"),
        (
            endpoint("list", "/church/v1/people", method="DELETE"),
            "endpoints.0.method: DELETE to list",
            "expected GET",
        ),
        (endpoint("List of people", "/church/v1/people"), "endpoints.0.name: 'List of people'", "an edge"),
        (endpoint("Rom.people", "/church/v1/people"), "endpoints.0.name: no entity 'church.Rom'", "one of"),
        (
            {"name": "list", "path": "/church/v1/people"},
            "endpoints.0: no member 'method'",
            "method, name, path",
        ),
        ("GET /people", "endpoints.0: 'GET /people'", "an object"),
    ],
)
def test_a_fault_of_an_endpoint_names_place_and_expectation(row: object, place: str, expected: str) -> None:
    message = fault(person(endpoints=[row]))
    assert place in message
    assert expected in message


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"product": "Church!"}, "church.json: product: 'Church!'"),
        ({"base_path": "church"}, "church.json: base_path: 'church'"),
        ({"version": "2025-01-0\N{ARABIC-INDIC DIGIT ONE}"}, "church.json: version: '2025-01-0"),
        ({"version": "2025\x00"}, "church.json: version: '2025"),
        ({"version": 2025}, "church.json: version: 2025"),
        ({"max_page_size": 0}, "church.json: max_page_size: 0"),
        ({"max_page_size": True}, "church.json: max_page_size: True"),
        ({"entities": []}, "church.json: entities: []"),
        ({"overrules": {}}, "church.json: overrules: {}"),
        ({"merges": {}}, "church.json: merges: {}"),
        ({"entitees": {}}, "church.json: unknown member 'entitees'"),
    ],
)
def test_a_fault_of_a_product_is_the_only_one_reported(members: Document, place: str) -> None:
    """What follows from a wrong product or base path is not blamed on every path and reference."""
    with pytest.raises(ManifestError) as caught:
        load_manifest(
            {"church.json": document(church()) | members}, adapter="sample", default_product="church"
        )
    message = str(caught.value)
    assert message.startswith(place)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"kind": "firm"}, "overrules.0.kind: the kind 'firm'"),
        ({"why": "  "}, "overrules.0.why: no reason"),
        ({"on": "Rooom"}, "overrules.0.on: no entity 'church.Rooom'; expected church.Room"),
        ({"on": "Person"}, "overrules.0: church.Person on itself"),
        ({"because": "x"}, "overrules.0: unknown member 'because'"),
    ],
)
def test_an_overrule_needs_entities_a_kind_and_a_reason(rule: Document, place: str) -> None:
    good: Document = {"entity": "Person", "on": "Room", "kind": "none", "why": "rooms are far away"}
    assert place in fault(church(), overrules=[good | rule])


def test_two_overrules_of_one_pair_are_a_fault() -> None:
    rule: Document = {"entity": "Person", "on": "Room", "kind": "none", "why": "rooms are far away"}
    assert "church.Person on church.Room more than once" in fault(
        church(), overrules=[rule, rule | {"kind": "hard"}]
    )


MERGES: Document = {"entity": "Person", "log": "Merger", "removed": "gone_id", "kept": "left_id"}


def merging(**members: object) -> dict[str, object]:
    """A church with a log of its merged people."""
    log = listed("mergers", attributes={"gone_id": "string", "left_id": "integer"}, query_by=["gone_id"])
    return {**church(), "Merger": log | members}


def test_an_entity_may_have_a_log_of_its_merges() -> None:
    manifest = load(merging(), merges=[MERGES])
    [merge] = manifest.merges
    assert (merge.entity, merge.log) == (PERSON, "church.Merger")
    assert (merge.removed, merge.kept) == ("gone_id", "left_id")
    assert merge_log_of(manifest, PERSON) == merge
    assert merge_log_of(manifest, merge.log) is None
    assert load(church()).merges == ()


@pytest.mark.parametrize(
    ("merge", "place"),
    [
        ({"log": "Merge"}, "merges.0.log: no entity 'church.Merge'; expected church.Merger"),
        ({"entity": "Persn"}, "merges.0.entity: no entity 'church.Persn'; expected church.Person"),
        ({"removed": "gon_id"}, "merges.0.removed: no attribute of church.Merger 'gon_id'; expected gone_id"),
        ({"kept": "left"}, "merges.0.kept: no attribute of church.Merger 'left'; expected left_id"),
        ({"removed": "left_id", "kept": "gone_id"}, "merges.0.removed: church.Merger is not filtered by 'left_id'"),
        ({"kept": "gone_id"}, "merges.0: 'gone_id' for both ids"),
        ({"entity": "Merger"}, "merges.0: church.Merger as its own log"),
        ({"kept": 1}, "merges.0.kept: 1; expected text"),
        ({"why": "x"}, "merges.0: unknown member 'why'"),
    ],
)  # fmt: skip
def test_a_log_of_merges_needs_a_list_that_can_be_asked_for_one_record(merge: Document, place: str) -> None:
    assert place in fault(merging(), merges=[MERGES | merge])


def test_a_log_of_merges_without_a_list_of_its_own_is_a_fault() -> None:
    below = [endpoint("list", "/church/v1/people/{person_id}/mergers", collection=True)]
    message = fault(merging(endpoints=below), merges=[MERGES])
    assert "merges.0.log: church.Merger, which has no list of its own; expected one that has" in message


def test_two_logs_of_one_entitys_merges_are_a_fault() -> None:
    assert "merges: church.Person more than once" in fault(merging(), merges=[MERGES, MERGES])


def test_two_entities_of_one_table_are_a_fault() -> None:
    message = fault(
        {"PhoneNumber": listed("phones"), "Phone": listed("other"), "PhoneNUMBER": listed("third")}
    )
    assert "church.PhoneNumber and church.PhoneNUMBER both have the table 'church_phone_number'" in message


def test_two_entities_that_list_at_one_path_are_a_fault() -> None:
    assert "both have the listing '/church/v1/people'" in fault(
        {"Person": listed("people"), "Human": listed("people")}
    )


def test_two_sources_of_one_column_are_a_fault() -> None:
    attributes = {"room_id": "string", "room_relationship_id": "string"}
    message = fault(person(attributes=attributes, relationships={"room": {"to": None}}))
    assert "the attribute 'room_relationship_id' and the relationship 'room' both have the column" in message


def test_a_long_entity_name_is_a_fault_since_its_table_would_be_cut() -> None:
    assert "at most 63" in fault({"A" + "b" * 60: listed("people")})


def test_an_endpoint_name_stands_once() -> None:
    rows = [endpoint("list", "/church/v1/people", collection=True), endpoint("list", "/church/v1/persons")]
    assert "'list' more than once" in fault(person(endpoints=rows))


def test_all_faults_are_reported_together() -> None:
    entities = person(attributes={"name": "strng"}) | {
        "Room": listed("rooms", note=1),
        "Hall": listed("halls", type=""),
    }
    lines = fault(entities, version=1).splitlines()
    assert len(lines) == 4


def test_no_more_faults_are_reported_than_help() -> None:
    with pytest.raises(ManifestError) as caught:
        load({f"E{n}": {"attributes": {}} for n in range(50)})
    assert len(caught.value.more) == MOST_REPORTED
    assert caught.value.more[-1] == "and 30 more"


def test_the_error_survives_storage() -> None:
    with pytest.raises(ManifestError) as caught:
        load(person(note=1, type=2))
    restored = cast("ManifestError", pickle.loads(pickle.dumps(caught.value)))
    assert str(restored) == str(caught.value)


@pytest.mark.parametrize("adapter", ["", "PCO", "openfaith", "pg_pco", "a-b"])
def test_an_adapter_must_be_free_as_a_schema(adapter: str) -> None:
    with pytest.raises(ManifestError, match="free as a schema"):
        load_manifest({"church.json": document(church())}, adapter=adapter, default_product="church")


def test_the_default_product_must_be_there() -> None:
    with pytest.raises(ManifestError, match="no product 'churhc'; expected church"):
        load_manifest({"church.json": document(church())}, adapter="sample", default_product="churhc")


def test_one_product_stands_in_one_file() -> None:
    documents = {"a.json": document({}), "b.json": document({})}
    with pytest.raises(ManifestError, match=r"b\.json: product: 'church' again"):
        load_manifest(documents, adapter="sample", default_product="church")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (b'{"a": 1, "a": 2}', "'a' stands there twice"),
        (b'{"a": ', "text that is not JSON"),
        (b"\xff\xfe\xff", "text that is not JSON"),
        (b"[" * 100_000, "text that is not JSON"),
    ],
)
def test_text_that_is_not_a_manifest_is_named(text: bytes, seen: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_document("church.json", text)
    assert str(caught.value).startswith("church.json: ")
    assert seen in str(caught.value)
