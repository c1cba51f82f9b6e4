"""A walk through an entity's pages, as a segment sees it: what to ask next, and what an answer leads to.

The decisions are the strategies'; a walk joins them with what only the store knows (the parents' rows) and what only
the manifest knows (paths and includes). It is a value: advancing makes a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import Protocol, Self

from openfaith.manifest import Below, Endpoint
from openfaith.records import Page
from openfaith.source import without_first
from openfaith.store import ParentRow
from openfaith.strategies import (
    DeltaState,
    FullState,
    NestedState,
    OffsetState,
    PageRequest,
    SweepBelow,
    SweepState,
    advance_below,
    advance_delta,
    advance_full,
    advance_sweep,
    begins_with_anchor,
    check,
    check_delta,
    check_full,
    check_sweep,
    count_known,
    find_doubts,
    leave,
    unusable,
    upcoming,
    upcoming_below,
    upcoming_delta,
    upcoming_full,
)
from openfaith.telemetry import DeltaFellBack, Event, ListingDistrusted, ListingShifted, Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One request of a walk. Equal ones ask the same."""

    path: str
    parameters: Mapping[str, str]
    token: str
    """The page token, for the ledger."""
    request: PageRequest
    parent: ParentRow | None = None
    """Below whom it asks."""


class Walk(Protocol):
    """What a segment works through."""

    @property
    def done(self) -> bool: ...

    def asks(self) -> Iterator[Ask]:
        """The next request, then those that will follow if every page comes as expected."""

    def wants(self, ask: Ask) -> bool:
        """Whether this is among `asks`."""

    def check(self, ask: Ask, page: Page) -> None:
        """Refuse a page that cannot be true, as `strategies.check` does."""

    def advanced(self, ask: Ask, page: Page) -> Walk:
        """The walk after the page was committed."""

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:
        """The page without what the walk has read before, or will read again: what is stored of it, and counted."""

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:
        """What a person may wonder about, now that the page has led to the walk `after`."""

    def doubts(self) -> tuple[str, ...] | None:
        """Why the walk, now that it is done, proves nothing; empty where it has seen all there is, None for a part."""

    def finishes(self, ask: Ask) -> str | None:
        """The parent below which nothing more is asked, now that the walk is where it is after this request."""

    def to_json(self) -> str:
        """The checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TopWalk:
    """Through a list of its own."""

    state: FullState
    endpoint: Endpoint
    page_size: int
    includes: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    """Which members of the records are asked for; all where none is named."""
    windowed: bool = False
    """Whether the manifest says that the list can be filtered and ordered by `created_at`."""
    repeats: int = 0
    """How often a part that proves nothing is walked again."""

    @property
    def done(self) -> bool:
        return self.state.done

    def asks(self) -> Iterator[Ask]:
        for request in upcoming_full(self.state, self.page_size):
            yield Ask(
                path=self.endpoint.path,
                parameters={**_parameters(request, self.includes), **self.fields},
                token=request.token,
                request=request,
            )

    def wants(self, ask: Ask) -> bool:
        return _comes(ask.request, upcoming_full(self.state, self.page_size))

    def check(self, ask: Ask, page: Page) -> None:
        check_full(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Self:  # noqa: ARG002  # every walk is told what was asked
        return replace(self, state=self._after(page))

    def _after(self, page: Page) -> FullState:
        return advance_full(self.state, page, self.page_size, windowed=self.windowed, repeats=self.repeats)

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:  # noqa: ARG002  # every walk is told what was asked
        assert isinstance(after, TopWalk), "a walk through a list stays one"
        if not self.state.bounded or (after.state.windows and not self.state.windows):
            # The list is being cut into windows, and all of this comes again in one of them.
            return replace(page, records=(), rows=(), included={})
        return _without_anchor(self.state.inner, page)

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:  # noqa: ARG002  # what it says of itself is in the state
        assert isinstance(after, TopWalk), "a walk through a list stays one"
        before, now = self.state.inner.total, after.state.inner.total
        if before is not None and now is not None and before != now:
            yield ListingShifted(about=about, before=before, after=now)
        if after.state.distrusted and not self.state.distrusted:
            yield ListingDistrusted(about=about)

    def doubts(self) -> tuple[str, ...] | None:
        return find_doubts(self.state)

    def finishes(self, ask: Ask) -> str | None:  # noqa: ARG002  # a list of its own has no parents
        return None

    def to_json(self) -> str:
        return json.dumps(self.state.to_json())


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaWalk:
    """Through what has changed in a list of its own. Where that turns out to be impossible, a `TopWalk` follows it."""

    state: DeltaState
    whole: TopWalk
    """What reads everything instead, from the beginning."""

    @property
    def done(self) -> bool:
        return self.state.done

    def asks(self) -> Iterator[Ask]:
        for request in upcoming_delta(self.state, self.whole.page_size):
            yield Ask(
                path=self.whole.endpoint.path,
                parameters=_parameters(request, self.whole.includes),
                token=request.token,
                request=request,
            )

    def wants(self, ask: Ask) -> bool:
        return _comes(ask.request, upcoming_delta(self.state, self.whole.page_size))

    def check(self, ask: Ask, page: Page) -> None:
        check_delta(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Walk:  # noqa: ARG002  # every walk is told what was asked
        if unusable(self.state, page):
            return self.whole
        return replace(self, state=advance_delta(self.state, page, self.whole.page_size))

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:  # noqa: ARG002  # every walk is told what was asked
        if after is self.whole:
            return replace(page, records=(), rows=(), included={})
        known = count_known(self.state, page)
        return without_first(page, known) if known else page

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:
        if after is self.whole:
            yield DeltaFellBack(about=about, reason=unusable(self.state, page) or "unknown")

    def doubts(self) -> tuple[str, ...] | None:
        return None

    def finishes(self, ask: Ask) -> str | None:  # noqa: ARG002  # a list of its own has no parents
        return None

    def to_json(self) -> str:
        return json.dumps(self.state.to_json())


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepWalk:
    """Through the next share of a list of its own."""

    state: SweepState
    whole: TopWalk
    """How the list is asked."""

    @property
    def done(self) -> bool:
        return self.state.done

    @property
    def _top(self) -> TopWalk:
        """The walk of which this is a part."""
        return replace(self.whole, state=self.state.inner)

    def asks(self) -> Iterator[Ask]:
        return iter(()) if self.done else islice(self._top.asks(), self.state.pages)

    def wants(self, ask: Ask) -> bool:
        return not self.done and self._top.wants(ask)

    def check(self, ask: Ask, page: Page) -> None:
        check_sweep(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Self:  # noqa: ARG002  # every walk is told what was asked
        top = self.whole
        return replace(self, state=advance_sweep(self.state, page, top.page_size, windowed=top.windowed))

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:
        assert isinstance(after, SweepWalk), "a sweep stays one"
        return self._top.fresh(ask, page, after._top)  # noqa: SLF001  # one of its own kind

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:
        assert isinstance(after, SweepWalk), "a sweep stays one"
        for event in self._top.events(page, after._top, about):  # noqa: SLF001  # one of its own kind
            # That the source counts otherwise than days ago is nothing to wonder about.
            if self.state.left is not None or not isinstance(event, ListingShifted):
                yield event

    def doubts(self) -> tuple[str, ...] | None:
        return None

    def finishes(self, ask: Ask) -> str | None:  # noqa: ARG002  # a list of its own has no parents
        return None

    def to_json(self) -> str:
        return json.dumps(self.state.to_json())


@dataclass(frozen=True, kw_only=True, slots=True)
class NestedWalk:
    """Below one stored parent after the other. It knows the next few; `with_parents` gives it more."""

    state: NestedState
    place: Below
    page_size: int
    includes: tuple[str, ...] = ()
    parents: tuple[ParentRow, ...] = ()
    """After `state.after`, in the order of their ids."""
    sweep: SweepBelow | None = None
    """Which share of the parents it is for, if not for all."""

    @property
    def done(self) -> bool:
        return self.state.done

    def asks(self) -> Iterator[Ask]:
        # Below one without the ids of the path nothing can be asked: the walk settles it when it comes there.
        askable = takewhile(lambda row: not row.fault(self.place), self.parents)
        rows = {row.id: row for row in askable}
        for parent, request in upcoming_below(self.state, list(rows), self.page_size):
            yield Ask(
                path=below(self.place.endpoint, rows[parent]),
                parameters=_parameters(request, self.includes),
                token=f"{parent}:{request.token}",
                request=request,
                parent=rows[parent],
            )

    def wants(self, ask: Ask) -> bool:
        return ask.parent in self.parents and _comes(
            ask.request, upcoming(self._within(ask.parent), self.page_size)
        )

    def check(self, ask: Ask, page: Page) -> None:
        check(ask.request, self._within(ask.parent), page)

    def _within(self, parent: ParentRow | None) -> OffsetState:
        assert parent is not None, "a nested walk asks below somebody"
        return self.state.within(parent.id)

    def advanced(self, ask: Ask, page: Page) -> Self:
        assert ask.parent is not None, "a nested walk asks below somebody"
        return self.at(advance_below(self.state, ask.parent.id, page, self.page_size))

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:  # noqa: ARG002  # below a parent nothing is cut
        return _without_anchor(self._within(ask.parent), page)

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:  # noqa: ARG002  # parents are told of where they are left
        return iter(())

    def doubts(self) -> tuple[str, ...] | None:
        if self.sweep is not None:
            return None
        unproven = self.state.unproven
        below = "a parent" if unproven == 1 else f"{unproven:,} parents"
        return (f"below {below} the source counts otherwise than it shows",) if unproven else ()

    def finishes(self, ask: Ask) -> str | None:
        done = ask.parent is not None and self.state.after == ask.parent.id
        return ask.parent.id if ask.parent is not None and done else None

    def without_first(self) -> Self:
        """The walk when nothing more is asked below the parent that it is at."""
        return self.at(leave(self.state, self.parents[0].id))

    def with_parents(self, parents: tuple[ParentRow, ...]) -> Self:
        return replace(self, parents=parents)

    def at(self, state: NestedState) -> Self:
        """The walk in another state, past the parent that the state has left."""
        left = self.parents[1:] if state.after != self.state.after else self.parents
        return replace(self, state=state, parents=left)

    def to_json(self) -> str:
        stored = self.state.to_json() if self.sweep is None else self.sweep.to_json(self.state)
        return json.dumps(stored)


def _without_anchor(state: OffsetState, page: Page) -> Page:
    return without_first(page) if begins_with_anchor(state, page) else page


def _comes(request: PageRequest, coming: Iterator[PageRequest]) -> bool:
    """Whether it is among these, which come by rising offsets."""
    return request == next((other for other in coming if other.offset >= request.offset), None)


def below(endpoint: Endpoint, parent: ParentRow) -> str:
    """The path below a parent whose ids are all there."""
    return endpoint.path.format_map(parent.ids)


def _parameters(request: PageRequest, includes: tuple[str, ...]) -> dict[str, str]:
    return request.parameters | ({"include": ",".join(includes)} if includes else {})
