"""The hot statements find their rows by an index, however large the tables grow."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from openfaith.manifest import Below, Endpoint, Method, PathId
from openfaith.store.connection import _connecting
from openfaith.store.parents import parents_statement
from openfaith.store.queries import numbered, query
from openfaith.store.upserts import page_statement, replay_statement
from support.mirror import CAMPUS, MANIFEST, MEMBER, open_sample
from support.postgres import Databases

GROW = """
INSERT INTO openfaith.organization SELECT 'org' || n FROM generate_series(1, 5000) n;
INSERT INTO openfaith.sync_run (org_id, adapter, kind, requested_by, status, started_at, finished_at)
    SELECT 'org' || n % 200 + 1, 'sample', 'full', 'test', 'completed', now(), now() FROM generate_series(1, 20000) n;
INSERT INTO openfaith.sync_run (org_id, adapter, kind, requested_by, status, started_at)
    SELECT 'org' || n, 'sample', 'full', 'test', 'running', now() FROM generate_series(1, 5) n;
INSERT INTO openfaith.entity_run (run_id, org_id, adapter, entity, position, status, started_at, finished_at)
    SELECT run_id, org_id, adapter, 'church.E' || e, e, 'completed', now(), now()
    FROM openfaith.sync_run, generate_series(1, 3) e;
INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason)
    SELECT entity_run_id, n::text, '' FROM openfaith.entity_run, generate_series(1, 2) n;
INSERT INTO openfaith.page_commit (entity_run_id, page, fence, token, requested_at, records, inserted, updated, dead_letters)
    SELECT entity_run_id, 1, 1, '', now(), 0, 0, 0, 0 FROM openfaith.entity_run;
INSERT INTO openfaith.sync_state (org_id, adapter, entity, last_status, last_run_id)
    SELECT 'org' || n, 'sample', 'church.E' || e, 'completed', n FROM generate_series(1, 200) n, generate_series(1, 50) e;
INSERT INTO openfaith.dead_letter (org_id, adapter, entity, record_key, reason, body, requested_at, run_id, status)
    SELECT 'org' || n % 200 + 1, 'sample', 'church.E' || n % 50, n::text, '', '', now(), n,
           CASE WHEN n % 2 = 0 THEN 'open' ELSE 'resolved' END FROM generate_series(1, 20000) n;
INSERT INTO openfaith.sync_outcome (org_id, adapter, entity, kind, run_id, status, finished_at)
    SELECT 'org' || n, 'sample', 'church.E' || e, 'full', n, 'completed', now()
    FROM generate_series(1, 200) n, generate_series(1, 50) e;
INSERT INTO openfaith.failed_run (org_id, adapter, entity, kind, run_id, reason)
    SELECT 'org' || n, 'sample', 'church.E' || e, 'full', n, '' FROM generate_series(1, 200) n, generate_series(1, 50) e;
INSERT INTO openfaith.sight (org_id, adapter, entity, permissions)
    SELECT 'org' || n, 'sample', 'church.E' || e, 'all' FROM generate_series(1, 200) n, generate_series(1, 50) e;
INSERT INTO openfaith.suspect (org_id, adapter, entity, id, listing_started_at)
    SELECT 'org' || n % 200 + 1, 'sample', 'church.E' || n % 50, n::text, now() FROM generate_series(1, 20000) n;
INSERT INTO openfaith.listing (entity_run_id, org_id, adapter, entity, started_at)
    SELECT entity_run_id, org_id, adapter, entity, now() FROM openfaith.entity_run;
INSERT INTO openfaith.alert (rule, org_id, adapter, entity, severity, message, opened_at, last_seen_at, state, resolved_at)
    SELECT 'stale', 'org' || n % 200 + 1, 'sample', 'church.E' || n, 'warning', '', now(), now(),
           CASE WHEN n % 50 = 0 THEN 'open' ELSE 'resolved' END,
           CASE WHEN n % 50 > 0 THEN now() - make_interval(hours => n % 2000) END FROM generate_series(1, 20000) n;
