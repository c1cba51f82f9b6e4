"""What `openfaith doctor` looks at: one function per question, each with one or more answers."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from openfaith.cli.commands.demo import is_simulated
from openfaith.cli.session import prepare, run_until_signal
from openfaith.cli.standing import open_runs
from openfaith.cli.words import counted, listed
from openfaith.errors import ConfigurationError, SyncError

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.settings import Settings
    from openfaith.store import DatabaseFacts

_LEAST_FREE_BYTES = 1024**3
_READABLE_OR_WRITABLE_BY_OTHERS = 0o066
_SOURCES_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One answer."""

    name: str
    ok: bool
    seen: str
    remedy: str = ""
    """What to do, where it is not ok and `seen` does not say so already."""


def examine() -> Iterator[Check]:
    """Every answer, as soon as it is known. Questions that an earlier problem makes pointless are left out."""
    yield Check(name="Python", ok=True, seen=f"{platform.python_version()}, openfaith {version('openfaith')}")
    try:
        settings = prepare()
    except SyncError as exc:
        yield Check(name="settings", ok=False, seen=str(exc))
        return
    yield Check(name="settings", ok=True, seen="can be used")
    yield check_home(settings.home)
    yield check_key_file(settings)
    yield check_disk(settings.home)
    yield from _examine_database(settings)


def check_home(home: Path) -> Check:
    """Can it be written, and by nobody else?"""
    name = "home"
    if not home.exists():
        parent = _nearest(home)
        ok = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
        seen = (
            f"{home} does not exist yet" if ok else f"{home} does not exist, and {parent} cannot be written"
        )
        return Check(name=name, ok=ok, seen=seen, remedy=_HOME_REMEDY)
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as exc:
        return Check(
            name=name, ok=False, seen=f"{home} cannot be written ({exc.strerror})", remedy=_HOME_REMEDY
        )
    if home.stat().st_mode & _READABLE_OR_WRITABLE_BY_OTHERS:
        return Check(name=name, ok=False, seen=f"{home} is open to other users", remedy=f"chmod go-rw {home}")
    return Check(name=name, ok=True, seen=f"{home} is writable and private")


_HOME_REMEDY = "set OPENFAITH_HOME to a directory that this account owns and can write to"


def check_key_file(settings: Settings) -> Check:
    """Are the secret keys where nobody else can read them?"""
    name, file = "secret keys", settings.home / "secret.keys"
    if settings.secret_keys is not None:
        return Check(name=name, ok=True, seen="from OPENFAITH_SECRET_KEYS")
    if not file.exists():
        return Check(name=name, ok=True, seen=f"none yet; the first command makes {file}")
    if file.stat().st_mode & 0o077:
        return Check(name=name, ok=False, seen=f"{file} is open to other users", remedy=f"chmod 600 {file}")
    return Check(name=name, ok=True, seen=f"{file} is private")


def check_disk(home: Path) -> Check:
    """Is there room to go on?"""
    free = shutil.disk_usage(_nearest(home)).free
    seen = f"{free / 1024**3:.1f} GiB free where {home} is"
    return Check(
        name="disk", ok=free >= _LEAST_FREE_BYTES, seen=seen, remedy="free some space, at least 1 GiB"
    )


def _nearest(path: Path) -> Path:
    """The path itself, or the closest parent that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())


def _examine_database(settings: Settings) -> Iterator[Check]:
    if settings.database_url is None:
        binaries = check_binaries()
        yield binaries
        if not binaries.ok:
            return
        if not (settings.home / "postgres").exists():
            yield Check(name="database", ok=True, seen="none yet; the first command makes an embedded one")
            return
    try:
        with _reached(settings) as url:
            yield from _examine_reached(settings, url)
    except SyncError as exc:
        yield Check(name="database", ok=False, seen=str(exc))


def check_binaries() -> Check:
    """Is there a PostgreSQL to start, where none is named?"""
    from openfaith.store.embedded import find_binaries  # noqa: PLC0415  # not for `--help`

    try:
        return Check(name="embedded PostgreSQL", ok=True, seen=f"programs in {find_binaries()}")
    except ConfigurationError as exc:
        return Check(name="embedded PostgreSQL", ok=False, seen=str(exc))


@contextmanager
def _reached(settings: Settings) -> Iterator[str]:
    """The database's URL; an embedded server runs for as long as the block does."""
    from openfaith.store.embedded import EmbeddedServer  # noqa: PLC0415  # not for `--help`

    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedServer.start(settings.home) as server:
        yield server.url


