"""What the source announces, and how many requests that allows. Moments are plain numbers here."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from openfaith.source.limits import (
    ASSUMED,
    Announcement,
    ConcurrencyLimit,
    RateLimit,
    RequestWindow,
    read_announcement,
)

PERIOD = timedelta(seconds=20)
SLOT_SECONDS = 20.1
"""A slot is kept for the period and half a percent."""


def headers(limit: str = "100", period: str = "20", count: str = "1") -> dict[str, str]:
    return {
        "X-PCO-API-Request-Rate-Limit": limit,
        "X-PCO-API-Request-Rate-Period": period,
        "X-PCO-API-Request-Rate-Count": count,
    }


def opened_window(limit: int = 3, count: int = 1) -> RequestWindow:
    """A window that sent one request at 0 and got its answer at once."""
    window = RequestWindow()
    window.answered(window.send(0.0), 0.0, Announcement(requests=limit, period=PERIOD, count=count))
    return window


@pytest.mark.parametrize("period", ["20", "20 seconds", " 20 ", "20seconds", "20.0"])
def test_both_spellings_of_the_period_are_read(period: str) -> None:
    assert read_announcement(headers(period=period)) == Announcement(requests=100, period=PERIOD, count=1)


def test_nothing_announced_is_nothing_known() -> None:
    assert read_announcement({}) == Announcement()


@pytest.mark.parametrize("text", ["", "0", "-5", "many", "nan", "1" * 5000, "²"])
def test_nonsense_is_ignored(text: str) -> None:
    read = read_announcement(headers(limit=text, period=text))
    assert read.requests is None
    assert read.period is None


def test_a_period_that_would_stop_the_work_for_good_is_nonsense() -> None:
    assert read_announcement(headers(period="86400")).period is None


def test_nonsense_keeps_the_last_good_limit() -> None:
    window = opened_window(limit=3)
    window.answered(window.send(1.0), 1.0, read_announcement(headers(limit="0", period="soon")))
    assert window.limit(1.0) == RateLimit(3, PERIOD)


def test_one_request_goes_ahead_to_learn_the_limit() -> None:
    window = RequestWindow()
    assert window.seconds_to_wait(0.0) == 0
    window.send(0.0)
    assert window.seconds_to_wait(0.0) == math.inf


def test_an_answer_opens_the_window() -> None:
    window = opened_window(limit=100)
    window.send(0.0)
    assert window.seconds_to_wait(0.0) == 0


def test_a_source_that_announces_nothing_is_asked_as_documented() -> None:
    window = RequestWindow()
    window.answered(window.send(0.0), 0.0, Announcement())
    assert window.limit(0.0) == ASSUMED == RateLimit(100, PERIOD)


def test_a_first_request_without_an_answer_lets_another_one_try() -> None:
    window = RequestWindow()
    window.send(0.0)
    window.unanswered(1.0)
    assert window.seconds_to_wait(1.0) == 0


def test_a_slot_is_free_again_one_period_after_its_answer() -> None:
    window = opened_window(limit=2)
    ticket = window.send(1.0)
    window.answered(ticket, 4.0, Announcement(count=2))
    assert window.seconds_to_wait(4.0) == pytest.approx(SLOT_SECONDS - 4.0)  # the first answer came at 0
    window.answered(window.send(SLOT_SECONDS), SLOT_SECONDS, Announcement(count=2))
    assert window.seconds_to_wait(SLOT_SECONDS) == pytest.approx(4.0)


def test_a_request_in_flight_holds_its_slot_however_long_it_takes() -> None:
    window = opened_window(limit=2)
    window.send(0.0)
    assert window.seconds_to_wait(SLOT_SECONDS) == 0
    window.send(SLOT_SECONDS)
    assert window.seconds_to_wait(1000.0) == math.inf


def test_a_request_without_an_answer_is_counted() -> None:
    window = opened_window(limit=2)
    window.send(0.0)
    window.unanswered(5.0)
    assert window.used(5.0) == 2


def test_a_request_that_never_left_is_not_counted() -> None:
    window = opened_window(limit=2)
    window.send(0.0)
    window.never_sent()
    assert window.used(0.0) == 1


def test_a_lowered_limit_is_obeyed_at_once() -> None:
    window = opened_window(limit=100)
    for _ in range(9):
        window.answered(window.send(0.0), 0.0, Announcement(requests=100))
    window.answered(window.send(0.0), 0.0, Announcement(requests=10))
    assert window.seconds_to_wait(0.0) == pytest.approx(20.0)  # then nothing lower is announced any more


def test_the_strictest_of_two_limits_side_by_side_is_kept_to() -> None:
    """Deep offsets have a lower limit than the rest, and whether they share a count is not stated."""
    window = opened_window(limit=10)
    window.answered(window.send(1.0), 1.0, Announcement(requests=100))
    assert window.limit(1.0).requests == 10
    assert window.limit(25.0).requests == 100


def test_the_longer_of_two_periods_is_kept_to() -> None:
    window = opened_window()
    window.answered(window.send(1.0), 1.0, Announcement(period=timedelta(seconds=10)))
    assert window.limit(2.0).period == PERIOD


def test_what_others_spend_is_held_against_us_for_a_period() -> None:
    window = opened_window(limit=100, count=98)
    assert window.used(0.0) == 98
    assert window.used(SLOT_SECONDS + 1) == 0


def test_our_own_requests_are_not_taken_for_others() -> None:
    """The first answer's count includes the two requests that were sent before it was made."""
    window = opened_window(limit=100)
    first, _second, _third = (window.send(1.0) for _ in range(3))
    window.answered(first, 2.0, Announcement(count=4))
    assert window.used(2.0) == 4


def test_while_others_spend_everything_we_ask_once_a_period() -> None:
    window = opened_window(limit=10, count=10)
    assert window.seconds_to_wait(0.0) == pytest.approx(20.0)
    assert window.seconds_to_wait(SLOT_SECONDS) == 0


def test_a_pause_stops_everything_until_it_is_over() -> None:
    window = opened_window(limit=100)
    window.pause(7.0)
    assert window.seconds_to_wait(2.0) == 5.0
    assert window.seconds_to_wait(7.0) == 0


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    window = opened_window()
    window.pause(7.0)
    window.pause(3.0)
    assert window.seconds_to_wait(2.0) == 5.0


def test_requests_in_flight_start_at_two() -> None:
    assert ConcurrencyLimit().limit == 2


def test_they_grow_while_they_are_what_holds_us_back() -> None:
    limit = ConcurrencyLimit()
    for _ in range(20):
        limit.succeeded(in_flight=limit.limit)
    assert limit.limit == 8


def test_an_idle_client_proves_nothing() -> None:
    limit = ConcurrencyLimit(start=4)
    limit.succeeded(in_flight=1)
    assert limit.limit == 4


def test_trouble_halves_them_down_to_one() -> None:
    limit = ConcurrencyLimit(start=8)
    seen = []
    for moment in range(5):
        limit.failed(sent_at=moment, now=moment + 0.5)
        seen.append(limit.limit)
    assert seen == [4, 2, 1, 1, 1]


def test_requests_of_one_burst_halve_them_once() -> None:
    limit = ConcurrencyLimit(start=8)
    for moment in (10.0, 10.1, 10.2):
        limit.failed(sent_at=9.0, now=moment)
    assert limit.limit == 4
