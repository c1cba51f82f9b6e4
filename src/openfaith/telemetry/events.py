"""What happened: the contract between the engine and whoever listens.

Every event is frozen, names the organization, run and entity it belongs to (as far as there are any), and says
itself in one sentence. None holds a secret or a person's data: ids of records, names of attributes and counts,
but never their values.

| event | severity | measures |
|---|---|---|
| RunStarted | info | entities planned, whether dry |
| RunJoined | info | |
| RunGoesOn | info | |
| RunFinished | info, warning, error | entities by outcome |
| DependencyCut | info | |
| DependencyNotRequested | info | |
| EntityNotPlanned | info | |
| EntityRunStarted | info | page and records it continues at |
| EntityRunFinished | info, warning, error | pages, records |
| EntitySkipped | warning | |
| ValuesSetAside | warning | values by attribute |
| RecordsSetAside | warning | records |
| DeadLettersRetried | info, warning | letters by outcome |
| DeadLettersDiscarded | info | letters |
| FailedRunDiscarded | info | entities |
| RecordsMerged | info | records, rows that referred to them |
| ListingShifted | warning | records before and after |
| ListingDistrusted | warning | |
| ListingUnproven | warning | |
| DeletionsStopped | warning | suspects that wait |
| SuspectsRefuted | warning | records that exist |
| BlindChangesFound | warning | records that changed, records that were read |
| ParityBroken | warning | records that differ, records that were asked for |
| DeltaFellBack | info | |
| DeltaReadsWhole | info | |
| ParentVanished | info | |
| ParentLeftBehind | warning | |
| ProductNotAccessible | warning | |
| PermissionsUnknown | warning | |
| SourceNotice | info, warning | |
| WorkTakenOver | warning | workflows |
| MirrorTablesMade | info | tables |
| MirrorTableChanged | info, warning | values set aside by column |
| MirrorTableFilled | info, warning | values moved, values kept by attribute |
| CanonicalViewKept | warning | |
| ManifestDrift | info, warning | |
| BreakerOpened | warning, error | organizations in trouble |
| BreakerProbed | info | failed probes, seconds to the next |
| BreakerClosed | info | failed probes, seconds |
| AlertOpened | warning, error | |
| AlertResolved | info | |
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


def _counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


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
    strategy: str
    """How they wait for each other."""
    dry_run: bool = False
    """Whether it works on a copy: whatever else it tells, nothing of it has happened."""

    def message(self) -> str:
        name = f"dry run of a {self.kind} sync" if self.dry_run else f"{self.kind} sync"
        return f"{name} of {_counted(self.entities, 'entity', 'entities')} started, strategy {self.strategy}"


@dataclass(frozen=True, kw_only=True)
class RunJoined(Event):
    """The same sync was asked for again while it was queued or running."""

    def message(self) -> str:
        return "asked for again; joined the run that is under way"


@dataclass(frozen=True, kw_only=True)
class RunGoesOn(Event):
    """A run that rejected credentials had stopped is queued again, since there are others now."""

    def message(self) -> str:
        return "connected again: the run goes on where the rejected credentials had stopped it"


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
class EntityNotPlanned(Event):
    """A retried run leaves out an entity that the program did not know, or could not read, when the run was planned."""

    def message(self) -> str:
        return f"{self.entity} is not read in this run, which was planned without it; the next run reads it"


@dataclass(frozen=True, kw_only=True)
class EntityRunStarted(Event):
    """An entity's segment begins, for the first time or where an earlier one stopped."""

    page: int
    records: int

    def message(self) -> str:
        if self.page == 0:
            return f"{self.entity} started"
        return f"{self.entity} continues after page {self.page} ({_counted(self.records, 'record')})"


@dataclass(frozen=True, kw_only=True)
class EntityRunFinished(Event):
    """An entity's part of a run is settled."""

    status: str
    reason: str | None
    error: str | None = None
    """The class of what ended it, where it did not complete because of one."""
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
        became = "a dead letter" if self.records == 1 else "dead letters"
        told = _counted(self.records, "record")
        return f"{self.entity}: {told} became {became}: {'; '.join(self.reasons)}"


