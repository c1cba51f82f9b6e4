"""What is known of entities across runs, for people: a short line for each, and below them what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from openfaith.cli.output import add_rows, make_table
from openfaith.cli.progress import STYLES
from openfaith.cli.summaries import Cell, fitting, needed_width
from openfaith.cli.words import ago, counted, listed, said
from openfaith.records import EntityName, EntityStatus, SyncKind

if TYPE_CHECKING:
    from openfaith.store import EntityRunRecord, EntityState, SyncOutcome

_GIVEN_UP_FIRST = ("synced", "proven", "source")
"""The columns that a narrow terminal goes without; `--json` has them all."""
_KINDS = {kind.value: place for place, kind in enumerate(SyncKind)}
_SOUND = {EntityStatus.COMPLETED, EntityStatus.NOT_ACCESSIBLE}
"""Nothing has to be said of these: who is not accessible is told by product."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Everything that is known of one entity."""

    state: EntityState
    outcomes: Sequence[SyncOutcome] = ()
    """Of the last run of each kind."""
    under_way: EntityRunRecord | None = None
    """Its part in the run that is not over."""
    is_attended: bool = True
    """Whether anybody is at that run."""

    @property
    def reason(self) -> str | None:
        """Why the last run ended as it did, where that is known."""
        of_last = (o.reason for o in self.outcomes if o.run_id == self.state.last_run_id)
        return next(of_last, None)


_COLUMNS: dict[str, Callable[[Known], Cell]] = {
    "entity": lambda k: k.state.entity,
    "rows": lambda k: f"{k.state.live_rows:,}",
    "true as of": lambda k: freshness(k.state),
    "source": lambda k: parity(k.state),
    "proven": lambda k: proof(k.state),
    "synced": lambda k: synced(k.outcomes),
    "last run": lambda k: standing(k.state, k.under_way, is_attended=k.is_attended),
    "suspects": lambda k: _warned(k.state.suspects, "yellow"),
    "dead letters": lambda k: _warned(k.state.dead_letters, "red"),
}
_NUMBERS = {"rows", "suspects", "dead letters"}
_WHERE_THERE_ARE_ANY = {"source", "proven", "synced", "suspects", "dead letters"}


def state_table(known: Sequence[Known], *, width: int) -> Table:
    """One row for each entity that a run has met, in as many columns as fit and have something to say."""
    cells = {heading: [cell(each) for each in known] for heading, cell in _COLUMNS.items()}
    needed = {
        heading: needed_width(heading, column)
        for heading, column in cells.items()
        if heading not in _WHERE_THERE_ARE_ANY or any(map(str, column))
    }
    headings = fitting(needed, width, _GIVEN_UP_FIRST)
    table = make_table(*headings, right=[h for h in headings if h in _NUMBERS])
    return add_rows(table, zip(*(cells[heading] for heading in headings), strict=True))


def _warned(number: int, style: str) -> Text:
    return Text(f"{number:,}" if number else "", style=style)


def freshness(state: EntityState) -> Text:
    """How old the picture is: since the source's clock before the last run that completed.

    What is read below parents of whom there are none completes without asking anything, and so without a clock.
    """
    if state.last_completed_at is None:
        return Text("NEVER SYNCED", style="bold red")
    if state.behind_seconds is None:
        return Text("no parents yet", style="dim")
    return Text(ago(state.behind_seconds))


def parity(state: EntityState) -> Text:
    """How many rows there are beyond what the source had, or how many are lacking.

    A delta counts nothing: after it, a difference to what the source had before is no fault.
    """
    if state.surplus is None:
        return Text()
    if state.surplus == 0:
        return Text("= source")
    number = _difference(state.surplus)
    if state.counted_seconds is not None and _has_moved(state):
        return Text(f"{number} than {ago(state.counted_seconds)}")
    return Text(f"{number} than the source", style="yellow")


def _difference(surplus: int) -> str:
    return f"{abs(surplus):,} {'more' if surplus > 0 else 'fewer'}"


def _has_moved(state: EntityState) -> bool:
    """Whether the rows are of a later time than the source's count."""
    if state.watermark is None or state.counted_at is None:
        return False
    return state.watermark > state.counted_at


def proof(state: EntityState) -> Text:
    """When the reading began that was proven complete; of one with doubts, that it is not."""
    if state.doubts:
        return Text("no", style="yellow")
    return Text("" if state.proven_seconds is None else ago(state.proven_seconds))


