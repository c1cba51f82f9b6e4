"""To compare, to decide and to delete reads what it concerns, however much else there is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import psycopg
import pytest
from psycopg import sql

from openfaith.store import (
    deletions,
    differences,
    ensure_mirror_tables,
    merges,
    open_database,
    settling,
)
from openfaith.store.connection import _connecting
from openfaith.store.listings import listing_statement
from openfaith.store.mirror import table
from openfaith.store.queries import NumberedStatement, numbered, query
from openfaith.store.removals import known_to_be_gone
from support.family import GIFT, MANIFEST, MEMBERSHIP, PERSON
from support.postgres import Databases

GROW = """
INSERT INTO openfaith.organization SELECT 'org' || n FROM generate_series(1, 200) n;
INSERT INTO openfaith.sync_run (org_id, adapter, kind, requested_by, status, started_at, finished_at)
    SELECT 'org' || n % 200 + 1, 'family', 'reconciliation', 'test', 'completed', now(), now() FROM generate_series(1, 5000) n;
INSERT INTO openfaith.entity_run (run_id, org_id, adapter, entity, position, status, started_at, finished_at)
    SELECT run_id, org_id, adapter, 'church.' || e, length(e), 'completed', now(), now()
    FROM openfaith.sync_run, unnest(ARRAY['Person', 'Membership']) e;
INSERT INTO openfaith.sight (org_id, adapter, entity, permissions)
    SELECT 'org' || n, 'family', 'church.E' || e, 'all' FROM generate_series(1, 200) n, generate_series(1, 50) e;
INSERT INTO openfaith.sync_state (org_id, adapter, entity, last_status, last_run_id)
    SELECT 'org' || n, 'family', 'church.E' || e, 'completed', 1 FROM generate_series(1, 200) n, generate_series(1, 50) e;
INSERT INTO openfaith.listing (entity_run_id, org_id, adapter, entity, started_at, closed_at, rows, counted, proven, forgotten_at)
    SELECT entity_run_id, org_id, adapter, entity, now(), now(), 0, 0, true, now() FROM openfaith.entity_run;
INSERT INTO openfaith.listing_row (entity_run_id, id)
    SELECT 1 + n % 10, n::text FROM generate_series(1, 40000) n;
INSERT INTO openfaith.difference (entity_run_id, id, kind, state)
    SELECT 1 + n % 10, n::text, (ARRAY['missing', 'stale', 'suspect'])[1 + n % 3], (ARRAY['open', 'settled'])[1 + n % 2]
    FROM generate_series(1, 40000) n;
INSERT INTO openfaith.suspect (org_id, adapter, entity, id, state, entity_run_id, listing_started_at, confirmed_at)
    SELECT 'org' || n % 200 + 1, 'family', 'church.Person', n::text, 'confirmed', 1 + n % 10, now(), now()
    FROM generate_series(1, 40000) n;
INSERT INTO openfaith.removal (org_id, adapter, entity, id, deleted_at)
    SELECT 'org' || n % 200 + 1, 'family', 'church.Person', n::text, now() FROM generate_series(1, 40000) n;
INSERT INTO openfaith.dead_letter (org_id, adapter, entity, record_key, reason, body, requested_at)
    SELECT 'org' || n % 200 + 1, 'family', 'church.Person', n::text, '', '', now() FROM generate_series(1, 20000) n;
INSERT INTO openfaith.deletion_policy (org_id, adapter, entity, policy)
    SELECT 'org' || n % 200 + 1, 'family', 'church.' || n, 'hard' FROM generate_series(1, 20000) n;
INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason)
    SELECT 1 + n % 1000, n::text, '' FROM generate_series(1, 5000) n;
INSERT INTO openfaith.page_commit (entity_run_id, page, fence, token, requested_at, records, inserted, updated, dead_letters)
    SELECT entity_run_id, 1, 1, '', now(), 0, 0, 0, 0 FROM openfaith.entity_run;
