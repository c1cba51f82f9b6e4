"""Has workers try many inputs, and tells what became of them.

The inputs of a batch depend on its target and number alone. Every worker does each so manieth batch, in a process of its
own: one that an input ends, or keeps from ending, is a finding as well.
"""

from __future__ import annotations

import asyncio
import faulthandler
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fuzzing import database
from fuzzing.target import BATCH, FoundError, run_batch
from fuzzing.targets import IN_DATABASE, TARGETS
from openfaith.telemetry import configure_logging
from support.postgres import open_databases

_HANGING_SECONDS = 900
"""A batch takes seconds, one in a database a minute. One that takes so long is in an endless loop: its worker shows where, and ends."""

_TOLD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Some inputs of one target, by its name."""

    target: str
    number: int
    inputs: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch. One that has only begun has neither."""

    batch: Batch
    seconds: float | None = None
    found: str | None = None
    """What an input did that none may do."""


def shares(inputs: int, names: Sequence[str], first: int) -> list[Batch]:
    """The batches of all targets, by turns, so that whatever is done by any moment is of all of them."""
    chosen = [target for target in TARGETS if not names or target.name in names]
    whole = sum(target.weight for target in chosen)
    batches: list[tuple[float, Batch]] = []
    for target in chosen:
        share = -(-inputs * target.weight // whole)
        number = -(-share // BATCH)
        for n in range(number):
            size = min(BATCH, share - n * BATCH)
            batches.append(((n + 1) / number, Batch(target.name, first + n, size)))
    return [batch for _, batch in sorted(batches, key=lambda each: each[0])]


def work(batches: Sequence[Batch], reports: Connection) -> None:
    """Do these, and tell of each before and after, and in the end that this is it."""
    configure_logging(level="error", log_format="json")
    targets = {target.name: target for target in TARGETS}
    needs_database = {target.name for target in IN_DATABASE} & {batch.target for batch in batches}
    with ExitStack() as stack:
        if needs_database:
            databases = stack.enter_context(open_databases())
            url = stack.enter_context(databases.fresh())
            asyncio.run(database.prepare(url, Path(os.environ["OPENFAITH_TEST_HOME"])))
            stack.enter_context(database.on_stage(url))
        for batch in batches:
            reports.send(Report(batch))
            faulthandler.dump_traceback_later(_HANGING_SECONDS, exit=True)
            began = time.monotonic()
            found = None
            try:
                run_batch(targets[batch.target], batch.number, batch.inputs)
            except FoundError as error:
                found = str(error)
            reports.send(Report(batch, time.monotonic() - began, found))
        faulthandler.cancel_dump_traceback_later()
    reports.send(None)


def gather(batches: Sequence[Batch], jobs: int) -> Iterator[Report]:
    """Have workers do them; what they report. A worker that does not come to its end has found something, too."""
    context = multiprocessing.get_context("spawn")
    present: dict[Connection, Report | None] = {}
    for job in range(min(jobs, len(batches))):
        mine, theirs = context.Pipe(duplex=False)
        context.Process(target=work, args=(batches[job::jobs], theirs), daemon=True).start()
        theirs.close()
        present[mine] = None
    while present:
        for reports in wait([*present]):
            assert isinstance(reports, Connection)
            try:
                report: Report | None = reports.recv()
            except EOFError:
                yield _lost(present.pop(reports))
                continue
            if report is None:
                del present[reports]
                continue
            present[reports] = report
            if report.seconds is not None:
                yield report


def _lost(last: Report | None) -> Report:
    """What a worker found that is gone, and did not say so."""
    if last is None:
        return Report(Batch("none", 0, 0), 0.0, "a worker ended before its first batch")
    doing = "in" if last.seconds is None else "after"
    again = f"make fuzz ONLY={last.batch.target} FIRST={last.batch.number} INPUTS={last.batch.inputs}"
    return Report(
        replace(last.batch, inputs=0),
        0.0,
        f"a worker ended {doing} batch {last.batch.number} of {last.batch.target}. Again: {again}",
    )


def fuzz(inputs: int, names: Sequence[str], first: int, jobs: int) -> int:
    """Try so many, and say how it went.

    Args:
        inputs: of all targets together.
        names: of targets; none for all.
        first: the number of the first batch of each.
        jobs: how many workers.

    Returns how many batches found something.
    """
    batches = shares(inputs, names, first)
    began = told = time.monotonic()
    tried: Counter[str] = Counter()
    seconds: dict[str, float] = dict.fromkeys((target.name for target in TARGETS), 0.0)
    found: list[str] = []
    for report in gather(batches, jobs):
        tried[report.batch.target] += report.batch.inputs
        seconds[report.batch.target] = seconds.get(report.batch.target, 0.0) + (report.seconds or 0.0)
        if report.found is not None:
            found.append(report.found)
            _tell(report.found)
        if time.monotonic() - told > _TOLD_SECONDS:
            told = time.monotonic()
            _tell(f"{sum(tried.values()):,} inputs, {told - began:.0f} s")
    for target in TARGETS:
        if tried[target.name]:
            _tell(f"{target.name:<20} {tried[target.name]:>10,} inputs {seconds[target.name]:>8.1f} s")
    _tell(f"{sum(tried.values()):,} inputs in {time.monotonic() - began:.0f} s, {len(found)} failures")
    return len(found)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
