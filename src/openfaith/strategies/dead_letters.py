"""When bad records are too many to go on."""

from __future__ import annotations

_TOLERATED = 20
_TOLERATED_SHARE = 0.01


def too_many(dead: int, seen: int) -> bool:
    """True where more than 20 records and more than 1% of those seen were set aside: that is no chance any more."""
    return dead > max(_TOLERATED, _TOLERATED_SHARE * seen)
