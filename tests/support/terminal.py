"""The real command line, in processes of its own."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OPENFAITH = str(Path(sys.executable).parent / "openfaith")
PATIENCE_SECONDS = 120


class Command:
    """A command that runs; its output is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []

    def read_until(self, text: str) -> str:
        """The first line from here on that holds the text."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return self.lines[-1]
        raise AssertionError(f"{text!r} did not come: {self.lines}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> int:
        """Read the rest, and return the exit code; a signal that ended it is a negative number."""
        assert self._process.stdout
        self.lines += [line.rstrip("\n") for line in self._process.stdout]
        return self._process.wait(PATIENCE_SECONDS)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def _read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing where nobody writes to it any more."""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux's way of saying so
        return b""


class Terminal:
    """Runs `openfaith` with an environment that knows nothing of the outside."""

    def __init__(self, home: Path, **variables: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        settings = {f"OPENFAITH_{name.upper()}": value for name, value in variables.items()}
        self._environment = {**kept, "OPENFAITH_HOME": str(home), **settings}

    def run(
        self, *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command from its start to its end. `variables` are added to the environment."""
        return subprocess.run(
            [OPENFAITH, *arguments],
            input=stdin,
            env=self._environment | dict(variables or {}),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def read_first_line(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command whose reader goes away after one line; the exit code is the command's."""
        script = f"{shlex.join([OPENFAITH, *arguments])} | head -1; exit ${{PIPESTATUS[0]}}"
        return subprocess.run(
            ["bash", "-c", script],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def succeed(self, *arguments: str, stdin: str = "") -> str:
        """What a command that succeeds prints."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode == 0, (ended.stdout, ended.stderr)
        return ended.stdout

    def json(self, *arguments: str, exit_code: int = 0, stdin: str = "") -> Any:
        """What a command prints with `--json`: a document, and nothing else."""
        ended = self.run(*arguments, "--json", stdin=stdin)
        assert ended.returncode == exit_code, (ended.stdout, ended.stderr)
        return json.loads(ended.stdout)

    def connect(self, org: str, base_url: str) -> None:
        """Connect an organization to a simulator."""
        self.succeed(
            *("connect", "pco", "--org", org, "--app-id", "simulator", "--secret-stdin"),
            *("--base-url", base_url),
            stdin="secret",
        )

    def type(self, *arguments: str, answers: Mapping[str, str], columns: int = 100) -> tuple[int, str]:
        """A command on a terminal, and its exit code and all that the terminal showed.

        Args:
            arguments: of the command.
            answers: what is typed once a text has appeared, in this order.
            columns: of the terminal.
        """
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        with subprocess.Popen(
            [OPENFAITH, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self._environment | {"TERM": "xterm"},
            start_new_session=True,
            # The terminal becomes the one where a secret is asked for.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # takes no lock
        ) as process:
            os.close(theirs)
            shown = b""
            waiting = list(answers.items())
            while chunk := _read(ours):
                shown += chunk
                if waiting and waiting[0][0].encode() in shown:
                    os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
        os.close(ours)
        return process.returncode, shown.decode()

    def run_into(
        self, file: Path, *arguments: str, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """The same, with its standard output going to a file."""
        with file.open("w") as stdout:
            return subprocess.run(
                [OPENFAITH, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                env=self._environment | dict(variables),
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )

    @contextmanager
    def start(self, *arguments: str) -> Iterator[Command]:
        """A command that goes on; killed at the end of the block where it has not ended."""
        with subprocess.Popen(
            [OPENFAITH, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            text=True,
        ) as process:
            try:
                yield Command(process)
            finally:
                process.kill()
