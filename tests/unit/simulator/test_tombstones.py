"""The simulator knows of each record that is gone whether it was deleted, or merged and into whom."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.simulator import SimulatorOptions
from openfaith.simulator.changes import Add, Change, Delete, Merge, Restore
from support.asking import Ask, Asker


def tombstones(asker: Asker, entity: str = "Person") -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in asker.simulator.tombstones.of(entity)}


def test_a_church_that_nothing_happened_to_has_no_tombstones(ask: Ask) -> None:
    asker = ask()
    assert asker.simulator.tombstones.counts() == {}
    assert tombstones(asker) == {}


def test_what_went_with_a_deleted_record_has_a_tombstone_too(ask: Ask) -> None:
    asker = ask()
    asker.get("people")
    account = asker.simulator.change(Delete(entity="Person", count=3))
    assert asker.simulator.tombstones.counts() == {
        name: len(ids) for name, ids in sorted(account.deleted.items())
    }
    one = account.deleted["Person"][0]
    assert tombstones(asker)[one] == {
        "id": one,
        "merged_into": None,
        "survivor": None,
        "after_request": 1,
    }


def test_a_chain_of_merges_leads_to_its_survivor(ask: Ask) -> None:
    asker = ask()
    a, b, c = (str(one) for one in asker.ids("people")[:3])
    asker.simulator.change(Merge(loser=a, keeper=b))
    asker.simulator.change(Merge(loser=b, keeper=c))
    found = tombstones(asker)
    assert [(found[one]["merged_into"], found[one]["survivor"]) for one in (a, b)] == [(b, c), (c, c)]
    asker.simulator.change(Delete(entity="Person", ids=(c,)))
    found = tombstones(asker)
    assert [(found[one]["merged_into"], found[one]["survivor"]) for one in (a, b, c)] == [
        (b, None),
        (c, None),
        (None, None),
    ]


def test_people_are_merged_in_every_product_that_knows_them(ask: Ask) -> None:
    asker = ask(people=40, products=("people", "groups"))
    known = asker.simulator.church.table("groups.Person").ids
    loser, keeper = str(known[0]), str(known[1])
    asker.simulator.change(Merge(loser=loser, keeper=keeper))
    assert tombstones(asker, "groups.Person")[loser]["merged_into"] == keeper


def test_a_record_that_came_back_has_no_tombstone(ask: Ask) -> None:
    asker = ask()
    (one,) = asker.simulator.change(Delete(entity="Person", count=1)).deleted["Person"]
    asker.simulator.change(Restore(entity="Person", ids=(one,)))
    assert tombstones(asker) == {}


changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Add, entity=st.sampled_from(["Person", "Email", "Household"]), count=st.integers(1, 3)),
    st.builds(Delete, entity=st.sampled_from(["Person", "Email", "Household"]), count=st.integers(1, 4)),
    st.builds(Restore, entity=st.sampled_from(["Person", "Email", "Household"]), count=st.integers(1, 4)),
    st.builds(Merge, count=st.integers(1, 3)),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(changes, max_size=8))
def test_what_ever_was_lives_or_has_a_tombstone(wanted: list[Change]) -> None:
    asker = Asker(SimulatorOptions(people=20, products=("people",)))
    church = asker.simulator.church
    ever = {name: set(church.table(name).ids) for name in church.served}
    for change in wanted:
        account = asker.simulator.change(change)
        for name, ids in account.added.items():
            ever[name] |= set(map(int, ids))
    for name in church.served:
        gone = {int(one) for one in tombstones(asker, name)}
        assert gone | set(church.table(name).ids) == ever[name]
        assert not gone & set(church.table(name).ids)
    for one in tombstones(asker).values():
        assert one["survivor"] is None or int(one["survivor"]) in church.table("Person").ids
