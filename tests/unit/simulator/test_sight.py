"""Records that the token's user may not see: nothing says that they are there, and the truth still holds them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openfaith.errors import SyncError
from openfaith.simulator import Church
from openfaith.simulator.changes import Add
from openfaith.simulator.fault_plans import read_plan
from openfaith.simulator.sight import with_less_permission
from support.asking import Ask, Asker

ALL = {"per_page": 100}


def everyone(asker: Asker, path: str = "people", **parameters: Any) -> list[int]:
    """All ids that a walk by `next` finds."""
    found: list[int] = []
    offset: int | None = 0
    while offset is not None:
        page = asker.get(path, per_page=25, offset=offset, **parameters)
        found += [int(one["id"]) for one in page["data"]]
        offset = page["meta"].get("next", {}).get("offset")
    return found


def living(asker: Asker, entity: str = "Person") -> list[int]:
    return list(asker.simulator.church.table(entity).ids)


def missing(asker: Asker) -> set[int]:
    return set(living(asker)) - set(everyone(asker))


def status(asker: Asker, path: str) -> int:
    return asker.raw(f"/people/v2/{path}").status


# Hidden everywhere


def test_hidden_records_are_missing_and_all_that_is_said_agrees(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:0.3")
    found = everyone(asker)
    assert 0.15 < len(missing(asker)) / len(living(asker)) < 0.45
    assert asker.get("people")["meta"]["total_count"] == len(found)
    assert all(len(asker.ids("people", per_page=25, offset=offset)) == 25 for offset in (0, 25))


def test_a_hidden_record_is_not_there_by_id_and_neither_is_what_lies_below_it(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:5")
    for one in missing(asker):
        assert status(asker, f"people/{one}") == status(asker, f"people/{one}/emails") == 404
    seen = everyone(asker)[0]
    assert status(asker, f"people/{seen}") == status(asker, f"people/{seen}/emails") == 200


def test_a_hidden_record_comes_along_with_no_other(ask: Ask) -> None:
    asker = ask(faults="hidden=Email:0.5")
    page = asker.get("people", include="emails", **ALL)
    linked = {one["id"] for person in page["data"] for one in person["relationships"]["emails"]["data"]}
    included = {one["id"] for one in page["included"]}
    assert linked == included <= {str(one) for one in everyone(asker, "emails")}
    assert len(included) < len(living(asker, "Email"))


def test_a_reference_to_a_hidden_record_stays_and_leads_nowhere(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:1.0")
    email = asker.get("emails")["data"][0]
    assert email["relationships"]["person"]["data"]["type"] == "Person"
    assert status(asker, f"emails/{email['id']}/person") == 404


def test_the_truth_holds_what_is_hidden(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:1.0")
    assert asker.ids("people") == []
    assert len(living(asker)) == 120
    assert status(asker, "me") == 404


def test_the_holder_of_the_token_is_someone_who_is_seen(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:0.9")
    assert int(asker.get("me")["data"]["id"]) in everyone(asker)


def test_the_holder_of_the_token_is_told_of_less_permission(ask: Ask) -> None:
    """An ordinary record otherwise, and none but the holder's own answer differs."""
    asker = ask(faults="hidden=Email:0.5@2-3")
    whole, less, by_id, again = (
        asker.get(path)["data"] for path in ("me", "me", f"people/{living(asker)[0]}", "me")
    )
    assert whole["attributes"]["site_administrator"] is True
    assert less["attributes"].pop("people_permissions") != whole["attributes"]["people_permissions"]
    assert less["attributes"].items() <= whole["attributes"].items()
    assert by_id == again == whole


@pytest.mark.parametrize("level", [None, "Viewer", "Editor", "Manager"])
@pytest.mark.parametrize("flags", [{}, {"can_view_giving": False}])
def test_less_permission_can_be_told_from_what_it_was(level: str | None, flags: dict[str, bool]) -> None:
    attributes = {"people_permissions": level, "resource_permission_flags": flags}
    person = json.dumps({"type": "Person", "id": "1", "attributes": attributes}).encode()
    assert json.loads(with_less_permission(person))["attributes"] != attributes


