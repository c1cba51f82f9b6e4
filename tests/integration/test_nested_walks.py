"""Entities that are read below others: what goes wrong below one parent, and what no longer can be asked at all."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from openfaith import Engine, EntityStatus, RunStatus, RunView, Settings
from openfaith.adapters import find_adapter
from openfaith.records import EntityName, SyncKind
from openfaith.retries import RetryPolicy
from openfaith.source import SourceClient
from openfaith.store import EntityRunRecord, StoredEvent
from openfaith.workflows import cancelling, runtime
from openfaith.workflows.assignments import Progress
from openfaith.workflows.nested_segments import (
    MOST_DENIED_AT_FIRST,
    MOST_FAILURES_IN_A_ROW,
    NestedSegment,
)
from support.mirror import ask
from support.source import Gate, Script, ScriptedSource, make_record, refuse
from support.truth import read_rows

PCO = find_adapter("pco").load_manifest()
CARD, NOTE = (PCO.entities[EntityName(f"people.{name}")] for name in ("WorkflowCard", "WorkflowCardNote"))
KEPT = "SELECT parent_id FROM openfaith.parent_failure WHERE entity_run_id = %s"
CARDS = ["Workflow", "WorkflowCard"]
NOTES = [*CARDS, "WorkflowCardNote"]
WORKFLOW_2 = "/people/v2/workflows/2"


class Church(ScriptedSource):
    """A source with cards below its workflows, and notes below their cards. Its paths are scripted like types."""

    def __init__(self, *, workflows: int = 3, cards: int = 2) -> None:
        super().__init__(PCO, each=workflows)
        self.elsewhere: list[str] = []
        """Paths at which it has nothing."""
        self.single: set[str] = set()
        """Paths of single records that it has."""
        for workflow in range(1, workflows + 1):
            numbers = range(10 * workflow + 1, 10 * workflow + cards + 1)
            self.records[cards_below(workflow)] = [make_record(CARD, number) for number in numbers]
            for number in numbers:
                self.records[notes_below(number)] = [make_record(NOTE, number)]

    async def _elsewhere(self, request: web.Request) -> web.Response:
        if request.path in self.records:
            return await self._listing(request.path)(request)
        if script := self.scripts.get(request.path):
            return await script(request) or await super()._elsewhere(request)
        if request.path in self.single:
            number = request.path.rpartition("/")[2]
            return web.json_response({"data": {"type": "Workflow", "id": number}})
        self.elsewhere.append(request.path)
        return await super()._elsewhere(request)

    def grow(self, workflow: int, cards: int) -> None:
        numbers = range(1000 * workflow, 1000 * workflow + cards)
        self.records[cards_below(workflow)] = [make_record(CARD, number) for number in numbers]

    def asked_below(self) -> list[str]:
        """The workflows whose cards were asked for, in order."""
        return [path.split("/")[4] for path, _ in self.requests if path.endswith("/cards")]


def cards_below(workflow: int) -> str:
    return f"/people/v2/workflows/{workflow}/cards"


def notes_below(card: int) -> str:
    """Every card is the person's of the same number."""
    return f"/people/v2/people/{card}/workflow_cards/{card}/notes"


@pytest.fixture
async def church() -> AsyncIterator[Church]:
    async with Church() as running:
        yield running


@pytest.fixture
def settings(shared_url: str, shared_home: Path) -> Settings:
    return Settings(database_url=SecretStr(shared_url), home=shared_home)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks once: how often, and after how long, is another matter."""
    once = partial(SourceClient, retry=RetryPolicy(attempts=1))
    monkeypatch.setattr(runtime, "SourceClient", once)


@dataclass(frozen=True)
class Congregation:
    """An organization of the test's own, and the engine that reads its church."""

    engine: Engine
    org: str
    url: str

    async def sync(self, *entities: str, products: Sequence[str] | None = None) -> RunView:
        return await self.engine.sync(self.org, entities=entities, products=products)

    async def retry(self, view: RunView) -> RunView:
        run = await self.engine.retry(view.run.run_id)
        async with self.engine.working():
            return await self.engine.wait(run.run_id)

    async def cancelled_at(self, gate: Gate, entities: Sequence[str]) -> RunView:
        """A run that was cancelled while the gate kept one of its requests waiting."""
        async with self.engine.working():
            run = await self.engine.start(self.org, entities=entities)
            await gate.reached.wait()
            await self.engine.cancel(run.run_id)
            gate.open()
            return await self.engine.wait(run.run_id)

    async def events(self, view: RunView, name: str) -> list[StoredEvent]:
        return [event for event in await self.engine.events(view.run.run_id) if event.name == name]

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        return read_rows(self.url, PCO, PCO.entities[EntityName(f"people.{name}")], self.org)


