"""What holds for every number and time."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from openfaith.cli.words import ago, duration, listed


@given(st.floats(min_value=0, max_value=1e7))
def test_seconds_and_minutes_stay_below_sixty(seconds: float) -> None:
    for number in re.findall(r"([\d.]+) (?:s|min)\b", duration(seconds)):
        assert float(number) < 60


@given(st.floats(min_value=5, max_value=1e9))
def test_an_age_is_never_said_to_be_nothing(seconds: float) -> None:
    assert int(ago(seconds).split()[0]) >= 1


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True)), st.integers(min_value=1, max_value=9))
def test_nothing_of_a_list_is_lost(names: list[str], most: int) -> None:
    shown, _, more = listed(names, most=most).partition(" and ")
    left_out = int(more.split()[0]) if more else 0
    assert len([name for name in shown.split(", ") if name]) + left_out == len(names)
