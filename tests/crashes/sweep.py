"""One command, killed at every point and finished by the same command: what came of each.

The command is run once without being killed. That run says which points there are, which pages it takes, and how the
tables shall look in the end; each trial then has a copy of the same database, and is compared with it and with the church.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from random import Random
from typing import Any

import psycopg
from psycopg import sql

from crashes.boundaries import Point, points_of
from crashes.lanes import Lane, Life
from crashes.launcher import RECORDS_AT_ONCE
from crashes.verbs import ORG, PCO, PLANNED, Stage, Verb
from openfaith.manifest import table_name
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator
from support.postgres import Databases
from support.truth import Record, differences, simulated_truth

_FETCHED_AGAIN = 1
"""Pages that one crash may cost."""

_ASKED_AGAIN = 2 * (RECORDS_AT_ONCE + 1) + 1
"""Other requests that one crash may cost. A few suspects are settled together: of each it is asked whether it is there, and
where its place may be another's. A process that was told nothing yet asks of the first one twice, to hear what time it is;
and in the end, what the token may see."""

_MOST_ATTEMPTS = 4
_TOLD_EACH = 50

_SETTLED = {
    "runs": "SELECT kind, status FROM openfaith.sync_run",
    "entity runs": """
        SELECT r.kind, dense_rank() OVER (ORDER BY r.run_id), e.entity, e.status, e.reason, e.inserted, e.updated, e.deleted,
            e.dead_letters, e.live_rows
        FROM openfaith.entity_run AS e JOIN openfaith.sync_run AS r USING (run_id)""",
    "suspects": "SELECT entity, id, state FROM openfaith.suspect",
    "dead letters": "SELECT entity, record_key, status, last_outcome FROM openfaith.dead_letter",
    "watermarks": """
        SELECT s.entity, s.last_status, s.live_rows, s.watermark = e.source_started_at
        FROM openfaith.sync_state AS s JOIN openfaith.entity_run AS e ON e.run_id = s.last_run_id AND e.entity = s.entity""",
}
"""What there is to read of a database in which everything is settled, whoever settled it and when."""

_TOMBSTONES = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {}, id, _merged_into FROM {} WHERE _deleted_at IS NOT NULL").format(
        sql.Literal(name), sql.Identifier(PCO.adapter, table_name(PCO.entities[name]))
    )
    for name in PLANNED.order
)
_WORK = """
SELECT e.entity, sum(e.pages)::int, sum(e.records)::int, sum(e.unchanged)::int FROM openfaith.entity_run AS e GROUP BY e.entity
"""

Truth = Mapping[EntityName, Sequence[Record]]
Settled = Mapping[str, Counter[tuple[Any, ...]]]
Work = Mapping[str, tuple[int, int, int]]
"""By entity: the pages that were committed, their records, and those of them that said nothing new."""

Asked = Counter[str]
"""How often which path and query was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Where processes were killed, and what came of it."""

    points: tuple[Point | int, ...]
    reached: int
    """So many of them: the later ones are not, where the work ended before."""
    again: Asked
    """What was asked more often than without a crash."""
    passed_after: int
    """The boundaries that the last process passed."""
    problems: tuple[str, ...]

    @property
    def pages_again(self) -> int:
        return sum(count for what, count in self.again.items() if _is_page(what))

    def __str__(self) -> str:
        places = ", then ".join(f"at boundary {p}" if isinstance(p, int) else str(p) for p in self.points)
        return f"killed {places}: {'; '.join(self.problems)}"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A verb, the databases that it begins with, one for each lane, and what it does without a crash."""

    verb: Verb
    databases: Databases
    church: RunningSimulator
    lanes: Mapping[Lane, str]
    """With the template of each."""
    truth: Truth
    settled: Settled
    work: Work
    asked: Asked
    points: Sequence[Point]

    def singles(self, points: Sequence[Point]) -> list[Trial]:
        """One crash each."""
        return self._try([(point,) for point in points])

    def pairs(self, number: int, random: Random, singles: Sequence[Trial]) -> list[Trial]:
        """So many pairs drawn by chance: a crash, and another one of the process that goes on."""
        room = {trial.points[0]: trial.passed_after for trial in singles if trial.passed_after}
        drawn = [random.choice(sorted(room, key=str)) for _ in range(number)] if room else []
        return self._try([(point, random.randint(1, room[point])) for point in drawn])

    def _try(self, trials: Sequence[tuple[Point | int, ...]]) -> list[Trial]:
        waiting: SimpleQueue[Lane] = SimpleQueue()
        for lane in self.lanes:
            waiting.put(lane)

        def attempt(points: tuple[Point | int, ...]) -> Trial:
            lane = waiting.get()
            try:
                return self._meet(lane, points)
            finally:
                waiting.put(lane)

        with ThreadPoolExecutor(len(self.lanes)) as threads:
            return list(_told(threads.map(attempt, trials), len(trials)))

    def _meet(self, lane: Lane, points: tuple[Point | int, ...]) -> Trial:
        """A trial in which the point was met: how often a process looks for what is not there yet, its threads say."""
        for _ in range(_MOST_ATTEMPTS - 1):
            trial = self._attempt(lane, points)
            if trial.reached or trial.problems:
                return trial
        return self._attempt(lane, points)

    def _attempt(self, lane: Lane, points: tuple[Point | int, ...]) -> Trial:
        since = _last_request(self.church)
        with self.databases.fresh(template=self.lanes[lane]) as url:
            crashes = self._crash(lane, url, points)
            over = self._is_over(url)
            if crashes.goes_on and not over:
                crashes.finish(lane.run(url, *self.verb.arguments))
            again = _asked(self.church, lane, since) - self.asked
            problems = [*self._problems(url, again, crashes.deaths)]
            if crashes.goes_on and over:
                # Its work was done; the same command asks for other work now, and finds nothing in its way.
                crashes.finish(lane.run(url, *self.verb.arguments))
                problems += wrong(url, self.truth)
        return Trial(
            points=points,
            reached=crashes.deaths,
            again=again,
            passed_after=crashes.passed,
            problems=(*crashes.problems, *problems),
        )

    def _crash(self, lane: Lane, url: str, points: tuple[Point | int, ...]) -> _Crashes:
        """One process after the other, until the last one is killed or their work is done."""
        crashes = _Crashes()
        for point in points:
            crashes.die(lane.run(url, *self.verb.arguments, end=point))
            if not crashes.goes_on or self._is_over(url):
                break
        return crashes

    def _is_over(self, url: str) -> bool:
        """Whether the command's run is: the same command would ask for another one."""
        if not self.verb.is_sync:
            return False
        with psycopg.connect(url) as connection:
            newest = connection.execute(
                "SELECT count(*) FROM openfaith.sync_run WHERE finished_at IS NOT NULL"
            ).fetchone()
        assert newest is not None
        return bool(newest[0] == sum(self.settled["runs"].values()))

    def _problems(self, url: str, again: Asked, crashes: int) -> Iterator[str]:
        yield from wrong(url, self.truth)
        for what, rows in settled(url).items():
            for row, count in (rows - self.settled[what]).items():
                yield f"{what}: {row} stands {count} times too often"
            for row, count in (self.settled[what] - rows).items():
                yield f"{what}: {row} is missing {count} times"
        twice = sum(work(url)[entity][0] - pages for entity, (pages, _, _) in self.work.items())
        if twice > self.verb.committed_twice * crashes or (not twice and work(url) != self.work):
            yield f"counted: {work(url)}, and without a crash {self.work}"
        pages = [what for what in again.elements() if _is_page(what)]
        if len(pages) > _FETCHED_AGAIN * crashes:
            yield f"fetched again: {', '.join(pages)}"
        records = [what for what in again.elements() if not _is_page(what)]
        if len(records) > _ASKED_AGAIN * crashes:
            yield f"asked again: {', '.join(records)}"


