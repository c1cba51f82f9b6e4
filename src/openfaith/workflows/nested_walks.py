"""The walk through what can only be asked for below its parents: below one stored parent after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Self

from openfaith.manifest import Below
from openfaith.records import Page
from openfaith.store import ParentRow
from openfaith.strategies import (
    NestedState,
    OffsetState,
    SweepBelow,
    advance_below,
    check,
    leave,
    upcoming,
    upcoming_below,
)
from openfaith.telemetry import Event, Subject
from openfaith.texts import storable_json
from openfaith.workflows.walks import Ask, Walk, comes, parameters, without_anchor


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
    read_before: bool = False
    """Whether another run has read the entity whole before, below the parents of then."""

    @property
    def done(self) -> bool:
        return self.state.done

    def asks(self) -> Iterator[Ask]:
        # Below one without the ids of the path nothing can be asked: the walk settles it when it comes there.
        askable = takewhile(lambda row: not row.fault(self.place), self.parents)
        rows = {row.id: row for row in askable}
        for parent, request in upcoming_below(self.state, list(rows), self.page_size):
            yield Ask(
                path=self.place.endpoint.path.format_map(rows[parent].ids),
                parameters=parameters(request, self.includes),
                token=f"{parent}:{request.token}",
                request=request,
                parent=rows[parent],
            )

    def wants(self, ask: Ask) -> bool:
        return ask.parent in self.parents and comes(
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
        return without_anchor(self._within(ask.parent), page)

    def events(self, page: Page, after: Walk, about: Subject) -> Iterator[Event]:  # noqa: ARG002  # parents are told of where they are left
        return iter(())

    def doubts(self) -> tuple[str, ...] | None:
        if self.sweep is not None:
            return None
        found = []
        if unproven := self.state.unproven:
            below = "a parent" if unproven == 1 else f"{unproven:,} parents"
            found.append(f"below {below} the source counts otherwise than it shows")
        if self.state.empty and not self.read_before:
            found.append("below some parents it shows nothing at all, and was not asked twice")
        return tuple(found)

    def shown(self) -> int | None:
        return None

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
        return json.dumps(storable_json(stored))
