"""What was asked of the simulator: a log that forgets its oldest entries."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One request, as it was answered."""

    sequence: int
    """From 1, over all requests since the start."""
    method: str
    path: str
    query: str
    status: int
    """0 where the connection was dropped instead."""
    rows: int
    """Records in `data`."""
    credential: str
    """Its public part."""
    time: float
    """By the simulator's clock, a Unix time."""
    faults: tuple[str, ...]
    """Which faults struck."""


class Journal:
    """The last requests, and counts of all since the last reset."""

    def __init__(self, capacity: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._statuses: Counter[int] = Counter()
        self._rows = 0

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._statuses[entry.status] += 1
        self._rows += entry.rows

    def reset(self) -> None:
        """Forget entries and counts. Sequence numbers go on."""
        self._entries.clear()
        self._statuses.clear()
        self._rows = 0

    def report(self, *, after: int = 0, limit: int | None = None) -> dict[str, Any]:
        """The counts, and the newest entries with a number above ``after``, at most ``limit`` of them."""
        chosen = [entry._asdict() for entry in self._entries if entry.sequence > after]
        return {
            "total": self._statuses.total(),
            "rows": self._rows,
            "by_status": {str(status): count for status, count in sorted(self._statuses.items())},
            "requests": chosen if limit is None else chosen[len(chosen) - min(limit, len(chosen)) :],
        }
