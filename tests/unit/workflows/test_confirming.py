"""What the source says about a suspect, and what it does not say: only a plain 404 means that a record is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import AccessDeniedError, RecordNotFoundError, SyncError
from openfaith.records import EntityName, OrgId, Page, RecordId, RunId
from openfaith.source import Document, SourceClient
from openfaith.store import Database, HeldEntityRun, OpenSuspect, RecordPlace
from openfaith.strategies import Answer
from openfaith.workflows import confirming
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.confirming import Alive, Confirmation
from support.mirror import make_page, moment, record

MANIFEST = load_planning_center()
GONE = RecordNotFoundError("GET it", "404")
DENIED = AccessDeniedError("GET it", "403")
LISTED_AT = moment(-60)


@dataclass
class Source:
    """A client of a source that says this of every record, and that of its merges."""

    record: Document | SyncError
    merges: Mapping[str, bytes] | Page | SyncError
    """By the id of the merged record; a page is sent whatever is asked."""

    async def get_record(self, path: str, *, version: str, **_: object) -> Document:
        if isinstance(self.record, SyncError):
            raise self.record
        return self.record

    async def get_page(self, path: str, params: Mapping[str, str], *, version: str, **_: object) -> Page:
        if isinstance(self.merges, SyncError):
            raise self.merges
        if isinstance(self.merges, Page):
            return self.merges
        found = self.merges.get(params["where[person_to_remove_id]"])
        return make_page(*([] if found is None else [found]))


def document(key: str) -> Document:
    return Document(data=record(key, "Person"), included=(), meta={}, requested_at=moment(0), size_bytes=0)


def merger(removed: str, kept: str) -> bytes:
    return record("1", "PersonMerger", person_to_remove_id=removed, person_to_keep_id=kept)


@dataclass
class Told:
    """What was understood."""

    answer: Answer
    survivor: str | None


async def unexpected(*_of: object) -> Any:
    raise AssertionError("nobody asked for this")


def confirmation_of(name: str, source: object) -> Confirmation:
    entity = MANIFEST.entities[EntityName(name)]
    return Confirmation(
        database=cast("Database", None),
        manifest=MANIFEST,
        assignment=Assignment(
            run_id=RunId(1),
            org_id=OrgId("grace"),
            adapter="pco",
            entity=entity,
            endpoint=entity.listing,
            version="2025-03-20",
            page_size=100,
        ),
        held=cast("HeldEntityRun", None),
        client=cast("SourceClient", source),
        listed_at=LISTED_AT,
        keep=unexpected,
        sees_the_same=unexpected,
        hold=unexpected,
        tell_refuted=unexpected,
    )


async def ask(
    record: Document | SyncError,
    merges: Mapping[str, bytes] | Page | SyncError = GONE,
    *,
    of: str = "people.Person",
    path: str | None = "/x",
) -> Told:
    confirmation = confirmation_of(of, Source(record, merges))
    told = await confirmation._ask(OpenSuspect(id=RecordId("81"), times_missed=1), RecordPlace(path=path))
    return Told(told.answer, told.survivor)


async def test_a_record_that_is_sent_is_there() -> None:
    assert await ask(document("81")) == Told(Answer.THERE, None)


async def test_an_answer_about_another_record_says_nothing() -> None:
    assert await ask(document("92")) == Told(Answer.REFUSED, None)


async def test_a_record_that_is_refused_may_well_be_there() -> None:
    assert await ask(DENIED, make_page()) == Told(Answer.REFUSED, None)


async def test_a_record_that_is_not_found_and_was_not_merged_is_gone() -> None:
    assert await ask(GONE, make_page()) == Told(Answer.GONE, None)


async def test_of_what_nobody_merges_not_found_is_enough() -> None:
    assert await ask(GONE, of="people.Email") == Told(Answer.GONE, None)


@pytest.mark.parametrize("refusal", [DENIED, GONE])
async def test_where_the_log_of_merges_cannot_be_read_nobody_knows(refusal: SyncError) -> None:
    assert await ask(GONE, refusal) == Told(Answer.REFUSED, None)


async def test_a_record_that_was_merged_has_a_survivor() -> None:
    assert await ask(GONE, {"81": merger("81", "92")}) == Told(Answer.MERGED, "92")


async def test_a_log_that_shows_merges_of_others_may_lack_this_one() -> None:
    assert await ask(GONE, make_page(merger("5", "6"))) == Told(Answer.REFUSED, None)


async def test_without_a_path_there_is_nobody_to_ask() -> None:
    assert await ask(document("81"), path=None) == Told(Answer.UNTOLD, None)


# By what time


@dataclass
class Ticking:
    """A source whose clock moves a second with each answer, and which no answer has told yet. It knows no record."""

    answers: int = 0
    """Also the seconds of its clock."""

    @property
    def now(self) -> datetime | None:
        return moment(self.answers) if self.answers else None

    async def get_record(self, path: str, *, version: str, **_: object) -> Document:
        self.answers += 1
        gone = RecordNotFoundError(path, "404")
        gone.requests = 1
        raise gone

    async def whether_it_sees_the_same(self) -> bool:
        self.answers += 1
        return True


@dataclass
class Deletions:
    """What is deleted, by when it was confirmed, in place of the tables."""

    places: Mapping[str, RecordPlace]
    found: dict[str, datetime] = field(default_factory=dict)
    requests: int = 0

    async def note_requests(self, _database: object, _held: object, requests: int) -> None:
        self.requests += requests

    async def list_places(self, *_of: object) -> Mapping[str, RecordPlace]:
        return self.places

    async def tombstone(self, *of: Any, confirmed_at: datetime) -> None:
        self.found |= dict.fromkeys(of[-1], confirmed_at)

    async def settle_differences(self, _database: object, _held: object, ids: Sequence[str]) -> None:
        assert not ids, "nothing is left as it was"


@pytest.mark.parametrize(
    ("path", "times_missed", "requests", "confirmed_at"),
    [
        pytest.param("/emails/1", 1, 1 + 2, moment(1), id="asked-for-by-itself"),
        pytest.param(None, 2, 0, LISTED_AT, id="not-to-be-asked-for"),
    ],
)
async def test_a_process_that_knows_no_time_asks_before_what_it_asks_to_confirm(
    monkeypatch: pytest.MonkeyPatch,
    path: str | None,
    times_missed: int,
    requests: int,
    confirmed_at: datetime,
) -> None:
    """A deletion is dated by a time at which nothing of what confirms it had been answered; one that no answer confirms,
    by the listing that does.
    """
    source = Ticking()
    deletions = Deletions({key: RecordPlace(path=path) for key in ("1", "2")})
    for name in ("list_places", "note_requests", "tombstone", "settle_differences"):
        monkeypatch.setattr(confirming, name, getattr(deletions, name))
    confirmation = replace(
        confirmation_of("people.Email", source), sees_the_same=source.whether_it_sees_the_same
    )
    suspects = [OpenSuspect(id=RecordId(key), times_missed=times_missed) for key in ("1", "2")]
    await confirmation.settle(suspects)
    assert deletions.found == {"1": confirmed_at, "2": confirmed_at}
    assert deletions.requests == requests


# In which order


class StoppedError(Exception):
    """What ends a process in the middle of its work."""


@dataclass
class Steps:
    """What is done about suspects, in place of the tables and of the source, and until when."""

    stops_at: str | None = None
    sees_the_same: bool = True
    done: list[tuple[str, *tuple[str, ...]]] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: moment(0))

    async def get_record(self, path: str, *, version: str, **_: object) -> Document:
        if path == "/gone":
            raise RecordNotFoundError(path, "404")
        return document(path.removeprefix("/there/"))

    async def list_places(self, *of: Any) -> Mapping[str, RecordPlace]:
        paths = {"gone": "/gone", "there": "/there/there", "also-there": "/there/also-there"}
        return {key: RecordPlace(path=paths.get(key), parents=f"those of {key}") for key in of[-1]}

    async def note_requests(self, *_of: object) -> None: ...

    async def keep(self, alive: Alive) -> None:
        self.do("keep", [row.id or "" for row in alive.page.rows])

    async def ask_what_it_sees(self) -> bool:
        self.do("see", [])
        return self.sees_the_same

    async def hold(self, _reason: str, ids: Collection[str] | None) -> None:
        self.do("hold", ids or ["all"])

    async def refute_suspects(self, *of: Any) -> None:
        self.do("refute", of[-1])

    async def tell_refuted(self, count: int) -> None:
        self.do("tell", [str(count)])

    async def suspect_again(self, *of: Any) -> None:
        self.do("suspect", of[-1])

    async def tombstone(self, *of: Any, confirmed_at: datetime) -> None:
        self.do("delete", of[-1])

    async def settle_differences(self, *of: Any) -> None:
        self.do("settle", of[-1])

    def do(self, step: str, ids: Collection[str]) -> None:
        if step == self.stops_at:
            raise StoppedError
        self.done.append((step, *ids))


@pytest.fixture
def suspects() -> list[OpenSuspect]:
    """Three can be asked for by their paths, three cannot."""
    elsewhere = {"elsewhere": True, "once": True}
    times = {"there": 1, "gone": 1, "also-there": 1, "missed": 2, "elsewhere": 2, "once": 1}
    return [
        OpenSuspect(id=RecordId(key), times_missed=missed, may_be_elsewhere=elsewhere.get(key, False))
        for key, missed in times.items()
    ]


async def take_steps(
    steps: Steps, suspects: Sequence[OpenSuspect], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, *tuple[str, ...]]]:
    await confirming_by(steps, monkeypatch).settle(suspects)
    return steps.done


def confirming_by(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> Confirmation:
    for name in (
        "list_places",
        "note_requests",
        "refute_suspects",
        "suspect_again",
        "tombstone",
        "settle_differences",
    ):
        monkeypatch.setattr(confirming, name, getattr(steps, name))
    return replace(
        confirmation_of("people.Email", steps),
        keep=steps.keep,
        sees_the_same=steps.ask_what_it_sees,
        hold=steps.hold,
        tell_refuted=steps.tell_refuted,
    )


Step = tuple[str, *tuple[str, ...]]
IF_THERE: list[Step] = [
    ("keep", "there"),
    ("keep", "also-there"),
    ("refute", "there", "also-there"),
    ("tell", "2"),
]
"""What is there is stored before it is no suspect any more; then the listing that did not show it says nothing."""
IF_GONE: list[Step] = [
    ("see",),
    ("delete", "gone"),
    ("delete", "missed"),
    ("hold", "elsewhere"),
    ("settle", "once", "elsewhere"),
]


def not_there(suspects: Sequence[OpenSuspect]) -> list[OpenSuspect]:
    return [suspect for suspect in suspects if not suspect.id.endswith("there")]


async def test_where_something_is_there_it_is_stored_and_nothing_is_deleted(
    suspects: list[OpenSuspect], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await take_steps(Steps(), suspects, monkeypatch) == IF_THERE


async def test_where_nothing_is_there_each_is_dealt_with_as_the_source_says(
    suspects: list[OpenSuspect], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await take_steps(Steps(), not_there(suspects), monkeypatch) == IF_GONE


@pytest.mark.parametrize(
    ("safely", "step"), [(steps, step) for steps in (IF_THERE, IF_GONE) for step, *_ in steps]
)
async def test_wherever_it_is_stopped_nothing_is_noted_as_done_that_is_not(
    suspects: list[OpenSuspect], monkeypatch: pytest.MonkeyPatch, safely: list[Step], step: str
) -> None:
    """So that whoever takes over asks about it again."""
    steps = Steps(stops_at=step)
    with pytest.raises(StoppedError):
        await take_steps(steps, suspects if safely is IF_THERE else not_there(suspects), monkeypatch)
    assert steps.done == safely[: [name for name, *_ in safely].index(step)]


async def test_where_the_token_sees_something_else_nothing_is_deleted_and_all_waits(
    suspects: list[OpenSuspect], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await take_steps(Steps(sees_the_same=False), not_there(suspects), monkeypatch) == [
        ("see",),
        ("hold", "all"),
        ("hold", "elsewhere"),
        ("settle", "once", "gone", "missed", "elsewhere"),
    ]


# What is known to be left out by listings


async def test_what_is_still_there_stays_as_it_is_and_what_is_not_is_for_the_guard_to_judge(
    suspects: list[OpenSuspect], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is deleted by that, and what nobody can ask for waits for a person."""
    steps = Steps()
    await confirming_by(steps, monkeypatch).look_again(suspects[:4])
    assert steps.done == [
        ("keep", "there"),
        ("keep", "also-there"),
        ("suspect", "gone"),
        ("hold", "missed"),
        ("settle", "there", "also-there", "missed"),
    ]


async def test_beside_what_is_left_out_only_what_the_source_has_no_more_is_deleted(
    suspects: list[OpenSuspect], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = [replace(each, may_be_unlisted=True) for each in not_there(suspects)]
    assert await take_steps(Steps(), left_out, monkeypatch) == [
        ("see",),
        ("delete", "gone"),
        ("hold", "missed", "elsewhere", "once"),
        ("settle", "missed", "elsewhere", "once"),
    ]
