"""What a person sees who sits at a terminal."""

from __future__ import annotations

import re

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


def test_a_narrow_terminal_gets_a_table_that_fits(grace: Terminal) -> None:
    run = grace.json("sync", "grace", "--entity", "Campus")
    code, shown = grace.type("runs", "show", run["run_id"], "--events", "0", answers={}, columns=80)
    assert code == 0, shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    start, end = [n for n, line in enumerate(plain) if line.startswith("Run ")]
    table = plain[start + 1 : end]
    assert any(line.startswith("people.Campus") for line in table), shown
    assert all(len(line) <= 80 for line in table)
