"""How many of the requests may be retries."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from openfaith.retries import RetryBudget, RetryShare

SHARE = RetryShare(share=0.1, over=timedelta(seconds=300), always=2)
STEPS = st.lists(st.tuples(st.floats(0, 90), st.booleans()), max_size=200)
"""After how many seconds something is sent, and whether that is a retry, if one is allowed."""


def test_a_source_that_answers_may_fail_now_and_then() -> None:
    budget = RetryBudget(RetryShare(always=0))
    for now in range(90):
        budget.sent(now)
    allowed = 0
    for _ in range(50):
        if budget.may_retry(90):
            budget.retried(90)
            budget.sent(90)
            allowed += 1
    assert allowed == 10


def test_a_few_retries_are_allowed_whatever_was_sent_before() -> None:
    budget = RetryBudget(SHARE)
    for _ in range(2):
        assert budget.may_retry(0)
        budget.retried(0)
        budget.sent(0)
    assert not budget.may_retry(0)


def test_what_was_retried_long_ago_is_forgotten() -> None:
    budget = RetryBudget(SHARE)
    for _ in range(2):
        budget.retried(0)
    assert not budget.may_retry(299)
    assert budget.may_retry(301)


@given(STEPS)
def test_in_no_five_minutes_are_more_than_a_tenth_retries(steps: list[tuple[float, bool]]) -> None:
    budget, now = RetryBudget(SHARE), 0.0
    sent: list[tuple[float, bool]] = []
    for after, wants_retry in steps:
        now += after
        retry = wants_retry and budget.may_retry(now)
        if retry:
            budget.retried(now)
        if retry or not wants_retry:
            budget.sent(now)
            sent.append((now, retry))
    for end, retried in sent:
        if retried:
            recent = [retry for at, retry in sent if end - 300 <= at <= end]
            assert sum(recent) <= max(SHARE.always, SHARE.share * (len(recent) + 1))


@given(STEPS)
def test_what_is_remembered_is_bounded_by_the_time_and_not_by_the_requests(
    steps: list[tuple[float, bool]],
) -> None:
    budget, now = RetryBudget(SHARE), 0.0
    for after, _ in steps:
        now += after
        for _ in range(5):
            budget.sent(now)
    assert len(budget._seconds) <= 301
