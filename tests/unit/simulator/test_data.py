"""The church: the same for the same seed, coherent, and full of what breaks careless code."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import UnknownNameError
from openfaith.manifest import AttributeType, Reading
from openfaith.simulator import Church
from openfaith.simulator.rows import Record, Reference

TOP = [
    entity.type
    for entity in load_planning_center().entities.values()
    if entity.reading is Reading.TOP and entity.product == "people"
]


def records(church: Church, entity_type: str) -> list[Record]:
    table = church.tables[entity_type]
    return [table.record(record_id) for record_id in table.ids]


def everything(church: Church) -> dict[str, list[Record]]:
    return {entity_type: records(church, entity_type) for entity_type in church.tables}


@pytest.mark.parametrize("entity_type", TOP)
def test_every_top_level_entity_has_records(church: Church, entity_type: str) -> None:
    assert len(church.table(entity_type)) > 0


def test_there_are_34_of_them() -> None:
    assert len(TOP) == 34


def test_even_a_church_of_one_person_has_records_of_each_that_needs_no_second() -> None:
    church = Church(people=1, products=["people"])
    assert [name for name in TOP if not len(church.table(name))] == ["Household"]


def test_a_church_without_people_has_only_its_settings() -> None:
    church = Church(people=0, products=["people"])
    assert len(church.table("Person")) == 0
    assert len(church.table("Campus")) > 0


def test_the_same_seed_gives_the_same_church(church: Church) -> None:
    assert everything(Church(people=len(church.table("Person")), seed=1, products=["people"])) == everything(
        church
    )


def test_another_seed_gives_another_church(church: Church) -> None:
    other = Church(people=len(church.table("Person")), seed=2, products=["people"])
    assert records(other, "Person") != records(church, "Person")
    assert list(other.table("Person").ids) != list(church.table("Person").ids)


def test_records_do_not_depend_on_the_order_in_which_they_are_looked_at(church: Church) -> None:
    """They are made when they are looked at, so this is not self-evident."""
    other = Church(people=len(church.table("Person")), seed=1, products=["people"])
    wanted = [(name, record_id) for name, table in other.tables.items() for record_id in table.ids]
    random.Random(5).shuffle(wanted)
    for name, record_id in wanted:
        assert other.tables[name].record(record_id) == church.tables[name].record(record_id)


def test_records_have_every_attribute_of_the_manifest_in_its_order(church: Church) -> None:
    for name, rows in everything(church).items():
        for row in rows:
            assert list(row.attributes) == list(church.entities[name].attributes)


def test_values_are_of_their_documented_type(church: Church) -> None:
    """Two facts are otherwise on purpose: ids in attributes are numbers, and a file that is not there is an object."""
    kinds: dict[AttributeType, type | tuple[type, ...]] = {
        AttributeType.INTEGER: int,
        AttributeType.FLOAT: float,
        AttributeType.BOOLEAN: bool,
        AttributeType.JSON: dict,
        AttributeType.ARRAY: list,
    }
    for name, rows in everything(church).items():
        for attribute in church.entities[name].attributes.values():
            values = [row.attributes[attribute.name] for row in rows]
            if name == "Organization":
                continue
            expected = kinds.get(attribute.type, str)
            if attribute.name.endswith("_id"):
                expected = int
            if (name, attribute.name) == ("FieldDatum", "file"):
                expected = (str, dict)
            assert all(value is None or type(value) in _as_tuple(expected) for value in values), attribute


def _as_tuple(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def test_times_are_whole_seconds_in_utc_and_nothing_changed_before_it_was_made(church: Church) -> None:
    for rows in everything(church).values():
        for row in rows:
            stamps = [
                str(row.attributes[name]) for name in ("created_at", "updated_at") if name in row.attributes
            ]
            assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp) for stamp in stamps)
            assert all(datetime.fromisoformat(stamp) < datetime(2025, 6, 2, tzinfo=UTC) for stamp in stamps)
            assert stamps == sorted(stamps)


def test_what_belongs_to_somebody_was_not_there_before(church: Church) -> None:
    for name, link in (("Email", "person"), ("Note", "person"), ("Household", "primary_contact")):
        for row in records(church, name):
            owner = church.find(row.links[link] or Reference("", 0))
            assert owner is not None
            assert str(row.attributes["created_at"]) >= str(owner.attributes["created_at"])


def test_stamps_are_shared_and_one_group_is_longer_than_a_page() -> None:
    church = Church(people=5000, products=["people"])
    stamps = [row.attributes["updated_at"] for row in records(church, "Person")]
    groups = sorted((stamps.count(stamp) for stamp in set(stamps)), reverse=True)
    assert groups[0] > 100
    assert sum(size > 1 for size in groups) > 20


def test_ids_have_gaps_and_their_order_is_not_that_of_their_text(church: Church) -> None:
    for name in TOP:
        ids = list(church.table(name).ids)
        assert ids == sorted(set(ids))
        if len(ids) > 1:
            assert [str(one) for one in ids] != sorted(str(one) for one in ids), name
            assert ids[-1] - ids[0] >= len(ids)


def test_every_reference_is_declared_and_leads_to_a_live_record(church: Church) -> None:
    declared = {(link.type, link.name): link for link in church.relations.links}
    for name, rows in everything(church).items():
        for row in rows:
            for link_name, target in row.links.items():
                link = declared[name, link_name]
                if target is not None:
                    assert target.type == link.to
                    assert church.has(target) or link.kept


def test_declared_references_are_those_that_records_hold(church: Church) -> None:
    held = {(name, link) for name, rows in everything(church).items() for row in rows for link in row.links}
    assert held == {(link.type, link.name) for link in church.relations.links}


def test_an_attribute_that_repeats_a_reference_agrees_with_it(church: Church) -> None:
    for rows in everything(church).values():
        for row in rows:
            for name, target in row.links.items():
                if f"{name}_id" in row.attributes:
                    assert row.attributes[f"{name}_id"] == (target.id if target else None)


def test_a_household_has_its_primary_contact_as_a_member_and_counts_right(church: Church) -> None:
    memberships = records(church, "HouseholdMembership")
    for household in records(church, "Household"):
        members = [
            m.links["person"]
            for m in memberships
            if (home := m.links["household"]) and home.id == household.id
        ]
        contact = household.links["primary_contact"]
        assert contact in members
        assert household.attributes["member_count"] == len(members)
        assert contact is not None
        assert (
            household.attributes["primary_contact_name"]
            == church.table("Person").record(contact.id).attributes["name"]
        )


def test_status_and_inactivation_agree(church: Church) -> None:
    people = records(church, "Person")
    assert {person.attributes["status"] for person in people} == {"active", "inactive"}
    for person in people:
        assert (person.attributes["status"] == "inactive") == (
            person.attributes["inactivated_at"] is not None
        )
        if person.attributes["status"] == "active":
            assert person.links["inactive_reason"] is None


def test_only_children_are_in_a_grade_and_it_fits_their_age(church: Church) -> None:
    people = records(church, "Person")
    graded = [person.attributes for person in people if person.attributes["grade"] is not None]
    assert graded
    for one in graded:
        age = 2025 - int(str(one["birthdate"])[:4])
        assert one["child"] is True
        assert one["grade"] == age - 5
    assert all(person.attributes["grade"] is None for person in people if not person.attributes["child"])


def test_one_e_mail_of_each_person_is_primary(church: Church) -> None:
    emails = records(church, "Email")
    for owner in {email.links["person"] for email in emails}:
        primary = [
            email for email in emails if email.links["person"] == owner and email.attributes["primary"]
        ]
        assert len(primary) == 1


def test_merged_people_of_the_past_are_gone(church: Church) -> None:
    people = church.table("Person")
    for merger in records(church, "PersonMerger"):
        assert merger.attributes["person_to_keep_id"] in people.ids
        assert merger.attributes["person_to_remove_id"] not in people.ids


def test_people_have_what_breaks_careless_code() -> None:
    church = Church(people=3000, products=["people"])
    texts = [
        value
        for person in records(church, "Person")
        for value in person.attributes.values()
        if isinstance(value, str)
    ]
    assert any(not text.isascii() for text in texts)
    assert any(ord(letter) > 0xFFFF for text in texts for letter in text)
    assert any(ord(letter) in range(0x0590, 0x0700) for text in texts for letter in text)
    for part in ("'", '"', "\\", "\n", "\t", "%", "<", " ", "DROP TABLE"):
        assert any(part in text for text in texts), part
    assert any(len(text) > 3000 for text in texts)
    assert "" in texts
    assert "Null" in {person.attributes["last_name"] for person in records(church, "Person")}
    assert any(
        isinstance(remote := person.attributes["remote_id"], int) and remote > 2**32
        for person in records(church, "Person")
    )


def test_sizes_follow_the_number_of_people() -> None:
    """About what a church of that size has."""
    church = Church(people=5000, products=["people"])
    for name, per_person in {"Email": 1.2, "PhoneNumber": 1.0, "Address": 0.7, "Household": 0.4}.items():
        assert len(church.table(name)) == pytest.approx(5000 * per_person, rel=0.05)
    top = sum(len(church.table(name)) for name in TOP)
    assert top == pytest.approx(5000 * 4.9, rel=0.03)


def test_tables_are_found_by_both_names_and_others_are_named(church: Church) -> None:
    assert church.table("people.Email") is church.table("Email")
    with pytest.raises(UnknownNameError, match="did you mean Email"):
        church.table("Emial")
