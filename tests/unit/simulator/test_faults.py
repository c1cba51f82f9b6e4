"""Each fault does what its name says, to the requests or records that were asked for, and to no others."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import ConfigurationError, SyncError
from openfaith.manifest import AttributeType
from openfaith.simulator import Church
from openfaith.simulator.fault_plans import read_plan
from openfaith.simulator.faults import REQUEST_FAULTS
from openfaith.simulator.record_faults import ATTRIBUTE_FAULTS, RECORD_FAULTS
from openfaith.simulator.rows import Reference
from openfaith.simulator.sight import HIDING
from support.asking import Ask, Asker

CHURCH = Church(people=60, products=["people"])


def statuses(asker: Asker, times: int, path: str = "/people/v2/people") -> list[int]:
    return [asker.raw(path).status for _ in range(times)]


# Which requests


def test_a_fault_without_a_number_strikes_every_request(ask: Ask) -> None:
    assert statuses(ask(faults="error=500"), 3) == [500, 500, 500]


def test_a_fault_strikes_the_request_it_names(ask: Ask) -> None:
    assert statuses(ask(faults="error=503@2"), 4) == [200, 503, 200, 200]
    assert statuses(ask(faults="error=503@2-3"), 4) == [200, 503, 503, 200]


def test_a_fault_of_an_entity_counts_and_strikes_only_its_requests(ask: Ask) -> None:
    asker = ask(faults="error=500@2/Email")
    paths = ["people", "emails", "people", "emails", "emails"]
    assert [asker.raw(f"/people/v2/{path}").status for path in paths] == [200, 200, 200, 500, 200]


def test_a_probability_is_kept_and_the_choice_is_the_seeds(ask: Ask) -> None:
    def struck(seed: int) -> list[int]:
        return statuses(ask(people=1, seed=seed, faults="error=500:0.25"), 400, "/people/v2/apps")

    assert struck(1) == struck(1) != struck(2)
    assert 70 < struck(1).count(500) < 130


def test_faults_of_one_plan_strike_independently(ask: Ask) -> None:
    asker = ask(people=1, faults="slow=1s:0.5,slow=2s:0.5")
    delays = {asker.raw("/people/v2/apps").delay_seconds for _ in range(60)}
    assert delays == {0.0, 1.0, 2.0, 3.0}


def test_a_new_plan_replaces_the_old_one_and_counts_anew(ask: Ask) -> None:
    asker = ask(faults="error=500@2")
    assert statuses(asker, 1) == [200]
    asker.simulator.set_faults("error=502@2")
    assert statuses(asker, 3) == [200, 502, 200]
    asker.simulator.set_faults("")
    assert statuses(asker, 1) == [200]


def test_the_log_names_the_faults_that_struck(ask: Ask) -> None:
    asker = ask(faults="slow=1s@2,no_next")
    statuses(asker, 2)
    assert [entry["faults"] for entry in asker.simulator.journal.report()["requests"]] == [
        ("no_next",),
        ("slow=1s@2", "no_next"),
    ]


# What happens to a request


def test_errors_of_the_api_are_json_and_those_before_it_are_pages(ask: Ask) -> None:
    types = {
        status: ask(faults=f"error={status}").raw("/people/v2/people").content_type
        for status in (500, 502, 503, 504)
    }
    assert types == {500: "application/json; charset=utf-8"} | dict.fromkeys(
        (502, 503, 504), "text/html; charset=utf-8"
    )


def test_a_dropped_connection_has_no_answer(ask: Ask) -> None:
    asker = ask(faults="drop")
    assert asker.raw("/people/v2/people").ending == "dropped"
    assert asker.simulator.journal.report()["by_status"] == {"0": 1}


def test_a_slow_answer_waits_on_top_of_the_latency(ask: Ask) -> None:
    asker = ask(faults="slow=250ms", latency_seconds=1)
    assert asker.raw("/people/v2/people").delay_seconds == 1.25


def test_a_truncated_body_ends_in_the_middle(ask: Ask) -> None:
    broken, whole = ask(faults="truncate").raw("/people/v2/people"), ask().raw("/people/v2/people")
    assert broken.ending == "complete"
    assert broken.body == whole.body[: len(whole.body) // 2]
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.body)


def test_a_cut_answer_is_whole_but_not_sent_to_the_end(ask: Ask) -> None:
    assert ask(faults="cut").raw("/people/v2/people").ending == "cut"


def test_a_page_of_html_comes_with_200(ask: Ask) -> None:
    answer = ask(faults="html").raw("/people/v2/people")
    assert (answer.status, answer.content_type, answer.body[:9]) == (
        200,
        "text/html; charset=utf-8",
        b"<!DOCTYPE",
    )


def test_empty_data_comes_with_200_and_nothing_that_betrays_it(ask: Ask) -> None:
    document = ask(faults="empty").get("people", include="emails")
    assert (document["data"], document["included"]) == ([], [])
    assert (document["meta"]["total_count"], document["meta"]["count"]) == (0, 0)
    assert "next" not in document["links"].keys() | document["meta"].keys()


def test_a_single_record_is_not_emptied(ask: Ask) -> None:
    assert ask(faults="empty").get("me")["data"]["type"] == "Person"


def test_a_missing_next_leaves_everything_else(ask: Ask) -> None:
    document = ask(faults="no_next").get("people")
    assert "next" not in document["links"].keys() | document["meta"].keys()
    assert document["meta"]["total_count"] > len(document["data"]) > 0


def test_an_empty_page_may_keep_its_total_and_the_next_one(ask: Ask) -> None:
    document, right = ask(faults="blank").get("people", include="emails"), ask().get("people")
    assert (document["data"], document["included"], document["meta"]["count"]) == ([], [], 0)
    assert document["meta"]["total_count"] == right["meta"]["total_count"]
    assert document["meta"]["next"] == right["meta"]["next"]
    assert ask(faults="blank").get("me")["data"]["type"] == "Person"


def page(asker: Asker, offset: int = 0, size: int = 20) -> tuple[list[int], dict[str, Any]]:
    """The ids of a page and its meta; its links and its meta must agree on the next page."""
    document = asker.get("people", offset=offset, per_page=size, include="emails")
    following = document["meta"].get("next", {}).get("offset")
    assert ("next" in document["links"]) == (following is not None)
    assert following is None or f"offset={following}&" in document["links"]["next"]
    owners = {one["relationships"]["person"]["data"]["id"] for one in document["included"]}
    assert owners <= {one["id"] for one in document["data"]}
    return [int(one["id"]) for one in document["data"]], document["meta"]


def test_the_last_rows_of_a_page_may_be_missing_as_though_it_were_whole_and_the_last(ask: Ask) -> None:
    found, meta = page(ask(faults="tail=5"))
    assert found == page(ask())[0][:15]
    assert (meta["count"], meta["total_count"], "next" in meta) == (20, 120, False)


def test_rows_may_be_missing_between_two_pages(ask: Ask) -> None:
    found, meta = page(ask(faults="gap=5"))
    assert found == page(ask())[0][:15]
    assert (meta["count"], meta["total_count"], meta["next"]["offset"]) == (15, 120, 20)


def test_a_row_may_stand_in_the_place_of_another(ask: Ask) -> None:
    whole, found = (asker.get("people", per_page=20) for asker in (ask(), ask(faults="twice")))
    ids = [one["id"] for one in whole["data"]]
    assert [one["id"] for one in found["data"]] == [*ids[:10], ids[0], *ids[11:]]
    assert (found["meta"], found["links"]) == (whole["meta"], whole["links"])


def test_of_two_rows_none_stands_in_the_place_of_the_other(ask: Ask) -> None:
    assert page(ask(faults="twice"), size=2) == page(ask(), size=2)


@pytest.mark.parametrize("fault", ["tail=50", "gap=50"])
def test_no_more_rows_are_missing_than_there_are(ask: Ask, fault: str) -> None:
    assert page(ask(faults=fault), offset=20)[0] == []


def test_a_short_page_is_followed_by_the_rest_of_it(ask: Ask) -> None:
    """Also on the last page, which is not the last one then."""
    asker, right = ask(faults="short=7"), page(ask(), size=100)[0]
    assert page(asker)[0] == right[:7]
    assert page(asker)[1]["next"]["offset"] == 7
    assert page(asker, offset=110)[1]["next"]["offset"] == 117
    assert "next" not in page(asker, offset=115)[1]


def test_a_page_may_be_served_again_for_the_next_offset(ask: Ask) -> None:
    asker, right = ask(faults="repeat@2"), ask()
    first, again, third = (page(asker, offset) for offset in (0, 20, 40))
    assert (first[0], again[0], third[0]) == (page(right)[0], page(right)[0], page(right, 40)[0])
    assert (again[1]["prev"]["offset"], again[1]["next"]["offset"]) == (0, 40)
    assert page(ask(faults="repeat"))[0] == first[0]
    assert len(page(ask(faults="repeat"), 110)[0]) == 20


@pytest.mark.parametrize(("fault", "offset"), [("loop", 40), ("loop=back", 20), ("loop=first", 0)])
def test_the_next_page_may_be_this_one_or_an_earlier_one(ask: Ask, fault: str, offset: int) -> None:
    found, meta = page(ask(faults=fault), 40)
    assert found == page(ask(), 40)[0]
    assert meta["next"]["offset"] == offset
    assert page(ask(faults=fault), 100)[1]["next"]["offset"] <= 100


@pytest.mark.parametrize(
    ("fault", "total"),
    [("total=-7", 113), ("total=+7", 127), ("total=-500", 0), ("total=3", 3), ("total_cap=100", 100)],
)
def test_a_total_may_be_wrong_while_the_pages_are_right(ask: Ask, fault: str, total: int) -> None:
    found, meta = page(ask(faults=fault))
    assert (found, meta["total_count"], meta["next"]["offset"]) == (page(ask())[0], total, 20)


def test_a_cap_says_nothing_of_what_is_below_it(ask: Ask) -> None:
    assert page(ask(faults="total_cap=500"))[1]["total_count"] == 120
    assert "total_count" not in ask(faults="total=3").get("me")["meta"]


def test_a_total_can_be_missing(ask: Ask) -> None:
    assert "total_count" not in ask(faults="no_total").get("people")["meta"]


@pytest.mark.parametrize(("fault", "wait"), [("limited", "1"), ("limited=7", "7"), ("limited=silent", None)])
def test_a_429_comes_with_or_without_a_time_to_wait(ask: Ask, fault: str, wait: str | None) -> None:
    answer = ask(faults=fault).raw("/people/v2/people")
    assert answer.status == 429
    assert answer.headers.get("Retry-After") == wait


def test_the_limit_is_lowered_for_good(ask: Ask) -> None:
    asker = ask(rate_limit=100, faults="limit=4@3")
    answers = [asker.raw("/people/v2/people") for _ in range(6)]
    assert [answer.headers["X-PCO-API-Request-Rate-Limit"] for answer in answers] == [
        "100",
        "100",
        "4",
        "4",
        "4",
        "4",
    ]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 429, 429]


# Records


def spoilt(asker: Asker, path: str = "people") -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The records of a page that come out differently, each with what it should be."""
    right = {
        one["id"]: one
        for one in Asker(asker.simulator.options.__class__(people=60, rate_limit=10**9), CHURCH).get(
            path, per_page=100
        )["data"]
    }
    seen = asker.get(path, per_page=100)["data"]
    rest = [one for one in seen if one != right.get(one.get("id", ""))]
    missing = [one for key, one in right.items() if key not in {record.get("id") for record in seen}]
    return [(one, right.get(one.get("id", "")) or missing.pop(0)) for one in rest]


