"""What rules look at, and the targets that they measure it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from openfaith.records import EntityName, OrgId, RunId


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityFacts:
    """What is known of one entity of one organization, across runs."""

    org_id: OrgId
    adapter: str
    entity: EntityName
    watermark: datetime | None
    """Up to when its rows are true, by the source's clock; None where it was never synced, or had nothing to be asked for."""
    is_synced: bool
    """Whether a run of it ever completed."""
    is_accessible: bool
    """Whether the last run's token could see it."""
    connected_at: datetime
    """Since when the organization is kept, by the database's clock."""
    proven_at: datetime | None
    """When a reading began that was proven complete, by the source's clock."""
    is_doubted: bool
    """Whether something speaks against the last reading of everything."""
    sampled: int
    """Stored records that the last reconciliation asked for once more; 0 where it did not."""
    sampled_different: int
    """Those of them that had another content under the same stamp."""
    held: int
    """Suspects that wait for a person."""
    dead_letters: int
    """Open ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What of one kind of run failed and was not made up for since. Dry runs promise nothing."""

    org_id: OrgId
    adapter: str
    kind: str
    """A `SyncKind`."""
    run_id: RunId
    """The last one that failed."""
    is_partial: bool
    """Whether some of it completed."""
    entities: Sequence[EntityName]
    """Those that have not completed since, by name; empty where it failed before it had a plan."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerFacts:
    """An organization's source is left alone."""

    org_id: OrgId
    adapter: str
    is_rejected: bool
    """The source does not accept the credentials; else it is in trouble."""
    opened_at: datetime
    """By the database's clock."""
    seen: str
    """What the source did last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything that is known of some organizations at one moment."""

    at: datetime
    """By the database's clock."""
    entities: Sequence[EntityFacts] = ()
    runs: Sequence[RunFacts] = ()
    breakers: Sequence[BreakerFacts] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What an operator has set: beyond these, a person is told."""

    fresh_within: timedelta = timedelta(hours=26)
    """How old the picture of an entity may be."""
    proven_within: timedelta = timedelta(hours=192)
    """How long ago it may have been proven complete."""
    most_dead_letters: int = 10
    """How many records of an entity may be set aside."""
