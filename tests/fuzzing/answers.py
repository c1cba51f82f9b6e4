"""What a source answers: pages, single records, errors, headers, and what strategies make of them."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from fuzzing.mutating import (
    SPELLINGS,
    listed,
    one_of,
    varied_bytes,
    varied_members,
    varied_text,
    written,
)
from fuzzing.target import MARK, Target, clear
from openfaith.adapters import find_adapter
from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import BrokenResponseError, SyncError
from openfaith.manifest import find_drift
from openfaith.records import EntityName, Page
from openfaith.source import Rows
from openfaith.source.clock import ServerClock, parse_http_date
from openfaith.source.documents import read_page, read_record, read_written, speaks_of, without_first
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.limits import RequestWindow, read_announcement
from openfaith.source.responses import error_of, read_errors, retry_after_of
from openfaith.store.examination import record_key
from openfaith.strategies.delta import (
    DeltaState,
    advance_delta,
    begin_delta,
    check_delta,
    count_known,
    unusable,
    upcoming_delta,
)
from openfaith.strategies.full import FullState, advance_full, check_full, upcoming_full
from openfaith.strategies.proof import find_doubts
from openfaith.workflows.merging import _told
from openfaith.workflows.permissions import fingerprint

PCO = load_planning_center()
PERSON = PCO.entities[EntityName("people.Person")]
LOG = PCO.merges[0]
NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)
ASKED = Request.read("/people/v2/people", {"where[search_name]": MARK, "per_page": "100"}, "2025-11-10")
_DEEP = 400
"""From so many brackets on it depends on the stack at hand whether Python's own parser gives up."""


def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Exchange:
    return Exchange(sent_at=0, ended_at=1, status=status, headers=headers or {}, body=body)


# Records and pages


def record(chance: Random, number: int, kind: str = "Person") -> str:
    """A record as JSON text, more or less: it may be none."""
    if chance.random() < 0.02:
        return one_of(chance, SPELLINGS)
    attributes = varied_members(
        chance,
        {
            "name": f'"{MARK}"',
            "grade": "7",
            "child": "false",
            "birthdate": '"2001-02-03"',
            "created_at": '"2020-01-02T03:04:05Z"',
            "updated_at": f'"2024-05-06T07:08:{number % 60:02}Z"',
            "person_to_keep_id": f"{number + 1}",
            "person_to_remove_id": f"{number}",
        },
    )
    relationships = varied_members(
        chance,
        {
            "emails": f'{{"data":[{{"type":"Email","id":"{number}"}}]}}',
            "primary_campus": '{"data":{"type":"PrimaryCampus","id":"7"}}',
        },
    )
    members = {
        "type": f'"{kind}"',
        "id": f'"{number}"',
        "attributes": written(attributes),
        "relationships": written(relationships),
        "links": '{"self":"https://api.planningcenteronline.com/people/v2/people/1"}',
    }
    return written(varied_members(chance, members, share=0.06))


