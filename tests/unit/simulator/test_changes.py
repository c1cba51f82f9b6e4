"""Each change does what it says, moves the stamps that it should, and leaves the church coherent."""

from __future__ import annotations

from typing import Any

import pytest

from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.simulator import Church
from openfaith.simulator.changes import Account, Add, Change, Delete, Merge, Restore, Update
from openfaith.simulator.editing import apply
from openfaith.simulator.rows import Record, Reference

NOW = 1_760_000_000
STAMP = "2025-10-09T08:53:20Z"


@pytest.fixture
def church() -> Church:
    """A church of this test's own."""
    return Church(people=80, seed=3, products=["people"])


def change(church: Church, wanted: Change, ordinal: int = 1) -> Account:
    return apply(church, wanted, at=NOW, ordinal=ordinal)


def record(church: Church, entity: str, record_id: int | str) -> Record:
    return church.table(entity).record(int(record_id))


def family(church: Church, size: int) -> tuple[int, list[int]]:
    """A household with so many members, and these."""
    members = church.table("HouseholdMembership").referring("household")
    home = next(one for one, found in members.items() if len(found) == size)
    people = [record(church, "HouseholdMembership", one).links["person"] for one in members[home]]
    return home, [person.id for person in people if person]


def moved(church: Church, account: Account) -> dict[str, set[str]]:
    """Type → ids of the records that a change left with the stamp of now."""
    found: dict[str, set[str]] = {}
    for name, table in church.tables.items():
        ids = {str(one) for one in table.ids if table.record(one).attributes.get("updated_at") == STAMP}
        if ids:
            found[name] = ids
    return found


# Updates


def test_an_update_gives_other_values_and_the_stamp_of_now(church: Church) -> None:
    before = {one: record(church, "Person", one) for one in church.table("Person").ids}
    account = change(church, Update(entity="Person", count=10))
    assert len(account.updated["Person"]) == 10
    for one, old in before.items():
        new = record(church, "Person", one)
        if str(one) in account.updated["Person"]:
            assert new.attributes["updated_at"] == STAMP
            assert new.attributes | {"updated_at": None} != old.attributes | {"updated_at": None}
            assert new.attributes["created_at"] == old.attributes["created_at"]
        else:
            assert new == old


@pytest.mark.parametrize(
    "entity",
    ["Campus", "MaritalStatus", "App", "Email", "FieldDatum", "Household", "Note", "Workflow", "Tab"],
)
def test_an_update_changes_something_in_every_kind_of_record(church: Church, entity: str) -> None:
    before = {one: record(church, entity, one).attributes for one in church.table(entity).ids}
    (changed,) = change(church, Update(entity=entity, count=1)).updated[entity]
    ignored = {"updated_at": None}
    assert record(church, entity, changed).attributes | ignored != before[int(changed)] | ignored


def test_an_update_can_name_records_and_values(church: Church) -> None:
    one = church.table("Person").ids[5]
    account = change(
        church, Update(entity="people.Person", ids=(str(one),), attributes={"nickname": "Bo", "grade": None})
    )
    assert account.updated == {"Person": [str(one)]}
    assert record(church, "Person", one).attributes["nickname"] == "Bo"


def test_an_update_can_point_a_record_at_another(church: Church) -> None:
    email, person = church.table("Email").ids[0], church.table("Person").ids[-1]
    change(church, Update(entity="Email", ids=(str(email),), links={"person": str(person)}))
    assert record(church, "Email", email).links["person"] == Reference("Person", person)
    assert email in church.table("Email").referring("person")[person]


def test_an_attribute_that_repeats_a_reference_follows_it(church: Church) -> None:
    note, person = church.table("Note").ids[0], church.table("Person").ids[-1]
    change(
        church, Update(entity="Note", ids=(str(note),), links={"person": str(person), "note_category": None})
    )
    attributes = record(church, "Note", note).attributes
    assert (attributes["person_id"], attributes["note_category_id"]) == (person, None)


