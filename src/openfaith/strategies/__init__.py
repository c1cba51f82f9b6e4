"""Which records to read, and when to stop: pure decisions over what pages showed.

A strategy never asks anything itself. It says what to ask for, is shown the answer, and says what follows; the
workflows do the asking and commit each state with its page.
"""

from openfaith.strategies.dead_letters import too_many
from openfaith.strategies.full import PageRequest, WalkState, advance, check, upcoming
from openfaith.strategies.nested import (
    NestedState,
    advance_below,
    deny,
    end_of_pass,
    fail,
    leave,
    restart_second_pass,
    upcoming_below,
)
from openfaith.strategies.pacing import MOST_PAGES_IN_FLIGHT, pages_in_flight

__all__ = [
    "MOST_PAGES_IN_FLIGHT",
    "NestedState",
    "PageRequest",
    "WalkState",
    "advance",
    "advance_below",
    "check",
    "deny",
    "end_of_pass",
    "fail",
    "leave",
    "pages_in_flight",
    "restart_second_pass",
    "too_many",
    "upcoming",
    "upcoming_below",
]
