"""What goes back over the wire, and the bodies of the answers that are not documents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from openfaith.simulator.limits import Verdict
from openfaith.simulator.rendering import encode

DOCUMENT_TYPE = "application/vnd.api+json; charset=utf-8"
ERROR_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

UNSUPPORTED_BEFORE = "2018-08-01"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, whole or not."""

    status: int
    body: bytes = b""
    content_type: str = ERROR_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    """Beside those that every answer has."""
    rows: int = 0
    """Records in `data`."""
    ending: Literal["complete", "cut", "dropped", "noise"] = "complete"
    """`cut`: the connection closes after half of the body. `dropped`: it closes without a word. `noise`: with words that are
    no HTTP."""
    delay_seconds: float = 0.0
    """How long the answer waits, once it is made."""
    is_unrouted: bool = False
    """Given by the router in front, which writes the period header in words, or (as a page) has none."""


def error(http_status: int, /, **members: str) -> Answer:
    """One entry in `errors`; the API leaves out different members in different answers."""
    return Answer(status=http_status, body=encode({"errors": [members]}))


def page(status: int, title: str) -> Answer:
    """HTML, as it comes from what stands in front of the API."""
    return Answer(
        status=status,
        content_type=HTML_TYPE,
        body=f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n".encode(),
    )


def unauthorized(hint: str) -> Answer:
    """401; the detail ends with the hint's name, where there was a token at all."""
    detail = (
        f"The credentials were not accepted. Error Code Hint: ({hint})"
        if hint
        else "No credentials were given."
    )
    return error(401, status="401", title="Unauthorized", code="unauthorized", detail=detail)


def forbidden() -> Answer:
    """403: the simulator's user may write nothing, and read everything that is not forbidden."""
    return error(403, status="403", title="Forbidden", detail="You do not have access to this resource")


def not_found() -> Answer:
    return error(404, status="404", title="Not Found", detail="The resource you requested could not be found")


def no_such_path() -> Answer:
    """The same, from the router in front."""
    return replace(not_found(), is_unrouted=True)


def no_such_method() -> Answer:
    """A method that the router does not know for a path: a page, not a document (recorded for PUT)."""
    return replace(page(404, "404"), is_unrouted=True)


def unsupported_version(asked: str) -> Answer:
    detail = f"The version {asked!r} is not a date from {UNSUPPORTED_BEFORE} on."
    return error(400, status="400", title="Bad Request", code="unsupported_version_error", detail=detail)


def too_many_requests(verdict: Verdict, period_seconds: int, *, with_retry_after: bool = True) -> Answer:
    """429, as documented: no `status` member, and `Retry-After` in seconds."""
    detail = f"Rate limit exceeded: {verdict.count} of {verdict.limit} requests per {period_seconds} seconds"
    headers = {"Retry-After": str(verdict.retry_after_seconds or 1)} if with_retry_after else {}
    return Answer(
        status=429,
        headers=headers,
        body=encode({"errors": [{"code": "429", "title": "Too Many Requests", "detail": detail}]}),
    )


def server_error(status: int) -> Answer:
    """500 comes from the API itself; 502, 503 and 504 come from what stands before it, and are pages."""
    if status == 500:
        return error(
            500,
            status="500",
            title="Internal Server Error",
            detail="An internal server error occurred on our end. Please try again later.",
        )
    titles = {502: "502 Bad Gateway", 503: "503 Service Unavailable", 504: "504 Gateway Timeout"}
    return page(status, titles[status])
