"""What the other tests rely on: a database for each, alike and apart."""

from __future__ import annotations

import psycopg
import pytest

_COUNT = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = %s"


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_test_sees_nothing_of_another(database_url: str, attempt: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA only_mine")
        assert connection.execute(_COUNT, ["only_mine"]).fetchone() == (1,)


def test_a_database_is_migrated(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute(_COUNT, ["openfaith"]).fetchone() == (1,)


def test_an_empty_database_is_not_migrated(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute(_COUNT, ["openfaith"]).fetchone() == (0,)


def test_a_test_may_leave_connections_open(database_url: str, request: pytest.FixtureRequest) -> None:
    connection = psycopg.connect(database_url)
    request.addfinalizer(connection.close)
    assert connection.execute("SELECT 1").fetchone() == (1,)