@pytest.fixture
async def grace(settings: Settings, shared_url: str, church: Church) -> AsyncIterator[Congregation]:
    async with congregation(settings, shared_url, church) as connected:
        yield connected


@asynccontextmanager
async def congregation(settings: Settings, url: str, church: Church) -> AsyncIterator[Congregation]:
    org = f"church-{secrets.token_hex(4)}"
    async with Engine.open(settings) as engine:
        await engine.connect(org, "app:secret", base_url=church.base_url)
        church.requests.clear()
        yield Congregation(engine, org, url)


def of(view: RunView, name: str) -> EntityRunRecord:
    return next(e for e in view.entities if e.entity == f"people.{name}")


# What is there


async def test_two_levels_below_one_another_are_read_with_one_request_for_every_parent(
    church: Church, grace: Congregation
) -> None:
    view = await grace.sync(*NOTES)
    assert view.status is RunStatus.COMPLETED
    assert [(e.reading, e.parent, e.pages, e.requests, e.records) for e in view.entities] == [
        ("top", None, 1, 1, 3),
        ("nested", "people.Workflow", 3, 3, 6),
        ("nested", "people.WorkflowCard", 6, 6, 6),
    ]
    numbers = (11, 12, 21, 22, 31, 32)
    assert church.requests == [
        ("Workflow", 0),
        *((cards_below(workflow), 0) for workflow in (1, 2, 3)),
        *((notes_below(card), 0) for card in numbers),
    ]
    notes = grace.rows("WorkflowCardNote")
    assert {key: (note["person_id"], note["workflow_card_id"]) for key, note in notes.items()} == {
        str(card): (str(card), str(card)) for card in numbers
    }


async def test_the_pages_below_a_parent_follow_one_another(church: Church, grace: Congregation) -> None:
    church.grow(2, 250)
    view = await grace.sync(*CARDS)
    assert (of(view, "WorkflowCard").pages, of(view, "WorkflowCard").records) == (5, 254)
    below_the_second = [offset for path, offset in church.requests if path == cards_below(2)]
    assert below_the_second == [0, 99, 198]


async def test_without_stored_parents_nothing_is_asked_and_the_entity_is_complete(
    church: Church, grace: Congregation
) -> None:
    view = await grace.sync("WorkflowCard")
    assert (view.status, church.requests) == (RunStatus.COMPLETED, [])


# Parents that fail


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [400, 500])
async def test_a_parent_that_fails_does_not_stop_its_siblings_and_the_entity_fails_for_it(
    church: Church, grace: Congregation, status: int
) -> None:
    church.scripts[cards_below(2)] = refuse(status, "no")
    view = await grace.sync(*NOTES)
    left_behind = await grace.events(view, "ParentLeftBehind")
    assert view.status is RunStatus.PARTIAL
    card, note = of(view, "WorkflowCard"), of(view, "WorkflowCardNote")
    assert card.status is EntityStatus.FAILED
    assert f"below 1 parent nothing could be read (GET {cards_below(2)}?" in str(card.reason)
    assert note.status is EntityStatus.SKIPPED
    assert sorted(grace.rows("WorkflowCard")) == ["11", "12", "31", "32"]
    assert church.asked_below() == ["1", "2", "3", "2"]
    assert [event.details["parent_id"] for event in left_behind] == ["2", "2"]
    assert str(status) in str(left_behind[0].details["reason"])


async def test_a_retry_asks_only_for_those_that_were_left_behind(church: Church, grace: Congregation) -> None:
    church.scripts[cards_below(1)] = church.scripts[cards_below(3)] = refuse(400, "no")
    failed = await grace.sync(*NOTES)
    del church.scripts[cards_below(3)]
    church.requests.clear()
    again = await grace.retry(failed)
    still_failing = church.asked_below()
    church.scripts.clear()
    church.requests.clear()
    done = await grace.retry(again)
    assert still_failing == ["1", "3"]
    assert (failed.status, again.status, done.status) == (
        RunStatus.PARTIAL,
        RunStatus.PARTIAL,
        RunStatus.COMPLETED,
    )
    assert "below 1 parent" in str(of(again, "WorkflowCard").reason)
    assert church.asked_below() == ["1"]
    assert sorted(grace.rows("WorkflowCard")) == ["11", "12", "21", "22", "31", "32"]
    assert of(done, "WorkflowCardNote").records == 6


