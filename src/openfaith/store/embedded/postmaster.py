"""Bringing a cluster's server up and down."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from enum import Enum, auto
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from openfaith.errors import DatabaseRefusedError, DatabaseUnavailableError
from openfaith.store.embedded.binaries import usable_binaries
from openfaith.store.embedded.cluster import NAME, PORT, SOCKET, Cluster
from openfaith.store.embedded.locks import Lock

_READY_SECONDS = 30
"""How long a start waits until connections succeed."""

_STOPPED_SECONDS = 60
"""How long a stop waits for the last checkpoint; the server finishes stopping later if it takes longer."""

_ORPHANS_SECONDS = 5
"""What backends without a postmaster get to end by themselves."""

_LOCALES = ("C.UTF-8", "C")
"""The first that this system has. Both sort by code point, alike on every system; text is UTF-8 in both."""

_SETTINGS = {
    # Reached by the socket alone, and the socket by the server's account alone (and root).
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": NAME,
    # Our statements are short: compiling them costs more than it saves.
    "jit": "off",
    # A failed statement is its client's to report. Here it would leave people's data in a file: the statement, and
    # the values that PostgreSQL quotes in messages of the levels below LOG and in their details.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "logging_collector": "off",
}
"""What must differ from PostgreSQL's defaults. Durability is its default, and an operator's ALTER SYSTEM may set the rest."""


class Move(Enum):
    """What a start does next."""

    ATTACH = auto()
    WAIT = auto()
    """A server is alive: starting, recovering, stopping, or where we cannot see its processes."""
    END_ORPHANS = auto()
    """Backends outlived their postmaster; a second server beside them would corrupt the data."""
    LAUNCH = auto()


def next_move(answer: Ping, *, alive: frozenset[int], postmaster: int | None, held: bool) -> Move:
    """Decides how a start goes on.

    Args:
        answer: what the socket says.
        alive: the processes that we see in the data directory.
        postmaster: the pid in ``postmaster.pid``.
        held: a process holds the server's lock. It may not have come as far as the data directory yet, or live in
            another container.
    """
    if answer is Ping.OK:
        return Move.ATTACH
    if answer is Ping.REJECT or postmaster in alive:
        return Move.WAIT
    if alive:
        return Move.END_ORPHANS
    return Move.WAIT if held else Move.LAUNCH


def ensure_running(cluster: Cluster) -> None:
    """Returns when the server accepts connections to our database. The caller holds the control lock.

    Raises:
        DatabaseUnavailableError: it is alive, but not ready in time.
        DatabaseRefusedError: it does not start, or refuses our password.
        ConfigurationError: no binaries fit.
        OSError: the disk is full, read-only, or not ours.
    """
    deadline = time.monotonic() + _READY_SECONDS
    launched = False
    while (move := _look(cluster)) is not Move.ATTACH:
        if move is Move.LAUNCH:
            _launch(cluster)
            launched = True
        elif time.monotonic() > deadline:
            raise _not_ready(cluster, f"it does not accept connections after {_READY_SECONDS} s")
        elif move is Move.END_ORPHANS:
            _end_orphans(cluster)
        else:
            time.sleep(0.05)
    try:
        _ensure_database(cluster)
    except DatabaseRefusedError:
        if launched:
            shut_down(cluster)
        raise


def shut_down(cluster: Cluster) -> bool:
    """Stops a live server: sessions end at once, and nothing is left to recover. False where none is alive."""
    pid = cluster.postmaster_pid
    if pid is None or pid not in cluster.account.processes_in(cluster.data):
        return False
    _signal([pid], signal.SIGINT)
    deadline = time.monotonic() + _STOPPED_SECONDS
    while time.monotonic() < deadline and (
        cluster.postmaster_pid == pid or pid in cluster.account.processes_in(cluster.data)
    ):
        time.sleep(0.01)
    return True


def _look(cluster: Cluster) -> Move:
    address = make_conninfo(host=str(cluster.sockets), port=PORT, user=NAME, dbname=NAME, connect_timeout=2)
    with closing(Lock(cluster.server_lock)) as lock:
        return next_move(
            Ping(PGconn.ping(address.encode())),
            alive=cluster.account.processes_in(cluster.data),
            postmaster=cluster.postmaster_pid,
            held=not lock.try_exclusive(),
        )


def _end_orphans(cluster: Cluster) -> None:
    """As in a crash, which it was: what they had committed is in the log of writes, and recovery finds it."""
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while orphans := cluster.account.processes_in(cluster.data):
        _signal(orphans, signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.05)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _launch(cluster: Cluster) -> None:
    """The programs inherit the server's lock: they go on if we are killed here, and whoever starts next waits."""
    binaries = usable_binaries(cluster.account, cluster.directory, made_by=cluster.major)
    with closing(Lock(cluster.server_lock)) as lock:
        lock.try_exclusive()
        if cluster.major is None:
            _initialize(cluster, binaries, lock)
        _remove_what_a_crash_left(cluster)
        cluster.linger_mark.unlink(missing_ok=True)
        _start(cluster, binaries, lock)


