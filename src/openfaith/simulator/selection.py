"""Which records satisfy a query, and in which order.

Columns and sorted columns are kept by the tables, so that a page of a large church costs no more than one of a
small one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from openfaith.simulator.query import Between, Condition, Equal, Like, Nothing, OneOf, OrderKey, Query, Words
from openfaith.simulator.rows import Table, sort_key


def select(table: Table, query: Query, within: Sequence[int] | None = None) -> Sequence[int]:
    """The ids of all records that satisfy the query, in its order.

    Args:
        table: the records.
        query: its page and offset are not looked at.
        within: the ids to choose from, ascending; by default all of the table.
    """
    if within is None:
        within = _named(table, query.where)
    if within is not None:
        return _ordered(table, _satisfying(table, query.where, within), query.order)
    if not query.where and not query.order:
        return table.ids
    return table.remembered((query.where, query.order), lambda: _select_all(table, query))


def _named(table: Table, conditions: Iterable[Condition]) -> Sequence[int] | None:
    """The records that a query names by their ids: no other needs to be looked at. None: it names none."""
    named = next((condition.ids for condition in conditions if isinstance(condition, OneOf)), None)
    return None if named is None else [one for one in sorted(named) if one in table]


def _select_all(table: Table, query: Query) -> Sequence[int]:
    """With a time range the sorted column is cut instead of looking at every record."""
    span = next((condition for condition in query.where if isinstance(condition, Between)), None)
    if span is None:
        return _ordered(table, _satisfying(table, query.where, table.ids), query.order)
    found = _satisfying(table, [one for one in query.where if one is not span], _cut(table, span))
    if query.order == (OrderKey(span.key, descending=False),):
        return found
    return _ordered(table, sorted(found), query.order)


def _cut(table: Table, span: Between) -> Sequence[int]:
    """The ids whose value lies in the range, in order of the values."""
    values, ids = table.sorted_by(span.key)
    low = 0 if span.low is None else bisect_left(values, span.low.casefold())  # type: ignore[type-var]  # a column of times holds text only
    high = len(ids) if span.high is None else bisect_left(values, span.high.casefold())  # type: ignore[type-var]  # likewise
    return ids[low:high]


def _satisfying(table: Table, conditions: Iterable[Condition], ids: Sequence[int]) -> Sequence[int]:
    for condition in conditions:
        ids = _filtered(table, condition, ids)
    return ids


def _filtered(table: Table, condition: Condition, ids: Sequence[int]) -> Sequence[int]:
    match condition:
        case Nothing():
            return ()
        case OneOf(ids=wanted):
            return [record_id for record_id in ids if record_id in wanted]
        case Words(keys=keys):
            columns = [table.column(key) for key in keys]
            return [
                record_id
                for record_id in ids
                if _has_words(condition, [column[record_id] for column in columns])
            ]
        case Between() | Equal() | Like():
            column, holds = table.column(condition.key), _test(condition)
            return [record_id for record_id in ids if holds(column[record_id])]


def _test(condition: Between | Equal | Like) -> Callable[[object], bool]:
    """Whether one value satisfies the condition. Null satisfies none."""
    match condition:
        case Between(low=low, high=high):
            return lambda value: (
                isinstance(value, str) and (low is None or value >= low) and (high is None or value < high)
            )
        case Equal(value=wanted):
            return lambda value: value is not None and value == wanted
        case Like():
            return lambda value: isinstance(value, str) and _is_like(value.casefold(), condition)


def _is_like(value: str, pattern: Like) -> bool:
    match (pattern.open_start, pattern.open_end):
        case (True, True):
            return pattern.text in value
        case (True, False):
            return value.endswith(pattern.text)
        case (False, True):
            return value.startswith(pattern.text)
        case _:
            return value == pattern.text


def _has_words(condition: Words, values: Iterable[object]) -> bool:
    present = [word for value in values if isinstance(value, str) for word in value.casefold().split()]
    return all(any(word.startswith(wanted) for word in present) for wanted in condition.words)


def _ordered(table: Table, ids: Sequence[int], order: Sequence[OrderKey]) -> Sequence[int]:
    """Stable sorts from the last key to the first. Null counts as the smallest value (an assumption)."""
    for key in reversed(order):
        column = table.column(key.key)
        nulls = [record_id for record_id in ids if column[record_id] is None]
        rest = [record_id for record_id in ids if column[record_id] is not None]
        rest.sort(key=lambda record_id, column=column: sort_key(column[record_id]), reverse=key.descending)  # type: ignore[misc]  # bound now
        ids = [*rest, *nulls] if key.descending else [*nulls, *rest]
    return ids
