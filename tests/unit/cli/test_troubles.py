"""What `runs show` says of what went wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openfaith import errors
from openfaith.cli.troubles import NEXT_MOVES, next_move, trouble_lines
from openfaith.errors import SyncError
from openfaith.records import EntityName, RunStatus
from openfaith.store import Trouble
from support.views import make_run

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
TROUBLE = Trouble(
    kind="SourceUnavailableError",
    severity="error",
    times=5,
    first_at=NOON,
    last_at=NOON + timedelta(seconds=90),
    entities=[EntityName(name) for name in ("people.A", "people.B", "people.C", "people.D")],
    example="people.D failed: GET /d: the source is unavailable (status 503)",
)

RUN = make_run(RunStatus.FAILED)

OF_NO_RUN = {
    "ManifestError",
    "DependencyCycleError",
    "UnknownNameError",
    "InvalidRecordError",
    "DeliveryFailedError",
}
"""What ends a command before there is a run; and what ends none, but becomes a dead letter, or keeps an alert waiting."""


def lines(trouble: Trouble) -> list[str]:
    return [text for text, _ in trouble_lines(RUN, [trouble])]


def test_a_trouble_says_how_often_of_what_and_when_and_what_helps() -> None:
    assert lines(TROUBLE) == [
        "What went wrong, and what helps:",
        "  SourceUnavailableError, 5 times (people.A, people.B, people.C and 1 more), from 12:00:00 to 12:01:30",
        "    people.D failed: GET /d: the source is unavailable (status 503)",
        "    Next: look at the source's status page, then `openfaith runs retry 7`.",
    ]


def test_what_happened_once_has_one_time() -> None:
    once = replace(TROUBLE, times=1, last_at=NOON, entities=[])
    assert lines(once)[1] == "  SourceUnavailableError, 1 time, at 12:00:00"


def test_where_nothing_went_wrong_nothing_is_said() -> None:
    assert [*trouble_lines(RUN, [])] == []


@pytest.mark.parametrize(
    ("severity", "says"), [("error", "look at the log"), ("warning", "nothing, unless it is often")]
)
def test_of_what_is_not_known_the_log_has_more(severity: str, says: str) -> None:
    assert next_move(RUN, replace(TROUBLE, kind="KeyError", severity=severity)).startswith(says)


def test_what_helps_names_the_run_and_whose_it_is() -> None:
    moves = [next_move(RUN, replace(TROUBLE, kind=kind)) for kind in NEXT_MOVES]
    assert (
        next_move(RUN, replace(TROUBLE, kind="DeletionsStopped"))
        == "`openfaith suspects list grace`, and decide"
    )
    assert not [move for move in moves if "{" in move]


def test_every_error_that_a_run_can_meet_has_a_next_move() -> None:
    tree = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SyncError)}
    leaves = {
        kind.__name__
        for kind in tree
        if not {*kind.__subclasses__()} & tree or kind.__name__ == "AccessDeniedError"
    }
    assert leaves - NEXT_MOVES.keys() == OF_NO_RUN
