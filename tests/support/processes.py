"""Python in processes of its own, to be killed, or run as somebody else."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openfaith

_SOURCES = Path(openfaith.__file__).parents[1]

_PRELUDE = """
import os, signal, subprocess, sys, types
from pathlib import Path
for name in ("openfaith", "openfaith.store"):  # without what they import themselves, which takes seconds
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = [os.path.join(sys.argv[1], *name.split("."))]
import psycopg
from openfaith.errors import SyncError
from openfaith.store.embedded import EmbeddedServer, accounts, launching, postmaster, stop
home = Path(sys.argv[2])
if len(sys.argv) > 3:  # after the imports: the interpreter's own files may be closed to that account
    os.setgroups([]), os.setgid(int(sys.argv[4])), os.setuid(int(sys.argv[3]))
def wait():
    print("ready", flush=True)
    sys.stdin.readline()
wait()
"""


class Child:
    """A process that runs some Python, line by line with its parent."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._expect("ready")

    @property
    def pid(self) -> int:
        return self._process.pid

    def proceed(self) -> None:
        """Lets it go on from where it waits."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def read(self) -> str:
        """The next line that it prints; empty where it has ended."""
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def join(self) -> int:
        """How it ended: an exit code, or a signal as a negative number."""
        return self._process.wait()

    def _expect(self, line: str) -> None:
        assert (seen := self.read()) == line, seen


@contextmanager
def running(code: str, home: Path, *, account: pwd.struct_passwd | None = None) -> Iterator[Child]:
    """Runs ``code``, which knows ``home`` and ``wait()``, and has waited once; kills what is left of it."""
    identity = [] if account is None else [str(account.pw_uid), str(account.pw_gid)]
    argv = [sys.executable, "-c", _PRELUDE + code, str(_SOURCES), str(home), *identity]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def ordinary_account() -> pwd.struct_passwd | None:
    """Whom tests become to be an ordinary user; None where they are one already."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None
