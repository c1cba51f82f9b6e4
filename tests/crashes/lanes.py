"""A process that forks for every command, and what is asked of it: one lane of a sweep, beside which there may be others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import openfaith
from crashes.boundaries import Point

_PATHS = (Path(__file__).parents[1], Path(openfaith.__file__).parents[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One process's, from its start to its end."""

    code: int
    """With which it ended; a signal as a negative number."""
    output: str
    errors: str
    passed: tuple[str, ...]
    """The boundaries that it passed, where it came to its end by itself."""

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def document(self) -> Any:
        """What it printed with `--json`."""
        return json.loads(self.output)


class Lane:
    """Runs commands one after the other, with a credential of its own, so that its requests can be told from others'."""

    def __init__(self, process: subprocess.Popen[str], files: Path, home: Path, name: str) -> None:
        self._process = process
        self._files = files
        self._home = home
        self.name = name

    def run(self, url: str, *arguments: str, text: str = "", end: Point | int | None = None) -> Life:
        """A command line on a database, to its end or until it kills itself.

        Args:
            text: what its standard input says.
            end: where it dies.
        """
        passed = self._files / "passed"
        passed.unlink(missing_ok=True)
        (self._files / "input").write_text(text)
        code = self._order(
            {
                "arguments": arguments,
                "environment": {
                    "OPENFAITH_DATABASE_URL": url,
                    "OPENFAITH_HOME": str(self._home),
                    # One page is under way at a time, of all entities.
                    "OPENFAITH_ENTITIES_IN_FLIGHT": "1",
                    # Nothing is to happen just because time goes by; a process that is gone is known by its lock.
                    "OPENFAITH_LEASE_SECONDS": "600",
                },
                "end": asdict(end) if isinstance(end, Point) else end,
                **{name: str(self._files / name) for name in ("input", "output", "errors", "passed")},
            }
        )
        return Life(
            code=code,
            output=(self._files / "output").read_text(),
            errors=(self._files / "errors").read_text(),
            passed=tuple(json.loads(passed.read_text())) if passed.exists() else (),
        )

    def _order(self, order: dict[str, object]) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def open_lanes(number: int, directory: Path, home: Path) -> Iterator[Sequence[Lane]]:
    """So many, whose processes share a home as those of one machine do."""
    paths = os.pathsep.join(map(str, _PATHS))
    environment = {**os.environ, "PYTHONPATH": paths}
    lanes: list[Lane] = []
    processes: list[subprocess.Popen[str]] = []
    try:
        for name in (f"lane{each}" for each in range(number)):
            files = directory / name
            files.mkdir()
            process = subprocess.Popen(
                [sys.executable, "-m", "crashes.launcher"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.append(process)
            lanes.append(Lane(process, files, home, name))
        yield lanes
    finally:
        for process in processes:
            process.kill()
            process.communicate()
