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

FACTS = DeletionFacts(live_rows=10_000, suspects=10, approved=0, rejected=0, listed=9_990, proven=True)


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


def test_who_decided_about_all_is_not_asked_again() -> None:
    everything = replace(FACTS, live_rows=10_000, suspects=10_000, listed=0)
    for approved in (10_000, 9_000, 0):
        decided = replace(everything, approved=approved, rejected=10_000 - approved)
        assert is_allowed(decided)
        assert is_allowed(replace(decided, permissions_changed=True))
    assert not is_allowed(replace(everything, approved=9_999))


@pytest.mark.parametrize("approved", [0, 10, 59])
def test_what_was_decided_about_some_says_nothing_for_the_others(approved: int) -> None:
    facts = replace(FACTS, live_rows=1_000, suspects=60, approved=approved)
    assert reason(facts) == "60 of 1,000 records were not listed, more than 2% and more than 50"
    assert is_allowed(replace(facts, suspects=50, approved=min(approved, 50)))


def test_what_a_person_rejected_speaks_against_the_others() -> None:
    facts = replace(FACTS, suspects=3, rejected=1)
    assert reason(facts) == "1 of 3 records that were not listed were rejected"
    assert reason(replace(facts, approved=1)) == reason(facts)
    assert is_allowed(replace(facts, approved=2))


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


@pytest.mark.parametrize("missed", [0, 1, 9])
def test_what_may_be_left_out_like_others_is_deleted_only_by_the_sources_word(missed: int) -> None:
    """However many listings left it out."""
    verdicts = {answer: judge_suspect(answer, times_missed=missed, may_be_unlisted=True) for answer in Answer}
    assert verdicts == {
        Answer.THERE: Verdict.REFUTE,
        Answer.GONE: Verdict.DELETE,
        Answer.MERGED: Verdict.MERGE,
        Answer.REFUSED: Verdict.LEAVE,
        Answer.UNTOLD: Verdict.HOLD,
    }
