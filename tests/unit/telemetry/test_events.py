"""Events say themselves in one sentence, and hold what they measured."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from openfaith import telemetry
from openfaith.records import EntityName, OrgId, RunId
from openfaith.telemetry import (
    AlertOpened,
    AlertResolved,
    BlindChangesFound,
    BreakerClosed,
    BreakerOpened,
    BreakerProbed,
    CanonicalViewKept,
    DeadLettersDiscarded,
    DeadLettersRetried,
    DeletionsStopped,
    DeltaFellBack,
    DeltaReadsWhole,
    DependencyCut,
    DependencyNotRequested,
    EntityNotPlanned,
    EntityRunFinished,
    EntityRunStarted,
    EntitySkipped,
    Event,
    FailedRunDiscarded,
    ListingDistrusted,
    ListingShifted,
    ListingUnproven,
    ManifestDrift,
    MirrorTableChanged,
    MirrorTableFilled,
    MirrorTablesMade,
    ParentLeftBehind,
    ParentVanished,
    ParityBroken,
    PermissionsUnknown,
    ProductNotAccessible,
    RecordsMerged,
    RecordsSetAside,
    RunFinished,
    RunGoesOn,
    RunJoined,
    RunStarted,
    SourceNotice,
    Subject,
    SuspectsRefuted,
    ValuesSetAside,
    WorkTakenOver,
    events,
)

ABOUT = Subject(org_id=OrgId("grace"), run_id=RunId(7), entity=EntityName("people.Person"))

EXAMPLES: list[tuple[Event, str]] = [
    (
        RunStarted(about=ABOUT, kind="full", entities=3, strategy="hybrid"),
        "full sync of 3 entities started, strategy hybrid",
    ),
    (
        AlertOpened(about=ABOUT, alert=7, rule="stale", level="error", text="it is old"),
        "alert 7 (stale) opened: it is old",
    ),
    (
        AlertResolved(about=ABOUT, alert=7, rule="stale", text="it is old"),
        "alert 7 (stale) is resolved; it had said: it is old",
    ),
    (
        BreakerOpened(about=ABOUT, adapter="pco", reason="outage", seen="status 503"),
        "the source is in trouble (status 503): it is left alone, and asked again from time to time",
    ),
    (
        BreakerOpened(adapter="pco", reason="outage", seen="status 503", organizations=3),
        "3 organizations find pco in trouble (status 503): all who read it wait",
    ),
    (
        BreakerOpened(about=ABOUT, adapter="pco", reason="rejected", seen="401"),
        "the credentials are rejected (401): nothing more is asked with them",
    ),
    (
        BreakerProbed(about=ABOUT, adapter="pco", seen="status 503", probes=2, seconds=60.2),
        "pco is still in trouble (status 503) after 2 probes: it is asked again in 60 s",
    ),
    (
        BreakerClosed(about=ABOUT, adapter="pco", reason="outage", probes=3, seconds=61.4),
        "pco answers again, after 61 s and 3 probes in vain",
    ),
    (
        RunGoesOn(about=ABOUT),
        "connected again: the run goes on where the rejected credentials had stopped it",
    ),
    (RunJoined(about=ABOUT), "asked for again; joined the run that is under way"),
    (
        RunFinished(about=ABOUT, status="partial", outcomes={"failed": 1, "completed": 2}),
        "run partial: 2 completed, 1 failed",
    ),
    (RunFinished(about=ABOUT, status="failed", outcomes={}), "run failed: nothing was planned"),
    (
        DependencyCut(about=ABOUT, on=EntityName("people.Campus"), cycle=("a", "b", "a")),
        "people.Person does not wait for people.Campus: that would be a cycle (a → b → a)",
    ),
    (DependencyNotRequested(about=ABOUT, note="it goes without"), "it goes without"),
    (EntityRunStarted(about=ABOUT, page=0, records=0), "people.Person started"),
    (EntityRunStarted(about=ABOUT, page=3, records=250), "people.Person continues after page 3 (250 records)"),
    (EntityRunFinished(about=ABOUT, status="completed", reason=None), "people.Person completed"),
    (EntityRunFinished(about=ABOUT, status="failed", reason="403"), "people.Person failed: 403"),
    (
        EntityNotPlanned(about=ABOUT),
        "people.Person is not read in this run, which was planned without it; the next run reads it",
    ),
    (
        EntitySkipped(about=ABOUT, blocked_by=EntityName("people.Campus")),
        "people.Person was skipped: it needs people.Campus, which did not complete",
    ),
    (
        ValuesSetAside(about=ABOUT, values={"grade": 2, "age": 1}),
        "people.Person: values that do not fit their column are in _extra: age (1), grade (2)",
    ),
    (
        RecordsSetAside(about=ABOUT, records=2, reasons=("it has no id", "it is not an object")),
        "people.Person: 2 records became dead letters: it has no id; it is not an object",
    ),
    (
        RecordsSetAside(about=ABOUT, records=1, reasons=("it has no id",)),
        "people.Person: 1 record became a dead letter: it has no id",
    ),
    (
        DeadLettersRetried(about=ABOUT, stored=1, superseded=0, unstorable=0),
        "people.Person: replayed 1 dead letter: 1 stored, 0 superseded, 0 still unstorable",
    ),
    (
        DeadLettersRetried(about=ABOUT, stored=3, superseded=2, unstorable=1),
        "people.Person: replayed 6 dead letters: 3 stored, 2 superseded, 1 still unstorable",
    ),
    (DeadLettersDiscarded(about=ABOUT, letters=1), "people.Person: 1 dead letter discarded"),
    (DeadLettersDiscarded(about=ABOUT, letters=2), "people.Person: 2 dead letters discarded"),
    (
        FailedRunDiscarded(about=ABOUT, entities=(EntityName("people.Email"), EntityName("people.Person"))),
        "what failed of the run is discarded: people.Email, people.Person",
    ),
    (RecordsMerged(about=ABOUT, merged=1), "people.Person: 1 record was merged into another"),
    (
        RecordsMerged(about=ABOUT, merged=2, repointed={"people.Email.person_id": 3}),
        "people.Person: 2 records were merged into others; 3 rows that referred to them follow",
    ),
    (
        ListingShifted(about=ABOUT, before=5, after=4),
        "people.Person: the source counted 5 records, then 4, while they were read",
    ),
    (
        ListingDistrusted(about=ABOUT),
        "people.Person: the source does not keep to a window of `created_at`; everything is read again in one piece",
    ),
    (
        ListingUnproven(about=ABOUT, doubts=("it shifted while it was read", "the source counted nothing")),
        "people.Person: the listing proves nothing, so nothing is deleted: it shifted while it was read; the source counted nothing",
    ),
    (
        DeletionsStopped(about=ABOUT, suspects=1, reason="one is too many"),
        "people.Person: 1 record waits for a person: one is too many; see `openfaith suspects list`",
    ),
    (
        DeletionsStopped(about=ABOUT, suspects=60, reason="60 of 900 are too many"),
        "people.Person: 60 records wait for a person: 60 of 900 are too many; see `openfaith suspects list`",
    ),
    (
        SuspectsRefuted(about=ABOUT, count=1),
        "people.Person: 1 record exists that was not listed: nothing more is deleted by this listing, and later ones may leave out as much",
    ),
    (
        SuspectsRefuted(about=ABOUT, count=2),
        "people.Person: 2 records exist that were not listed: nothing more is deleted by this listing, and later ones may leave out as much",
    ),
    (
        BlindChangesFound(about=ABOUT, count=1, of=99),
        "people.Person: 1 of 99 records had changed without a new updated_at, and is put right",
    ),
    (
        BlindChangesFound(about=ABOUT, count=20, of=1_000),
        "people.Person: 20 of 1,000 records had changed without a new updated_at, and are put right",
    ),
    (
        ParityBroken(about=ABOUT, different=1, sampled=5),
        "people.Person: 1 of 5 sampled records differs from the source under the same updated_at; `openfaith sync ORG --type sweep` finds what else does",
    ),
    (
        ParityBroken(about=ABOUT, different=2, sampled=5),
        "people.Person: 2 of 5 sampled records differ from the source under the same updated_at; `openfaith sync ORG --type sweep` finds what else does",
    ),
    (
        DeltaFellBack(about=ABOUT, reason="people.Person was never read whole"),
        "people.Person: everything is read, not only what changed: people.Person was never read whole",
    ),
    (
        DeltaReadsWhole(about=ABOUT, entities=(EntityName("people.Tab"),)),
        "1 entity cannot be asked for changes alone and is read whole: people.Tab",
    ),
    (
        DeltaReadsWhole(about=ABOUT, entities=(EntityName("people.Campus"), EntityName("people.Tab"))),
        "2 entities cannot be asked for changes alone and are read whole: people.Campus, people.Tab",
    ),
    (
        ParentVanished(about=ABOUT, parent=EntityName("people.Household"), parent_id="5"),
        "people.Person: people.Household 5 is gone at the source, and nothing can be asked below it",
    ),
    (
        ParentLeftBehind(about=ABOUT, parent=EntityName("people.Household"), parent_id="5", reason="503"),
        "people.Person: below people.Household 5 nothing could be read: 503",
    ),
    (
        ProductNotAccessible(product="giving", reason="401, TRASH_PANDA"),
        "the product giving is not accessible: 401, TRASH_PANDA",
    ),
    (
        PermissionsUnknown(about=ABOUT, reason="GET /me: not found (404)"),
        "nobody knows what the token may see: GET /me: not found (404)",
    ),
    (SourceNotice(about=ABOUT, notice="Paused", text="paused for 5 s"), "paused for 5 s"),
    (MirrorTablesMade(adapter="pco", tables=3), "made 3 mirror tables of pco"),
    (
        MirrorTableChanged(about=ABOUT, table="pco.people_person", added=("nickname", "pronouns")),
        "pco.people_person: new columns nickname, pronouns",
    ),
    (
        MirrorTableChanged(
            about=ABOUT,
            table="pco.people_person",
            changed=("age: text → bigint",),
            kept={"grade: text → bigint": "a view"},
            set_aside={"age": 2},
        ),
        "pco.people_person: changed age: text → bigint; left grade: text → bigint undone (a view); 2 values of age are in _extra",
    ),
    (
        MirrorTableFilled(about=ABOUT, table="pco.people_person", columns=("nickname",), moved=5),
        "pco.people_person: 5 values moved from _extra into nickname",
    ),
    (
        MirrorTableFilled(about=ABOUT, table="pco.people_person", columns=("age",), moved=5, kept={"age": 2}),
        "pco.people_person: 5 values moved from _extra into age; they do not fit and stay there: age (2)",
    ),
    (
        CanonicalViewKept(view="canonical.person", because="view mine rests on it", remedy="drop it"),
        "canonical.person keeps its old form: view mine rests on it; drop it",
    ),
    (
        ManifestDrift(about=ABOUT, added={"attribute": ["pronouns"], "include": ["notes"]}),
        "people.Person: the source differs from the manifest: new attribute pronouns; new include notes",
    ),
    (
        ManifestDrift(about=ABOUT, gone={"filter": ["updated_at"]}, consequences=("everything is read",)),
        "people.Person: the source differs from the manifest: filter updated_at gone. everything is read",
    ),
    (WorkTakenOver(executors=("a",), workflows=1), "took over 1 workflow of 1 process that is gone"),
    (WorkTakenOver(executors=("a", "b"), workflows=3), "took over 3 workflows of 2 processes that are gone"),
]  # fmt: skip

KINDS = {
    member
    for member in vars(events).values()
    if isinstance(member, type) and issubclass(member, Event) and member is not Event
}


def test_every_event_has_an_example_here_and_is_exported() -> None:
    assert {type(event) for event, _ in EXAMPLES} == KINDS
    assert {kind.__name__ for kind in KINDS} <= set(telemetry.__all__)


@pytest.mark.parametrize(("event", "message"), EXAMPLES)
def test_an_event_says_itself(event: Event, message: str) -> None:
    assert event.message() == message
    assert event.name == type(event).__name__
    assert event.entity == event.about.entity


@pytest.mark.parametrize("event", [event for event, _ in EXAMPLES])
def test_an_events_measures_are_plain_and_always_there(event: Event) -> None:
    details = event.details()
    assert details.keys() == {f.name for f in dataclasses.fields(event)} - {"about"}
    assert json.loads(json.dumps(details)).keys() == details.keys()


@pytest.mark.parametrize("event", [event for event, _ in EXAMPLES])
def test_an_event_cannot_be_changed(event: Event) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.about = Subject()  # type: ignore[misc]  # that is the point


def test_the_table_has_every_event_and_what_it_measures() -> None:
    lines = re.findall(r"^\| (\w+) \| ([\w, ]+) \| (.*?)\s*\|?$", events.__doc__ or "", re.MULTILINE)[1:]
    assert {name for name, _, _ in lines} == {kind.__name__ for kind in KINDS}
    for name, severities, _ in lines:
        assert {event.severity for event, _ in EXAMPLES if event.name == name} <= set(severities.split(", "))


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        ("completed", "info"),
        ("failed", "error"),
        ("partial", "warning"),
        ("cancelled", "warning"),
        ("skipped", "warning"),
    ],
)
def test_an_outcome_is_as_severe_as_it_is(status: str, severity: str) -> None:
    assert RunFinished(status=status, outcomes={}).severity == severity
    assert EntityRunFinished(status=status, reason=None).severity == severity