INSERT INTO openfaith.alert_delivery (alert_id, channel, occasion, attempts, delivered_at)
    SELECT alert_id, 'webhook', occasion, 1, now() FROM openfaith.alert, unnest(ARRAY['opened', 'resolved']) occasion
    WHERE resolved_at IS NOT NULL OR occasion = 'opened' AND alert_id % 7 > 0;
INSERT INTO openfaith.event (name, severity, message, run_id)
    SELECT 'x', 'info', '', n FROM generate_series(1, 20000) n;
INSERT INTO openfaith.credential (org_id, adapter, base_url, key_id, sealed)
    SELECT org_id, 'sample', '', '', '' FROM openfaith.organization;
INSERT INTO openfaith.breaker (adapter, base_url, org_id, reason, what, seen, next_probe_at)
    SELECT 'sample', u::text, 'org' || n, 'outage', '', '', now() FROM generate_series(1, 200) n, generate_series(1, 50) u;
INSERT INTO sample.church_member (org_id, id, _requested_at, _hash, _run_id)
    SELECT 'org' || n % 200 + 1, n::text, now(), 0, 1 FROM generate_series(1, 20000) n;
ANALYZE;
"""

HOT = [
    *(
        ("runs", name)
        for name in (
            "lock_organization", "find_same_run", "insert_run", "begin_run", "insert_entity_runs", "note_permissions",
            "take_entity_run",
            "note_source_start", "is_cancelled", "is_dated", "finish_entity_run", "find_open_entity_run",
            "list_marks", "note_doubts", "resolve_dead_letters", "finish_run", "settle_entities_of_run", "request_cancel", "request_cancel_of_entities", "retry_run",
            "retry_entities", "get_run", "lock_run", "list_runs", "list_runs_of_organization", "list_unfinished_runs",
            "list_entity_runs", "list_settled_entity_runs", "list_riders", "note_checkpoint", "count_parent_failures",
            "close_product", "settle_closed_products", "list_sync_state", "prune_page_commits",
            "prune_events", "prune_dead_letters", "prune_runs",
        )
    ),
    *(
        ("dead_letters", name)
        for name in (
            "set_aside", "list", "summarize", "read_body", "choose", "hold_pages", "lock", "note_failure", "note_sight", "discard",
        )
    ),
    *(
        ("sync_outcomes", name)
        for name in (
            "note_sync_state", "note_sync_outcome", "list_sync_outcomes", "note_failed_run", "settle_failed_runs",
            "note_unplanned_run", "settle_unplanned_runs", "list_failed_runs", "discard_failed_runs",
        )
    ),
    *(("sweeps", name) for name in ("note_swept", "note_sampled")),
    *(
        ("alerts", name)
        for name in (
            "list_next_org_ids", "list_entity_facts", "list_run_facts", "refresh", "resolve", "open", "prune", "list",
            "list_deliveries", "count", "list_states", "list_open_ids", "acknowledge", "enlist", "claim", "note_delivered",
            "note_failed",
        )
    ),
    *(
        ("breakers", name)
        for name in (
            "find", "open", "reject", "meet", "claim_probe", "prolong", "close", "forget", "has_read",
        )
    ),
    ("alerts", "list_breaker_facts"),
    ("events", "insert_event"),
    ("events", "list_events"),
    ("events", "list_troubles"),
    ("organizations", "ensure_organization"),
    ("organizations", "save_credential"),
    ("organizations", "get_credential"),
]  # fmt: skip


@pytest.fixture(scope="module")
def grown(databases: Databases) -> Iterator[psycopg.Connection]:
    """A database that has been in use, and a session such as the engine's: one plan serves every call."""

    async def make(url: str) -> None:
        async with open_sample(url):
            pass

    with databases.fresh() as url:
        asyncio.run(make(url))
        with psycopg.connect(url, **_connecting(url)) as connection:
            connection.execute(GROW.encode())
            yield connection


