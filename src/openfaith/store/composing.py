"""Parts of statements that are composed of names and values of the manifest, for statements that have parameters, too."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from openfaith.store.mirror import beside_parameters


def identifier(name: str) -> sql.Composable:
    return beside_parameters(sql.Identifier(name))


def literal(text: str) -> sql.Composable:
    return beside_parameters(sql.Literal(text))


def number(value: int) -> sql.Composable:
    return sql.Literal(value)


def array(texts: Iterable[str]) -> sql.Composable:
    """Of type text[], also where it is empty."""
    return sql.SQL("ARRAY[{}]::text[]").format(joined(map(literal, texts)))


def joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    """With commas."""
    return sql.SQL(", ").join(parts)
