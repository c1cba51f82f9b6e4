"""One database and one event loop for all worlds of a process; they stay apart by their organizations."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import pytest

from openfaith.store import ensure_mirror_tables, open_database
from simulation.process import FusedDatabase
from simulation.world import PCO
from support.postgres import Databases

T = TypeVar("T")
TEMPLATE = "template_simulation"


@dataclass
class Worlds:
    """Where worlds live."""

    runner: asyncio.Runner
    database: FusedDatabase

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


async def _fill(url: str) -> None:
    async with open_database(url, connections=1) as database:
        await ensure_mirror_tables(database, PCO)


@pytest.fixture(scope="session")
def worlds(databases: Databases) -> Iterator[Worlds]:
    databases.ensure_template(TEMPLATE, lambda url: asyncio.run(_fill(url)))
    with databases.fresh(template=TEMPLATE) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            # No server of these tests is ever killed: what is committed need not be on the disk.
            connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = off')
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            opened = runner.run(stack.enter_async_context(open_database(url, connections=6)))
            yield Worlds(runner, FusedDatabase(opened.url, opened._pool))
            runner.run(stack.aclose())
