"""Every question of the page is asked of a small church, and the answers were counted by hand from its records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from openfaith.store import open_database
from support.church import found, open_model, read
from support.postgres import Databases
from support.questions import QUESTIONS

ANSWERS: dict[str, list[tuple[object, ...]]] = {
    "1. How many people came each week, by campus?": [
        (date(2026, 1, 4), "(none)", 1),
        (date(2026, 1, 4), "North", 3),
        (date(2026, 1, 4), "South", 1),
        (date(2026, 1, 11), "North", 2),
        (date(2026, 1, 11), "South", 1),
        # Ann came on Sunday and on Wednesday, and so did Eli; Dora on Sunday.
        (date(2026, 1, 18), "North", 1),
        (date(2026, 1, 18), "South", 2),
        (date(2026, 2, 22), "North", 1),
        (date(2026, 2, 22), "South", 1),
        (date(2026, 3, 29), "North", 1),
        (date(2026, 3, 29), "South", 1),
    ],
    "2. How much was given to each fund, by month?": [
        (date(2025, 12, 1), "General", "USD", Decimal("10.00"), 1),
        # 70 of Ann's 100, Ben's 50, and 20 in the plate.
        (date(2026, 1, 1), "General", "USD", Decimal("140.00"), 3),
        (date(2026, 1, 1), "Missions", "USD", Decimal("30.00"), 1),
        # 25.50 and 5; neither the 40 that failed nor the 99 that were given back.
        (date(2026, 2, 1), "General", "USD", Decimal("30.50"), 2),
        (date(2026, 2, 1), "Missions", "USD", Decimal("10.00"), 1),
    ],
    "3. Who belongs to no household?": [("Eli Cole", "5"), ("Gus Eder", "7")],
    "4. How many volunteers does each team have?": [
        ("Sunday morning", "Band", 2),
        ("Sunday morning", "Ushers", 1),
        ("Sunday morning", "Kids", 0),
    ],
    "5. Who gave for the first time this year?": [
        ("Ben Abel", date(2026, 1, 18), Decimal("50.00"), "USD"),
        ("Eli Cole", date(2026, 2, 15), Decimal("10.00"), "USD"),
        ("Gus Eder", date(2026, 2, 22), Decimal("5.00"), "USD"),
    ],
    "6. Who used to come and stopped?": [("Dora Burns", 3, date(2026, 1, 18))],
    "7. How large are the groups, and who leads them?": [
        ("Young adults", 3, "Eli Cole"),
        ("Seniors", 1, None),
    ],
    "8. How old are we?": [("0-12", 1), ("30-49", 3), ("65 and over", 1), ("unknown", 1)],
    "9. Which songs do we sing most?": [
        ("Amazing Grace", 2, date(2026, 1, 11)),
        ("Be Thou My Vision", 1, date(2026, 1, 4)),
    ],
    # Ann and Eli do both, Dora only serves, Ben (whose team is no more) and Gus only give.
    "10. How many of those who serve also give?": [(True, True, 2), (True, False, 1), (False, True, 2)],
}


@pytest.fixture(scope="module")
def church_url(databases: Databases) -> Iterator[str]:
    """A church, and a second one with the same records, which must not show."""
    with databases.fresh() as url:
        asyncio.run(_found_two(url))
        yield url


async def _found_two(url: str) -> None:
    async with open_model(url) as database:
        await found(database, org="grace")
        await found(database, org="hope")


def test_the_page_asks_ten_questions() -> None:
    assert list(QUESTIONS) == list(ANSWERS)
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize("question", ANSWERS)
async def test_a_question_has_the_answer_that_was_counted_by_hand(church_url: str, question: str) -> None:
    async with open_database(church_url) as database:
        assert [tuple(row.values()) for row in await read(database, QUESTIONS[question])] == ANSWERS[question]