INSERT INTO family.church_person (org_id, id, _requested_at, _hash, _run_id)
    SELECT 'org' || n % 200 + 1, n::text, now(), 0, 1 FROM generate_series(1, 40000) n;
INSERT INTO family.church_membership (org_id, id, person_id, _requested_at, _hash, _run_id)
    SELECT 'org' || n % 200 + 1, n::text, n::text, now(), 0, 1 FROM generate_series(1, 40000) n;
INSERT INTO family.church_gift (org_id, id, person_id, _requested_at, _hash, _run_id)
    SELECT 'org' || n % 200 + 1, n::text, n::text, now(), 0, 1 FROM generate_series(1, 40000) n;
INSERT INTO family.church_merger (org_id, id, gone_id, left_id, created_at, _requested_at, _hash, _run_id)
    SELECT 'org' || n % 200 + 1, n::text, n::text, n + 1, now(), now(), 0, 1 FROM generate_series(1, 40000, 5) n;
ANALYZE;
"""

NAMED = [
    *(("listings", name) for name in (
        "open_listings", "get_listing", "lock_listing", "count_rows", "get_standing_of_parents", "close_listing",
        "list_reconciliations", "forget_next", "forget_rows", "forget_differences", "prune_confirmed", "prune_removals",
    )),
    *(("differences", name) for name in ("advance", "distrust", "list_open", "settle")),
    *(("suspects", name) for name in (
        "list_open", "list_unlisted", "is_any_open", "forget_shown", "suspect_again", "discount", "count", "allow", "hold", "hold_some", "refute", "list",
        "summarize", "approve", "reject",
    )),
    *(("deletions", name) for name in (
        "lock_entity_runs", "read_policy", "lock_policy", "get_policy", "set_policy", "note_removals", "confirm_suspects",
        "count_deleted", "count_confirmed",
    )),
]  # fmt: skip

PEOPLE = table(MANIFEST, PERSON)
COMPOSED = {
    "listed": sql.SQL(differences._LISTED).format(table=PEOPLE),
    "stored": sql.SQL(differences._STORED).format(
        table=PEOPLE, parent=sql.SQL("NULL::text"), walked=sql.SQL(differences._ALL_READ)
    ),
    "stored below": sql.SQL(differences._STORED).format(
        table=table(MANIFEST, MEMBERSHIP),
        parent=sql.Identifier("t", "person_id"),
        walked=sql.SQL(differences._WALKED).format(
            table=PEOPLE, gone=known_to_be_gone(MANIFEST, PERSON, sql.Identifier("part", "parent"))
        ),
    ),
    "seen since": sql.SQL(differences._SEEN_SINCE).format(table=PEOPLE),
    "settle stored": sql.SQL(settling._STORED).format(table=PEOPLE),
    "doomed": sql.SQL(deletions._DOOMED).format(table=PEOPLE, proof=sql.SQL(deletions.PROOF)),
    "doomed without listing": sql.SQL(deletions._DOOMED).format(table=PEOPLE, proof=sql.SQL("")),
    "seen": sql.SQL(deletions._SEEN_SINCE).format(table=PEOPLE),
    "merge": sql.SQL(merges._MERGE).format(table=PEOPLE),
    "chains": sql.SQL(merges._CHAINS).format(table=PEOPLE),
    "follow": sql.SQL(merges._FOLLOW).format(table=PEOPLE),
    "told": merges._composed(merges._TOLD, MANIFEST, MANIFEST.merges[0]),
    "links": merges._composed(merges._LINKS, MANIFEST, MANIFEST.merges[0]),
    "repoint": sql.SQL(merges._REPOINT).format(
        table=table(MANIFEST, GIFT), column=sql.Identifier("person_id")
    ),
}


@pytest.fixture(scope="module")
def grown(databases: Databases) -> Iterator[psycopg.Connection]:
    """A database that has been in use, and a session such as the engine's: one plan serves every call."""

    async def make(url: str) -> None:
        async with open_database(url, connections=1) as database:
            await ensure_mirror_tables(database, MANIFEST)

    with databases.fresh() as url:
        asyncio.run(make(url))
        with psycopg.connect(url, **_connecting(url)) as connection:
            connection.execute(GROW.encode())
            yield connection


