"""What PostgreSQL's errors mean: one place says whether it is away, refuses us, or refuses something that was sent.

`docs/reference/errors.md` has the same table for people, by SQLSTATE; a test walks it. What is none of these is a fault
of the program, and is raised as the driver has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict

from openfaith.errors import DatabaseRefusedError, DatabaseUnavailableError, TransientError

REFUSED = (
    psycopg.DataError,  # a value that does not cast, a member that is no object, what is no JSON
    pg.NotNullViolation,  # no id, or no hash: no record of this entity
    pg.CardinalityViolation,  # one id twice
    pg.ProgramLimitExceeded,  # an id too long for the index, a document too large
    pg.StatementTooComplex,  # nested too deeply
)
"""What PostgreSQL raises for a page because of something that stands in it."""

_REJECTED = re.compile(
    r'authentication failed|no password supplied|pg_hba\.conf|role ".*" does not exist|not permitted to log in'
)

_UNAVAILABLE = (
    psycopg.OperationalError,
    pg.ReadOnlySqlTransaction,
    pg.IdleInTransactionSessionTimeout,
    pg.TransactionTimeout,
)
"""What time or another server mends."""

_OF_THE_STATEMENT = (pg.ProgramLimitExceeded, pg.StatementTooComplex)
"""Of the same family, yet about what was asked and not about the server."""


def server_name(url: str) -> str:
    """Host, port and database of a URL, for messages: never its password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "the given URL"
    host = parts.get("host") or "localhost"
    return f"{host}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the driver's errors about reaching the server into ours; leave those about statements alone."""
    try:
        yield
    except psycopg.Error as exc:
        error = translate(url, exc)
        if error is None:
            raise
        raise error from exc


def translate(url: str, exc: psycopg.Error) -> TransientError | DatabaseRefusedError | None:
    """Our error for the driver's; None where it is about a statement and not about the server."""
    where, text = server_name(url), _first_line(exc)
    if exc.sqlstate is None and isinstance(exc, psycopg.OperationalError):
        refusal = _refusal_of_connection(text)
        if refusal is not None:
            return DatabaseRefusedError(where, *refusal)
    if isinstance(exc, pg.InsufficientPrivilege):
        remedy = "grant CREATE on the database to its role, and let it own what is in openfaith's schemas"
        return DatabaseRefusedError(where, text, remedy)
    if isinstance(exc, _UNAVAILABLE) and not isinstance(exc, _OF_THE_STATEMENT):
        return DatabaseUnavailableError(where, text)
    return None


def _refusal_of_connection(text: str) -> tuple[str, str] | None:
    """What a server that could be reached has against a connection, and what helps; None where it is not that.

    Such errors have no code, only a text: the connection ends before it can carry one.
    """
    if _REJECTED.search(text):
        return "it rejects the user or password", "check OPENFAITH_DATABASE_URL"
    if re.search(r'database ".*" does not exist', text):
        return "the database does not exist", "create it, or check OPENFAITH_DATABASE_URL"
    if "permission denied for database" in text:
        return "its role may not connect to the database", "grant CONNECT on the database to it"
    if text.startswith("connection is bad: invalid"):
        return text.removeprefix("connection is bad: "), "check OPENFAITH_DATABASE_URL"
    return None


def _first_line(exc: psycopg.Error) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__