def _examine_reached(settings: Settings, url: str) -> Iterator[Check]:
    from openfaith.store import inspect_database  # noqa: PLC0415  # not for `--help`

    facts = run_until_signal(inspect_database(url))
    found = list(check_database(facts))
    yield from found
    if all(check.ok for check in found) and not facts.is_new:
        yield from run_until_signal(_examine_inside(settings))


def check_database(facts: DatabaseFacts) -> Iterator[Check]:
    """Is it new enough, and are its tables?"""
    yield Check(
        name="database",
        ok=not facts.is_too_old,
        seen=f"PostgreSQL {facts.version} at {facts.name}",
        remedy="upgrade the server to PostgreSQL 14 or newer, or name another in OPENFAITH_DATABASE_URL",
    )
    if facts.is_new:
        yield Check(name="tables", ok=True, seen="none yet; the first command makes them")
    elif facts.due:
        seen = f"{counted(len(facts.due), 'migration')} due: {listed(facts.due)}"
        yield Check(name="tables", ok=False, seen=seen, remedy="openfaith migrate")
    else:
        yield Check(name="tables", ok=True, seen="up to date")


async def _examine_inside(settings: Settings) -> list[Check]:
    from openfaith.engine import Engine  # noqa: PLC0415  # not for `--help`

    async with Engine.open(settings) as engine:
        sources = await check_sources(engine)
        return [*sources, await check_workers(engine), *[check async for check in check_runs(engine)]]


async def check_sources(engine: Engine) -> list[Check]:
    """Do the secret keys open every token, and does every source accept its own?"""
    gate = asyncio.Semaphore(_SOURCES_AT_ONCE)

    async def check(org: str, adapter: str) -> Check:
        async with gate:
            return await _check_source(engine, org, adapter)

    connections = await engine.organizations()
    if not connections:
        return [Check(name="organizations", ok=True, seen="none connected yet")]
    real = [(org, adapter) for org, adapter, base_url in connections if not is_simulated(org, base_url)]
    checks = await asyncio.gather(*(check(org, adapter) for org, adapter in real))
    return [*checks, *(_demo_check(org) for org, _, base_url in connections if is_simulated(org, base_url))]


def _demo_check(org: str) -> Check:
    """A demo takes its source along when it ends, and that is no problem of anybody's."""
    return Check(
        name=f"organization {org}", ok=True, seen="made by `openfaith demo`, which brings its source"
    )


async def _check_source(engine: Engine, org: str, adapter: str) -> Check:
    try:
        report = await engine.check_source(org, adapter=adapter)
    except SyncError as exc:
        return Check(name=f"organization {org}", ok=False, seen=str(exc))
    seen = f"its token opens and {report.base_url} accepts it"
    return Check(name=f"organization {org}", ok=True, seen=seen)


async def check_workers(engine: Engine) -> Check:
    """Who is alive? Nobody is no fault: commands do their own work then."""
    alive = [f"{e.role} on {e.host}, process {e.pid}" for e in await engine.executors()]
    return Check(
        name="processes",
        ok=True,
        seen=listed(alive) or "no worker is alive; `openfaith sync` does its own work",
    )


async def check_runs(engine: Engine) -> AsyncIterator[Check]:
    """Is there work that nobody does?"""
    runs = await open_runs(engine)
    for standing in runs:
        name = f"organization {standing.run.org_id}"
        yield Check(name=name, ok=standing.is_attended, seen=standing.sentence())
    if not runs:
        yield Check(name="runs", ok=True, seen="none unfinished")
