"""How freshness is told."""

from __future__ import annotations

from rich.console import Console

from openfaith.cli.commands.status import freshness, state_table
from openfaith.records import EntityStatus
from support.views import make_state


def test_freshness_is_the_age_of_the_picture() -> None:
    assert str(freshness(make_state())) == "3 min ago"


def test_never_synced_does_not_read_as_fine() -> None:
    state = make_state(
        last_completed_at=None, behind_seconds=None, watermark=None, last_status=EntityStatus.FAILED
    )
    text = freshness(state)
    assert str(text) == "NEVER SYNCED"
    assert "red" in str(text.style)


def test_a_failure_keeps_the_age_of_what_was_true_last() -> None:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(state_table([make_state(last_status=EntityStatus.FAILED, dead_letters=3)]))
    row = capture.get().splitlines()[-1].split()
    assert row == ["people.Person", "3", "min", "ago", "5,000", "failed", "3"]
