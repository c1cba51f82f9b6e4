"""Whatever an honest source leaves out, a walk reads everything once and knows when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import BrokenResponseError
from openfaith.records import Page
from openfaith.strategies import WalkState, advance, check, upcoming
from support.mirror import make_page


@dataclass(frozen=True)
class Listing:
    """A source that tells no lie, but need not tell everything."""

    records: int
    cap: int
    """It cuts pages to this, whatever was asked for."""
    counts: list[bool]
    """Whether its first, second, ... answer has a count."""
    links: list[bool]

    def answer(self, offset: int, page_size: int, number: int) -> Page:
        sent = range(offset, min(offset + min(page_size, self.cap), self.records))
        made = make_page(
            *(str(n).encode() for n in sent),
            total=self.records if self.counts[number % len(self.counts)] else None,
        )
        more = offset + len(sent) < self.records and self.links[number % len(self.links)]
        return Page(**{name: getattr(made, name) for name in made.__slots__} | {"has_next": more})


listings = st.builds(
    Listing,
    records=st.integers(0, 60),
    cap=st.integers(1, 12),
    counts=st.lists(st.booleans(), min_size=1, max_size=4),
    links=st.lists(st.booleans(), min_size=1, max_size=4),
)


def walk(listing: Listing, page_size: int, interruptions: list[bool]) -> tuple[list[bytes], list[int]]:
    """What is read, and at which offsets; a walk that is interrupted goes on from its checkpoint."""
    state, read, asked = WalkState(), list[bytes](), list[int]()
    while request := next(upcoming(state, page_size), None):
        assert len(asked) <= listing.records + 1, "it never ends"
        page = listing.answer(request.offset, request.page_size, len(asked))
        asked.append(request.offset)
        check(request, state, page)
        read += page.records
        state = advance(state, page)
        if interruptions and interruptions[len(asked) % len(interruptions)]:
            state = WalkState.from_json(state.to_json())
    return read, asked


@given(listing=listings, page_size=st.integers(1, 12), interruptions=st.lists(st.booleans(), max_size=3))
def test_a_walk_reads_everything_once_and_in_order(
    listing: Listing, page_size: int, interruptions: list[bool]
) -> None:
    read, asked = walk(listing, page_size, interruptions)
    assert read == [str(n).encode() for n in range(listing.records)]
    assert asked == sorted(set(asked))


@given(listing=listings, page_size=st.integers(1, 12))
def test_a_walk_asks_for_one_page_too_many_at_most(listing: Listing, page_size: int) -> None:
    """And for none, where the source counts."""
    _, asked = walk(listing, page_size, [])
    full = -(-listing.records // min(page_size, listing.cap))
    assert max(1, full) <= len(asked) <= full + 1
    if all(listing.counts):
        assert len(asked) == max(1, full)


@given(
    offset=st.integers(0, 500),
    total=st.none() | st.integers(0, 500),
    page_size=st.integers(1, 100),
)
def test_guesses_never_pass_the_count_and_leave_no_gap(
    offset: int, total: int | None, page_size: int
) -> None:
    first, *guesses = [
        request.offset for request in islice(upcoming(WalkState(offset=offset, total=total), page_size), 600)
    ]
    assert first == offset
    assert guesses == list(range(offset + page_size, total or 0, page_size))


@given(listing=listings, page_size=st.integers(1, 12), at=st.integers(0, 59))
def test_a_page_that_comes_empty_too_early_is_refused_and_nothing_is_skipped(
    listing: Listing, page_size: int, at: int
) -> None:
    """Wherever the source knows of more, by its count or by its link."""
    if at >= listing.records:
        return
    request = next(upcoming(WalkState(offset=at), page_size))
    empty = make_page(total=listing.records)
    with pytest.raises(BrokenResponseError):
        check(request, WalkState(offset=at), empty)