def test_a_list_that_lies_is_no_lost_permission(ask: Ask) -> None:
    whole, lied_to = (ask(faults=text).get("me")["data"] for text in ("", "unlisted=Person:0.3"))
    assert lied_to == whole


def test_a_holder_who_asks_for_few_attributes_gets_no_more(ask: Ask) -> None:
    asker = ask(faults="hidden=Email:0.5")
    assert asker.get("me", **{"fields[Person]": "name"})["data"]["attributes"].keys() == {"name"}


def test_a_share_holds_for_records_that_come_later(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:0.5")
    added = {int(one) for one in asker.simulator.change(Add(entity="Person", count=40)).added["Person"]}
    assert 5 < len(added & missing(asker)) < 35


def test_named_records_and_so_many_records_may_be_hidden(ask: Ask) -> None:
    first = living(ask())[3]
    assert missing(ask(faults=f"hidden=Person#{first}")) == {first}
    assert len(missing(ask(faults="hidden=Person:7"))) == 7


def test_the_seed_chooses_who_is_hidden(ask: Ask) -> None:
    def hidden(seed: int) -> set[int]:
        asker = ask(seed=seed, faults="hidden=Person:0.2")
        return {living(asker).index(one) for one in missing(asker)}

    assert hidden(1) == hidden(1) != hidden(2)


# From when


def test_permission_may_be_lost_at_some_request_and_come_back(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:0.3@3-4")
    totals = [asker.get("people", include="emails")["meta"]["total_count"] for _ in range(5)]
    assert totals[0] == totals[1] == totals[4] == 120
    assert totals[2] == totals[3] < 100


def test_permission_may_be_lost_for_good(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:5@2-")
    assert [asker.get("people")["meta"]["total_count"] for _ in range(4)] == [120, 115, 115, 115]
    assert [entry["faults"] for entry in asker.simulator.journal.report()["requests"]][:2] == [
        (),
        ("hidden=Person:5@2-",),
    ]


def test_a_collection_may_be_closed_from_some_request_on(ask: Ask) -> None:
    asker = ask(faults="error=403@2-/Email")
    assert [status(asker, path) for path in ("emails", "people", "emails", "emails")] == [200, 200, 403, 403]


def test_a_new_plan_shows_everything_again(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:0.3")
    assert missing(asker)
    asker.simulator.set_faults("")
    assert not missing(asker)


# Hidden in part


def test_filtered_records_are_counted_and_leave_their_places_empty(ask: Ask) -> None:
    asker = ask(faults="filtered=Person:0.3")
    page = asker.get("people", per_page=100)
    assert page["meta"]["total_count"] == 120
    assert page["meta"]["count"] == len(page["data"]) < 85
    assert page["meta"]["next"]["offset"] == 100
    assert all(status(asker, f"people/{one}") == 404 for one in missing(asker))


def test_unlisted_records_are_there_by_id(ask: Ask) -> None:
    asker = ask(faults="unlisted=Person:4")
    assert len(missing(asker)) == 4
    assert asker.get("people")["meta"]["total_count"] == 116
    assert all(status(asker, f"people/{one}") == 200 for one in missing(asker))


def test_unreadable_records_are_listed_and_not_there_by_id(ask: Ask) -> None:
    """Reported of a deleted person of a plan."""
    asker = ask(faults="unreadable=Person:4")
    assert not missing(asker)
    assert [status(asker, f"people/{one}") for one in everyone(asker)].count(404) == 4


# The text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden", "hidden=Person:3"),
        ("hidden=Nobody", "no entity 'Nobody'"),
        ("hidden=Person:1.5", "a number from 0 to 1"),
        ("hiden=Person", "hidden"),
    ],
)
def test_a_text_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(SyncError, match=message):
        read_plan(text, Church(people=5, products=["people"]))


def test_a_plan_names_the_records_that_it_hides(ask: Ask) -> None:
    asker = ask(faults="hidden=Person:3")
    (described,) = asker.simulator.plan.describe()["records"]
    assert {int(one) for one in described["ids"]} == missing(asker)
