"""The reference page of the source's errors is true, row by row, and complete."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientPayloadError,
    ClientResponseError,
    ConnectionTimeoutError,
    RequestInfo,
)
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from openfaith import errors
from openfaith.errors import RateLimitedError, SyncError
from openfaith.retries import RetryPolicy, decide_retry
from openfaith.source.documents import read_page, read_record
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.responses import _HINTS, error_of
from openfaith.source.transport import BodyTooLargeError, ConnectionDroppedError, translate
from support.source_errors import Row, rows

NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)
ASKED = Request.read("/people/v2/people", {}, None)
KEY = ConnectionKey("api.example", 443, True, True, None, None, None)


def document(detail: str = "words") -> bytes:
    return json.dumps({"errors": [{"code": "x", "title": "Words", "detail": detail}]}).encode()


def answered(status: int, body: bytes) -> SyncError | None:
    exchange = Exchange(sent_at=0, ended_at=1, status=status, headers={}, body=body)
    return error_of(ASKED, exchange)


def read(status: int, body: bytes, *, listing: bool = True) -> SyncError:
    """The error of an answer that looks like a success until it is read."""
    exchange = Exchange(sent_at=0, ended_at=1, status=status, headers={}, body=body)
    assert error_of(ASKED, exchange) is None
    with pytest.raises(SyncError) as raised:
        (read_page if listing else read_record)(ASKED, exchange, NOON)
    return raised.value


def failed(error: Exception) -> SyncError:
    return translate(error, ASKED.what, "api.example", timedelta(seconds=60))


REQUEST_INFO = RequestInfo(URL("https://api.example"), "GET", CIMultiDictProxy(CIMultiDict()))

OTHERS: dict[str, Callable[[], SyncError | None]] = {
    "404 with an error document": lambda: answered(404, document()),
    "404 with anything else": lambda: answered(404, b"<!DOCTYPE html>"),
    "200 with HTML": lambda: read(200, b"<!DOCTYPE html>"),
    "200 with nothing": lambda: read(200, b""),
    "200 with JSON that is cut off": lambda: read(200, b'{"data":[{"id":'),
    "200 with an error document": lambda: read(200, document()),
    "200 with `data` that is no list, where a listing was asked for": lambda: read(200, b'{"data":{}}'),
    "200 with `data` that is no record, where a record was asked for": lambda: read(
        200, b'{"data":null}', listing=False
    ),
    "204, where a document was asked for": lambda: read(204, b""),
    "body cut off, or not to be unpacked": lambda: failed(ClientPayloadError()),
    "body larger than 64 MiB": lambda: failed(BodyTooLargeError()),
    "something that is not HTTP": lambda: failed(ClientResponseError(REQUEST_INFO, ())),
    "name of the host not resolved": lambda: failed(ClientConnectorDNSError(KEY, OSError(-2, "unknown"))),
    "connection refused": lambda: failed(ClientConnectorError(KEY, OSError(111, "refused"))),
    "connection not accepted in time": lambda: failed(ConnectionTimeoutError()),
    "TLS not spoken": lambda: failed(ClientConnectorSSLError(KEY, ssl.SSLError(1, "wrong version"))),
    "connection dropped before the answer": lambda: failed(ConnectionDroppedError()),
    "no whole answer in time": lambda: failed(TimeoutError()),
    "certificate not trusted": lambda: failed(ClientConnectorCertificateError(KEY, ssl.CertificateError())),
}


def error_of_row(row: Row) -> SyncError | None:
    if row.seen in OTHERS:
        return OTHERS[row.seen]()
    detail = f"words Error Code Hint: ({row.hint})" if row.hint else "words"
    return answered(int(row.seen), document(detail))


def treatment_of(error: SyncError) -> str:
    if isinstance(error, RateLimitedError):
        return "waited for"
    return "raised" if decide_retry(error, 1, RetryPolicy(), lambda: 0.5) is None else "sent again"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_the_row_is_true(row: Row) -> None:
    error = error_of_row(row)
    assert error is not None
    assert type(error) is getattr(errors, row.error)
    assert treatment_of(error) == row.treatment


def test_every_hint_has_a_row() -> None:
    assert {row.hint for row in rows() if row.hint} == set(_HINTS)


def test_every_other_case_has_a_row() -> None:
    assert {row.seen for row in rows() if not row.seen.isdigit()} == set(OTHERS)


def test_no_row_stands_twice() -> None:
    keys = [(row.seen, row.hint) for row in rows()]
    assert len(keys) == len(set(keys))