def test_a_blind_update_moves_no_stamp_at_all(church: Church) -> None:
    account = change(church, Update(entity="Email", count=5, blind=True))
    assert set(account.updated) == {"Email"}
    assert moved(church, account) == {}


def test_a_blind_update_can_set_a_stamp_of_the_past(church: Church) -> None:
    one = church.table("Person").ids[0]
    change(
        church,
        Update(
            entity="Person", ids=(str(one),), attributes={"updated_at": "2016-01-01T00:00:00Z"}, blind=True
        ),
    )
    assert record(church, "Person", one).attributes["updated_at"] == "2016-01-01T00:00:00Z"


@pytest.mark.parametrize("entity", ["Email", "PhoneNumber", "Address"])
def test_a_changed_contact_moves_the_stamp_of_its_person(church: Church, entity: str) -> None:
    """Said by Planning Center's staff in 2017."""
    owner = record(church, entity, church.table(entity).ids[0]).links["person"]
    assert owner is not None
    account = change(church, Update(entity=entity, ids=(str(church.table(entity).ids[0]),)))
    assert account.updated["Person"] == [str(owner.id)]
    assert record(church, "Person", owner.id).attributes["updated_at"] == STAMP


def test_a_changed_social_profile_does_not(church: Church) -> None:
    assert "Person" not in change(church, Update(entity="SocialProfile", count=1)).updated


def test_a_new_name_is_repeated_where_it_was_repeated(church: Church) -> None:
    home, members = family(church, 3)
    change(church, Update(entity="Person", ids=(str(members[0]),), attributes={"first_name": "Zeta"}))
    name = record(church, "Person", members[0]).attributes["name"]
    assert str(name).startswith("Zeta ")
    assert record(church, "Household", home).attributes["primary_contact_name"] == name
    (membership,) = church.table("HouseholdMembership").referring("person")[members[0]]
    assert record(church, "HouseholdMembership", membership).attributes["person_name"] == name


def test_the_same_change_of_another_number_chooses_others(church: Church) -> None:
    other = Church(people=80, seed=3, products=["people"])
    chosen = [
        change(one, Update(entity="Person", count=5), number).updated["Person"]
        for one, number in ((church, 1), (other, 2))
    ]
    assert chosen[0] != chosen[1]


# Additions


def test_added_records_are_new_in_every_respect(church: Church) -> None:
    highest = church.table("Email").ids[-1]
    account = change(church, Add(entity="Email", count=3))
    assert [int(one) for one in account.added["Email"]] == [highest + 1, highest + 2, highest + 3]
    for one in account.added["Email"]:
        attributes = record(church, "Email", one).attributes
        assert (attributes["created_at"], attributes["updated_at"]) == (STAMP, STAMP)
        assert church.has(record(church, "Email", one).links["person"] or Reference("", 0))


def test_an_id_is_never_given_twice(church: Church) -> None:
    (first,) = change(church, Add(entity="App")).added["App"]
    change(church, Delete(entity="App", ids=(first,)))
    (second,) = change(church, Add(entity="App")).added["App"]
    assert int(second) == int(first) + 1


def test_every_entity_can_get_more_records(church: Church) -> None:
    for name in church.tables:
        before = len(church.table(name))
        change(church, Add(entity=name))
        assert len(church.table(name)) >= before + 1, name


def test_an_addition_can_name_values_and_owner(church: Church) -> None:
    person = church.table("Person").ids[7]
    account = change(
        church, Add(entity="Email", attributes={"address": "new@example.org"}, links={"person": str(person)})
    )
    (email,) = account.added["Email"]
    assert record(church, "Email", email).attributes["address"] == "new@example.org"
    assert account.updated == {"Person": [str(person)]}