@pytest.mark.parametrize("fault", sorted(set(RECORD_FAULTS) - {"new_attribute", "poison"}))
def test_as_many_records_are_struck_as_asked_for(ask: Ask, fault: str) -> None:
    assert len(spoilt(ask(people=60, faults=f"{fault}=Person:4"))) == 4
    assert len(spoilt(ask(people=60, faults=f"{fault}=Person"))) == 1


def test_the_named_records_are_struck(ask: Ask) -> None:
    first, second = (str(one) for one in CHURCH.table("Person").ids[3:5])
    found = spoilt(ask(people=60, faults=f"nul=Person#{first}+{second}"))
    assert [one["id"] for one, _ in found] == [first, second]


def test_a_value_of_the_wrong_type_replaces_one_that_is_not_text(ask: Ask) -> None:
    for seen, right in spoilt(ask(people=60, faults="wrong_type=Person:20")):
        (name,) = [name for name, value in seen["attributes"].items() if value != right["attributes"][name]]
        assert CHURCH.entities["Person"].attributes[name].type is not AttributeType.STRING
        assert name not in {"created_at", "updated_at"}


def test_a_nul_character_stands_in_a_text(ask: Ask) -> None:
    asker = ask(people=60, faults="nul=Person:3")
    assert asker.raw("/people/v2/people", {"per_page": 100}).body.count(b"before\\u0000after") == 3


