"""What a request asks for.

Reading a query decides once what each part means; what means nothing is dropped here, since the API ignores it
with 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl

from openfaith.manifest import AttributeType, Endpoint, Entity
from openfaith.simulator.stamps import read_day, read_time

DEFAULT_PAGE_SIZE = 25
MAX_PAGE_SIZE = 100

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_COUNT = re.compile(r"[0-9]{1,18}")
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Between:
    """A time or a date from `low` (included) up to `high` (not included), as texts; None is open."""

    key: str
    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The records with these ids."""

    ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Equal:
    """A number, a truth value or the id of another record."""

    key: str
    value: float


@dataclass(frozen=True, slots=True)
class Like:
    """Text without regard to case; a `%` at its start or end stands for anything."""

    key: str
    text: str
    open_start: bool
    open_end: bool


@dataclass(frozen=True, slots=True)
class Words:
    """Every word begins a word of one of the values: how `search_name` finds people."""

    keys: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value that cannot be read: no record satisfies it."""


Condition = Between | OneOf | Equal | Like | Words | Nothing


@dataclass(frozen=True, slots=True)
class OrderKey:
    key: str
    descending: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What a request of a collection asks for."""

    where: tuple[Condition, ...] = ()
    order: tuple[OrderKey, ...] = ()
    """Ties, and everything without an order, by id, numerically ascending."""
    asked_page_size: int = DEFAULT_PAGE_SIZE
    """As asked, also where that is more than a page holds: links repeat it."""
    offset: int = 0
    includes: tuple[str, ...] = ()
    fields: Mapping[str, frozenset[str]]
    """Type → the attributes and relationships it is limited to."""

    @property
    def page_size(self) -> int:
        """Rows that the page can hold."""
        return min(self.asked_page_size, MAX_PAGE_SIZE)


@dataclass(frozen=True, slots=True)
class Window:
    """Where a page lies in its collection, and what it says of itself."""

    start: int
    stop: int
    next_offset: int | None
    prev_offset: int | None
    size: int = 0
    """Rows that the page could hold."""
    lost: int = 0
    """Rows that its `count` counts and that it does not hold."""


def parse_parameters(query_string: str) -> list[tuple[str, str]]:
    """The parameters of a query string, in order, decoded."""
    return parse_qsl(query_string, keep_blank_values=True)


def read_query(parameters: Iterable[tuple[str, str]], entity: Entity, endpoint: Endpoint) -> Query:
    """What the parameters mean at this endpoint. Later parameters of one name replace earlier ones.

    Unknown keys of `where` and `order`, and everything else unknown, are ignored (recorded: 200 and the unfiltered
    collection). Numbers of a page that cannot be read count as not given.
    """
    given = dict(parameters)
    return Query(
        where=tuple(
            condition
            for name, value in given.items()
            for condition in _read_where(name, value, entity, endpoint)
        ),
        order=tuple(_read_order(given.get("order", ""), endpoint)),
        asked_page_size=_read_count(given.get("per_page"), DEFAULT_PAGE_SIZE),
        offset=_read_count(given.get("offset"), 0),
        includes=tuple(
            dict.fromkeys(
                name for name in _names(given.get("include", "")) if name.split(".")[0] in endpoint.includes
            )
        ),
        fields={
            name[7:-1]: frozenset(_names(value))
            for name, value in given.items()
            if name.startswith("fields[") and name.endswith("]")
        },
    )


def window(query: Query, total: int) -> Window:
    """Which rows of ``total`` the page holds, and what it says of the pages beside it.

    As recorded: past the end there is only a previous page; `per_page=0` holds nothing and its next page is itself.
    """
    stop = min(query.offset + query.page_size, total)
    has_next = query.offset + query.page_size < total
    return Window(
        start=min(query.offset, stop),
        stop=stop,
        next_offset=query.offset + query.page_size if has_next else None,
        prev_offset=max(0, query.offset - query.page_size) if query.offset > 0 else None,
        size=query.page_size,
    )


