"""The full walk, one decision at a time."""

from __future__ import annotations

from itertools import islice

import pytest

from openfaith.errors import BrokenResponseError
from openfaith.records import Page
from openfaith.strategies import PageRequest, WalkState, advance, check, upcoming
from support.mirror import make_page


def page(records: int, *, total: int | None = None, has_next: bool = False) -> Page:
    made = make_page(*(b"{}" for _ in range(records)), total=total)
    return Page(**{name: getattr(made, name) for name in made.__slots__} | {"has_next": has_next})


def offsets(state: WalkState, most: int = 20, page_size: int = 100) -> list[int]:
    return [request.offset for request in islice(upcoming(state, page_size), most)]


def test_a_walk_begins_at_the_beginning() -> None:
    assert offsets(WalkState.from_json(None)) == [0]


def test_a_page_is_asked_for_by_offset_and_size() -> None:
    request = PageRequest(offset=200, page_size=100)
    assert request.parameters == {"per_page": "100", "offset": "200"}
    assert request.token == "offset=200"


def test_what_follows_is_guessed_up_to_the_count() -> None:
    assert offsets(WalkState(offset=100, total=350)) == [100, 200, 300]
    assert offsets(WalkState(offset=100, total=300)) == [100, 200]
    assert offsets(WalkState(offset=0, total=100)) == [0]
    assert offsets(WalkState(offset=0, total=0)) == [0]
    assert offsets(WalkState(offset=30, total=60, done=False), page_size=10) == [30, 40, 50]


def test_without_a_count_nothing_is_guessed() -> None:
    assert offsets(WalkState(offset=100)) == [100]


def test_past_the_count_one_page_is_asked_for_and_none_is_guessed() -> None:
    """The count may have shrunk since, or be wrong while a link says that more follows."""
    assert offsets(WalkState(offset=500, total=350)) == [500]


def test_a_walk_that_is_done_asks_for_nothing() -> None:
    assert offsets(WalkState(offset=5, total=5, done=True)) == []


def test_a_walk_steps_by_the_records_that_came() -> None:
    """The source cuts pages silently."""
    after = advance(WalkState(offset=50), page(25, total=1000, has_next=True))
    assert after == WalkState(offset=75, total=1000)


def test_the_last_count_is_remembered_where_a_page_has_none() -> None:
    assert advance(WalkState(offset=0, total=300), page(100, has_next=True)).total == 300
    assert advance(WalkState(offset=0, total=300), page(100, total=301, has_next=True)).total == 301


@pytest.mark.parametrize(
    ("records", "total", "has_next", "done"),
    [
        (100, 250, True, False),
        (100, 250, False, False),  # the link was forgotten, the count knows of more
        (100, 100, False, True),
        (60, 60, False, True),
        (100, 60, False, True),
        (100, 60, True, False),  # the count is wrong or too old, the link knows of more
        (100, None, True, False),
        (100, None, False, False),  # neither knows
        (60, None, False, False),  # nor here: the page may have been cut to 60
        (0, None, False, True),
        (0, 0, False, True),
    ],
)
def test_a_walk_ends_when_nothing_speaks_for_more(
    records: int, total: int | None, *, has_next: bool, done: bool
) -> None:
    assert advance(WalkState(), page(records, total=total, has_next=has_next)).done is done


@pytest.mark.parametrize(
    ("offset", "known", "total", "has_next", "expected"),
    [
        (0, None, 250, False, "some, as it counts 250"),
        (200, None, 201, True, "some, as it counts 201"),
        (200, 250, None, False, "some, as it counts 250"),
        (0, None, None, True, "some, as it says that more follow"),
        (300, 250, 250, True, "some, as it says that more follow"),
    ],
)
def test_an_empty_page_where_the_source_knows_of_more_is_refused(
    offset: int, known: int | None, total: int | None, *, has_next: bool, expected: str
) -> None:
    request, state = PageRequest(offset=offset, page_size=100), WalkState(offset=offset, total=known)
    with pytest.raises(BrokenResponseError) as caught:
        check(request, state, page(0, total=total, has_next=has_next))
    assert str(caught.value) == (
        f"the page at offset {offset}: the source answered no records, expected {expected}; nothing of it was stored"
    )


@pytest.mark.parametrize(
    ("offset", "known", "total"),
    [(0, None, 0), (0, None, None), (250, 250, 250), (300, 350, 290), (300, None, None)],
)
def test_an_empty_page_at_the_end_is_believed(offset: int, known: int | None, total: int | None) -> None:
    check(
        PageRequest(offset=offset, page_size=100), WalkState(offset=offset, total=known), page(0, total=total)
    )


@pytest.mark.parametrize(("offset", "total"), [(100, 0), (200, 0), (300, 150)])
def test_an_empty_page_that_forgets_what_was_read_already_is_refused(offset: int, total: int) -> None:
    with pytest.raises(BrokenResponseError, match="as these were read"):
        check(
            PageRequest(offset=offset, page_size=100),
            WalkState(offset=offset, total=800),
            page(0, total=total),
        )


def test_a_page_with_records_is_believed_whatever_it_counts() -> None:
    check(PageRequest(offset=0, page_size=100), WalkState(total=500), page(3, total=0))


@pytest.mark.parametrize("state", [WalkState(), WalkState(offset=7), WalkState(offset=7, total=7, done=True)])
def test_a_checkpoint_comes_back_as_it_was(state: WalkState) -> None:
    assert WalkState.from_json(state.to_json()) == state


@pytest.mark.parametrize(
    "stored", [{}, {"version": 2, "anchor": "7"}, {"offset": 7, "total": None, "done": False}]
)
def test_a_checkpoint_of_another_version_is_the_beginning(stored: dict[str, object]) -> None:
    assert WalkState.from_json(stored) == WalkState()