def record_bytes(chance: Random, kept: Sequence[bytes]) -> bytes:
    if kept and chance.random() < 0.2:
        return varied_bytes(chance, chance.choice(kept))
    whole = record(chance, int(chance.random() * 100)).encode()
    return varied_bytes(chance, whole) if chance.random() < 0.3 else whole


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a listing, and what of it is known."""

    data: bytes
    records: tuple[bytes, ...] | None = None
    """Its records, each as it stands there; None where the body was changed as a whole."""

    def __len__(self) -> int:
        return len(self.data)


def body(chance: Random, kept: Sequence[Body]) -> Body:
    if kept and chance.random() < 0.15:
        return Body(varied_bytes(chance, chance.choice(kept).data))
    records = [record(chance, n) for n in range(int(chance.random() * 4))]
    included = [
        record(chance, n, chance.choice(("Email", "PrimaryCampus"))) for n in range(int(chance.random() * 3))
    ]
    names = '["id","name","created_at","updated_at"]'
    meta = varied_members(
        chance,
        {
            "total_count": f"{len(records)}",
            "count": f"{len(records)}",
            "next": '{"offset":100}',
            "can_query_by": names,
            "can_order_by": names,
            "can_include": '["emails"]',
            "parent": '{"id":"1","type":"Organization"}',
        },
    )
    members = {
        "links": '{"self":"https://a.test","next":"https://a.test?offset=100"}',
        "data": listed(records),
        "included": listed(included),
        "meta": written(meta),
    }
    if chance.random() < 0.1:
        members = varied_members(chance, members, share=0.5)
    text = written(members)
    if chance.random() < 0.1:
        text = text.replace(",", one_of(chance, (" , ", ",\n", "\t,"))).replace("[", "[ ")
        records = []
    elif members.get("data") != listed(records):
        records = []
    whole = text.encode()
    if chance.random() < 0.15:
        return Body(varied_bytes(chance, whole, 2))
    return Body(whole, tuple(each.encode() for each in records) or None)


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def readable(text: bytes) -> object:
    """What Python makes of JSON, its numbers as they are written; None where it is none."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)
    except (ValueError, RecursionError):
        return None


def is_deep(text: bytes) -> bool:
    """Whether it may be too deep for one reader of JSON and not for another."""
    return text.count(b"[") + text.count(b"{") > _DEEP


def is_listing(document: object) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("data"), list)
        and isinstance(document.get("included", []), list | None)
    )


def check_page(made: Body) -> Hashable:
    """A listing comes apart without loss, or is refused as a whole; and what looks at a page can look at this one."""
    document = readable(made.data)
    try:
        page = read_page(ASKED, answer(made.data), NOON)
    except BrokenResponseError as error:
        clear(error)
        assert is_deep(made.data) or not is_listing(document), "a listing was refused"
        return error.seen.partition("(")[0]
    if made.records is not None:
        assert page.records == made.records
    if is_listing(document) and isinstance(document, dict):
        assert [*map(readable, page.records)] == document["data"]
        included = document.get("included") or []
        assert sum(map(len, page.included.values())) == len(included)
        assert all(readable(r) in included for records in page.included.values() for r in records)
    assert all(each in made.data for each in page.records)
    assert page.total_count is None or str(page.total_count)
    _look(page)
    return (
        len(page.records),
        sum(row.id is None for row in page.rows),
        sum(row.updated_at is None for row in page.rows),
        tuple(page.included),
        page.total_count is None,
        page.has_next,
        page.organization is None,
        page.can_query_by is None,
    )


def _look(page: Page) -> None:
    """Everything that looks at a page or its records without the database."""
    for row in page.rows:
        assert row.id is None or row.id
        for time in (row.created_at, row.updated_at):
            assert time is None or time.utcoffset() == timedelta()
    assert all(0 < len(record_key(each)) <= 200 for each in page.records)
    rest = without_first(page)
    assert rest.records == page.records[1:]
    assert len(rest.rows) == len(rest.records)
    assert speaks_of(page, "emails") in {True, False}
    for drift in find_drift(PERSON, PERSON.collection, page):
        assert drift.name is not None
    for removed, kept, _ in _told(page, LOG):
        assert removed
        assert kept


def check_record(made: bytes) -> Hashable:
    """One record by itself, also one that no envelope was put around."""
    [row] = Rows([made])
    assert row.id is None or row.id
    key = record_key(made)
    assert 0 < len(key.encode()) <= 800
    assert "\0" not in key
    try:
        document = read_record(ASKED, answer(b'{"data":' + made + b"}"), NOON)
    except BrokenResponseError as error:
        return clear(error)
    identity = find_adapter("pco").identity
    assert identity is not None
    told = fingerprint(document.data, identity)
    assert told is None or len(told) == 64
    assert document.id is None or document.id
    return row.id is None, row.created_at is None, row.updated_at is None, key.startswith("sha256:")