def _read_order(text: str, endpoint: Endpoint) -> Iterable[OrderKey]:
    for name in _names(text):
        key = name.removeprefix("-")
        if key in endpoint.order_by and "." not in key:
            yield OrderKey(key, descending=name.startswith("-"))


def _read_where(name: str, value: str, entity: Entity, endpoint: Endpoint) -> Iterable[Condition]:
    """The conditions of one parameter: none for an unknown key, and none for a nested one."""
    if not (name.startswith("where[") and name.endswith("]")):
        return ()
    key, _, operator = name[6:-1].partition("][")
    if key not in endpoint.query_by:
        return ()
    if key == "id":
        return () if operator else (OneOf(frozenset(_read_ids(value))),)
    if key.startswith("search_"):
        return () if operator else (_read_search(key, value),)
    attribute = entity.attributes.get(key)
    kind = attribute.type if attribute else AttributeType.INTEGER
    if key.endswith("_id"):
        kind = AttributeType.INTEGER
    if kind in {AttributeType.DATE_TIME, AttributeType.DATE}:
        return (_read_range(key, operator, value, kind),) if operator in _RANGES else ()
    return () if operator else (_read_equal(key, value, kind),)


def _read_equal(key: str, value: str, kind: AttributeType) -> Condition:
    match kind:
        case AttributeType.INTEGER | AttributeType.FLOAT:
            return _read_number(key, value)
        case AttributeType.BOOLEAN:
            truth = {"true": True, "1": True, "false": False, "0": False}.get(value.casefold())
            return Nothing() if truth is None else Equal(key, truth)
        case _:
            open_start, open_end = value.startswith("%"), len(value) > 1 and value.endswith("%")
            return Like(key, value[open_start : len(value) - open_end].casefold(), open_start, open_end)


def _read_number(key: str, value: str) -> Condition:
    return Equal(key, int(value)) if _NUMBER.fullmatch(value) else Nothing()


def _read_ids(value: str) -> Iterable[int]:
    """One id, or several with commas; what cannot be an id is that of no record."""
    return (int(name) for name in _names(value) if _COUNT.fullmatch(name))


def _read_search(key: str, value: str) -> Condition:
    """Names by the beginnings of their words. The simulator does not look into e-mails and phones here."""
    return Words(("name", "nickname"), tuple(value.casefold().split())) if "name" in key else Nothing()


def _read_range(key: str, operator: str, value: str, kind: AttributeType) -> Condition:
    """The range that a time, or a whole day, stands for; `gt` lies behind all of it, `lt` before."""
    first, after = _span(value)
    if first is None or after is None:
        return Nothing()
    low, high = _RANGES[operator](first, after)
    write = _write_day if kind is AttributeType.DATE else _write_time
    return Between(key, write(low) if low else None, write(high) if high else None)


_RANGES: dict[str, Callable[[datetime, datetime], tuple[datetime | None, datetime | None]]] = {
    "": lambda first, after: (first, after),
    "gt": lambda _first, after: (after, None),
    "gte": lambda first, _after: (first, None),
    "lt": lambda first, _after: (None, first),
    "lte": lambda _first, after: (None, after),
}


def _span(value: str) -> tuple[datetime | None, datetime | None]:
    """The first moment that a value means, and the first one after it: a day, a second, or less than one."""
    first = read_time(value)
    if first is None:
        return None, None
    length = _DAY if read_day(value) else timedelta() if first.microsecond else _SECOND
    try:
        return first, first + length
    except OverflowError:
        return None, None


def _write_time(moment: datetime) -> str:
    """Up to the next whole second: stored stamps have no parts of seconds."""
    whole = moment if not moment.microsecond else moment.replace(microsecond=0) + _SECOND
    return f"{whole:%Y-%m-%dT%H:%M:%SZ}".rjust(len("2020-01-25T16:59:05Z"), "0")


def _write_day(moment: datetime) -> str:
    day: date = (
        moment.date()
        if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0)
        else moment.date() + _DAY
    )
    return day.isoformat()


def _read_count(text: str | None, default: int) -> int:
    return int(text) if text and _COUNT.fullmatch(text) else default


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
