"""The nested walk, one decision at a time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from openfaith.records import Page
from openfaith.strategies import (
    FullState,
    NestedState,
    OffsetState,
    advance_below,
    deny,
    end_of_pass,
    fail,
    leave,
    restart_second_pass,
    upcoming_below,
)
from support.mirror import make_page


def page(records: int, *, first: int = 1, total: int | None = None) -> Page:
    """So many records, with ids from this one on."""
    return make_page(*(b'{"id": "%d"}' % number for number in range(first, first + records)), total=total)


def halfway(parent: str) -> NestedState:
    """The walk when the first hundred of the 150 records below the parent were read."""
    return advance_below(NestedState(after="1"), parent, page(100, total=150), 100)


def asked(state: NestedState, *parents: str, page_size: int = 100) -> list[tuple[str, int]]:
    return [(parent, request.offset) for parent, request in upcoming_below(state, parents, page_size)]


def test_a_walk_begins_before_the_first_parent() -> None:
    state = NestedState.from_json(None)
    assert state == NestedState(after=None, at=None, inner=OffsetState(), again=False, done=False)
    assert asked(state, "1", "2") == [("1", 0), ("2", 0)]


def test_how_often_the_source_has_refused_in_a_row_outlives_the_process() -> None:
    state = deny(fail(fail(NestedState(after="7"))))
    stored = json.loads(json.dumps(state.to_json()))
    assert (state.failures, state.denied) == (2, 1)
    assert NestedState.from_json(stored) == state
    assert advance_below(state, "8", page(1), 100).failures == 0


def test_a_retry_holds_no_old_refusals_against_the_source() -> None:
    stored = deny(fail(NestedState(after="7"))).to_json() | {"retried": True}
    assert NestedState.from_json(stored) == NestedState(after="7")


def test_what_is_left_of_the_parent_at_hand_comes_before_the_next_parents() -> None:
    state = NestedState(after="1", at="2", inner=OffsetState(offset=100, total=250))
    assert asked(state, "2", "3") == [("2", 100), ("2", 199), ("3", 0)]


def test_pages_that_are_done_below_one_parent_are_not_left_out_below_another() -> None:
    """The rows of a retried run's parents are those of now: one came in before it, or it is gone."""
    state = halfway("2")
    assert asked(state, "15", "2") == [("15", 0), ("2", 99)]
    assert asked(state, "3") == [("3", 0)]
    after = advance_below(state, "15", page(100, first=501, total=300), 100)
    assert (after.after, after.at, after.inner.offset, after.inner.total) == ("1", "15", 99, 300)
    assert after.inner.read == 100


def test_a_checkpoint_that_does_not_say_whose_pages_are_done_has_none_that_are() -> None:
    stored = halfway("2").to_json()
    del stored["at"]
    assert asked(NestedState.from_json(stored), "2") == [("2", 0)]


def test_without_parents_nothing_is_asked() -> None:
    assert asked(NestedState(after="9")) == []


def test_a_page_that_is_not_the_last_stays_below_its_parent() -> None:
    after = halfway("2")
    assert (after.after, after.at, after.inner.offset, after.inner.total) == ("1", "2", 99, 150)
    assert asked(after, "2", "3") == [("2", 99), ("3", 0)]


def test_the_last_page_below_a_parent_ends_it_and_forgets_its_offset() -> None:
    after = advance_below(halfway("2"), "2", page(51, first=100, total=150), 100)
    assert after == NestedState(after="2", unproven=0)


def test_a_parent_whose_count_is_not_reached_is_counted_and_left() -> None:
    after = advance_below(NestedState(after="1"), "2", page(3, total=2), 100)
    assert after == NestedState(after="2", unproven=1)


def test_a_parent_with_nothing_below_it_is_one_page() -> None:
    assert advance_below(NestedState(), "1", page(0, total=0), 100) == NestedState(after="1", empty=1)


def test_parents_with_nothing_below_them_are_remembered_through_crash_and_second_pass() -> None:
    after = advance_below(NestedState(after="1", empty=2), "2", page(0, total=0), 100)
    assert NestedState.from_json(after.to_json()).empty == 3
    assert end_of_pass(after, left_behind=True).empty == 3
    retried = end_of_pass(after, left_behind=True).to_json() | {"retried": True}
    assert NestedState.from_json(retried).empty == 3


def test_a_parent_that_is_left_behind_takes_its_offset_along() -> None:
    state = NestedState(after="1", at="2", inner=OffsetState(offset=200, total=900))
    assert leave(state, "2") == NestedState(after="2")


@pytest.mark.parametrize("again", [False, True])
def test_the_pass_is_kept_from_parent_to_parent(again: bool) -> None:
    state = NestedState(again=again)
    assert leave(state, "1").again is again
    assert advance_below(state, "1", page(1, total=1), 100).again is again


def test_a_first_pass_that_left_nobody_behind_is_the_end() -> None:
    assert end_of_pass(NestedState(after="9"), left_behind=False) == NestedState(after="9", done=True)


def test_a_first_pass_that_left_some_behind_is_followed_by_a_second_from_the_beginning() -> None:
    assert end_of_pass(NestedState(after="9"), left_behind=True) == NestedState(again=True)


@pytest.mark.parametrize("left_behind", [False, True])
def test_there_is_no_third_pass(left_behind: bool) -> None:
    ended = end_of_pass(NestedState(after="9", again=True), left_behind=left_behind)
    assert ended == NestedState(after="9", again=True, done=True)


def test_a_retried_run_begins_with_those_that_were_left_behind() -> None:
    assert restart_second_pass(NestedState()) == NestedState(after=None, again=True, done=False)


def test_a_retry_begins_the_second_pass_anew_and_goes_on_with_the_first() -> None:
    first = halfway("8")
    second = replace(first, again=True)
    assert NestedState.from_json(second.to_json()) == second
    assert NestedState.from_json(second.to_json() | {"retried": True}) == restart_second_pass(NestedState())
    assert NestedState.from_json(first.to_json() | {"retried": True}) == first


def test_a_checkpoint_of_another_kind_or_version_is_the_beginning() -> None:
    later = NestedState(after="7").to_json() | {"nested": 3}
    of_a_list = FullState(inner=OffsetState(offset=100, total=300)).to_json()
    assert NestedState.from_json(later) == NestedState.from_json(of_a_list) == NestedState()
    assert FullState.from_json(NestedState(after="7").to_json()) == FullState()


def test_a_checkpoint_is_a_few_bytes_however_many_parents_there_are() -> None:
    assert len(json.dumps(NestedState(after="1234567").to_json())) < 260
