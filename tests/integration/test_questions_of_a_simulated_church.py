"""The canonical model over a whole synced church: the ten questions of the page, and what every view must hold.

Everything is compared with what the simulator has, record by record. No test writes to the church.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from openfaith.manifest import CanonicalEntity, CanonicalReference, Column, canonical_id, columns
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator
from support.answers import ANSWERS, Church, related
from support.church import MANIFEST, MAPPING
from support.postgres import Databases
from support.questions import QUESTIONS, asked_in
from support.simulated import WHOLE_CHURCH
from support.truth import Record, read_rows, simulated_truth

ORG = "grace"
Rows = psycopg.Connection[dict[str, Any]]

TODAY = date(2025, 3, 31)
"""The simulator's last records are of 2025-06-01: the questions are asked a year earlier than on the page."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(WHOLE_CHURCH) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def church(simulator: RunningSimulator) -> Church:
    @cache
    def read(entity: str) -> list[Record]:
        return [
            record
            for record in simulated_truth(simulator, MANIFEST.entities[EntityName(entity)])
            if record.get("parents") != []  # no path leads to it
        ]

    return Church(read=read, today=TODAY)


@pytest.fixture(scope="module")
def url(databases: Databases, whole_church: str) -> Iterator[str]:
    with databases.fresh(template=whole_church) as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Rows]:
    with psycopg.connect(url, options="-c TimeZone=UTC", row_factory=dict_row) as connection:
        yield connection


# The questions


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_the_answer_that_the_source_gives(
    database: Rows, church: Church, question: str
) -> None:
    """Which the church can answer. The order is compared where the records are written by hand."""
    expected = ANSWERS[question](church)
    found = database.execute(asked_in(TODAY.year, QUESTIONS[question]).encode()).fetchall()
    assert expected
    assert Counter(tuple(row.values()) for row in found) == Counter(expected)


# The records


def own_mark(entity: CanonicalEntity, record: Record) -> object:
    """Since when the source itself calls the record deleted."""
    return entity.deleted_at and record["attributes"].get(entity.deleted_at)


@pytest.mark.parametrize("name", MAPPING.entities)
def test_every_living_record_has_its_canonical_row(
    database: Rows, url: str, church: Church, name: str
) -> None:
    entity = MAPPING.entities[name]
    statement = sql.SQL("SELECT id, external_id FROM {} WHERE org_id = %s").format(
        sql.Identifier("canonical", name)
    )
    rows = database.execute(statement, [ORG]).fetchall()
    living = {r["id"] for r in church.read(entity.source) if not own_mark(entity, r)}
    assert living
    assert Counter(row["external_id"] for row in rows) == Counter(living)
    assert {row["id"] for row in rows} == {canonical_id("pco", entity, ORG, i) for i in living}
    assert living <= set(read_rows(url, MANIFEST, MANIFEST.entities[entity.source], ORG))


def test_there_is_one_link_for_each_record_of_each_entity(database: Rows, church: Church) -> None:
    links = database.execute("SELECT entity, external_id, deleted_at FROM canonical.external_link").fetchall()
    found = Counter((link["entity"], link["external_id"]) for link in links)
    entities = {link["entity"] for link in links}
    assert entities > {entity.source for entity in MAPPING.entities.values()}
    assert found == Counter((entity, r["id"]) for entity in entities for r in church.read(entity))
    assert [link for link in links if link["deleted_at"] is not None] == []


# The references


def targets(church: Church, reference: CanonicalReference) -> list[tuple[str, set[str]]]:
    """Each record that refers, and the ids of what it can refer to: several where it is found at several places."""
    entity = MAPPING.entities[reference.entity]
    (source,) = entity.columns[reference.column].expression.sources
    if source.join is None:
        found = ((r, r) for r in church.read(entity.source))
        of = entity.source
    else:
        join = entity.joins[source.join]
        of, joined = join.entity, church.by_id(join.entity)
        by = column_of(entity.source, join.by)
        found = ((r, joined[i]) for r in church.read(entity.source) for i in ids_in(r, by) if i in joined)
    column = column_of(of, source.column)
    return [(r["id"], ids) for r, holder in found if (ids := ids_in(holder, column))]


def column_of(entity: EntityName, name: str) -> Column:
    return next(column for column in columns(MANIFEST.entities[entity]) if column.name == name)


def ids_in(record: Record, column: Column) -> set[str]:
    own = None if column.kind == "parent_id" else related(record, column.source)
    if own is not None:
        return {own}
    return {
        place[column.placeholder] for place in record.get("parents", ()) if column.placeholder in place
    } - {None}


@pytest.mark.parametrize("reference", MAPPING.references, ids=lambda reference: reference.kind)
def test_every_reference_of_the_source_is_an_edge(
    database: Rows, church: Church, reference: CanonicalReference
) -> None:
    statement = "SELECT from_id, to_id FROM canonical.edge WHERE org_id = %s AND kind = %s"
    edges = {r["from_id"]: r["to_id"] for r in database.execute(statement, [ORG, reference.kind])}
    expected = targets(church, reference)
    here, there = MAPPING.entities[reference.entity], MAPPING.entities[reference.to]
    assert expected
    assert edges.keys() == {canonical_id("pco", here, ORG, i) for i, _ in expected}
    for record_id, ids in expected:
        to_id = edges[canonical_id("pco", here, ORG, record_id)]
        assert to_id in {canonical_id("pco", there, ORG, i) for i in ids}


def test_an_edge_leads_to_a_living_record_unless_the_source_has_none(database: Rows, church: Church) -> None:
    """As where a gift names a campus that Giving has and People has not."""
    living = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT id FROM {}").format(sql.Identifier("canonical", name)) for name in MAPPING.entities
    )
    statement = sql.SQL(
        "SELECT DISTINCT kind, to_id FROM canonical.edge WHERE to_id NOT IN (SELECT id FROM ({}) AS living)"
    ).format(living)
    expected = {
        (reference.kind, canonical_id("pco", there, ORG, record_id))
        for reference in MAPPING.references
        for there in [MAPPING.entities[reference.to]]
        for record_id in {i for _, ids in targets(church, reference) for i in ids}
        - church.by_id(there.source).keys()
    }
    assert {(row["kind"], row["to_id"]) for row in database.execute(statement)} == expected


def test_an_edge_leads_to_a_record_that_some_product_has(database: Rows) -> None:
    links = "SELECT canonical_entity, canonical_id FROM canonical.external_link WHERE deleted_at IS NULL"
    statement = f"SELECT kind FROM canonical.edge WHERE (to_entity, to_id) NOT IN ({links})"
    assert database.execute(statement.encode()).fetchall() == []