def test_absurd_dates_and_stamps_are_no_dates(ask: Ask) -> None:
    for fault, names in {
        "absurd_date": {"birthdate", "anniversary", "inactivated_at"},
        "absurd_stamp": {"updated_at"},
    }.items():
        for seen, right in spoilt(ask(people=60, faults=f"{fault}=Person:10")):
            changed = {
                name for name, value in seen["attributes"].items() if value != right["attributes"][name]
            }
            assert changed <= names
            assert len(changed) == 1


def test_a_record_can_come_without_its_id(ask: Ask) -> None:
    assert all("id" not in seen for seen, _ in spoilt(ask(people=60, faults="missing_id=Person:2")))


def test_poison_is_of_all_kinds(ask: Ask) -> None:
    seen = [one for one, _ in spoilt(ask(people=60, faults="poison=Person:60"))]
    assert any("id" not in one for one in seen)
    assert any("\0" in str(value) for one in seen for value in one["attributes"].values())


@pytest.mark.parametrize("entity", ["MaritalStatus", "Tab", "NoteCategorySubscription", "PersonMerger"])
def test_poison_harms_also_records_that_have_little(entity: str) -> None:
    plan = read_plan(f"poison={entity}:99", CHURCH)
    for one in CHURCH.table(entity).ids:
        right = {"id": str(one), "attributes": dict(CHURCH.table(entity).record(one).attributes)}
        assert plan.spoil(Reference(entity, one), right) != right


