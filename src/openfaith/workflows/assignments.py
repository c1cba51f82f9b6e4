"""What a segment is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from openfaith.manifest import Endpoint, Entity, Reading
from openfaith.records import OrgId, RunId, SyncKind
from openfaith.store import Rider
from openfaith.telemetry import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Which entity of which run to read, and how. Small and plain: it comes out of recorded steps."""

    run_id: RunId
    org_id: OrgId
    adapter: str
    """Whose tables and control rows; of a dry run the name of its copy."""
    entity: Entity
    endpoint: Endpoint | None
    """What is asked; None for what rides on another entity's pages."""
    version: str
    page_size: int
    reading: Reading = Reading.TOP
    kind: SyncKind = SyncKind.FULL
    riders: tuple[Rider, ...] = ()
    """What comes along with its pages."""

    @property
    def subject(self) -> Subject:
        return Subject(org_id=self.org_id, run_id=self.run_id, entity=self.entity.name)

    @property
    def includes(self) -> tuple[str, ...]:
        """By which its riders come along."""
        return tuple(sorted(rider.include for rider in self.riders))


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a segment did, and whether the entity has more."""

    done: bool
    pages: int
    """Committed in this segment."""
    records: int
    doubts: tuple[str, ...] | None = None
    """Why what was read proves nothing; None where it was a part, or is not read to its end."""
    shown: int | None = None
    """How many records the walk was shown in all, now that it is done; None where nobody counted."""
    checkpoint: str | None = None
    """Where its walk has come to; None where there was none."""
    sleep: timedelta | None = None
    """How long to wait before the next segment, as the source is left alone; None where it may begin at once."""