def test_a_new_household_has_its_contact_as_a_member(church: Church) -> None:
    (home,) = change(church, Add(entity="Household")).added["Household"]
    household = record(church, "Household", home)
    (membership,) = church.table("HouseholdMembership").referring("household")[int(home)]
    assert household.attributes["member_count"] == 1
    assert (
        record(church, "HouseholdMembership", membership).links["person"]
        == household.links["primary_contact"]
    )


def test_nothing_new_refers_to_what_is_gone(church: Church) -> None:
    for campus in list(church.table("Campus").ids)[1:]:
        change(church, Delete(entity="Campus", ids=(str(campus),)))
    account = change(church, Add(entity="Person", count=30))
    campuses = {record(church, "Person", one).links["primary_campus"] for one in account.added["Person"]}
    assert campuses <= {None, Reference("Campus", church.table("Campus").ids[0])}


def test_without_an_owner_nothing_of_its_own_is_added(church: Church) -> None:
    change(church, Delete(entity="Tab", ids=tuple(map(str, church.table("Tab").ids))))
    assert change(church, Add(entity="FieldDefinition", count=3)).added == {}


def test_without_a_person_nothing_of_a_person_is_added(church: Church) -> None:
    """It would have no place, and no path."""
    for person in list(church.table("Person").ids):
        change(church, Delete(entity="Person", ids=(str(person),)))
    assert change(church, Add(entity="WorkflowCard", count=2)).added == {}
    assert change(church, Add(entity="Campus", count=1)).added.keys() == {"Campus"}


# Deletions


def test_what_belonged_to_a_deleted_person_goes_too(church: Church) -> None:
    person = church.table("Person").ids[3]
    owned = {(name, link): list(church.table(name).referring(link).get(person, ())) for name, link in OWNED}
    account = change(church, Delete(entity="Person", ids=(str(person),)))
    assert account.deleted["Person"] == [str(person)]
    for (name, _), ids in owned.items():
        assert [str(one) for one in ids] == account.deleted.get(name, [])


OWNED = [
    ("Email", "person"),
    ("PhoneNumber", "person"),
    ("Address", "person"),
    ("FieldDatum", "customizable"),
    ("Note", "person"),
    ("HouseholdMembership", "person"),
]


def test_a_household_is_told_when_its_contact_is_deleted(church: Church) -> None:
    home, members = family(church, 3)
    change(church, Delete(entity="Person", ids=(str(members[0]),)))
    household = record(church, "Household", home)
    assert household.links["primary_contact"] == Reference("Person", members[1])
    assert household.attributes["member_count"] == 2
    assert household.attributes["primary_contact_id"] == members[1]
    assert household.attributes["updated_at"] == STAMP


def test_a_household_without_members_is_gone(church: Church) -> None:
    home, members = family(church, 1)
    account = change(church, Delete(entity="Person", ids=(str(members[0]),)))
    assert account.deleted["Household"] == [str(home)]


def test_whatever_referred_to_a_deleted_record_refers_to_nothing(church: Church) -> None:
    people = church.table("Person")
    campus = church.table("Campus").ids[0]
    there = [
        one
        for one in people.ids
        if people.record(one).attributes and people.column("primary_campus_id")[one] == campus
    ]
    assert there
    change(church, Delete(entity="Campus", ids=(str(campus),)))
    assert all(people.record(one).links["primary_campus"] is None for one in there)
    assert all(people.record(one).attributes["updated_at"] == STAMP for one in there)


def test_a_reference_that_no_listing_shows_is_lost_without_a_stamp(church: Church) -> None:
    people = church.table("Person")
    status = church.table("MaritalStatus").ids[0]
    married = [one for one in people.ids if people.column("marital_status_id")[one] == status]
    assert married
    account = change(church, Delete(entity="MaritalStatus", ids=(str(status),)))
    assert sorted(account.updated["Person"]) == sorted(str(one) for one in married)
    assert moved(church, account) == {}


def test_a_blind_deletion_moves_no_stamp(church: Church) -> None:
    account = change(church, Delete(entity="Person", count=20, blind=True))
    assert len(account.deleted["Person"]) == 20
    assert moved(church, account) == {}


