"""A source in trouble is left alone by everybody, and what waits for it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from openfaith import Engine, EntityStatus, RunStatus, RunView, Settings, SyncKind
from openfaith.breakers import BREAKER, BreakerReason
from openfaith.errors import BreakerOpenError
from openfaith.records import OrgId, RunId
from openfaith.retries import RetryPolicy
from openfaith.simulator import RunningSimulator
from openfaith.source import SourceClient
from openfaith.store import (
    claim_probe,
    close_breaker,
    find_breaker,
    get_credential,
    open_breaker,
    prolong_breaker,
)
from support.mirror import execute
from support.simulated import Follower, of
from support.source import Script, ScriptedSource, connected, refuse

PEOPLE = 450
ENTITIES = ("Campus", "Household", "Person", "Email", "FieldDefinition")

QUICK = replace(
    BREAKER,
    first_wait=timedelta(milliseconds=40),
    longest_wait=timedelta(milliseconds=80),
    longest_sleep=timedelta(milliseconds=80),
)
"""As patient as any, but quicker."""

HASTY = RetryPolicy(base=timedelta(milliseconds=1))

DOWN = "error=503"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried as often as ever, but sooner."""
    defaults = {**(SourceClient.__init__.__kwdefaults__ or {}), "retry": HASTY}
    monkeypatch.setattr(SourceClient.__init__, "__kwdefaults__", defaults)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that is sure to come; a test that waits in vain is ended by its time limit."""
    while not await true():  # noqa: ASYNC110  # the database has no event to wait for
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(follower: Follower, kind: str = "full") -> AsyncIterator[RunId]:
    """A run under way."""
    follower.engine.breakers = QUICK
    async with follower.engine.working():
        run = await follower.engine.start(follower.org, kind=SyncKind(kind), entities=list(follower.entities))
        yield run.run_id


async def is_open(follower: Follower) -> bool:
    return await follower.engine.waiting_for(follower.org) is not None


def names(events: Any) -> list[str]:
    return [event.name for event in events]


async def probed(follower: Follower, times: int) -> None:
    async def often_enough() -> bool:
        found = await follower.engine.waiting_for(follower.org)
        return found is not None and found.probes >= times

    await until(often_enough)


async def test_an_outage_in_the_middle_is_waited_for_and_the_run_goes_on_by_itself(grace: Follower) -> None:
    """Whatever it lasts, the source is asked once for each probe, and no page that was committed is asked for again."""
    grace.church.control("faults", {"faults": f"{DOWN}@7-"})
    async with running(grace) as run_id:
        await until(lambda: is_open(grace))
        await probed(grace, 3)
        before = int(grace.church.control("requests?limit=0")["total"])
        await probed(grace, 6)
        asked = int(grace.church.control("requests?limit=0")["total"]) - before
        found = await grace.engine.waiting_for(grace.org)
        grace.church.control("faults", {"faults": ""})
        view = await grace.engine.wait(run_id)
        events = await grace.engine.events(run_id)
    assert view.status is RunStatus.COMPLETED, view
    assert grace.differences() == []
    assert found is not None
    assert (found.reason, found.org_id) == ("outage", grace.org)
    assert "503" in found.seen
    assert asked <= 6
    assert not await is_open(grace)
    assert names(events).count("BreakerOpened") == 1
    assert "EntityRunFinished" in names(events)


async def test_an_outage_below_few_parents_is_no_failure_of_these(grace: Follower) -> None:
    """They are so few that their requests alone do not tell it from bad luck; the one cheap call does."""
    small = replace(grace, entities=["Workflow", "WorkflowCard"])
    grace.church.control("faults", {"faults": f"{DOWN}@4-"})
    async with running(small) as run_id:
        await until(lambda: is_open(small))
        await probed(small, 2)
        grace.church.control("faults", {"faults": ""})
        view = await small.engine.wait(run_id)
        events = await small.engine.events(run_id)
    assert view.status is RunStatus.COMPLETED, view
    assert small.differences() == []
    assert "ParentLeftBehind" not in names(events)


async def test_a_run_that_has_read_nothing_yet_says_so_at_once(grace: Follower) -> None:
    grace.church.control("faults", {"faults": DOWN})
    grace.engine.breakers = QUICK
    view = await grace.sync()
    assert view.status is RunStatus.FAILED
    assert "503" in str(of(view, "Campus").reason)
    assert await is_open(grace)
    grace.church.control("faults", {"faults": ""})
    assert (await grace.sync()).status is RunStatus.COMPLETED
    assert not await is_open(grace)


async def test_one_address_that_always_fails_is_no_outage(grace: Follower) -> None:
    grace.church.control("faults", {"faults": "error=500/FieldDefinition"})
    grace.engine.breakers = QUICK
    async with asyncio.timeout(60):
        view = await grace.sync()
    assert of(view, "FieldDefinition").status is EntityStatus.FAILED
    assert of(view, "Person").status is EntityStatus.COMPLETED
    assert not await is_open(grace)
    assert "BreakerOpened" not in names(await grace.engine.events(view.run.run_id))


async def test_who_waits_can_be_cancelled_and_goes_on_later(grace: Follower) -> None:
    grace.church.control("faults", {"faults": f"{DOWN}@7-"})
    async with running(grace) as run_id:
        await until(lambda: is_open(grace))
        await grace.engine.cancel(run_id)
        cancelled = await grace.engine.wait(run_id)
        assert cancelled.status in {RunStatus.CANCELLED, RunStatus.PARTIAL}
        grace.church.control("faults", {"faults": ""})
        again = await grace.engine.retry(run_id)
        view = await grace.engine.wait(again.run_id)
    assert view.status is RunStatus.COMPLETED
    assert grace.differences() == []


async def test_a_wait_survives_the_process(grace: Follower) -> None:
    """The process that waits is stopped, and another one goes on while the source is still away."""
    grace.church.control("faults", {"faults": f"{DOWN}@7-"})
    async with running(grace) as run_id:
        await until(lambda: is_open(grace))
    async with grace.engine.working():
        await probed(grace, 2)
        grace.church.control("faults", {"faults": ""})
        view = await grace.engine.wait(run_id)
    assert view.status is RunStatus.COMPLETED
    assert grace.differences() == []


async def test_what_many_organizations_find_in_trouble_everybody_leaves_alone(
    settings: Settings, church: RunningSimulator
) -> None:
    """And who has not met the trouble waits too, even if it has read nothing yet, and does not fail."""
    orgs = ["first", "second", "third", "fourth"]
    async with Engine.open(settings) as engine:
        engine.breakers = QUICK
        for org in orgs:
            await engine.connect(org, "simulator:secret", base_url=church.base_url)
        # What comes first is read, so that the runs have begun to read; then the source is away.
        church.control("faults", {"faults": f"{DOWN}/Person,{DOWN}~/people/v2/me"})
        async with engine.working():
            runs = [
                await engine.start(org, entities=["Campus", "Person"], strategy="sequential")
                for org in orgs[:3]
            ]

            async def everybodys() -> bool:
                found = await engine.waiting_for("fourth")
                return found is not None and found.org_id is None

            await until(everybodys)
            runs.append(await engine.start("fourth", entities=["Person"]))

            async def fourth_runs() -> bool:
                return bool((await engine.run(runs[-1].run_id)).run.status is RunStatus.RUNNING)

            await until(fourth_runs)
            church.control("faults", {"faults": ""})
            views: list[RunView] = [await engine.wait(run.run_id) for run in runs]
        left = await engine.open_breakers()
    assert [view.status for view in views] == [RunStatus.COMPLETED] * 4
    assert left == []


def once(refusing: Script) -> Script:
    """The first question is answered well: the token ends in the middle."""
    asked = 0

    async def answer(request: web.Request) -> web.Response | None:
        nonlocal asked
        asked += 1
        return await refusing(request) if asked > 1 else None

    return answer


def refusing(token: str) -> Script:
    """A source that accepts this token no more."""

    async def answer(request: web.Request) -> web.Response | None:
        if request.headers["Authorization"] == f"Bearer {token}":
            return await refuse(401, "unauthorized", "Error Code Hint: (BABOON)")(request)
        return None

    return answer


async def test_a_worker_that_knows_the_former_token_holds_its_refusal_against_no_other(
    settings: Settings, source: ScriptedSource
) -> None:
    for name in ("Campus", "Household", "me"):
        source.scripts[name] = refusing("old")
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)
        async with engine.working():
            stopped = await engine.sync("church", entities=["Campus", "Household"])
            assert stopped.status is RunStatus.FAILED
            await engine.connect("church", "new", base_url=source.base_url, verify=False)
            healed = await engine.wait(stopped.run.run_id)
            assert healed.status is RunStatus.COMPLETED
            assert await engine.waiting_for("church") is None


async def test_a_refusal_of_one_address_alone_stops_nothing_else(
    settings: Settings, source: ScriptedSource
) -> None:
    """A hint that nobody knows looks like rejected credentials; whose token it is, the source says all the same."""
    source.scripts["Campus"] = refuse(401, "unauthorized", "Error Code Hint: (OCELOT)")
    source.scripts["me"] = refusing("nobody's")
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Campus", "Email", "PhoneNumber"])
        assert {e.entity: e.status for e in view.entities} == {
            "people.Campus": EntityStatus.FAILED,
            "people.Email": EntityStatus.COMPLETED,
            "people.PhoneNumber": EntityStatus.COMPLETED,
        }
        assert await engine.waiting_for("church") is None


async def test_a_run_that_a_person_has_stopped_stays_so_whoever_connects(
    settings: Settings, source: ScriptedSource
) -> None:
    for name in ("Campus", "me"):
        source.scripts[name] = refusing("old")
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)
        stopped = await engine.sync("church", entities=["Campus"])
        await execute(
            engine._database,
            "UPDATE openfaith.sync_run SET cancel_requested_at = now() WHERE run_id = %s",
            stopped.run.run_id,
        )
        await engine.connect("church", "new", base_url=source.base_url, verify=False)
        assert (await engine.run(stopped.run.run_id)).run.status is RunStatus.FAILED


async def test_a_dry_run_does_not_take_the_place_of_the_run_that_goes_on(
    settings: Settings, source: ScriptedSource
) -> None:
    for name in ("Campus", "me"):
        source.scripts[name] = refusing("old")
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)
        stopped = await engine.sync("church", entities=["Campus"])
        await engine.sync("church", entities=["Campus"], dry_run=True)
        await engine.connect("church", "new", base_url=source.base_url, verify=False)
        assert (await engine.run(stopped.run.run_id)).run.status is RunStatus.QUEUED


async def test_an_answer_at_the_beginning_of_a_run_closes_its_own_breaker_too(
    settings: Settings, source: ScriptedSource
) -> None:
    source.scripts["me"] = refusing("nobody's")
    async with connected(settings, source) as engine:
        for org in ("b", "c", "d"):
            await engine.connect(org, "x:y", base_url=source.base_url, verify=False)
            await opened(engine, org, BreakerOpenError("outage", "GET /p", "503"))
        await opened(engine, "church", BreakerOpenError("rejected", "GET /p", "401"))
        view = await engine.sync("church", entities=["Campus"])
        assert (view.status, await engine.waiting_for("church")) == (RunStatus.COMPLETED, None)


async def opened(engine: Engine, org: str, trouble: BreakerOpenError) -> None:
    await open_breaker(
        engine._database, OrgId(org), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta()
    )


async def test_a_run_that_waited_before_it_began_stores_under_the_sight_that_it_has(grace: Follower) -> None:
    """What is deleted later needs no person for that."""
    await grace.sync()
    await grace.sync("reconciliation")
    for org in ("b", "c", "d"):
        await grace.engine.connect(org, "simulator:secret", base_url=grace.church.base_url, verify=False)
        await opened(grace.engine, org, BreakerOpenError("outage", "GET /p", "503"))
    grace.church.control("faults", {"faults": DOWN})
    async with running(grace) as run_id:
        await probed(grace, 3)
        grace.church.control("faults", {"faults": ""})
        assert (await grace.engine.wait(run_id)).status is RunStatus.COMPLETED
    grace.pass_time()
    grace.change("delete", entity="Email", count=2)
    view = await grace.sync("reconciliation")
    assert (of(view, "Email").deleted, of(view, "Email").held) == (2, 0)


async def test_a_source_that_is_well_only_when_asked_how_it_is_ends_the_wait(
    settings: Settings, source: ScriptedSource
) -> None:
    """Each probe closes the breaker, and each page opens it again: a run is not kept by that for ever."""
    asked = 0

    async def well_every_other_time(_: web.Request) -> web.Response | None:
        nonlocal asked
        asked += 1
        return None if asked % 2 else web.Response(status=503)

    async def first_page_only(request: web.Request) -> web.Response | None:
        return web.Response(status=503) if int(request.query.get("offset", 0)) else None

    source.records["Household"] = [source.records["Household"][0] | {"id": str(n)} for n in range(1, 151)]
    source.scripts |= {"me": well_every_other_time, "Household": first_page_only}
    async with connected(settings, source) as engine:
        engine.breakers = replace(QUICK, patience=timedelta(seconds=2))
        async with asyncio.timeout(60):
            view = await engine.sync("church", entities=["Household"])
    assert of(view, "Household").status is EntityStatus.FAILED
    assert asked > 3


async def test_a_token_that_is_replaced_while_it_is_used_stops_nothing(
    settings: Settings, source: ScriptedSource
) -> None:
    """What the former one met on its way is held against no other, and it is asked for no more."""
    refused: list[str] = []

    async def former(request: web.Request) -> web.Response | None:
        """Not for ever, so that who goes on with it comes to an end."""
        answer = None if len(refused) == 5 else await refusing("old")(request)
        refused.extend([request.path] if answer is not None else [])
        return answer

    source.scripts["me"] = once(former)
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)

        async def replaced(request: web.Request) -> web.Response | None:
            if (answer := await former(request)) is not None:
                await engine.connect("church", "new", base_url=source.base_url, verify=False)
            return answer

        source.scripts["Campus"] = replaced
        view = await engine.sync("church", entities=["Campus"])
        assert (view.status, await engine.waiting_for("church")) == (RunStatus.COMPLETED, None)
        assert len(refused) == 1


async def test_a_run_begins_with_the_newest_token(settings: Settings, source: ScriptedSource) -> None:
    """Also in a process that has known another one."""
    asked: set[str] = set()

    async def whose(request: web.Request) -> web.Response | None:
        asked.add(request.headers["Authorization"])
        return None

    source.scripts["me"] = whose
    async with connected(settings, source) as engine, engine.working():
        for token in ("old", "new"):
            asked.clear()
            await engine.connect("church", token, base_url=source.base_url, verify=False)
            await engine.sync("church", entities=["Campus"])
            assert asked == {f"Bearer {token}"}


async def test_rejected_credentials_stop_everything_at_once_and_others_have_it_go_on(
    settings: Settings, source: ScriptedSource
) -> None:
    """A token that ends in the middle costs one refusal; the run goes on by itself once there is another."""
    refused = 0

    async def expired(request: web.Request) -> web.Response | None:
        nonlocal refused
        if request.headers["Authorization"].startswith("Bearer old"):
            refused += 1
            return await refuse(401, "unauthorized", "Error Code Hint: (BABOON)")(request)
        return None

    source.records["Person"] = [source.records["Person"][0] | {"id": str(n)} for n in range(1, 151)]
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)
        for name in ("Email", "Person", "Household", "FieldDefinition", "me"):
            source.scripts[name] = expired if name != "me" else once(expired)
        async with engine.working():
            run = await engine.start("church", entities=["Campus", "Person", "Household", "FieldDefinition"])
            view = await engine.wait(run.run_id)
            found = await engine.waiting_for("church")
            again = await engine.sync("church", entities=["Household"])
            met = refused
            await engine.connect("church", "new", base_url=source.base_url, verify=False)
            assert await engine.waiting_for("church") is None
            healed = await engine.wait(again.run.run_id)
            events = await engine.events(again.run.run_id)
    assert view.status in {RunStatus.PARTIAL, RunStatus.FAILED}
    assert found is not None
    assert found.reason == "rejected"
    assert "the access token has expired" in found.seen
    assert again.status is RunStatus.FAILED
    # Of each of three entities a page and the one beyond it, under way together; then whose token it is, and once more as
    # the next run begins.
    assert met <= 3 * 2 + 1 + 1
    assert healed.status is RunStatus.COMPLETED
    assert "RunGoesOn" in names(events)


async def test_credentials_that_come_while_a_run_is_still_at_it_have_it_go_on_once_it_is_over(
    settings: Settings, source: ScriptedSource
) -> None:
    held = asyncio.Event()

    async def slow(_: web.Request) -> None:
        await held.wait()

    source.scripts |= {"Campus": refusing("old"), "me": once(refusing("old")), "Household": slow}
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)
        async with engine.working():
            run = await engine.start("church", entities=["Campus", "Household"], strategy="parallel")

            async def has_failed() -> bool:
                view = await engine.run(run.run_id)
                return EntityStatus.FAILED in {e.status for e in view.entities}

            await until(has_failed)
            await engine.connect("church", "new", base_url=source.base_url, verify=False)
            held.set()

            async def is_whole() -> bool:
                return (await engine.run(run.run_id)).run.status is RunStatus.COMPLETED

            async with asyncio.timeout(60):
                await until(is_whole)
            events = await engine.events(run.run_id)
    assert names(events).count("RunGoesOn") == 1


async def test_credentials_that_come_while_the_first_answer_is_on_its_way_are_what_counts(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        await engine.connect("church", "old", base_url=source.base_url, verify=False)

        async def replaced(request: web.Request) -> web.Response | None:
            if (answer := await refusing("old")(request)) is not None:
                await engine.connect("church", "new", base_url=source.base_url, verify=False)
            return answer

        source.scripts["me"] = replaced
        view = await engine.sync("church", entities=["Campus"])
        assert (view.status, await engine.waiting_for("church")) == (RunStatus.COMPLETED, None)


async def test_a_source_that_asks_for_an_hour_gets_it_and_nothing_is_lost(
    settings: Settings, source: ScriptedSource
) -> None:
    """Nobody waits in a place that others could have, and nobody asks in between."""
    asked = 0

    async def busy_after_the_first_page(request: web.Request) -> web.Response | None:
        nonlocal asked
        if request.query.get("offset", "0") == "0" or asked:
            return None
        asked += 1
        return web.Response(status=429, headers={"Retry-After": "3600"})

    source.records["Household"] = [source.records["Household"][0] | {"id": str(n)} for n in range(1, 151)]
    source.scripts["Household"] = busy_after_the_first_page
    async with connected(settings, source) as engine:
        engine.breakers = QUICK
        async with engine.working():
            run = await engine.start("church", entities=["Household"])

            async def waits() -> bool:
                return await engine.waiting_for("church") is not None

            await until(waits)
            found = await engine.waiting_for("church")
            source.requests.clear()
            for _ in range(20):  # while it would have been asked often, by the waits of `QUICK`
                await waits()
                await asyncio.sleep(0)
            before = list(source.requests)
            await execute(engine._database, "UPDATE openfaith.breaker SET next_probe_at = now()")
            view = await engine.wait(run.run_id)
    assert found is not None
    assert found.due_in > timedelta(minutes=59)
    assert found.seen == "429, and asks to be left alone for 3600 s"
    assert before == []
    assert view.status is RunStatus.COMPLETED
    assert of(view, "Household").records == 150


# The store


@pytest.fixture
def trouble() -> BreakerOpenError:
    return BreakerOpenError("outage", "GET /p", "status 503")


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    async with Engine.open(settings) as opened:
        for org in ("a", "b", "c", "d"):
            await opened.connect(org, "x:y", base_url="http://localhost:1", verify=False)
        yield opened


async def test_of_all_who_want_to_probe_one_may(engine: Engine, trouble: BreakerOpenError) -> None:
    database = engine._database
    await open_breaker(
        database, OrgId("a"), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta(seconds=-1)
    )
    found = await find_breaker(database, OrgId("a"), "pco")
    assert found is not None
    claims = [claim_probe(database, found, takes=timedelta(minutes=1)) for _ in range(5)]
    assert sorted(await asyncio.gather(*claims)) == [False] * 4 + [True]
    probing = await find_breaker(database, OrgId("a"), "pco")
    assert probing is not None
    assert probing.state == "half-open"
    await prolong_breaker(database, found, "status 502", policy=QUICK, wait=timedelta(minutes=1))
    later = await find_breaker(database, OrgId("a"), "pco")
    assert later is not None
    assert (later.state, later.seen, later.probes) == ("open", "status 502", 1)
    assert not await claim_probe(database, found, takes=timedelta(minutes=1))


async def test_who_died_while_probing_blocks_nobody(engine: Engine, trouble: BreakerOpenError) -> None:
    database = engine._database
    await open_breaker(
        database, OrgId("a"), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta(seconds=-1)
    )
    found = await find_breaker(database, OrgId("a"), "pco")
    assert found is not None
    assert await claim_probe(database, found, takes=timedelta(seconds=-1))
    assert await claim_probe(database, found, takes=timedelta(minutes=1))


async def test_what_is_open_is_opened_and_told_once(engine: Engine, trouble: BreakerOpenError) -> None:
    told = [
        await open_breaker(
            engine._database, OrgId("a"), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta()
        )
        for _ in range(2)
    ]
    assert [[event.name for event in events] for events in told] == [["BreakerOpened"], []]


async def test_credentials_that_are_rejected_in_an_outage_are_told_once(
    engine: Engine, trouble: BreakerOpenError
) -> None:
    rejected = BreakerOpenError(BreakerReason.REJECTED, "GET /people", "401")
    told = [
        await open_breaker(
            engine._database, OrgId("a"), "pco", each, run_id=None, policy=QUICK, wait=timedelta()
        )
        for each in (trouble, rejected, rejected, trouble)
    ]
    assert [[event.reason for event in events] for events in told] == [["outage"], ["rejected"], [], []]  # type: ignore[attr-defined]


async def test_a_probe_that_fails_is_told(engine: Engine, trouble: BreakerOpenError) -> None:
    database = engine._database
    await open_breaker(database, OrgId("a"), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta())
    own = await find_breaker(database, OrgId("a"), "pco")
    assert own is not None
    told = [
        event.message()
        for _ in range(2)
        for event in await prolong_breaker(database, own, "502", policy=QUICK, wait=timedelta(minutes=1))
    ]
    assert told == [
        f"pco is still in trouble (502) after {probes}: it is asked again in 60 s"
        for probes in ("1 probe", "2 probes")
    ]


async def test_as_many_as_it_takes_open_it_for_everybody_and_one_probe_closes_it(
    engine: Engine, trouble: BreakerOpenError
) -> None:
    database = engine._database
    for number, org in enumerate(("a", "b", "c"), start=1):
        assert (await find_breaker(database, OrgId("d"), "pco")) is None
        told = await open_breaker(
            database, OrgId(org), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta()
        )
        assert len(told) == (2 if number == 3 else 1)
    shared = await find_breaker(database, OrgId("d"), "pco")
    assert shared is not None
    assert shared.org_id is None
    closed = await close_breaker(database, shared)
    assert [event.name for event in closed] == ["BreakerClosed"] * 4
    assert [await find_breaker(database, OrgId(org), "pco") for org in "abcd"] == [None] * 4


async def test_a_refusal_says_nothing_of_credentials_that_came_since(
    engine: Engine, trouble: BreakerOpenError
) -> None:
    """Neither where nothing is open yet, nor where these have met trouble of their own."""
    database, a = engine._database, OrgId("a")
    rejected = BreakerOpenError("rejected", "GET /p", "401")

    async def open_it(error: BreakerOpenError, at: datetime | None) -> str | None:
        await open_breaker(
            database, a, "pco", error, run_id=None, policy=QUICK, wait=timedelta(), saved_at=at
        )
        found = await find_breaker(database, a, "pco")
        return None if found is None else str(found.reason)

    before = (await get_credential(database, engine._keys, a, "pco")).saved_at
    await engine.connect("a", "x:z", base_url="http://localhost:1", verify=False)
    now = (await get_credential(database, engine._keys, a, "pco")).saved_at
    assert await open_it(rejected, before) is None
    assert await open_it(trouble, now) == "outage"
    assert await open_it(rejected, before) == "outage"
    assert await open_it(rejected, now) == "rejected"
    assert await open_it(trouble, now) == "rejected"
    found = await find_breaker(database, a, "pco")
    assert found is not None
    assert found.seen == "401"


async def test_those_who_opened_theirs_at_the_same_moment_find_each_other_as_they_probe(
    engine: Engine, trouble: BreakerOpenError
) -> None:
    """None of them sees what the others have not committed yet, so that none opens everybody's."""
    database = engine._database
    alone = replace(QUICK, organizations=99)
    for org in ("a", "b", "c"):
        await open_breaker(
            database, OrgId(org), "pco", trouble, run_id=None, policy=alone, wait=timedelta(seconds=-1)
        )
    own = await find_breaker(database, OrgId("a"), "pco")
    assert own is not None
    assert own.org_id == "a"
    told = await prolong_breaker(database, own, "status 502", policy=QUICK, wait=timedelta(minutes=1))
    again = await prolong_breaker(database, own, "status 502", policy=QUICK, wait=timedelta(minutes=1))
    assert (names(told), names(again)) == (["BreakerOpened", "BreakerProbed"], ["BreakerProbed"])
    shared = await find_breaker(database, OrgId("d"), "pco")
    assert shared is not None
    assert (shared.org_id, shared.seen) == (None, "status 502")


