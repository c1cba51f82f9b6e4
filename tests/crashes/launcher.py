"""Starts the command line again and again, in processes that have imported everything already.

To import takes a process more than to sync a small church. So this one imports, before it has any thread, and forks for
each order that it reads: a line of JSON. It answers with how that process ended, another line.

The engine's bounds are smaller than usual here, so that a small church meets them; and it looks for work more often, which
changes nothing but how long a sync waits for itself. No page is asked for ahead, however slow this machine: so it can be
told what a crash costs.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from crashes.boundaries import Boundaries, Point
from openfaith.adapters import ADAPTERS
from openfaith.cli import progress
from openfaith.cli.main import run
from openfaith.engine import verbs
from openfaith.manifest import Manifest
from openfaith.planning import derive_graph, order, plan
from openfaith.store import dead_letters
from openfaith.strategies import pacing
from openfaith.workflows import orchestrator, queues, reconciling, segments, serving, single_records, waiting

PAGE_SIZE = 4
RECORDS_AT_ONCE = 2
"""Asked for by id, and settled together."""

PATIENCE_SECONDS = 90
"""A process that takes longer hangs, and is killed by its alarm."""

_OFTEN_SECONDS = 0.04

_NEEDED_LATE = ("dbos._sys_db_postgres", "sqlalchemy.dialects.sqlite", "uvloop")
"""What a process otherwise imports when it needs it."""

_BOUNDS: tuple[tuple[ModuleType, str, object], ...] = (
    (segments, "MOST_PAGES", 3),
    (pacing, "MOST_PAGES_IN_FLIGHT", 1),
    (single_records, "RECORDS_AT_ONCE", RECORDS_AT_ONCE),
    (reconciling, "RECORDS_AT_ONCE", RECORDS_AT_ONCE),
    (reconciling, "SUSPECTS_AT_ONCE", RECORDS_AT_ONCE),
    (dead_letters, "_TOGETHER", RECORDS_AT_ONCE),
    (queues, "SYNC_POLL_SECONDS", _OFTEN_SECONDS),
    (queues, "ENTITY_POLL_SECONDS", _OFTEN_SECONDS),
    (waiting, "WAIT_FOR_ENTITY_SECONDS", _OFTEN_SECONDS),
    (orchestrator, "WAIT_FOR_TURN_SECONDS", _OFTEN_SECONDS),
    (serving, "LOOK_SECONDS", _OFTEN_SECONDS),
    (verbs, "_WATCH_SECONDS", _OFTEN_SECONDS),
)


def main() -> None:
    """Serve until the input ends."""
    _make_small()
    for name in _NEEDED_LATE:
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        process = os.fork()
        if not process:
            _live(json.loads(line))
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _make_small() -> None:
    for module, name, value in _BOUNDS:
        _put(module, name, value)
    progress.PlainDisplay.look_seconds = _OFTEN_SECONDS
    pco = ADAPTERS["pco"]
    manifest = _with_small_pages(pco.load_manifest())
    object.__setattr__(pco, "load_manifest", lambda: manifest)
    _derive_once(manifest)


def _derive_once(manifest: Manifest) -> None:
    """The graph of all entities, which every process works out several times and which is the same each time."""
    graph = derive_graph(manifest)
    whole = order(graph)
    _put(plan, "derive_graph", lambda _: graph)
    _put(plan, "order", lambda _: whole)


def _put(module: ModuleType, name: str, value: object) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} any more"
    setattr(module, name, value)


def _with_small_pages(manifest: Manifest) -> Manifest:
    products = {
        name: replace(product, max_page_size=PAGE_SIZE) for name, product in manifest.products.items()
    }
    return replace(manifest, products=products)


def _live(order: dict[str, Any]) -> NoReturn:
    """One command line, from its beginning to its end or to where it is killed."""
    signal.alarm(PATIENCE_SECONDS)
    os.environ.update(order["environment"])
    _redirect(Path(order["input"]), 0, os.O_RDONLY)
    _redirect(Path(order["output"]), 1, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    _redirect(Path(order["errors"]), 2, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    end = order["end"]
    boundaries = Boundaries(end=Point(**end) if isinstance(end, dict) else end)
    boundaries.watch()
    code = run(order["arguments"])
    Path(order["passed"]).write_text(json.dumps(boundaries.passed))
    sys.stdout.flush()
    os._exit(code)


def _redirect(path: Path, descriptor: int, flags: int) -> None:
    opened = os.open(path, flags, 0o600)
    os.dup2(opened, descriptor)
    os.close(opened)


if __name__ == "__main__":
    main()