@dataclass
class _Crashes:
    """The lives of one trial, as they end."""

    deaths: int = 0
    goes_on: bool = True
    """Whether there is something left to do."""
    passed: int = 0
    problems: list[str] = field(default_factory=list)

    def die(self, life: Life) -> None:
        if life.was_killed:
            self.deaths += 1
        else:
            self.goes_on = False
            self._look_at(life)

    def finish(self, life: Life) -> None:
        self.passed = len(life.passed)
        self._look_at(life)

    def _look_at(self, life: Life) -> None:
        if life.code:
            self.problems.append(f"the command ended with {life.code}: {life.errors or life.output}")


def prepare(
    verb: Verb, databases: Databases, opened: str, church: RunningSimulator, lanes: Sequence[Lane]
) -> Sweep:
    """Bring a church and a database to where the verb has something to do, and do it once undisturbed."""
    template = f"crashes_{verb.name}"
    first, *others = lanes
    databases.ensure_template(template, partial(_prepare, verb, church, first), of=opened)
    templates = {first: template}
    for lane in others:
        templates[lane] = f"{template}_{lane.name}"
        databases.ensure_template(templates[lane], partial(_connect, church, lane), of=template)
    truth = {name: simulated_truth(church, PCO.entities[name]) for name in PLANNED.order}
    since = _last_request(church)
    with databases.fresh(template=template) as url:
        life = first.run(url, *verb.arguments)
        assert life.code == 0, life.errors or life.output
        assert wrong(url, truth) == [], "a verb that nothing disturbs makes the tables equal to the church"
        return Sweep(
            verb=verb,
            databases=databases,
            church=church,
            lanes=templates,
            truth=truth,
            settled=settled(url),
            work=work(url),
            asked=_asked(church, first, since),
            points=points_of(life.passed),
        )


