"""Other users of the test server, and URLs as others would write them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg import sql

from support.mirror import ask


@dataclass(frozen=True)
class Role:
    """Somebody who may log in."""

    name: str
    password: str

    def url(self, url: str) -> str:
        """The same database as this user."""
        return rewritten(url, user=self.name, password=self.password)


def rewritten(
    url: str, *, user: str | None = None, password: str = "", database: str | None = None, more: str = ""
) -> str:
    """The same URL for somebody else, another database, or with `more` parameters."""
    parts = urlsplit(url)
    account = parts.netloc if user is None else f"{quote(user, safe='')}:{quote(password, safe='')}@"
    path = parts.path if database is None else f"/{database}"
    return urlunsplit((parts.scheme, account, path, parts.query + more, ""))


@contextmanager
def new_role(server_url: str, *, password: str | None = None, attributes: str = "LOGIN") -> Iterator[Role]:
    """A role of the whole server, for as long as the block runs. What it owns must be gone by then."""
    role = Role(f"role_{secrets.token_hex(6)}", password or secrets.token_urlsafe(12))
    name = sql.Identifier(role.name).as_string()
    ask(server_url, f"CREATE ROLE {name} {attributes} PASSWORD {sql.Literal(role.password).as_string()}")
    try:
        yield role
    finally:
        ask(server_url, f"DROP ROLE {name}")
