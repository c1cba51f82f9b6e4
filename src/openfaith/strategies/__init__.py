"""Which records to read, and when to stop: pure decisions over what pages showed.

A strategy never asks anything itself. It says what to ask for, is shown the answer, and says what follows; the
workflows do the asking and commit each state with its page.
"""

from openfaith.strategies.dead_letters import too_many
from openfaith.strategies.delta import (
    OLDEST_MARK,
    OVERLAP,
    DeltaKind,
    DeltaState,
    advance_delta,
    begin_delta,
    check_delta,
    count_known,
    is_delta,
    unusable,
    upcoming_delta,
)
from openfaith.strategies.full import FullState, advance_full, check_full, upcoming_full
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
from openfaith.strategies.offsets import (
    OffsetState,
    PageRequest,
    advance,
    begins_with_anchor,
    check,
    upcoming,
)
from openfaith.strategies.pacing import MOST_PAGES_IN_FLIGHT, pages_in_flight
from openfaith.strategies.proof import find_doubts
from openfaith.strategies.reconciliation import (
    Allowed,
    Answer,
    DeletionFacts,
    Stopped,
    Verdict,
    guard_deletions,
    judge_suspect,
)
from openfaith.strategies.sweep import (
    SHARES,
    SweepBelow,
    SweepState,
    advance_sweep,
    begin_sweep,
    begin_sweep_below,
    check_sweep,
    is_last,
    is_sweep,
    read_sweep_below,
    share_of,
    share_of_parents,
)

__all__ = [
    "MOST_PAGES_IN_FLIGHT",
    "OLDEST_MARK",
    "OVERLAP",
    "SHARES",
    "Allowed",
    "Answer",
    "DeletionFacts",
    "DeltaKind",
    "DeltaState",
    "FullState",
    "NestedState",
    "OffsetState",
    "PageRequest",
    "Stopped",
    "SweepBelow",
    "SweepState",
    "Verdict",
    "advance",
    "advance_below",
    "advance_delta",
    "advance_full",
    "advance_sweep",
    "begin_delta",
    "begin_sweep",
    "begin_sweep_below",
    "begins_with_anchor",
    "check",
    "check_delta",
    "check_full",
    "check_sweep",
    "count_known",
    "deny",
    "end_of_pass",
    "fail",
    "find_doubts",
    "guard_deletions",
    "is_delta",
    "is_last",
    "is_sweep",
    "judge_suspect",
    "leave",
    "pages_in_flight",
    "read_sweep_below",
    "restart_second_pass",
    "share_of",
    "share_of_parents",
    "too_many",
    "unusable",
    "upcoming",
    "upcoming_below",
    "upcoming_delta",
    "upcoming_full",
]