def _start(cluster: Cluster, binaries: Path, lock: Lock) -> None:
    with cluster.log.open("ab") as log:
        start = os.fstat(log.fileno()).st_size
        # pg_ctl returns when the server is ready or has failed, and leaves it as nobody's child.
        command = [str(binaries / "pg_ctl"), "start", "--silent", "--wait", f"--timeout={_READY_SECONDS}"]
        options = [f"--pgdata={cluster.data}", f"--options={_options(cluster)}"]
        ended = cluster.account.run([*command, *options], output=log.fileno(), keep=[lock.fileno()])
    if ended.returncode == 0:
        return
    said = _tail(cluster.log, start)
    if _look(cluster) is Move.WAIT:  # a long recovery goes on without us
        raise _not_ready(cluster, f"it is not ready after {_READY_SECONDS} s and goes on starting: {said}")
    raise DatabaseRefusedError(
        str(cluster.directory), f"the server does not start: {said}", f"its log is {cluster.log}"
    )


def _initialize(cluster: Cluster, binaries: Path, lock: Lock) -> None:
    """Makes the data directory: complete, or not there."""
    for unfinished in cluster.directory.glob("data.new-*"):
        shutil.rmtree(unfinished)
    staging = Path(tempfile.mkdtemp(prefix="data.new-", dir=cluster.directory))
    cluster.account.take(staging)
    said, done = "", False
    for locale in _LOCALES:
        said, done = _initdb(cluster, binaries, staging, locale, lock)
        if done or "locale" not in said:
            break
    if not done:
        shutil.rmtree(staging)
        raise DatabaseRefusedError(
            str(cluster.directory),
            f"the first start failed: {_last_lines(said)}",
            "mend that, then run the same command again",
        )
    staging.rename(cluster.data)
    _sync(cluster.directory)


def _initdb(cluster: Cluster, binaries: Path, staging: Path, locale: str, lock: Lock) -> tuple[str, bool]:
    """What it said, and whether it succeeded."""
    with tempfile.NamedTemporaryFile(prefix="initdb.", dir=cluster.directory) as password:  # mode 0600
        password.write(cluster.password_file.read_bytes())
        password.flush()
        cluster.account.take(Path(password.name))
        ended = cluster.account.run(
            [
                binaries / "initdb",
                f"--pgdata={staging}",
                f"--username={NAME}",
                "--auth=scram-sha-256",
                f"--pwfile={password.name}",
                "--encoding=UTF8",
                f"--locale={locale}",
                "--data-checksums",
            ],
            keep=[lock.fileno()],
        )
    return ended.stdout, ended.returncode == 0


def _remove_what_a_crash_left(cluster: Cluster) -> None:
    """Nobody is alive here: whatever pid these name, it is not our server's."""
    for stale in (
        cluster.data / "postmaster.pid",
        cluster.sockets / SOCKET,
        cluster.sockets / f"{SOCKET}.lock",
    ):
        stale.unlink(missing_ok=True)


def _options(cluster: Cluster) -> str:
    settings = _SETTINGS | {"unix_socket_directories": str(cluster.sockets)}
    return shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))


def _ensure_database(cluster: Cluster) -> None:
    try:
        with psycopg.connect(cluster.url("postgres"), autocommit=True, connect_timeout=10) as connection:
            # At every start: a crash may have come between initdb and this, and a person may drop it to begin again.
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).rowcount:
                connection.execute("CREATE DATABASE openfaith TEMPLATE template0")
    except psycopg.Error as exc:
        raise DatabaseRefusedError(
            str(cluster.directory), _last_lines(str(exc)), f"its log is {cluster.log}"
        ) from exc


def _not_ready(cluster: Cluster, seen: str) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(str(cluster.directory), f"{seen}; log: {cluster.log}")


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return _last_lines(file.read().decode(errors="replace"))


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-6:]) or "it said nothing"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