def plan(connection: psycopg.Connection, statement: sql.Composed) -> str:
    return plan_of(connection, numbered(statement))


def plan_of(connection: psycopg.Connection, statement: NumberedStatement) -> str:
    """The plan that serves every call, whatever its parameters."""
    cursor = connection.execute(b"EXPLAIN (GENERIC_PLAN) " + statement.text, prepare=False)
    return "\n".join(line for (line,) in cursor.fetchall())


def scanned(text: str) -> set[str]:
    """The tables that a plan reads from one end to the other."""
    return set(re.findall(r"Seq Scan on (\w+)", text))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_statement_reads_no_table_from_end_to_end(grown: psycopg.Connection, file: str, name: str) -> None:
    text = plan(grown, sql.Composed([sql.SQL(query(file, name))]))
    assert scanned(text) == set(), text


@pytest.mark.parametrize("name", ["list_page", "list_beside"])
def test_to_keep_the_ids_of_a_page_reads_no_table_from_end_to_end(
    grown: psycopg.Connection, name: Literal["list_page", "list_beside"]
) -> None:
    text = plan_of(grown, listing_statement(name))
    assert scanned(text) == set(), text


@pytest.mark.parametrize("name", COMPOSED)
def test_a_composed_statement_reads_no_table_from_end_to_end(grown: psycopg.Connection, name: str) -> None:
    text = plan(grown, COMPOSED[name])
    assert scanned(text) == set(), text


def test_a_range_of_what_was_listed_is_read_by_its_key_and_the_rows_by_theirs(
    grown: psycopg.Connection,
) -> None:
    text = plan(grown, COMPOSED["listed"])
    assert read_by(text, "listing_row_pkey", "listing_row", "(id > $2)")
    assert read_by(text, "church_person_pkey", "church_person t", "(id = (part.id)::text)")
    assert read_by(text, "suspect_pkey", "suspect", "(id = ANY (")


def test_a_range_of_what_is_stored_is_read_by_its_key_and_the_listing_by_its_own(
    grown: psycopg.Connection,
) -> None:
    text = plan(grown, COMPOSED["stored"])
    assert read_by(text, "church_person_pkey", "church_person t", "(id > $2)")
    assert read_by(text, "listing_row_pkey", "listing_row r", "(id = (part.id)::text)")
    assert read_by(text, "suspect_(pkey|open)", "suspect s_1", "(id = missed.id)")


def test_a_range_of_differences_is_read_by_its_key_and_what_it_concerns_by_theirs(
    grown: psycopg.Connection,
) -> None:
    text = plan(grown, COMPOSED["settle stored"])
    assert read_by(text, "difference_open", "difference d", "(id > $")
    assert read_by(text, "listing_row_pkey", "listing_row r", "(id = part.id)")
    assert read_by(text, "church_person_pkey", "church_person t", "(id = (part.id)::text)")


def test_parents_that_could_not_be_read_are_looked_up_by_their_key(grown: psycopg.Connection) -> None:
    """However many there are, for each of many rows."""
    text = plan(grown, COMPOSED["stored below"])
    assert read_by(text, "parent_failure_pkey", "parent_failure f", "(parent_id = part.parent)")


def read_by(text: str, index: str, name: str, condition: str) -> bool:
    """Whether a plan reads a table by an index with this condition."""
    lines = [line.strip() for line in text.splitlines()]
    return any(
        re.search(f"Index (Only )?Scan using {index} on {re.escape(name)} ", line) and condition in after
        for line, after in pairwise(lines)
    )