def plan(connection: psycopg.Connection, statement: sql.Composed) -> str:
    """The plan that serves every call, whatever its parameters."""
    cursor = connection.execute(b"EXPLAIN (GENERIC_PLAN) " + numbered(statement).text, prepare=False)
    return "\n".join(line for (line,) in cursor.fetchall())


def scanned(text: str) -> set[str]:
    """The tables that a plan reads from one end to the other."""
    return set(re.findall(r"Seq Scan on (\w+)", text))


@pytest.mark.parametrize(("file", "name"), HOT)
def test_a_hot_statement_reads_no_table_from_end_to_end(
    grown: psycopg.Connection, file: str, name: str
) -> None:
    text = plan(grown, sql.Composed([sql.SQL(query(file, name))]))
    assert scanned(text) == set(), text


@pytest.mark.parametrize("plain", [False, True])
def test_the_page_statement_reads_no_table_from_end_to_end(grown: psycopg.Connection, *, plain: bool) -> None:
    text = plan(grown, page_statement(MANIFEST, MEMBER, plain=plain))
    assert scanned(text) == set(), text
    assert "Conflict Arbiter Indexes: church_member_pkey" in text


@pytest.mark.parametrize("plain", [False, True])
def test_a_page_with_what_rides_on_it_reads_no_table_from_end_to_end(
    grown: psycopg.Connection, *, plain: bool
) -> None:
    """Each rider's entity run is found by its key, to be counted for and to be of the same run."""
    text = plan(grown, page_statement(MANIFEST, CAMPUS, ["members"], [MEMBER], plain=plain))
    assert scanned(text) == set(), text
    assert "Conflict Arbiter Indexes: church_member_pkey" in text


def test_a_replay_reads_no_table_from_end_to_end(grown: psycopg.Connection) -> None:
    text = plan(grown, replay_statement(MANIFEST, MEMBER, None))
    assert scanned(text) == set(), text
    assert "Index Scan using dead_letter_pkey" in text


def test_ended_entities_are_looked_up_by_their_names(grown: psycopg.Connection) -> None:
    """The statement that an orchestrator asks again and again."""
    text = plan(grown, sql.Composed([sql.SQL(query("runs", "list_settled_entity_runs"))]))
    assert "entity_run_run_id_entity_key" in text
    assert re.search(r"Index Cond: \(\(run_id = \$\d+\) AND \(entity = ANY", text), text


def test_the_next_parents_are_read_off_the_index_in_its_order(grown: psycopg.Connection) -> None:
    """A few at a time, after the last one: neither are all parents read, nor sorted, nor all that was left behind."""
    place = Endpoint(name="list", method=Method.GET, path="/members/{member_id}/notes", collection=True)
    below = Below(endpoint=place, parent=MEMBER.name, ids=(PathId(name="member_id", column="id"),))
    text = plan(grown, parents_statement(MANIFEST, below))
    assert scanned(text) == set(), text
    assert "Index Scan using church_member_pkey" in text
    assert re.search(r"Index Cond: \(\(org_id = \$\d+\) AND \(id > ", text), text
    assert re.search(r"Index Cond: \(entity_run_id = \$\d+", text), text
    assert "Sort" not in text


def test_what_refers_to_a_run_is_found_by_an_index_when_the_run_goes(grown: psycopg.Connection) -> None:
    """The references that PostgreSQL follows by itself: a run that is pruned must not cost a scan of each table."""
    for place in (
        "entity_run WHERE run_id",
        "dead_letter WHERE run_id",
        "sync_state WHERE last_run_id",
        "page_commit WHERE entity_run_id",
    ):
        text = plan(grown, sql.Composed([sql.SQL(f"SELECT FROM openfaith.{place} = 7")]))
        assert scanned(text) == set(), text
