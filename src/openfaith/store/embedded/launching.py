"""Starting the server's programs in a cluster where nothing is alive."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from openfaith.errors import DatabaseRefusedError, DatabaseUnavailableError
from openfaith.store.embedded.binaries import usable_binaries
from openfaith.store.embedded.cluster import NAME, PORT, SOCKET, UNFINISHED, Cluster
from openfaith.store.embedded.locks import Lock

READY_SECONDS = 30
"""How long a start waits until connections succeed."""

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
"""What must differ from PostgreSQL's defaults. Durability is its default; ALTER SYSTEM may set all the rest."""


def launch(cluster: Cluster) -> None:
    """Starts the server, after making the data directory where there is none; it is ready for connections then.

    The programs inherit the server's lock: they go on if we are killed here, and whoever starts next waits.

    Raises:
        DatabaseUnavailableError: it is alive, but not ready in time.
        DatabaseRefusedError: it does not start.
        ConfigurationError: no binaries fit.
        OSError: the disk is full, read-only, or not ours.
    """
    with closing(Lock(cluster.server_lock)) as lock:
        lock.try_exclusive()
        _remove_unfinished(cluster.directory)
        binaries = usable_binaries(cluster.account, cluster.directory, made_by=cluster.major)
        if cluster.major is None:
            _initialize(cluster, binaries, lock)
        _remove_what_a_crash_left(cluster)
        cluster.linger_mark.unlink(missing_ok=True)
        _start(cluster, binaries, lock)


def not_ready(cluster: Cluster) -> DatabaseUnavailableError:
    """The error of a server that lives, but does not answer: what it does goes on."""
    return DatabaseUnavailableError(
        str(cluster.directory),
        f"it does not accept connections after {READY_SECONDS} s; the end of {cluster.log}: {_tail(cluster.log)}",
    )


def last_lines(text: str) -> str:
    """What a program said in the end, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-10:]) or "it said nothing"


def _start(cluster: Cluster, binaries: Path, lock: Lock) -> None:
    options = shlex.join(
        part
        for name, value in {**_SETTINGS, "unix_socket_directories": str(cluster.sockets)}.items()
        for part in ("-c", f"{name}={value}")
    )
    command = [str(binaries / "pg_ctl"), "start", "--silent", "--wait", f"--timeout={READY_SECONDS}"]
    with cluster.log.open("ab") as log:
        # pg_ctl returns when the server is ready or has failed, and leaves it as nobody's child.
        ended = cluster.account.run(
            [*command, f"--pgdata={cluster.data}", f"--options={options}"],
            output=log.fileno(),
            keep=[lock.fileno()],
        )
    if ended.returncode == 0:
        return
    if cluster.is_postmaster_alive():  # a long recovery goes on without us
        raise not_ready(cluster)
    raise DatabaseRefusedError(
        str(cluster.directory),
        f"the server does not start: {_tail(cluster.log)}",
        f"its log is {cluster.log}",
    )


def _initialize(cluster: Cluster, binaries: Path, lock: Lock) -> None:
    """Makes the data directory: complete, or not there."""
    staging = Path(tempfile.mkdtemp(prefix=f"data{UNFINISHED}", dir=cluster.directory))
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
            f"the first start failed: {last_lines(said)}",
            "mend that, then run the same command again",
        )
    staging.rename(cluster.data)
    _sync(cluster.directory)


def _initdb(cluster: Cluster, binaries: Path, staging: Path, locale: str, lock: Lock) -> tuple[str, bool]:
    """What it said, and whether it succeeded."""
    with tempfile.NamedTemporaryFile(
        prefix=f"password{UNFINISHED}", dir=cluster.directory
    ) as password:  # mode 0600
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


def _remove_unfinished(directory: Path) -> None:
    for path in directory.glob(f"*{UNFINISHED}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_what_a_crash_left(cluster: Cluster) -> None:
    """Nobody is alive here: whatever pid these name, it is not our server's."""
    for stale in (
        cluster.data / "postmaster.pid",
        cluster.sockets / SOCKET,
        cluster.sockets / f"{SOCKET}.lock",
    ):
        stale.unlink(missing_ok=True)


def _tail(log: Path) -> str:
    return last_lines(log.read_text(errors="replace"))


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