async def test_a_parent_that_fails_once_is_read_at_the_end(church: Church, grace: Congregation) -> None:
    refusals = [refuse(400, "no")]

    async def once(request: web.Request) -> web.Response | None:
        return await refusals.pop()(request) if refusals else None

    church.scripts[cards_below(1)] = once
    view = await grace.sync(*CARDS)
    assert view.status is RunStatus.COMPLETED
    assert church.asked_below() == ["1", "2", "3", "1"]
    assert len(grace.rows("WorkflowCard")) == 6


async def test_a_parent_that_fails_in_the_middle_is_read_from_its_beginning(
    church: Church, grace: Congregation
) -> None:
    church.grow(2, 150)
    refusals = [refuse(400, "no")]

    async def second_page_once(request: web.Request) -> web.Response | None:
        return await refusals.pop()(request) if refusals and request.query["offset"] == "99" else None

    church.scripts[cards_below(2)] = second_page_once
    view = await grace.sync(*CARDS)
    assert view.status is RunStatus.COMPLETED
    below = [offset for path, offset in church.requests if path == cards_below(2)]
    assert below == [0, 99, 0, 99]
    assert len(grace.rows("WorkflowCard")) == 4 + 150


async def test_a_parent_without_the_ids_of_the_path_is_left_behind_without_a_request(
    church: Church, grace: Congregation
) -> None:
    """A card of nobody: its notes are below its person."""
    church.records[cards_below(1)][0]["relationships"]["person"] = {"data": None}
    view = await grace.sync(*NOTES)
    note = of(view, "WorkflowCardNote")
    assert (note.status, note.records, note.requests) == (EntityStatus.FAILED, 5, 5)
    assert "its row has no person_id (column person_id)" in str(note.reason)


async def test_a_parent_that_is_gone_is_told_and_fails_nobody(church: Church, grace: Congregation) -> None:
    church.scripts[cards_below(2)] = refuse(404, "not_found", "The resource you requested could not be found")
    view = await grace.sync(*NOTES)
    [vanished] = await grace.events(view, "ParentVanished")
    assert view.status is RunStatus.COMPLETED
    assert (vanished.entity, vanished.details) == (
        "people.WorkflowCard",
        {"parent": "people.Workflow", "parent_id": "2"},
    )
    assert church.asked_below() == ["1", "2", "3"]
    assert of(view, "WorkflowCard").requests == 3 + 1
    assert sorted(grace.rows("WorkflowCard")) == ["11", "12", "31", "32"]
    doubts = {state.entity: state.doubts for state in await grace.engine.status(grace.org)}
    assert doubts[EntityName("people.WorkflowCard")] == [
        "below some parents it shows nothing at all, and was not asked twice"
    ]


async def test_a_wrong_404_below_a_parent_that_is_there_is_asked_for_again(
    church: Church, grace: Congregation
) -> None:
    church.single.add(WORKFLOW_2)
    refusals = [refuse(404, "not_found")]

    async def once(request: web.Request) -> web.Response | None:
        return await refusals.pop()(request) if refusals else None

    church.scripts[cards_below(2)] = once
    view = await grace.sync(*CARDS)
    assert of(view, "WorkflowCard").status is EntityStatus.COMPLETED
    assert church.asked_below() == ["1", "2", "3", "2"]
    assert sorted(grace.rows("WorkflowCard")) == ["11", "12", "21", "22", "31", "32"]
    assert await grace.events(view, "ParentVanished") == []


async def test_a_parent_that_is_there_with_nothing_found_below_it_speaks_against_all_that_was_read(
    church: Church, grace: Congregation
) -> None:
    """Also where it was read below before, when an empty list would be believed. And no letter counts as settled."""
    church.records[cards_below(2)][0]["attributes"]["stage"] = "a\0"
    await grace.sync(*CARDS)
    church.single.add(WORKFLOW_2)
    church.scripts[cards_below(2)] = refuse(404, "not_found")
    view = await grace.sync(*CARDS)
    assert of(view, "WorkflowCard").status is EntityStatus.COMPLETED
    doubts = {state.entity: state.doubts for state in await grace.engine.status(grace.org)}
    assert doubts[EntityName("people.WorkflowCard")] == ["below some parents nothing could be read"]
    letters = ask(
        grace.url, "SELECT record_key, status FROM openfaith.dead_letter WHERE org_id = %s", grace.org
    )
    assert letters == [("21", "open")]


