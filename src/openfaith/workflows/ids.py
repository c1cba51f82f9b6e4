"""Workflow ids. They are idempotency keys, so every one is built here and nowhere else."""

from __future__ import annotations

from openfaith.records import EntityName, RunId


def sync_run_workflow_id(run_id: RunId, attempt: int) -> str:
    """The orchestrator of one attempt of a run: `run-42-1`."""
    return f"run-{run_id}-{attempt}"


def entity_run_workflow_id(run_id: RunId, attempt: int, entity: EntityName) -> str:
    """One entity's part of one attempt of a run: `run-42-1-people.Person`."""
    return f"{sync_run_workflow_id(run_id, attempt)}-{entity}"
