"""Whether a listing was complete: what a deletion may rest on, and nothing less.

A listing is proven where every window was closed, the records that it showed are as many as the source counted, and
nothing that happened on the way speaks against it. Whatever is doubtful is said; a listing with a doubt proves
nothing, and harms nobody.
"""

from __future__ import annotations

from openfaith.strategies.full import FullState

KNOWN_CAPS = frozenset({10_000})
"""Counts that stand for *this many, or more*."""


def find_doubts(state: FullState) -> tuple[str, ...]:
    """Why a walk that ended so proves nothing; empty where it does prove that it saw everything.

    Records without a usable id are counted among those that were read. That nothing can be compared with them is known
    where ids are kept: the listing itself speaks of them.
    """
    doubts: list[str] = []
    if not state.done:
        doubts.append("it was not read to its end")
    if state.distrusted:
        doubts.append("the source did not honour the windows that it was asked for")
    if state.total is None:
        doubts.append("the source counted nothing")
    elif state.total in KNOWN_CAPS:
        doubts.append(f"the source counts {state.total:,}, which may stand for more")
    if _is_bare(state) and not state.repeats:
        doubts.append("it shows nothing at all, and was not asked twice")
    return (*doubts, *_miscounted(state))


def _is_bare(state: FullState) -> bool:
    """Whether it ended at nothing, also where there had seemed to be something on the way."""
    return state.read == 0 or (not state.windows and state.inner.read == 0)


def _miscounted(state: FullState) -> list[str]:
    inner = state.inner
    if state.read is not None:
        differs = state.total is not None and state.read != state.total
        return [f"{state.read:,} records were read, and {state.total:,} counted"] if differs else []
    if inner.shifts or inner.read is None:
        return ["it shifted while it was read"]
    if inner.most is not None and inner.read != inner.most:
        return [f"{inner.read:,} records were read, and {inner.most:,} counted"]
    return ["one of its windows proves nothing"] if state.windows else []
