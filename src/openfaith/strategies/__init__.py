"""Which records to read, and when to stop: pure decisions over what pages showed.

A strategy never asks anything itself. It says what to ask for, is shown the answer, and says what follows; the
workflows do the asking and commit each state with its page.
"""

from openfaith.strategies.dead_letters import too_many
from openfaith.strategies.full import PAGE_SIZE, PageRequest, WalkState, advance, check, upcoming
from openfaith.strategies.pacing import MOST_PAGES_IN_FLIGHT, pages_in_flight

__all__ = [
    "MOST_PAGES_IN_FLIGHT",
    "PAGE_SIZE",
    "PageRequest",
    "WalkState",
    "advance",
    "check",
    "pages_in_flight",
    "too_many",
    "upcoming",
]