@dataclass(frozen=True, kw_only=True)
class DeadLettersRetried(Event):
    """Dead letters of an entity were replayed; those that are still unstorable stay open."""

    stored: int
    superseded: int
    """Not needed: what is stored is newer, or says the same, or was deleted since."""
    unstorable: int

    @property
    def severity(self) -> Severity:
        return "warning" if self.unstorable else "info"

    def message(self) -> str:
        number = _counted(self.stored + self.superseded + self.unstorable, "dead letter")
        return (
            f"{self.entity}: replayed {number}: {self.stored} stored, {self.superseded} superseded, "
            f"{self.unstorable} still unstorable"
        )


@dataclass(frozen=True, kw_only=True)
class DeadLettersDiscarded(Event):
    """A person gave dead letters up."""

    letters: int

    def message(self) -> str:
        return f"{self.entity}: {_counted(self.letters, 'dead letter')} discarded"


@dataclass(frozen=True, kw_only=True)
class FailedRunDiscarded(Event):
    """A person gave up what failed of a run."""

    entities: tuple[EntityName, ...]

    def message(self) -> str:
        return f"what failed of the run is discarded: {', '.join(self.entities)}"


@dataclass(frozen=True, kw_only=True)
class RecordsMerged(Event):
    """The source told of records that others took their place, and so it is here."""

    merged: int
    """Records that have a survivor now, or another one than before."""
    repointed: dict[str, int] = field(default_factory=dict)
    """Rows that pointed at them and point at the survivor now, by `product.Entity.column`."""

    def message(self) -> str:
        were = "was merged into another" if self.merged == 1 else "were merged into others"
        text = f"{self.entity}: {_counted(self.merged, 'record')} {were}"
        rows = sum(self.repointed.values())
        if not rows:
            return text
        follow = "follows" if rows == 1 else "follow"
        return f"{text}; {_counted(rows, 'row that referred to them', 'rows that referred to them')} {follow}"


@dataclass(frozen=True, kw_only=True)
class ParentVanished(Event):
    """A stored parent is gone at the source: nothing can be asked below it any more."""

    parent: EntityName
    parent_id: str

    def message(self) -> str:
        return f"{self.entity}: {self.parent} {self.parent_id} is gone at the source, and nothing can be asked below it"


@dataclass(frozen=True, kw_only=True)
class ParentLeftBehind(Event):
    """Below one parent nothing could be read. Its siblings go on, and it is asked for again."""

    parent: EntityName
    parent_id: str
    reason: str

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity}: below {self.parent} {self.parent_id} nothing could be read: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ProductNotAccessible(Event):
    """The token's user may see nothing of a product: its entities are left out, and nothing fails for it."""

    product: str
    reason: str

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"the product {self.product} is not accessible: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ListingShifted(Event):
    """The source's count changed while its pages were read, so that rows may have moved between them."""

    before: int
    after: int

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity}: the source counted {_counted(self.before, 'record')}, then {self.after}, while they were read"


@dataclass(frozen=True, kw_only=True)
class ListingDistrusted(Event):
    """A large list was cut by time, and the source did not keep to the cuts: it is read in one piece."""

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity}: the source does not keep to a window of `created_at`; everything is read again in one piece"


@dataclass(frozen=True, kw_only=True)
class ListingUnproven(Event):
    """A reconciliation's listing may not have shown everything: nothing is deleted by it."""

    doubts: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.entity}: the listing proves nothing, so nothing is deleted: {'; '.join(self.doubts)}"


@dataclass(frozen=True, kw_only=True)
class DeletionsStopped(Event):
    """So many records were not listed, or so strangely, that a person must look before any is deleted."""

    suspects: int
    """That wait."""
    reason: str

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        wait = _counted(self.suspects, "record waits", "records wait")
        return f"{self.entity}: {wait} for a person: {self.reason}; see `openfaith suspects list`"


