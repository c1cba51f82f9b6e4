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
    HTML_TYPE,
    Answer,
    forbidden,
    not_found,
    page,
    server_error,
    too_many_requests,
)
from openfaith.simulator.documents import Document
from openfaith.simulator.limits import Verdict
from openfaith.simulator.query import Window

SERVER_ERRORS = (500, 502, 503, 504)
REFUSALS = {"403": forbidden, "404": not_found}
"""What the API answers where a user may not see something, or no such thing is there (any more)."""


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
    if argument in REFUSALS:
        return Effect(answer=REFUSALS[argument]())
    if argument not in map(str, SERVER_ERRORS):
        known = ", ".join([*REFUSALS, *map(str, SERVER_ERRORS)])
        raise ValueError(f"one of {known}, as in error=500")
    return Effect(answer=server_error(int(argument)))


def _drop(_argument: str) -> Effect:
    return Effect(answer=Answer(status=0, ending="dropped"))


def _limited(argument: str) -> Effect:
    """A 429 although the limit is not reached."""
    if argument not in {"", "silent"} and not argument.isdecimal():
        raise ValueError("nothing, the seconds of Retry-After, or `silent` for none, as in limited=5")
    verdict = Verdict(118, 100, int(argument) if argument.isdecimal() else 1)
    return Effect(answer=too_many_requests(verdict, 20, with_retry_after=argument != "silent"))


def _html(_argument: str) -> Effect:
    """A page of some proxy, with 200."""
    return Effect(answer=replace(page(200, "We will be right back"), content_type=HTML_TYPE))


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
    "blank": _blank,
    "cut": _cut,
    "drop": _drop,
    "empty": _empty,
    "error": _error,
    "gap": _gap,
    "html": _html,
    "ignored": _ignored,
    "limit": _limit,
    "limited": _limited,
    "loop": _loop,
    "no_next": _no_next,
    "no_total": _no_total,
    "repeat": _repeat,
    "short": _short,
    "slow": _slow,
    "tail": _tail,
    "total": _total,
    "total_cap": _total_cap,
    "truncate": _truncate,
}


def _with_total(document: Document, change: Callable[[int], int]) -> Document:
    """A page with another total; a single record has none."""
    if "total_count" not in document.meta:
        return document
    return replace(document, meta={**document.meta, "total_count": change(document.meta["total_count"])})


def _rows(text: str, name: str) -> int:
    """A number of rows."""
    if not text.isdecimal():
        raise ValueError(f"a number of rows, as in {name}=5")
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
