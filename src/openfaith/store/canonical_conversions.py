"""What a canonical view shows of a mirror column whose type is not the manifest's. Pure.

Such columns are rare and stay: one that holds all that the manifest's type does (`conversions.is_wide_enough`), one on
which something of somebody else's rests, one that a program of a newer manifest has changed. The view has the type that
the model promises all the same: a value that has a meaning in it takes it, any other is null.

Whoever reads the views has settings of his own, and may have no right to anything but the schema `canonical`. So no
value goes by the session's time zone or style of dates, and the functions are of that schema.
"""

from __future__ import annotations

from psycopg import sql

_TIME = "timestamp with time zone"
_READERS = {
    "bigint": "as_integer",
    "double precision": "as_number",
    "boolean": "as_boolean",
    "date": "as_date",
    _TIME: "as_time",
}
"""PostgreSQL's type → the function of the schema `canonical` that reads it out of a text."""


def shown(value: sql.Composable, present: str, wanted: str) -> sql.Composable:
    """A value of the one type as one of the other. Types are spelled as PostgreSQL's catalog does."""
    if present == wanted:
        return value
    if (present, wanted) == (_TIME, "date"):
        # A day that a program of this manifest wrote, and so midnight; or what an older one wrote.
        return sql.SQL("({} AT TIME ZONE 'UTC')::date").format(value)
    if (present, wanted) == ("double precision", "bigint"):
        return _whole(value)
    if wanted == "text":
        return _spelled(value, present)
    if wanted == "jsonb":
        return _as_json(value, present)
    return sql.SQL("canonical.{}({})").format(sql.Identifier(_READERS[wanted]), _spelled(value, present))


def _whole(number: sql.Composable) -> sql.Composed:
    """The upper bound itself is no bigint, and NaN is greater than any number."""
    return sql.SQL(
        "CASE WHEN {number} >= -9223372036854775808 AND {number} < 9223372036854775808 AND {number} = trunc({number})"
        " THEN {number}::bigint END"
    ).format(number=number)


def _spelled(value: sql.Composable, kind: str) -> sql.Composable:
    """The value as the source writes it. As JSON, dates and times look the same in every session."""
    if kind == "text":
        return value
    if kind == "date":
        return sql.SQL("(to_jsonb({}) #>> '{{}}')").format(value)
    if kind == _TIME:
        return sql.SQL("((to_jsonb({} AT TIME ZONE 'UTC') #>> '{{}}') || 'Z')").format(value)
    return sql.SQL("({} #>> '{{}}')" if kind == "jsonb" else "({}::text)").format(value)


def _as_json(value: sql.Composable, kind: str) -> sql.Composable:
    if kind == "text":
        return sql.SQL("canonical.as_json({})").format(value)
    return sql.SQL("to_jsonb({})").format(_spelled(value, kind) if kind in {"date", _TIME} else value)