@dataclass(frozen=True, kw_only=True)
class SuspectsRefuted(Event):
    """Records exist that a listing did not show, which was taken for proven: nothing more is deleted by it.

    Known by then, they keep no later listing from that.
    """

    count: int

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        exist = _counted(
            self.count, "record exists that was not listed", "records exist that were not listed"
        )
        return f"{self.entity}: {exist}: nothing more is deleted by this listing, and later ones may leave out as much"


@dataclass(frozen=True, kw_only=True)
class BlindChangesFound(Event):
    """A sweep has found, and stored, changes that no delta could see: they moved no stamp."""

    count: int
    of: int
    """Records that the sweep has read."""

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        right = "is put right" if self.count == 1 else "are put right"
        read = f"{self.count:,} of {self.of:,} records"
        return f"{self.entity}: {read} had changed without a new updated_at, and {right}"


@dataclass(frozen=True, kw_only=True)
class ParityBroken(Event):
    """Of a few stored records, some said something else at the source although their stamps were the same."""

    different: int
    sampled: int

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        differ = "differs" if self.different == 1 else "differ"
        return (
            f"{self.entity}: {self.different:,} of {_counted(self.sampled, 'sampled record')} {differ} from the source"
            " under the same updated_at; `openfaith sync ORG --type sweep` finds what else does"
        )


@dataclass(frozen=True, kw_only=True)
class DeltaFellBack(Event):
    """A delta reads everything of an entity after all."""

    reason: str

    def message(self) -> str:
        return f"{self.entity}: everything is read, not only what changed: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class DeltaReadsWhole(Event):
    """Entities whose changes the source cannot tell: a delta reads all of them."""

    entities: tuple[EntityName, ...]

    def message(self) -> str:
        many = _counted(len(self.entities), "entity", "entities")
        are = "is" if len(self.entities) == 1 else "are"
        return f"{many} cannot be asked for changes alone and {are} read whole: {', '.join(self.entities)}"


@dataclass(frozen=True, kw_only=True)
class PermissionsUnknown(Event):
    """A run goes on without knowing what the token may see."""

    reason: str

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"nobody knows what the token may see: {self.reason}"


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
        gone = _counted(len(self.executors), "process that is", "processes that are")
        return f"took over {_counted(self.workflows, 'workflow')} of {gone} gone"


@dataclass(frozen=True, kw_only=True)
class MirrorTablesMade(Event):
    """Mirror tables that were not there were made."""

    adapter: str
    tables: int

    def message(self) -> str:
        return f"made {_counted(self.tables, 'mirror table')} of {self.adapter}"


@dataclass(frozen=True, kw_only=True)
class MirrorTableChanged(Event):
    """A mirror table follows a manifest that differs from the one it was made for."""

    table: str
    added: tuple[str, ...] = ()
    """Columns that are new."""
    changed: tuple[str, ...] = ()
    """Columns that have another type now, as in `age: text → bigint`."""
    kept: dict[str, str] = field(default_factory=dict)
    """Changes of type that were not made, and why."""
    set_aside: dict[str, int] = field(default_factory=dict)
    """How many values the new type cannot hold, by column; they are in `_extra`."""

    @property
    def severity(self) -> Severity:
        return "warning" if self.kept or self.set_aside else "info"

    def message(self) -> str:
        parts = (
            f"new {'column' if len(self.added) == 1 else 'columns'} {', '.join(self.added)}"
            if self.added
            else "",
            f"changed {', '.join(self.changed)}" if self.changed else "",
            "; ".join(f"left {change} undone ({why})" for change, why in self.kept.items()),
            "; ".join(
                f"{_counted(count, 'value')} of {name} {'is' if count == 1 else 'are'} in _extra"
                for name, count in self.set_aside.items()
            ),
        )
        return f"{self.table}: {'; '.join(part for part in parts if part)}"


@dataclass(frozen=True, kw_only=True)
class MirrorTableFilled(Event):
    """The columns that a mirror table got later hold what `_extra` had for them."""

    table: str
    columns: tuple[str, ...]
    moved: int
    """Values."""
    kept: dict[str, int] = field(default_factory=dict)
    """Values that stay in `_extra` because their column cannot hold them, by attribute or relationship."""

    @property
    def severity(self) -> Severity:
        return "warning" if self.kept else "info"

    def message(self) -> str:
        text = (
            f"{self.table}: {_counted(self.moved, 'value')} moved from _extra into {', '.join(self.columns)}"
        )
        left = ", ".join(f"{name} ({count})" for name, count in sorted(self.kept.items()))
        return f"{text}; they do not fit and stay there: {left}" if left else text


