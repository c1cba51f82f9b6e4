"""What the control tables say of runs, as the verbs of `runs` return it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """A sync run as it stands. Times are aware and UTC, by the database's clock."""

    run_id: RunId
    org_id: OrgId
    adapter: str
    kind: SyncKind
    entities: tuple[EntityName, ...] | None
    """What was asked for; None: everything that can be read."""
    strategy: Strategy
    requested_by: str
    status: RunStatus
    reason: str | None
    attempt: int
    """1, and one more for every retry."""
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", SyncKind(self.kind))
        object.__setattr__(self, "strategy", Strategy(self.strategy))
        object.__setattr__(self, "status", RunStatus(self.status))
        object.__setattr__(self, "entities", None if self.entities is None else tuple(self.entities))

    @property
    def is_final(self) -> bool:
        return self.finished_at is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedReading:
    """What is known of an entity run before it starts: how the entity is to be read."""

    entity: EntityName
    reading: str
    path: str
    parent: EntityName | None = None
    carrier: EntityName | None = None
    include: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rider:
    """An entity run that is fed by another one's pages."""

    entity: EntityName
    entity_run_id: EntityRunId
    include: str
    records: int
    """Of all pages committed so far."""
    dead_letters: int
    """Among these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityRunRecord:
    """One entity's part of a run as it stands. Counts are of committed pages."""

    entity_run_id: EntityRunId
    run_id: RunId
    entity: EntityName
    position: int
    """In the plan's order, from 1."""
    status: EntityStatus
    reason: str | None
    fence: int
    pages: int
    requests: int
    records: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    suspects: int
    dead_letters: int
    total_count: int | None
    """What the source last said it has; for display."""
    live_rows: int | None
    """Rows in the mirror table when the entity run completed."""
    started_at: datetime | None
    progressed_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    """From start to end, or to now."""
    reading: str
    """`top`, `include` or `nested`: how it is read in this run."""
    path: str
    """Of the collection that is asked."""
    parent: EntityName | None
    """Whose rows are walked, where it is nested."""
    carrier: EntityName | None
    """Whose pages bring it along, where it rides."""
    include: str | None
    """By which include of the carrier."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", EntityStatus(self.status))


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityState:
    """What is known of one entity of one organization, across runs."""

    org_id: OrgId
    adapter: str
    entity: EntityName
    watermark: datetime | None
    """By the source's clock."""
    live_rows: int
    last_run_id: RunId | None
    last_status: EntityStatus
    last_completed_at: datetime | None
    behind_seconds: float | None
    """Since the watermark; None where there is none."""
    dead_letters: int
    """Open ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldEntityRun:
    """An entity run that this process has taken, and where to continue it."""

    entity_run_id: EntityRunId
    fence: int
    checkpoint: dict[str, object] | None
    pages: int
    records: int
    dead_letters: int
    cancel_requested: bool
    carrier: EntityName | None
    """On whose pages it rides, if it does."""
    carrier_status: EntityStatus | None
    """How far that one is in the same run."""

    def __post_init__(self) -> None:
        status = None if self.carrier_status is None else EntityStatus(self.carrier_status)
        object.__setattr__(self, "carrier_status", status)
