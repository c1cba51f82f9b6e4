"""Whatever a source leaves out, and however it changes meanwhile, a walk sees what stayed, and knows what it does not know."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openfaith.errors import BrokenResponseError
from openfaith.records import Page
from openfaith.source import Rows
from openfaith.strategies import (
    OVERLAP,
    DeltaKind,
    DeltaState,
    FullState,
    advance_delta,
    advance_full,
    begin_delta,
    check_delta,
    check_full,
    find_doubts,
    unusable,
    upcoming_delta,
    upcoming_full,
)
from openfaith.strategies import full as full_module
from support.listings import Collection, at
from support.mirror import make_page

PAGE = 8
MOST_PAGES = 2_000


@dataclass
class Walked:
    """What a walk came to."""

    seen: set[str] = field(default_factory=set)
    pages: int = 0
    state: FullState | DeltaState | None = None
    broken: bool = False


def walk_full(
    collection: Collection, meanwhile: Callable[[int], None] = lambda _: None, *, windowed: bool = True
) -> Walked:
    """Read it all, resuming from the stored checkpoint after every page."""
    walked, state = Walked(), FullState()
    while request := next(upcoming_full(state, PAGE), None):
        assert walked.pages < MOST_PAGES, "it never ends"
        page = collection.answer(request)
        walked.pages += 1
        try:
            check_full(request, state, page)
            state = advance_full(state, page, PAGE, windowed=windowed)
        except BrokenResponseError:
            walked.broken = True
            break
        walked.seen |= {row.id for row in page.rows if row.id is not None}
        state = FullState.from_json(json.loads(json.dumps(state.to_json())))
        meanwhile(walked.pages)
    walked.state = state
    return walked


def walk_delta(
    collection: Collection, kind: DeltaKind, since: int, meanwhile: Callable[[int], None] = lambda _: None
) -> Walked:
    walked, state = Walked(), begin_delta(kind, at(since) + OVERLAP)
    while request := next(upcoming_delta(state, PAGE), None):
        assert walked.pages < MOST_PAGES, "it never ends"
        page = collection.answer(request)
        walked.pages += 1
        check_delta(request, state, page)
        walked.seen |= {row.id for row in page.rows if row.id is not None}
        assert unusable(state, page) is None
        try:
            state = advance_delta(state, page, PAGE)
        except BrokenResponseError:
            walked.broken = True
            break
        state = DeltaState.from_json(json.loads(json.dumps(state.to_json())))
        meanwhile(walked.pages)
    walked.state = state
    return walked


seconds = st.integers(0, 40)
records = st.lists(st.tuples(seconds, seconds), max_size=90).map(
    lambda times: {number + 1: (c, max(c, u)) for number, (c, u) in enumerate(times)}
)
collections = st.builds(
    Collection, records=records, counts=st.booleans(), links=st.booleans(), cap=st.integers(1, PAGE)
)
changing = st.builds(
    Collection, records=records, counts=st.booleans(), links=st.booleans(), cap=st.integers(2, PAGE)
)
"""A source that sends one record at a time leaves no room for an anchor."""
windowed = st.booleans()


@pytest.fixture(autouse=True, scope="module")
def _small_windows() -> object:
    """Windows of a size that a few records fill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_module, "WINDOW", 20)
        patch.setattr(full_module, "_SLACK", 2)
        yield


