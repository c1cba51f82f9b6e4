"""The full walk: every record of a collection, page by page, by offset.

Pure: a state, what a page showed, the next state. The state is the checkpoint that is committed with the page,
so its members are a stored format.

What the source says of the end is not trusted alone: `links.next` and
`total_count` have both been seen missing and wrong. A walk steps by the records it received, never by the
number it asked for, and ends only when nothing speaks for more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from openfaith.errors import BrokenResponseError
from openfaith.records import Page

_VERSION = 1
"""Of the stored state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WalkState:
    """How far a walk has come. Stored as JSON with every page."""

    offset: int = 0
    """Where the next page starts."""
    total: int | None = None
    """What the source counted last."""
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """The stored form. Its version is raised when a member changes its meaning."""
        return {"version": _VERSION, "offset": self.offset, "total": self.total, "done": self.done}

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> WalkState:
        """Read a checkpoint; None is the beginning, and so is one of another version: reading again does no harm."""
        if stored is None or stored.get("version") != _VERSION:
            return cls()
        return cls(offset=stored["offset"], total=stored["total"], done=stored["done"])


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """What to ask for: the parameters of one listing request."""

    offset: int
    page_size: int
    """Records asked for. More than the source's most would be cut silently."""

    @property
    def parameters(self) -> dict[str, str]:
        return {"per_page": str(self.page_size), "offset": str(self.offset)}

    @property
    def token(self) -> str:
        """The page token, for ledgers and messages."""
        return f"offset={self.offset}"


def upcoming(state: WalkState, page_size: int) -> Iterator[PageRequest]:
    """The next request, then those that will follow if every page comes full.

    Guesses stop at the count of the source: asking past the end would cost a request for nothing.
    """
    if state.done:
        return
    offset = state.offset
    yield PageRequest(offset=offset, page_size=page_size)
    while state.total is not None and offset + page_size < state.total:
        offset += page_size
        yield PageRequest(offset=offset, page_size=page_size)


def check(request: PageRequest, state: WalkState, page: Page) -> None:
    """Refuse a page that cannot be true: empty, where the source itself counts more.

    Raises:
        BrokenResponseError: ask again.
    """
    if page.records:
        return
    total = page.total_count if page.total_count is not None else state.total
    if total is not None and request.offset < total:
        raise BrokenResponseError(_place(request), "no records", f"some, as it counts {total}")
    if total is not None and total <= request.offset - request.page_size:
        # Some records may have gone while the others were read; a page's worth and more has not.
        raise BrokenResponseError(
            _place(request),
            f"no records and a count of {total}",
            f"{request.offset} and more, as these were read",
        )
    if page.has_next:
        raise BrokenResponseError(_place(request), "no records", "some, as it says that more follow")


def _place(request: PageRequest) -> str:
    return f"the page at offset {request.offset}"


def advance(state: WalkState, page: Page) -> WalkState:
    """The state after a page was committed."""
    offset = state.offset + len(page.records)
    total = page.total_count if page.total_count is not None else state.total
    return replace(state, offset=offset, total=total, done=_is_last(page, offset, total))


def _is_last(page: Page, offset: int, total: int | None) -> bool:
    if not page.records:
        return True
    if page.has_next:
        return False
    # Without a link and a count only an empty page says that nothing follows: one that is short may have been cut to
    # fewer records than were asked for.
    return total is not None and offset >= total
