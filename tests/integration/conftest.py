"""Databases that an engine has opened before, and who follows a church there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from openfaith import Settings
from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.postgres import Databases
from support.simulated import NO_WAITING, PCO, WHOLE_CHURCH, Follower, following, sync_once
from support.source import ScriptedSource

_LOOK_SECONDS = 0.1
_LOOKS = (
    "openfaith.workflows.queues.SYNC_POLL_SECONDS",
    "openfaith.workflows.queues.ENTITY_POLL_SECONDS",
    "openfaith.workflows.waiting.WAIT_FOR_ENTITY_SECONDS",
    "openfaith.engine.verbs._WATCH_SECONDS",
)


@pytest.fixture(scope="module", autouse=True)
def _looks_often() -> Iterator[None]:
    """An engine in this process looks for work, and for what has ended, more often: a small sync is mostly waiting."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _LOOKS:
            patch.setattr(name, _LOOK_SECONDS)
        yield


@pytest.fixture
def run_url(databases: Databases) -> str:
    """The run's own server, to look at."""
    return databases.server_url


@pytest.fixture
def settings(opened_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=SecretStr(opened_url), home=tmp_path)


@pytest.fixture(scope="module")
def shared_url(databases: Databases, opened: str) -> Iterator[str]:
    """One database for all tests of a module, which stay apart by their organizations. An engine has opened it before."""
    with databases.fresh(template=opened) as url:
        yield url


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
async def source() -> AsyncIterator[ScriptedSource]:
    async with ScriptedSource(PCO) as running:
        yield running


@pytest.fixture
def church(request: pytest.FixtureRequest) -> Iterator[RunningSimulator]:
    """A simulated church of so many as the module's `PEOPLE` says."""
    with RunningSimulator(_church_of(request.module.PEOPLE)) as simulator:
        yield simulator


@pytest.fixture
async def grace(
    request: pytest.FixtureRequest, church: RunningSimulator, shared_url: str, shared_home: Path
) -> AsyncIterator[Follower]:
    """Who follows the church with the module's `ENTITIES`, and has read nothing yet."""
    org = f"org-{secrets.token_hex(6)}"
    async with following(church, shared_url, shared_home, org, request.module.ENTITIES) as follower:
        yield follower


@pytest.fixture
async def busy(grace: Follower) -> AsyncIterator[Follower]:
    """The same, with a worker that does all the work: to begin and to end takes longer than a small sync."""
    async with grace.engine.working("worker"):
        yield grace


@pytest.fixture
def synced_url(
    request: pytest.FixtureRequest,
    databases: Databases,
    opened: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """A database of this test's own, in which `grace` has read the module's church once."""
    people, entities = request.module.PEOPLE, request.module.ENTITIES
    template = f"{opened}_{request.path.stem}"
    home = tmp_path_factory.mktemp("home")
    databases.ensure_template(
        template,
        lambda url: asyncio.run(sync_once(url, home, "grace", _church_of(people), entities)),
        of=opened,
    )
    with databases.fresh(template=template) as url:
        yield url


@pytest.fixture
async def synced(
    request: pytest.FixtureRequest, church: RunningSimulator, synced_url: str, tmp_path: Path
) -> AsyncIterator[Follower]:
    """Who has read the church once, with a worker that does all the work."""
    async with (
        following(church, synced_url, tmp_path, "grace", request.module.ENTITIES) as follower,
        follower.engine.working("worker"),
    ):
        yield follower


@pytest.fixture(scope="session")
def whole_church(databases: Databases, opened: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The template of a database in which `grace` has read all of `WHOLE_CHURCH`."""
    home = tmp_path_factory.mktemp("home")
    template = f"{opened}_whole_church"
    databases.ensure_template(
        template, lambda url: asyncio.run(sync_once(url, home, "grace", WHOLE_CHURCH)), of=opened
    )
    return template


def _church_of(people: int) -> SimulatorOptions:
    return SimulatorOptions(people=people, rate_limit=NO_WAITING, products=("people",))