async def test_where_nothing_is_found_below_many_that_are_there_they_are_no_longer_asked_for(
    settings: Settings, shared_url: str
) -> None:
    """As where a permission was withdrawn, or a path went: a few requests show that, and no second pass is made for all."""
    async with Church(workflows=30) as church, congregation(settings, shared_url, church) as grace:
        hidden = range(2, 31)
        church.scripts = {cards_below(workflow): refuse(404, "not_found") for workflow in hidden}
        church.single |= {f"/people/v2/workflows/{workflow}" for workflow in hidden}
        view = await grace.sync(*CARDS)
    card = of(view, "WorkflowCard")
    left, asked_for = MOST_FAILURES_IN_A_ROW, MOST_FAILURES_IN_A_ROW + 1
    assert card.status is EntityStatus.COMPLETED
    assert card.requests == 30 + asked_for + 2 * left
    assert len(church.asked_below()) == 30 + left


async def test_where_nobody_may_ask_for_the_parent_its_404_is_no_failure_and_no_proof(
    church: Church, grace: Congregation
) -> None:
    church.scripts[cards_below(2)] = refuse(404, "not_found")
    church.scripts[WORKFLOW_2] = refuse(403, "no")
    view = await grace.sync(*CARDS)
    card = of(view, "WorkflowCard")
    assert (card.status, card.requests) == (EntityStatus.COMPLETED, 3 + 1)
    assert card.reason == "the token may see nothing below 1 of its parents"


async def test_a_parent_that_was_left_behind_and_is_gone_now_is_no_failure(
    church: Church, grace: Congregation
) -> None:
    church.scripts[cards_below(2)] = refuse(400, "no")
    failed = await grace.sync(*CARDS)
    church.scripts[cards_below(2)] = refuse(404, "not_found")
    done = await grace.retry(failed)
    assert done.status is RunStatus.COMPLETED


async def test_a_parent_that_was_left_behind_and_was_deleted_since_fails_no_retry(
    church: Church, grace: Congregation
) -> None:
    church.scripts[cards_below(2)] = refuse(400, "no")
    failed = await grace.sync(*CARDS)
    ask(
        grace.url,
        "UPDATE pco.people_workflow SET _deleted_at = now() WHERE id = '2' AND org_id = %s",
        grace.org,
    )
    done = await grace.retry(failed)
    assert done.status is RunStatus.COMPLETED


@pytest.mark.usefixtures("impatient")
async def test_a_source_that_fails_everybody_stops_the_walk_where_it_is(
    settings: Settings, shared_url: str
) -> None:
    """Five in a row may be bad luck. What comes after them is asked for when the source is well again."""
    async with Church(workflows=9) as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(503, "down") for workflow in range(3, 10)}
        failed = await grace.sync(*CARDS)
        asked = church.asked_below()
        church.scripts.clear()
        church.requests.clear()
        done = await grace.retry(failed)
    card = of(failed, "WorkflowCard")
    assert card.status is EntityStatus.FAILED
    assert f"GET {cards_below(3 + MOST_FAILURES_IN_A_ROW)}" in str(card.reason)
    assert asked[:8] == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert church.asked_below() == ["8", "9", "3", "4", "5", "6", "7"]
    assert (done.status, of(done, "WorkflowCard").records) == (RunStatus.COMPLETED, 18)


@pytest.mark.usefixtures("impatient")
async def test_parents_that_are_gone_are_no_sign_of_a_source_in_trouble(
    settings: Settings, shared_url: str
) -> None:
    """However many are gone in a row: the next one that fails is left behind like any other."""
    async with Church(workflows=9) as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(404, "not_found") for workflow in range(2, 9)}
        church.scripts[cards_below(9)] = refuse(503, "down")
        failed = await grace.sync(*CARDS)
        left_behind = await grace.events(failed, "ParentLeftBehind")
    assert {event.details["parent_id"] for event in left_behind} == {"9"}
    assert "below 1 parent nothing could be read" in str(of(failed, "WorkflowCard").reason)


