"""How many pages of one entity to have in flight."""

from __future__ import annotations

import math

MOST_PAGES_IN_FLIGHT = 3


def pages_in_flight(*, requests_per_second: float, latency_seconds: float) -> int:
    """As many as use up the announced rate, and no more (Little's law): 5/s at 0.3 s are 2.

    A page in flight is one that must be fetched again after a crash, so a fast source gets one.
    """
    wanted = math.ceil(requests_per_second * latency_seconds)
    return max(1, min(MOST_PAGES_IN_FLIGHT, wanted))
