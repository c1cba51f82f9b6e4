"""Which URLs are taken, and what of them is ever shown."""

from __future__ import annotations

import pytest

from openfaith.errors import ConfigurationError
from openfaith.store import check_url, server_name

GOOD = [
    ("postgresql://me:secret@db.example:5433/church", "db.example:5433/church"),
    ("postgres://me:secret@db.example/church", "db.example:5432/church"),
    ("postgresql://me@db.example", "db.example:5432/"),
    ("postgresql://db.example/church?user=me@example&password=secret", "db.example:5432/church"),
    ("postgresql://me:secret%40%2F%3A%23%3F%25@db.example/church", "db.example:5432/church"),
    ("postgresql://me:secret@/church?host=/run/postgresql", "/run/postgresql:5432/church"),
    ("postgresql://me:secret@%2Frun%2Fpostgresql/church", "/run/postgresql:5432/church"),
    ("postgresql://me:secret@one:1,two:2/church", "one,two:1,2/church"),
    ("postgresql://me:secret@[::1]:5433/church", "::1:5433/church"),
    ("postgresql:///church", "localhost:5432/church"),
    ("postgresql://me:secret:more@db.example/church", "db.example:5432/church"),
]

BAD = [
    "postgresql://me:secret\0@db.example/church",
    "",
    "church",
    "mysql://me:secret@db.example/church",
    "host=db.example password=secret",
    "POSTGRESQL://me:secret@db.example/church",
    "postgresql://me:se@cret@db.example/church",
    "postgresql://me:se/cret@db.example/church",
    "postgresql://me:se?cret@db.example/church",
    "postgresql://me:se#cret@db.example/church",
    "postgresql://me:se[cret@db.example/church",
    "postgresql://me:secret%zz@db.example/church",
    "postgresql://me:secret@db.example/church?secret=1",
    "postgresql://me:secret@db.example/church?sslmode",
    "postgresql://me:secret@[::1/church",
    "postgresql://me:secret\udcff@db.example/church",
]


@pytest.mark.parametrize(("url", "name"), GOOD)
def test_a_url_of_postgresql_is_taken_and_named_without_its_password(url: str, name: str) -> None:
    check_url(url)
    assert server_name(url) == name


@pytest.mark.parametrize("url", BAD)
def test_another_text_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_url(url)
    error = caught.value
    assert str(error).startswith("OPENFAITH_DATABASE_URL: it")
    assert not any(part in str(error) for part in ("secret", "cret", "db.example"))
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_what_cannot_be_parsed_has_no_name() -> None:
    assert server_name("postgresql://me:secret%zz@db.example/church") == "the given URL"
