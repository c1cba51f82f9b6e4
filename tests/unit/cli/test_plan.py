"""How a plan says what it costs."""

from __future__ import annotations

from openfaith.cli.commands.plan import closing


def test_a_plan_whose_records_were_counted_says_what_it_costs() -> None:
    assert closing(217, 4846, 0) == "217 entities; 4,846 requests expected."


def test_one_request_is_no_requests() -> None:
    assert closing(1, 1, 0) == "1 entity; 1 request expected."


def test_a_plan_that_knows_a_part_says_which() -> None:
    assert closing(217, 1996, 1) == (
        "217 entities; 1,996 requests expected, beside those for 1 entity that nobody has counted yet; "
        "the plan knows after the first sync."
    )


def test_a_plan_that_knows_nothing_does_not_say_that_it_costs_nothing() -> None:
    assert closing(217, 0, 168) == (
        "217 entities; requests unknown for 168 entities that nobody has counted yet; "
        "the plan knows after the first sync."
    )
