"""Records that are asked for by their ids: what the source leaves out of an answer is asked for by itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import AccessDeniedError, RecordNotFoundError
from openfaith.records import EntityName, OrgId, Page, RecordId, RunId
from openfaith.source import Document, SourceClient
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.single_records import Found, RecordReader, can_ask_by_ids
from support.mirror import make_page, moment, record

PERSON = load_planning_center().entities[EntityName("people.Person")]


@dataclass
class People:
    """A client of a source that has these people."""

    ids: Collection[str]
    filters: bool = True
    cap: int = 100
    """How many it sends at a time."""
    denied: Collection[str] = ()
    pages: int = 0
    singles: list[str] = field(default_factory=list)

    async def get_page(self, path: str, params: Mapping[str, str], *, version: str, **_: object) -> Page:
        self.pages += 1
        wanted = params["where[id]"].split(",")
        found = [key for key in self.ids if not self.filters or key in wanted]
        return make_page(*(record(key, "Person") for key in found[: self.cap]))

    async def get_record(self, path: str, *, version: str, **_: object) -> Document:
        key = path.rpartition("/")[2]
        self.singles.append(key)
        if key in self.denied:
            raise AccessDeniedError(f"GET {path}", "403")
        if key not in self.ids:
            raise RecordNotFoundError(f"GET {path}", "404")
        data = record(key, "Person")
        return Document(data=data, included=(), meta={}, requested_at=moment(0), size_bytes=0)


def reader(people: People) -> RecordReader:
    assert PERSON.listing is not None
    assert can_ask_by_ids(PERSON.listing)
    assignment = Assignment(
        run_id=RunId(1),
        org_id=OrgId("grace"),
        adapter="pco",
        entity=PERSON,
        endpoint=PERSON.listing,
        version="2025-03-20",
        page_size=100,
    )
    return RecordReader(cast("SourceClient", people), assignment)


async def read(people: People, *ids: str) -> Found:
    return await reader(people).read([RecordId(key) for key in ids])


def ids_of(found: Found) -> list[str]:
    return [json.loads(data)["id"] for data in found.page.records] if found.page is not None else []


async def test_many_are_asked_for_at_once() -> None:
    people = People(["1", "2", "3"])
    found = await read(people, "1", "3")
    assert (ids_of(found), found.requests, people.singles) == (["1", "3"], 1, [])


async def test_what_an_answer_leaves_out_is_asked_for_by_itself() -> None:
    people = People(["1", "2", "3"], cap=2)
    found = await read(people, "1", "2", "3", "4")
    assert (ids_of(found), found.requests, people.singles) == (["1", "2", "3"], 3, ["3", "4"])


async def test_a_filter_that_is_ignored_is_not_believed_nor_asked_again() -> None:
    """What it shows is not what was asked for, and would be stored again with every hundred ids."""
    people = People(["1", "2", "3"], filters=False)
    asking = reader(people)
    first, second = await asking.read([RecordId("2")]), await asking.read([RecordId("3")])
    assert (ids_of(first), ids_of(second)) == (["2"], ["3"])
    assert (people.pages, people.singles) == (1, ["2", "3"])


async def test_what_may_not_be_seen_is_told_apart_from_what_is_gone() -> None:
    found = await read(People([], denied=["2"]), "1", "2")
    assert (ids_of(found), set(found.refused)) == ([], {"2"})