def check_written(made: bytes) -> Hashable:
    """The answer to a write, whatever it is."""
    try:
        document = read_written(ASKED, answer(made, 201), NOON)
    except BrokenResponseError as error:
        return clear(error)
    assert document is not None
    assert document.data in made or not made.isascii()
    assert isinstance(document.meta, dict)
    return document.data[:1], len(document.included), len(document.meta)


def written_bytes(chance: Random, kept: Sequence[bytes]) -> bytes:
    if kept and chance.random() < 0.2:
        return varied_bytes(chance, chance.choice(kept))
    members = varied_members(
        chance,
        {"data": record(chance, 1), "included": listed([record(chance, 2)]), "meta": '{"a":[1]}'},
        share=0.4,
    )
    whole = written(members).encode()
    return varied_bytes(chance, whole) if chance.random() < 0.3 else whole


# Walks


@dataclass(frozen=True, slots=True)
class Walk:
    """The answers that a walk gets, one after the other."""

    kind: str
    """`full`, or how a delta goes."""
    bodies: tuple[bytes, ...]
    newest: datetime | None = None
    """The newest stamp of what is stored."""

    def __len__(self) -> int:
        return sum(map(len, self.bodies))


_STAMPS = (
    *('"2024-01-01T00:00:00Z"', '"2024-01-01T00:00:01Z"', '"2024-06-01T00:00:00Z"', '"2025-01-01T00:00:00Z"'),
    *('"2024-01-01T00:00:00+14:00"', '"0001-01-01T00:00:00+14:00"', '"0001-01-01T00:00:00Z"'),
    *('"9999-12-31T23:59:59Z"', '"9999-12-31T23:59:59-12:00"', '"2024-01-01"', '"2024-01-01T00:00:00"', "null"),
)  # fmt: skip
_TOTALS = ("0", "1", "3", "9999", "10000", "10001", "250000", "9" * 25, "9" * 400, "1e9", "-1", "null", '"3"')


def walk(chance: Random, kept: Sequence[Walk]) -> Walk:
    """Half of what a source would say, and half of what it never should."""
    times = chance.choice((_STAMPS[:1], _STAMPS[:4], _STAMPS[:4], _STAMPS, _STAMPS[-5:-3]))
    bodies = []
    for _ in range(1 + int(chance.random() * 8)):
        rows = [
            f'{{"type":"Person","id":"{int(chance.random() * 12)}","attributes":'
            f'{{"created_at":{one_of(chance, times)},"updated_at":{one_of(chance, times)}}}}}'
            for _ in range(int(chance.random() ** 2 * 4))
        ]
        meta = {"total_count": one_of(chance, _TOTALS), "can_query_by": '["created_at","updated_at"]'}
        links = {"next": '"more"'} if chance.random() < 0.6 else {}
        members = {
            "data": listed(rows),
            "meta": written(varied_members(chance, meta)),
            "links": written(links),
        }
        bodies.append(written(members).encode())
    if kept and chance.random() < 0.3:
        bodies = [*chance.choice(kept).bodies, *bodies]
    newest = chance.choice((None, datetime(2024, 2, 1, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)))
    kind = chance.choice(("full", "full", "keyset", "window", "newest_first"))
    return Walk(kind, tuple(bodies[:12]), newest)


def check_walk(made: Walk) -> Hashable:
    """No answer stops a walk but by an error that is meant for it, and every state comes back from its stored form."""
    try:
        if made.kind == "full":
            return _walk_fully(made.bodies)
        return _walk_delta(made)
    except BrokenResponseError as error:
        return clear(error)


