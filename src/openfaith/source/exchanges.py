"""One request, and what came of sending it once: the two records that the other modules decide on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openfaith.errors import SyncError

_HARMLESS = frozenset({"filter", "include", "offset", "order", "per_page"})
"""Parameters whose values cannot hold a person's data, so that errors and events may show them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to ask. Equal requests ask the same, which is what lets them share one answer."""

    method: str
    path: str
    """Below the base URL, unquoted, from its slash on."""
    params: tuple[tuple[str, str], ...] = ()
    """Sorted by name."""
    version: str | None = None
    """`X-PCO-API-Version`; None leaves the choice to the source."""
    body: bytes | None = None
    """JSON."""
    repeatable: bool = False
    """True where sending it twice does no more than sending it once: a read."""

    @classmethod
    def read(cls, path: str, params: Mapping[str, str], version: str | None) -> Request:
        return cls(
            method="GET",
            path=path,
            params=tuple(sorted(params.items())),
            version=version,
            repeatable=True,
        )

    @property
    def what(self) -> str:
        """How errors and events call it: the values of filters are left out, since they may be a person's data."""
        shown = (f"{name}={value if name in _HARMLESS else '…'}" for name, value in self.params)
        query = "&".join(shown)
        return f"{self.method} {self.path}{'?' if query else ''}{query}"

    @property
    def product(self) -> str:
        """The first part of the path, as in `people`."""
        return self.path.strip("/").partition("/")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What came of sending a request once."""

    sent_at: float
    """Monotonic seconds, before the first byte could leave."""
    ended_at: float
    """Monotonic seconds, when the answer's body was complete or the failure was seen."""
    answered_at: float | None = None
    """Monotonic seconds, when the headers had come."""
    status: int | None = None
    """None: there was no answer."""
    headers: Mapping[str, str]
    """The answer's, looked up without regard to case; empty without an answer."""
    body: bytes = b""
    """Decompressed; empty where it did not arrive whole."""
    fault: SyncError | None = None
    """Why there is no answer, or no whole body."""
    requests: int = 1
    """How many requests the source has had for it, this one and those that it refused included."""
    reached: bool = True
    """False where no connection came about, so that the source cannot have acted on the request or counted it."""

    @property
    def overloaded(self) -> bool:
        """Does it look as if the source could not keep up: refused, failed, or not answered?"""
        return self.status is None or self.status == 429 or self.status >= 500
