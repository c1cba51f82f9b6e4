"""A walk through an entity's pages, as a segment sees it: what to ask next, and what an answer leads to.

The decisions are the strategies'; a walk joins them with what only the store knows (the parents' rows) and what only
the manifest knows (paths and includes). It is a value: advancing makes a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Protocol, Self

from openfaith.manifest import Below, Endpoint
from openfaith.records import Page
from openfaith.store import ParentRow
from openfaith.strategies import (
    NestedState,
    PageRequest,
    WalkState,
    advance,
    advance_below,
    check,
    leave,
    upcoming,
    upcoming_below,
)


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

    @property
    def total(self) -> int | None:
        """What the source last counted, where that can be compared from page to page."""

    def asks(self) -> Iterator[Ask]:
        """The next request, then those that will follow if every page comes as expected."""

    def wants(self, ask: Ask) -> bool:
        """Whether this is among `asks`."""

    def check(self, ask: Ask, page: Page) -> None:
        """Refuse a page that cannot be true, as `strategies.check` does."""

    def advanced(self, ask: Ask, page: Page) -> Self:
        """The walk after the page was committed."""

    def finishes(self, ask: Ask) -> str | None:
        """The parent below which nothing more is asked, now that the walk is where it is after this request."""

    def to_json(self) -> str:
        """The checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TopWalk:
    """Through a list of its own."""

    state: WalkState
    endpoint: Endpoint
    page_size: int
    includes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        return self.state.done

    @property
    def total(self) -> int | None:
        return self.state.total

    def asks(self) -> Iterator[Ask]:
        for request in upcoming(self.state, self.page_size):
            yield Ask(
                path=self.endpoint.path,
                parameters=_parameters(request, self.includes),
                token=request.token,
                request=request,
            )

    def wants(self, ask: Ask) -> bool:
        return _comes(ask.request, upcoming(self.state, self.page_size))

    def check(self, ask: Ask, page: Page) -> None:
        check(ask.request, self.state, page)

    def advanced(self, ask: Ask, page: Page) -> Self:  # noqa: ARG002  # every walk is told what was asked
        return replace(self, state=advance(self.state, page))

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

    @property
    def done(self) -> bool:
        return self.state.done

    @property
    def total(self) -> int | None:
        return None

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

    def _within(self, parent: ParentRow | None) -> WalkState:
        assert parent is not None, "a nested walk asks below somebody"
        return self.state.within(parent.id)

    def advanced(self, ask: Ask, page: Page) -> Self:
        assert ask.parent is not None, "a nested walk asks below somebody"
        return self.at(advance_below(self.state, ask.parent.id, page))

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
        return json.dumps(self.state.to_json())


def _comes(request: PageRequest, coming: Iterator[PageRequest]) -> bool:
    """Whether it is among these, which come by rising offsets."""
    return request == next((other for other in coming if other.offset >= request.offset), None)


def below(endpoint: Endpoint, parent: ParentRow) -> str:
    """The path below a parent whose ids are all there."""
    return endpoint.path.format_map(parent.ids)


def _parameters(request: PageRequest, includes: tuple[str, ...]) -> dict[str, str]:
    return request.parameters | ({"include": ",".join(includes)} if includes else {})
