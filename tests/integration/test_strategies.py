"""The three strategies of execution, against a simulated church and a scripted source."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from openfaith import Engine, EntityStatus, RunStatus, RunView, Settings, Strategy
from openfaith.adapters import find_adapter
from openfaith.errors import ConfigurationError
from openfaith.planning import PlannedEntity, make_plan
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.source import Gate, ScriptedSource, connected, refuse
from support.truth import read_rows

PCO = find_adapter("pco").load_manifest()
PART = make_plan(PCO, ["Campus", "Household", "Person", "Email", "Tab", "FieldDefinition", "FieldDatum"])
THREE = ["Campus", "Person", "Email"]
"""An e-mail needs its person, and a person had better have its campus."""


Times = dict[EntityName, tuple[datetime, datetime]]


def times(view: RunView) -> Times:
    """When each entity that was read started and finished, by the database's clock."""
    return {e.entity: (e.started_at, e.finished_at) for e in view.entities if e.started_at and e.finished_at}


def overtaken(view: RunView, plan: tuple[PlannedEntity, ...], *, soft: bool) -> list[tuple[str, str]]:
    """Who started before something that it depends on had finished."""
    found = times(view)
    return [
        (entity.name, on)
        for entity in plan
        for on in ((*entity.hard, *entity.soft) if soft else entity.hard)
        if found[entity.name][0] < found[on][1]
    ]


def content(url: str, org: str, name: EntityName) -> dict[str, dict[str, Any]]:
    """An organization's rows as the source has them: without when and by which run they were brought."""
    rows = read_rows(url, PCO, PCO.entities[name], org)
    ours = {"org_id", "_synced_at", "_requested_at", "_run_id"}
    return {
        key: {column: value for column, value in row.items() if column not in ours}
        for key, row in rows.items()
    }


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(SimulatorOptions(people=30, rate_limit=100_000)) as running:
        yield running


async def test_every_strategy_ends_with_the_same_tables_and_keeps_its_rule_on_the_way(
    settings: Settings, simulator: RunningSimulator, opened_url: str
) -> None:
    async with Engine.open(settings) as engine:
        for strategy in Strategy:
            await engine.connect(strategy, "simulator:secret", base_url=simulator.base_url)
        async with engine.working():
            ended = await asyncio.gather(
                *(engine.sync(strategy, entities=PART.order, strategy=strategy) for strategy in Strategy)
            )
        told = [event for view in ended for event in await engine.events(view.run.run_id)]
    views = dict(zip(Strategy, ended, strict=True))
    assert [view.status for view in ended] == [RunStatus.COMPLETED] * 3
    assert [view.run.strategy for view in ended] == list(Strategy)
    assert [e.details["strategy"] for e in told if e.name == "RunStarted"] == list(Strategy)
    for name in PART.order:
        rows = content(opened_url, Strategy.HYBRID, name)
        assert rows
        assert content(opened_url, Strategy.SEQUENTIAL, name) == rows
        assert content(opened_url, Strategy.PARALLEL, name) == rows
    for strategy, view in views.items():
        assert overtaken(view, PART.entities, soft=strategy is not Strategy.HYBRID) == []
    one_by_one = [times(views[Strategy.SEQUENTIAL])[name] for name in PART.order]
    assert all(finished <= started for (_, finished), (started, _) in pairwise(one_by_one))


async def test_hybrid_reads_an_entity_while_its_soft_dependency_is_still_being_read(
    settings: Settings, source: ScriptedSource
) -> None:
    """The second page of campuses is held until somebody asks for people, whom a waiting strategy would not ask for."""
    people_asked = asyncio.Event()
    source.records["Campus"] = [source.records["Campus"][0] | {"id": str(n)} for n in range(1, 102)]

    async def tell(_: web.Request) -> None:
        people_asked.set()

    async def wait(request: web.Request) -> None:
        if request.query.get("offset") == "99":
            await people_asked.wait()

    async with connected(settings, source) as engine:
        source.scripts |= {"Person": tell, "Campus": wait}
        view = await engine.sync("church", entities=THREE)
    assert view.run.strategy is Strategy.HYBRID
    assert view.status is RunStatus.COMPLETED


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_failed_soft_dependency_stops_nobody_and_a_failed_hard_one_skips_who_needs_it(
    settings: Settings, source: ScriptedSource, strategy: Strategy
) -> None:
    """A person had better have its campus; a field definition cannot exist without its tab."""
    async with connected(settings, source) as engine:
        source.scripts |= {"Campus": refuse(400, "bad_request"), "Tab": refuse(400, "bad_request")}
        names = ["Campus", "Person", "Tab", "FieldDefinition"]
        view = await engine.sync("church", entities=names, strategy=strategy)
    outcomes = {e.entity.removeprefix("people."): (e.status, e.reason) for e in view.entities}
    assert outcomes["Person"] == (EntityStatus.COMPLETED, None)
    assert outcomes["FieldDefinition"] == (
        EntityStatus.SKIPPED,
        "it needs people.Tab, which did not complete",
    )
    assert outcomes["Campus"][0] is outcomes["Tab"][0] is EntityStatus.FAILED


async def test_an_interrupted_run_keeps_its_strategy_whatever_is_asked_for_later(
    settings: Settings, source: ScriptedSource
) -> None:
    gate = Gate(offset=0)
    async with connected(settings, source) as engine:
        source.scripts["Person"] = gate
        run = await engine.start("church", entities=THREE, strategy=Strategy.SEQUENTIAL)
        async with engine.working():
            await gate.reached.wait()
        source.scripts.clear()
        view = await engine.sync("church", entities=THREE, strategy=Strategy.PARALLEL)
    assert view.run.run_id == run.run_id
    assert view.run.strategy is Strategy.SEQUENTIAL
    assert view.status is RunStatus.COMPLETED
    one_by_one = [times(view)[entity.entity] for entity in view.entities]
    assert all(finished <= started for (_, finished), (started, _) in pairwise(one_by_one))


async def test_a_retry_waits_for_nothing_that_completed_before(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Person"] = refuse(400, "bad_request")
        failed = await engine.sync("church", entities=THREE, strategy=Strategy.PARALLEL)
        source.scripts.clear()
        source.requests.clear()
        await engine.retry(failed.run.run_id)
        async with engine.working():
            view = await engine.wait(failed.run.run_id)
    assert (view.status, view.run.strategy) == (RunStatus.COMPLETED, Strategy.PARALLEL)
    assert source.requests[0] == ("Person", 0)
    assert "Campus" not in {type_name for type_name, _ in source.requests}


async def test_an_unknown_strategy_is_refused_and_the_three_are_named(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        with pytest.raises(ConfigurationError, match=r"'sideways'.* sequential, parallel, hybrid"):
            await engine.start("church", strategy="sideways")
        assert await engine.runs("church") == []
