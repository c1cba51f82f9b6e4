"""Decisions, stored for whoever wonders about them later."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from openfaith.records import EntityName, OrgId, RunId
from openfaith.store import Database, list_events, store_events
from openfaith.telemetry import (
    DependencyCut,
    EntityRunFinished,
    Event,
    RecordsSetAside,
    RunJoined,
    SourceNotice,
    Subject,
    ValuesSetAside,
)
from support.mirror import fetch


def notice(text: str, run_id: int = 1) -> SourceNotice:
    return SourceNotice(about=Subject(run_id=RunId(run_id)), notice="n", text=text)


async def test_an_event_is_stored_with_its_subject_its_sentence_and_its_measures(
    own_database: Database,
) -> None:
    about = Subject(org_id=OrgId("grace"), run_id=RunId(5), entity=EntityName("church.Member"))
    events: list[Event] = [
        ValuesSetAside(about=about, values={"age": 2}),
        RecordsSetAside(about=about, records=1, reasons=("it has no id",)),
        DependencyCut(about=about, on=EntityName("church.Campus"), cycle=("a", "b", "a")),
    ]
    await store_events(own_database, events)
    stored = await list_events(own_database, RunId(5))
    assert [(s.name, s.severity, s.message) for s in stored] == [
        (e.name, e.severity, e.message()) for e in events
    ]
    assert [s.details for s in stored] == [
        {"values": {"age": 2}},
        {"records": 1, "reasons": ["it has no id"]},
        {"on": "church.Campus", "cycle": ["a", "b", "a"]},
    ]
    assert {(s.org_id, s.run_id, s.entity) for s in stored} == {("grace", 5, "church.Member")}


async def test_an_event_about_nothing_is_stored(own_database: Database) -> None:
    await store_events(own_database, [RunJoined()])
    told = await fetch(
        own_database, "SELECT org_id, run_id, entity FROM openfaith.event WHERE name = 'RunJoined'"
    )
    assert told == [{"org_id": None, "run_id": None, "entity": None}]


async def test_no_events_are_no_statement(own_database: Database) -> None:
    before = await fetch(own_database, "SELECT event_id FROM openfaith.event")
    await store_events(own_database, [])
    assert await fetch(own_database, "SELECT event_id FROM openfaith.event") == before


async def test_the_newest_events_of_a_run_are_listed_oldest_first(own_database: Database) -> None:
    await store_events(own_database, [notice(str(n)) for n in range(5)] + [notice("other", run_id=2)])
    assert [e.message for e in await list_events(own_database, RunId(1), limit=3)] == ["2", "3", "4"]
    assert await list_events(own_database, RunId(3)) == []


async def test_texts_that_postgresql_cannot_store_are_stored_as_far_as_they_can_be(
    own_database: Database,
) -> None:
    about = Subject(run_id=RunId(1))
    failed = EntityRunFinished(about=about, status="failed", reason="a\x00b\ud83d")
    await store_events(own_database, [failed, ValuesSetAside(about=about, values={"\x00": 1})])
    first, second = await list_events(own_database, RunId(1))
    assert first.message == "None failed: a\ufffdb\ufffd"
    assert first.details == {
        "status": "failed",
        "reason": "a\ufffdb\ufffd",
        "error": None,
        "pages": 0,
        "records": 0,
    }
    assert second.details == {"values": {"\ufffd": 1}}


async def test_events_are_stored_all_or_none(own_database: Database) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Impossible(Event):
        measured: object

        def message(self) -> str:
            return "x"

    with pytest.raises(TypeError):
        await store_events(own_database, [notice("good"), Impossible(measured=object())])
    assert await list_events(own_database, RunId(1)) == []
