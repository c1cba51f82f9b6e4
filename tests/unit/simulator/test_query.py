"""What the parameters of a collection mean."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from openfaith.simulator import Church
from support.asking import PEOPLE, Asker


def people(church: Church, **where: Any) -> list[int]:
    """The ids of all people with these attributes."""
    table = church.table("Person")
    rows = [table.record(one) for one in table.ids]
    return [row.id for row in rows if all(row.attributes[name] == value for name, value in where.items())]


def all_ids(reader: Asker, path: str, **parameters: Any) -> list[int]:
    """The ids of all pages, by following `links.next`."""
    found: list[int] = []
    document = reader.get(path, **parameters)
    while True:
        found += [int(record["id"]) for record in document["data"]]
        if "next" not in document["links"]:
            return found
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(document["links"]["next"]).query).items()
        }
        document = reader.get(path, **query)


# Pages


def test_a_page_has_25_records_unless_asked(reader: Asker) -> None:
    document = reader.get("people")
    assert len(document["data"]) == 25
    assert document["meta"] | {"count": 25, "next": {"offset": 25}, "total_count": PEOPLE} == document["meta"]
    assert "prev" not in document["meta"]


def test_a_page_in_the_middle_has_both_neighbours(reader: Asker) -> None:
    document = reader.get("people", per_page=10, offset=30)
    assert document["meta"]["next"] == {"offset": 40}
    assert document["meta"]["prev"] == {"offset": 20}
    assert "offset=40&per_page=10" in document["links"]["next"]
    assert "offset=20&per_page=10" in document["links"]["prev"]


def test_more_than_100_is_cut_silently_while_the_link_keeps_the_wish(reader: Asker) -> None:
    document = reader.get("people", per_page=500)
    assert len(document["data"]) == 100
    assert document["links"]["next"].endswith("?offset=100&per_page=500")
    assert document["meta"]["next"] == {"offset": 100}


def test_a_page_of_none_has_itself_as_the_next(reader: Asker) -> None:
    document = reader.get("people", per_page=0)
    assert document["data"] == []
    assert document["meta"]["next"] == {"offset": 0}
    assert document["meta"]["total_count"] == PEOPLE


@pytest.mark.parametrize("offset", [PEOPLE, PEOPLE + 1, 99_999])
def test_past_the_end_there_is_nothing_but_a_way_back(reader: Asker, offset: int) -> None:
    document = reader.get("people", per_page=10, offset=offset)
    assert document["data"] == []
    assert document["meta"]["prev"] == {"offset": offset - 10}
    assert "next" not in document["meta"]
    assert "next" not in document["links"]


def test_the_last_page_has_no_next(reader: Asker) -> None:
    assert "next" not in reader.get("people", per_page=100, offset=100)["meta"]


@pytest.mark.parametrize("nonsense", ["ten", "-5", "1.5", "", "٣", "9" * 400])
def test_a_page_size_that_cannot_be_read_is_the_usual_one(reader: Asker, nonsense: str) -> None:
    assert len(reader.get("people", per_page=nonsense)["data"]) == 25


def test_links_repeat_the_whole_query_in_order_with_bare_brackets(reader: Asker) -> None:
    asked = {"where[updated_at][gte]": "2015-01-01T00:00:00Z", "per_page": 2, "include": "emails,addresses"}
    link = reader.get("people", **asked)["links"]["next"]
    assert link == (
        "http://simulator/people/v2/people?include=emails%2Caddresses&offset=2&per_page=2"
        "&where[updated_at][gte]=2015-01-01T00%3A00%3A00Z"
    )


# Order


def test_the_default_order_is_by_id_as_a_number(reader: Asker) -> None:
    ids = all_ids(reader, "people", per_page=50)
    assert ids == sorted(ids)
    assert len(ids) == PEOPLE


def test_an_order_can_have_several_keys(reader: Asker, church: Church) -> None:
    table = church.table("Person")
    ids = all_ids(reader, "people", order="status,-updated_at", per_page=100)
    rows = [table.record(one) for one in ids]
    assert [row.attributes["status"] for row in rows] == sorted(str(row.attributes["status"]) for row in rows)
    active = [str(row.attributes["updated_at"]) for row in rows if row.attributes["status"] == "active"]
    assert active == sorted(active, reverse=True)


@pytest.mark.parametrize("order", ["updated_at", "-updated_at"])
def test_ties_are_ordered_by_id_in_both_directions(reader: Asker, church: Church, order: str) -> None:
    """Seen so for a descending order."""
    stamps = church.table("Person").column("updated_at")
    ids = all_ids(reader, "people", order=order, per_page=100)
    pairs = [(a, b) for a, b in pairwise(ids) if stamps[a] == stamps[b]]
    assert pairs
    assert all(a < b for a, b in pairs)


@pytest.mark.parametrize("order", ["shoe_size", "name", "-id", "emails.address", "-", ","])
def test_an_unknown_order_is_ignored(reader: Asker, order: str) -> None:
    """`name` is an attribute, but not one to order by."""
    assert reader.ids("people", order=order) == reader.ids("people")


def test_nothing_counts_as_the_smallest_value(reader: Asker, church: Church) -> None:
    nicknames = church.table("Person").column("nickname")
    ids = all_ids(reader, "people", order="-nickname", per_page=100)
    nulls = [nicknames[one] is None for one in ids]
    assert nulls == sorted(nulls)
    assert any(nulls)


# where


def test_text_is_compared_without_regard_to_case(reader: Asker, church: Church) -> None:
    name = str(church.table("Person").record(church.table("Person").ids[0]).attributes["first_name"])
    found = all_ids(reader, "people", **{"where[first_name]": name.upper()})
    assert found == people(church, first_name=name)


def test_a_percent_sign_stands_for_anything_at_either_end(reader: Asker, church: Church) -> None:
    names = church.table("Person").column("first_name")
    for pattern, test in {"%a": str.endswith, "A%": str.startswith}.items():
        wanted = pattern.strip("%").lower()
        found = all_ids(reader, "people", **{"where[first_name]": pattern})
        assert found == [one for one, name in names.items() if test(str(name).lower(), wanted)]
        assert found
    inside = all_ids(reader, "people", **{"where[first_name]": "%ar%"})
    assert inside == [one for one, name in names.items() if "ar" in str(name).lower()]


def test_truth_values_and_numbers_and_ids_are_compared_as_such(reader: Asker, church: Church) -> None:
    assert all_ids(reader, "people", **{"where[child]": "true"}, per_page=100) == people(church, child=True)
    assert all_ids(reader, "people", **{"where[grade]": "3"}) == people(church, grade=3)
    assert all_ids(reader, "people", **{"where[id]": "80"}) == [
        one for one in church.table("Person").ids if one == 80
    ]


def test_a_relationship_can_be_queried_by_its_id(reader: Asker, church: Church) -> None:
    table = church.table("Person")
    campus = next(target for one in table.ids if (target := table.record(one).links["primary_campus"]))
    found = all_ids(reader, "people", **{"where[primary_campus_id]": campus.id})
    assert found == [one for one in table.ids if table.record(one).links["primary_campus"] == campus]


def test_a_day_means_all_of_it(reader: Asker, church: Church) -> None:
    stamps = church.table("Person").column("updated_at")
    day = str(next(iter(stamps.values())))[:10]
    during = {one for one, stamp in stamps.items() if str(stamp).startswith(day)}
    before = {one for one, stamp in stamps.items() if str(stamp) < day}
    after = set(stamps) - during - before
    wanted = {"": during, "[gte]": during | after, "[gt]": after, "[lt]": before, "[lte]": before | during}
    for operator, ids in wanted.items():
        assert set(all_ids(reader, "people", **{f"where[updated_at]{operator}": day})) == ids, operator


def test_ranges_combine(reader: Asker, church: Church) -> None:
    births = church.table("Person").column("birthdate")
    found = all_ids(
        reader, "people", **{"where[birthdate][gte]": "1970-01-01", "where[birthdate][lt]": "1990-01-01"}
    )
    assert found == [one for one, birth in births.items() if birth and "1970" <= str(birth) < "1990"]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("where[shoe_size]", "44"),
        ("where[emails][address]", "nobody@example.org"),
        ("where[first_name][gte]", "B"),
        ("where[updated_at][after]", "2030-01-01"),
        ("where[name]", "nobody"),
        ("where[", "x"),
        ("shoes", "x"),
        ("filter", "created_since"),
    ],
)
def test_what_is_unknown_is_ignored(reader: Asker, where: str, value: str) -> None:
    """200 and the unfiltered collection: recorded for unknown and for nested keys."""
    assert reader.get("people", **{where: value})["meta"]["total_count"] == PEOPLE


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("where[grade]", "abc"),
        ("where[child]", "maybe"),
        ("where[updated_at][gte]", "yesterday"),
        ("where[updated_at][lt]", "9999-12-31T23:59:59.999999Z and more"),
        ("where[updated_at]", "9999-12-31"),
        ("where[birthdate]", "2020-02-30"),
        ("where[id]", "1_000"),
    ],
)
def test_a_value_that_cannot_be_read_finds_nothing(reader: Asker, where: str, value: str) -> None:
    document = reader.get("people", **{where: value})
    assert document["data"] == []
    assert document["meta"]["total_count"] == 0


def test_addresses_can_be_ordered_but_not_filtered_by_their_stamp(reader: Asker) -> None:
    """As documented and measured: the filter is ignored, and `can_query_by` does not name it."""
    document = reader.get(
        "addresses", **{"where[updated_at][gte]": "2050-01-01", "order": "-updated_at", "per_page": 100}
    )
    stamps = [record["attributes"]["updated_at"] for record in document["data"]]
    assert stamps == sorted(stamps, reverse=True)
    assert "updated_at" not in document["meta"]["can_query_by"]
    assert "updated_at" in document["meta"]["can_order_by"]


def test_people_are_searched_by_the_beginnings_of_their_names(reader: Asker, church: Church) -> None:
    name = str(church.table("Person").record(church.table("Person").ids[0]).attributes["name"])
    first, last = name.split(maxsplit=1)[0], name.rsplit(maxsplit=1)[-1]
    assert (
        reader.ids("people", **{"where[search_name]": f"{last[:3]} {first[:3]}".lower()})[0]
        == church.table("Person").ids[0]
    )


def test_several_records_may_be_asked_for_by_their_ids(reader: Asker, church: Church) -> None:
    """In any order, each once; who is not there is not missed."""
    first, second, third = church.table("Person").ids[5:8]
    found = reader.get("people", **{"where[id]": f"{third},{first}, {second},{first},1,x"})
    assert [int(one["id"]) for one in found["data"]] == [first, second, third]
    assert found["meta"]["total_count"] == 3


def test_a_batch_of_ids_goes_with_pages_orders_and_other_conditions(reader: Asker, church: Church) -> None:
    wanted = church.table("Person").ids[:60]
    batch = {"where[id]": ",".join(map(str, wanted))}
    assert reader.ids("people", per_page=100, **batch) == list(wanted)
    assert reader.ids("people", per_page=25, offset=50, **batch) == list(wanted[50:])
    assert sorted(reader.ids("people", per_page=100, order="-updated_at", **batch)) == list(wanted)
    active = set(people(church, status="active")) & set(wanted)
    assert set(reader.ids("people", per_page=100, **batch, **{"where[status]": "active"})) == active


@pytest.mark.parametrize("value", ["", "x", ",", "-5", "1.5"])
def test_what_cannot_be_an_id_is_nobodys(reader: Asker, value: str) -> None:
    assert reader.ids("people", **{"where[id]": value}) == []


def test_ids_are_ignored_where_they_cannot_be_asked_for(reader: Asker, church: Church) -> None:
    """Of e-mails the manifest knows no such filter."""
    emails = reader.get("emails", **{"where[id]": str(church.table("Email").ids[0])})
    assert emails["meta"]["total_count"] == len(church.table("Email"))


def test_ids_of_a_nested_collection_are_chosen_among_its_own(reader: Asker, church: Church) -> None:
    home, members = next(
        (home, found)
        for home, found in church.table("HouseholdMembership").referring("household").items()
        if len(found) > 1
    )
    inside = reader.ids(f"households/{home}/people")
    outside = next(one for one in church.table("Person").ids if one not in inside)
    assert len(members) == len(inside)
    batch = {"where[id]": f"{inside[1]},{outside}"}
    assert reader.ids(f"households/{home}/people", **batch) == [inside[1]]
