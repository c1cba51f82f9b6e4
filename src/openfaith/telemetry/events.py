"""What happened: the contract between the engine and whoever listens.

Every event is frozen, names the organization, run and entity it belongs to (as far as there are any), and says
itself in one sentence. None holds a secret or a person's data: ids of records, names of attributes and counts,
but never their values.

| event | severity | measures |
|---|---|---|
| RunStarted | info | entities planned |
| RunJoined | info | |
| RunFinished | info, warning, error | entities by outcome |
| DependencyCut | info | |
| DependencyNotRequested | info | |
| EntityRunStarted | info | page and records it continues at |
| EntityRunFinished | info, warning, error | pages, records |
| EntitySkipped | warning | |
| ValuesSetAside | warning | values by attribute |
| RecordsSetAside | warning | records |
| ListingShifted | warning | records before and after |
| SourceNotice | info, warning | |
| WorkTakenOver | warning | workflows |
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from openfaith.records import EntityName, OrgId, RunId

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an event is about, as far as there is any."""

    org_id: OrgId | None = None
    run_id: RunId | None = None
    entity: EntityName | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. Subclasses add what was measured and the sentence."""

    about: Subject = field(default_factory=Subject)

    @property
    def severity(self) -> Severity:
        return "info"

    @property
    def entity(self) -> EntityName | None:
        return self.about.entity

    @property
    def name(self) -> str:
        return type(self).__name__

    def message(self) -> str:
        """One sentence for a person."""
        raise NotImplementedError

    def details(self) -> dict[str, object]:
        """What the event measured, as plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "about"}


def _severity_of(status: str) -> Severity:
    """Of an outcome: what failed is an error, what was left undone a warning."""
    if status == "completed":
        return "info"
    return "error" if status == "failed" else "warning"


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A run holds its organization's place and begins."""

    kind: str
    entities: int

    def message(self) -> str:
        return f"{self.kind} sync of {self.entities} entities started"


@dataclass(frozen=True, kw_only=True)
class RunJoined(Event):
    """The same sync was asked for again while it was queued or running."""

    def message(self) -> str:
        return "asked for again; joined the run that is under way"


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """A run is over."""

    status: str
    outcomes: dict[str, int]
    """How many entities ended as what."""

    @property
    def severity(self) -> Severity:
        return _severity_of(self.status)

    def message(self) -> str:
        counted = ", ".join(f"{count} {status}" for status, count in sorted(self.outcomes.items()))
        return f"run {self.status}: {counted or 'nothing was planned'}"


@dataclass(frozen=True, kw_only=True)
class DependencyCut(Event):
    """A soft dependency was given up to break a cycle."""

    on: EntityName
    cycle: tuple[str, ...]

    def message(self) -> str:
        return f"{self.entity} does not wait for {self.on}: that would be a cycle ({' → '.join(self.cycle)})"


@dataclass(frozen=True, kw_only=True)
class DependencyNotRequested(Event):
    """An entity is synced without one that it depends on, because only the first was asked for."""

    note: str

    def message(self) -> str:
        return self.note


@dataclass(frozen=True, kw_only=True)
class EntityRunStarted(Event):
    """An entity's segment begins, for the first time or where an earlier one stopped."""

    page: int
    records: int

    def message(self) -> str:
        if self.page == 0:
            return f"{self.entity} started"
        return f"{self.entity} continues after page {self.page} ({self.records} records)"


@dataclass(frozen=True, kw_only=True)
class EntityRunFinished(Event):
    """An entity's part of a run is settled."""

    status: str
    reason: str | None
    pages: int = 0
    records: int = 0

    @property
    def severity(self) -> Severity:
        return _severity_of(self.status)

    def message(self) -> str:
        return f"{self.entity} {self.status}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, kw_only=True)
class EntitySkipped(Event):
    """An entity could not run because one it needs did not complete."""

    blocked_by: EntityName

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity} was skipped: it needs {self.blocked_by}, which did not complete"


@dataclass(frozen=True, kw_only=True)
class ValuesSetAside(Event):
    """Values that do not fit their column were kept in `_extra`."""

    values: dict[str, int] = field(default_factory=dict)
    """How many, by attribute."""

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        counted = ", ".join(f"{name} ({count})" for name, count in sorted(self.values.items()))
        return f"{self.entity}: values that do not fit their column are in _extra: {counted}"


@dataclass(frozen=True, kw_only=True)
class RecordsSetAside(Event):
    """Records that cannot be stored became dead letters."""

    records: int
    reasons: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity}: {self.records} records became dead letters: {'; '.join(self.reasons)}"


@dataclass(frozen=True, kw_only=True)
class ListingShifted(Event):
    """The source's count changed while its pages were read, so that rows may have moved between them."""

    before: int
    after: int

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity}: the source counted {self.before} records, then {self.after}, while they were read"


@dataclass(frozen=True, kw_only=True)
class SourceNotice(Event):
    """Something the source client did that a person could wonder about: a retry, a pause, a clock."""

    notice: str
    text: str

    def message(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class WorkTakenOver(Event):
    """Workflows of a process that is gone were put back into their queues."""

    executors: tuple[str, ...]
    workflows: int

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"took over {self.workflows} workflows of {len(self.executors)} processes that are gone"
