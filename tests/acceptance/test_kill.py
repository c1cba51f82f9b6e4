"""The real command line, killed with SIGKILL again and again, against the simulated church."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psycopg
import pytest

from openfaith.adapters import find_adapter
from openfaith.manifest import Reading
from openfaith.planning import make_plan
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.strategies import MOST_PAGES_IN_FLIGHT
from support.truth import differences, simulated_truth

PCO = find_adapter("pco").load_manifest()
SYNCED = (
    "Campus",
    "Tab",
    "FieldDefinition",
    "Household",
    "Person",
    "Email",
    "PhoneNumber",
    "Address",
    "FieldDatum",
    "HouseholdMembership",
)
"""Lists of their own, what rides on people, and what is read below every household."""

PLANNED = make_plan(PCO, SYNCED)
PATHS = {
    entity.name: re.compile(re.sub(r"\{\w+\}", "([^/]+)", entity.way.endpoint.path))
    for entity in PLANNED.entities
    if entity.way.reading is not Reading.INCLUDE
}
TOKEN = "simulator:secret"
KILLS = 25
PATIENCE_SECONDS = 120

SLOW_ENOUGH = SimulatorOptions(people=1_200, products=("people",), rate_limit=300, rate_period_seconds=20)
"""At 15 requests per second and a few milliseconds each, one page of an entity is in flight at a time."""

Fetched = tuple[str, str]
"""Entity and page token: the offset, behind the parent where there is one."""


@dataclass(kw_only=True)
class Church:
    """A simulated church, a database, and the command that syncs the one into the other."""

    simulator: RunningSimulator
    url: str
    environment: dict[str, str]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "openfaith", *arguments]
        return subprocess.run(
            command, input=text, env=self.environment, text=True, capture_output=True, check=False
        )

    def start_sync(self) -> subprocess.Popen[str]:
        named = [word for name in SYNCED for word in ("--entity", name)]
        command = [sys.executable, "-m", "openfaith", "sync", "church", "--json", *named]
        process = subprocess.Popen(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.processes.append(process)
        return process

    def requests(self) -> list[Fetched]:
        """Every page that was asked for, in order."""
        entries = self.simulator.control("requests")["requests"]
        return [fetched for entry in entries for fetched in found_in(entry)]

    def count_requests(self) -> int:
        return int(self.simulator.control("requests?limit=0")["total"])

    def committed(self) -> set[Fetched]:
        """Every page whose commit stands."""
        return set(
            self.query(
                "SELECT e.entity, p.token FROM openfaith.page_commit p JOIN openfaith.entity_run e USING (entity_run_id)"
            )
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def wrong(self) -> list[str]:
        """Every difference between the tables and the source, over all entities."""
        return [
            text
            for name in PLANNED.order
            for text in differences(
                self.url,
                PCO,
                PCO.entities[name],
                "church",
                simulated_truth(self.simulator, PCO.entities[name]),
            )
        ]


def found_in(entry: dict[str, Any]) -> Iterator[Fetched]:
    """The page that a request asked for."""
    offset = parse_qs(entry["query"]).get("offset", ["0"])[0]
    for name, path in PATHS.items():
        if found := path.fullmatch(entry["path"]):
            parent = f"{found.groups()[-1]}:" if found.groups() else ""
            yield name, f"{parent}offset={offset}"


@pytest.fixture
def church(opened_url: str, tmp_path: Path) -> Iterator[Church]:
    with followed(SLOW_ENOUGH, opened_url, tmp_path) as made:
        yield made


@pytest.fixture
def quick_church(opened_url: str, tmp_path: Path) -> Iterator[Church]:
    with followed(replace(SLOW_ENOUGH, people=300, rate_limit=10**6), opened_url, tmp_path) as made:
        yield made


@contextmanager
def followed(options: SimulatorOptions, url: str, home: Path) -> Iterator[Church]:
    environment = {
        **os.environ,
        "OPENFAITH_DATABASE_URL": url,
        "OPENFAITH_HOME": str(home),
        "OPENFAITH_LEASE_SECONDS": "4",
    }
    with RunningSimulator(options) as simulator:
        made = Church(simulator=simulator, url=url, environment=environment)
        connected = made.run(
            "connect", "pco", "--org", "church", "--token-stdin", "--base-url", simulator.base_url, text=TOKEN
        )
        assert connected.returncode == 0, connected.stderr
        simulator.control("requests", method="DELETE")
        yield made
        for process in made.processes:
            process.kill()
            process.communicate()


def wait_until(holds: Any, process: subprocess.Popen[str]) -> bool:
    """True as soon as it holds; False where the process ended before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "nothing happened"
    return True


def kill_at_a_random_moment(church: Church, process: subprocess.Popen[str], chance: random.Random) -> None:
    """After some more requests, and then anywhere within the next milliseconds."""
    goal = church.count_requests() + chance.randint(1, 9)
    if wait_until(lambda: church.count_requests() >= goal, process):
        ends = time.perf_counter() + chance.uniform(0, 0.02)
        while time.perf_counter() < ends:
            pass
    process.kill()


def kill_while_a_page_is_being_committed(
    church: Church, process: subprocess.Popen[str], _: random.Random
) -> None:
    """The ledger is locked, so that a commit stops in the middle of its transaction; then the process dies.

    The server does not notice at once: it may still finish the commit of a process that is gone.
    """
    with locked_ledger(church.url):
        wait_until(lambda: is_committing(church), process)
        process.kill()
        process.wait()