def _walk_fully(bodies: Sequence[bytes]) -> Hashable:
    state = FullState()
    for each in bodies:
        request = next(upcoming_full(state, 3), None)
        if request is None:
            break
        _check_parameters(request.parameters)
        page = read_page(ASKED, answer(each), NOON)
        check_full(request, state, page)
        state = advance_full(state, page, 3, windowed=True, repeats=1)
        assert FullState.from_json(json.loads(json.dumps(state.to_json()))) == state
    return (
        state.done,
        state.windows,
        state.bounded,
        state.distrusted,
        state.high is None,
        state.read is None,
        len(find_doubts(state)),
    )


def _walk_delta(made: Walk) -> Hashable:
    watermark = datetime(2024, 3, 1, tzinfo=UTC)
    state = begin_delta(made.kind, watermark, made.newest)  # type: ignore[arg-type]  # one of the kinds
    for each in made.bodies:
        request = next(upcoming_delta(state, 3), None)
        if request is None:
            break
        _check_parameters(request.parameters)
        page = read_page(ASKED, answer(each), watermark + timedelta(days=1))
        check_delta(request, state, page)
        if (why := unusable(state, page)) is not None:
            return why.partition("20")[0]
        assert 0 <= count_known(state, page) <= len(page.records)
        state = advance_delta(state, page, 3)
        assert DeltaState.from_json(json.loads(json.dumps(state.to_json()))) == state
    return made.kind, state.done, state.low > state.since, len(state.known), state.inner.stuck


def _check_parameters(parameters: dict[str, str]) -> None:
    for name, value in parameters.items():
        assert f"{name}={value}".isascii()
        if "updated_at]" in name or "created_at]" in name:
            assert parse_time(value).tzinfo is UTC


def parse_time(text: str) -> datetime:
    """A time as a source is asked for it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


# Errors


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success, or may be none."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __len__(self) -> int:
        return len(self.body) + sum(len(value) for _, value in self.headers)


_STATUSES = (
    *(400, 401, 402, 403, 404, 404, 408, 409, 410, 418, 422, 429, 500, 503),
    *(200, 204, 206, 301, 307, 100, 999),
)
_TYPES = ("application/vnd.api+json", "text/html; charset=utf-8", "")
_LOCATIONS = (
    f"https://{MARK}:{MARK}@login.example.org/a?{MARK}",
    "/relative",
    "https://xn--a/",
    "//[::1]:99999",
    "",
)
_DATES = (
    "Sun, 02 Nov 2025 12:00:00 GMT",
    "Sunday, 02-Nov-25 12:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Sun, 02 Nov 2025 12:00:00 -0000",
)
_WAITS = ("20", "0", "1.5", "20 ", "20;", "-1", "999999999", "1e9", "٣", "Sun, 02 Nov 2025 12:00:20 GMT")
_HINTS = ("PELICAN", "TRASH_PANDA", "CAPUCHIN", "OTTER", "")


def refusal(chance: Random, kept: Sequence[Refusal]) -> Refusal:
    if kept and chance.random() < 0.3:
        other = chance.choice(kept)
        return Refusal(chance.choice(_STATUSES), other.headers, varied_bytes(chance, other.body))
    entry = varied_members(
        chance,
        {
            "status": '"422"',
            "title": '"Invalid"',
            "code": '"not_valid"',
            "detail": json.dumps(f"{MARK} Error Code Hint: ({one_of(chance, _HINTS)})"),
            "source": '{"parameter":"last_name"}',
            "meta": f'{{"value":"{MARK}"}}',
        },
    )
    whole = written(
        varied_members(chance, {"errors": listed([written(entry)] * int(chance.random() * 4))})
    ).encode()
    headers = (
        ("Content-Type", _header(chance, _TYPES)),
        ("Location", _header(chance, _LOCATIONS)),
        ("Retry-After", _header(chance, _WAITS)),
        ("Date", _header(chance, _DATES)),
    )
    return Refusal(
        chance.choice(_STATUSES), headers, varied_bytes(chance, whole) if chance.random() < 0.3 else whole
    )


def _header(chance: Random, values: Sequence[str]) -> str:
    """A header's value, as far as one can come through HTTP: no line ends in it."""
    text = one_of(chance, values)
    text = varied_text(chance, text, 2) if chance.random() < 0.3 else text
    return text.replace("\r", "").replace("\n", "").replace("\0", "")


