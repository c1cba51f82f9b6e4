"""What an answer means: one error of the tree for every status, decided here and nowhere above.

`docs/reference/source-errors.md` has the same table for people; a test walks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import msgspec
from yarl import URL

from openfaith.errors import (
    AccessDeniedError,
    BrokenResponseError,
    CredentialsRejectedError,
    ProductClosedError,
    RateLimitedError,
    RecordNotFoundError,
    RequestRejectedError,
    SourceUnavailableError,
    SyncError,
)
from openfaith.source.clock import parse_http_date
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.retry_after import parse_retry_after

_SUCCESS = frozenset({200, 201, 202, 204})
_DENYING_HINTS = frozenset({"PELICAN", "TRASH_PANDA"})

_HINTS = {
    "BABOON": "the access token has expired",
    "BLACKBIRD": "the kind of token is not one the source knows",
    "CAPUCHIN": "the token was revoked",
    "CHINCHILLA": "the application it belongs to is unknown",
    "FLAMINGO": "the token's user is gone",
    "LEMMING": "the token's organization is gone",
    "PELICAN": "the token was not given the scope of this product",
    "TRASH_PANDA": "the token's user has no access to this product",
}
"""The words that a 401 ends with, and their meaning (overview of errors)."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What comes of JSON that cannot be read. Bytes that are not UTF-8 are noticed only where a text is looked at."""

_NAME = re.compile(r"[a-z][a-z0-9_.]{0,62}(\[[a-z0-9_]{0,63}\]){0,3}")
_HINT = re.compile(r"Error Code Hint: \(?([A-Z_]{2,40})")
_LONGEST_TEXT = 300
_MOST_ENTRIES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorEntry:
    """One member of an error document. No member of it is always there (recorded, and reported by users)."""

    title: str = ""
    code: str = ""
    detail: str = ""
    parameter: str = ""
    """Of `source.parameter`: the attribute that is refused."""

    @property
    def summary(self) -> str:
        """Without the detail, which may quote the value that is refused, and so a person's data."""
        named = ": ".join(part for part in (self.code, self.title) if part)
        return f"{named} (parameter {self.parameter})" if self.parameter else named


def error_of(request: Request, exchange: Exchange) -> SyncError | None:
    """The error that an exchange comes to; None where it is a success with a body that arrived whole.

    A failure of the source's own goes before a body that broke, because its body does not matter; every other
    status needs its whole body, because a 404 that is not the API's own proves nothing.
    """
    status = exchange.status
    if status == 429:
        return RateLimitedError(request.what, _seconds(retry_after_of(exchange)))
    if status is not None and (status >= 500 or status == 408):
        return SourceUnavailableError(request.what, f"status {status}")
    if status is None or exchange.fault is not None:
        return exchange.fault
    return None if status in _SUCCESS else _refusal(request.what, status, exchange)


def retry_after_of(exchange: Exchange) -> timedelta | None:
    """How long the source asks to be left alone, if it does."""
    answered_at = parse_http_date(exchange.headers.get("Date"))
    return parse_retry_after(exchange.headers.get("Retry-After"), answered_at)


def _refusal(what: str, status: int, exchange: Exchange) -> SyncError:
    entries = read_errors(exchange.body)
    seen = _described(entries, exchange, quoting=False)
    if status == 401:
        return _unauthorized(what, entries)
    if status in {402, 403}:
        denied = ProductClosedError if status == 402 else AccessDeniedError
        return denied(what, f"{status}, {_described(entries, exchange, quoting=True)}")
    if status == 404 and entries:
        return RecordNotFoundError(what, _described(entries, exchange, quoting=True))
    if 200 <= status < 300:
        return BrokenResponseError(what, f"status {status}", "200, 201, 202 or 204")
    if 300 <= status < 400:
        return RequestRejectedError(what, status, _redirection(exchange))
    return RequestRejectedError(what, status, seen)


def _unauthorized(what: str, entries: tuple[ErrorEntry, ...]) -> SyncError:
    """A 401 also stands for a good token whose user may not see the product: only the hint tells them apart."""
    hint = next((found[1] for entry in entries if (found := _HINT.search(entry.detail))), None)
    meaning = "without a hint" if hint is None else f"{hint}: {_HINTS.get(hint, 'a hint we do not know')}"
    if hint in _DENYING_HINTS:
        return ProductClosedError(what, f"401, {meaning}")
    return CredentialsRejectedError(what, f"401, {meaning}")


def _redirection(exchange: Exchange) -> str:
    try:
        host = _printable(URL(exchange.headers.get("Location", "")).host or "")
    except (ValueError, IndexError):  # the latter for `https://[]@`
        host = ""
    return f"a redirection to {host or 'another path'}, which is not followed because the credentials would go along; check the base URL"


def _described(entries: tuple[ErrorEntry, ...], exchange: Exchange, *, quoting: bool) -> str:
    texts = [(entry.detail if quoting else "") or entry.summary for entry in entries[:_MOST_ENTRIES]]
    text = "; ".join(text for text in texts if text)
    return _printable(text) or f"no error document but {describe_body(exchange)}"


def describe_body(exchange: Exchange) -> str:
    """Kind and size of a body, without a word of what is in it."""
    kind = _printable(exchange.headers.get("Content-Type", "")) or "a body of no stated type"
    return f"{kind}, {len(exchange.body):,} bytes"


def read_errors(body: bytes) -> tuple[ErrorEntry, ...]:
    """The members of `errors`; empty where the body is not an error document."""
    try:
        document = msgspec.json.decode(body)
    except UNREADABLE:
        return ()
    errors = document.get("errors") if isinstance(document, dict) else None
    return tuple(_entries(errors)) if isinstance(errors, list) else ()


def _entries(errors: list[object]) -> Iterator[ErrorEntry]:
    for error in errors:
        if isinstance(error, dict):
            members = cast("dict[str, object]", error)
            source = members.get("source")
            yield ErrorEntry(
                title=_text(members.get("title")),
                code=_text(members.get("code")),
                detail=_text(members.get("detail")),
                parameter=_name(source.get("parameter")) if isinstance(source, dict) else "",
            )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _name(value: object) -> str:
    """Of an attribute or a parameter. Whatever else stands in its place may be a value, and so a person's data."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _printable(text: str) -> str:
    """One line of bounded length, whatever the other side sent."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
