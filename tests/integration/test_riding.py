"""What rides on another entity's pages: it fails alone, and completes only if it was on every one of them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from openfaith import Engine, EntityStatus, RunStatus, RunView, Settings
from openfaith.adapters import find_adapter
from openfaith.manifest import Entity, Manifest
from openfaith.planning import Plan, make_plan
from openfaith.records import EntityName
from openfaith.store import EntityRunRecord
from openfaith.workflows import segments, steps
from support.source import Gate, ScriptedSource, make_record, refuse
from support.truth import read_rows

PCO = find_adapter("pco").load_manifest()
PERSON, EMAIL, PHONE, STEP = (
    PCO.entities[EntityName(f"people.{name}")] for name in ("Person", "Email", "PhoneNumber", "WorkflowStep")
)
RIDING = ["Person", "Email", "PhoneNumber"]
"""The last two ride on the first."""

Document = dict[str, Any]


class Church(ScriptedSource):
    """A source whose every person has an e-mail and a phone number of the same id, and every workflow a step."""

    def __init__(self, *, people: int = 250, bad_emails: Collection[int] = ()) -> None:
        super().__init__(PCO)
        self.fill(PERSON, people)
        self.fill(EMAIL, people, bad_emails)
        self.fill(PHONE, people)
        self.includes: list[str] = []
        """What came along with each page of people."""

    def fill(self, entity: Entity, records: int, bad: Collection[int] = ()) -> None:
        """Give it so many records; those of the bad numbers cannot be stored. A person names what belongs to it."""
        whole = [make_record(entity, number) for number in range(1, records + 1)]
        if entity is PERSON:
            whole = [with_own(person) for person in whole]
        self.records[entity.type] = [
            {"type": entity.type, "id": r["id"]} if int(r["id"]) in bad else r for r in whole
        ]

    def _included(self, request: web.Request, type_name: str) -> list[Document]:
        asked = request.query.get("include", "")
        if type_name == "Person":
            self.includes.append(asked)
        first = int(request.query.get("offset", 0))
        last = first + int(request.query["per_page"])
        types = [self._includes[type_name][name] for name in asked.split(",") if name]
        return [record for kind in types for record in self.records[kind][first:last]]


def with_own(person: Document) -> Document:
    own = {
        name: {"data": [{"type": entity.type, "id": person["id"]}]}
        for name, entity in (("emails", EMAIL), ("phone_numbers", PHONE))
    }
    return person | {"relationships": person["relationships"] | own}


@dataclass(frozen=True)
class Congregation:
    """An organization of the test's own, and the engine that reads its church."""

    engine: Engine
    org: str
    url: str

    async def sync(self, *entities: str) -> RunView:
        return await self.engine.sync(self.org, entities=entities)

    async def retry(self, view: RunView) -> RunView:
        await self.engine.retry(view.run.run_id)
        async with self.engine.working():
            return await self.engine.wait(view.run.run_id)

    async def cancelled_at(self, church: Church, offset: int) -> RunView:
        """A run that was cancelled while that page of people was under way."""
        gate = Gate(offset)
        church.scripts["Person"] = gate
        async with self.engine.working():
            run = await self.engine.start(self.org, entities=RIDING)
            await gate.reached.wait()
            await self.engine.cancel(run.run_id)
            gate.open()
            cancelled = await self.engine.wait(run.run_id)
        church.scripts.clear()
        return cancelled

    def ids(self, entity: Entity) -> set[int]:
        return {int(key) for key in read_rows(self.url, PCO, entity, self.org)}


@pytest.fixture
async def grace(shared_url: str, tmp_path: Path) -> AsyncIterator[Congregation]:
    settings = Settings(database_url=SecretStr(shared_url), home=tmp_path)
    org = f"church-{secrets.token_hex(4)}"
    async with Engine.open(settings) as engine:
        yield Congregation(engine, org, shared_url)


async def connect(grace: Congregation, church: Church) -> None:
    await grace.engine.connect(grace.org, "app:secret", base_url=church.base_url)
    church.requests.clear()
    church.includes.clear()


