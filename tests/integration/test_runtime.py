"""What the steps of one process share, seen by several of them at once."""

from __future__ import annotations

import asyncio

import pytest

from openfaith.errors import ProductClosedError
from openfaith.records import RunId
from openfaith.store import Database, get_run, list_events
from openfaith.telemetry import Subject
from openfaith.workflows.durable import Started
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.serving import serve, start_unfinished_runs
from support.mirror import MEMBER, connect_org, execute, make_manifest, open_sample, start_run


async def test_a_product_that_was_granted_meanwhile_is_open_to_all_its_entities_at_once(
    database_url: str,
) -> None:
    """They begin together in a retried run, each with what the process knows from the attempt before."""
    async with open_sample(database_url) as database:
        await _open_again(database)


async def test_a_product_that_is_closed_while_others_take_it_for_open_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entity is told that it is open, and all that the process knew is forgotten while the next one is answered."""
    answers = iter([False, True])

    async def answer(*_: object) -> bool:
        found = next(answers)
        await asyncio.sleep(0)
        return found

    async with open_sample(database_url) as database:
        org = await connect_org(database, "grace")
        about = Subject(org_id=org, run_id=await start_run(database, org))
        runtime = make_runtime(database)
        await runtime.close_product(about, "church", ProductClosedError("GET /members", "402", "church"))
        monkeypatch.setattr("openfaith.workflows.runtime.is_product_closed", answer)
        asked = await asyncio.gather(
            *(runtime.refuse_closed(about, "church") for _ in range(2)), return_exceptions=True
        )
    assert [type(outcome) for outcome in asked] == [type(None), ProductClosedError]


async def test_a_run_whose_workflow_has_died_is_told_to_have_failed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def died(*_: object) -> Started:
        return Started.ENDED

    monkeypatch.setattr("openfaith.workflows.serving.start_run", died)
    async with open_sample(database_url) as database:
        run_id = await start_run(database, await connect_org(database, "grace"), MEMBER)
        known = set[tuple[RunId, int]]()
        for _ in range(2):
            await start_unfinished_runs(make_runtime(database), known)
        told = [event.message for event in await list_events(database, run_id)]
        ended = await get_run(database, run_id)
    assert (told, known) == (["church.Member failed: " + str(ended.reason), "run failed: 1 failed"], set())


async def test_whatever_happens_runs_are_looked_for_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that lives, and starts no run any more, would be waited for in vain."""
    looks = 0

    async def look(*_: object) -> None:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise LookupError("of the durable engine's driver, and none of ours")
        raise asyncio.CancelledError

    monkeypatch.setattr("openfaith.workflows.serving.start_unfinished_runs", look)
    monkeypatch.setattr("openfaith.workflows.serving.forget_old_workflows", look)
    monkeypatch.setattr("openfaith.workflows.serving.LOOK_SECONDS", 0)
    async with open_sample(database_url) as database:
        with pytest.raises(asyncio.CancelledError):
            await serve(make_runtime(database))
    assert looks == 3


def make_runtime(database: Database) -> Runtime:
    return Runtime(
        database=database, manifests={"sample": make_manifest(MEMBER)}, keys=(), entities_in_flight=8
    )


async def _open_again(database: Database) -> None:
    org = await connect_org(database, "grace")
    run_id = await start_run(database, org)
    about = Subject(org_id=org, run_id=run_id)
    runtime = make_runtime(database)
    await runtime.close_product(about, "church", ProductClosedError("GET /members", "402", "church"))
    with pytest.raises(ProductClosedError):
        await runtime.refuse_closed(about, "church")
    await execute(database, "UPDATE openfaith.sync_run SET closed_products = '{}' WHERE run_id = %s", run_id)
    await asyncio.gather(*(runtime.refuse_closed(about, "church") for _ in range(8)))
    assert not runtime.has_closed(about, "church")