def check_refusal(made: Refusal) -> Hashable:
    """Every answer is one error of the tree, or none; what a person would not want told is told only where a page says so."""
    exchange = answer(made.body, made.status, dict(made.headers))
    for entry in read_errors(made.body):
        assert isinstance(entry.summary, str)
    asked = retry_after_of(exchange)
    assert asked is None or timedelta() <= asked
    error = error_of(ASKED, exchange)
    if error is None:
        assert made.status in {200, 201, 202, 204}
        return "success"
    assert isinstance(error, SyncError)
    if made.status in {402, 403, 404}:  # what these say is quoted: why, and no record
        error = type(error)(*(arg.replace(MARK, "") if isinstance(arg, str) else arg for arg in error.args))
    return made.status, clear(error), asked is None, "hint" in str(error)


# Headers that tell the time and the limit


@dataclass(frozen=True, slots=True)
class Headers:
    """Those of several answers in a row."""

    answers: tuple[dict[str, str], ...]

    def __len__(self) -> int:
        return sum(len(value) for each in self.answers for value in each.values())


_LIMITS = (
    "100",
    "0",
    "1",
    "20",
    "20 seconds",
    "3600",
    "3601",
    "999999999",
    "9999999999",
    "-5",
    " 7",
    "\N{ARABIC-INDIC DIGIT SEVEN}",
    "x",
    "",
)


def headers(chance: Random, kept: Sequence[Headers]) -> Headers:
    del kept
    return Headers(
        tuple(
            {
                "X-PCO-API-Request-Rate-Limit": _header(chance, _LIMITS),
                "X-PCO-API-Request-Rate-Period": _header(chance, _LIMITS),
                "X-PCO-API-Request-Rate-Count": _header(chance, _LIMITS),
                "Date": _header(chance, _DATES),
                "Retry-After": _header(chance, _WAITS),
            }
            for _ in range(1 + int(chance.random() * 4))
        )
    )


def check_headers(made: Headers) -> Hashable:
    """Whatever is announced: some time a request may be sent again, and the clock tells a time that can be told."""
    window, clock, now = RequestWindow(), ServerClock(), 1000.0
    came: list[Hashable] = []
    for each in made.answers:
        ticket = window.send(now)
        announced = read_announcement(each)
        window.answered(ticket, now + 1, announced)
        limit = window.limit(now + 1)
        assert limit.requests >= 1
        assert timedelta() < limit.period <= timedelta(hours=1)
        date = parse_http_date(each["Date"])
        if date is not None:
            clock.observe(date, sent=now, received=now + 1)
        assert clock.knows_the_time or date is None
        for moment in (0.0, now, now + 1e6):
            time = clock.at(moment)
            assert time is None or (time + timedelta(days=30)).isoformat()
        asked = retry_after_of(answer(b"", 429, each))
        assert asked is None or timedelta() <= asked
        now += 2
        came.append(
            (
                announced.requests is None,
                announced.period is None,
                announced.count is None,
                date is None,
                asked is None,
            )
        )
    for _ in range(10_000):
        wait = window.seconds_to_wait(now)
        assert math.isfinite(wait)
        if wait == 0:
            return tuple(came)
        now += wait
    raise AssertionError("no request may ever be sent again")


TARGETS: tuple[Target[Any], ...] = (
    Target(name="page", weight=24, make=body, check=check_page),
    Target(name="record", weight=10, make=record_bytes, check=check_record),
    Target(name="written", weight=4, make=written_bytes, check=check_written),
    Target(name="walk", weight=10, make=walk, check=check_walk),
    Target(name="refusal", weight=10, make=refusal, check=check_refusal),
    Target(name="headers", weight=8, make=headers, check=check_headers),
)
