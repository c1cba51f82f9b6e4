"""The nested walk: for every stored parent, in the order of their ids, the pages below it.

Pure, like the full walk that it takes within one parent: a state, what a page showed, the next state. The state is
two marks, however many parents there are: the parent up to which everything is done, and how far which one is. The
second names its parent too: before a walk goes on, another run may have stored parents between the two, or have taken
the second away.

Parents below which could not be read are left behind, and walked once more in a second pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openfaith.records import Page
from openfaith.strategies.offsets import OffsetState, PageRequest, advance, proves, upcoming

_VERSION = 2
"""Of the stored state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NestedState:
    """How far a nested walk has come. Stored as JSON with every page."""

    after: str | None = None
    """The last parent that is done."""
    at: str | None = None
    """The parent below which some pages are done, but not all."""
    inner: OffsetState = field(default_factory=OffsetState)
    """Within that parent."""
    again: bool = False
    """True in the second pass, through the parents that were left behind."""
    done: bool = False
    failures: int = 0
    """How many parents the source has failed in a row, up to now."""
    denied: int = 0
    """Below how many parents the token was refused before anything was read."""
    unproven: int = 0
    """Below how many parents what was read is not as much as the source counts."""
    empty: int = 0
    """Below how many parents the source showed nothing, or said that they are gone."""

    def to_json(self) -> dict[str, Any]:
        """The stored form. Its version is raised when a member changes its meaning."""
        return {
            "nested": _VERSION,
            "after": self.after,
            "at": self.at,
            "inner": self.inner.to_json(),
            "again": self.again,
            "done": self.done,
            "failures": self.failures,
            "denied": self.denied,
            "unproven": self.unproven,
            "empty": self.empty,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> NestedState:
        """Read a checkpoint; None is the beginning, and so is one of another version: reading again does no harm.

        A retry adds `retried` to it, until the next one is stored: its second pass asks for all that are left behind,
        however far the one before had come, and what the source refused then is no reason to give up now.
        """
        if stored is None or stored.get("nested") != _VERSION:
            return cls()
        state = cls(
            after=stored["after"],
            at=stored.get("at"),
            inner=OffsetState.from_json(stored["inner"]),
            again=stored["again"],
            done=stored["done"],
            failures=0 if stored.get("retried") else stored.get("failures", 0),
            denied=0 if stored.get("retried") else stored.get("denied", 0),
            unproven=stored.get("unproven", 0),
            empty=stored.get("empty", 0),
        )
        return restart_second_pass(state) if state.again and stored.get("retried") else state

    def within(self, parent: str) -> OffsetState:
        """How far the walk has come below a parent."""
        return self.inner if parent == self.at else OffsetState()


def upcoming_below(
    state: NestedState, parents: Sequence[str], page_size: int
) -> Iterator[tuple[str, PageRequest]]:
    """The next request and those that will follow it, each with its parent.

    Args:
        parents: the ids of the next parents after `state.after`, in their order.
    """
    for parent in parents:
        for request in upcoming(state.within(parent), page_size):
            yield parent, request


def advance_below(state: NestedState, parent: str, page: Page, page_size: int) -> NestedState:
    """The state after a page below the parent was committed."""
    state = replace(state, failures=0)
    inner = advance(state.within(parent), page, page_size)
    if inner.done and not proves(inner):
        state = replace(state, unproven=state.unproven + 1)
    elif inner.done and inner.read == 0:
        state = replace(state, empty=state.empty + 1)
    return leave(state, parent) if inner.done else replace(state, at=parent, inner=inner)


def leave(state: NestedState, parent: str) -> NestedState:
    """The state once nothing more is asked below the parent."""
    return replace(state, after=parent, at=None, inner=OffsetState())


def fail(state: NestedState) -> NestedState:
    """The state when the source has failed one parent more."""
    return replace(state, failures=state.failures + 1)


def deny(state: NestedState) -> NestedState:
    """The state when the token was refused below one parent more, and nothing was read yet."""
    return replace(state, denied=state.denied + 1)


def end_of_pass(state: NestedState, *, left_behind: bool) -> NestedState:
    """The state when there is no further parent: a second pass where some were left behind in the first, else the end."""
    if left_behind and not state.again:
        return restart_second_pass(state)
    return replace(state, done=True)


def restart_second_pass(state: NestedState) -> NestedState:
    """What a retried run begins with: only those that were left behind. What is known of the others stays so."""
    return NestedState(again=True, unproven=state.unproven, empty=state.empty)
