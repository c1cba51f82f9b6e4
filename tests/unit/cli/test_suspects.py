"""How suspects are told, and what is refused before anything is asked."""

from __future__ import annotations

import os
import pwd
from typing import Any

import pytest

from openfaith.cli.commands.suspects import decision_lines, next_moves, summary_lines, who
from openfaith.cli.main import run
from openfaith.records import EntityName
from openfaith.store import SuspectState, SuspectSummary
from support.views import NOON

PERSON = EntityName("people.Person")


def summary(state: SuspectState = SuspectState.HELD, **changed: Any) -> SuspectSummary:
    """61 that wait."""
    defaults: dict[str, Any] = {
        "adapter": "pco",
        "entity": PERSON,
        "state": state,
        "suspects": 61,
        "since": NOON,
        "since_seconds": 7200.0,
        "reasons": ["61 of 5,000 rows are more than 2%"] if state is SuspectState.HELD else [],
    }
    return SuspectSummary(**(defaults | changed))


def test_those_that_wait_are_told_with_the_reason_and_the_first_ids() -> None:
    assert [text for text, _ in summary_lines(summary(), ["1", "2", "3"])] == [
        "people.Person: 61 suspects wait for your decision (the first found 2 h ago).",
        "  Why: 61 of 5,000 rows are more than 2%.",
        "  Ids: 1, 2, 3 and 58 more",
    ]


@pytest.mark.parametrize("state", [state for state in SuspectState if state is not SuspectState.HELD])
def test_every_other_state_is_told_in_two_lines(state: SuspectState) -> None:
    (text, _), (ids, _) = summary_lines(summary(state, suspects=1), ["7"])
    assert text.startswith("people.Person: 1 suspect ")
    assert text.endswith(" (found 2 h ago).")
    assert ids == "  Ids: 7"


def test_the_next_move_names_the_entity_where_there_is_one() -> None:
    one = " ".join(next_moves("grace", [summary(), summary(SuspectState.APPROVED)]))
    assert "`openfaith suspects approve grace --entity people.Person --all`" in one
    several = " ".join(next_moves("grace", [summary(), summary(entity=EntityName("people.Email"))]))
    assert "`openfaith suspects reject grace --entity NAME --all`" in several


def test_where_nothing_waits_there_is_no_next_move() -> None:
    assert list(next_moves("grace", [summary(SuspectState.SUSPECT)])) == []


def test_a_decision_says_what_comes_of_it() -> None:
    approved = " ".join(decision_lines("grace", PERSON, 3, approving=True))
    assert "Approved 3 suspects of people.Person" in approved
    assert "`openfaith sync grace --type reconciliation`" in approved
    assert "Rejected 1 suspect" in " ".join(decision_lines("grace", PERSON, 1, approving=False))
    assert "nothing was changed" in " ".join(decision_lines("grace", PERSON, 0, approving=True))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve",), "no suspects are named"),
        (("reject",), "no suspects are named"),
        (("approve", "7", "--all"), "both ids and --all are given"),
    ],
)
def test_which_ones_must_be_said(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    verb, *rest = arguments
    assert run(["suspects", verb, "grace", "--entity", "Person", *rest]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert f"`openfaith suspects {verb} grace --entity Person --all`" in err


def test_who_decides_is_the_user_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert who() == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert who() == "cli"