def test_all_records_can_be_deleted(church: Church) -> None:
    change(church, Delete(entity="Person", count=10**6))
    assert {
        name: len(church.table(name)) for name in ("Person", "Email", "Household", "Note")
    } == dict.fromkeys(("Person", "Email", "Household", "Note"), 0)


# Merges


def test_a_merge_moves_what_the_loser_had_and_leaves_a_record_of_itself(church: Church) -> None:
    loser, keeper = church.table("Person").ids[3], church.table("Person").ids[40]
    had = {(name, link): set(church.table(name).referring(link).get(loser, ())) for name, link in OWNED}
    account = change(church, Merge(loser=str(loser), keeper=str(keeper)))
    assert account.merged == [(str(loser), str(keeper))]
    assert account.deleted == {"Person": [str(loser)]}
    for (name, link), ids in had.items():
        assert ids <= set(church.table(name).referring(link).get(keeper, ()))
    (merger,) = account.added["PersonMerger"]
    assert record(church, "PersonMerger", merger).attributes == {
        "created_at": STAMP,
        "person_to_keep_id": keeper,
        "person_to_remove_id": loser,
    }


def test_a_merge_within_a_household_leaves_one_membership(church: Church) -> None:
    home, (contact, _, third) = family(church, 3)
    change(church, Merge(loser=str(contact), keeper=str(third)))
    household = record(church, "Household", home)
    assert household.attributes["member_count"] == 2
    assert household.links["primary_contact"] == Reference("Person", third)
    assert household.attributes["primary_contact_name"] == record(church, "Person", third).attributes["name"]
    assert len(church.table("HouseholdMembership").referring("person")[third]) == 1


def test_what_moves_is_not_primary_beside_what_was_there(church: Church) -> None:
    emails = church.table("Email")
    owners = [one for one, found in emails.referring("person").items() if found]
    loser, keeper = owners[:2]
    change(church, Merge(loser=str(loser), keeper=str(keeper)))
    assert [emails.record(one).attributes["primary"] for one in emails.referring("person")[keeper]].count(
        True
    ) == 1


def test_a_chain_of_merges_can_be_followed(church: Church) -> None:
    a, b, c = (str(one) for one in church.table("Person").ids[:3])
    change(church, Merge(loser=a, keeper=b), 1)
    change(church, Merge(loser=b, keeper=c), 2)
    mergers = church.table("PersonMerger")
    kept = {
        mergers.record(one).attributes["person_to_remove_id"]: mergers.record(one).attributes[
            "person_to_keep_id"
        ]
        for one in mergers.ids
    }
    assert (kept[int(a)], kept[int(b)]) == (int(b), int(c))


def test_pairs_are_chosen_by_chance_and_nobody_is_in_two(church: Church) -> None:
    merged = change(church, Merge(count=5)).merged
    assert len({one for pair in merged for one in pair}) == 10


# Records that come back


def test_a_deleted_record_comes_back_as_it_was_with_the_stamp_of_now(church: Church) -> None:
    one = church.table("SocialProfile").ids[0]
    before = record(church, "SocialProfile", one)
    change(church, Delete(entity="SocialProfile", ids=(str(one),)), 1)
    account = change(church, Restore(entity="SocialProfile", ids=(str(one),)), 2)
    assert account.added == {"SocialProfile": [str(one)]}
    assert record(church, "SocialProfile", one) == before.with_attributes({"updated_at": STAMP})


def test_a_record_that_comes_back_blindly_has_its_old_stamp(church: Church) -> None:
    one = church.table("SocialProfile").ids[0]
    before = record(church, "SocialProfile", one)
    change(church, Delete(entity="SocialProfile", ids=(str(one),)), 1)
    change(church, Restore(entity="SocialProfile", count=1, blind=True), 2)
    assert record(church, "SocialProfile", one) == before


