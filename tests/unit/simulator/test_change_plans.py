"""What a plan of changes makes happen, before which requests, and what it refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.errors import SyncError
from openfaith.simulator import Church, SimulatorOptions
from openfaith.simulator.change_plans import ACTIONS, read_changes
from support.asking import Ask, Asker

CHURCH = Church(people=60, products=["people"])
NOW = "2025-10-09T08:53:20Z"
"""The tests' clock, as the API writes it."""


def walk(asker: Asker, requests: int, path: str = "people") -> None:
    for _ in range(requests):
        asker.raw(f"/people/v2/{path}")


def before(asker: Asker) -> list[int]:
    """The numbers of the requests before which something happened."""
    return [entry["after_request"] + 1 for entry in asker.simulator.changes]


def accounts(asker: Asker) -> list[Any]:
    return [entry["account"] for entry in asker.simulator.changes]


def stamps(asker: Asker, entity: str, ids: list[str]) -> set[object]:
    table = asker.simulator.church.table(entity)
    return {table.record(int(one)).attributes.get("updated_at") for one in ids}


# When


def test_a_change_happens_before_the_request_that_it_names(ask: Ask) -> None:
    asker = ask(changes="delete=Person@3")
    totals = [asker.get("people")["meta"]["total_count"] for _ in range(4)]
    assert totals == [totals[0], totals[0], totals[0] - 1, totals[0] - 1]
    assert before(asker) == [3]


def test_a_change_may_happen_at_several_requests_or_from_one_on(ask: Ask) -> None:
    asker = ask(changes="update=Email@2-3,add=Email@4-")
    walk(asker, 6)
    assert before(asker) == [2, 3, 4, 5, 6]


def test_a_change_may_wait_for_requests_of_an_entity_or_a_path(ask: Ask) -> None:
    asker = ask(changes="update=Person@2/Email,delete=Note@1~/people/v2/n*")
    for path in ("emails", "people", "notes", "emails", "emails"):
        walk(asker, 1, path)
    assert before(asker) == [3, 4]


def test_a_probability_is_kept_and_the_draw_is_the_seeds(ask: Ask) -> None:
    def drawn(seed: int) -> list[dict[str, Any]]:
        asker = ask(people=40, seed=seed, changes="mix=Email:0.25")
        walk(asker, 200, "apps")
        return list(asker.simulator.changes)

    assert drawn(1) == drawn(1) != drawn(2)
    assert 30 < len(drawn(1)) < 70


def test_a_new_plan_replaces_the_old_one_and_counts_anew(ask: Ask) -> None:
    asker = ask(changes="update=Email@2")
    walk(asker, 1)
    asker.simulator.set_changes("delete=Email@2")
    walk(asker, 2)
    assert [set(account.deleted) for account in accounts(asker)] == [{"Email"}]
    asker.simulator.set_changes("")
    walk(asker, 2)
    assert before(asker) == [3]


def test_a_refused_plan_leaves_the_old_one(ask: Ask) -> None:
    asker = ask(changes="update=Email")
    with pytest.raises(SyncError):
        asker.simulator.set_changes("update=Email,nonsense")
    walk(asker, 1)
    assert before(asker) == [1]


def test_the_log_of_changes_says_which_part_of_the_plan_it_was(ask: Ask) -> None:
    asker = ask(changes="update=Email@1,merge@1")
    walk(asker, 1)
    assert [entry["plan"] for entry in asker.simulator.changes] == ["update=Email@1", "merge@1"]


def test_what_cannot_be_done_is_logged_and_the_request_answered(ask: Ask) -> None:
    asker = ask(changes="delete=Person#1@2")
    assert [asker.raw("/people/v2/people").status for _ in range(2)] == [200, 200]
    (entry,) = asker.simulator.changes
    assert "no record 'Person 1'" in entry["error"]


# What


def test_many_records_may_change_in_one_second(ask: Ask) -> None:
    asker = ask(changes="update=Person*110@1")
    walk(asker, 1)
    (account,) = accounts(asker)
    assert len(account.updated["Person"]) == 110
    assert stamps(asker, "Person", account.updated["Person"]) == {NOW}


def test_a_share_is_of_the_records_that_live_then(ask: Ask) -> None:
    asker = ask(people=100, changes="delete=Person*30%@1-2")
    left = [asker.get("people")["meta"]["total_count"] for _ in range(2)]
    assert left == [70, 49]


def test_records_may_be_named(ask: Ask) -> None:
    asker = ask()
    first, second = asker.ids("people")[:2]
    asker.simulator.set_changes(f"update=Person#{first}+{second}@1,merge#{first}+{second}@2")
    walk(asker, 2)
    update, merge = accounts(asker)
    assert set(update.updated["Person"]) == {str(first), str(second)}
    assert merge.merged == [(str(first), str(second))]


@pytest.mark.parametrize(
    "changes", ["blind_update=Person*20@1", "blind_delete=Person*5@1", "blind_merge*5@1"]
)
def test_a_blind_change_moves_no_stamp(ask: Ask, changes: str) -> None:
    asker = ask(changes=changes)
    walk(asker, 1)
    (account,) = accounts(asker)
    assert account.updated or account.deleted
    assert NOW not in {one for name, ids in account.updated.items() for one in stamps(asker, name, ids)}


