"""Whatever the latencies, the clock is never fast, and never slower than it must be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from openfaith.source.clock import ServerClock, parse_http_date

EPOCH = datetime(2025, 11, 2, tzinfo=UTC)
ROUNDING = timedelta(microseconds=5)
LATENCIES = st.floats(0, 5)
GAPS = st.floats(0, 600)
OBSERVATIONS = st.lists(st.tuples(GAPS, LATENCIES, LATENCIES), min_size=1, max_size=30)
"""Each: idle seconds before it, seconds from sending to the making of the answer, seconds from there to arrival."""


def observe(
    clock: ServerClock, observations: list[tuple[float, float, float]], offset: float, rate: float
) -> float:
    """Play answers of a server whose clock shows `offset + rate * moment`; returns the moment of the last."""
    moment = 0.0
    for gap, there, back in observations:
        sent = moment + gap
        received = sent + there + back
        shown = EPOCH + timedelta(seconds=offset + rate * (sent + there))
        clock.observe(shown.replace(microsecond=0), sent=sent, received=received)
        moment = received
    return moment


def true_time(offset: float, rate: float, moment: float) -> datetime:
    return EPOCH + timedelta(seconds=offset + rate * moment)


@given(OBSERVATIONS, st.floats(-1e6, 1e6), st.floats(0.9995, 1.0005), st.floats(0, 600))
def test_it_is_never_later_than_the_source(
    observations: list[tuple[float, float, float]], offset: float, rate: float, later: float
) -> None:
    """Even where one of the two clocks runs 500 ppm fast or slow."""
    clock = ServerClock()
    moment = observe(clock, observations, offset, rate) + later
    at = clock.at(moment)
    assert at is not None
    assert at <= true_time(offset, rate, moment) + ROUNDING


@given(OBSERVATIONS, st.floats(-1e6, 1e6))
def test_it_is_at_most_one_second_and_one_latency_slow(
    observations: list[tuple[float, float, float]], offset: float
) -> None:
    clock = ServerClock()
    moment = observe(clock, observations, offset, 1.0)
    at = clock.at(moment)
    assert at is not None
    assert true_time(offset, 1.0, moment) - at <= timedelta(seconds=1 + observations[-1][2]) + ROUNDING


@given(st.floats(-1e6, 1e6), st.lists(st.floats(0, 0.05), min_size=41, max_size=41))
def test_a_few_seconds_of_answers_make_it_sharp(offset: float, latencies: list[float]) -> None:
    """Ten answers a second over four seconds: one of them falls right after a second's turn."""
    clock = ServerClock()
    moment = 0.0
    for number, latency in enumerate(latencies):
        moment = number / 10 + latency
        shown = true_time(offset, 1.0, moment)
        clock.observe(shown.replace(microsecond=0), sent=number / 10, received=moment)
    at = clock.at(moment)
    assert at is not None
    assert true_time(offset, 1.0, moment) - at <= timedelta(seconds=0.1 + 0.05 + 0.01)


@given(OBSERVATIONS, st.floats(-1e6, 1e6), st.floats(0, 100), st.floats(0, 100))
def test_it_never_runs_backwards_while_nothing_is_learned(
    observations: list[tuple[float, float, float]], offset: float, first: float, second: float
) -> None:
    clock = ServerClock()
    observe(clock, observations, offset, 1.0)
    earlier, later = clock.at(min(first, second)), clock.at(max(first, second))
    assert earlier is not None
    assert later is not None
    assert earlier <= later


@given(st.text())
def test_no_date_is_too_strange(text: str) -> None:
    date = parse_http_date(text)
    assert date is None or date.tzinfo is not None
