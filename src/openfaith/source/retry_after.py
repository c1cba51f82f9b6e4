"""What a source asks for when it wants to be left alone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from openfaith.source.clock import parse_http_date

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


def parse_retry_after(text: str | None, answered_at: datetime | None) -> timedelta | None:
    """Read a `Retry-After`: a number of seconds, or a date, which is compared with the answer's own `Date`.

    None where it is absent, unreadable, or a date while the answer has none.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(seconds := text.strip()):
        return timedelta(seconds=float(seconds))
    until = parse_http_date(text)
    if until is None or answered_at is None:
        return None
    return max(until - answered_at, timedelta())