def test_a_record_that_comes_back_refers_to_nothing_that_is_gone(church: Church) -> None:
    people = church.table("Person")
    one, campus = next((one, to) for one, to in people.column("primary_campus_id").items() if to)
    change(church, Delete(entity="Person", ids=(str(one),)), 1)
    change(church, Delete(entity="Campus", ids=(str(campus),)), 2)
    change(church, Restore(entity="Person", ids=(str(one),)), 3)
    assert people.record(one).links["primary_campus"] is None


def test_a_household_that_comes_back_has_its_contact_as_its_only_member(church: Church) -> None:
    home, members = family(church, 3)
    change(church, Delete(entity="Household", ids=(str(home),)), 1)
    change(church, Restore(entity="Household", ids=(str(home),)), 2)
    household = record(church, "Household", home)
    assert household.attributes["member_count"] == 1
    assert household.links["primary_contact"] == Reference("Person", members[0])
    change(church, Restore(entity="HouseholdMembership", count=3), 3)
    assert record(church, "Household", home).attributes["member_count"] == 3


def test_what_has_no_owner_and_who_was_merged_stays_gone(church: Church) -> None:
    email = church.table("Email").ids[0]
    owner = record(church, "Email", email).links["person"]
    assert owner is not None
    change(church, Delete(entity="Person", ids=(str(owner.id),)), 1)
    loser, keeper = (str(one) for one in church.table("Person").ids[:2])
    change(church, Merge(loser=loser, keeper=keeper), 2)
    for wanted in (Restore(entity="Email", ids=(str(email),)), Restore(entity="Person", ids=(loser,))):
        with pytest.raises(UnknownNameError, match="who was merged does not come back"):
            change(church, wanted, 3)
    assert change(church, Restore(entity="Email", count=10), 4).added == {}


# Stamps


def test_stamps_may_be_of_the_past_or_ahead_of_the_clock(church: Church) -> None:
    past = change(church, Add(entity="Email", stamp_offset_seconds=-600), 1).added["Email"]
    ahead = change(church, Update(entity="Campus", count=1, stamp_offset_seconds=600), 2).updated["Campus"]
    assert record(church, "Email", past[0]).attributes["created_at"] == "2025-10-09T08:43:20Z"
    assert record(church, "Campus", ahead[0]).attributes["updated_at"] == "2025-10-09T09:03:20Z"


# What means nothing


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (Update(entity="Persn", count=1), UnknownNameError, "did you mean Person"),
        (Update(entity="Person", ids=("1",)), UnknownNameError, "deleted or merged"),
        (Update(entity="Person", ids=("x",)), UnknownNameError, "no record"),
        (
            Update(entity="Person", count=1, attributes={"shoes": 1}),
            UnknownNameError,
            "no attribute 'Person.shoes'",
        ),
        (
            Update(entity="Person", count=1, links={"shoes": "1"}),
            UnknownNameError,
            "no relationship 'Person.shoes'",
        ),
        (Update(entity="Email", count=1, links={"person": "1"}), UnknownNameError, "no record 'Person 1'"),
        (Add(entity="Email", attributes={"shoes": 1}), UnknownNameError, "no attribute"),
        (Delete(entity="Email", ids=("1",)), UnknownNameError, "no record 'Email 1'"),
        (Merge(loser="1"), ConfigurationError, "both, or neither"),
        (Merge(loser="1", keeper="1"), ConfigurationError, "into itself"),
        (Merge(loser="1", keeper="2"), UnknownNameError, "no record 'Person 1'"),
    ],
)
def test_what_means_nothing_is_refused_and_nothing_changes(
    church: Church, wanted: Change, error: type[Exception], message: str
) -> None:
    before: Any = {name: [table.record(one) for one in table.ids] for name, table in church.tables.items()}
    with pytest.raises(error, match=message):
        change(church, wanted)
    assert {name: [table.record(one) for one in table.ids] for name, table in church.tables.items()} == before
