"""What came of a run: a table, and in full whatever did not complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from openfaith.cli.output import add_rows, make_table
from openfaith.cli.progress import STYLES
from openfaith.cli.words import counted, duration, said
from openfaith.records import EntityStatus, RunStatus

if TYPE_CHECKING:
    from openfaith.engine import RunView
    from openfaith.store import EntityRunRecord

Cell = str | Text
_PADDING = 3
_WHERE_THERE_ARE_ANY = {"deleted", "suspects", "for a person"}
_WOULD = {"inserted": "would insert", "updated": "would update", "deleted": "would delete"}
"""What a dry run has instead of these columns."""
_GIVEN_UP_FIRST = ("rows/s", "pages", "seconds", "requests", "dead letters", "unchanged")
"""The columns that a narrow terminal goes without; `--json` has them all."""


def _seconds(entity: EntityRunRecord) -> str:
    return "" if entity.seconds is None else f"{entity.seconds:.1f}"


def _rate(entity: EntityRunRecord) -> str:
    return f"{entity.records / entity.seconds:,.0f}" if entity.seconds and entity.records else ""


_COLUMNS: dict[str, Callable[[EntityRunRecord], Cell]] = {
    "entity": lambda e: e.entity,
    "status": lambda e: Text(e.status, style=STYLES.get(e.status, "")),
    "rows": lambda e: f"{e.records:,}",
    "inserted": lambda e: f"{e.inserted:,}",
    "updated": lambda e: f"{e.updated:,}",
    "unchanged": lambda e: f"{e.unchanged:,}",
    "deleted": lambda e: f"{e.deleted:,}",
    "suspects": lambda e: f"{e.suspects:,}",
    "for a person": lambda e: f"{e.held:,}",
    "dead letters": lambda e: f"{e.dead_letters:,}",
    "pages": lambda e: f"{e.pages:,}",
    "requests": lambda e: f"{e.requests:,}",
    "seconds": _seconds,
    "rows/s": _rate,
}


def summary_table(entities: Sequence[EntityRunRecord], *, width: int, dry_run: bool = False) -> Table:
    """One row for each entity that could be read, in as many columns as fit and have something to say."""
    entities = [e for e in entities if e.status is not EntityStatus.NOT_ACCESSIBLE]
    would = _WOULD if dry_run else {}
    cells = {
        would.get(heading, heading): column
        for heading, cell in _COLUMNS.items()
        if (column := [cell(entity) for entity in entities])
        if heading not in _WHERE_THERE_ARE_ANY or {*map(str, column)} - {"0"}
    }
    needed = {heading: needed_width(heading, column) for heading, column in cells.items()}
    headings = fitting(needed, width)
    table = make_table(*headings, right=[h for h in headings if h not in {"entity", "status"}])
    rows = zip(*(cells[heading] for heading in headings), strict=True)
    return add_rows(table, rows)


def needed_width(heading: str, column: Sequence[Cell]) -> int:
    """How wide a column has to be, with the room between it and the next."""
    return max(cell_len(str(cell)) for cell in (heading, *column)) + _PADDING


def fitting(needed: dict[str, int], width: int, given_up: Sequence[str] = _GIVEN_UP_FIRST) -> list[str]:
    """The headings that fit into the width; the least telling are given up first."""
    headings = list(needed)
    for heading in (each for each in given_up if each in needed):
        if sum(needed[h] for h in headings) <= width:
            break
        headings.remove(heading)
    return headings


def closing_lines(view: RunView) -> Iterator[tuple[str, str]]:
    """What did not complete and why, then the whole in a sentence; each with its style."""
    for (status, reason), names in _left_undone(view.entities).items():
        yield _undone_line(status, reason, names), STYLES.get(status, "")
    if view.run.dry_run:
        yield from _dry_lines(view)
        return
    yield _whole(view), "bold" if view.status is RunStatus.COMPLETED else "bold red"
    dead = sum(e.dead_letters for e in view.entities)
    if dead:
        became = "a dead letter" if dead == 1 else "dead letters"
        told = f"`openfaith runs show {view.run.run_id}` says why"
        yield f"{counted(dead, 'record')} could not be stored and became {became}; {told}.", "yellow"
    if view.run.is_final and view.status is not RunStatus.COMPLETED:
        yield f"`openfaith runs retry {view.run.run_id}` goes on with what did not complete.", ""
    elif is_unchanged(view):
        yield "Nothing had changed: every row was already as the source has it, and none was written.", ""


def _dry_lines(view: RunView) -> Iterator[tuple[str, str]]:
    """What a sync would do. There is nothing to go on with."""
    yield _whole(view), "bold" if view.status is RunStatus.COMPLETED else "bold red"
    inserted, updated, deleted, dead, held = (
        sum(getattr(e, name) for e in view.entities)
        for name in ("inserted", "updated", "deleted", "dead_letters", "held")
    )
    if view.run.is_final and not inserted + updated + deleted:
        yield "A sync would write no row.", ""
    else:
        yield (
            f"A sync would insert {inserted:,}, update {updated:,} and delete {counted(deleted, 'row')}.",
            "",
        )
    if held:
        yield (
            f"{counted(held, 'suspect')} would wait for a person: a guard would stop these deletions.",
            "yellow",
        )
    if dead:
        yield f"{counted(dead, 'record')} could not be stored and would become dead letters.", "yellow"


def _left_undone(entities: Sequence[EntityRunRecord]) -> dict[tuple[EntityStatus, str], list[str]]:
    """Who did not complete, together where the reason is the same."""
    groups: dict[tuple[EntityStatus, str], list[str]] = {}
    for entity in entities:
        if entity.finished_at is not None and entity.status is not EntityStatus.COMPLETED:
            reason = entity.reason or "no reason was recorded"
            groups.setdefault((entity.status, reason), []).append(entity.entity)
    return groups


def _undone_line(status: EntityStatus, reason: str, names: Sequence[str]) -> str:
    """What nobody may see is counted: there may be a hundred entities of one product."""
    if status is EntityStatus.NOT_ACCESSIBLE and len(names) > 1:
        return f"{_sentence(reason)}: {counted(len(names), 'entity')} left out."
    return f"{', '.join(names)} {said(status)}: {reason}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def is_unchanged(view: RunView) -> bool:
    """Whether a completed run read something, all that it asked for, and had nothing to write and nothing to suspect."""
    if view.status is not RunStatus.COMPLETED or any(
        e.suspects or e.held or (e.reason and e.status is EntityStatus.COMPLETED) for e in view.entities
    ):
        return False
    written = sum(e.inserted + e.updated + e.deleted + e.dead_letters for e in view.entities)
    return written == 0 and any(e.unchanged for e in view.entities)


def _whole(view: RunView) -> str:
    rows, requests = sum(e.records for e in view.entities), sum(e.requests for e in view.entities)
    parts = [_outcomes(view), counted(rows, "row"), counted(requests, "request")]
    if view.run.started_at is not None and view.run.finished_at is not None:
        parts.append(duration((view.run.finished_at - view.run.started_at).total_seconds()))
    text = f"Run {view.run.run_id} of {view.run.org_id} {view.status}: {', '.join(parts)}."
    return f"{text} {_sentence(view.run.reason)}." if view.run.reason else text


def _outcomes(view: RunView) -> str:
    """`34 entities`; where they ended differently, how many as what."""
    outcomes = Counter(e.status for e in view.entities)
    if set(outcomes) <= {EntityStatus.COMPLETED}:
        return counted(len(view.entities), "entity")
    return ", ".join(f"{outcomes[status]} {said(status)}" for status in EntityStatus if outcomes[status])
