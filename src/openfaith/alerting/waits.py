"""How long a delivery that failed waits until it is tried again."""

from __future__ import annotations

from datetime import timedelta

MOST_ATTEMPTS = 30
"""About a day: who comes back tomorrow finds what was given up in `openfaith alerts list`."""

_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)


def wait_after(attempts: int) -> timedelta | None:
    """The wait after so many attempts, twice that before it and an hour at most; None where there shall be no other.

    Args:
        attempts: those that failed, at least 1.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    return min(_FIRST_WAIT * (1 << (attempts - 1)), _LONGEST_WAIT)
