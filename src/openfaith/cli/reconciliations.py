"""What a reconciliation found, entity by entity: a table, and why what is not proven or not deleted is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from openfaith.cli.output import add_rows, make_table

if TYPE_CHECKING:
    from openfaith.store import Reconciliation

_COUNTS: dict[str, Callable[[Reconciliation], int]] = {
    "listed": lambda r: r.listed,
    "missing": lambda r: r.missing,
    "stale": lambda r: r.stale,
    "suspects": lambda r: r.suspects,
    "held": lambda r: r.held,
    "refuted": lambda r: r.refuted,
    "deleted": lambda r: r.deleted,
    "merged": lambda r: r.merged,
}


def report_table(report: Sequence[Reconciliation]) -> Table:
    """One row for each entity; of the counts those that somewhere are not 0."""
    kept = [name for name, count in _COUNTS.items() if name == "listed" or any(map(count, report))]
    rows: list[list[str | Text]] = [
        [each.entity, *(f"{_COUNTS[name](each):,}" for name in kept), _proof(each)] for each in report
    ]
    return add_rows(make_table("entity", *kept, "proof", right=kept), rows)


def _proof(each: Reconciliation) -> Text:
    if each.closed_at is None:
        return Text("not listed to its end", style="yellow")
    return Text("proven", style="green") if each.proven else Text("not proven", style="yellow")


def report_lines(report: Sequence[Reconciliation], org: str, *, dry_run: bool = False) -> Iterator[str]:
    """What speaks against each listing, what the guard stopped, and the next move; none after a dry run."""
    for each in report:
        if each.doubts:
            yield f"{each.entity} is not proven complete: {'; '.join(each.doubts)}."
        if each.guard_reason is not None:
            stopped = "would stop" if dry_run else "stopped"
            yield f"{each.entity}: the guard {stopped} its deletions: {each.guard_reason}."
    if not dry_run and any(each.held for each in report):
        yield f"`openfaith suspects list {org}` shows what waits for a decision."


def report_document(each: Reconciliation) -> dict[str, object]:
    """The entity's member of `runs show --json`."""
    return {
        "name": each.entity,
        "started_at": each.started_at,
        "closed_at": each.closed_at,
        "compared_at": each.compared_at,
        **{name: count(each) for name, count in _COUNTS.items()},
        "proven": each.proven,
        "doubts": list(each.doubts),
        "guard": each.guard,
        "guard_reason": each.guard_reason,
    }
