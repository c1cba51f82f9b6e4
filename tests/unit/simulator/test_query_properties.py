"""Selecting works on columns and sorted columns; a slow evaluation, record by record, has to agree with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openfaith.simulator import Church
from openfaith.simulator.query import OrderKey, Query, read_query, window
from openfaith.simulator.rows import Record
from openfaith.simulator.selection import select

CHURCH = Church(people=150, seed=7, products=["people"])
TABLE = CHURCH.table("Person")
ENTITY = TABLE.entity
LISTING = ENTITY.listing
assert LISTING is not None
ENDPOINT = LISTING
ROWS = [TABLE.record(one) for one in TABLE.ids]

STAMPS = [str(row.attributes["updated_at"]) for row in ROWS]
OPERATORS: dict[str, Callable[[datetime, datetime, datetime], bool]] = {
    "": lambda value, start, end: start <= value < end,
    "[gt]": lambda value, start, end: value >= end,
    "[gte]": lambda value, start, end: value >= start,
    "[lt]": lambda value, start, end: value < start,
    "[lte]": lambda value, start, end: value < end,
}

moments = st.sampled_from(STAMPS).map(datetime.fromisoformat) | st.integers(-60, 4800).map(
    lambda days: datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=days, microseconds=days % 3)
)
texts = moments.map(lambda moment: moment.isoformat().replace("+00:00", "Z")) | moments.map(
    lambda moment: moment.date().isoformat()
)


@st.composite
def wheres(draw: st.DrawFn) -> dict[str, str]:
    """Some conditions on what people can be queried by."""
    where: dict[str, str] = {}
    for name in draw(st.lists(st.sampled_from(["updated_at", "created_at", "birthdate"]), max_size=3)):
        where[f"where[{name}]{draw(st.sampled_from(sorted(OPERATORS)))}"] = draw(texts)
    if draw(st.booleans()):
        where["where[status]"] = draw(st.sampled_from(["active", "INACTIVE", "in%", "%v%"]))
    if draw(st.booleans()):
        where["where[child]"] = draw(st.sampled_from(["true", "false"]))
    return where


orders = st.lists(
    st.tuples(
        st.sampled_from(["updated_at", "birthdate", "grade", "last_name", "child", "status"]), st.booleans()
    ),
    max_size=3,
)


def satisfies(row: Record, where: dict[str, str]) -> bool:
    return all(holds(row, name, value) for name, value in where.items())


def holds(row: Record, name: str, text: str) -> bool:
    """One condition, evaluated with real times and by hand."""
    key = name[6:].partition("]")[0]
    value = row.attributes[key]
    if value is None:
        return False
    if key == "child":
        return value is (text == "true")
    if key == "status":
        wanted, seen = text.lower(), str(value).lower()
        return {"in%": seen.startswith("in"), "%v%": "v" in seen}.get(wanted, seen == wanted)
    start = at(text)
    length = timedelta(days=1) if len(text) == 10 else timedelta(seconds=0 if start.microsecond else 1)
    moment = at(str(value))
    return OPERATORS[name.partition("]")[2]](moment, start, start + length)


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def in_order(rows: list[Record], order: list[tuple[str, bool]]) -> list[int]:
    """Sorted by hand: insertion by comparing pair after pair of keys."""
    found: list[Record] = []
    for row in rows:
        place = next((n for n, other in enumerate(found) if comes_before(row, other, order)), len(found))
        found.insert(place, row)
    return [row.id for row in found]


def comes_before(row: Record, other: Record, order: list[tuple[str, bool]]) -> bool:
    for key, descending in order:
        mine, theirs = comparable(row.attributes[key]), comparable(other.attributes[key])
        if mine != theirs:
            return mine > theirs if descending else mine < theirs
    return row.id < other.id


def comparable(value: object) -> tuple[Any, ...]:
    return (0,) if value is None else (1, value.lower() if isinstance(value, str) else value)


@given(wheres(), orders)
def test_selecting_finds_what_a_slow_evaluation_finds_in_the_same_order(
    where: dict[str, str], order: list[tuple[str, bool]]
) -> None:
    text = ",".join(f"{'-' if descending else ''}{key}" for key, descending in order)
    query = read_query([*where.items(), ("order", text)], ENTITY, ENDPOINT)
    found = list(select(TABLE, query))
    assert found == in_order([row for row in ROWS if satisfies(row, where)], order)


@given(wheres(), st.sets(st.sampled_from(list(TABLE.ids))))
def test_selecting_within_some_records_is_selecting_and_keeping_those(
    where: dict[str, str], within: set[int]
) -> None:
    query = read_query(where.items(), ENTITY, ENDPOINT)
    assert list(select(TABLE, query, sorted(within))) == [
        one for one in select(TABLE, query) if one in within
    ]


@given(st.integers(0, 400), st.integers(1, 250))
def test_following_the_pages_covers_each_record_once(total: int, page_size: int) -> None:
    covered: list[int] = []
    offset: int | None = 0
    while offset is not None:
        part = window(Query(asked_page_size=page_size, offset=offset, fields={}), total)
        assert part.stop > part.start or not total
        covered += range(part.start, part.stop)
        offset = part.next_offset
    assert covered == list(range(total))


@given(st.integers(0, 400), st.integers(0, 250), st.integers(0, 1000))
def test_a_page_is_never_larger_than_allowed_and_always_within_its_collection(
    total: int, page_size: int, offset: int
) -> None:
    part = window(Query(asked_page_size=page_size, offset=offset, fields={}), total)
    assert 0 <= part.start <= part.stop <= total
    assert part.stop - part.start <= min(page_size, 100)
    assert (part.prev_offset is None) == (offset == 0)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=6))
def test_any_parameters_can_be_read(parameters: list[tuple[str, str]]) -> None:
    select(TABLE, read_query(parameters, ENTITY, ENDPOINT))


@given(
    st.sampled_from(["updated_at", "birthdate", "grade", "child", "id", "first_name", "primary_campus_id"]),
    st.text(max_size=30),
)
def test_any_value_can_be_asked_for(key: str, value: str) -> None:
    select(TABLE, read_query([(f"where[{key}]", value)], ENTITY, ENDPOINT))


def test_an_order_is_remembered_until_something_changes() -> None:
    church = Church(people=30, products=["people"])
    table = church.table("Person")
    query = Query(order=(OrderKey("updated_at", descending=True),), fields={})
    last = select(table, query)[-1]
    church.put("Person", table.record(last).with_attributes({"updated_at": "2030-01-01T00:00:00Z"}))
    assert select(table, query)[0] == last