def synced(outcomes: Iterable[SyncOutcome]) -> str:
    """When a run of each kind last completed: `full 2 h ago, delta 3 min ago`."""
    completed = [o for o in outcomes if o.completed_seconds is not None]
    completed.sort(key=lambda o: _KINDS.get(o.kind, len(_KINDS)))
    return ", ".join(f"{o.kind} {ago(o.completed_seconds or 0)}" for o in completed)


def standing(state: EntityState, under_way: EntityRunRecord | None, *, is_attended: bool) -> Text:
    """What a run is doing with the entity; else how the last one ended."""
    if under_way is None:
        return Text(said(state.last_status), style=STYLES.get(EntityStatus(state.last_status), ""))
    if under_way.status is EntityStatus.WAITING:
        return Text("waiting", style="dim")
    return Text("in progress", style="cyan") if is_attended else Text("interrupted", style="yellow")


def remarks(known: Sequence[Known], org: str) -> Iterator[tuple[str, str]]:
    """What is wrong, or waits for a person; alike things together, each with its style."""
    for (status, reason), names in _left_undone(known).items():
        yield f"{listed(names)} {said(status)}: {reason}", STYLES.get(status, "")
    for doubt, names in _doubted(known).items():
        yield f"{listed(names)} {'is' if len(names) == 1 else 'are'} not proven complete: {doubt}", "yellow"
    differing = [
        f"{each.state.entity} ({_difference(each.state.surplus)})"
        for each in known
        if each.state.surplus and not _has_moved(each.state)
    ]
    if differing:
        yield f"The number of rows is not the source's: {listed(differing)}.", "yellow"
    yield from _suspected(known, org)
    yield from _set_aside(known, org)


def _left_undone(known: Sequence[Known]) -> Mapping[tuple[EntityStatus, str], list[str]]:
    groups: dict[tuple[EntityStatus, str], list[str]] = {}
    for each in known:
        state = each.state
        if state.last_status not in _SOUND:
            shown = "no reason was recorded"
            if each.reason is None and state.last_run_id is not None:
                shown = f"`openfaith runs show {state.last_run_id}` says why"
            groups.setdefault((EntityStatus(state.last_status), each.reason or shown), []).append(
                state.entity
            )
    return groups


def _doubted(known: Sequence[Known]) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for state in (each.state for each in known):
        if state.doubts:
            more = len(state.doubts) - 1
            also = f" (and {counted(more, 'more doubt')})" if more else ""
            groups.setdefault(f"{state.doubts[0]}{also}", []).append(state.entity)
    return groups


def _suspected(known: Sequence[Known], org: str) -> Iterator[tuple[str, str]]:
    held = [(each.state.entity, each.state.held) for each in known if each.state.held]
    if held:
        number, names = sum(number for _, number in held), listed([name for name, _ in held])
        waits = "waits" if number == 1 else "wait"
        yield (
            f"{counted(number, 'suspect')} of {names} {waits} for your decision: `openfaith suspects list {org}`.",
            "bold yellow",
        )
    others = sum(each.state.suspects - each.state.held for each in known)
    if others:
        asked = "the next reconciliation asks the source about " + ("it" if others == 1 else "them")
        yield f"{counted(others, 'suspect')} may be gone at the source: {asked}.", ""


def _set_aside(known: Sequence[Known], org: str) -> Iterator[tuple[str, str]]:
    letters = [each.state for each in known if each.state.dead_letters]
    if letters:
        number, names = sum(state.dead_letters for state in letters), [state.entity for state in letters]
        yield (
            f"{counted(number, 'record')} of {listed(names)} could not be stored: `openfaith dead-letters list {org}`.",
            "red",
        )


def not_accessible(states: Iterable[EntityState]) -> Iterator[str]:
    """What the token may not see: a product once where that is all of it that was asked for, else its entities."""
    products: dict[str, list[EntityState]] = {}
    for state in states:
        products.setdefault(state.entity.partition(".")[0], []).append(state)
    for product, own in products.items():
        closed: list[EntityName] = [s.entity for s in own if s.last_status == EntityStatus.NOT_ACCESSIBLE]
        if len(closed) == len(own) > 1:
            yield f"{product} ({counted(len(closed), 'entity')})"
        elif closed:
            yield ", ".join(closed)
