"""What a person reads when a run is over."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from openfaith.cli.summaries import closing_lines, fitting, is_unchanged, summary_table
from openfaith.records import EntityStatus, RunStatus
from support.views import make_entity, make_view

WIDTHS = {
    "entity": 20,
    "status": 11,
    "rows": 8,
    "inserted": 10,
    "updated": 9,
    "unchanged": 11,
    "dead letters": 14,
    "pages": 7,
    "requests": 10,
    "seconds": 9,
    "rows/s": 8,
}


def rendered(width: int, *names: str) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(summary_table([make_entity(name) for name in names], width=width))
    return capture.get()


def lines(*args: object, **kwargs: object) -> list[str]:
    return [text for text, _ in closing_lines(make_view(*args, **kwargs))]  # type: ignore[arg-type]  # passed on


def test_a_wide_terminal_sees_every_column() -> None:
    assert fitting(WIDTHS, 120) == list(WIDTHS)


def test_a_narrow_terminal_goes_without_the_least_telling_columns() -> None:
    headings = fitting(WIDTHS, 80)
    assert sum(WIDTHS[h] for h in headings) <= 80
    assert {"entity", "status", "rows", "inserted", "updated"} <= set(headings)


def test_no_terminal_is_too_narrow() -> None:
    assert fitting(WIDTHS, 1) == ["entity", "status", "rows", "inserted", "updated"]


def test_a_row_says_what_was_done() -> None:
    text = rendered(200, "people.Person")
    assert "people.Person" in text
    assert "4,000" in text  # rows/s: 5,000 in 1.25 s
    assert "5,000" in text


def test_every_line_fits_the_terminal() -> None:
    assert all(len(line) <= 80 for line in rendered(80, "people.Person", "people.Email").splitlines())


def test_a_completed_run_is_said_in_one_sentence() -> None:
    assert lines(make_entity()) == ["Run 7 of grace completed: 1 entity, 5,000 rows, 50 requests, 2.5 s."]


def test_what_there_is_one_of_is_said_so() -> None:
    told = lines(make_entity(records=1, requests=1, dead_letters=1))
    assert told[0] == "Run 7 of grace completed: 1 entity, 1 row, 1 request, 2.5 s."
    assert told[1].startswith("1 record could not be stored and became a dead letter;")


def test_a_run_that_found_nothing_new_says_so() -> None:
    told = lines(make_entity(inserted=0, unchanged=5000))
    assert told[-1].startswith("Nothing had changed")


def test_what_was_skipped_for_one_reason_is_told_together() -> None:
    reason = "it needs people.Person, which did not complete"
    skipped = {"status": EntityStatus.SKIPPED, "reason": reason, "records": 0, "requests": 0}
    told = lines(
        make_entity(status=EntityStatus.FAILED, reason="the source is unavailable"),
        make_entity("people.Email", **skipped),
        make_entity("people.Address", **skipped),
        status=RunStatus.FAILED,
    )
    assert told[0] == "people.Person failed: the source is unavailable"
    assert told[1] == f"people.Email, people.Address skipped: {reason}"
    assert told[2].startswith("Run 7 of grace failed: 1 failed, 2 skipped,")
    assert "openfaith runs retry 7" in told[3]


CLOSED = {
    "status": EntityStatus.NOT_ACCESSIBLE,
    "reason": "the product giving is not accessible",
    "records": 0,
    "requests": 0,
}


def test_a_product_that_nobody_may_see_is_told_once() -> None:
    told = lines(make_entity(), *(make_entity(f"giving.{name}", **CLOSED) for name in ("Fund", "Donation")))
    assert told == [
        "The product giving is not accessible: 2 entities left out.",
        "Run 7 of grace completed: 1 completed, 2 not accessible, 5,000 rows, 50 requests, 2.5 s.",
    ]


def test_an_entity_that_nobody_may_see_is_named() -> None:
    told = lines(make_entity(), make_entity("giving.Fund", **CLOSED))
    assert told[0] == "giving.Fund not accessible: the product giving is not accessible"


def test_what_nobody_may_see_takes_no_row() -> None:
    table = summary_table([make_entity(), make_entity("giving.Fund", **CLOSED)], width=200)
    assert table.row_count == 1


def test_dead_letters_are_told_even_where_the_run_completed() -> None:
    assert any("2 records could not be stored" in line for line in lines(make_entity(dead_letters=2)))


def test_a_run_that_is_not_over_has_nothing_to_retry() -> None:
    told = lines(make_entity(status=EntityStatus.RUNNING), status=RunStatus.RUNNING)
    assert told == ["Run 7 of grace running: 1 running, 5,000 rows, 50 requests."]


def test_a_reason_of_the_run_itself_is_told() -> None:
    told = lines(status=RunStatus.CANCELLED, reason="it was cancelled before it started")
    assert told[0].endswith("It was cancelled before it started.")


def test_only_a_run_that_read_something_can_find_it_unchanged() -> None:
    assert is_unchanged(make_view(make_entity(inserted=0, unchanged=5)))
    assert not is_unchanged(make_view(make_entity(inserted=0, unchanged=0, records=0)))
    assert not is_unchanged(make_view(make_entity(inserted=0, updated=1, unchanged=4)))


@pytest.mark.parametrize(
    "left", [{"suspects": 1}, {"held": 1}, {"reason": "the token may see nothing below 1"}]
)
def test_what_is_suspected_or_was_not_seen_is_not_as_the_source_has_it(left: dict[str, Any]) -> None:
    assert not is_unchanged(make_view(make_entity(inserted=0, unchanged=5, **left)))


def test_a_dry_run_says_what_a_sync_would_do_and_not_how_to_go_on() -> None:
    told = lines(
        make_entity(inserted=12, updated=1, deleted=3, held=61), status=RunStatus.PARTIAL, dry_run=True
    )
    assert told[1:] == [
        "A sync would insert 12, update 1 and delete 3 rows.",
        "61 suspects would wait for a person: a guard would stop these deletions.",
    ]


def test_a_dry_run_that_found_nothing_says_so() -> None:
    assert lines(make_entity(inserted=0, unchanged=5000), dry_run=True)[-1] == "A sync would write no row."


def test_deletions_have_a_column_where_there_are_any() -> None:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(summary_table([make_entity(deleted=3)], width=200, dry_run=True))
    heading = capture.get().splitlines()[0]
    assert "would insert" in heading
    assert "would delete" in heading
    assert "suspects" not in heading
    assert "deleted" not in rendered(200, "people.Person")