def test_a_new_attribute_appears_on_all_records_also_where_they_are_included(ask: Ask) -> None:
    asker = ask(people=60, faults="new_attribute=Email")
    assert all("new_attribute" in one["attributes"] for one in asker.get("emails")["data"])
    assert all(
        "new_attribute" in one["attributes"] for one in asker.get("people", include="emails")["included"]
    )
    assert not any("new_attribute" in one["attributes"] for one in asker.get("people")["data"])


def test_an_attribute_may_be_missing_from_all_records(ask: Ask) -> None:
    asker = ask(people=60, faults="missing_attribute=Person.nickname")
    records = asker.get("people", per_page=100)["data"]
    assert not any("nickname" in one["attributes"] for one in records)
    assert all("first_name" in one["attributes"] for one in records)


def test_an_attribute_may_be_of_another_type_in_all_records(ask: Ask) -> None:
    asker = ask(people=60, faults="retyped_attribute=Person.last_name,retyped_attribute=Person.child")
    for seen, right in spoilt(asker):
        assert seen["attributes"]["last_name"] == {"value": right["attributes"]["last_name"]}
        assert seen["attributes"]["child"] == json.dumps(right["attributes"]["child"])


def test_the_seed_chooses_an_attribute_where_none_is_named(ask: Ask) -> None:
    for fault in ATTRIBUTE_FAULTS:
        changed = {
            name
            for seen, right in spoilt(ask(people=60, faults=f"{fault}=Person"))
            for name, value in right["attributes"].items()
            if seen["attributes"].get(name, "missing") != value
        }
        assert len(changed) == 1
        assert changed.isdisjoint({"created_at", "updated_at"})


def test_so_many_records_or_named_ones_may_lack_an_attribute(ask: Ask) -> None:
    first = CHURCH.table("Person").ids[0]
    assert len(spoilt(ask(people=60, faults="missing_attribute=Person.gender:3"))) == 3
    (found,) = spoilt(ask(people=60, faults=f"missing_attribute=Person.gender#{first}"))
    assert found[0]["id"] == str(first)


