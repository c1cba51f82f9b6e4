"""Numbers and times, as people say them."""

from __future__ import annotations

import pytest

from openfaith.cli.words import ago, counted, duration, listed, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "just now"),
        (0, "just now"),
        (16, "16 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (47 * 3600, "47 h ago"),
        (48 * 3600, "2 days ago"),
    ],
)
def test_an_age_is_said_in_its_largest_whole_unit(seconds: float, words: str) -> None:
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (1.24, "1.2 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (4320, "1 h 12 min"),
    ],
)
def test_a_duration_never_has_sixty_of_a_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "page", "1 page"),
        (0, "row", "0 rows"),
        (5000, "row", "5,000 rows"),
        (1, "entity", "1 entity"),
        (2, "entity", "2 entities"),
        (1, "person", "1 person"),
        (2, "person", "2 people"),
    ],
)
def test_what_is_counted_has_its_plural(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_500, "1.5 kB"),
        (12_000_000, "12.0 MB"),
        (3_000_000_000, "3,000.0 MB"),
    ],
)
def test_a_size_is_said_in_its_largest_unit(number: int, words: str) -> None:
    assert size(number) == words


def test_a_long_list_says_how_many_it_leaves_out() -> None:
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
    assert listed(["a", "b"], most=2) == "a, b"
    assert listed([]) == ""
