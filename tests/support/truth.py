"""Comparing mirror tables with what the source has, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns, table_name
from openfaith.simulator import RunningSimulator

Record = Mapping[str, Any]
"""One record as the source has it: id, attributes, relationships; `parents` where it is found below others only."""


def differences(
    url: str, manifest: Manifest, entity: Entity, org: str, truth: Iterable[Record], *, most: int = 20
) -> list[str]:
    """What is missing, too much, or different in an entity's table; the first `most` of it, in words."""
    return list(_first(most, _differences(url, manifest, entity, org, truth)))


def _first(most: int, found: Iterator[str]) -> Iterator[str]:
    for _, difference in zip(range(most), found, strict=False):
        yield difference


def _differences(
    url: str, manifest: Manifest, entity: Entity, org: str, truth: Iterable[Record]
) -> Iterator[str]:
    rows = read_rows(url, manifest, entity, org)
    own = columns(entity)
    for record in filter(_is_found, truth):
        row = rows.pop(str(record["id"]), None)
        if row is None:
            yield f"{entity.name} {record['id']} is missing"
            continue
        yield from (
            f"{entity.name} {record['id']}: {text}" for text in _wrong_fields(entity, own, record, row)
        )
    yield from (f"{entity.name} {record_id} is not at the source" for record_id in rows)


def _is_found(record: Record) -> bool:
    """Whether the path by which an entity is read leads to the record at all."""
    return record.get("parents") != []


def read_rows(url: str, manifest: Manifest, entity: Entity, org: str) -> dict[str, dict[str, Any]]:
    """The living rows of an entity's table, by id."""
    statement = sql.SQL("SELECT * FROM {} WHERE org_id = %s AND _deleted_at IS NULL").format(
        sql.Identifier(manifest.adapter, table_name(entity))
    )
    with (
        psycopg.connect(url, options="-c TimeZone=UTC") as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return {row["id"]: row for row in cursor.execute(statement, (org,)).fetchall()}


def _wrong_fields(
    entity: Entity, own: tuple[Column, ...], record: Record, row: Mapping[str, Any]
) -> Iterator[str]:
    by_attribute = {c.source: c for c in own if c.kind == "attribute"}
    extra = row["_extra"] or {}
    for name, value in record["attributes"].items():
        column = by_attribute.get(name)
        stored = extra.get(name) if column is None else row[column.name]
        expected = value if column is None else as_column(column, value)
        if stored != expected:
            yield f"attribute {name} is {stored!r}, expected {expected!r}"
    for column in own:
        if column.kind == "attribute":
            if column.source not in record["attributes"] and row[column.name] is not None:
                yield f"column {column.name} is {row[column.name]!r}, but the source has no such attribute"
        elif row[column.name] not in (expected := _expected_ids(record, column)):
            yield f"column {column.name} is {row[column.name]!r}, expected {' or '.join(map(repr, expected))}"


def _expected_ids(record: Record, column: Column) -> list[str | None]:
    """What an id can be: the record's own word, else that of a place where it is found, of which there may be several."""
    related = None if column.kind == "parent_id" else _related(record, column)
    places = [place.get(column.placeholder) for place in record.get("parents") or ()]
    return places if related is None and column.placeholder and places else [related]


def simulated_truth(simulator: RunningSimulator, entity: Entity) -> list[Record]:
    """Every record that a simulator has of an entity, with the parents below which it is found."""
    path = f"?path={quote(entity.below.endpoint.path, safe='')}" if entity.below is not None else ""
    with urlopen(f"{simulator.control_url}/truth/{entity.name}{path}", timeout=30) as answer:
        return [json.loads(line) for line in answer]


def _related(record: Record, column: Column) -> str | None:
    data = (record.get("relationships") or {}).get(column.source, {}).get("data")
    if not isinstance(data, dict):
        return None
    return str(data["id" if column.kind == "relationship_id" else "type"])


def as_column(column: Column, value: object) -> object:
    """The value that a column of this type holds for a value of JSON."""
    if value is None:
        return None
    if column.type is AttributeType.DATE_TIME:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    if column.type is AttributeType.DATE:
        return date.fromisoformat(str(value))
    if column.type is AttributeType.STRING and not isinstance(value, str):
        return json.dumps(value)
    return value
