"""What can go wrong with a request, one small function each.

A fault answers instead of the API, moves the page, changes the document, spoils the written body, makes the answer
wait, or lowers the limit. Adding one is a function and a line in the table. What it strikes, and how that is written,
is `fault_plans.py`; the other families are `record_faults.py` and, for what the user may not see, `sight.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from openfaith.simulator.answers import (
    Answer,
    error,
    forbidden,
    not_found,
    page,
    server_error,
    too_many_requests,
    unauthorized,
)
from openfaith.simulator.documents import Document
from openfaith.simulator.limits import Verdict
from openfaith.simulator.query import Window

SERVER_ERRORS = (500, 502, 503, 504)
"""Those that come with a page or a document of their own."""

REFUSALS = {"403": forbidden, "404": not_found}
"""What the API answers where a user may not see something, or no such thing is there (any more)."""

_MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one fault does to one request; what it does not do stays empty."""

    answer: Answer | None = None
    """Sent instead of the API's own."""
    page: Callable[[Window], Window] | None = None
    """Applied to the place of the page in its collection, before its records are read."""
    document: Callable[[Document], Document] | None = None
    """Applied before the document is written."""
    body: Callable[[Answer], Answer] | None = None
    """Applied to the finished answer."""
    delay_seconds: float = 0.0
    limit: int | None = None
    """The rate limit for this request."""
    ignored: str | None = None
    """Parameters of this family are taken for unknown ones."""


# Faults of requests: each is given the text behind `=` and raises ValueError, with what it expects, if it is wrong.


def _error(argument: str) -> Effect:
    """A refusal, a failure, a redirection, or an error document with 200; `401+PELICAN` has a hint in its detail."""
    if argument in REFUSALS:
        return Effect(answer=REFUSALS[argument]())
    status, _, hint = argument.partition("+")
    if not re.fullmatch(r"200|[345][0-9]{2}", status) or (hint and status != "401"):
        raise ValueError("a status, as in error=500, or one with a hint, as in error=401+PELICAN")
    if int(status) in SERVER_ERRORS:
        return Effect(answer=server_error(int(status)))
    answer = (
        unauthorized(hint)
        if hint
        else error(int(status), status=status, title="Error", detail="No more is said.")
    )
    moved = {"Location": "/elsewhere"} if status.startswith("3") else {}
    return Effect(answer=replace(answer, headers=moved))


def _drop(_argument: str) -> Effect:
    return Effect(answer=Answer(status=0, ending="dropped"))


def _limited(argument: str) -> Effect:
    """A 429 although the limit is not reached."""
    if argument not in {"", "silent"} and not argument.isdecimal():
        raise ValueError("nothing, the seconds of Retry-After, or `silent` for none, as in limited=5")
    verdict = Verdict(118, 100, int(argument) if argument.isdecimal() else 1)
    return Effect(answer=too_many_requests(verdict, 20, with_retry_after=argument != "silent"))


def _html(argument: str) -> Effect:
    """A page of some proxy, with 200 if nothing else is said."""
    if argument and not re.fullmatch(r"[2-5][0-9]{2}", argument):
        raise ValueError("nothing or a status, as in html=404")
    return Effect(answer=page(int(argument or 200), "We will be right back"))


def _status(argument: str) -> Effect:
    """The right answer under another status, as a proxy gives it. With 204 there is no body."""
    if not re.fullmatch(r"20[0-9]", argument):
        raise ValueError("a status of success, as in status=203")

    def under(answer: Answer) -> Answer:
        return replace(answer, status=int(argument), body=b"" if argument == "204" else answer.body)

    return Effect(body=under)


def _bare(_argument: str) -> Effect:
    """200, and no body."""
    return Effect(body=lambda answer: replace(answer, body=b""))


def _misshapen(_argument: str) -> Effect:
    """A document whose `data` is neither a list nor a record."""
    return Effect(body=lambda answer: replace(answer, body=b'{"data":null}'))


def _garbled(_argument: str) -> Effect:
    """A body that says that it is packed, and is not."""
    return Effect(body=lambda answer: replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}))


def _noise(_argument: str) -> Effect:
    """Something that is not HTTP."""
    return Effect(answer=Answer(status=0, ending="noise"))


def _flood(argument: str) -> Effect:
    """A body with so many mebibytes of blanks behind it."""
    size = _rows(argument, "flood") * _MEBIBYTE
    return Effect(body=lambda answer: replace(answer, body=answer.body + b" " * size))


def _slow(argument: str) -> Effect:
    return Effect(delay_seconds=_seconds(argument))


def _limit(argument: str) -> Effect:
    if not argument.isdecimal() or int(argument) < 1:
        raise ValueError("requests per period, 1 or more, as in limit=10@50")
    return Effect(limit=int(argument))


def _truncate(_argument: str) -> Effect:
    """A body that ends in the middle, with a length that says that this is all."""
    return Effect(body=lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))


def _cut(_argument: str) -> Effect:
    """The connection closes in the middle of the body."""
    return Effect(body=lambda answer: replace(answer, ending="cut"))


def _empty(_argument: str) -> Effect:
    """No rows, and nothing that says that there should be some."""

    def empty(document: Document) -> Document:
        meta = {name: value for name, value in document.meta.items() if name != "next"} | {
            "total_count": 0,
            "count": 0,
        }
        links = {name: value for name, value in document.links.items() if name != "next"}
        return Document(data=[], links=links, meta=meta) if isinstance(document.data, list) else document

    return Effect(document=empty)


