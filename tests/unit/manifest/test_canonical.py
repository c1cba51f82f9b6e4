from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.adapters.planning_center import load_planning_center, load_planning_center_mapping
from openfaith.errors import ManifestError
from openfaith.manifest import (
    CanonicalMapping,
    Manifest,
    Reference,
    ValueType,
    canonical_id,
    linked_entities,
    load_canonical_mapping,
)
from openfaith.records import EntityName
from unit.manifest.samples import Document, church, listed, load, nested

MANIFEST = load(
    {
        **church(),
        "Guest": listed("guests", same_as="Person"),
        "Gift": listed(
            "gifts",
            attributes={
                "cents": "integer",
                "currency": "string",
                "given_at": "date_time",
                "gone_at": "date_time",
                "purpose": "string",
            },
            relationships={"person": {"to": "Guest"}, "room": {"to": "Room"}, "thing": {"to": None}},
        ),
        "Chair": {"attributes": {"name": "string"}, "endpoints": []},
    }
)

NAME: Document = {"kind": "column", "from": "name", "type": "text", "meaning": "Its name."}


def entity(source: str, **members: object) -> Document:
    return {"source": source, "meaning": "Something.", "columns": {"name": NAME}} | members


def reference(column: str, to: str) -> Document:
    return {"kind": "reference", "from": column, "to": to, "meaning": "Where it leads."}


def mapping(**entities: object) -> CanonicalMapping:
    return load_canonical_mapping({"house.json": {"domain": "house", "entities": entities}}, MANIFEST)


def column(**members: object) -> CanonicalMapping:
    """A person's column with these members, beside a room to refer to and a join to the room."""
    joins = {"place": {"entity": "church.Room", "by": "room_id"}}
    return mapping(
        room=entity("church.Room"),
        person=entity("church.Person", joins=joins, columns={"it": {"meaning": "It."} | members}),
    )


def refusal(**entities: object) -> str:
    with pytest.raises(ManifestError) as caught:
        mapping(**entities)
    return str(caught.value)


def column_refusal(**members: object) -> str:
    with pytest.raises(ManifestError) as caught:
        column(**members)
    return str(caught.value).removeprefix("house.json: person.columns.it")


def test_an_entity_is_read_with_all_its_members() -> None:
    loaded = mapping(
        person=entity("church.Person", merges=True),
        gift=entity(
            "church.Gift", deleted_at="gone_at", columns={"person_id": reference("person_id", "person")}
        ),
    )
    assert list(loaded.entities) == ["person", "gift"]
    assert (loaded.adapter, loaded.entities["gift"].domain) == ("sample", "house")
    assert loaded.entities["person"].merges
    assert loaded.entities["gift"].deleted_at == "gone_at"
    (found,) = loaded.references
    assert (found.entity, found.column, found.to, found.kind) == (
        "gift",
        "person_id",
        "person",
        "gift.person",
    )


def test_a_reference_may_lead_to_an_entity_that_is_the_same() -> None:
    """The gift's relationship leads to Guest, which is Person under another name."""
    loaded = mapping(
        person=entity("church.Person"),
        gift=entity("church.Gift", columns={"person_id": reference("person_id", "person")}),
    )
    assert loaded.references[0].to == "person"


def test_a_reference_through_a_join_is_a_reference() -> None:
    joins = {"giver": {"entity": "church.Person", "by": "thing_id"}}
    loaded = mapping(
        room=entity("church.Room"),
        gift=entity("church.Gift", joins=joins, columns={"room_id": reference("giver.room_id", "room")}),
    )
    expression = loaded.entities["gift"].columns["room_id"].expression
    assert isinstance(expression, Reference)
    assert str(expression.source) == "giver.room_id"


