"""When a source is left alone, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.breakers import BREAKER, Gate, probe_wait
from openfaith.errors import (
    AccessDeniedError,
    BreakerOpenError,
    BrokenResponseError,
    CredentialsRejectedError,
    RateLimitedError,
    RecordNotFoundError,
    RequestRejectedError,
    SourceUnavailableError,
    SyncError,
)

FAILURE = SourceUnavailableError("GET /p", "status 503")


def gate_after(*errors: SyncError | None, apart: float = 0.1) -> Gate:
    """After so many calls, one after the other."""
    gate = Gate()
    for number, error in enumerate(errors):
        gate.note(number * apart, error)
    return gate


def test_twenty_calls_of_which_half_fail_open_it() -> None:
    assert gate_after(*[None, FAILURE] * 10).is_shut
    assert not gate_after(*[None, FAILURE] * 9, None).is_shut


def test_nineteen_failures_do_not() -> None:
    assert not gate_after(*[FAILURE] * 19).is_shut
    assert gate_after(*[FAILURE] * 20).is_shut


@pytest.mark.parametrize(
    "answer",
    [
        AccessDeniedError("GET /p", "403"),
        RecordNotFoundError("GET /p", "404"),
        RequestRejectedError("GET /p", 422, "no"),
        RateLimitedError("GET /p", 2),
    ],
)
def test_who_answers_is_not_in_trouble_whatever_the_answer(answer: SyncError) -> None:
    assert not gate_after(*[answer] * 100).is_shut


def test_what_is_no_document_counts_as_trouble() -> None:
    assert gate_after(*[BrokenResponseError("GET /p", "HTML")] * 20).is_shut


def test_one_rejected_credential_opens_it_at_once_and_says_so() -> None:
    gate = gate_after(None, CredentialsRejectedError("GET /p", "401, CAPUCHIN"))
    with pytest.raises(BreakerOpenError, match=r"rejects the credentials \(401, CAPUCHIN\)"):
        gate.check()


def test_one_word_to_be_left_alone_for_long_opens_it_at_once_and_says_for_how_long() -> None:
    limited = RateLimitedError("GET /p", 3600.0)
    limited.wait = timedelta(hours=1)
    with pytest.raises(BreakerOpenError, match=r"429, and asks to be left alone for 3600 s") as raised:
        gate_after(None, limited).check()
    assert raised.value.wait == timedelta(hours=1)


def test_calls_of_more_than_a_minute_ago_do_not_count() -> None:
    assert not gate_after(*[FAILURE] * 40, apart=BREAKER.over.total_seconds() / 18).is_shut


def test_while_it_is_shut_every_call_is_refused_with_an_error_of_its_own() -> None:
    gate = gate_after(*[FAILURE] * 20)
    errors = []
    for _ in range(2):
        with pytest.raises(BreakerOpenError, match="in trouble") as raised:
            gate.check()
        errors.append(raised.value)
    assert errors[0] is not errors[1]


def test_for_a_minute_after_it_was_opened_again_no_number_of_failures_shuts_it() -> None:
    gate = gate_after(*[FAILURE] * 20)
    gate.open(100)
    gate.check()
    for at in range(40):
        gate.note(100 + at, FAILURE)
    assert not gate.is_shut
    gate.note(100 + BREAKER.over.total_seconds(), FAILURE)
    assert gate.is_shut


def test_opening_what_is_open_forgets_nothing() -> None:
    gate = gate_after(*[FAILURE] * 19)
    gate.open(2)
    gate.note(2, FAILURE)
    assert gate.is_shut


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_probe_waits_longer_after_each_that_failed_and_never_too_long(probes: int, random: float) -> None:
    wait = probe_wait(probes, BREAKER, lambda: random)
    assert BREAKER.first_wait <= wait <= BREAKER.longest_wait * 1.25
    assert wait <= BREAKER.first_wait * 2.0 ** min(probes, 30) * 1.25
    assert probe_wait(probes + 1, BREAKER, lambda: random) >= wait


def test_those_who_failed_together_do_not_come_back_together() -> None:
    waits = {probe_wait(3, BREAKER, lambda share=share: share / 10) for share in range(10)}  # type: ignore[misc]
    assert len(waits) == 10


def test_a_policy_of_ones_own_is_kept_to() -> None:
    gate = Gate(policy=replace(BREAKER, calls=3, over=timedelta(seconds=1)))
    for at in (0, 0.1, 0.2):
        gate.note(at, FAILURE)
    assert gate.is_shut
