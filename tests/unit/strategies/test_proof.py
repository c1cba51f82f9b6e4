"""What a listing must show to prove anything: take one of it away, and it proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openfaith.strategies import FullState, OffsetState, advance_full, find_doubts, upcoming_full
from openfaith.strategies.offsets import proves
from support.listings import Collection, at

WHOLE = FullState(
    inner=OffsetState(offset=6, anchors=("7",), read=7, total=7, most=7, done=True),
    read=7,
    total=7,
    done=True,
)
"""A list of seven that was read at one go."""

CUT = FullState(
    inner=OffsetState(offset=6, anchors=("7",), read=7, total=7, most=7, done=True),
    windows=True,
    read=27,
    total=27,
    done=True,
)
"""One that was read in windows, of which the last has seven."""


@pytest.mark.parametrize("state", [WHOLE, CUT])
def test_a_listing_that_shows_all_that_is_counted_is_proven(state: FullState) -> None:
    assert find_doubts(state) == ()


@pytest.mark.parametrize("state", [WHOLE, CUT])
@pytest.mark.parametrize(
    ("lacking", "doubt"),
    [
        ({"done": False}, "it was not read to its end"),
        ({"distrusted": True}, "the source did not honour the windows that it was asked for"),
        ({"total": None}, "the source counted nothing"),
        ({"total": 28}, "records were read, and 28 counted"),
        ({"read": 10_000, "total": 10_000}, "the source counts 10,000, which may stand for more"),
        ({"read": 0, "total": 0}, "it shows nothing at all, and was not asked twice"),
    ],
)
def test_a_listing_that_lacks_one_thing_is_not(
    state: FullState, lacking: dict[str, object], doubt: str
) -> None:
    [told] = find_doubts(replace(state, **lacking))  # type: ignore[arg-type]  # members by name
    assert told.endswith(doubt)


def test_a_listing_that_comes_to_show_nothing_is_told_like_one_that_never_did() -> None:
    """Delta by a mark would not meet what stands there all the while."""
    vanished = replace(WHOLE.inner, read=0, total=0, most=0, shifts=1)
    assert find_doubts(replace(WHOLE, inner=vanished, read=None, total=0)) == (
        "it shows nothing at all, and was not asked twice",
        "it shifted while it was read",
    )


def test_a_listing_that_shows_nothing_is_proven_where_it_was_asked_twice() -> None:
    assert find_doubts(replace(WHOLE, read=0, total=0, repeats=1)) == ()


@pytest.mark.parametrize(
    ("inner", "doubt"),
    [
        (replace(WHOLE.inner, shifts=1), "it shifted while it was read"),
        (replace(WHOLE.inner, read=None), "it shifted while it was read"),
        (replace(WHOLE.inner, read=6), "6 records were read, and 7 counted"),
        (replace(WHOLE.inner, most=8), "7 records were read, and 8 counted"),
    ],
)
def test_ground_that_moved_is_told(inner: OffsetState, doubt: str) -> None:
    """Nobody can say then how many different records were read of the whole."""
    assert find_doubts(replace(WHOLE, inner=inner, read=None)) == (doubt,)


def test_one_window_that_proves_nothing_is_a_doubt_about_all() -> None:
    assert find_doubts(replace(CUT, read=None)) == ("one of its windows proves nothing",)


def test_a_walk_proves_what_it_says_it_read() -> None:
    assert proves(WHOLE.inner)


@pytest.mark.parametrize(
    "lacking", [{"done": False}, {"read": None}, {"read": 6}, {"most": 8}, {"most": None}, {"shifts": 1}]
)
def test_a_walk_that_lacks_one_thing_proves_nothing(lacking: dict[str, object]) -> None:
    """What was deleted after it was read makes up for what was never shown, where the ground moved."""
    assert not proves(replace(WHOLE.inner, **lacking))  # type: ignore[arg-type]  # members by name


@pytest.mark.parametrize("shifts", [0, 1])
def test_the_sum_of_all_windows_proves_nothing_where_one_of_them_does_not(shifts: int) -> None:
    """One that showed a record too many makes up for one that hid it."""
    state = FullState(windows=True, low=at(10), read=20, total=28, inner=OffsetState(shifts=shifts))
    page = Collection(records={n: (n, n) for n in range(10, 18)}).answer(next(upcoming_full(state, 100)))
    after = advance_full(state, page, 100, windowed=True)
    assert after.done
    assert bool(find_doubts(after)) is (shifts > 0)
