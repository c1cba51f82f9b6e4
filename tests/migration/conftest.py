"""A database and an event loop for all examples of a property."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from openfaith.store import open_database
from support.mirror import Examples
from support.postgres import Databases


@pytest.fixture(scope="module")
def examples(databases: Databases) -> Iterator[Examples]:
    with databases.fresh() as url, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        database = runner.run(stack.enter_async_context(open_database(url)))
        yield Examples(runner, database)
        runner.run(stack.aclose())