def _blank(_argument: str) -> Effect:
    """No rows, while the total and the next page are what they were."""

    def blank(document: Document) -> Document:
        if not isinstance(document.data, list):
            return document
        return Document(data=[], links=document.links, meta={**document.meta, "count": 0})

    return Effect(document=blank)


def _tail(argument: str) -> Effect:
    """The last rows of the page are missing, with the counts of a whole page and no next one."""
    rows = _rows(argument, "tail")

    def cut(part: Window) -> Window:
        stop = max(part.start, part.stop - rows)
        return replace(part, stop=stop, lost=part.stop - stop, next_offset=None)

    return Effect(page=cut)


def _gap(argument: str) -> Effect:
    """The last rows of the page are missing, and the next page goes on behind them."""
    rows = _rows(argument, "gap")
    return Effect(page=lambda part: replace(part, stop=max(part.start, part.stop - rows)))


def _short(argument: str) -> Effect:
    """The page holds fewer rows than it could, and the next one begins with the rest: who goes by `next` misses nothing."""
    rows = _rows(argument, "short")

    def shorten(part: Window) -> Window:
        stop = min(part.stop, part.start + rows)
        return part if stop == part.stop else replace(part, stop=stop, next_offset=stop)

    return Effect(page=shorten)


def _repeat(_argument: str) -> Effect:
    """The rows of the page before, under the links and offsets of this one."""

    def repeat(part: Window) -> Window:
        start = max(0, part.start - part.size)
        return replace(part, start=start, stop=min(part.stop, start + part.size))

    return Effect(page=repeat)


def _twice(_argument: str) -> Effect:
    """The first row of the page stands in the place of the middle one too, as where nothing orders what ties."""

    def double(document: Document) -> Document:
        if not isinstance(document.data, list) or len(document.data) < 3:
            return document
        middle = len(document.data) // 2
        return replace(
            document, data=[*document.data[:middle], document.data[0], *document.data[middle + 1 :]]
        )

    return Effect(document=double)


def _loop(argument: str) -> Effect:
    """The next page is this one, the one before, or the first."""
    places: Mapping[str, Callable[[Window], int]] = {
        "": lambda part: part.start,
        "back": lambda part: part.prev_offset or 0,
        "first": lambda _part: 0,
    }
    if argument not in places:
        raise ValueError("nothing for this page, or one of back, first, as in loop=first")
    return Effect(page=lambda part: replace(part, next_offset=places[argument](part)))


def _no_next(_argument: str) -> Effect:
    """The next page is there, but nothing says so."""
    return Effect(document=lambda document: _without(document, "next"))


def _no_total(_argument: str) -> Effect:
    """`total_count` is missing (reported in 2025-11 for another product)."""
    return Effect(document=lambda document: _without(document, "total_count"))


def _total(argument: str) -> Effect:
    """A wrong `total_count`: so many more or fewer than there are, or just this number."""
    if not re.fullmatch(r"[+-]?[0-9]+", argument):
        raise ValueError("so many more or fewer, or a number, as in total=-7 or total=500")
    if argument[0] in "+-":
        return Effect(
            document=lambda document: _with_total(document, lambda total: max(0, total + int(argument)))
        )
    return Effect(document=lambda document: _with_total(document, lambda _total: int(argument)))


def _total_cap(argument: str) -> Effect:
    """`total_count` never says more than this."""
    most = _rows(argument, "total_cap")
    return Effect(document=lambda document: _with_total(document, lambda total: min(total, most)))


def _ignored(argument: str) -> Effect:
    """200, and an answer to something else."""
    if argument not in {"where", "order", "fields", "include"}:
        raise ValueError("where, order, fields or include, as in ignored=where")
    return Effect(ignored=argument)


REQUEST_FAULTS: Mapping[str, Callable[[str], Effect]] = {
    "bare": _bare,
    "blank": _blank,
    "cut": _cut,
    "drop": _drop,
    "empty": _empty,
    "error": _error,
    "flood": _flood,
    "gap": _gap,
    "garbled": _garbled,
    "html": _html,
    "ignored": _ignored,
    "limit": _limit,
    "limited": _limited,
    "loop": _loop,
    "misshapen": _misshapen,
    "no_next": _no_next,
    "no_total": _no_total,
    "noise": _noise,
    "repeat": _repeat,
    "short": _short,
    "slow": _slow,
    "status": _status,
    "tail": _tail,
    "total": _total,
    "total_cap": _total_cap,
    "truncate": _truncate,
    "twice": _twice,
}


def _with_total(document: Document, change: Callable[[int], int]) -> Document:
    """A page with another total; a single record has none."""
    if "total_count" not in document.meta:
        return document
    return replace(document, meta={**document.meta, "total_count": change(document.meta["total_count"])})


def _rows(text: str, name: str) -> int:
    """A number, of rows mostly."""
    if not text.isdecimal():
        raise ValueError(f"a number, as in {name}=5")
    return int(text)


def _without(document: Document, name: str) -> Document:
    return replace(
        document,
        links={key: value for key, value in document.links.items() if key != name},
        meta={key: value for key, value in document.meta.items() if key != name},
    )


def _seconds(text: str) -> float:
    """`2s`, `0.5s` or `250ms`."""
    for unit, factor in (("ms", 0.001), ("s", 1.0)):
        number = text.removesuffix(unit)
        if text.endswith(unit) and number.replace(".", "", 1).isdecimal():
            return float(number) * factor
    raise ValueError("a duration, as in slow=2s or slow=250ms")
