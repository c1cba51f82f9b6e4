"""A walk through an entity's pages, as a segment sees it: what to ask next, and what an answer leads to.

The decisions are the strategies'; a walk joins them with what only the store knows (the parents' rows) and what only
the manifest knows (paths and includes). It is a value: advancing makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from openfaith.errors import BrokenResponseError
from openfaith.records import Page
from openfaith.source import speaks_of, without_first
from openfaith.store import ParentRow
from openfaith.strategies import OffsetState, PageRequest, begins_with_anchor
from openfaith.telemetry import Event, Subject


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

    def shown(self) -> int | None:
        """How many records it was shown, those that repeat where they should not too; None where nobody counted."""

    def finishes(self, ask: Ask) -> str | None:
        """The parent below which nothing more is asked, now that the walk is where it is after this request."""

    def to_json(self) -> str:
        """The checkpoint, in which nothing stands that the database refuses."""


def parameters(request: PageRequest, includes: tuple[str, ...]) -> dict[str, str]:
    """What a request asks, and what is to come along."""
    return request.parameters | ({"include": ",".join(includes)} if includes else {})


def refuse_ignored(ask: Ask, page: Page, includes: Mapping[str, str]) -> None:
    """Refuse a page that was sent as if nothing had been asked to come along: what is missing would look as if gone.

    Args:
        includes: what was asked to come along, and the type of its records.

    Raises:
        BrokenResponseError: ask again.
    """
    for include, kind in includes.items():
        if page.records and not page.included.get(kind) and not speaks_of(page, include):
            seen = f"with {len(page.records)} records, none of which speaks of include={include}"
            raise BrokenResponseError(f"GET {ask.path}", seen, "what was asked to come along")


def comes(request: PageRequest, coming: Iterator[PageRequest]) -> bool:
    """Whether a request is among these, which come by rising offsets."""
    return request == next((other for other in coming if other.offset >= request.offset), None)


def without_anchor(state: OffsetState, page: Page) -> Page:
    """The page without the record that only showed whether the ground had shifted."""
    return without_first(page) if begins_with_anchor(state, page) else page
