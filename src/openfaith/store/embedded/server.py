"""One server for each home, shared by all that use it: the first starts it, the last stops it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from openfaith.errors import ConfigurationError, DatabaseUnavailableError
from openfaith.store.embedded.cluster import Cluster, find_cluster, open_cluster
from openfaith.store.embedded.locks import Lock, exclusively
from openfaith.store.embedded.postmaster import ensure_running, shut_down


class EmbeddedServer:
    """This process's use of the server of one home; as a context manager, released at the end.

    A process that is killed has released it.
    """

    url: str
    """For libpq, through the unix socket, password included: ``postgresql://...``; the database is `openfaith`."""

    def __init__(self, cluster: Cluster, users: Lock) -> None:
        """Use ``start``."""
        self.url = cluster.url()
        self._cluster = cluster
        self._users = users
        self._released = False

    @classmethod
    def start(cls, home: Path, *, linger: bool = False) -> Self:
        """Attaches to the home's server, or starts it; returns once a connection has succeeded.

        Args:
            home: made where missing. The server's files are below ``home/postgres``.
            linger: the server stays up after its last user, until ``stop``, or until it is started anew.

        Raises:
            ConfigurationError: the home cannot be used, or there are no binaries that fit its data.
            DatabaseRefusedError: the server does not start, or refuses us; the text has the end of its log.
            DatabaseUnavailableError: it is not ready in time; what it is doing goes on.
        """
        home = home.expanduser().absolute()
        with _usable(home):
            cluster = open_cluster(home)
            with exclusively(cluster.control_lock):
                users = Lock(cluster.users_lock)
                try:
                    return cls._using(cluster, users, linger=linger)
                except BaseException:
                    users.close()
                    raise

    @classmethod
    def _using(cls, cluster: Cluster, users: Lock, *, linger: bool) -> Self:
        held = users.try_shared()
        assert held, "whoever holds it alone holds the control lock too, and that is ours"
        cluster.ensure_password()
        cluster.ensure_sockets()
        cluster.bound_log()
        ensure_running(cluster)
        if linger:
            cluster.linger_mark.touch()
        return cls(cluster, users)

    def release(self) -> None:
        """Ends this use. The last user stops the server, unless one asked it to linger. Never fails; idempotent."""
        if self._released:
            return
        self._released = True
        # Where the decision cannot be taken (the disk, a stuck process), the server stays up for the next user.
        with suppress(OSError, DatabaseUnavailableError), exclusively(self._cluster.control_lock):
            self._users.close()
            if not self._cluster.linger_mark.exists():
                _stop_unless_used(self._cluster)
        self._users.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def stop(home: Path) -> bool:
    """Stops the home's server if nobody uses it: one that lingers, or whose users were all killed.

    Returns:
        False where it is in use, or not running.

    Raises:
        ConfigurationError, DatabaseRefusedError: the home cannot be used.
    """
    home = home.expanduser().absolute()
    with _usable(home):
        cluster = find_cluster(home)
        if cluster is None:
            return False
        with exclusively(cluster.control_lock):
            return _stop_unless_used(cluster)


def is_running(home: Path) -> bool:
    """Whether any process of the home's server is alive.

    Raises:
        ConfigurationError, DatabaseRefusedError: the home cannot be used.
    """
    home = home.expanduser().absolute()
    with _usable(home):
        cluster = find_cluster(home)
        if cluster is None:
            return False
        with closing(Lock(cluster.server_lock)) as lock:
            return not lock.try_exclusive()


def _stop_unless_used(cluster: Cluster) -> bool:
    """The caller holds the control lock."""
    with closing(Lock(cluster.users_lock)) as users:
        if not users.try_exclusive():
            return False
        cluster.linger_mark.unlink(missing_ok=True)
        return shut_down(cluster)


@contextmanager
def _usable(home: Path) -> Iterator[None]:
    """Says what is wrong with the home, whichever system call found it."""
    try:
        yield
    except OSError as exc:
        raise ConfigurationError(
            "OPENFAITH_HOME",
            f"{exc.filename or home}: {exc.strerror or exc}",
            "a directory on a local disk with space left, that this account owns and can write to",
        ) from exc
