"""Runs that are not over, and whether anybody is at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openfaith.records import RunStatus, SyncKind

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.store import Executor, RunRecord

_MOST_RUNS = 200
_MOST_NAMES = 4
"""A command line that names more entities is nothing to read: a product may have more than fifty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A run, and whether a process that could work on it is alive."""

    run: RunRecord
    is_attended: bool

    @property
    def status(self) -> str:
        """The run's status, or `interrupted`: it was begun, is not over, and nobody is there to go on."""
        is_interrupted = self.run.status is RunStatus.RUNNING and not self.is_attended
        return "interrupted" if is_interrupted else self.run.status

    def sentence(self) -> str:
        """What a run that is not over is doing, and the next move where it does nothing."""
        name = f"{'Dry run' if self.run.dry_run else 'Run'} {self.run.run_id}"
        continuing = f"`{_command(self.run)}` goes on with it"
        if self.run.cancel_requested_at is not None:
            return f"{name} was cancelled, and is settled when " + (
                "its pages in flight are written." if self.is_attended else f"somebody works: {continuing}."
            )
        if self.is_attended:
            return f"{name} is {self.run.status}."
        if self.run.status is RunStatus.RUNNING:
            return f"{name} was interrupted, and nobody is working: {continuing}."
        return f"{name} is queued, and nobody is working: {continuing}."

    def to_json(self) -> dict[str, object]:
        """The run's member of every `--json` document that lists runs."""
        run = self.run
        return {
            "run_id": str(run.run_id),
            "org": run.org_id,
            "adapter": run.adapter,
            "kind": run.kind,
            "dry_run": run.dry_run,
            "entities": None if run.entities is None else list(run.entities),
            "status": run.status,
            "interrupted": self.status == "interrupted",
            "reason": run.reason,
            "attempt": run.attempt,
            "strategy": run.strategy,
            "requested_by": run.requested_by,
            "requested_at": run.requested_at,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "cancel_requested_at": run.cancel_requested_at,
        }


def _command(run: RunRecord) -> str:
    """What continues a run; where only a few entities were asked for, they are asked for again."""
    if run.cancel_requested_at is not None:
        return "openfaith up"
    if run.entities is not None and len(run.entities) > _MOST_NAMES:
        return f"openfaith runs retry {run.run_id}"
    entities = (f"--entity {name}" for name in run.entities or ())
    kind = [] if run.kind is SyncKind.FULL else [f"--type {run.kind}"]
    dry = ["--dry-run"] if run.dry_run else []
    return " ".join(["openfaith sync", run.org_id, *entities, *kind, *dry])


def attend(runs: Sequence[RunRecord], executors: Sequence[Executor]) -> list[Standing]:
    """Any process that is alive on the database takes up whatever is unfinished."""
    return [Standing(run=run, is_attended=bool(executors)) for run in runs]


async def open_runs(engine: Engine, org: str | None = None) -> list[Standing]:
    """The runs that are not over, oldest first."""
    runs = await engine.runs(org, limit=_MOST_RUNS)
    unfinished = [run for run in reversed(runs) if not run.is_final]
    return attend(unfinished, await engine.executors() if unfinished else ())
