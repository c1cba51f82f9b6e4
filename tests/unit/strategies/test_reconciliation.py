"""What may be deleted, and where a person is asked first: exactly at the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openfaith.strategies import (
    Allowed,
    Answer,
    DeletionFacts,
    Stopped,
    Verdict,
    guard_deletions,
    judge_suspect,
)

FACTS = DeletionFacts(live_rows=10_000, suspects=10, approved=0, listed=9_990, proven=True)


def is_allowed(facts: DeletionFacts) -> bool:
    return isinstance(guard_deletions(facts), Allowed)


def reason(facts: DeletionFacts) -> str:
    decision = guard_deletions(facts)
    assert isinstance(decision, Stopped)
    return decision.reason


@pytest.mark.parametrize(
    ("live_rows", "most"),
    [(51, 50), (100, 50), (2_499, 50), (2_500, 50), (2_549, 50), (2_550, 51), (5_000, 100), (25_000, 500), (10**7, 500)],
)  # fmt: skip
def test_the_limit_is_two_percent_but_at_least_fifty_and_at_most_five_hundred(
    live_rows: int, most: int
) -> None:
    assert is_allowed(replace(FACTS, live_rows=live_rows, suspects=most))
    assert not is_allowed(replace(FACTS, live_rows=live_rows, suspects=most + 1))


def test_no_suspects_need_nobody() -> None:
    assert is_allowed(replace(FACTS, suspects=0, listed=0, permissions_changed=True))


def test_a_listing_that_is_not_proven_stops_everything() -> None:
    facts = replace(FACTS, suspects=3, approved=3, proven=False, doubts=("it shifted", "it was capped"))
    assert reason(facts) == "the listing is not proven: it shifted; it was capped"
    assert not is_allowed(replace(facts, suspects=0, approved=0))


def test_other_permissions_stop_a_single_deletion() -> None:
    assert reason(replace(FACTS, suspects=1, permissions_changed=True)).startswith("what the token may see")


@pytest.mark.parametrize("live_rows", [1, 50, 10_000])
def test_an_entity_that_vanished_stops_however_few_there_were(live_rows: int) -> None:
    facts = replace(FACTS, live_rows=live_rows, suspects=live_rows, listed=0)
    assert reason(facts) == f"none of {live_rows:,} records was listed"


def test_what_a_person_approved_does_not_count() -> None:
    everything = replace(FACTS, live_rows=10_000, suspects=10_000, listed=0)
    assert is_allowed(replace(everything, approved=10_000))
    assert is_allowed(replace(everything, approved=10_000, permissions_changed=True))
    assert not is_allowed(replace(everything, approved=9_999))
    assert is_allowed(replace(everything, approved=9_800, listed=1))
    assert not is_allowed(replace(everything, approved=9_799, listed=1))


def test_a_reason_says_how_many_of_how_many() -> None:
    assert (
        reason(replace(FACTS, suspects=201))
        == "201 of 10,000 records were not listed, more than 2% and more than 50"
    )
    assert reason(replace(FACTS, suspects=1_501)) == "1,501 of 10,000 records were not listed, more than 500"


@pytest.mark.parametrize(
    ("answer", "missed", "verdict"),
    [
        (Answer.THERE, 1, Verdict.REFUTE),
        (Answer.THERE, 9, Verdict.REFUTE),
        (Answer.GONE, 1, Verdict.DELETE),
        (Answer.MERGED, 1, Verdict.MERGE),
        (Answer.REFUSED, 1, Verdict.LEAVE),
        (Answer.REFUSED, 9, Verdict.LEAVE),
        (Answer.UNTOLD, 1, Verdict.LEAVE),
        (Answer.UNTOLD, 2, Verdict.DELETE),
    ],
)
def test_the_source_decides_and_where_it_does_not_a_second_listing(
    answer: Answer, missed: int, verdict: Verdict
) -> None:
    assert judge_suspect(answer, times_missed=missed) is verdict


def test_what_may_be_where_nobody_could_look_is_not_deleted_for_not_being_listed() -> None:
    assert judge_suspect(Answer.UNTOLD, times_missed=1, may_be_elsewhere=True) is Verdict.LEAVE
    assert judge_suspect(Answer.UNTOLD, times_missed=2, may_be_elsewhere=True) is Verdict.HOLD
    assert judge_suspect(Answer.GONE, times_missed=1, may_be_elsewhere=True) is Verdict.DELETE