def of(view: RunView, entity: Entity) -> EntityRunRecord:
    return next(e for e in view.entities if e.entity == entity.name)


def statuses(view: RunView) -> dict[str, EntityStatus]:
    return {e.entity.removeprefix("people."): e.status for e in view.entities}


# Too many bad records


async def test_too_many_bad_records_of_what_rides_fail_it_and_neither_its_carrier_nor_its_neighbours(
    grace: Congregation,
) -> None:
    """Its part of the pages that follow is not stored any more."""
    async with Church(bad_emails=range(1, 41)) as church:
        await connect(grace, church)
        view = await grace.sync(*RIDING)
    assert view.status is RunStatus.PARTIAL
    assert statuses(view) == {
        "Person": EntityStatus.COMPLETED,
        "Email": EntityStatus.FAILED,
        "PhoneNumber": EntityStatus.COMPLETED,
    }
    assert "40 of 100 records cannot be stored" in str(of(view, EMAIL).reason)
    assert (of(view, EMAIL).records, of(view, EMAIL).dead_letters) == (100, 40)
    everybody = {*range(1, 251)}
    assert (grace.ids(PERSON), grace.ids(PHONE)) == (everybody, everybody)
    assert grace.ids(EMAIL) == {*range(41, 101)}


async def test_bad_records_of_what_rides_are_counted_over_all_segments(
    grace: Congregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment of a page each: what the counts of the ones before say is known to the next. It is not asked for then."""
    monkeypatch.setattr(segments, "MOST_PAGES", 1)
    async with Church(bad_emails=[*range(1, 16), *range(101, 116)]) as church:
        await connect(grace, church)
        view = await grace.sync(*RIDING)
        includes = church.includes
    assert of(view, PERSON).status is EntityStatus.COMPLETED
    assert "30 of 199 records cannot be stored" in str(of(view, EMAIL).reason)
    assert includes == ["emails,phone_numbers", "emails,phone_numbers", "phone_numbers"]


async def test_bad_records_of_what_rides_are_counted_over_all_attempts(grace: Congregation) -> None:
    """It fails in the retried run as well, since it was not on all pages of its carrier; a new run has it all."""
    async with Church(bad_emails=[*range(1, 16), *range(101, 116)]) as church:
        await connect(grace, church)
        cancelled = await grace.cancelled_at(church, 0)
        view = await grace.retry(cancelled)
        church.requests.clear()
        again = await grace.retry(view)
        asked = list(church.requests)
        church.fill(EMAIL, 250)
        done = await grace.sync(*RIDING)
    assert of(cancelled, EMAIL).dead_letters == 15
    assert [of(run, EMAIL).reason for run in (view, again)] == [of(view, EMAIL).reason] * 2
    assert "30 of 199 records cannot be stored" in str(of(again, EMAIL).reason)
    assert asked == []
    assert done.status is RunStatus.COMPLETED
    assert grace.ids(EMAIL) == {*range(1, 251)}


async def test_bad_records_of_what_rides_are_too_many_where_they_are_on_the_last_page(
    grace: Congregation,
) -> None:
    async with Church(people=100, bad_emails=range(1, 22)) as church:
        await connect(grace, church)
        view = await grace.sync(*RIDING)
    assert (of(view, PERSON).status, of(view, EMAIL).status) == (EntityStatus.COMPLETED, EntityStatus.FAILED)
    assert "21 of 100 records cannot be stored" in str(of(view, EMAIL).reason)


async def test_a_few_bad_records_of_what_rides_are_set_aside(grace: Congregation) -> None:
    async with Church(bad_emails=range(1, 21)) as church:
        await connect(grace, church)
        view = await grace.sync(*RIDING)
    assert view.status is RunStatus.COMPLETED
    assert grace.ids(EMAIL) == {*range(21, 251)}


async def test_what_needs_a_rider_that_failed_is_skipped(grace: Congregation) -> None:
    async with Church() as church:
        church.fill(PCO.entities[EntityName("people.Workflow")], 100)
        church.fill(STEP, 100, bad=range(50))
        await connect(grace, church)
        view = await grace.sync("Workflow", "WorkflowStep", "WorkflowStepAssigneeSummary")
    assert statuses(view) == {
        "Workflow": EntityStatus.COMPLETED,
        "WorkflowStep": EntityStatus.FAILED,
        "WorkflowStepAssigneeSummary": EntityStatus.SKIPPED,
    }
    assert view.entities[-1].reason == "it needs people.WorkflowStep, which did not complete"


# On every page


def planning_without(entity: Entity) -> Any:
    """The planning of a program whose manifest does not know an entity."""

    def plan(
        manifest: Manifest, names: Any = None, counts: Mapping[EntityName, int] | None = None, **of: Any
    ) -> Plan:
        whole = make_plan(manifest, names, counts, **of)
        known = [
            replace(e, hard=tuple(on for on in e.hard if on != entity.name))
            for e in whole.entities
            if e.name != entity.name
        ]
        return replace(whole, entities=tuple(known))

    return plan


async def test_what_a_newer_program_could_let_ride_does_not_join_a_run_of_an_older_one(
    grace: Congregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is committed without it: it would complete, and lack what was there. The next run has it all."""
    async with Church() as church:
        await connect(grace, church)
        with monkeypatch.context() as older:
            older.setattr(steps, "make_plan", planning_without(EMAIL))
            cancelled = await grace.cancelled_at(church, 99)
        retried = await grace.retry(cancelled)
        told = [e for e in await grace.engine.events(retried.run.run_id) if e.name == "EntityNotPlanned"]
        known = grace.ids(EMAIL)
        done = await grace.sync(*RIDING)
    assert 0 < of(cancelled, PERSON).pages < 3
    assert statuses(retried) == {
        "Person": EntityStatus.COMPLETED,
        "PhoneNumber": EntityStatus.COMPLETED,
    }
    assert ([e.entity for e in told], known) == ([EMAIL.name], set())
    assert done.status is RunStatus.COMPLETED
    assert grace.ids(EMAIL) == {*range(1, 251)}


async def test_what_rides_is_not_complete_where_its_carrier_is_not(
    grace: Congregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retrying program does not know the carrier any more, and nobody reads the rest of its pages."""
    async with Church() as church:
        await connect(grace, church)
        cancelled = await grace.cancelled_at(church, 99)
        monkeypatch.setattr(steps, "make_plan", planning_without(PERSON))
        retried = await grace.retry(cancelled)
    assert {e.status for e in retried.entities} == {EntityStatus.FAILED}
    assert "which rides on people.Person, and that did not complete" in str(of(retried, EMAIL).reason)


async def test_a_carrier_that_failed_goes_on_with_all_that_rides_on_it(grace: Congregation) -> None:
    async with Church() as church:
        await connect(grace, church)
        refused = refuse(422, "unprocessable")

        async def on_the_last_page(request: web.Request) -> web.Response | None:
            return await refused(request) if request.query["offset"] == "198" else None

        church.scripts["Person"] = on_the_last_page
        failed = await grace.sync(*RIDING)
        church.scripts.clear()
        done = await grace.retry(failed)
    assert statuses(failed) == {
        "Person": EntityStatus.FAILED,
        "Email": EntityStatus.SKIPPED,
        "PhoneNumber": EntityStatus.SKIPPED,
    }
    assert done.status is RunStatus.COMPLETED
    assert grace.ids(EMAIL) == {*range(1, 251)}


# Pages


async def test_a_page_has_as_many_records_as_the_manifest_says(
    grace: Congregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PCO.products, "people", replace(PCO.products["people"], max_page_size=40))
    async with Church(people=90) as church:
        await connect(grace, church)
        view = await grace.sync("Person")
        asked = church.requests
    assert view.status is RunStatus.COMPLETED
    assert asked == [("Person", 0), ("Person", 39), ("Person", 78)]
    assert grace.ids(PERSON) == {*range(1, 91)}
