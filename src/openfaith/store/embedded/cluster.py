"""Where everything of one embedded server lies, and to whom it belongs."""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from openfaith.errors import ConfigurationError, DatabaseRefusedError
from openfaith.store.embedded.accounts import Account

NAME = "openfaith"
"""Of the database, and of the role that owns it."""

PORT = 5432
"""Only part of the socket's name: the server listens to no network."""

SOCKET = f".s.PGSQL.{PORT}"

UNFINISHED = ".new-"
"""In the names of things that get their own name when they are complete; a start removes those of the dead."""

_LONGEST_SOCKET_PATH_BYTES = 103
"""Linux allows 107, macOS 103 (``sun_path`` less its final zero)."""

_PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)
"""What PostgreSQL and its clients read as one directory: a comma would separate two, a colon a port."""

_FOR_ROOT = Path("/var/lib")
_SHORT = Path("/tmp")  # noqa: S108 (the same for every process whatever TMPDIR says; the directory in it is private)

_LONGEST_LOG_BYTES = 4 * 1024 * 1024
_KEPT_LOG_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """One directory with all that belongs to a server, and the account that runs it."""

    directory: Path
    """``<home>/postgres``, links resolved. Ours: the account may enter it, only ``data`` and the socket's directory are its own."""
    account: Account

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def control_lock(self) -> Path:
        """Held alone by whoever decides to start or stop."""
        return self.directory / "control.lock"

    @property
    def users_lock(self) -> Path:
        """Held, shared, by every user."""
        return self.directory / "users.lock"

    @property
    def server_lock(self) -> Path:
        """Held by every process of the server, from before its first to after its last."""
        return self.directory / "server.lock"

    @property
    def linger_mark(self) -> Path:
        """Exists while the server shall outlive its last user."""
        return self.directory / "linger"

    @property
    def password_file(self) -> Path:
        return self.directory / "password"

    @property
    def sockets(self) -> Path:
        """The private directory of the socket; elsewhere where a socket's name here would be too long, or misread."""
        inside = self.directory / "socket"
        fits = len(os.fsencode(inside / SOCKET)) <= _LONGEST_SOCKET_PATH_BYTES
        if fits and _PLAIN_PATH.fullmatch(str(inside)):
            return inside
        return _SHORT / f"{NAME}-{_digest(self.directory)}"

    @property
    def major(self) -> int | None:
        """The version of PostgreSQL that made the data; None before the first start."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    @property
    def postmaster_pid(self) -> int | None:
        """What ``postmaster.pid`` says; the number may be anybody's by now."""
        first, *_ = self._pid_file() or [""]
        return int(first) if first.isdecimal() else None

    @property
    def is_stopping(self) -> bool:
        """Whether the postmaster, if it is alive, was asked to stop."""
        return "stopping" in [line.strip() for line in self._pid_file()[7:8]]

    def processes(self) -> frozenset[int]:
        """The live processes of the server, as far as they can be seen from here."""
        return self.account.processes_in(self.data)

    def is_postmaster_alive(self) -> bool:
        """Whether ``postmaster.pid`` names a process of this server, and not who got its number later."""
        return self.postmaster_pid in self.processes()

    def _pid_file(self) -> list[str]:
        """One item a line: the first is the pid, the eighth the postmaster's state (PostgreSQL's miscadmin.h)."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def url(self, database: str = NAME) -> str:
        """How clients connect, password included.

        Raises:
            OSError: the password cannot be read.
        """
        password = quote(self.password_file.read_text(), safe="")
        return f"postgresql://{NAME}:{password}@/{database}?host={quote(str(self.sockets), safe='/')}&port={PORT}"

    def ensure_password(self) -> None:
        """Invents the password, unless there is one. It is on disk before the server learns it.

        Raises:
            DatabaseRefusedError: there are data, but their password is gone.
        """
        if self.password_file.exists():
            return
        if self.major is not None:
            raise DatabaseRefusedError(
                str(self.directory),
                f"{self.password_file} is missing",
                "restore it, or move the directory away to begin with an empty database",
            )
        descriptor, draft = tempfile.mkstemp(prefix=f"password{UNFINISHED}", dir=self.directory)  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        Path(draft).rename(self.password_file)

    def ensure_sockets(self) -> None:
        """Makes the socket's directory.

        Raises:
            ConfigurationError: the directory is there, but others can enter it.
        """
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if self.sockets.lstat().st_uid == os.geteuid():
            self.account.take(self.sockets)
        seen = self.sockets.lstat()
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != self.account.uid or seen.st_mode & 0o077:
            raise ConfigurationError(
                str(self.sockets),
                "in the place of the database's socket, but not private",
                f"a directory of {self.account.name} with mode 0700; remove this one if it is not in use",
            )

    def bound_log(self) -> None:
        """Cuts a long log to its last part; a running server goes on appending to the same file."""
        self.log.touch(mode=0o600)
        with self.log.open("a+b") as log:
            if log.seek(0, os.SEEK_END) > _LONGEST_LOG_BYTES:
                log.seek(-_KEPT_LOG_BYTES, os.SEEK_END)
                kept = log.read()
                log.truncate(0)
                log.write(kept)


def open_cluster(home: Path) -> Cluster:
    """The cluster of ``home``, whose directories are made where missing.

    Raises:
        ConfigurationError, DatabaseRefusedError: they cannot be used.
        OSError: they cannot be made.
    """
    is_root = os.geteuid() == 0
    _make_directory(home, is_root=is_root)
    if is_root and not os.path.lexists(home / "postgres"):
        _place_for_root(home)
    _make_directory(home / "postgres", is_root=is_root)
    found = find_cluster(home)
    assert found is not None
    return found


def find_cluster(home: Path) -> Cluster | None:
    """The cluster of ``home``; None where it has none.

    Raises:
        DatabaseRefusedError: there was one, and it is gone.
    """
    directory = home / "postgres"
    if not directory.exists():
        if directory.is_symlink():
            raise _gone(directory)
        return None
    directory = directory.resolve()
    return Cluster(directory=directory, account=_account(directory / "data"))


def _account(data: Path) -> Account:
    """Root goes on with whoever owns the data, since the server would refuse anybody else."""
    if os.geteuid() != 0:
        return Account.own()
    return Account.owner_of(data) if data.exists() else Account.unprivileged()


def _place_for_root(home: Path) -> None:
    """In the home where the server's account can enter it, else outside and linked.

    The name outside follows from the home, so that two first starts at once agree, and a home that was lost finds
    its data again.
    """
    if Account.unprivileged().can_enter(home):
        return
    outside = _FOR_ROOT / f"{NAME}-{_digest(home.resolve())}"
    _make_directory(outside, is_root=True)
    try:
        (home / "postgres").symlink_to(outside)
    except FileExistsError:  # another process was faster
        return


def _make_directory(path: Path, *, is_root: bool) -> None:
    """Private to us; root lets its server's account pass through, not look."""
    if path.is_symlink() and not path.exists():
        raise _gone(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o711 if is_root else 0o700
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(mode)


def _gone(link: Path) -> DatabaseRefusedError:
    return DatabaseRefusedError(
        str(link),
        f"the directory it points to, {link.readlink()}, is gone",
        "restore that directory, or remove the link to begin with an empty database",
    )


def _digest(path: Path) -> str:
    return sha256(os.fsencode(path)).hexdigest()[:12]
