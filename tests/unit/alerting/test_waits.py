"""A delivery is tried for about a day, ever more seldom, and then no more."""

from __future__ import annotations

from datetime import timedelta

from openfaith.alerting import MOST_ATTEMPTS, wait_after

HOUR = timedelta(hours=1)


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert set(waits[6:]) == {HOUR}


def test_after_a_day_nobody_tries_any_more() -> None:
    waited = sum((wait_after(n) or HOUR for n in range(1, MOST_ATTEMPTS)), timedelta())
    assert timedelta(hours=20) < waited < timedelta(hours=28)
    assert wait_after(MOST_ATTEMPTS) is None
    assert wait_after(MOST_ATTEMPTS + 5) is None
