"""Two workers share a church's work; one is stopped for longer than its lease, and wakes when the other has done it."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import psycopg
import pytest

from openfaith.planning import make_plan
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.workflows.leases import LEASE_LOST_EXIT_CODE
from support.simulated import PCO
from support.terminal import PATIENCE_SECONDS, Terminal
from support.truth import differences, simulated_truth

T = TypeVar("T")

PLANNED = make_plan(PCO, ("Campus", "Household", "Person", "Email", "HouseholdMembership"))
NAMED = [word for name in PLANNED.order for word in ("--entity", name)]

SLOW_ENOUGH = SimulatorOptions(people=300, products=("people",), rate_limit=10**6, latency_seconds=0.1)
"""Thousands of pages at once are allowed, yet below the households there are seconds of work."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One page's."""

    entity: str
    page: int
    fence: int
    writer: str
    """The worker whose connection inserted it, as PostgreSQL saw it."""
    at: datetime


@pytest.fixture
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(SLOW_ENOUGH) as running:
        yield running


@pytest.fixture
def url(opened_url: str) -> str:
    """A database whose ledger of pages says which connection wrote each."""
    with psycopg.connect(opened_url) as connection:
        connection.execute(
            "ALTER TABLE openfaith.page_commit"
            " ADD COLUMN writer text DEFAULT current_setting('openfaith_test.writer', true),"
            " ADD COLUMN written_at timestamptz NOT NULL DEFAULT clock_timestamp()"
        )
    return opened_url


def worker_of(url: str, home: Path, name: str) -> Terminal:
    return Terminal(
        home,
        database_url=f"{url}&options={quote(f'-c openfaith_test.writer={name}')}",
        lease_seconds="2",
    )


def commits(url: str) -> list[Commit]:
    """In the order of each entity's pages."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT e.entity, p.page, p.fence, p.writer, p.written_at FROM openfaith.page_commit AS p"
            " JOIN openfaith.entity_run AS e USING (entity_run_id) ORDER BY e.entity, p.page"
        ).fetchall()
    return [Commit(*row) for row in rows]


def wait_for(look: Callable[[], T | None]) -> T:
    """What a look finds, as soon as one does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, "it did not come"
    return found


def test_of_two_workers_one_that_slept_beyond_its_lease_writes_nothing_more(
    url: str, church: RunningSimulator, tmp_path: Path
) -> None:
    """At any time every entity had one writer: a page's fencing token says whose turn it was, and its connection whose it is."""
    terminals = {name: worker_of(url, tmp_path, name) for name in ("one", "other")}
    terminals["one"].connect("grace", church.base_url)
    with terminals["one"].start("up") as one, terminals["other"].start("up") as other:
        workers = {"one": one, "other": other}
        for worker in workers.values():
            worker.read_until("The worker is ready")
        run = terminals["one"].json("sync", "grace", *NAMED, "--detach")["run_id"]
        asleep = wait_for(lambda: reader_of_households(url))
        workers[asleep].send(signal.SIGSTOP)
        awake = next(name for name in workers if name != asleep)
        view = terminals[awake].json("runs", "watch", run)
        done = commits(url)
        workers[asleep].send(signal.SIGCONT)
        assert workers[asleep].end() == LEASE_LOST_EXIT_CODE
        assert "this process lost its lease" in workers[asleep].text
        assert commits(url) == done
        workers[awake].send(signal.SIGINT)
        assert workers[awake].end() == 0
    assert view["status"] == "completed"
    assert_one_writer_at_a_time(done)
    assert {c.writer for c in done if c.entity == "people.HouseholdMembership"} == {asleep, awake}
    assert wrong(url, church) == []


def reader_of_households(url: str) -> str | None:
    """The worker that reads below the households, once it has written some pages."""
    found = [commit for commit in commits(url) if commit.entity == "people.HouseholdMembership"]
    return found[-1].writer if len(found) > 3 else None


def assert_one_writer_at_a_time(written: Sequence[Commit]) -> None:
    """Of an entity's pages none is missing or doubled, a token is one worker's, and whoever lost it wrote nothing after."""
    pages: defaultdict[str, list[Commit]] = defaultdict(list)
    for commit in written:
        pages[commit.entity].append(commit)
    for entity, found in pages.items():
        assert [commit.page for commit in found] == list(range(1, len(found) + 1)), entity
        in_time = sorted(found, key=lambda commit: commit.at)
        assert in_time == found, f"{entity}: pages were written out of their order"
        fences = [commit.fence for commit in found]
        assert fences == sorted(fences), f"{entity}: an older token wrote after a newer one"
        holders = {(commit.fence, commit.writer) for commit in found}
        assert len(holders) == len(set(fences)), f"{entity}: a token had two writers"


def wrong(url: str, church: RunningSimulator) -> list[Any]:
    """Every difference between the tables and the church."""
    return [
        text
        for name in PLANNED.order
        for text in differences(
            url, PCO, PCO.entities[name], "grace", simulated_truth(church, PCO.entities[name])
        )
    ]
