"""What a person sees while a run goes on."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from openfaith.cli.progress import (
    Endings,
    LiveDisplay,
    Pace,
    PlainDisplay,
    entity_line,
    make_display,
    picture,
)
from openfaith.engine import RunView
from openfaith.records import EntityStatus, RunStatus
from support.views import make_entity, make_view


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def running(records: int, **changed: Any) -> RunView:
    entity = make_entity(status=EntityStatus.RUNNING, records=records, **changed)
    return make_view(
        entity, make_entity("people.Email", status=EntityStatus.WAITING, records=0), status=RunStatus.RUNNING
    )


def drawn(view: RunView, pace: Pace) -> str:
    console = Console(width=120, color_system=None)
    pace.note(view.entities)
    with console.capture() as capture:
        console.print(picture(view, pace))
    return capture.get()


def test_an_end_is_one_line_that_a_program_can_read() -> None:
    assert entity_line(make_entity()) == "people.Person completed: 5,000 rows, 50 pages, 50 requests, 1.2 s"


def test_an_entity_that_never_began_has_no_counts() -> None:
    entity = make_entity(status=EntityStatus.SKIPPED, reason="it needs people.Tab, which did not complete")
    assert entity_line(entity) == "people.Person skipped: it needs people.Tab, which did not complete"


def test_a_failure_ends_its_line_with_the_reason() -> None:
    line = entity_line(make_entity(status=EntityStatus.FAILED, reason="the source is unavailable"))
    assert line.endswith("1.2 s: the source is unavailable")


def test_every_end_is_told_once() -> None:
    endings, seen = Endings(), []
    for view in (running(100), make_view(make_entity()), make_view(make_entity())):
        seen += [str(line) for line in endings.lines(view.entities)]
    assert seen == [entity_line(make_entity())]


def test_what_nobody_may_see_is_left_to_the_summary() -> None:
    endings = Endings()
    assert not list(endings.lines(running(100).entities))
    denied = make_entity("giving.Fund", status=EntityStatus.NOT_ACCESSIBLE, reason="403")
    assert not list(endings.lines([denied]))


def test_what_had_ended_before_is_told_together() -> None:
    view = make_view(make_entity(), make_entity("people.Email", status=EntityStatus.RUNNING))
    assert [str(line) for line in Endings().lines(view.entities)] == ["1 entity of 2 had ended before."]


def test_a_file_gets_lines_and_no_bars() -> None:
    file = io.StringIO()
    with make_display(Console(file=file, width=200)) as display:
        assert isinstance(display, PlainDisplay)
        display.update(running(100))
        display.update(make_view(make_entity()))
    assert file.getvalue() == "people.Person completed: 5,000 rows, 50 pages, 50 requests, 1.2 s\n"


def test_a_terminal_gets_bars_that_are_gone_at_the_end() -> None:
    file = io.StringIO()
    with make_display(Console(file=file, force_terminal=True, width=120)) as display:
        assert isinstance(display, LiveDisplay)
        display.update(running(100))
        display.update(make_view(make_entity()))
    assert "people.Person completed" in file.getvalue()
    assert "100 / 5,000 rows" in file.getvalue()


def test_the_picture_shows_what_runs_who_waits_and_the_sum() -> None:
    text = drawn(running(1200), Pace(Clock()))
    assert "1,200 / 5,000 rows" in text
    assert "waiting: people.Email" in text
    assert "0 of 2 entities · 1,200 rows" in text


def test_a_source_that_tells_no_count_gets_no_false_one() -> None:
    assert "1,200 rows" in drawn(running(1200, total_count=None), Pace(Clock()))


def test_a_queued_run_waits_for_its_turn() -> None:
    assert "run 7 waits for its turn" in drawn(make_view(status=RunStatus.QUEUED), Pace(Clock()))


def test_the_pace_counts_from_when_we_began_to_look() -> None:
    """An entity that was interrupted yesterday with 1,000 rows is not slow today."""
    clock = Clock()
    pace = Pace(clock)
    pace.note(running(1000, seconds=86_400.0).entities)
    clock.now += 2
    later = running(1500, seconds=86_402.0)
    pace.note(later.entities)
    assert pace.of(later.entities[0]) == 250
    assert pace.total == 250


def test_the_pace_of_an_entity_counts_from_its_own_start() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.note(running(0, seconds=None).entities)
    clock.now += 60
    later = running(500, seconds=2.0)
    pace.note(later.entities)
    assert pace.of(later.entities[0]) == 250
