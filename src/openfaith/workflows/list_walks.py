"""Walks through a list of its own: all of it, what has changed in it, or the next share of it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol, Self

from openfaith.manifest import Endpoint
from openfaith.records import Page
from openfaith.source import without_first
from openfaith.strategies import (
    DeltaState,
    FullState,
    PageRequest,
    SweepState,
    advance_delta,
    advance_full,
    advance_sweep,
    check_delta,
    check_full,
    check_sweep,
    count_known,
    find_doubts,
    unusable,
    upcoming_delta,
    upcoming_full,
)
from openfaith.telemetry import DeltaFellBack, Event, ListingDistrusted, ListingShifted, Subject
from openfaith.texts import storable_json
from openfaith.workflows.walks import Ask, Walk, comes, parameters, without_anchor


class _State(Protocol):
    """Of a strategy: where it stands, and whether that is the end."""

    @property
    def done(self) -> bool: ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ListWalk(ABC):
    """What the walks through a list have in common. Which requests come next tells each by itself."""

    state: _State

    @abstractmethod
    def _coming(self) -> Iterator[PageRequest]:
        """The requests of `asks`."""

    @property
    @abstractmethod
    def top(self) -> TopWalk:
        """The walk through all of the list: how it is asked."""

    @property
    def done(self) -> bool:
        return self.state.done

    def asks(self) -> Iterator[Ask]:
        top = self.top
        for request in self._coming():
            yield Ask(
                path=top.endpoint.path,
                parameters={**parameters(request, top.includes), **top.fields},
                token=request.token,
                request=request,
            )

    def wants(self, ask: Ask) -> bool:
        return comes(ask.request, self._coming())

    def doubts(self) -> tuple[str, ...] | None:
        return None

    def shown(self) -> int | None:
        return None

    def finishes(self, ask: Ask) -> str | None:  # noqa: ARG002  # a list of its own has no parents
        return None

    def to_json(self) -> str:
        return json.dumps(storable_json(self.state.to_json()))


@dataclass(frozen=True, kw_only=True, slots=True)
class TopWalk(ListWalk):
    """Through all of it."""

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
    instead: str | None = None
    """Why it stands for a delta, to be told once it shows what no delta would have."""

    def _coming(self) -> Iterator[PageRequest]:
        return upcoming_full(self.state, self.page_size)

    @property
    def top(self) -> TopWalk:
        return self

    def check(self, ask: Ask, page: Page) -> None:
        check_full(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Self:  # noqa: ARG002  # every walk is told what was asked
        after = advance_full(self.state, page, self.page_size, windowed=self.windowed, repeats=self.repeats)
        return replace(self, state=after)

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:  # noqa: ARG002  # every walk is told what was asked
        assert isinstance(after, TopWalk), "a walk through a list stays one"
        if self.state.brings_nothing or (after.state.windows and not self.state.windows):
            # The list is being cut into windows, and all of this comes again in one of them; or it is only counted.
            return _nothing_of(page)
        return without_anchor(self.state.inner, page)

    def events(
        self, page: Page, after: Walk, about: Subject
    ) -> Iterator[Event]:  # what it says of itself is in the state
        assert isinstance(after, TopWalk), "a walk through a list stays one"
        if self.instead is not None and page.records and not self.state.inner.anchors:
            yield DeltaFellBack(about=about, reason=self.instead)
        before, now = self.state.inner.total, after.state.inner.total
        if before is not None and now is not None and before != now:
            yield ListingShifted(about=about, before=before, after=now)
        if after.state.distrusted and not self.state.distrusted:
            yield ListingDistrusted(about=about)

    def doubts(self) -> tuple[str, ...] | None:
        return find_doubts(self.state)

    def shown(self) -> int | None:
        return self.state.read


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaWalk(ListWalk):
    """Through what has changed in it. Where that turns out to be impossible, a `TopWalk` follows it."""

    state: DeltaState
    whole: TopWalk
    """What reads everything instead, from the beginning."""

    def _coming(self) -> Iterator[PageRequest]:
        return upcoming_delta(self.state, self.whole.page_size)

    @property
    def top(self) -> TopWalk:
        return self.whole

    def check(self, ask: Ask, page: Page) -> None:
        check_delta(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Walk:  # noqa: ARG002  # every walk is told what was asked
        if unusable(self.state, page):
            return self.whole
        return replace(self, state=advance_delta(self.state, page, self.whole.page_size))

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:  # noqa: ARG002  # every walk is told what was asked
        if after is self.whole:
            return _nothing_of(page)
        known = count_known(self.state, page)
        return without_first(page, known) if known else page

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:
        if after is self.whole:
            yield DeltaFellBack(about=about, reason=unusable(self.state, page) or "unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepWalk(ListWalk):
    """Through the next share of it."""

    state: SweepState
    whole: TopWalk
    """How the list is asked."""

    def _coming(self) -> Iterator[PageRequest]:
        coming = upcoming_full(self.state.inner, self.whole.page_size)
        return iter(()) if self.done else islice(coming, self.state.pages)

    @property
    def top(self) -> TopWalk:
        return replace(self.whole, state=self.state.inner)

    def check(self, ask: Ask, page: Page) -> None:
        check_sweep(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Self:  # noqa: ARG002  # every walk is told what was asked
        top = self.whole
        return replace(self, state=advance_sweep(self.state, page, top.page_size, windowed=top.windowed))

    def fresh(self, ask: Ask, page: Page, after: Walk) -> Page:
        assert isinstance(after, SweepWalk), "a sweep stays one"
        return self.top.fresh(ask, page, after.top)

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:
        assert isinstance(after, SweepWalk), "a sweep stays one"
        for event in self.top.events(page, after.top, about):
            # That the source counts otherwise than days ago is nothing to wonder about.
            if self.state.left is not None or not isinstance(event, ListingShifted):
                yield event


def _nothing_of(page: Page) -> Page:
    """Of a page that is not to be stored."""
    return replace(page, records=(), rows=(), included={})
