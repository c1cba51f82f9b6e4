"""How a mirror column's values take another type, as SQL.

Between two types stands the text that the source wrote. A value takes the new type where that holds the text and gives
it back; where it would not, the value is set aside into `_extra`, as a page's value would be that does not fit.
So a change of type never loses anything, and a table that was changed looks like one that was made so.
"""

from __future__ import annotations

from psycopg import sql

_WIDER = frozenset({("double precision", "bigint"), ("timestamptz", "date")})
"""Type of the column, type of the manifest. A program that still writes the former would lose what the latter cannot
hold, and never hear of it: PostgreSQL rounds a number and cuts off a time without a word."""

_WHOLE_NUMBER = "^(0|-?[1-9][0-9]{0,18})$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
"""As JSON writes them. PostgreSQL would also read ` 7`, `007`, `0x7` and `NaN`, and write them otherwise."""

_TOO_FINE = r"\.[0-9]{7}"
"""PostgreSQL's times have microseconds."""


def is_wide_enough(present: str, wanted: str) -> bool:
    """Whether a column had better stay as it is, because its type holds all that the wanted one does."""
    return (present, wanted) in _WIDER


def spelled(value: sql.Composable, kind: str) -> sql.Composable:
    """A value of this type as the source writes it, as text. For times the session's zone must be UTC."""
    if kind == "text":
        return value
    if kind == "timestamptz":
        return sql.SQL("replace(to_jsonb({}) #>> '{{}}', '+00:00', 'Z')").format(value)
    return sql.SQL("({} #>> '{{}}')" if kind == "jsonb" else "({}::text)").format(value)


def comes_back(text: sql.Composable, kind: str) -> sql.Composable:
    """Whether a column of this type holds what a text says, so that nothing of it is lost."""
    if kind in {"text", "jsonb"}:
        return sql.SQL("true")
    if kind == "bigint":
        return sql.SQL(
            "CASE WHEN {text} ~ {shape} THEN {text}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807"
            " ELSE false END"
        ).format(text=text, shape=sql.Literal(_WHOLE_NUMBER))
    fits = sql.SQL("openfaith.fits({}, {})").format(text, sql.Literal(kind))
    if kind == "double precision":
        return sql.SQL(
            "CASE WHEN {text} ~ {shape} AND {fits} THEN {text}::numeric = {text}::double precision::text::numeric"
            " ELSE false END"
        ).format(text=text, shape=sql.Literal(_NUMBER), fits=fits)
    if kind == "timestamptz":
        return sql.SQL("({} AND {} !~ {})").format(fits, text, sql.Literal(_TOO_FINE))
    return fits


def as_json(value: sql.Composable, kind: str) -> sql.Composable:
    """A value of this type as it stands in `_extra`."""
    if kind == "jsonb":
        return value
    return sql.SQL("to_jsonb({})").format(spelled(value, kind) if kind in {"date", "timestamptz"} else value)


def converted(value: sql.Composable, present: str, wanted: str) -> sql.Composable:
    """A column's value in its new type; null where that cannot hold it."""
    if wanted == "text":
        return spelled(value, present)
    if wanted == "jsonb":
        return _parsed(value) if present == "text" else as_json(value, present)
    text = spelled(value, present)
    return sql.SQL("CASE WHEN {} THEN {}::{} END").format(comes_back(text, wanted), text, sql.SQL(wanted))


def _parsed(text: sql.Composable) -> sql.Composable:
    """A text that is a list or an object, spelled as PostgreSQL spells it, was one; any other stays a text."""
    return sql.SQL(
        "CASE WHEN left({text}, 1) IN ('{{', '[') AND (openfaith.parse(convert_to({text}, 'UTF8'))).record::text = {text}"
        " THEN (openfaith.parse(convert_to({text}, 'UTF8'))).record ELSE to_jsonb({text}) END"
    ).format(text=text)