def test_the_type_follows_from_the_kind_where_it_must() -> None:
    loaded = mapping(
        gift=entity(
            "church.Gift",
            columns={
                "amount": {"kind": "money", "from": "cents", "currency": "currency", "meaning": "How much."},
                "given_at": {"kind": "column", "from": "given_at", "type": "time", "meaning": "When."},
            },
        )
    )
    types = {c.name: c.type for c in loaded.entities["gift"].columns.values()}
    assert types == {"amount": ValueType.MONEY, "given_at": ValueType.TIME}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"kind": "colum", "from": "name"}, ".kind: the kind 'colum'; expected column"),
        ({"from": "name"}, ".kind: the kind ''; expected one of"),
        ({"kind": "column", "from": "nam", "type": "text"}, ".from: no column 'nam'; expected name"),
        (
            {"kind": "column", "from": "plac.name", "type": "text"},
            ".from: no join 'plac'; expected place",
        ),
        (
            {"kind": "column", "from": "place.nam", "type": "text"},
            ".from: no column 'nam'; expected name",
        ),
        (
            {"kind": "column", "from": "name", "type": "tex"},
            ".type: the type 'tex'; expected text",
        ),
        (
            {"kind": "column", "from": "name", "type": "date"},
            ".from: name, which holds text; expected a column that holds date",
        ),
        (
            {"kind": "column", "from": "name", "type": "text", "form": 1},
            ": unknown member 'form'; expected from",
        ),
        ({"kind": "column", "from": "name"}, ": no member 'type'"),
        (
            {"kind": "column", "from": "name", "type": "text", "meaning": " "},
            ".meaning: ''; expected one line that says what it means",
        ),
        (
            {"kind": "concat", "from": ["name"], "separator": " "},
            ".from: one column; expected at least two",
        ),
        (
            {"kind": "first", "from": ["name", "updated_at"], "type": "text"},
            ".from.1: updated_at, which holds time; expected a column that holds text",
        ),
        (
            {"kind": "enum", "from": "name", "values": {"a": ["x", "b"], "B": []}},
            ".values: 'b' more than once; expected one word for each spelling",
        ),
        (
            {"kind": "money", "from": "name", "currency": "name"},
            ".from: name, which holds text; expected a column that holds integer",
        ),
        (
            {"kind": "e164", "from": "name", "number": "name", "country": "nation"},
            ".country: no column 'nation'",
        ),
    ],
)
def test_a_faulty_column_is_refused(members: Document, expected: str) -> None:
    assert column_refusal(**members).startswith(expected)


def test_a_reference_to_what_the_mapping_does_not_have_is_refused() -> None:
    text = refusal(
        person=entity("church.Person", columns={"room_id": reference("room_id", "rom")}),
        room=entity("church.Room"),
    )
    assert text == "house.json: person.columns.room_id.to: no canonical entity 'rom'; expected room"


def test_a_reference_that_leads_elsewhere_is_refused() -> None:
    text = refusal(
        room=entity("church.Room"),
        person=entity("church.Person", columns={"person_id": reference("room_id", "person")}),
    )
    assert text == (
        "house.json: person.columns.person_id.to: person, whose records are those of church.Person and church.Guest; "
        "expected the canonical entity of church.Room, to which room_id leads"
    )


def test_only_references_are_named_as_such() -> None:
    assert "expected `_id` at the end of references only" in refusal(
        room=entity("church.Room", columns={"name_id": NAME})
    )
    assert "expected `_id` at the end of references only" in refusal(
        room=entity("church.Room"),
        person=entity("church.Person", columns={"room": reference("room_id", "room")}),
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"source": "church.Persn"}, "person.source: no entity 'church.Persn'; expected church.Person"),
        ({"source": "church.Chair"}, "person.source: church.Chair, which cannot be read; expected an entity with a"),
        ({"columns": {"id": NAME}}, "person.columns.id: the name 'id'; expected small letters"),
        ({"columns": []}, "person.columns: []; expected an object"),
        ({"merges": "yes"}, "person.merges: 'yes'; expected true or false"),
        ({"deleted_at": "gone"}, "person.deleted_at: church.Person has no column 'gone'; expected"),
        ({"deleted_at": "name"}, "person.deleted_at: name, which holds text; expected a column that holds time"),
        ({"joins": {"x": {"entity": "church.Rom", "by": "room_id"}}}, "person.joins.x.by: room_id, which leads to"),
        ({"joins": {"x": {"entity": "church.Room", "by": "rom"}}}, "person.joins.x.by: church.Person has no column"),
        ({"joins": {"X": {"entity": "church.Room", "by": "room_id"}}}, "person.joins.X: the name 'X'; expected"),
        ({"joins": {"x": {"entity": "church.Room"}}}, "person.joins.x: no member 'by'; expected the members by, en"),
        ({"meaning": ""}, "person.meaning: ''; expected one line"),
        ({"sauce": 1}, "person: unknown member 'sauce'; expected source"),
    ],
)  # fmt: skip
def test_a_faulty_entity_is_refused(members: Document, expected: str) -> None:
    text = refusal(room=entity("church.Room"), person=entity("church.Person") | members)
    assert text.startswith(f"house.json: {expected}")


@pytest.mark.parametrize("name", ["edge", "external_link", "Person", "a" * 42])
def test_a_name_that_no_view_can_have_is_refused(name: str) -> None:
    assert f"the name {name!r}" in refusal(**{name: entity("church.Person")})


def test_an_entity_or_source_that_stands_there_twice_is_refused() -> None:
    documents: dict[str, object] = {
        file: {"domain": "house", "entities": {"person": entity("church.Person")}}
        for file in ("a.json", "b.json")
    }
    with pytest.raises(ManifestError) as caught:
        load_canonical_mapping(documents, MANIFEST)
    assert "entities: 'person' more than once; expected each canonical entity once" in str(caught.value)
    assert "the source 'church.Person' more than once" in str(caught.value)


