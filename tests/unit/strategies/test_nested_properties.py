"""However many parents, rows and crashes: a nested walk reads every row once, and whom it left behind once more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from openfaith.records import Page
from openfaith.strategies import (
    NestedState,
    PageRequest,
    advance_below,
    end_of_pass,
    leave,
    upcoming_below,
)
from support.mirror import make_page

Parents = dict[str, int]
"""How many rows there are below each."""

ids = st.text("0123456789ab", min_size=1, max_size=3)
parents_with_rows: st.SearchStrategy[Parents] = st.dictionaries(ids, st.integers(0, 25), max_size=12)
page_sizes = st.integers(2, 10)
interruptions = st.lists(st.booleans(), max_size=5)


@dataclass
class Store:
    """What a process that dies leaves behind."""

    rows: list[str] = field(default_factory=list)
    """In the order in which they were committed."""
    second: list[str] = field(default_factory=list)
    """Those of the second pass."""
    checkpoint: str = "null"
    left_behind: set[str] = field(default_factory=set)
    asked: list[tuple[bool, str, int]] = field(default_factory=list)
    """Second pass or not, parent, and offset of every request."""

    @property
    def state(self) -> NestedState:
        return NestedState.from_json(json.loads(self.checkpoint))

    def keep(self, state: NestedState) -> None:
        self.checkpoint = json.dumps(state.to_json())


@dataclass
class Walker:
    """Does what a segment does, with a source that is a mapping."""

    parents: Parents
    page_size: int
    at_hand: int = 3
    """Parents that it knows of beforehand."""
    broken: Mapping[str, int] = field(default_factory=dict)
    """Parents below which nothing can be read from some offset on, in the first pass."""
    hopeless: frozenset[str] = frozenset()
    """Those of them that stay so."""
    interruptions: list[bool] = field(default_factory=list)
    """Whether the process dies after its first, second, ... step."""
    changed: Parents | None = None
    """The parents that are there for the process after that."""
    store: Store = field(default_factory=Store)

    def walk(self) -> Store:
        while not self.store.state.done:
            self._live()
        return self.store

    def _live(self) -> None:
        """One process, until it dies or the walk ends."""
        state = self.store.state
        known: list[str] = []
        while not state.done:
            known = known or self._next_parents(state)
            state = self._step(state, known[0]) if known else self._end(state)
            known = [parent for parent in known if state.after is None or parent > state.after]
            if self.interruptions and self.interruptions.pop(0):
                self.parents = self.parents if self.changed is None else self.changed
                return

    def _next_parents(self, state: NestedState) -> list[str]:
        living = self.store.left_behind if state.again else self.parents
        return sorted(p for p in living if state.after is None or p > state.after)[: self.at_hand]

    def _step(self, state: NestedState, parent: str) -> NestedState:
        asked, request = next(upcoming_below(state, [parent], self.page_size))
        assert asked == parent
        self.store.asked.append((state.again, parent, request.offset))
        if self._refuses(state, parent, request):
            self.store.left_behind.add(parent)
            after = leave(state, parent)
        else:
            after = self._commit(state, parent, request)
        self.store.keep(after)
        return after

    def _refuses(self, state: NestedState, parent: str, request: PageRequest) -> bool:
        fails = parent in self.broken and request.offset >= self.broken[parent]
        return fails and (not state.again or parent in self.hopeless)

    def _commit(self, state: NestedState, parent: str, request: PageRequest) -> NestedState:
        total = self.parents[parent]
        rows = range(request.offset, min(request.offset + request.page_size, total))
        self._keep_rows([f"{parent}/{row}" for row in rows], again=state.again)
        after = advance_below(state, parent, made(rows, total), self.page_size)
        if state.again and after.after == parent:
            self.store.left_behind.discard(parent)
        return after

    def _keep_rows(self, rows: list[str], *, again: bool) -> None:
        """A page begins with the last row of the one before it."""
        for kept in (self.store.rows, *([self.store.second] if again else [])):
            kept.extend(rows[1:] if kept[-1:] == rows[:1] else rows)

    def _end(self, state: NestedState) -> NestedState:
        after = end_of_pass(state, left_behind=bool(self.store.left_behind))
        self.store.keep(after)
        return after


def made(rows: range, total: int) -> Page:
    return make_page(*(json.dumps({"id": str(row)}).encode() for row in rows), total=total)


def pages(rows: int, page_size: int) -> int:
    """How many it takes, where each begins with the last row of the one before."""
    return 1 + max(0, -(-(rows - page_size) // (page_size - 1)))


def every_row(parents: Parents) -> Iterator[str]:
    for parent in sorted(parents):
        yield from (f"{parent}/{row}" for row in range(parents[parent]))


@given(parents_with_rows, page_sizes, st.integers(1, 5), interruptions)
def test_every_row_below_every_parent_is_read_once_and_in_order(
    parents: Parents, page_size: int, at_hand: int, interruptions: list[bool]
) -> None:
    walker = Walker(parents, page_size, at_hand, interruptions=interruptions)
    assert walker.walk().rows == list(every_row(parents))


@given(parents_with_rows, parents_with_rows, parents_with_rows, page_sizes, st.integers(0, 40))
def test_whoever_comes_or_goes_before_a_retry_costs_nobody_else_a_row(
    stay: Parents, go: Parents, come: Parents, page_size: int, steps: int
) -> None:
    """Another run may store parents, or take some away, before this one goes on."""
    interruptions = [False] * steps + [True]
    walker = Walker({**go, **stay}, page_size, interruptions=interruptions, changed={**come, **stay})
    assert {*every_row(stay)} <= {*walker.walk().rows}


@given(parents_with_rows, page_sizes, interruptions)
def test_no_page_is_asked_for_twice_and_every_parent_once_at_least(
    parents: Parents, page_size: int, interruptions: list[bool]
) -> None:
    asked = Walker(parents, page_size, interruptions=interruptions).walk().asked
    assert len(set(asked)) == len(asked)
    assert {parent for _, parent, _ in asked} == {*parents}
    assert len(asked) == sum(pages(rows, page_size) for rows in parents.values())


@given(st.data(), parents_with_rows, page_sizes, interruptions)
def test_the_second_pass_reads_just_those_that_were_left_behind(
    data: st.DataObject, parents: Parents, page_size: int, interruptions: list[bool]
) -> None:
    """From their first row, however far the first pass had come; their siblings lose nothing by it."""
    broken = data.draw(broken_parents(parents, page_size))
    store = Walker(parents, page_size, broken=broken, interruptions=interruptions).walk()
    assert {parent for again, parent, _ in store.asked if again} == {*broken}
    assert {parent for again, parent, _ in store.asked if not again} == {*parents}
    assert store.left_behind == set()
    assert sorted({*store.rows}) == sorted(every_row(parents))
    twice = {row.partition("/")[0] for row in store.rows if store.rows.count(row) > 1}
    assert twice <= {*broken}
    assert store.second == list(every_row({parent: parents[parent] for parent in broken}))


@given(st.data(), parents_with_rows, page_sizes, interruptions)
def test_those_that_cannot_be_read_the_second_time_either_are_known_and_all_others_are_read(
    data: st.DataObject, parents: Parents, page_size: int, interruptions: list[bool]
) -> None:
    broken = data.draw(broken_parents(parents, page_size))
    hopeless = frozenset(data.draw(st.sets(st.sampled_from(sorted(broken)))) if broken else ())
    walker = Walker(parents, page_size, broken=broken, hopeless=hopeless, interruptions=interruptions)
    store = walker.walk()
    assert store.left_behind == hopeless
    readable = {parent: rows for parent, rows in parents.items() if parent not in hopeless}
    assert {row for row in store.rows if row.partition("/")[0] in readable} == {*every_row(readable)}


def broken_parents(parents: Parents, page_size: int) -> st.SearchStrategy[dict[str, int]]:
    """Some of them, each from a page on that is asked for."""
    offsets = {p: st.sampled_from(range(0, max(1, rows - 1), page_size - 1)) for p, rows in parents.items()}
    return st.fixed_dictionaries({}, optional=offsets)


@given(parents_with_rows, page_sizes, st.integers(0, 40))
def test_what_is_foreseen_is_asked_for_in_that_order(parents: Parents, page_size: int, step: int) -> None:
    """So that no page that was fetched ahead is thrown away: guesses are only ever too few."""
    asked = [(parent, offset) for _, parent, offset in Walker(parents, page_size).walk().asked]
    state = NestedState()
    for parent, offset in asked[:step]:
        rows = range(offset, min(offset + page_size, parents[parent]))
        state = advance_below(state, parent, made(rows, parents[parent]), page_size)
    left = sorted(p for p in parents if state.after is None or p > state.after)
    foreseen = [(parent, request.offset) for parent, request in upcoming_below(state, left, page_size)]
    remaining = iter(asked[step:])
    assert all(guess in remaining for guess in foreseen)
    assert foreseen[:1] == asked[step:][:1]
