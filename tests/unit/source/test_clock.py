"""What the source's `Date` headers prove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from openfaith.source.clock import ServerClock, parse_http_date

NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)


def test_nothing_is_known_before_the_first_answer() -> None:
    assert ServerClock().at(5.0) is None


def test_one_answer_tells_the_time_to_a_second_and_the_latency() -> None:
    clock = ServerClock()
    clock.observe(NOON, sent=100.0, received=100.5)
    assert clock.at(100.0) == pytest.approx(NOON - timedelta(seconds=0.5), abs=timedelta(seconds=0.001))


def test_the_answer_at_the_turn_of_a_second_is_the_sharpest() -> None:
    """Answers dated 12:00:00 at 0.9 s and 12:00:01 at 1.0 s pin the second's turn down to a tenth."""
    clock = ServerClock()
    clock.observe(NOON, sent=0.9, received=0.9)
    clock.observe(NOON + timedelta(seconds=1), sent=1.0, received=1.0)
    assert clock.at(1.0) == pytest.approx(NOON + timedelta(seconds=1), abs=timedelta(seconds=0.001))


def test_a_clock_that_is_put_back_is_followed() -> None:
    clock = ServerClock()
    clock.observe(NOON, sent=0.0, received=0.0)
    jump = clock.observe(NOON - timedelta(minutes=10), sent=1.0, received=1.0)
    assert jump == pytest.approx(timedelta(minutes=-10), abs=timedelta(seconds=1.1))
    assert clock.at(1.0) == NOON - timedelta(minutes=10)


def test_a_clock_that_is_put_forward_is_followed() -> None:
    clock = ServerClock()
    clock.observe(NOON, sent=0.0, received=0.0)
    jump = clock.observe(NOON + timedelta(minutes=10), sent=1.0, received=1.0)
    assert jump == pytest.approx(timedelta(minutes=10), abs=timedelta(seconds=2.1))
    assert clock.at(1.0) == NOON + timedelta(minutes=10)


def test_agreement_is_no_jump() -> None:
    clock = ServerClock()
    clock.observe(NOON, sent=0.0, received=0.2)
    assert clock.observe(NOON + timedelta(seconds=3), sent=3.0, received=3.4) == timedelta()


def test_times_are_aware_utc() -> None:
    clock = ServerClock()
    clock.observe(NOON, sent=0.0, received=0.0)
    at = clock.at(0.0)
    assert at is not None
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Sun, 02 Nov 2025 12:00:00 GMT", NOON),
        ("Sunday, 02-Nov-25 12:00:00 GMT", NOON),
        ("Sun, 02 Nov 2025 13:00:00 +0100", NOON),
        ("Sun, 02 Nov 2025 12:00:00 -0000", None),
        ("yesterday", None),
        ("Sun, 02 Nov 2025", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_of_http(text: str | None, date: datetime | None) -> None:
    assert parse_http_date(text) == date


def test_a_date_beyond_all_clocks_is_no_date() -> None:
    """A clock that believed it could tell no later time, and every answer after it would fail."""
    assert parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT") is None
    assert parse_http_date("Fri, 31 Dec 9999 23:59:59 -0800") is None


def test_dates_are_in_utc_whatever_their_zone() -> None:
    date = parse_http_date("Sun, 02 Nov 2025 14:00:00 +0200")
    assert date is not None
    assert (date, date.tzinfo) == (NOON, UTC)
