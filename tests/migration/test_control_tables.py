"""The control tables of a new database equal those of one that grew with every release."""

from __future__ import annotations

import pytest

from openfaith.store import migrate, migrations
from openfaith.store.migrations import known_migrations
from support.mirror import ask
from support.schemas import describe


async def test_a_fresh_schema_equals_one_that_was_migrated_step_by_step(
    database_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = known_migrations()
    for count in range(1, len(every) + 1):
        monkeypatch.setattr(migrations, "known_migrations", lambda count=count: every[:count])
        assert await migrate(empty_database_url) == (every[count - 1].name,)
    assert describe(empty_database_url, "openfaith") == describe(database_url, "openfaith")


OLD_LETTERS = """
INSERT INTO openfaith.organization (org_id) VALUES ('grace');
INSERT INTO openfaith.dead_letter (org_id, adapter, entity, record_key, reason, body, requested_at, status)
SELECT 'grace', 'pco', 'people.Person', n::text, reason, '', now(), (ARRAY['open', 'resolved', 'discarded'])[1 + n % 3]
FROM unnest(ARRAY['it is not valid JSON', 'it has no id', 'its type is not Person', 'it holds a number beyond what PostgreSQL can store',
    'it is larger or nested more deeply than PostgreSQL can store', 'PostgreSQL refuses it (54000: ProgramLimitExceeded)'])
    WITH ORDINALITY AS r (reason, n);
"""


async def test_old_dead_letters_get_the_class_of_their_reason(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = known_migrations()
    older = tuple(each for each in every if each.number < 8)
    monkeypatch.setattr(migrations, "known_migrations", lambda: older)
    await migrate(empty_database_url)
    ask(empty_database_url, OLD_LETTERS)
    monkeypatch.setattr(migrations, "known_migrations", lambda: every)
    await migrate(empty_database_url)
    found = ask(
        empty_database_url, "SELECT fault, attempts FROM openfaith.dead_letter ORDER BY dead_letter_id"
    )
    faults = ["json", "shape", "shape", "value", "value", "refused"]
    assert found == [(fault, 0) for fault in faults]