@pytest.mark.parametrize(
    "whole", [None, [], {}, {"domain": "X y", "entities": {}}, {"domain": 1, "entities": 2}]
)
def test_a_document_of_another_shape_is_refused(whole: object) -> None:
    with pytest.raises(ManifestError, match=r"house\.json"):
        load_canonical_mapping({"house.json": whole}, MANIFEST)


def test_all_faults_are_told_at_once() -> None:
    text = refusal(person=entity("church.Persn"), room=entity("church.Room", meaning=""))
    assert len(text.splitlines()) == 2


def test_parents_of_a_nested_entity_can_be_named() -> None:
    """Planning Center tells a membership's household by its path only."""
    manifest = load({"Room": listed("rooms"), "Seat": nested("rooms/{room_id}/seats")})
    loaded = load_canonical_mapping(
        {
            "house.json": {
                "domain": "house",
                "entities": {
                    "room": entity("church.Room"),
                    "seat": entity("church.Seat", columns={"room_id": reference("room_id", "room")}),
                },
            }
        },
        manifest,
    )
    assert loaded.references[0].kind == "seat.room"


# Ids


def test_an_id_says_what_it_is_the_id_of() -> None:
    person = mapping(person=entity("church.Person")).entities["person"]
    assert re.fullmatch(r"person_[0-9a-f]{26}", canonical_id("sample", person, "grace", "1"))


@given(
    st.tuples(st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,5}", fullmatch=True), st.text(max_size=5)),
    st.tuples(st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,5}", fullmatch=True), st.text(max_size=5)),
)
def test_records_share_an_id_only_if_they_are_the_same(one: tuple[str, str], other: tuple[str, str]) -> None:
    person = _PEOPLE.entities["person"]
    same = canonical_id("sample", person, *one) == canonical_id("sample", person, *other)
    assert same == (one == other)


def test_ids_of_another_adapter_or_entity_differ() -> None:
    person, room = _PEOPLE.entities["person"], _PEOPLE.entities["room"]
    ids = {
        canonical_id("sample", person, "grace", "1"),
        canonical_id("other", person, "grace", "1"),
        canonical_id("sample", room, "grace", "1"),
        canonical_id("sample", replace(room, name="person"), "grace", "1"),
    }
    assert len(ids) == 4


_PEOPLE = mapping(person=entity("church.Person"), room=entity("church.Room"))


def test_links_go_to_every_entity_that_is_the_same_and_can_be_read() -> None:
    manifest = load(
        {
            "Person": listed("people"),
            "Guest": listed("guests", same_as="Person"),
            "Ghost": {"attributes": {}, "endpoints": [], "same_as": "Person"},
        }
    )
    person = load_canonical_mapping(
        {"house.json": {"domain": "house", "entities": {"person": entity("church.Person")}}}, manifest
    ).entities["person"]
    assert linked_entities(manifest, person) == ("church.Person", "church.Guest")


# Planning Center


def test_planning_center_has_every_entity_of_the_model() -> None:
    expected = {
        "person household household_membership campus address email phone_number",
        "group group_membership group_event attendance",
        "donation designation fund pledge recurring_donation",
        "service_type plan team team_member song arrangement",
        "check_in check_in_event location",
        "calendar_event event_instance resource",
    }
    assert {
        name for line in expected for name in line.split()
    } <= load_planning_center_mapping().entities.keys()


def test_every_reference_to_a_person_means_the_same_person() -> None:
    """Whichever product a relationship leads to."""
    mapped, manifest = load_planning_center_mapping(), load_planning_center()
    person = mapped.entities["person"]
    products = {name.partition(".")[0] for name in linked_entities(manifest, person)}
    assert {"people", "groups", "giving", "check-ins", "services", "calendar"} <= products


def test_what_planning_center_merges_is_marked() -> None:
    assert [e.name for e in load_planning_center_mapping().entities.values() if e.merges] == ["person"]


def test_a_mapping_does_not_outlive_an_attribute() -> None:
    """A manifest that loses what the mapping shows refuses it, and names the place."""
    from openfaith.adapters.planning_center.mapping import mapping_documents

    manifest = load_planning_center()
    person = manifest.entities[EntityName("people.Person")]
    narrower = replace(person, attributes={n: a for n, a in person.attributes.items() if n != "nickname"})
    changed: Manifest = replace(manifest, entities=manifest.entities | {person.name: narrower})
    with pytest.raises(
        ManifestError, match=r"^directory\.json: person\.columns\.nickname\.from: no column 'nickname'"
    ):
        load_canonical_mapping(mapping_documents(), changed)
