"""How the report of a reconciliation is told."""

from __future__ import annotations

from rich.console import Console

from openfaith.cli.reconciliations import report_document, report_lines, report_table
from openfaith.store import Reconciliation
from support.views import make_reconciliation


def table(*report: Reconciliation) -> list[list[str]]:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(report_table(report))
    heading, _, *rows = capture.get().splitlines()
    return [line.split() for line in (heading, *rows)]


def test_a_count_that_is_nowhere_more_than_0_has_no_column() -> None:
    assert table(make_reconciliation(missing=3), make_reconciliation("people.Email", deleted=1)) == [
        ["entity", "listed", "missing", "deleted", "proof"],
        ["people.Person", "5,000", "3", "0", "proven"],
        ["people.Email", "5,000", "0", "1", "proven"],
    ]


def test_an_open_listing_is_not_called_unproven() -> None:
    report = make_reconciliation(closed_at=None, compared_at=None, proven=False, guard=None)
    assert table(report)[1][2:] == ["not", "listed", "to", "its", "end"]


def test_doubts_and_the_guards_reason_are_told_in_full() -> None:
    report = [
        make_reconciliation(proven=False, doubts=["a page was short", "the count differs"], guard=None),
        make_reconciliation(
            "people.Email", guard="stopped", guard_reason="too many at once", suspects=60, held=60
        ),
    ]
    assert list(report_lines(report, "grace")) == [
        "people.Person is not proven complete: a page was short; the count differs.",
        "people.Email: the guard stopped its deletions: too many at once.",
        "`openfaith suspects list grace` shows what waits for a decision.",
    ]


def test_nothing_is_said_below_a_table_with_nothing_wrong() -> None:
    assert list(report_lines([make_reconciliation(deleted=3)], "grace")) == []


def test_a_machine_has_every_count() -> None:
    document = report_document(make_reconciliation(merged=2))
    assert (document["name"], document["merged"], document["held"]) == ("people.Person", 2, 0)
