"""Makes one mistake after the other in a copy of the program, and expects the tests to notice each.

    make mutants                      all of them
    make mutants ONLY=guard-unproven  one

A mistake is caught where its tests fail: run, and fail. It is not where they pass, do not end, cannot be collected, or
fail because what was changed does not even run. That the same tests pass without the mistake is looked at first.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import cache_from_source
from pathlib import Path
from queue import SimpleQueue

from mutants.mutants import MUTANTS, PACKAGE, Mutant

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 240.0
"""For the tests of one mutant: they take a few seconds on an idle machine."""

BASELINE_SECONDS = 1800.0
"""For the tests of all of them."""

_PYTEST_STUMBLED = 3
"""Its exit code for an error of its own, or of its fixtures' beginnings: once more, then it counts."""

_SAME_CHANCES = "--hypothesis-profile=ci"
"""The examples of property tests are the same each time: a mutant that was caught once is caught again."""

_DOES_NOT_RUN = re.compile(
    r"\b(Name|Import|Indentation|Unbound\w*)Error\b|\b(ModuleNotFound|Syntax)Error\b|Undefined(Column|Table|Function)"
    r"|Ambiguous(Column|Parameter|Function)|IndeterminateDatatype"
)
"""Of the reason for a failure: not the mistake was noticed, but that it was written down wrong."""