@contextmanager
def locked_ledger(url: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE openfaith.page_commit IN EXCLUSIVE MODE")
        yield


def is_committing(church: Church, *, waiting: bool = True) -> bool:
    """Whether a commit of a page waits for the ledger; or whether there is one at all."""
    held = church.query(
        "SELECT granted FROM pg_locks WHERE relation = 'openfaith.page_commit'::regclass"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND mode = 'RowExclusiveLock'"
    )
    return (False,) in held if waiting else bool(held)


@dataclass(kw_only=True)
class Kill:
    """What stood when a process had been killed and the next one was not started yet."""

    requests: int
    committed: set[Fetched]


@pytest.mark.long
def test_killed_25_times_in_a_full_sync_the_tables_equal_the_source(church: Church) -> None:
    """Nothing is lost, nothing doubled, no committed page is fetched again, and nothing is written by a zombie."""
    seed = random.SystemRandom().randrange(1_000_000)
    chance = random.Random(seed)
    kills: list[Kill] = []
    while len(kills) < KILLS:
        process = church.start_sync()
        kill = chance.choice([kill_at_a_random_moment, kill_while_a_page_is_being_committed])
        kill(church, process, chance)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, f"the sync ended after {len(kills)} kills, seed {seed}"
        wait_for_the_server(church)
        kills.append(Kill(requests=church.count_requests(), committed=church.committed()))
    output, complaints = church.start_sync().communicate()
    result = json.loads(output)
    assert result["status"] == "completed", f"seed {seed}: {complaints}"
    assert church.wrong() == [], f"seed {seed}"
    assert church.query("SELECT count(*) FROM openfaith.sync_run") == [(1,)]
    assert_no_committed_page_was_fetched_again(church.requests(), kills)
    assert_at_most_the_pages_in_flight_were_fetched_again(church.requests(), kills)
    assert_no_zombie_wrote(church)


def wait_for_the_server(church: Church) -> None:
    """Until it has finished, or dropped, what the dead process had asked of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_committing(church, waiting=False):
        assert time.monotonic() < deadline, "a commit hangs"


def assert_no_committed_page_was_fetched_again(requests: list[Fetched], kills: list[Kill]) -> None:
    for kill in kills:
        again = kill.committed.intersection(requests[kill.requests :])
        assert not again, f"committed, and fetched again: {sorted(again)}"


def assert_at_most_the_pages_in_flight_were_fetched_again(requests: list[Fetched], kills: list[Kill]) -> None:
    """Of every entity, per kill, what was under way: one page, and up to three where the answers have become slow."""
    ends = [kill.requests for kill in kills[1:]] + [len(requests)]
    for kill, end in zip(kills, ends, strict=True):
        before = set(requests[: kill.requests])
        again = Counter(
            entity for entity, token in set(requests[kill.requests : end]) if (entity, token) in before
        )
        assert all(count <= MOST_PAGES_IN_FLIGHT for count in again.values()), (
            f"more than was under way: {again}"
        )


def assert_no_zombie_wrote(church: Church) -> None:
    """Along the pages of an entity the fencing token never falls, and no page stands twice."""
    rows = church.query(
        "SELECT e.entity, p.page, lag(p.page, 1, 0::bigint) OVER w, p.fence, lag(p.fence, 1, 0::bigint) OVER w"
        " FROM openfaith.page_commit p JOIN openfaith.entity_run e USING (entity_run_id)"
        " WINDOW w AS (PARTITION BY p.entity_run_id ORDER BY p.committed_at, p.page)"
    )
    assert rows
    assert all(page == before + 1 and fence >= older for _, page, before, fence, older in rows)


def test_a_process_that_was_asleep_beyond_its_lease_ends_without_writing(church: Church) -> None:
    """It is stopped, another does its work, it wakes: it must not write a single page more."""
    sleeper = church.start_sync()
    assert wait_until(lambda: church.count_requests() > 20, sleeper)
    sleeper.send_signal(signal.SIGSTOP)
    output, complaints = church.start_sync().communicate()
    assert json.loads(output)["status"] == "completed", complaints
    rows = church.query("SELECT max(fence), count(*) FROM openfaith.page_commit")
    sleeper.send_signal(signal.SIGCONT)
    sleeper.communicate()
    assert church.query("SELECT max(fence), count(*) FROM openfaith.page_commit") == rows
    assert church.wrong() == []
    assert_no_zombie_wrote(church)


def test_two_syncs_of_one_church_at_once_do_its_work_once(church: Church) -> None:
    """Both commands succeed, and every page was fetched by one of them only."""
    both = [church.start_sync(), church.start_sync()]
    ended = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(map(str, ended))
    results = [json.loads(output) for output, _ in ended]
    assert [r["status"] for r in results] == ["completed", "completed"]
    assert results[0]["run_id"] == results[1]["run_id"]
    assert church.wrong() == []
    assert_no_zombie_wrote(church)


def test_a_second_sync_of_an_unchanged_church_rewrites_no_row(quick_church: Church) -> None:
    """No row of any mirror table has a newer version: not its content, not a stamp of ours."""
    first = quick_church.start_sync().communicate()[0]
    before = versions(quick_church)
    second = quick_church.start_sync().communicate()[0]
    entities = json.loads(second)["entities"]
    assert json.loads(first)["status"] == json.loads(second)["status"] == "completed"
    assert sum(e["unchanged"] for e in entities) == sum(e["inserted"] for e in json.loads(first)["entities"])
    assert all(e["inserted"] == e["updated"] == 0 for e in entities)
    assert versions(quick_church) == before


def versions(church: Church) -> list[tuple[Any, ...]]:
    """Per mirror table: its rows, and the newest transaction that wrote one."""
    tables = church.query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'pco'::regnamespace AND relkind = 'r'"
    )
    return [
        row
        for (table,) in sorted(tables)
        for row in church.query(f"SELECT '{table}', count(*), max(xmin::text::bigint) FROM pco.{table}")
    ]
