"""Whom the server runs as, and which of its processes are alive."""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openfaith.errors import ConfigurationError

_UNPRIVILEGED = ("postgres", "nobody")
"""Accounts that root may start the server as; the first that exists. None is ever created."""

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC", "LC_ALL": "C"}
"""All that PostgreSQL's programs see of ours: our variables hold secrets, and its own (PGDATA, PGPORT) mislead."""

_PROCESSES_BY_PROC = 'for p in /proc/[0-9]*; do if [ "$p/cwd" -ef "$1" ]; then echo "${p#/proc/}"; fi; done'
"""Compares inodes, not names: a directory has many names (links, mounts)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The operating system's account that owns the data and runs the server."""

    uid: int
    gid: int
    name: str
    """For messages."""
    is_other: bool
    """True where we are root and become this account for each program we run."""

    @classmethod
    def own(cls) -> Account:
        """The account of this process."""
        return cls(uid=os.geteuid(), gid=os.getegid(), name=_name(os.geteuid()), is_other=False)

    @classmethod
    def owner_of(cls, path: Path) -> Account:
        """For root: the account that ``path`` belongs to."""
        seen = path.stat()
        return cls(uid=seen.st_uid, gid=seen.st_gid, name=_name(seen.st_uid), is_other=True)

    @classmethod
    def unprivileged(cls) -> Account:
        """For root: an existing account without rights of its own.

        Raises:
            ConfigurationError: this system has none.
        """
        for name in _UNPRIVILEGED:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(uid=entry.pw_uid, gid=entry.pw_gid, name=name, is_other=True)
        raise ConfigurationError(
            "OPENFAITH_DATABASE_URL",
            f"not set, PostgreSQL does not run as root, and there is no account {' or '.join(_UNPRIVILEGED)}",
            "an ordinary user to run openfaith, or OPENFAITH_DATABASE_URL=postgresql://user@host/database",
        )

    def run(
        self, argv: Sequence[str | Path], *, output: int = subprocess.PIPE, keep: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end as this account, in a session of its own.

        A Ctrl-C in the user's terminal reaches neither the program nor what it leaves running.

        Args:
            argv: the program, by its full path, and its arguments.
            output: a file descriptor for what it prints; otherwise it is in the result's ``stdout``.
            keep: file descriptors that it inherits, and what it leaves running too.

        Raises:
            OSError: the program cannot be executed by this account.
            ConfigurationError: this root may not become another account.
        """
        try:
            return subprocess.run(  # noqa: S603 (programs found by us, no shell)
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=keep,
                text=True,
                errors="replace",
                cwd="/",  # ours may be closed to this account
                env=_ENVIRONMENT,
                start_new_session=True,
                user=self.uid if self.is_other else None,
                group=self.gid if self.is_other else None,
                extra_groups=() if self.is_other else None,
                check=False,
            )
        except PermissionError as exc:
            if (
                not self.is_other or exc.errno != errno.EPERM
            ):  # the program is at fault (EACCES), not the change of account
                raise
            raise ConfigurationError(
                "OPENFAITH_DATABASE_URL",
                f"not set, PostgreSQL does not run as root, and this root may not become {self.name} ({exc.strerror})",
                "an ordinary user to run openfaith, or OPENFAITH_DATABASE_URL=postgresql://user@host/database",
            ) from exc

    def can_enter(self, directory: Path) -> bool:
        """Asks the kernel, as this account: modes of all parents, access lists and mounts have a say."""
        return self.run(["/bin/sh", "-c", '[ -x "$1" ]', "sh", directory]).returncode == 0

    def take(self, path: Path) -> None:
        """Gives ``path`` to this account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def processes_in(self, directory: Path) -> frozenset[int]:
        """The live processes of this account whose working directory is ``directory``; zombies have none.

        Asked as the account itself, since in a container root may not look at other accounts' processes.
        """
        if Path("/proc/self/cwd").exists():
            return frozenset(
                map(int, self.run(["/bin/sh", "-c", _PROCESSES_BY_PROC, "sh", directory]).stdout.split())
            )
        listing = self.run(["/usr/sbin/lsof", "-a", "-u", str(self.uid), "-d", "cwd", "-F", "pn"])
        return working_in(listing.stdout, directory)


def working_in(listing: str, directory: Path) -> frozenset[int]:
    """The pids that ``lsof -d cwd -F pn`` lists with ``directory``, where there is no /proc (macOS).

    One process is several lines, told apart by their first letter: ``p`` its pid, ``f`` the kind of file, ``n``
    the file's name.
    """
    found = set()
    pid = 0
    for line in listing.splitlines():
        match line[:1]:
            case "p":
                pid = int(line[1:])
            case "n" if line[1:] == str(directory):
                found.add(pid)
            case _:
                pass
    return frozenset(found)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
