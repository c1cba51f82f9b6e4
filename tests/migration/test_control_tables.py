"""The control tables of a new database equal those of one that grew with every release."""

from __future__ import annotations

import pytest

from openfaith.store import migrate, migrations
from openfaith.store.migrations import known_migrations
from support.schemas import describe


async def test_a_fresh_schema_equals_one_that_was_migrated_step_by_step(
    database_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = known_migrations()
    for count in range(1, len(every) + 1):
        monkeypatch.setattr(migrations, "known_migrations", lambda count=count: every[:count])
        assert await migrate(empty_database_url) == (every[count - 1].name,)
    assert describe(empty_database_url, "openfaith") == describe(database_url, "openfaith")
