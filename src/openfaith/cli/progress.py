"""Showing a run while it goes: bars on a terminal, else a line for every entity that ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from openfaith.cli.words import counted, duration, listed
from openfaith.records import EntityName, EntityStatus, RunStatus

if TYPE_CHECKING:
    from openfaith.engine import RunView
    from openfaith.store import EntityRunRecord

STYLES = {
    EntityStatus.COMPLETED: "green",
    EntityStatus.FAILED: "red",
    EntityStatus.SKIPPED: "yellow",
    EntityStatus.CANCELLED: "yellow",
    EntityStatus.NOT_ACCESSIBLE: "yellow",
}
_OPEN = (EntityStatus.WAITING, EntityStatus.RUNNING)
_BAR_WIDTH = 24


class Display(Protocol):
    """Is shown every view of a run."""

    look_seconds: float
    """How long after a view the next one is worth having. A look costs a few milliseconds here and in the database."""

    def update(self, view: RunView) -> None: ...


@contextmanager
def make_display(console: Console) -> Iterator[Display]:
    """The display that suits the console, until the block ends."""
    if not console.is_terminal:
        yield PlainDisplay(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveDisplay(live)


class Endings:
    """Tells each entity's end once; those that had ended before anybody looked are told together.

    What the token may not see is left to the summary, which tells it by product: there may be more than a hundred.
    """

    def __init__(self) -> None:
        self._told: set[EntityName] | None = None

    def lines(self, entities: Sequence[EntityRunRecord]) -> Iterator[Text]:
        ended = [e for e in entities if e.status not in _OPEN]
        if self._told is None:
            self._told = {e.entity for e in ended}
            if ended and len(ended) < len(entities):
                yield Text(f"{counted(len(ended), 'entity')} of {len(entities)} had ended before.")
        for entity in ended:
            if entity.entity not in self._told:
                self._told.add(entity.entity)
                if entity.status is EntityStatus.NOT_ACCESSIBLE:
                    continue
                yield Text(entity_line(entity), style=STYLES.get(entity.status, ""))


def entity_line(entity: EntityRunRecord) -> str:
    """How an entity ended, in one line: `people.Person completed: 5,000 rows, 50 pages, 50 requests, 1.2 s`."""
    parts = []
    if entity.started_at is not None:
        counts = (
            counted(entity.records, "row"),
            counted(entity.pages, "page"),
            counted(entity.requests, "request"),
            duration(entity.seconds or 0),
        )
        parts.append(", ".join(counts))
    if entity.reason:
        parts.append(entity.reason)
    return ": ".join([f"{entity.entity} {entity.status}", *parts])


class PlainDisplay:
    """Lines, for files, pipes and logs."""

    look_seconds = 0.8

    def __init__(self, console: Console) -> None:
        self._console = console
        self._endings = Endings()

    def update(self, view: RunView) -> None:
        for line in self._endings.lines(view.entities):
            self._console.print(line, soft_wrap=True)


class LiveDisplay:
    """Bars for what is being read, below the lines of what has ended."""

    look_seconds = 0.4

    def __init__(self, live: Live, clock: Callable[[], float] = time.monotonic) -> None:
        self._live = live
        self._pace = Pace(clock)
        self._endings = Endings()

    def update(self, view: RunView) -> None:
        self._pace.note(view.entities)
        for line in self._endings.lines(view.entities):
            self._live.console.print(line, soft_wrap=True)
        self._live.update(picture(view, self._pace), refresh=True)


class Pace:
    """Rows per second since we began to look: a run that was interrupted for a day is not slow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: dict[EntityName, tuple[float, int]] = {}
        self._began = clock()
        self.total = 0.0

    def note(self, entities: Sequence[EntityRunRecord]) -> None:
        now = self._clock()
        for entity in entities:
            self._first.setdefault(entity.entity, (now, entity.records))
        read = sum(entity.records - self._first[entity.entity][1] for entity in entities)
        self.total = read / max(now - self._began, 1e-3)

    def of(self, entity: EntityRunRecord) -> float:
        since, records = self._first[entity.entity]
        begun = max(since, self._clock() - (entity.seconds or 0))
        return (entity.records - records) / max(self._clock() - begun, 1e-3)

    @property
    def seconds(self) -> float:
        return self._clock() - self._began


def picture(view: RunView, pace: Pace) -> Group:
    """What changes while one looks: bars of running entities, who waits, and the sum."""
    running = [e for e in view.entities if e.status is EntityStatus.RUNNING]
    waiting: list[str] = [e.entity for e in view.entities if e.status is EntityStatus.WAITING]
    parts: list[Table | Text] = [_bars(running, pace)] if running else []
    if waiting:
        parts.append(Text(f"waiting: {listed(waiting)}", style="dim", overflow="ellipsis", no_wrap=True))
    return Group(*parts, Text(_sum_line(view, pace), style="bold"))


def _bars(running: Sequence[EntityRunRecord], pace: Pace) -> Table:
    table = Table.grid(padding=(0, 1))
    for justify in ("left", "left", "right", "right", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for entity in running:
        total = entity.total_count
        table.add_row(
            entity.entity,
            ProgressBar(total=total, completed=entity.records, width=_BAR_WIDTH, pulse=total is None),
            counted(entity.records, "row")
            if total is None
            else f"{entity.records:,} / {counted(total, 'row')}",
            counted(entity.pages, "page"),
            counted(entity.requests, "request"),
            f"{pace.of(entity):,.0f} rows/s",
        )
    return table


def _sum_line(view: RunView, pace: Pace) -> str:
    if view.status is RunStatus.QUEUED:
        return f"run {view.run.run_id} waits for its turn · {duration(pace.seconds)}"
    ended = sum(e.status not in _OPEN for e in view.entities)
    rows, requests = sum(e.records for e in view.entities), sum(e.requests for e in view.entities)
    parts = (
        f"{ended} of {counted(len(view.entities), 'entity')}",
        counted(rows, "row"),
        counted(requests, "request"),
        f"{pace.total:,.0f} rows/s",
        duration(pace.seconds),
    )
    return " · ".join(parts)
