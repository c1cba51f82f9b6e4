"""Times as the API writes them: UTC, whole seconds, `2020-01-25T16:59:05Z`.

Texts of this one form sort as the times do, so that the simulator compares texts and never parses its own.
"""

from __future__ import annotations

import calendar
import functools
import time
from datetime import UTC, date, datetime
from email.utils import formatdate

EARLIEST = int(datetime(2014, 1, 5, tzinfo=UTC).timestamp())
"""No generated record is older."""

LATEST = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp())
"""No generated stamp is younger; only changes made while the simulator runs are."""

YEAR_OF_THE_DATA = 2025
"""Ages and grades are as of this year."""

_SECONDS_OF_A_DAY = 86_400


def stamp(second: int) -> str:
    """A Unix time as the API writes it."""
    day, rest = divmod(second, _SECONDS_OF_A_DAY)
    minutes, seconds = divmod(rest, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day(day)}T{hours:02}:{minutes:02}:{seconds:02}Z"


def later(text: str, seconds: int) -> str:
    """A stamp so much later than another; earlier by a negative number."""
    return stamp(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) + seconds)


def http_date(now: float) -> str:
    """A Unix time as the `Date` header has it."""
    return formatdate(now, usegmt=True)


def read_time(text: str) -> datetime | None:
    """A time of a query, aware; None where it cannot be read. Without a zone it counts as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_day(text: str) -> date | None:
    """A plain date of a query (`2020-01-25`); None for everything else, also for a date with a time."""
    try:
        return date.fromisoformat(text) if len(text) == len("2020-01-25") else None
    except ValueError:
        return None


@functools.lru_cache(maxsize=8192)
def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * _SECONDS_OF_A_DAY))
