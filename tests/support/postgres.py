"""PostgreSQL for tests: one server for a whole run, and a database of its own for every test that asks.

The process that pytest was called in makes a home before its workers start, and puts its path into their
environment. A worker that needs a database attaches to the home's server. The last one to end stops it; where
workers died, the process that began the run does.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from openfaith.store import migrate
from openfaith.store.embedded import EmbeddedServer, stop
from openfaith.store.embedded.cluster import find_cluster
from openfaith.store.embedded.locks import Lock, exclusively

_HOME = "OPENFAITH_TEST_HOME"
_PREFIX = "openfaith-tests-"
_TEMPLATE = "template_openfaith"

_MEMORY = Path("/dev/shm")
"""Files here are kept in memory, on Linux."""

_ROOM = 4 * 2**30
"""Bytes: more than a run's server ever needs."""


class TestRun:
    """A run's home, which other runs leave alone while this object holds its lock."""

    __test__ = False

    def __init__(self) -> None:
        """Makes the home, and removes what runs that were killed left behind, servers included."""
        with exclusively(Path(tempfile.gettempdir()) / f"openfaith-tests.{os.geteuid()}.lock"):
            _discard_homes_of_the_dead()
            self.home = _make_home(prefix=_PREFIX, parent=_parent())
            self._lock = Lock(self.home / "run.lock")
            self._lock.try_exclusive()
        os.environ[_HOME] = str(self.home)

    def end(self) -> None:
        """Stops the server, whatever became of the workers, and removes everything."""
        _discard_run(self.home)
        self._lock.close()


class Databases:
    """Fresh databases on the run's server."""

    def __init__(self, url: str, admin: psycopg.Connection) -> None:
        self.server_url = url
        self._admin = admin

    @contextmanager
    def fresh(self, *, template: str = _TEMPLATE) -> Iterator[str]:
        """The URL of a copy of ``template``, which is dropped at the end, whoever is still connected."""
        name = f"test_{secrets.token_hex(6)}"
        self._copy(template, name)
        try:
            yield self._url_of(name)
        finally:
            self._drop(name)

    def ensure_template(self, name: str, fill: Callable[[str], object], *, of: str = _TEMPLATE) -> None:
        """Makes a database for `fresh` to copy, once for the whole run: whoever else asks for it waits.

        Args:
            name: the new template's.
            fill: is given the URL of a copy of ``of``, and leaves no connection to it.
            of: the template to begin with.
        """
        with exclusively(Path(os.environ[_HOME]) / f"{name}.lock"):
            if self._admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                return
            draft = f"{name}_draft"
            self._drop(draft)
            self._copy(of, draft)
            fill(self._url_of(draft))
            self._admin.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name))
            )

    def _copy(self, template: str, name: str) -> None:
        # By the log of writes, PostgreSQL's default from 15 on: 28 ms here, against 66 ms by STRATEGY file_copy.
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )

    def _drop(self, name: str) -> None:
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _url_of(self, name: str) -> str:
        return self.server_url.replace("/openfaith?", f"/{name}?")


@contextmanager
def open_databases() -> Iterator[Databases]:
    """Attaches to the run's server, or starts it."""
    home = Path(os.environ[_HOME])
    with EmbeddedServer.start(home) as server, closing(psycopg.connect(server.url, autocommit=True)) as admin:
        _write_to_no_disk(admin)
        databases = Databases(server.url, admin)
        databases.ensure_template(_TEMPLATE, lambda url: asyncio.run(migrate(url)), of="template0")
        yield databases


def _write_to_no_disk(admin: psycopg.Connection) -> None:
    """Nothing of this server outlives the run: what was written may stay in the system's memory. Some disks are slow."""
    for name in ("fsync", "full_page_writes"):
        admin.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
    admin.execute("SELECT pg_reload_conf()")


def make_home() -> Path:
    """A new home for a server of one test's own."""
    return _make_home(prefix="home-", parent=Path(os.environ[_HOME]))


def discard_home(home: Path) -> None:
    """Stops the home's server, and removes both. Does nothing to a home that is gone."""
    stop(home)
    if cluster := find_cluster(home):
        shutil.rmtree(cluster.sockets, ignore_errors=True)  # may lie elsewhere
        shutil.rmtree(cluster.directory, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _parent() -> Path:
    """Memory, where there is room and nobody has asked for another place.

    A database has 1,500 files. ext4 does not use their inodes again for some seconds after they are deleted, and looks at
    each of them whenever a file is made: where one database is dropped as soon as another is made, a copy takes not a tenth
    of a second but one to two.
    """
    roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if roomy and "TMPDIR" not in os.environ else Path(tempfile.gettempdir())


def _discard_homes_of_the_dead() -> None:
    for home in {
        home for parent in (Path(tempfile.gettempdir()), _parent()) for home in parent.glob(f"{_PREFIX}*")
    }:
        with suppress(FileNotFoundError):  # another run is just removing its own
            if home.stat().st_uid == os.geteuid():
                with closing(Lock(home / "run.lock")) as lock:
                    if lock.try_exclusive():
                        _discard_run(home)


def _discard_run(home: Path) -> None:
    """Its tests' homes lie below it, and a killed test's server may still run there."""
    for lock in [*home.rglob("control.lock")]:
        discard_home(lock.parents[1])
    shutil.rmtree(home, ignore_errors=True)


def _make_home(*, prefix: str, parent: Path) -> Path:
    """One that the server's account can enter, which pytest's own directories are closed to."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    home.chmod(0o711)
    return home
