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
    return DeletionFacts(
        live_rows=live_rows,
        suspects=suspects,
        approved=draw(st.integers(0, suspects)),
        listed=draw(COUNTS),
        proven=draw(st.booleans()),
        permissions_changed=draw(st.booleans()),
    )


def is_allowed(known: DeletionFacts, **changes: Any) -> bool:
    return isinstance(guard_deletions(replace(known, **changes)), Allowed)


@given(facts())
def test_nothing_is_allowed_without_proof(known: DeletionFacts) -> None:
    assert not is_allowed(known, proven=False)


@given(facts())
def test_what_is_allowed_is_within_every_limit(known: DeletionFacts) -> None:
    if is_allowed(known):
        unseen = known.suspects - known.approved
        assert unseen <= 500
        assert unseen <= 50 or unseen / known.live_rows <= 0.02
        assert unseen == 0 or (known.listed > 0 and not known.permissions_changed)


@given(facts())
def test_what_is_stopped_breaks_some_limit(known: DeletionFacts) -> None:
    unseen = known.suspects - known.approved
    if not is_allowed(known) and known.proven and known.listed and not known.permissions_changed:
        assert unseen > 500 or (unseen > 50 and unseen / known.live_rows > 0.02)


@given(facts())
def test_fewer_suspects_are_no_less_allowed(known: DeletionFacts) -> None:
    if is_allowed(known) and known.suspects > known.approved:
        assert is_allowed(known, suspects=known.suspects - 1)


@given(facts())
def test_more_approval_is_no_less_allowed(known: DeletionFacts) -> None:
    if is_allowed(known) and known.suspects > known.approved:
        assert is_allowed(known, approved=known.approved + 1)


@given(facts())
def test_whoever_approved_all_is_not_asked_again(known: DeletionFacts) -> None:
    assert is_allowed(known, approved=known.suspects, proven=True)


@given(st.sampled_from(Answer), st.integers(1, 10), st.booleans())
def test_nothing_is_deleted_that_the_source_has_or_that_was_missed_once_only(
    answer: Answer, missed: int, elsewhere: bool
) -> None:
    verdict = judge_suspect(answer, times_missed=missed, may_be_elsewhere=elsewhere)
    if verdict is Verdict.DELETE:
        assert answer is Answer.GONE or (answer is Answer.UNTOLD and missed >= 2 and not elsewhere)
    assert (verdict is Verdict.HOLD) == (answer is Answer.UNTOLD and missed >= 2 and elsewhere)
    assert (verdict is Verdict.MERGE) == (answer is Answer.MERGED)