def _prepare(verb: Verb, church: RunningSimulator, lane: Lane, url: str) -> None:
    _connect(church, lane, url)
    verb.prepare(Stage(church=church, url=url, lane=lane))


def _connect(church: RunningSimulator, lane: Lane, url: str) -> None:
    connecting = ("connect", "pco", "--org", ORG, "--token-stdin", "--base-url", church.base_url)
    life = lane.run(url, *connecting, text=f"{lane.name}:secret")
    assert life.code == 0, life.errors


def wrong(url: str, truth: Truth) -> list[str]:
    """Every difference between the tables and the church, field by field."""
    return [
        text for name in PLANNED.order for text in differences(url, PCO, PCO.entities[name], ORG, truth[name])
    ]


def settled(url: str) -> Settled:
    with psycopg.connect(url) as connection:
        found = {
            what: Counter(connection.execute(sql.SQL(statement)).fetchall())
            for what, statement in _SETTLED.items()
        }
        return found | {"tombstones": Counter(connection.execute(_TOMBSTONES).fetchall())}


def _told(trials: Iterator[Trial], number: int) -> Iterator[Trial]:
    """With a word now and then, for whoever waits: a whole sweep takes long."""
    for count, trial in enumerate(trials, start=1):
        if trial.problems:
            sys.stdout.write(f"  {trial}\n")
        if count % _TOLD_EACH == 0:
            sys.stdout.write(f"  {count} of {number}\n")
        sys.stdout.flush()
        yield trial


def work(url: str) -> Work:
    with psycopg.connect(url) as connection:
        rows = connection.execute(_WORK).fetchall()
    return {entity: (pages, records, unchanged) for entity, pages, records, unchanged in rows}


def _last_request(church: RunningSimulator) -> int:
    entries = church.control("requests?limit=1")["requests"]
    return int(entries[-1]["sequence"]) if entries else 0


def _asked(church: RunningSimulator, lane: Lane, since: int) -> Asked:
    entries = church.control(f"requests?after={since}")["requests"]
    return Counter(f"{e['path']}?{e['query']}" for e in entries if e["credential"] == lane.name)


def _is_page(what: str) -> bool:
    return "offset=" in what
