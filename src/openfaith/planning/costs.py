"""How many requests a full walk takes. The walks themselves are `strategies`'; this is their arithmetic.

That the two agree is what tests/unit/planning/test_costs_properties.py is for.
"""

from __future__ import annotations

import math

from openfaith.manifest import Endpoint

WINDOW = 9_900
"""Records in a window, as `strategies.full` has it."""

SLACK = 100
"""Not for so few more."""


def can_be_windowed(endpoint: Endpoint) -> bool:
    """Whether a list can be cut by a time that never changes."""
    return "created_at" in endpoint.query_by and "created_at" in endpoint.order_by


def count_pages(records: int, page_size: int) -> int:
    """Every page but the first begins with the last record of the page before, so it brings one less."""
    return 1 if records <= page_size else math.ceil((records - 1) / max(1, page_size - 1))


def count_requests(records: int, page_size: int, *, windowed: bool) -> int:
    """Of a list that nobody changes meanwhile.

    Where it is cut into windows, the first page tells that it is too large, and for each window one request asks where
    it ends. Records that share the second in which a window ends move that end a little, which is not counted here.
    """
    if not windowed or records <= WINDOW + SLACK:
        return count_pages(records, page_size)
    whole, before_last = divmod(records - 1, WINDOW)
    windows = whole + 1
    pages = whole * count_pages(WINDOW, page_size) + count_pages(before_last + 1, page_size)
    return 1 + windows + pages
