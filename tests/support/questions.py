"""The ten questions, as they stand on the page that asks them."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ten-questions.md"

QUESTIONS: dict[str, str] = dict(
    re.findall(
        r"^## (\d+\. [^\n]+)\n(?:(?!^##).)*?^```sql\n(.*?)^```$",
        PAGE.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)
"""Title → SQL. Organization 'grace'; the days that a question depends on are of `YEAR_OF_THE_QUESTIONS`."""

YEAR_OF_THE_QUESTIONS = 2026


def asked_in(year: int, question: str) -> str:
    """The same question, asked in another year."""
    return question.replace(f"DATE '{YEAR_OF_THE_QUESTIONS}-", f"DATE '{year}-")
