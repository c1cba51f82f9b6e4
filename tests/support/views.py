"""Runs as a command line sees them, made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from openfaith.engine import RunView
from openfaith.records import (
    EntityName,
    EntityRunId,
    EntityStatus,
    OrgId,
    RunId,
    RunStatus,
    Strategy,
    SyncKind,
)
from openfaith.store import (
    EntityRunRecord,
    EntityState,
    Executor,
    Reconciliation,
    RunRecord,
    SyncOutcome,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FINAL = {*EntityStatus} - {EntityStatus.WAITING, EntityStatus.RUNNING}


def make_entity(name: str = "people.Person", **changed: Any) -> EntityRunRecord:
    """A completed entity run of 5,000 rows, all new, unless told otherwise."""
    status = changed.setdefault("status", EntityStatus.COMPLETED)
    begun = status not in {EntityStatus.WAITING, EntityStatus.SKIPPED}
    defaults: dict[str, Any] = {
        "entity_run_id": EntityRunId(1),
        "run_id": RunId(7),
        "entity": EntityName(name),
        "position": 1,
        "reason": None,
        "fence": 1,
        "pages": 50,
        "requests": 50,
        "records": 5000,
        "inserted": 5000,
        "updated": 0,
        "unchanged": 0,
        "deleted": 0,
        "suspects": 0,
        "held": 0,
        "dead_letters": 0,
        "total_count": 5000,
        "live_rows": 5000,
        "started_at": NOON if begun else None,
        "progressed_at": NOON if begun else None,
        "finished_at": NOON if status in FINAL else None,
        "seconds": 1.25 if begun else None,
        "reading": "top",
        "path": "/people/v2/people",
        "parent": None,
        "carrier": None,
        "include": None,
    }
    return EntityRunRecord(**(defaults | changed))


def make_run(status: RunStatus = RunStatus.COMPLETED, **changed: Any) -> RunRecord:
    """Run 7 of `grace`, which took 2.5 s where it is over."""
    is_open = status in {RunStatus.QUEUED, RunStatus.RUNNING}
    defaults: dict[str, Any] = {
        "run_id": RunId(7),
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "kind": SyncKind.FULL,
        "entities": None,
        "strategy": Strategy.HYBRID,
        "requested_by": "command",
        "status": status,
        "reason": None,
        "attempt": 1,
        "requested_at": NOON,
        "started_at": None if status is RunStatus.QUEUED else NOON,
        "finished_at": None if is_open else NOON + timedelta(seconds=2.5),
        "cancel_requested_at": None,
    }
    return RunRecord(**(defaults | changed))


def make_view(*entities: EntityRunRecord, status: RunStatus = RunStatus.COMPLETED, **changed: Any) -> RunView:
    return RunView(run=make_run(status, **changed), entities=entities)


def make_state(name: str = "people.Person", **changed: Any) -> EntityState:
    """An entity that is true as of three minutes ago."""
    defaults: dict[str, Any] = {
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "entity": EntityName(name),
        "watermark": NOON,
        "live_rows": 5000,
        "last_run_id": RunId(7),
        "last_status": EntityStatus.COMPLETED,
        "last_completed_at": NOON,
        "behind_seconds": 180.0,
        "dead_letters": 0,
        "newest": NOON,
        "source_count": None,
        "counted_at": None,
        "proven_at": None,
        "doubts": None,
        "suspects": 0,
        "held": 0,
        "counted_seconds": None,
        "proven_seconds": None,
    }
    return EntityState(**(defaults | changed))


def make_proven_state(name: str = "people.Person", **changed: Any) -> EntityState:
    """The same, counted and proven complete by the same run."""
    proven: dict[str, Any] = {
        "source_count": 5000,
        "counted_at": NOON,
        "counted_seconds": 180.0,
        "proven_at": NOON,
        "proven_seconds": 180.0,
        "doubts": [],
    }
    return make_state(name, **(proven | changed))


def make_outcome(kind: str = "full", *, seconds: float | None = 7200.0, **changed: Any) -> SyncOutcome:
    """A run of that kind completed so long ago; None: never."""
    defaults: dict[str, Any] = {
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "entity": EntityName("people.Person"),
        "kind": kind,
        "run_id": RunId(7),
        "status": EntityStatus.FAILED if seconds is None else EntityStatus.COMPLETED,
        "reason": None,
        "finished_at": NOON,
        "completed_at": None if seconds is None else NOON,
        "completed_seconds": seconds,
    }
    return SyncOutcome(**(defaults | changed))


def make_reconciliation(name: str = "people.Person", **changed: Any) -> Reconciliation:
    """A proven listing of 5,000 records that showed what is stored."""
    defaults: dict[str, Any] = {
        "entity_run_id": EntityRunId(1),
        "entity": EntityName(name),
        "started_at": NOON,
        "closed_at": NOON,
        "compared_at": NOON,
        "listed": 5000,
        "proven": True,
        "doubts": [],
        "guard": "allowed",
        "guard_reason": None,
    }
    counts = dict.fromkeys(("missing", "stale", "suspects", "held", "refuted", "deleted", "merged"), 0)
    return Reconciliation(**(defaults | counts | changed))


def make_worker(pid: int = 41, *, role: str = "worker") -> Executor:
    return Executor(executor_id=f"host:{pid}", role=role, host="host", pid=pid)