@dataclass(frozen=True, kw_only=True)
class CanonicalViewKept(Event):
    """A view of the canonical model keeps an older form, because something of somebody else's rests on it."""

    view: str
    because: str
    """What rests on it, as PostgreSQL says it."""
    remedy: str

    @property
    def severity(self) -> Severity:
        return "warning"

    def message(self) -> str:
        return f"{self.view} keeps its old form: {self.because}; {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class ManifestDrift(Event):
    """What the source says of itself differs from the manifest."""

    added: dict[str, list[str]] = field(default_factory=dict)
    """What the manifest does not know, by kind: collection, attribute, relationship, filter, order, include."""
    gone: dict[str, list[str]] = field(default_factory=dict)
    """What the manifest knows and the source no longer has, likewise."""
    consequences: tuple[str, ...] = ()
    """What it changes for a sync; empty where nothing."""

    @property
    def severity(self) -> Severity:
        return "warning" if self.consequences else "info"

    def message(self) -> str:
        parts = [f"new {kind} {', '.join(names)}" for kind, names in self.added.items()]
        parts += [f"{kind} {', '.join(names)} gone" for kind, names in self.gone.items()]
        text = f"{self.entity}: the source differs from the manifest: {'; '.join(parts)}"
        return ". ".join((text, *self.consequences))


@dataclass(frozen=True, kw_only=True)
class BreakerOpened(Event):
    """A source is left alone: it is in trouble, or rejects the credentials."""

    adapter: str
    reason: str
    """`outage` or `rejected`."""
    seen: str
    """What the source did."""
    organizations: int | None = None
    """How many have found it in trouble, where all who read it wait now; None where it is about one."""

    @property
    def severity(self) -> Severity:
        return "error" if self.reason == "rejected" else "warning"

    def message(self) -> str:
        if self.reason == "rejected":
            return f"the credentials are rejected ({self.seen}): nothing more is asked with them"
        if self.organizations is not None:
            return f"{self.organizations} organizations find {self.adapter} in trouble ({self.seen}): all who read it wait"
        return f"the source is in trouble ({self.seen}): it is left alone, and asked again from time to time"


@dataclass(frozen=True, kw_only=True)
class BreakerProbed(Event):
    """A source was asked whether it is well again, and is not."""

    adapter: str
    seen: str
    """What it did this time."""
    probes: int
    """How many have failed by now."""
    seconds: float
    """After how long it is asked again."""

    def message(self) -> str:
        failed = _counted(self.probes, "probe")
        return f"{self.adapter} is still in trouble ({self.seen}) after {failed}: it is asked again in {self.seconds:,.0f} s"


@dataclass(frozen=True, kw_only=True)
class BreakerClosed(Event):
    """A source is asked again."""

    adapter: str
    reason: str
    """Why it was not."""
    probes: int
    """How many failed meanwhile."""
    seconds: float
    """How long it was left alone."""

    def message(self) -> str:
        tried = _counted(self.probes, "probe")
        return f"{self.adapter} answers again, after {self.seconds:,.0f} s and {tried} in vain"


@dataclass(frozen=True, kw_only=True)
class AlertOpened(Event):
    """A rule holds that did not hold before: a person shall know."""

    alert: int
    """Its number."""
    rule: str
    level: Severity
    """How bad it is."""
    text: str

    @property
    def severity(self) -> Severity:
        return self.level

    def message(self) -> str:
        return f"alert {self.alert} ({self.rule}) opened: {self.text}"


@dataclass(frozen=True, kw_only=True)
class AlertResolved(Event):
    """What an alert was about is over."""

    alert: int
    """Its number."""
    rule: str
    text: str
    """What it had said last."""

    def message(self) -> str:
        return f"alert {self.alert} ({self.rule}) is resolved; it had said: {self.text}"
