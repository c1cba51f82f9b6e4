"""Which migrations are due, and where none may be applied."""

from __future__ import annotations

import pytest

from openfaith.errors import DatabaseRefusedError
from openfaith.store.migrations import (
    MINIMUM_SERVER_VERSION,
    Migration,
    _check_server,
    known_migrations,
    pending,
)

URL = "postgresql://me:secret@db.example/church"
ONE, TWO, THREE = (Migration(number=n, name=f"step {n}", text=f"SELECT {n}") for n in (1, 2, 3))
KNOWN = (ONE, TWO, THREE)


def history(*migrations: Migration) -> dict[int, str]:
    return {m.number: m.checksum for m in migrations}


@pytest.mark.parametrize(
    ("applied", "due"),
    [((), KNOWN), ((ONE,), (TWO, THREE)), ((ONE, TWO), (THREE,)), (KNOWN, ()), ((ONE, THREE), (TWO,))],
)
def test_what_was_not_applied_is_due(applied: tuple[Migration, ...], due: tuple[Migration, ...]) -> None:
    assert pending(URL, KNOWN, history(*applied)) == due


@pytest.mark.parametrize("number", [0, 4, 99])
def test_a_migration_that_this_program_does_not_know_is_refused(number: int) -> None:
    with pytest.raises(DatabaseRefusedError, match="upgrade openfaith") as caught:
        pending(URL, KNOWN, history(ONE) | {number: "x"})
    assert "secret" not in str(caught.value)


def test_a_migration_that_differs_from_the_one_that_was_applied_is_refused() -> None:
    with pytest.raises(
        DatabaseRefusedError, match=r"migration 0002 \(step 2\) differs from the one that was applied"
    ):
        pending(URL, KNOWN, history(ONE) | {2: ONE.checksum})


@pytest.mark.parametrize("version", [90600, 130022])
def test_a_server_that_is_too_old_is_refused(version: int) -> None:
    with pytest.raises(
        DatabaseRefusedError, match=f"it is version {version // 10000}; openfaith needs PostgreSQL 14"
    ):
        _check_server(URL, version=version, encoding="UTF8")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", None])
def test_a_database_of_another_encoding_is_refused(encoding: str | None) -> None:
    with pytest.raises(DatabaseRefusedError, match=f"the database's encoding is {encoding}"):
        _check_server(URL, version=160001, encoding=encoding)


@pytest.mark.parametrize("version", [MINIMUM_SERVER_VERSION, 180000])
def test_any_other_server_will_do(version: int) -> None:
    _check_server(URL, version=version, encoding="UTF8")


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [m.number for m in known_migrations()] == list(range(1, len(known_migrations()) + 1))
