"""What tests everywhere may ask for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from openfaith import Engine, Settings
from support.postgres import Databases, TestRun, open_databases

hypothesis_settings.register_profile(
    "openfaith",
    max_examples=int(os.environ.get("OPENFAITH_EXAMPLES", "100")),
    deadline=None,  # how long an example takes says how busy the machine is
)
hypothesis_settings.load_profile("openfaith")

_OPENED = "template_opened"
_RUN = pytest.StashKey[TestRun]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each processor: half of a test's time goes by in waiting for PostgreSQL's disk and for other processes."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that nobody waits for it alone in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # not one of xdist's workers
        config.stash[_RUN] = TestRun()


def pytest_unconfigure(config: pytest.Config) -> None:
    """After all workers have ended, one way or the other."""
    if run := config.stash.get(_RUN, None):
        run.end()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The run's PostgreSQL server."""
    with open_databases() as found:
        yield found


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A database of this test's own, migrated."""
    with databases.fresh() as url:
        yield url


@pytest.fixture(scope="session")
def opened(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The template of a database with all that an engine makes where there is nothing: that takes it two seconds."""

    async def open_once(url: str) -> None:
        settings = Settings(database_url=SecretStr(url), home=tmp_path_factory.mktemp("home"))
        async with Engine.open(settings) as engine:
            await engine.prepare_working()

    databases.ensure_template(_OPENED, lambda url: asyncio.run(open_once(url)))
    return _OPENED


@pytest.fixture
def opened_url(databases: Databases, opened: str) -> Iterator[str]:
    """A database of this test's own, which an engine has opened before."""
    with databases.fresh(template=opened) as url:
        yield url


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database of this test's own, with nothing in it."""
    with databases.fresh(template="template0") as url:
        yield url