class Outcome(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    """Its tests pass."""
    STALE = "STALE"
    """What it changes is not there, or is there more than once."""
    BROKEN = "BROKEN"
    """Its tests could not be collected or set up, or the program does not run at all."""
    ENDLESS = "ENDLESS"
    """Its tests did not end in time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How a mutant fared."""

    mutant: Mutant
    outcome: Outcome
    seconds: float
    detail: str
    """Which test noticed it and how, or what stood in the way."""

    def __str__(self) -> str:
        return f"{self.outcome:8}  {self.seconds:5.1f} s  {self.mutant.name}: {self.detail}"


class Copy:
    """A copy of the program and its tests, in which one mistake at a time is made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        shutil.copy2(ROOT / "pyproject.toml", root)

    @property
    def _environment(self) -> dict[str, str]:
        """That of every process: what it starts itself imports the copy, too."""
        paths = os.pathsep.join([str(self.root / "src"), str(self.root / "tests")])
        return os.environ | {"PYTHONPATH": paths, "COLUMNS": "300"}  # else pytest cuts off why a test failed

    def imported_from(self) -> Path:
        """Where a process in this environment finds the program."""
        code = "import openfaith; print(openfaith.__file__)"
        told = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            check=True,
        )
        return Path(told.stdout.decode().strip())

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[bool]:
        """For as long as the block lasts, the mistake is in the copy. False where it cannot be made."""
        path = self.root / PACKAGE / mutant.file
        text = path.read_text() if path.is_file() else ""
        applies = text.count(mutant.before) == 1
        if applies:
            self._write(path, text.replace(mutant.before, mutant.after))
        try:
            yield applies
        finally:
            if applies:
                self._write(path, text)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text)
        if path.suffix == ".py":
            # What is compiled is known by size and second: two versions may share both.
            Path(cache_from_source(str(path))).unlink(missing_ok=True)

    def run(self, tests: Sequence[str], *options: str, timeout_seconds: float) -> tuple[int | None, str]:
        """Run tests. Returns pytest's exit code, None where it took too long, and what it printed."""
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", _SAME_CHANCES, *options]
        process = subprocess.Popen(
            [*command, *(f"tests/{test}" for test in tests)],
            cwd=self.root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=timeout_seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return None, printed
        return process.returncode, printed


def judge(copy: Copy, mutant: Mutant) -> Verdict:
    """Make a mistake, run its tests, and take it back."""
    began = time.monotonic()
    with copy.mutated(mutant) as applies:
        if applies:
            code, printed = copy.run(mutant.tests, "-x", "-p", "no:xdist", timeout_seconds=TIMEOUT_SECONDS)
            if code == _PYTEST_STUMBLED:
                code, printed = copy.run(
                    mutant.tests, "-x", "-p", "no:xdist", timeout_seconds=TIMEOUT_SECONDS
                )
            outcome, detail = read_outcome(code, printed)
        else:
            outcome, detail = Outcome.STALE, f"`before` does not occur exactly once in {mutant.file}"
    return Verdict(mutant=mutant, outcome=outcome, seconds=time.monotonic() - began, detail=detail)


def read_outcome(code: int | None, printed: str) -> tuple[Outcome, str]:
    """What pytest's exit code and report say about a mutant."""
    if code is None:
        return Outcome.ENDLESS, "its tests did not end"
    if code == 0:
        return Outcome.SURVIVED, "its tests pass"
    lines = printed.strip().splitlines()
    failed = next((line for line in lines if line.startswith("FAILED ")), None)
    if code != 1 or failed is None:
        told = next((line for line in lines if line.startswith("ERROR")), (lines or ["nothing"])[-1])
        return Outcome.BROKEN, f"pytest ended with {code}: {told[:200]}"
    detail = failed.removeprefix("FAILED tests/")[:240]
    return (Outcome.BROKEN if _DOES_NOT_RUN.search(detail) else Outcome.CAUGHT), detail


def check_baseline(copy: Copy, mutants: Sequence[Mutant], jobs: int) -> str | None:
    """Why nothing could be concluded from a failure: the tests fail without any mistake. None where they pass."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    parallel = ("-n", str(jobs)) if jobs > 1 else ("-p", "no:xdist")
    code, printed = copy.run(tests, *parallel, timeout_seconds=BASELINE_SECONDS)
    return None if code == 0 else printed[-4000:]


def judge_all(
    copies: Sequence[Copy], mutants: Sequence[Mutant], tell: Callable[[str], None]
) -> list[Verdict]:
    """One mutant after the other in each copy."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge_next(mutant: Mutant) -> Verdict:
        copy = free.get()
        try:
            return judge(copy, mutant)
        finally:
            free.put(copy)

    verdicts = []
    with ThreadPoolExecutor(len(copies)) as pool:
        try:
            for done in as_completed([pool.submit(judge_next, mutant) for mutant in mutants]):
                verdicts.append(done.result())
                tell(str(verdicts[-1]))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return verdicts


def main(arguments: Sequence[str]) -> int:
    """Returns 0 where every mutant was caught, 1 where one was not, 2 where nothing could be said."""
    options = _parse(arguments)
    chosen = [mutant for mutant in MUTANTS if not options.only or mutant.name in options.only]
    unknown = {*(options.only or ())} - {mutant.name for mutant in chosen}
    if unknown:
        _tell(f"There is no mutant {', '.join(sorted(unknown))}; there are:")
        _tell("\n".join(f"  {mutant.name}: {mutant.why}" for mutant in MUTANTS))
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="openfaith-mutants-") as directory:
        Path(directory).chmod(0o711)  # PostgreSQL's own account looks for nothing in it, but must get past it
        copies = [Copy(Path(directory) / str(number)) for number in range(options.jobs)]
        if not copies[0].imported_from().is_relative_to(copies[0].root):
            _tell(f"The copy is not what is imported, but {copies[0].imported_from()}.")
            return 2
        if not options.no_baseline:
            failure = check_baseline(copies[0], chosen, options.jobs)
            if failure is not None:
                _tell(
                    f"{failure}\nThe tests fail without any mistake, so that nothing follows from a failure."
                )
                return 2
            _tell(f"Without a mistake the tests pass ({time.monotonic() - began:.0f} s).")
        verdicts = judge_all(copies, chosen, _tell)
    counted = Counter(verdict.outcome for verdict in verdicts)
    told = ", ".join(f"{counted[outcome]} {outcome.lower()}" for outcome in Outcome if counted[outcome])
    _tell(f"{len(verdicts)} mutants: {told}; {time.monotonic() - began:.0f} s.")
    return 0 if counted[Outcome.CAUGHT] == len(verdicts) else 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutants", description="See the tests catch known mistakes.")
    parser.add_argument("--only", action="append", metavar="NAME", help="this one; may be said several times")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants at a time (default: 1)")
    parser.add_argument(
        "--no-baseline",
        action="store_true",
        help="do not look first whether the tests pass without a mistake",
    )
    return parser.parse_args(arguments)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
