"""However a list is walked, every record of it is stored, and counted, once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.manifest import Below, Endpoint, Method, PathId
from openfaith.records import EntityName, Page
from openfaith.store import ParentRow
from openfaith.strategies import (
    OVERLAP,
    SHARES,
    DeltaKind,
    FullState,
    NestedState,
    OffsetState,
    SweepState,
    begin_delta,
    begin_sweep,
)
from openfaith.strategies import full as full_module
from openfaith.texts import storable_json
from openfaith.workflows.list_walks import DeltaWalk, SweepWalk, TopWalk
from openfaith.workflows.nested_walks import NestedWalk
from openfaith.workflows.walks import Walk
from support.listings import Collection, at

LISTING = Endpoint(name="list", method=Method.GET, path="/people", collection=True)
BELOW = Below(
    endpoint=Endpoint(name="list", method=Method.GET, path="/lists/{list_id}/people", collection=True),
    parent=EntityName("church.List"),
    ids=(PathId(name="list_id", column="id"),),
)

seconds = st.integers(0, 40)
collections = st.lists(st.tuples(seconds, seconds), max_size=60).map(
    lambda times: Collection(records={number: (c, max(c, u)) for number, (c, u) in enumerate(times, 1)})
)
page_sizes = st.integers(2, 12)


@pytest.fixture(autouse=True, scope="module")
def _small_windows() -> object:
    """Windows of a size that a few records fill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_module, "WINDOW", 20)
        patch.setattr(full_module, "_SLACK", 2)
        yield


def step(walk: Walk, collection: Collection) -> tuple[Walk, Page]:
    """The walk after its next page, and what is stored of that."""
    ask = next(walk.asks())
    page = collection.answer(ask.request)
    after = walk.advanced(ask, page)
    return after, walk.fresh(ask, page, after)


def stored_ids(walk: Walk, collection: Collection) -> list[str | None]:
    stored: list[str | None] = []
    while not walk.done:
        walk, page = step(walk, collection)
        assert len(page.rows) == len(page.records)
        stored += [row.id for row in page.rows]
    return stored


def whole(page_size: int, *, windowed: bool = False) -> TopWalk:
    return TopWalk(state=FullState(), endpoint=LISTING, page_size=page_size, windowed=windowed)


@given(collections, page_sizes, st.booleans())
def test_a_list_is_stored_once(collection: Collection, page_size: int, windowed: bool) -> None:
    """In one piece, and in windows, whose first page only tells that there are too many."""
    assert sorted(map(str, stored_ids(whole(page_size, windowed=windowed), collection))) == sorted(
        collection.ids
    )


@given(st.lists(collections, max_size=4), page_sizes)
def test_what_is_below_each_parent_is_stored_once(below: list[Collection], page_size: int) -> None:
    parents = tuple(ParentRow(id=str(n), ids={"list_id": str(n)}) for n in range(len(below)))
    walk, stored = NestedWalk(state=NestedState(), place=BELOW, page_size=page_size, parents=parents), 0
    while walk.parents:
        after, page = step(walk, below[int(walk.parents[0].id)])
        assert isinstance(after, NestedWalk)
        walk, stored = after, stored + len(page.records)
    assert stored == sum(len(collection.ids) for collection in below)


@given(collections, page_sizes, seconds, st.sampled_from(["window", "keyset"]))
def test_what_changed_is_stored_once_where_a_list_can_be_filtered(
    collection: Collection, page_size: int, since: int, kind: DeltaKind
) -> None:
    changed = sorted(str(n) for n, (_, updated) in collection.records.items() if updated >= since)
    walk = DeltaWalk(state=begin_delta(kind, at(since) + OVERLAP), whole=whole(page_size))
    assert sorted(map(str, stored_ids(walk, collection))) == changed


@given(collections, page_sizes, st.booleans())
def test_a_cycle_of_sweeps_stores_a_list_once(collection: Collection, page_size: int, windowed: bool) -> None:
    """Each sweep a part of it, and after every page it could go on from its checkpoint."""
    stored: list[str | None] = []
    last, sweeps = None, 0
    while last is None or not last["closed"]:
        walk = SweepWalk(state=begin_sweep(last), whole=whole(page_size, windowed=windowed))
        sweeps += 1
        while not walk.done:
            assert walk.state.pages is None or len(list(walk.asks())) <= walk.state.pages
            after, page = step(walk, collection)
            assert isinstance(after, SweepWalk)
            walk = replace(after, state=SweepState.from_json(json.loads(after.to_json())))
            assert walk == after
            stored += [row.id for row in page.rows]
        assert list(walk.asks()) == []
        assert walk.doubts() is None
        last = json.loads(walk.to_json())
    assert sorted(map(str, stored)) == sorted(collection.ids)
    assert sweeps <= SHARES


def test_nothing_of_a_page_is_stored_that_no_delta_can_go_on_by() -> None:
    """All of it comes again when everything is read."""
    collection = Collection(records={1: (0, 0), 2: (0, 9)}, filters=False)
    delta = DeltaWalk(state=begin_delta("window", at(5) + OVERLAP), whole=whole(100))
    after, page = step(delta, collection)
    assert (after, page.records, page.rows) == (delta.whole, (), ())
    assert sorted(map(str, stored_ids(after, collection))) == ["1", "2"]


@pytest.mark.parametrize(
    "walk",
    [
        TopWalk(state=FullState(inner=OffsetState(anchors=("1\x00",))), endpoint=LISTING, page_size=100),
        NestedWalk(
            state=NestedState(at="7", inner=OffsetState(anchors=("\ud83d",))), place=BELOW, page_size=100
        ),
    ],
)
def test_whatever_a_walk_remembers_its_checkpoint_can_be_kept(walk: Walk) -> None:
    """What the database refuses would be refused with every page, however good its records are."""
    stored = json.loads(walk.to_json())
    assert storable_json(stored) == stored
