"""A database with the mirror tables of `support.mirror`, and an organization of the test's own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from openfaith.records import OrgId
from openfaith.store import Database
from support.mirror import Examples, Reader, connect_org, open_sample
from support.postgres import Databases


@pytest.fixture(scope="module")
def shared_url(databases: Databases) -> Iterator[str]:
    """A migrated database for a whole module, whose tests stay apart by their organizations."""
    with databases.fresh() as url:
        yield url


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_sample(shared_url) as opened:
        yield opened


@pytest.fixture
async def own_database(database_url: str) -> AsyncIterator[Database]:
    """For tests that look at, or lock, more than their own organization's rows."""
    async with open_sample(database_url) as opened:
        yield opened


@pytest.fixture
async def org(database: Database) -> OrgId:
    """An organization of the test's own."""
    return await connect_org(database, f"org-{secrets.token_hex(6)}")


@pytest.fixture
async def other_org(database: Database) -> OrgId:
    return await connect_org(database, f"other-{secrets.token_hex(6)}")


@pytest.fixture
async def reader(database: Database, org: OrgId) -> Reader:
    """A member entity run of that organization, taken."""
    return await Reader.begin(database, org=org)


@pytest.fixture
def examples(shared_url: str) -> Iterator[Examples]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        database = runner.run(stack.enter_async_context(open_sample(shared_url)))
        yield Examples(runner, database)
        runner.run(stack.aclose())
