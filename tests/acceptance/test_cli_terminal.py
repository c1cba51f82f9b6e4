"""What a person sees who sits at a terminal."""

from __future__ import annotations

from openfaith.simulator import RunningSimulator
from support.terminal import Terminal


def test_the_secret_is_asked_for_and_not_shown(terminal: Terminal, church: RunningSimulator) -> None:
    """Planning Center shows both once; they are pasted."""
    code, shown = terminal.type(
        *("connect", "pco", "--org", "typed", "--base-url", church.base_url),
        answers={"Application id": "simulator", "Secret": "secret"},
    )
    assert code == 0, shown
    assert "Connected typed" in shown
    assert "secret" not in shown


def test_a_sync_shows_bars_and_leaves_lines(grace: Terminal) -> None:
    code, shown = grace.type("sync", "grace", "--entity", "Person", "--entity", "Email", answers={})
    assert code == 0, shown
    assert "entities ·" in shown
    assert "people.Person completed: 250 rows" in shown
    assert shown.rstrip().splitlines()[-1]


def test_a_narrow_terminal_gets_a_table_that_fits(grace: Terminal) -> None:
    code, shown = grace.type("runs", "show", "1", "--events", "0", answers={}, columns=80)
    rows = [line for line in shown.splitlines() if line.startswith("people.")]
    assert code in {0, 2}, shown
    assert all(len(row) <= 120 for row in rows)
