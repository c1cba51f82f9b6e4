"""What the control tables say of runs, as the verbs of `runs` return it."""

from __future__ import annotations

from collections.abc import Sequence
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
    copy_name,
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
    dry_run: bool = False
    """Whether it works on a copy, and shows what it would do."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", SyncKind(self.kind))
        object.__setattr__(self, "strategy", Strategy(self.strategy))
        object.__setattr__(self, "status", RunStatus(self.status))
        object.__setattr__(self, "entities", None if self.entities is None else tuple(self.entities))

    @property
    def is_final(self) -> bool:
        return self.finished_at is not None

    @property
    def works_as(self) -> str:
        """The schema that it writes to, and the key of its control rows: the adapter, or the name of its copy."""
        return copy_name(self.adapter, self.run_id) if self.dry_run else self.adapter


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
    held: int
    """Suspects that its reconciliation left to a person; 0 for other kinds."""
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
    blind_changes: int = 0
    """Rows whose content differed at the source although their stamp did not; sweeps and samples count them."""
    sampled: int | None = None
    """How many stored records a reconciliation asked for once more; None where it did not."""

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
    newest: datetime | None
    """The newest stamp of a stored record that is no later than the watermark; by the source's clock, as the next two."""
    source_count: int | None
    """How many records the source had when all were last read or listed; None where it did not tell."""
    counted_at: datetime | None
    proven_at: datetime | None
    """When a listing that was proven complete last began."""
    doubts: Sequence[str] | None
    """What speaks against the last whole reading; empty where it was proven, None where there was none."""
    suspects: int
    """Those that may still be deleted: neither rejected nor confirmed."""
    held: int
    """Of these, those that wait for a person."""
    counted_seconds: float | None
    """Since `counted_at`, by the database's clock."""
    proven_seconds: float | None
    """Since `proven_at`, by the database's clock."""
    last_swept_at: datetime | None = None
    """When the last completed sweep began, by the source's clock."""
    swept_seconds: float | None = None
    """Since then, by the database's clock."""
    swept_rows: int = 0
    """Records that sweeps have read, in the last closed cycle and the running one."""
    blind_changes: int = 0
    """How many of these had changed without a new stamp."""
    cycle_closed_at: datetime | None = None
    """When sweeps have last come to the end of everything, by the database's clock; None where they never have."""
    sampled: int | None = None
    """How many stored records the last reconciliation asked for once more, to compare their content; None if it never did."""
    sampled_different: int | None = None
    """How many of these had another content under the same stamp."""
    sampled_at: datetime | None = None
    """When that reconciliation began, by the source's clock."""
    sampled_seconds: float | None = None
    """Since then, by the database's clock."""

    @property
    def blind_change_rate(self) -> float | None:
        """What part of the records that sweeps have read had changed without a new stamp, from 0 to 1; None where
        nothing was swept.
        """
        return self.blind_changes / self.swept_rows if self.swept_rows else None

    @property
    def is_proven(self) -> bool:
        """Whether the last reading of everything was proven complete."""
        return self.proven_at is not None and not self.doubts

    @property
    def surplus(self) -> int | None:
        """How many rows there are more than the source had when it was last counted; None where that is not known."""
        return None if self.source_count is None else self.live_rows - self.source_count


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldEntityRun:
    """An entity run that this process has taken, and where to continue it."""

    entity_run_id: EntityRunId
    fence: int
    checkpoint: dict[str, object] | None
    pages: int
    records: int
    dead_letters: int
    forgiven_records: int
    """So many of these are from before it was last retried."""
    forgiven_dead_letters: int
    cancel_requested: bool
    carrier: EntityName | None
    """On whose pages it rides, if it does."""
    carrier_status: EntityStatus | None
    """How far that one is in the same run."""
    carrier_doubts: list[str] | None = None
    """Why what that one read is not proven to be all; None where nobody can tell."""
    read_before: bool = False
    """Whether another run has read the entity whole before, with doubts or without."""

    def __post_init__(self) -> None:
        status = None if self.carrier_status is None else EntityStatus(self.carrier_status)
        object.__setattr__(self, "carrier_status", status)