@given(collection=collections, windowed=windowed)
@example(collection=Collection(records={n: (n // 2, n // 2) for n in range(1, 61)}), windowed=True)
def test_a_full_walk_of_a_quiet_collection_sees_everything(collection: Collection, *, windowed: bool) -> None:
    walked = walk_full(collection, windowed=windowed)
    assert walked.seen == collection.ids
    assert isinstance(walked.state, FullState)
    sure = collection.counts and collection.ids != set() and collection.cap > 1
    assert not sure or find_doubts(walked.state) == ()
    assert collection.counts or find_doubts(walked.state)


def test_windows_that_the_source_ignores_are_given_up() -> None:
    """As soon as a page shows it: then everything is read without them, and nothing of it proves anything."""
    collection = Collection(records={n: (n, n) for n in range(1, 60)}, filters=False)
    walked = walk_full(collection)
    assert walked.seen == collection.ids
    assert isinstance(walked.state, FullState)
    assert walked.state.distrusted
    assert find_doubts(walked.state)
    assert walked.pages <= 2 + 3 + 59 // (PAGE - 1) + 1


@given(records=records)
def test_windows_keep_offsets_small(records: dict[int, tuple[int, int]]) -> None:
    """Unless more records than a window holds were made in one second."""
    made = [created for created, _ in records.values()]
    collection, state, highest = Collection(records=records), FullState(), 0
    while request := next(upcoming_full(state, PAGE), None):
        highest = max(highest, request.offset)
        state = advance_full(state, collection.answer(request), PAGE, windowed=True)
    assert highest <= 20 + max((made.count(second) for second in made), default=0)


@dataclass
class Change:
    """Something that happens after a page."""

    page: int
    deleted: int
    created: int


changes = st.lists(
    st.builds(Change, page=st.integers(1, 12), deleted=st.integers(0, 12), created=st.integers(0, 3)),
    max_size=5,
)


def applying(collection: Collection, changes: list[Change], stayed: set[str]) -> Callable[[int], None]:
    """Lets the changes happen; what goes is taken from `stayed`."""

    def meanwhile(pages: int) -> None:
        for change in changes:
            if change.page == pages:
                for number in sorted(collection.records)[: change.deleted]:
                    del collection.records[number]
                    stayed.discard(str(number))
                first = max(collection.records, default=500) + 1
                collection.records |= {first + n: (50 + pages, 50 + pages) for n in range(change.created)}

    return meanwhile


@given(collection=changing, changes=changes, windowed=windowed)
@example(
    collection=Collection(records=dict.fromkeys(range(1, 16), (0, 0))),
    changes=[Change(page=1, deleted=1, created=0)],
    windowed=False,
)
def test_what_stays_while_others_come_and_go_is_seen(
    collection: Collection, changes: list[Change], *, windowed: bool
) -> None:
    stayed = set(collection.ids)
    walked = walk_full(collection, applying(collection, changes, stayed), windowed=windowed)
    assert walked.broken or stayed <= walked.seen


def _lacking(page: Page, keep: Callable[[int], bool]) -> Page:
    records = tuple(record for place, record in enumerate(page.records) if keep(place))
    return replace(page, records=records, rows=Rows(records))


def _counting(page: Page, lie: Callable[[int], int]) -> Page:
    return page if page.total_count is None else replace(page, total_count=lie(page.total_count))


LIES: dict[str, Callable[[Page], Page]] = {
    "empty": lambda page: replace(page, records=(), rows=(), total_count=0, has_next=False),
    "empty, but counted": lambda page: replace(page, records=(), rows=()),
    "without its end": lambda page: replace(_lacking(page, lambda place: place < 3), has_next=False),
    "with a hole": lambda page: _lacking(page, lambda place: place != 2),
    "without its beginning": lambda page: _lacking(page, lambda place: place > 1),
    "without next": lambda page: replace(page, has_next=False),
    "without a count": lambda page: replace(page, total_count=None),
    "with next": lambda page: replace(page, has_next=True),
    "counts too little": lambda page: _counting(page, lambda total: total // 2),
    "counts too much": lambda page: _counting(page, lambda total: total + 5),
    "counts to a cap": lambda page: _counting(page, lambda total: min(total, 15)),
}


@given(
    collection=changing,
    lie=st.sampled_from(sorted(LIES)),
    lying=st.sets(st.integers(0, 14), max_size=4),
    windowed=windowed,
)
@example(
    collection=Collection(records=dict.fromkeys(range(1, 16), (0, 0))),
    lie="with a hole",
    lying={0},
    windowed=False,
)
def test_no_lie_is_taken_for_a_proof(
    collection: Collection, lie: str, lying: set[int], *, windowed: bool
) -> None:
    """Whatever one fault does to any pages: where the proof holds, nothing was missed.

    A first page that has all that it counts, and no link, is the whole, if no second fault hides the link.
    """
    collection.links = collection.links or lie == "counts too little"
    count = 0

    def spoil(page: Page) -> Page:
        nonlocal count
        count += 1
        return LIES[lie](page) if count - 1 in lying else page

    collection.spoil = spoil
    walked = walk_full(collection, windowed=windowed)
    assert isinstance(walked.state, FullState)
    proven = not walked.broken and not find_doubts(walked.state)
    assert not proven or walked.seen == collection.ids


@pytest.mark.parametrize("page", range(1, 12))
def test_what_is_created_while_windows_are_read_leaves_a_proof(page: int) -> None:
    collection = Collection(records={n: (n, n) for n in range(1, 50)})
    coming = [Change(page=page, deleted=0, created=2)]
    walked = walk_full(collection, applying(collection, coming, set()))
    assert isinstance(walked.state, FullState)
    assert (find_doubts(walked.state), walked.seen) == ((), collection.ids)


def test_a_quiet_collection_is_counted_once() -> None:
    assert walk_full(Collection(records={n: (n, n) for n in range(1, 50)})).pages == 1 + 2 + 9


def test_what_goes_before_its_window_is_read_leaves_none() -> None:
    """It may make up for one that a window did not show."""
    collection = Collection(records={n: (n, n) for n in range(1, 50)})
    going = [Change(page=1, deleted=1, created=0)]
    walked = walk_full(collection, applying(collection, going, set()))
    assert isinstance(walked.state, FullState)
    assert find_doubts(walked.state) == ("48 records were read, and 49 counted",)


@given(
    collection=changing,
    changes=changes,
    lie=st.sampled_from(sorted(LIES)),
    lying=st.sets(st.integers(0, 14), max_size=3),
)
def test_no_lie_is_taken_for_a_proof_while_records_come(
    collection: Collection, changes: list[Change], lie: str, lying: set[int]
) -> None:
    collection.links = collection.links or lie == "counts too little"
    count = 0

    def spoil(shown: Page) -> Page:
        nonlocal count
        count += 1
        return LIES[lie](shown) if count - 1 in lying else shown

    collection.spoil = spoil
    there = set(collection.ids)
    coming = [replace(change, deleted=0) for change in changes]
    walked = walk_full(collection, applying(collection, coming, set()))
    assert isinstance(walked.state, FullState)
    proven = not walked.broken and not find_doubts(walked.state)
    assert not proven or there <= walked.seen


@given(
    collection=changing,
    changes=changes,
    lie=st.sampled_from(["with a hole", "without its end"]),
    page=st.integers(0, 9),
)
def test_no_lie_is_taken_for_a_proof_while_records_go(
    collection: Collection, changes: list[Change], lie: str, page: int
) -> None:
    """What is deleted after it was read must not make up for what was never shown."""
    count = 0

    def spoil(shown: Page) -> Page:
        nonlocal count
        count += 1
        return LIES[lie](shown) if count - 1 == page else shown

    collection.spoil = spoil
    stayed = set(collection.ids)
    gone = [replace(change, created=0) for change in changes]
    walked = walk_full(collection, applying(collection, gone, stayed), windowed=False)
    assert isinstance(walked.state, FullState)
    proven = not walked.broken and not find_doubts(walked.state)
    assert not proven or stayed <= walked.seen


kinds = st.sampled_from(["keyset", "window", "newest_first"])


@given(collection=collections, kind=kinds, since=seconds)
@example(collection=Collection(records=dict.fromkeys(range(1, 3 * PAGE), (5, 5))), kind="keyset", since=5)
@example(
    collection=Collection(records=dict.fromkeys(range(1, 3 * PAGE), (5, 5))), kind="newest_first", since=5
)
def test_a_delta_sees_all_that_changed_since(collection: Collection, kind: DeltaKind, since: int) -> None:
    """Ties on the second, also more of them than a page holds."""
    changed = {str(n) for n, (_, updated) in collection.records.items() if updated >= since}
    walked = walk_delta(collection, kind, since)
    assert changed <= walked.seen
    assert kind == "newest_first" or walked.seen == changed


@given(
    collection=changing,
    kind=kinds,
    since=seconds,
    touched=st.lists(st.integers(1, 90), max_size=12),
    changes=changes,
)
@example(
    collection=Collection(records={n: (0, 40 - n) for n in range(1, 31)}),
    kind="newest_first",
    since=20,
    touched=[],
    changes=[Change(page=1, deleted=12, created=0)],
)
def test_a_delta_sees_what_it_should_while_records_change(
    collection: Collection, kind: DeltaKind, since: int, touched: list[int], changes: list[Change]
) -> None:
    """What changes after the delta began may be the next one's; what had changed before, and stays, is not missed."""
    due = {str(n) for n, (_, updated) in collection.records.items() if updated >= since}
    going = applying(collection, changes, due)

    def meanwhile(pages: int) -> None:
        going(pages)
        number = touched[pages - 1] if pages <= len(touched) else None
        if number in collection.records:
            created, _ = collection.records[number]
            collection.records[number] = (created, 100 + pages)

    walked = walk_delta(collection, kind, since, meanwhile)
    later = {str(n) for n, (_, updated) in collection.records.items() if updated >= 100}
    assert walked.broken or due - later <= walked.seen


@given(collection=changing, since=seconds)
@example(collection=Collection(records=dict.fromkeys(range(1, 31), (0, 40)), cap=2), since=0)
def test_a_keyset_ends_although_the_source_changes_faster_than_it_is_read(
    collection: Collection, since: int
) -> None:
    """What is touched after its beginning is the next delta's."""
    due = {str(n) for n, (_, updated) in collection.records.items() if updated >= since}
    touched: set[str] = set()

    def meanwhile(pages: int) -> None:
        for number in sorted(collection.records, key=lambda n: collection.records[n][1])[: 2 * PAGE]:
            collection.records[number] = (0, 200 + pages)
            touched.add(str(number))

    walked = walk_delta(collection, "keyset", since, meanwhile)
    assert walked.broken or due - touched <= walked.seen


def test_a_source_without_a_clock_tells_no_end() -> None:
    """Pages are dated by this machine then, whose clock says nothing of the source's stamps."""
    collection = Collection(records={1: (0, 1)}, spoil=lambda page: replace(page, dated_by_source=False))
    state = begin_delta("keyset", at(0) + OVERLAP)
    page = collection.answer(next(upcoming_delta(state, PAGE)))
    assert advance_delta(state, page, PAGE).until is None


def test_a_checkpoint_of_before_there_was_an_end_goes_on() -> None:
    state = begin_delta("keyset", at(0) + OVERLAP)
    stored = {key: value for key, value in state.to_json().items() if key != "until"}
    assert DeltaState.from_json(stored) == state


@given(collection=collections, kind=kinds, since=st.integers(10, 40))
def test_a_source_that_ignores_what_it_is_asked_is_found_out(
    collection: Collection, kind: DeltaKind, since: int
) -> None:
    """Or it makes no difference."""
    collection.filters = collection.orders = False
    state = begin_delta(kind, at(since) + OVERLAP)
    request = next(upcoming_delta(state, PAGE))
    page = collection.answer(request)
    if unusable(state, page) is None:
        stamps = [row.updated_at for row in page.rows if row.updated_at is not None]
        assert kind == "newest_first" or all(stamp >= at(since) for stamp in stamps)
        assert kind == "window" or stamps == sorted(stamps, reverse=kind == "newest_first")


def test_windows_that_would_end_after_the_last_year_are_not_believed() -> None:
    """A source that answers with the same moment twice is asked for the next second, which there is none of."""
    last = b'{"id":"1","attributes":{"created_at":"9999-12-31T23:59:59Z"}}'
    end = replace(make_page(last), rows=Rows((last,)))
    state = FullState(windows=True, bounded=False, low=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert advance_full(state, end, PAGE).distrusted


def test_a_delta_begins_at_the_first_moment_there_is_where_all_stamps_are_as_old() -> None:
    begun = begin_delta("keyset", at(0), newest=datetime(1, 1, 1, tzinfo=UTC))
    assert begun.since == datetime(1, 1, 1, tzinfo=UTC)


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Page], Page]:
    """A source that writes its records like that."""

    def spoil(page: Page) -> Page:
        records = tuple(map(change, page.records))
        return replace(page, records=records, rows=Rows(records))

    return spoil


@given(collection=collections, kind=kinds, since=st.integers(10, 40))
def test_a_record_with_a_fault_is_no_reason_to_read_everything(
    collection: Collection, kind: DeltaKind, since: int
) -> None:
    collection.spoil = rewritten(lambda record: record.replace(b'{"created_at"', b'{"n": NaN, "created_at"'))
    page = collection.answer(next(upcoming_delta(begin_delta(kind, at(since) + OVERLAP), PAGE)))
    assert unusable(begin_delta(kind, at(since) + OVERLAP), page) is None


def test_a_keyset_goes_on_at_the_last_stamp_whatever_zone_that_was_told_in() -> None:
    """Hours later something would be left out between the two."""

    def elsewhere(record: bytes) -> bytes:
        return record.replace(b"T00:", b"T02:").replace(b"Z", b"+02:00")

    collection = Collection(records={n: (0, n) for n in range(1, 30)}, spoil=rewritten(elsewhere))
    state = begin_delta("keyset", at(0) + OVERLAP)
    state = advance_delta(state, collection.answer(next(upcoming_delta(state, PAGE))), PAGE)
    request = next(upcoming_delta(state, PAGE))
    assert request.narrowed["where[updated_at][gte]"] == f"{at(PAGE):%Y-%m-%dT%H:%M:%SZ}"