@pytest.mark.parametrize("workflows", [2, 9])
async def test_what_may_be_seen_below_no_parent_is_not_accessible_however_many_there_are(
    settings: Settings, shared_url: str, workflows: int
) -> None:
    """And each is asked below once: to ask again is of no use."""
    async with Church(workflows=workflows) as church, congregation(settings, shared_url, church) as grace:
        numbers = range(1, workflows + 1)
        church.scripts = {cards_below(workflow): refuse(403, "no") for workflow in numbers}
        view = await grace.sync(*NOTES)
        asked = church.asked_below()
    assert of(view, "WorkflowCard").status is EntityStatus.NOT_ACCESSIBLE
    assert of(view, "WorkflowCardNote").status is EntityStatus.NOT_ACCESSIBLE
    assert view.status is RunStatus.COMPLETED
    assert asked == [str(workflow) for workflow in numbers]
    assert of(view, "WorkflowCard").requests == workflows


async def test_of_very_many_parents_that_may_not_be_seen_below_not_all_are_tried(
    settings: Settings, shared_url: str
) -> None:
    async with Church(workflows=70, cards=0) as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(403, "no") for workflow in range(1, 71)}
        view = await grace.sync(*CARDS)
        asked = set(church.asked_below())
    assert of(view, "WorkflowCard").status is EntityStatus.NOT_ACCESSIBLE
    assert MOST_DENIED_AT_FIRST < len(asked) < 60


async def test_parents_that_may_not_be_seen_below_fail_nobody_and_are_told(
    settings: Settings, shared_url: str
) -> None:
    """Also where they come first, and are many: what may be seen below the others is read, and what is below that."""
    async with Church(workflows=9) as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(403, "no") for workflow in range(1, 8)}
        view = await grace.sync(*NOTES)
        left_behind = await grace.events(view, "ParentLeftBehind")
        found = grace.rows("WorkflowCard")
    card = of(view, "WorkflowCard")
    assert view.status is RunStatus.COMPLETED
    assert (card.status, card.reason) == (
        EntityStatus.COMPLETED,
        "the token may see nothing below 7 of its parents",
    )
    assert sorted(found) == ["81", "82", "91", "92"]
    assert of(view, "WorkflowCardNote").records == 4
    assert {event.details["parent_id"] for event in left_behind} == {*"1234567"}
    assert church.asked_below() == [str(workflow) for workflow in range(1, 10)]


async def test_parents_that_are_gone_are_believed_however_many_come_first(
    settings: Settings, shared_url: str
) -> None:
    """Old records have low ids, and are what is deleted: the source is asked whether the parent itself is there."""
    async with Church(workflows=9) as church, congregation(settings, shared_url, church) as grace:
        gone = range(1, 9)
        church.scripts = {cards_below(workflow): refuse(404, "not_found") for workflow in gone}
        church.scripts |= {f"/people/v2/workflows/{workflow}": refuse(404, "not_found") for workflow in gone}
        view = await grace.sync(*CARDS)
        found = grace.rows("WorkflowCard")
    assert of(view, "WorkflowCard").status is EntityStatus.COMPLETED
    assert sorted(found) == ["91", "92"]
    assert of(view, "WorkflowCard").requests == 9 + len(gone)


async def test_a_retry_asks_again_below_parents_where_nothing_could_be_seen(
    settings: Settings, shared_url: str
) -> None:
    """It may have been granted since, below all of them or below some."""
    async with Church() as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(403, "no") for workflow in (1, 2, 3)}
        church.scripts["Campus"] = refuse(400, "no")
        failed = await grace.sync(*CARDS, "Campus")
        church.scripts = {cards_below(2): refuse(403, "no")}
        church.requests.clear()
        done = await grace.retry(failed)
        found = grace.rows("WorkflowCard")
    card = of(done, "WorkflowCard")
    assert of(failed, "WorkflowCard").status is EntityStatus.NOT_ACCESSIBLE
    assert (done.status, card.status) == (RunStatus.COMPLETED, EntityStatus.COMPLETED)
    assert card.reason == "the token may see nothing below 1 of its parents"
    assert church.asked_below() == ["1", "2", "3"]
    assert sorted(found) == ["11", "12", "31", "32"]


async def test_a_path_that_does_not_exist_fails_though_its_parents_do(
    settings: Settings, shared_url: str
) -> None:
    async with Church(workflows=9) as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(404, "not_found") for workflow in range(1, 10)}
        church.single |= {f"/people/v2/workflows/{workflow}" for workflow in range(1, 10)}
        view = await grace.sync(*CARDS)
    card = of(view, "WorkflowCard")
    assert card.status is EntityStatus.FAILED
    assert f"GET {cards_below(1 + MOST_FAILURES_IN_A_ROW)}" in str(card.reason)
    assert "not found" in str(card.reason)


