"""Workers are killed, PostgreSQL goes and comes, the source fails and is cut off; and everything is as if nothing had been.

A short form is among the tests; `make chaos` lets it last as long as it takes for everything to meet everything:
`OPENFAITH_CHAOS_SECONDS` says how long that is, and `OPENFAITH_FIRST_SEED` what is drawn.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import psycopg
import pytest

from chaos.house import House, open_house
from chaos.troubles import FAULTS, Troubles
from openfaith import RunStatus, SyncKind
from openfaith.loops import end_tasks
from openfaith.manifest import table_name
from openfaith.planning import make_plan
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.postgres import discard_home, make_home
from support.simulated import NO_WAITING, PCO
from support.truth import differences, simulated_truth

SECONDS = float(os.environ.get("OPENFAITH_CHAOS_SECONDS") or 12)
SEED = int(os.environ.get("OPENFAITH_FIRST_SEED") or 12)
SHORT = SECONDS < 120

PLANNED = make_plan(
    PCO, ("Person", "Email", "PhoneNumber", "Household", "HouseholdMembership", "PersonMerger")
)
ORGS = ("grace", "hope") if SHORT else ("grace", "hope", "joy")
WORKERS = 2
QUIET_SECONDS = 240
"""After so long everything that was asked for is over, or it is stuck."""


@pytest.fixture
def church() -> Iterator[RunningSimulator]:
    options = SimulatorOptions(
        people=60 if SHORT else 150,
        products=("people",),
        rate_limit=NO_WAITING,
        latency_seconds=0.02,
        tokens=tuple(f"{org}:secret" for org in ORGS),
    )
    with RunningSimulator(options) as running:
        yield running


@pytest.fixture
def home() -> Iterator[Path]:
    made = make_home()
    yield made
    discard_home(made)


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 2 * QUIET_SECONDS + 300)
async def test_nothing_is_lost_doubled_stuck_or_left_behind(
    church: RunningSimulator, home: Path, tmp_path: Path
) -> None:
    async with open_house(church, home, tmp_path / "workers.log", workers=WORKERS) as house:
        for org in ORGS:
            await house.ask(lambda e, o=org: e.connect(o, f"{o}:secret", base_url=house.source_url))  # type: ignore[misc]  # bound now
        troubles = Troubles(house=house, random=Random(SEED), pace=0.2 if SHORT else 1)
        watching = asyncio.create_task(house.workers.look_after())
        await rage(troubles)
        async with asyncio.timeout(QUIET_SECONDS):
            ended = [await troubles.wait(run_id) for run_id in troubles.runs]
        await settle(troubles)
        await end_tasks([watching])
        codes = await asyncio.to_thread(house.workers.end)  # the ways that they end by are in this process
        report(troubles, ended)
        assert house.workers.last_words == []
        # On a busy machine it may take longer than a signal's sender waits.
        assert set(codes) <= {0, 143}, house.workers.text[-5000:]
        assert len(ended) == len(troubles.runs)
        assert wrong(house) == [], f"seed {SEED}"
        assert doubled(house) == [], f"seed {SEED}"
        assert left_behind(house) == {}, f"seed {SEED}"


async def rage(troubles: Troubles) -> None:
    """All troubles at once, for as long as it lasts."""
    troubles.house.church.control("faults", {"faults": FAULTS})
    names = tuple(PLANNED.order)
    tasks = [
        asyncio.create_task(work)
        for work in (
            troubles.kill_workers(),
            troubles.trouble_database(),
            troubles.trouble_source(),
            troubles.change_church(),
            *(troubles.ask_for_runs(org, names) for org in ORGS),
        )
    ]
    done, _ = await asyncio.wait(tasks, timeout=SECONDS, return_when=asyncio.FIRST_EXCEPTION)
    failed = [*(task.exception() for task in done), *await end_tasks(tasks)]
    await troubles.house.mend()
    assert failed == []


async def settle(troubles: Troubles) -> None:
    """What an operator does: a full sync, and reconciliations of which all suspects are approved.

    What is below others is proven once these are, and deleted once it was approved.
    """
    house = troubles.house

    async def end(org: str, kind: SyncKind) -> None:
        run, _ = await house.ask(lambda engine: engine.request(org, kind=kind, entities=PLANNED.order))
        async with asyncio.timeout(QUIET_SECONDS):
            run = await troubles.wait(run.run_id)
        assert run.status is RunStatus.COMPLETED, f"seed {SEED}, run {run.run_id} of {org}"
        for name in PLANNED.order:
            await house.ask(lambda engine, n=name: engine.suspects.approve(org, n, None))  # type: ignore[misc]  # bound now

    for kind in (SyncKind.FULL, *[SyncKind.RECONCILIATION] * 4):
        await asyncio.gather(*(end(org, kind) for org in ORGS))


def report(troubles: Troubles, ended: Sequence[object]) -> None:
    statuses = [str(getattr(run, "status", "")) for run in ended]
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    given_up = len(troubles.house.workers.ended_by_themselves)
    told = ", ".join(f"{name}: {count}" for name, count in sorted(troubles.toll.items()))
    sys.stdout.write(
        f"\nchaos of {SECONDS:g} s, seed {SEED}: {told}; workers that ended by themselves: {given_up}; runs ended: {counts}; "
        f"took over: {troubles.house.workers.text.count('took over')}; "
        f"requests of the source: {troubles.house.church.control('requests?limit=0')['total']}\n"
    )


def wrong(house: House) -> list[str]:
    """Every difference between the tables and the church, and every tombstone of what it still has."""
    found: list[str] = []
    for org in ORGS:
        for name in PLANNED.order:
            entity = PCO.entities[name]
            there = simulated_truth(house.church, entity)
            found += differences(house.url, PCO, entity, org, there)
            alive = {str(record["id"]) for record in there}
            with psycopg.connect(house.url) as connection:
                statement = (
                    f'SELECT id FROM pco."{table_name(entity)}" WHERE org_id = %s AND _deleted_at IS NOT NULL'
                )
                dead = {key for (key,) in connection.execute(statement.encode(), [org]).fetchall()}
            found += [f"{org}: {name} {key} is dead here and alive there" for key in sorted(dead & alive)]
    return found


DOUBLED = {
    "pages out of their order": """
        SELECT count(*) FROM (
            SELECT fence < lag(fence) OVER (PARTITION BY entity_run_id ORDER BY page)
                OR page <> 1 + lag(page) OVER (PARTITION BY entity_run_id ORDER BY page) AS wrong
            FROM openfaith.page_commit) AS p WHERE wrong""",
    "ends of a run told twice": """
        SELECT count(*) FROM (
            SELECT run_id, attempt FROM openfaith.event JOIN openfaith.sync_run USING (run_id) WHERE name = 'RunFinished'
            GROUP BY run_id, attempt HAVING count(*) > attempt) AS e""",
    "organizations with two runs at once": """
        SELECT count(*) FROM openfaith.sync_run AS a JOIN openfaith.sync_run AS b
          ON a.org_id = b.org_id AND a.run_id < b.run_id AND a.attempt = 1 AND b.attempt = 1
         AND b.started_at < a.finished_at AND a.started_at < b.started_at
         AND a.status <> 'cancelled' AND b.status <> 'cancelled'""",
}


def doubled(house: House) -> list[str]:
    return [name for name, count in counted(house, DOUBLED).items() if count]


LEFT = {
    "runs that are not over": "SELECT count(*) FROM openfaith.sync_run WHERE finished_at IS NULL",
    "entity runs that are not over": "SELECT count(*) FROM openfaith.entity_run WHERE finished_at IS NULL",
    "workflows that are not over": """
        SELECT count(*) FROM dbos.workflow_status WHERE status NOT IN ('SUCCESS', 'ERROR', 'CANCELLED')""",
    "leases": "SELECT count(*) FROM openfaith.executor WHERE expires_at > now()",
    "breakers": "SELECT count(*) FROM openfaith.breaker",
    "connections": """
        SELECT count(*) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()""",
    "locks": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
    "prepared transactions": "SELECT count(*) FROM pg_prepared_xacts",
}


def left_behind(house: House) -> dict[str, int]:
    """After the workers have ended: nothing is held, and nothing waits."""
    left = {name: count for name, count in counted(house, LEFT).items() if count}
    files = len(list((house.home / "executors").rglob("*.lock")))
    return left | ({"lock files": files} if files else {})


def counted(house: House, statements: dict[str, str]) -> dict[str, int]:
    with psycopg.connect(house.url) as connection:
        return {
            name: int(next(iter(connection.execute(text.encode())))[0]) for name, text in statements.items()
        }
