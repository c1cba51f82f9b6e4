"""The guard, for all there is to know of a listing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openfaith.strategies import Allowed, Answer, DeletionFacts, Verdict, guard_deletions, judge_suspect

COUNTS = st.one_of(st.integers(0, 120), st.integers(0, 100_000))


@st.composite
def facts(draw: st.DrawFn) -> DeletionFacts:
    live_rows = draw(COUNTS)
    suspects = draw(st.integers(0, live_rows))
    approved = draw(st.integers(0, suspects))
    return DeletionFacts(
        live_rows=live_rows,
        suspects=suspects,
        approved=approved,
        rejected=draw(st.one_of(st.just(0), st.integers(0, suspects - approved))),
        listed=draw(COUNTS),
        proven=draw(st.booleans()),
        permissions_changed=draw(st.booleans()),
    )


def undecided(known: DeletionFacts) -> int:
    return known.suspects - known.approved - known.rejected


def is_allowed(known: DeletionFacts, **changes: Any) -> bool:
    return isinstance(guard_deletions(replace(known, **changes)), Allowed)


@given(facts())
def test_nothing_is_allowed_without_proof(known: DeletionFacts) -> None:
    assert not is_allowed(known, proven=False)


@given(facts())
def test_what_is_allowed_is_within_every_limit(known: DeletionFacts) -> None:
    if is_allowed(known) and undecided(known):
        assert known.suspects <= 500
        assert known.suspects <= 50 or known.suspects / known.live_rows <= 0.02
        assert known.listed > 0
        assert not known.permissions_changed
        assert not known.rejected


@given(facts())
def test_what_is_stopped_breaks_some_limit(known: DeletionFacts) -> None:
    if not is_allowed(known) and known.proven and known.listed and not known.permissions_changed:
        assert undecided(known) > 0
        many = known.suspects > 50 and known.suspects / known.live_rows > 0.02
        assert known.suspects > 500 or many or known.rejected


@given(facts())
def test_fewer_suspects_are_no_less_allowed(known: DeletionFacts) -> None:
    if is_allowed(known) and undecided(known):
        assert is_allowed(known, suspects=known.suspects - 1)


@given(facts())
def test_more_approval_is_no_less_allowed(known: DeletionFacts) -> None:
    if is_allowed(known) and undecided(known):
        assert is_allowed(known, approved=known.approved + 1)


@given(facts())
def test_to_approve_some_lets_no_others_go(known: DeletionFacts) -> None:
    if not is_allowed(known) and undecided(known) > 1:
        assert not is_allowed(known, approved=known.approved + 1)
        assert not is_allowed(known, rejected=known.rejected + 1)


@given(facts())
def test_whoever_decided_about_all_is_not_asked_again(known: DeletionFacts) -> None:
    assert is_allowed(known, approved=known.suspects - known.rejected, proven=True)


@given(st.sampled_from(Answer), st.integers(0, 10), st.booleans(), st.booleans())
def test_nothing_is_deleted_that_the_source_has_or_that_was_missed_once_only(
    answer: Answer, missed: int, elsewhere: bool, unlisted: bool
) -> None:
    verdict = judge_suspect(answer, times_missed=missed, may_be_elsewhere=elsewhere, may_be_unlisted=unlisted)
    proven = missed >= 2 and not elsewhere and not unlisted
    if verdict is Verdict.DELETE:
        assert answer is Answer.GONE or (answer is Answer.UNTOLD and proven)
    waits = unlisted or (missed >= 2 and elsewhere)
    assert (verdict is Verdict.HOLD) == (answer is Answer.UNTOLD and waits)
    assert (verdict is Verdict.MERGE) == (answer is Answer.MERGED)