async def test_a_path_of_several_ids_that_does_not_exist_fails_too(
    settings: Settings, shared_url: str
) -> None:
    """The parent itself is asked for by its own id and those of the path."""
    async with Church(workflows=3, cards=3) as church, congregation(settings, shared_url, church) as grace:
        cards = [10 * workflow + n for workflow in (1, 2, 3) for n in (1, 2, 3)]
        church.scripts = {notes_below(card): refuse(404, "not_found") for card in cards}
        church.single |= {notes_below(card).removesuffix("/notes") for card in cards}
        view = await grace.sync(*NOTES)
    note = of(view, "WorkflowCardNote")
    assert note.status is EntityStatus.FAILED
    assert f"GET {notes_below(cards[MOST_FAILURES_IN_A_ROW])}" in str(note.reason)


@pytest.mark.usefixtures("impatient")
async def test_a_source_that_fails_slowly_is_given_up_as_soon_as_one_that_fails_quickly(
    settings: Settings, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though every failure takes a segment's whole time."""
    whole = NestedSegment.process

    async def of_one_step(self: NestedSegment, client: SourceClient, _time_is_up: object) -> Progress:
        return await whole(self, client, cycle([False, True]).__next__)

    monkeypatch.setattr(NestedSegment, "process", of_one_step)
    async with Church(workflows=9) as church, congregation(settings, shared_url, church) as grace:
        church.scripts = {cards_below(workflow): refuse(503, "down") for workflow in range(1, 10)}
        view = await grace.sync(*CARDS)
    assert of(view, "WorkflowCard").status is EntityStatus.FAILED
    assert len(church.asked_below()) == MOST_FAILURES_IN_A_ROW + 1


async def test_letters_from_below_a_parent_that_may_not_be_seen_any_more_stay_open(
    church: Church, grace: Congregation
) -> None:
    """Nobody knows what has become of their records."""
    church.records[cards_below(2)] = ["no record"]  # type: ignore[list-item]  # as a source may answer
    await grace.sync(*CARDS)
    church.scripts[cards_below(2)] = refuse(403, "no")
    done = await grace.sync(*CARDS)
    letters = ask(grace.url, "SELECT status FROM openfaith.dead_letter WHERE org_id = %s", grace.org)
    assert of(done, "WorkflowCard").status is EntityStatus.COMPLETED
    assert letters == [("open",)]


async def test_an_include_that_the_source_no_longer_knows_fails_before_anything_is_stored(
    church: Church, grace: Congregation
) -> None:
    """It would be ignored with 200, and what rides on it would seem to have no records."""

    async def without_includes(request: web.Request) -> web.Response:
        document = json.loads(church.page(request, "Person").text or "")
        document["meta"]["can_include"] = ["households"]
        return web.json_response(document)

    church.scripts["Person"] = without_includes
    view = await grace.sync("Person", "Email")
    assert of(view, "Person").status is EntityStatus.FAILED
    assert "include=emails" in str(of(view, "Person").reason)
    assert of(view, "Email").status is EntityStatus.SKIPPED
    assert grace.rows("Person") == {}


# Interruptions


async def test_a_cancelled_walk_stops_within_a_page_and_a_retry_goes_on_at_that_parent(
    church: Church, grace: Congregation
) -> None:
    church.grow(2, 250)
    gate = Gate(offset=99)
    church.scripts[cards_below(2)] = gate
    cancelled = await grace.cancelled_at(gate, CARDS)
    church.requests.clear()
    done = await grace.retry(cancelled)
    card = of(cancelled, "WorkflowCard")
    assert (cancelled.status, card.status) == (RunStatus.CANCELLED, EntityStatus.CANCELLED)
    # The page below the first, the first page below the second, and the one in flight.
    assert card.pages <= 3
    assert done.status is RunStatus.COMPLETED
    asked = [(path, offset) for path, offset in church.requests if path.endswith("/cards")]
    every = [(cards_below(1), 0), *((cards_below(2), n) for n in (0, 99, 198)), (cards_below(3), 0)]
    assert asked == every[card.pages :]
    assert len(grace.rows("WorkflowCard")) == 254


async def test_a_cancelled_walk_stops_while_the_source_has_it_wait_and_blames_no_parent(
    church: Church, grace: Congregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "LOOK_WHILE_WAITING", timedelta(milliseconds=50))
    gate = Gate(offset=0)
    church.scripts[cards_below(2)] = gate
    async with grace.engine.working(), asyncio.timeout(60):
        run = await grace.engine.start(grace.org, entities=CARDS)
        await gate.reached.wait()
        await grace.engine.cancel(run.run_id)
        cancelled = await grace.engine.wait(run.run_id)
        gate.open()
    card = of(cancelled, "WorkflowCard")
    assert (card.status, card.pages) == (EntityStatus.CANCELLED, 1)
    assert ask(grace.url, KEPT, card.entity_run_id) == []


async def test_a_stopped_process_leaves_a_walk_that_the_next_one_continues_at_its_parent(
    church: Church, grace: Congregation
) -> None:
    gate = Gate(offset=0)
    church.scripts[cards_below(2)] = gate
    run = await grace.engine.start(grace.org, entities=CARDS)
    async with grace.engine.working():
        await gate.reached.wait()
    stopped = await grace.engine.run(run.run_id)
    church.scripts.clear()
    church.requests.clear()
    view = await grace.sync(*CARDS)
    assert (view.run.run_id, view.status) == (run.run_id, RunStatus.COMPLETED)
    assert church.asked_below() == ["1", "2", "3"][of(stopped, "WorkflowCard").pages :]
    assert len(grace.rows("WorkflowCard")) == 6


async def test_a_walk_that_was_cancelled_before_its_second_pass_remembers_whom_it_left_behind(
    church: Church, grace: Congregation
) -> None:
    gate = Gate(offset=0)
    church.scripts |= {cards_below(1): refuse(400, "no"), cards_below(3): gate}
    cancelled = await grace.cancelled_at(gate, CARDS)
    church.scripts.clear()
    church.requests.clear()
    done = await grace.retry(cancelled)
    assert done.status is RunStatus.COMPLETED
    assert church.asked_below()[-1] == "1"
    assert len(grace.rows("WorkflowCard")) == 6


async def test_a_walk_that_was_cancelled_in_its_second_pass_asks_for_all_whom_it_left_behind(
    church: Church, grace: Congregation
) -> None:
    """Also for those before its mark: a retry need not be retried."""
    gate = Gate(offset=0)
    church.scripts |= {cards_below(1): refuse(400, "no"), cards_below(3): first_refused(gate)}
    cancelled = await grace.cancelled_at(gate, CARDS)
    asked = church.asked_below()
    church.scripts.clear()
    church.requests.clear()
    done = await grace.retry(cancelled)
    assert asked == ["1", "2", "3", "1", "3"]
    assert done.status is RunStatus.COMPLETED
    assert church.asked_below() == ["1"]
    assert len(grace.rows("WorkflowCard")) == 6


async def test_a_parent_that_came_before_a_retry_is_read_from_its_first_page(
    church: Church, grace: Congregation
) -> None:
    """The walk stopped in the middle of the second workflow; before that one another run has stored a new one."""
    church.grow(2, 250)
    gate = Gate(offset=99)
    church.scripts[cards_below(2)] = gate
    cancelled = await grace.cancelled_at(gate, CARDS)
    church.records["Workflow"].append(church.records["Workflow"][0] | {"id": "15"})
    church.grow(15, 130)
    await grace.sync("Workflow")
    done = await grace.retry(cancelled)
    assert done.status is RunStatus.COMPLETED
    every = [11, 12, 31, 32, *range(2000, 2250), *range(15_000, 15_130)]
    assert {*grace.rows("WorkflowCard")} == {str(number) for number in every}


def first_refused(script: Script) -> Script:
    """Answers the first request with an error, and leaves the others to `script`."""
    refusals = [refuse(400, "no")]

    async def answer(request: web.Request) -> web.Response | None:
        return await (refusals.pop() if refusals else script)(request)

    return answer


# Without access


async def test_a_product_without_access_is_told_once_and_does_not_fail_the_run(
    church: Church, grace: Congregation, settings: Settings
) -> None:
    """And is asked for no more than had begun: the other entities are settled without a request."""
    view = await grace.sync("Campus", products=["groups"])
    [told] = await grace.events(view, "ProductNotAccessible")
    groups = [e for e in view.entities if e.entity.startswith("groups.")]
    assert view.status is RunStatus.COMPLETED
    assert len(groups) > 10
    assert {e.status for e in groups} == {EntityStatus.NOT_ACCESSIBLE}
    assert all(e.reason for e in groups)
    assert of(view, "Campus").status is EntityStatus.COMPLETED
    assert told.details["product"] == "groups"
    assert "TRASH_PANDA" in str(told.details["reason"])
    assert (told.entity, told.severity) == (None, "warning")
    assert 1 <= len(church.elsewhere) <= settings.entities_in_flight


async def test_an_entity_that_the_token_may_not_see_is_not_accessible_nor_is_what_needs_it(
    church: Church, grace: Congregation
) -> None:
    church.scripts["Workflow"] = refuse(403, "forbidden", "You do not have access to this resource")
    view = await grace.sync(*NOTES, "Campus")
    told = await grace.events(view, "ProductNotAccessible")
    assert view.status is RunStatus.COMPLETED
    statuses = {e.entity.removeprefix("people."): e.status for e in view.entities}
    assert statuses == {
        "Campus": EntityStatus.COMPLETED,
        "Workflow": EntityStatus.NOT_ACCESSIBLE,
        "WorkflowCard": EntityStatus.NOT_ACCESSIBLE,
        "WorkflowCardNote": EntityStatus.NOT_ACCESSIBLE,
    }
    assert "403" in str(of(view, "Workflow").reason)
    assert of(view, "WorkflowCard").reason == "it needs people.Workflow, which is not accessible"
    assert told == []


async def test_a_retry_asks_again_for_what_could_not_be_seen(church: Church, grace: Congregation) -> None:
    """It may have been granted since: single entities, and products."""
    church.scripts |= {"Workflow": refuse(403, "forbidden"), "Campus": refuse(400, "no")}
    failed = await grace.sync("Workflow", "Campus", products=["groups"])
    church.scripts.clear()
    church.elsewhere.clear()
    done = await grace.retry(failed)
    assert (failed.status, done.status) == (RunStatus.FAILED, RunStatus.COMPLETED)
    assert of(done, "Workflow").records == 3
    assert church.elsewhere


async def test_a_run_of_nothing_that_may_be_seen_is_no_failure(church: Church, grace: Congregation) -> None:
    view = await grace.sync(products=["groups"])
    assert {e.status for e in view.entities} == {EntityStatus.NOT_ACCESSIBLE}
    assert view.status is RunStatus.COMPLETED


async def test_a_product_that_is_closed_in_the_middle_of_a_walk_ends_it_without_trying_every_parent(
    church: Church, grace: Congregation
) -> None:
    church.scripts[cards_below(2)] = refuse(402, "payment_required")
    view = await grace.sync(*CARDS)
    assert of(view, "WorkflowCard").status is EntityStatus.NOT_ACCESSIBLE
    assert "3" not in church.asked_below()


async def test_what_was_left_behind_goes_with_its_run(church: Church, grace: Congregation) -> None:
    church.scripts[cards_below(2)] = refuse(400, "no")
    view = await grace.sync(*CARDS)
    card = of(view, "WorkflowCard").entity_run_id
    assert ask(grace.url, KEPT, card) == [("2",)]
    ask(grace.url, "DELETE FROM openfaith.sync_run WHERE run_id = %s", view.run.run_id)
    assert ask(grace.url, KEPT, card) == []


# What a reconciliation makes of an empty answer


async def test_below_whom_nothing_is_shown_any_more_is_asked_twice(
    church: Church, grace: Congregation
) -> None:
    """One empty answer may be a lie: what it hides would look as if it were gone."""
    for card in church.records[cards_below(2)]:
        card["relationships"]["workflow"] = {"data": {"type": "Workflow", "id": "2"}}
    await grace.sync(*CARDS)
    empty = iter([web.json_response({"data": [], "meta": {"total_count": 0}})])

    async def once(_: web.Request) -> web.Response | None:
        return next(empty, None)

    church.scripts[cards_below(2)] = once
    church.requests.clear()
    view = await grace.engine.sync(grace.org, kind=SyncKind.RECONCILIATION, entities=CARDS)
    found = {each.entity: each for each in await grace.engine.reconciliations(view.run.run_id)}
    cards = found[EntityName("people.WorkflowCard")]
    assert (cards.listed, cards.suspects, cards.proven) == (6, 0, True)
    assert church.asked_below() == ["1", "2", "3", "2"]
