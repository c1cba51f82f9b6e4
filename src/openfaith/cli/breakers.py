"""Sources that are left alone: how that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfaith.cli.output import Output
from openfaith.cli.words import counted, duration
from openfaith.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.store import OpenBreaker


def breaker_line(breaker: OpenBreaker) -> str:
    """Why a source is not asked, since when, and what follows."""
    whose = "" if breaker.org_id else " by everybody"
    if breaker.reason == "rejected":
        return (
            f"The source rejects the credentials ({breaker.seen}), so it is not asked: "
            f"`openfaith connect {breaker.adapter} --org {breaker.org_id}` with others."
        )
    asked = "it is being asked now" if breaker.is_probed else f"it is asked again {_due(breaker)}"
    tried = f" after {counted(breaker.probes, 'try')} in vain" if breaker.probes else ""
    return (
        f"The source is in trouble ({breaker.seen}) and has been left alone{whose} for "
        f"{duration(breaker.open_for.total_seconds())}{tried}; {asked}."
    )


def _due(breaker: OpenBreaker) -> str:
    seconds = breaker.due_in.total_seconds()
    return f"in {duration(seconds)}" if seconds else "as soon as somebody works"


def breaker_document(breaker: OpenBreaker | None) -> dict[str, object] | None:
    """The same for machines."""
    if breaker is None:
        return None
    return {
        "state": breaker.state,
        "reason": breaker.reason,
        "shared": breaker.org_id is None,
        "seen": breaker.seen,
        "opened_at": breaker.opened_at,
        "probes": breaker.probes,
        "next_probe_at": breaker.next_probe_at,
    }


class BreakerWatch:
    """Tells whoever looks on, once for each time, that a run waits for its source, and that it goes on."""

    def __init__(self, engine: Engine, org: str, output: Output) -> None:
        self._engine = engine
        self._org = org
        self._output = output
        self._told: set[int] = set()

    async def look(self) -> None:
        """A database that is away for a moment is nobody's news: whoever looks on sees it by other signs."""
        try:
            found = await self._engine.waiting_for(self._org)
        except DatabaseUnavailableError:
            return
        if found is None and self._told:
            self._told.clear()
            self._output.say("The source answers again; going on.")
        elif found is not None and found.breaker_id not in self._told:
            self._told.add(found.breaker_id)
            self._output.say(breaker_line(found), style="yellow")