def test_a_change_that_is_seen_late_has_a_stamp_of_the_past(ask: Ask) -> None:
    asker = ask(changes="add=Person*2-90s@1,update=Email-90s@2,update=Email+600s@3")
    walk(asker, 3)
    added, late, early = accounts(asker)
    assert stamps(asker, "Person", added.added["Person"]) == {"2025-10-09T08:51:50Z"}
    assert stamps(asker, "Email", late.updated["Email"]) == {"2025-10-09T08:51:50Z"}
    assert stamps(asker, "Email", early.updated["Email"]) == {"2025-10-09T09:03:20Z"}


def test_a_late_change_does_not_set_a_stamp_back(ask: Ask) -> None:
    """What was done before was also seen before."""
    asker = ask()
    one = asker.ids("people")[0]
    asker.simulator.set_changes(f"update=Person#{one}@1,update=Person#{one}-90s@2")
    walk(asker, 2)
    assert stamps(asker, "Person", [str(one)]) == {NOW}


def test_a_chain_is_of_merges_in_a_row_that_can_be_looked_up(ask: Ask) -> None:
    asker = ask(changes="chain*3@1")
    walk(asker, 1)
    merges = [account.merged[0] for account in accounts(asker)]
    assert [keeper for _, keeper in merges[:2]] == [loser for loser, _ in merges[1:]]
    for loser, keeper in merges:
        assert asker.raw(f"/people/v2/people/{loser}").status == 404
        (merger,) = asker.get("person_mergers", **{"where[person_to_remove_id]": loser})["data"]
        assert merger["attributes"]["person_to_keep_id"] == int(keeper)


def test_a_deleted_person_has_no_merger(ask: Ask) -> None:
    asker = ask(changes="delete=Person@1")
    walk(asker, 1)
    (gone,) = accounts(asker)[0].deleted["Person"]
    assert asker.get("person_mergers", **{"where[person_to_remove_id]": gone})["data"] == []


def test_deleted_records_may_come_back(ask: Ask) -> None:
    asker = ask(changes="delete=Person*8@1,restore=Person*50%@2")
    walk(asker, 2)
    deleted, restored = accounts(asker)
    assert len(restored.added["Person"]) == 4
    assert set(restored.added["Person"]) < set(deleted.deleted["Person"])


def test_a_mix_is_of_all_kinds_and_leaves_the_organization_alone(ask: Ask) -> None:
    asker = ask(people=40, products=("people", "groups"), changes="mix*2")
    walk(asker, 120)
    done = accounts(asker)
    assert any(account.merged for account in done)
    assert any(account.added and not account.merged for account in done)
    assert any(account.deleted and not account.merged for account in done)
    assert any(name.startswith("groups.") for account in done for name in account.updated)
    assert not any("Organization" in name for account in done for name in account.deleted)


def test_a_church_without_people_is_left_alone_by_merges(ask: Ask) -> None:
    asker = ask(people=0, changes="merge,chain,delete=Person,restore=Person,mix=Person")
    walk(asker, 3)
    assert all("error" not in entry for entry in asker.simulator.changes)


def test_nothing_is_looked_up_where_nothing_is_planned(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    asker = ask()
    monkeypatch.setattr(asker.simulator, "_run_planned_changes", None)
    monkeypatch.setattr(asker.simulator, "_run_due_changes", None)
    walk(asker, 1)


# The text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("updte=Person", "update"),
        ("update", "update=Person"),
        ("update=Persn", "did you mean Person"),
        ("update=Person/Persn", "did you mean Person"),
        ("merge=Email", "people"),
        ("merge#81", "merge#81\\+92"),
        ("chain#81+92", "chooses by itself"),
        ("blind_add=Person", "a new record has stamps"),
        ("mix*30%", "delete=Person\\*30%"),
        ("update=Person:2", "a number from 0 to 1"),
        ("update=Person soon", "cannot be read"),
    ],
)
def test_a_text_that_means_nothing_is_refused_with_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(SyncError, match=message):
        read_changes(text, CHURCH)


def test_people_cannot_be_merged_where_people_are_not_used() -> None:
    with pytest.raises(SyncError, match="uses People"):
        read_changes("merge", Church(people=5, products=["groups"]))


@given(st.text(max_size=40))
def test_any_text_is_a_plan_or_refused(text: str) -> None:
    with contextlib.suppress(SyncError):
        read_changes(text, CHURCH)


parts = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from([f"{name}=Person" for name in ACTIONS] + ["blind_update=Email", "mix"]),
    st.sampled_from(["", "*0", "*3"]),
    st.sampled_from(["", "-90s", "+600s"]),
    st.sampled_from(["", ":0.5", ":1"]),
    st.sampled_from(["", "@2", "@2-", "@1-3", "/Person", "@2/Email"]),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(parts, max_size=3), st.integers(1, 3))
def test_the_same_plan_makes_the_same_church(wanted: list[str], seed: int) -> None:
    def run() -> Iterator[object]:
        asker = Asker(
            SimulatorOptions(
                people=15, seed=seed, products=("people",), rate_limit=10**9, changes=",".join(wanted)
            )
        )
        yield [asker.raw(f"/people/v2/{path}").body for path in ("people", "emails", "people")]
        yield list(asker.simulator.changes)

    assert list(run()) == list(run())