async def test_trouble_that_nobody_waits_for_any_more_is_not_counted(
    engine: Engine, trouble: BreakerOpenError
) -> None:
    """Of runs that failed before they had read anything a breaker stays behind, until the next run."""
    for org, wait in (("a", timedelta(days=-1)), ("b", timedelta(days=-1)), ("c", timedelta())):
        await open_breaker(engine._database, OrgId(org), "pco", trouble, run_id=None, policy=QUICK, wait=wait)
    assert await find_breaker(engine._database, OrgId("d"), "pco") is None


async def test_the_rejected_credentials_of_many_are_nobody_elses_trouble(engine: Engine) -> None:
    rejected = BreakerOpenError("rejected", "GET /p", "401")
    for org in ("a", "b", "c"):
        await open_breaker(
            engine._database, OrgId(org), "pco", rejected, run_id=None, policy=QUICK, wait=timedelta()
        )
    assert await find_breaker(engine._database, OrgId("d"), "pco") is None


async def test_other_credentials_begin_with_a_closed_breaker(
    engine: Engine, trouble: BreakerOpenError
) -> None:
    await open_breaker(
        engine._database, OrgId("a"), "pco", trouble, run_id=None, policy=QUICK, wait=timedelta()
    )
    await engine.connect("a", "x:z", base_url="http://localhost:1", verify=False)
    assert await find_breaker(engine._database, OrgId("a"), "pco") is None
