"""Sends one request once, and says what came of it. The only module that speaks HTTP.

Foreign exceptions end here: whatever goes wrong is an `Exchange` with a fault of our own tree. Texts of the HTTP
library are left out, since some of them quote what the other side sent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from urllib.parse import quote, urlencode

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from yarl import URL

from openfaith.errors import BrokenResponseError, ConfigurationError, SourceUnavailableError, SyncError
from openfaith.source.exchanges import Exchange, Request

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes, decompressed. A page of 100 people is about 0.1 MiB; more than this is a fault or an attack."""

_IDLE_CONNECTION = timedelta(seconds=15)
"""How long an unused connection is kept: shorter than servers and their proxies usually keep theirs, so that a
request seldom meets a connection that the other side is just closing."""

_CONNECT_TIMEOUT = timedelta(seconds=15)


class Transport:
    """One credential's connections to one source."""

    def __init__(
        self,
        *,
        base_url: URL,
        authorization: str,
        user_agent: str,
        request_timeout: timedelta,
        monotonic: Callable[[], float],
    ) -> None:
        self._host = base_url.host or ""
        self._root = str(base_url).rstrip("/")
        self._headers = {
            "Authorization": authorization,
            "User-Agent": user_agent,
            "Accept": "application/vnd.api+json, application/json",
        }
        self._timeout = ClientTimeout(
            total=request_timeout.total_seconds(), sock_connect=_CONNECT_TIMEOUT.total_seconds()
        )
        self._request_timeout = request_timeout
        self._monotonic = monotonic
        self._session: ClientSession | None = None

    @property
    def host(self) -> str:
        return self._host

    async def send(self, request: Request) -> Exchange:
        """Send the request once. Failures come back in the exchange; only cancellation is raised."""
        sent_at = self._monotonic()
        response: ClientResponse | None = None
        answered_at = None
        try:
            response = await self._start(request)
            answered_at = self._monotonic()
            body = await _read_body(response)
        except (ClientError, OSError, ConnectionDroppedError, BodyTooLargeError) as error:
            return self._failed(request, response, error, sent_at)
        finally:
            if response is not None:
                response.release()
        return Exchange(
            sent_at=sent_at,
            answered_at=answered_at,
            ended_at=self._monotonic(),
            status=response.status,
            headers=response.headers,
            body=body,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _start(self, request: Request) -> ClientResponse:
        """Redirects are not followed: the credentials would go wherever the answer says."""
        headers = {}
        if request.version is not None:
            headers["X-PCO-API-Version"] = request.version
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        url = self._address(request)
        return await self._open_session().request(
            request.method, url, data=request.body, headers=headers, allow_redirects=False
        )

    def _address(self, request: Request) -> URL:
        """Put together and quoted here: it is several times quicker than by the parts of a `URL`, for every page."""
        query = urlencode(request.params, quote_via=quote)
        return URL(f"{self._root}/{_quoted(request.path)}{'?' if query else ''}{query}", encoded=True)

    def _open_session(self) -> ClientSession:
        """Not in the constructor, because a session belongs to the running event loop."""
        if self._session is None:
            self._session = ClientSession(
                # The budget bounds the requests in flight, so the pool needs no bound of its own.
                connector=TCPConnector(limit=0, keepalive_timeout=_IDLE_CONNECTION.total_seconds()),
                headers=self._headers,
                timeout=self._timeout,
                cookie_jar=DummyCookieJar(),
                middlewares=(_send_once,),
            )
        return self._session

    def _failed(
        self, request: Request, response: ClientResponse | None, error: Exception, sent_at: float
    ) -> Exchange:
        return Exchange(
            sent_at=sent_at,
            ended_at=self._monotonic(),
            status=None if response is None else response.status,
            headers={} if response is None else response.headers,
            fault=translate(error, request.what, self.host, self._request_timeout),
            reached=not isinstance(error, ClientConnectorError | ConnectionTimeoutError),
        )


@lru_cache(maxsize=1024)  # every page of a collection has the same
def _quoted(path: str) -> str:
    return quote(path.lstrip("/"))


class ConnectionDroppedError(Exception):
    """The connection went away before an answer began."""


class BodyTooLargeError(Exception):
    """The body is larger than `LARGEST_BODY`."""


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from sending a GET a second time by itself when its connection drops.

    That second request would be in no budget, no count and no event, and retries live in one place only. aiohttp
    does so on its own two exceptions; under another name they pass through.
    """
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ConnectionDroppedError from error


async def _read_body(response: ClientResponse) -> bytes:
    """Read the whole body, but no more than `LARGEST_BODY`: a small compressed body can unpack to a huge one."""
    chunks: list[bytes] = []
    size = response.content_length or 0
    if size > LARGEST_BODY:
        raise BodyTooLargeError
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise BodyTooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def translate(error: Exception, what: str, host: str, timeout: timedelta) -> SyncError:
    """Say in our own tree what an exception of the HTTP library means."""
    if isinstance(error, ClientConnectorCertificateError):
        return ConfigurationError(
            "base_url",
            f"the certificate of {host} is not trusted",
            "a certificate that this machine trusts, for this host name and date",
        )
    if isinstance(error, ClientPayloadError):
        return BrokenResponseError(what, "a body that is cut off or cannot be unpacked")
    if isinstance(error, ClientResponseError):
        return BrokenResponseError(what, "something that is not HTTP", "an HTTP answer")
    if isinstance(error, BodyTooLargeError):
        return BrokenResponseError(
            what, f"more than {LARGEST_BODY // 1024**2} MiB", "a page of at most that size"
        )
    return SourceUnavailableError(what, _why_unavailable(error, host, timeout))


def _why_unavailable(error: Exception, host: str, timeout: timedelta) -> str:
    match error:
        case ClientConnectorDNSError():
            return f"the name {host} cannot be resolved"
        case ClientConnectorSSLError():
            return f"{host} does not speak TLS as expected"
        case ConnectionTimeoutError():
            return f"{host} did not accept a connection in time"
        case ClientConnectorError():
            return f"no connection to {host}: {error.os_error.strerror or 'refused'}"
        case TimeoutError():
            return f"no whole answer within {timeout.total_seconds():g} s"
        case _:
            return f"{host} dropped the connection"
