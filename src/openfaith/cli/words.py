"""Numbers and times, as people say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openfaith.store import RunRecord

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def ago(seconds: float) -> str:
    """`3 min ago`. Times that lie a little ahead, by another clock, are `just now`."""
    if seconds < 5:
        return "just now"
    if seconds < _MINUTE:
        return f"{int(seconds)} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h ago"
    return f"{seconds // _DAY:.0f} days ago"


def duration(seconds: float) -> str:
    """`1.2 s`, `2 min 05 s`, `1 h 12 min`."""
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(number: int) -> str:
    """Of bytes: `512 bytes`, `1.5 kB`, `12.0 MB`."""
    if number < 1_000:
        return counted(number, "byte")
    if number < 1_000_000:
        return f"{number / 1_000:.1f} kB"
    return f"{number / 1_000_000:,.1f} MB"


def counted(number: int, noun: str) -> str:
    """`1 page`, `5,000 pages`, `1 entity`, `2 entities`, `3 people`."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    if noun == "person":
        return "people"
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def said(status: str) -> str:
    """A status as people write it: `not accessible`."""
    return status.replace("_", " ")


def kind_of(run: RunRecord) -> str:
    """`a full sync`, `a dry run of a delta sync`."""
    return f"a dry run of a {run.kind} sync" if run.dry_run else f"a {run.kind} sync"


def listed(names: Sequence[str], *, most: int = 6) -> str:
    """`a, b, c and 4 more`."""
    shown, rest = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
