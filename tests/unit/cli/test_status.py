"""How freshness and truth are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from openfaith.cli.commands.status import OrgStatus, overview_table, show, worst_freshness
from openfaith.cli.output import Output
from openfaith.cli.standing import attend
from openfaith.cli.states import Known, freshness, not_accessible, parity, proof, state_table, synced
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, RunStatus
from openfaith.store import EntityState, SyncOutcome
from support.views import (
    NOON,
    make_entity,
    make_outcome,
    make_proven_state,
    make_run,
    make_state,
    make_worker,
)

NEVER: dict[str, Any] = {"last_completed_at": None, "behind_seconds": None, "watermark": None}
PERSON = EntityName("people.Person")


def closed(name: str, **changed: Any) -> EntityState:
    return make_state(name, **({"last_status": EntityStatus.NOT_ACCESSIBLE} | NEVER | changed))


def organization(*states: EntityState, **changed: Any) -> OrgStatus:
    defaults: dict[str, Any] = {
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "base_url": "http://it",
        "runs": (),
        "states": states,
        "never": (),
    }
    return OrgStatus(**(defaults | changed))


def shown(capsys: pytest.CaptureFixture[str], *states: EntityState, **changed: Any) -> list[str]:
    show(organization(*states, **changed), Output())
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def table(*states: EntityState, width: int = 120, outcomes: tuple[SyncOutcome, ...] = ()) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        known = [Known(state=state, outcomes=outcomes) for state in states]
        console.print(state_table(known, width=width))
    return [line.strip() for line in capture.get().splitlines()]


# One entity


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


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (5000, "= source"),
        (4988, "12 fewer than the source"),
        (5003, "3 more than the source"),
    ],
)
def test_rows_are_compared_with_what_the_source_had(rows: int, said: str) -> None:
    text = parity(make_proven_state(live_rows=rows))
    assert str(text) == said
    assert str(text.style) == ("" if rows == 5000 else "yellow")


def test_a_delta_since_the_count_makes_a_difference_no_fault() -> None:
    """It brings what is new, and counts nothing."""
    later = NOON + timedelta(hours=2)
    text = parity(make_proven_state(live_rows=5003, watermark=later, counted_seconds=7200.0))
    assert str(text) == "3 more than 2 h ago"
    assert str(text.style) == ""


def test_a_listing_with_doubts_is_not_called_proven_though_one_before_was() -> None:
    assert str(proof(make_proven_state())) == "3 min ago"
    text = proof(make_proven_state(doubts=["a page was short"]))
    assert str(text) == "no"
    assert str(text.style) == "yellow"


def test_nothing_is_said_of_what_was_never_counted() -> None:
    assert str(parity(make_state())) == str(proof(make_state())) == ""


def test_each_kind_that_ever_completed_has_its_age() -> None:
    outcomes = [
        make_outcome("delta", seconds=180),
        make_outcome("full", seconds=7200),
        make_outcome("reconciliation", seconds=None),
        make_outcome("other", seconds=7200),
    ]
    assert synced(outcomes) == "full 2 h ago, delta 3 min ago, other 2 h ago"


# The table


def test_an_entity_with_nothing_to_say_is_one_short_line() -> None:
    heading, _, row = table(make_proven_state(), outcomes=(make_outcome(seconds=180),))
    assert heading.split() == "entity rows true as of source proven synced last run".split()  # noqa: SIM905  # the same
    assert row.split() == (
        "people.Person 5,000 3 min ago = source 3 min ago full 3 min ago completed".split()  # noqa: SIM905  # as it is printed
    )
    assert len(row) < 100


def test_a_failure_keeps_the_age_of_what_was_true_last() -> None:
    row = table(make_state(last_status=EntityStatus.FAILED, dead_letters=3, suspects=2))[-1]
    assert row.split() == ["people.Person", "5,000", "3", "min", "ago", "failed", "2", "3"]


def test_a_narrow_terminal_keeps_what_is_wrong() -> None:
    heading, *_ = table(make_proven_state(dead_letters=3), width=60, outcomes=(make_outcome(),))
    assert heading.split() == ["entity", "rows", "true", "as", "of", "last", "run", "dead", "letters"]


def test_what_a_run_is_reading_is_in_progress(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(RunStatus.RUNNING)
    states = [make_state("people.Email"), make_state("people.Person"), make_state("people.Tab")]
    under_way = {
        EntityName("people.Email"): make_entity("people.Email", status=EntityStatus.RUNNING),
        PERSON: make_entity(status=EntityStatus.WAITING),
    }
    for executors, said in (([make_worker()], "in progress"), ([], "interrupted")):
        runs = tuple(attend([run], executors))
        told = shown(capsys, *states, runs=runs, under_way=under_way)
        assert [line.split("ago")[1].strip() for line in told[4:7]] == [said, "waiting", "completed"]


# Below it


def test_what_failed_says_why_once(capsys: pytest.CaptureFixture[str]) -> None:
    states = [make_state(name, last_status=EntityStatus.FAILED) for name in ("people.Email", "people.Person")]
    outcomes = {
        state.entity: [make_outcome("delta", seconds=None, reason="the source is unavailable")]
        for state in states
    }
    told = shown(capsys, *states, outcomes=outcomes)
    assert told[-2] == "people.Email, people.Person failed: the source is unavailable"


def test_a_reason_that_is_not_known_is_to_be_found_at_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, make_state(last_status=EntityStatus.SKIPPED, last_run_id=RunId(9)))
    assert told[-2] == "people.Person skipped: `openfaith runs show 9` says why"


def test_what_is_not_proven_says_its_first_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    doubted = ["a page was short", "the count differs"]
    told = shown(capsys, make_state(doubts=doubted), make_state("people.Email", doubts=doubted))
    assert (
        told[-2] == "people.Person, people.Email are not proven complete: a page was short (and 1 more doubt)"
    )


def test_rows_that_are_too_many_or_too_few_are_told_however_narrow_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    later = NOON + timedelta(hours=2)
    moved = make_proven_state("people.Tab", live_rows=5001, watermark=later)
    told = shown(
        capsys, make_proven_state(live_rows=4988), make_proven_state("people.Email", live_rows=5003), moved
    )
    assert (
        told[-2] == "The number of rows is not the source's: people.Person (12 fewer), people.Email (3 more)."
    )


def test_suspects_that_wait_are_told_with_the_next_move(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, make_state(suspects=61, held=60))
    assert told[-3:-1] == [
        "60 suspects of people.Person wait for your decision: `openfaith suspects list grace`.",
        "1 suspect may be gone at the source: the next reconciliation asks the source about it.",
    ]


def test_records_that_could_not_be_stored_are_told_with_the_next_move(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(capsys, make_state(dead_letters=3), make_state("people.Email", dead_letters=1))
    line = (
        "4 records of people.Person, people.Email could not be stored: `openfaith dead-letters list grace`."
    )
    assert line in told


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


# All organizations


def overview(*everything: OrgStatus, width: int = 120) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(overview_table(everything, width=width))
    return capture.get().splitlines()


def test_an_organization_is_as_fresh_as_the_stalest_of_its_entities() -> None:
    assert str(worst_freshness(organization(make_state(), make_state(behind_seconds=7200.0)))) == "2 h ago"
    assert str(worst_freshness(organization())) == "NEVER SYNCED"
    assert str(worst_freshness(organization(make_state(behind_seconds=None)))) == "no parents yet"


def test_an_organization_is_one_line() -> None:
    sound = organization(make_proven_state(), closed("giving.Fund"))
    assert [line.split() for line in overview(sound)[::2]] == [
        ["organization", "true", "as", "of", "entities", "proven"],
        ["grace", "3", "min", "ago", "1", "1"],
    ]


def test_what_is_wrong_anywhere_has_a_column() -> None:
    sick = organization(
        make_proven_state(doubts=["short"], held=3, suspects=4, dead_letters=2),
        make_state("people.Email", last_status=EntityStatus.FAILED, **NEVER),
        never=(EntityName("people.Tab"),),
    )
    heading, _, first, second = overview(sick, organization(make_proven_state(), org_id=OrgId("hope")))
    for text in ("not proven", "failed", "never synced", "suspects waiting", "dead letters"):
        assert text in heading
    assert first.split() == ["grace", "3", "min", "ago", "2", "0", "1", "1", "2", "3", "2"]
    assert second.split() == ["hope", "3", "min", "ago", "1", "1"]
    heading, *_ = overview(sick, width=80)
    assert heading.split() == "organization true as of proven not proven failed suspects waiting".split()  # noqa: SIM905  # as it is printed
