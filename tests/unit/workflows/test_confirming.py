"""What the source says about a suspect, and what it does not say: only a plain 404 means that a record is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import AccessDeniedError, RecordNotFoundError, SyncError
from openfaith.records import EntityName, OrgId, Page, RecordId, RunId
from openfaith.source import Document, SourceClient
from openfaith.store import Database, HeldEntityRun, OpenSuspect
from openfaith.strategies import Answer
from openfaith.workflows.confirming import Confirmation
from openfaith.workflows.segments import Assignment
from support.mirror import make_page, moment, record

MANIFEST = load_planning_center()
GONE = RecordNotFoundError("GET it", "404")
DENIED = AccessDeniedError("GET it", "403")


@dataclass
class Source:
    """A client of a source that says this of every record, and that of its merges."""

    record: Document | SyncError
    merges: Mapping[str, bytes] | Page | SyncError
    """By the id of the merged record; a page is sent whatever is asked."""

    async def get_record(self, path: str, *, version: str) -> Document:
        if isinstance(self.record, SyncError):
            raise self.record
        return self.record

    async def get_page(self, path: str, params: Mapping[str, str], *, version: str) -> Page:
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


async def ask(
    record: Document | SyncError,
    merges: Mapping[str, bytes] | Page | SyncError = GONE,
    *,
    of: str = "people.Person",
    path: str | None = "/x",
) -> Told:
    entity = MANIFEST.entities[EntityName(of)]
    confirmation = Confirmation(
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
        client=cast("SourceClient", Source(record, merges)),
    )
    told = await confirmation._ask(OpenSuspect(id=RecordId("81"), times_missed=1), path)
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
