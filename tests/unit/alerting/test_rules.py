"""What a person is told of, and what not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from openfaith.alerting import RULES, Facts, Finding, Targets, decide
from support.alerts import NOON, PERSON, at_noon, make_breaker_facts, make_facts, make_run_facts

TARGETS = Targets()
OLD: dict[str, Any] = {"watermark": NOON - timedelta(days=3)}


def found(*known: Any, targets: Targets = TARGETS) -> list[Finding]:
    return decide(at_noon(*known), targets)


def rules(*known: Any, targets: Targets = TARGETS) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.aspect) for finding in found(*known, targets=targets)]


def test_nobody_is_told_that_all_is_well() -> None:
    assert found(make_facts()) == []
    assert decide(Facts(at=NOON), TARGETS) == []


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        (OLD, ("stale", None)),
        ({"held": 61}, ("guard_stopped", None)),
        ({"dead_letters": 11}, ("dead_letters", None)),
        ({"sampled_different": 1}, ("parity_lost", "sample")),
        ({"proven_at": NOON - timedelta(days=9)}, ("parity_lost", "proof")),
        ({"proven_at": None, "is_doubted": True}, ("parity_lost", "proof")),
    ],
)
def test_one_thing_that_is_wrong_is_one_finding(
    changed: dict[str, Any], rule: tuple[str, str | None]
) -> None:
    assert rules(make_facts(**changed)) == [rule]


@pytest.mark.parametrize(
    "changed",
    [
        {"watermark": NOON - TARGETS.fresh_within},
        {"dead_letters": TARGETS.most_dead_letters},
        {"proven_at": NOON - TARGETS.proven_within},
        {"proven_at": None, "is_doubted": True, "connected_at": NOON - TARGETS.proven_within},
    ],
)
def test_what_just_meets_its_target_is_well(changed: dict[str, Any]) -> None:
    assert found(make_facts(**changed)) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"watermark": None, "is_synced": False, "proven_at": None},
        {"is_synced": False, **OLD},
        {"watermark": None},  # what is read below parents of whom there are none
        {"proven_at": None},  # nothing was read whole
        {"proven_at": None, "is_doubted": True, "is_synced": False},
        {"proven_at": NOON - timedelta(days=9), "is_accessible": False},
    ],
)
def test_what_nobody_could_know_is_no_fault(changed: dict[str, Any]) -> None:
    assert found(make_facts(**changed)) == []


def test_what_the_token_may_not_see_any_more_grows_stale() -> None:
    assert rules(make_facts(**OLD, is_accessible=False)) == [("stale", None)]


def test_a_failed_run_is_told_with_its_entities_and_what_to_do() -> None:
    [partial] = found(make_run_facts("people.Person", "people.Email"))
    assert (partial.rule, partial.aspect, partial.entity) == ("run_failed", "full", None)
    assert partial.severity == "warning"
    assert partial.message == (
        "the last full run of grace is partial: people.Person, people.Email did not complete; `openfaith runs show 7` says "
        "why, `openfaith runs retry 7` goes on with what is missing"
    )
    [failed] = found(make_run_facts(is_partial=False, kind="delta"))
    assert (failed.severity, failed.aspect) == ("error", "delta")
    assert failed.message.startswith("the last delta run of grace failed; ")


def test_of_many_entities_the_first_are_named() -> None:
    [finding] = found(make_run_facts(*(f"people.E{n}" for n in range(10))))
    assert (
        "people.E0, people.E1, people.E2, people.E3, people.E4, people.E5 and 4 more did" in finding.message
    )


def test_every_text_says_what_is_wrong_where_and_the_next_move() -> None:
    texts = [
        f.message
        for f in found(
            make_facts(
                held=1, dead_letters=1234, sampled_different=2, **OLD, proven_at=NOON - timedelta(days=9)
            )
        )
    ]
    assert texts == [
        (
            "people.Person was last true at 2026-02-26 12:00 UTC, which is longer ago than 26 hours; `openfaith status grace` says "
            "why, `openfaith sync grace --type delta --entity people.Person` reads what changed"
        ),
        (
            "1 record waits for a person who says whether they may be deleted from people.Person; `openfaith suspects list grace "
            "--entity people.Person` shows them and what to do"
        ),
        (
            "1,234 records are set aside that people.Person cannot hold, and no more than 10 may be; `openfaith dead-letters "
            "list grace --entity people.Person` has the reasons and what to do"
        ),
        (
            "2 of 100 sampled records of people.Person differed from the source under the same updated_at; `openfaith sync grace "
            "--type sweep` finds what else does"
        ),
        (
            "people.Person was last proven complete at 2026-02-20 12:00 UTC, and 192 hours are over; `openfaith sync grace --type "
            "reconciliation --entity people.Person` lists everything again, `openfaith status grace` names what speaks against it"
        ),
    ]


def test_one_record_is_said_as_one() -> None:
    [finding] = found(make_facts(dead_letters=1), targets=Targets(most_dead_letters=0))
    assert finding.message.startswith(
        "1 record is set aside that people.Person cannot hold, and no more than 0 may be; "
    )


def test_a_target_is_the_operators() -> None:
    lax = Targets(fresh_within=timedelta(days=30), proven_within=timedelta(days=30), most_dead_letters=10_000)
    bad = make_facts(dead_letters=1234, proven_at=NOON - timedelta(days=9), **OLD)
    assert len(found(bad)) == 3
    assert found(bad, targets=lax) == []


def test_a_rule_is_known_by_its_name() -> None:
    bad = at_noon(
        make_facts(held=1, dead_letters=99, sampled_different=2, **OLD),
        make_run_facts(PERSON),
        make_breaker_facts(),
    )
    for name, rule in RULES.items():
        assert {finding.rule for finding in rule(bad, TARGETS)} == {name}


def left_alone(*, minutes: float, is_rejected: bool) -> list[Finding]:
    return found(make_breaker_facts(minutes=minutes, is_rejected=is_rejected))


def test_rejected_credentials_are_told_at_once_and_an_outage_when_it_lasts() -> None:
    [rejected] = left_alone(minutes=0, is_rejected=True)
    assert (rejected.rule, rejected.aspect, rejected.severity) == ("breaker_open", "rejected", "error")
    assert "`openfaith connect pco --org grace`" in rejected.message
    assert left_alone(minutes=5, is_rejected=False) == []
    [outage] = left_alone(minutes=5.1, is_rejected=False)
    assert (outage.rule, outage.aspect, outage.severity) == ("breaker_open", "outage", "warning")
