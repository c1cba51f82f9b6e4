"""A database of the test's own, with the mirror tables of `support.mirror`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from openfaith.store import Database
from support.mirror import Examples, Reader, open_sample


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_sample(database_url) as opened:
        yield opened


@pytest.fixture
async def reader(database: Database) -> Reader:
    """A member entity run of the organization `grace`, taken."""
    return await Reader.begin(database)


@pytest.fixture
def examples(database_url: str) -> Iterator[Examples]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        database = runner.run(stack.enter_async_context(open_sample(database_url)))
        yield Examples(runner, database)
        runner.run(stack.aclose())