def test_faults_of_records_go_together(ask: Ask) -> None:
    faults = [
        "new_attribute=Person",
        "missing_attribute=Person.gender",
        "wrong_type=Person:60",
        "nul=Person:60",
    ]
    faults += ["absurd_date=Person:60", "poison=Person:60", "retyped_attribute=Person.child"]
    asker = ask(people=60, faults=",".join(faults))
    assert len(asker.get("people", per_page=100)["data"]) == 60
    assert asker.raw("/people/v2/people", {"fields[Person]": "status"}).status == 200


def test_a_spoilt_record_is_spoilt_in_the_same_way_each_time_and_in_truth_not_at_all(ask: Ask) -> None:
    asker = ask(people=60, faults="poison=Person:60")
    assert asker.raw("/people/v2/people").body == asker.raw("/people/v2/people").body
    truth = [asker.simulator.renderer.truth(reference) for reference in _people(asker)]
    assert b"".join(truth).count(b"\\u0000") == 0
    assert all("id" in json.loads(line) for line in truth)


def _people(asker: Asker) -> list[Any]:
    return [Reference("Person", one) for one in asker.simulator.church.table("Person").ids]


# The text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eror=500", "did you mean|error"),
        ("error=600", "error=401.PELICAN"),
        ("error=403+PELICAN", "error=401.PELICAN"),
        ("error", "'nothing' behind error"),
        ("html=99", "html=404"),
        ("status=404", "status=203"),
        ("flood=much", "flood=5"),
        ("error=500:2", "a number from 0 to 1"),
        ("error=500:0.1.2", "a number from 0 to 1"),
        ("slow=soon", "slow=2s"),
        ("limit=0", "1 or more"),
        ("limited=soon", "limited=5"),
        ("poison", "poison=Person:3"),
        ("poison=Person@3", "an entity and a count or ids"),
        ("poison=Person:0.5", "a whole number of records"),
        ("nul=Person#1;2", "numbers joined by"),
        ("error=500/Nobody", "no entity 'Nobody'"),
        ("nul=Nobody", "no entity 'Nobody'"),
        ("absurd_date=MaritalStatus", "nothing that it could strike"),
        ("500", "cannot be read"),
        ("tail", "tail=5"),
        ("total=many", "total=-7"),
        ("loop=forward", "back, first"),
        ("missing_attribute=Person.shoes", "no attribute 'shoes'"),
        ("missing_attribute=Persn.gender", "did you mean Person"),
        ("error=500:0.1 drop", "cannot be read"),
    ],
)
def test_a_text_that_means_nothing_is_refused_with_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(SyncError, match=message):
        read_plan(text, CHURCH)


def test_a_refused_text_leaves_the_faults_as_they_were(ask: Ask) -> None:
    asker = ask(faults="error=500")
    with pytest.raises(ConfigurationError):
        asker.simulator.set_faults("drop,nonsense=1")
    assert statuses(asker, 1) == [500]


@given(st.text(max_size=40))
def test_any_text_is_a_plan_or_refused(text: str) -> None:
    with contextlib.suppress(SyncError):
        read_plan(text, CHURCH)


_ARGUMENTS = {
    "ignored": "=where",
    "error": "=500",
    "slow": "=1s",
    "limit": "=5",
    "total": "=-2",
    "status": "=203",
    **dict.fromkeys(("flood", "gap", "short", "tail", "total_cap"), "=5"),
}


@given(
    st.lists(
        st.sampled_from(
            [
                *(f"{name}{_ARGUMENTS.get(name, '')}" for name in REQUEST_FAULTS),
                *(f"{name}=Person" for name in (*RECORD_FAULTS, *ATTRIBUTE_FAULTS, *HIDING)),
            ]
        ),
        max_size=6,
    )
)
def test_a_plan_describes_what_was_asked_for(parts: list[str]) -> None:
    described = read_plan(", ".join(parts), CHURCH).describe()
    assert sorted([*described["requests"], *(one["fault"] for one in described["records"])]) == sorted(parts)


def test_a_plan_names_the_records_that_it_chose() -> None:
    (chosen,) = read_plan("poison=Person:3", CHURCH).describe()["records"]
    assert len(chosen["ids"]) == 3
    assert set(chosen["ids"]) <= {str(one) for one in CHURCH.table("Person").ids}
