"""A walk by offsets, one decision at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest

from openfaith.errors import BrokenResponseError
from openfaith.records import Page
from openfaith.source import Rows
from openfaith.strategies import OffsetState, PageRequest, check, upcoming
from openfaith.strategies import advance as advance_by
from openfaith.strategies.offsets import asked
from support.mirror import make_page


def page(*ids: int, total: int | None = None, has_next: bool = False) -> Page:
    records = tuple(json.dumps({"id": str(number)}).encode() for number in ids)
    made = make_page(*records, total=total)
    return replace(made, rows=Rows(records), has_next=has_next)


def full(first: int, *, total: int | None = None, has_next: bool = True) -> Page:
    """A hundred records from this id on."""
    return page(*range(first, first + 100), total=total, has_next=has_next)


def advance(state: OffsetState, shown: Page) -> OffsetState:
    return advance_by(state, shown, 100)


def offsets(state: OffsetState, most: int = 20, page_size: int = 100) -> list[int]:
    return [request.offset for request in islice(upcoming(state, page_size), most)]


def test_a_page_is_asked_for_by_offset_and_size_and_by_what_narrows_it() -> None:
    request = PageRequest(page_size=100, offset=200, narrowed={"order": "created_at"})
    assert request.parameters == {"per_page": "100", "offset": "200", "order": "created_at"}
    assert request.token == "order=created_at&offset=200"
    assert PageRequest(page_size=100, offset=0).token == "offset=0"


def test_what_follows_is_guessed_up_to_the_count_each_page_with_one_row_of_the_one_before() -> None:
    assert offsets(OffsetState(offset=99, total=350)) == [99, 198, 297]
    assert offsets(OffsetState(offset=0, total=100)) == [0]
    assert offsets(OffsetState(offset=0, total=101)) == [0, 99]
    assert offsets(OffsetState(offset=0, total=0)) == [0]
    assert offsets(OffsetState(offset=30, total=60), page_size=10) == [30, 39, 48, 57]


def test_without_a_count_and_past_it_one_page_is_asked_for() -> None:
    """The count may have shrunk since, or be wrong while a link says that more follows."""
    assert offsets(OffsetState(offset=100)) == [100]
    assert offsets(OffsetState(offset=500, total=350)) == [500]
    assert offsets(OffsetState(offset=5, total=5, done=True)) == []


def test_the_next_page_begins_with_the_last_row_of_this_one() -> None:
    after = advance(OffsetState(), full(1, total=1000))
    assert (after.offset, after.anchors, after.read) == (99, ("100", "51", "1"), 100)
    after = advance(after, full(100, total=1000))
    assert (after.offset, after.anchors[0], after.read, after.shifts) == (198, "199", 199, 0)


def test_a_page_that_was_cut_short_is_stepped_on_by_what_came() -> None:
    """The source cuts pages silently."""
    after = advance(OffsetState(), page(*range(25), total=1000, has_next=True))
    assert (after.offset, after.read) == (24, 25)


def test_where_the_anchor_is_missing_the_walk_goes_back_and_finds_it() -> None:
    """Three records before it were deleted: those at offset 99 now were at 102."""
    state = advance(OffsetState(), full(1, total=1000))
    back = advance(state, full(103, total=997))
    assert (back.offset, back.shifts, back.anchors) == (0, 1, ())
    state = replace(state, offset=198, anchors=("199", "150", "100"), read=199)
    back = advance(state, full(202, total=997))
    assert (back.offset, back.shifts, back.read) == (99, 1, 199)
    after = advance(back, full(103, total=997))
    assert (after.offset, after.anchors[0], after.read) == (198, "202", 202)


def test_where_the_anchor_itself_is_gone_a_row_further_back_tells_the_place_but_not_the_count() -> None:
    state = OffsetState(offset=198, anchors=("199", "150", "100"), read=199, total=1000)
    after = advance(replace(state, offset=99), page(*range(101, 199), 200, 201, total=999, has_next=True))
    assert (after.offset, after.read) == (198, None)


def test_rows_that_came_in_before_only_repeat_some() -> None:
    state = OffsetState(offset=99, anchors=("100", "51", "1"), read=100, total=300)
    after = advance(state, full(98, total=302))
    assert (after.offset, after.read, after.shifts) == (198, 197, 0)


def test_at_the_beginning_the_walk_begins_afresh() -> None:
    """Nothing of what it knows is left: as if it were the first page."""
    state = OffsetState(offset=0, anchors=("100",), read=500, total=900, shifts=2)
    after = advance(state, full(901, total=900))
    assert (after.offset, after.read) == (99, 100)


def test_a_collection_that_shifts_faster_than_it_is_read_is_read_to_its_end() -> None:
    state = OffsetState(offset=198, anchors=("199",), read=199, total=1000, shifts=20)
    after = advance(state, full(5000, total=1000))
    assert (after.offset, after.read) == (297, None)


def test_the_same_page_again_and_again_is_refused() -> None:
    state = advance(OffsetState(), full(1, total=1000))
    again = full(1, total=1000)
    state = advance(advance(state, again), again)
    with pytest.raises(BrokenResponseError, match="the same records again and again"):
        advance(state, again)


def test_a_source_that_sends_one_record_at_a_time_is_walked_without_anchors() -> None:
    state, seen = OffsetState(), list[int]()
    for _ in range(20):
        if state.done:
            break
        seen.append(state.offset)
        one = (state.offset,) if state.offset < 4 else ()
        state = advance(state, page(*one, total=4, has_next=state.offset < 3))
    assert (state.done, state.read, max(seen)) == (True, None, 3)


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
    assert advance(OffsetState(), page(*range(records), total=total, has_next=has_next)).done is done


def test_a_page_with_nothing_but_the_anchor_is_the_end_where_the_source_counts_no_more() -> None:
    """Also where it links to a page beyond its own count."""
    state = advance(OffsetState(), full(1, total=100))
    assert advance(state, page(100, total=100, has_next=True)).done


def test_a_count_that_is_lower_than_before_is_believed_only_when_nothing_more_comes() -> None:
    state = advance(OffsetState(), full(1, total=1000))
    state = advance(state, page(*range(100, 131), total=130))
    assert (state.done, state.offset) == (False, 129)
    assert advance(state, page(130, total=130)).done


def test_without_a_count_the_end_is_an_empty_page() -> None:
    state = advance(advance(OffsetState(), full(1)), page(100))
    assert (state.done, state.offset) == (False, 100)
    assert advance(state, page()).done


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
    request, state = PageRequest(page_size=100, offset=offset), OffsetState(offset=offset, total=known)
    with pytest.raises(BrokenResponseError) as caught:
        check(request, state, page(total=total, has_next=has_next))
    assert str(caught.value) == (
        f"the page at offset {offset}: the source answered no records, expected {expected}; nothing of it was stored"
    )


@pytest.mark.parametrize(
    ("offset", "known", "total"),
    [(0, None, 0), (0, None, None), (250, 250, 250), (300, 350, 290), (300, None, None)],
)
def test_an_empty_page_past_the_end_is_possible(offset: int, known: int | None, total: int | None) -> None:
    check(
        PageRequest(page_size=100, offset=offset), OffsetState(offset=offset, total=known), page(total=total)
    )


def test_an_empty_page_where_the_anchor_should_be_sends_the_walk_back() -> None:
    """What stood there has moved up: it is not the end of what there is to read."""
    state = OffsetState(offset=198, anchors=("199",), read=199, total=250)
    assert advance(state, page(total=150)).offset == 99


@pytest.mark.parametrize(("offset", "total"), [(101, 0), (200, 0), (300, 150)])
def test_an_empty_page_that_forgets_what_was_read_already_is_refused(offset: int, total: int) -> None:
    with pytest.raises(BrokenResponseError, match="as these were read"):
        check(
            PageRequest(page_size=100, offset=offset),
            OffsetState(offset=offset, total=800),
            page(total=total),
        )


def test_a_page_with_records_is_believed_whatever_it_counts() -> None:
    check(PageRequest(page_size=100, offset=0), OffsetState(total=500), page(1, 2, 3, total=0))


def test_a_checkpoint_comes_back_as_it_was() -> None:
    state = OffsetState(
        offset=7, anchors=("a", "b"), read=None, total=7, most=9, shifts=1, stuck=2, done=True
    )
    assert OffsetState.from_json(json.loads(json.dumps(state.to_json()))) == state


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 5, 6, 7, 8, 9, 999_999, tzinfo=UTC), "2024-05-06T07:08:09Z"),
        (datetime(2024, 5, 6, 9, 8, 9, tzinfo=timezone(timedelta(hours=2))), "2024-05-06T07:08:09Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_asked_for_in_utc_with_a_year_of_four_digits(moment: datetime, text: str) -> None:
    assert asked(moment) == text
