"""How freshness is told."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from openfaith.cli.commands.status import OrgStatus, freshness, not_accessible, show, state_table
from openfaith.cli.output import Output
from openfaith.records import EntityStatus
from openfaith.store import EntityState
from support.views import make_state

NEVER: dict[str, Any] = {"last_completed_at": None, "behind_seconds": None, "watermark": None}


def closed(name: str, **changed: Any) -> EntityState:
    return make_state(name, **({"last_status": EntityStatus.NOT_ACCESSIBLE} | NEVER | changed))


def shown(capsys: pytest.CaptureFixture[str], *states: EntityState) -> list[str]:
    one = OrgStatus(
        org_id=states[0].org_id, adapter="pco", base_url="http://it", runs=(), states=states, never=()
    )
    show(one, Output())
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_freshness_is_the_age_of_the_picture() -> None:
    assert str(freshness(make_state())) == "3 min ago"


def test_never_synced_does_not_read_as_fine() -> None:
    state = make_state(
        last_completed_at=None, behind_seconds=None, watermark=None, last_status=EntityStatus.FAILED
    )
    text = freshness(state)
    assert str(text) == "NEVER SYNCED"
    assert "red" in str(text.style)


def test_what_had_nothing_to_ask_is_not_called_unsynced() -> None:
    assert str(freshness(make_state(behind_seconds=None, watermark=None, live_rows=0))) == "no parents yet"


def test_a_failure_keeps_the_age_of_what_was_true_last() -> None:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(state_table([make_state(last_status=EntityStatus.FAILED, dead_letters=3)]))
    row = capture.get().splitlines()[-1].split()
    assert row == ["people.Person", "3", "min", "ago", "5,000", "failed", "3"]


def test_a_product_that_the_token_may_not_see_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, make_state(), closed("giving.Fund"), closed("giving.Donation"))
    assert [line for line in told if "giving" in line] == [
        "Not accessible to the token's user: giving (2 entities)."
    ]
    assert not any("NEVER SYNCED" in line for line in told)


def test_entities_that_the_token_may_not_see_are_named_beside_those_that_it_may() -> None:
    states = [make_state(), closed("people.Note"), closed("people.Message"), closed("giving.Fund")]
    assert list(not_accessible(states)) == ["people.Note, people.Message", "giving.Fund"]


def test_what_could_be_seen_once_keeps_its_age(capsys: pytest.CaptureFixture[str]) -> None:
    state = make_state(last_status=EntityStatus.NOT_ACCESSIBLE)
    told = shown(capsys, state)
    assert "3 min ago" in told[3]
    assert "not accessible" in told[3]
    assert told[4] == "Not accessible to the token's user: people.Person."
