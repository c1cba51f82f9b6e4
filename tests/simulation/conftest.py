"""One event loop for all worlds of a process, and a database for many; they stay apart by their organizations."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeVar

import pytest

from openfaith.store import ensure_mirror_tables, open_database
from simulation.database import FusedDatabase
from simulation.world import small_manifest
from support.postgres import Databases

T = TypeVar("T")
TEMPLATE = "template_simulation"

_WORLDS_IN_A_DATABASE = 200
"""A world leaves a quarter of a MB behind, which is there until its database is dropped."""


class Worlds:
    """Where worlds live."""

    def __init__(self, runner: asyncio.Runner, databases: Databases) -> None:
        self._runner = runner
        self._databases = databases
        self._place = ExitStack()
        self._database: FusedDatabase | None = None
        self._begun = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def begin(self) -> FusedDatabase:
        """The database of one more world."""
        if self._database is None or self._begun % _WORLDS_IN_A_DATABASE == 0:
            self.close()
            self._database = FusedDatabase(
                self._place.enter_context(self._databases.fresh(template=TEMPLATE))
            )
            self._place.callback(lambda database: self.run(database.close()), self._database)
        self._begun += 1
        return self._database

    def close(self) -> None:
        self._place.close()


async def _fill(url: str) -> None:
    async with open_database(url, connections=1) as database:
        await ensure_mirror_tables(database, small_manifest(25))


@pytest.fixture(scope="session")
def worlds(databases: Databases) -> Iterator[Worlds]:
    databases.ensure_template(TEMPLATE, lambda url: asyncio.run(_fill(url)))
    with asyncio.Runner() as runner, closing(Worlds(runner, databases)) as worlds:
        yield worlds
