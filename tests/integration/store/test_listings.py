"""Listings: every page with its checkpoint or not at all, and a proof only of what is still there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from openfaith.errors import LeaseLostError
from openfaith.records import EntityStatus, OrgId
from openfaith.store import (
    Compared,
    Database,
    ListingWriter,
    PartCommitted,
    PlannedReading,
    begin_run,
    cancel_run,
    close_listing,
    finish_entity_run,
    finish_run,
    forget_old_listings,
    hold_suspects,
    list_reconciliations,
    list_riders,
    list_sync_state,
    note_doubts,
    note_permissions,
    open_listing,
    plan_entity_runs,
    retry_run,
)
from openfaith.store.queries import query
from openfaith.telemetry import Event, RecordsSetAside, Subject
from support.mirror import (
    CAMPUS,
    MANIFEST,
    MEMBER,
    Reader,
    campus,
    execute,
    fetch,
    make_page,
    make_place,
    moment,
    record,
    start_run,
    take,
    wait_until_blocked,
)
from support.reconciling import Reconciler, store


@pytest.fixture
async def lister(database: Database, org: OrgId) -> Reconciler:
    return await Reconciler.begin(database, org=org)


async def test_a_page_comes_with_its_checkpoint_its_counts_and_its_line_in_the_ledger(
    lister: Reconciler,
) -> None:
    page = make_page(record("1"), record("2"), at=7, total=70, requests=4)
    committed = await lister.commit(page)
    run = await lister.reader.entity_run()
    counted = (
        "records",
        "inserted",
        "updated",
        "unchanged",
        "dead_letters",
        "total_count",
        "requests",
        "pages",
    )
    assert [run[name] for name in counted] == [2, 0, 0, 0, 0, 70, 1, 1]
    assert run["checkpoint"] == {"page": 1}
    [line] = await lister.reader.ledger()
    assert (line["records"], line["inserted"], line["token"], line["requested_at"]) == (
        2,
        0,
        "page=1",
        moment(7),
    )
    assert [(p.entity, p.records, p.counts.dead_letters) for p in committed.parts] == [(MEMBER.name, 2, 0)]
    assert set(await lister.listed()) == {"1", "2"}


async def test_nothing_is_stored_of_what_is_listed(lister: Reconciler) -> None:
    await lister.show("1", "2")
    assert await lister.reader.rows() == {}


async def test_an_id_that_is_listed_again_keeps_its_newest_stamp(lister: Reconciler) -> None:
    for at in (5, None, 9, 7):
        await lister.show("1", at=at)
    assert await lister.listed() == {"1": moment(9)}
    assert (await lister.close()).rows == 1


async def test_an_id_twice_on_a_page_counts_once(lister: Reconciler) -> None:
    await lister.commit(make_page(record("1", updated_at="2026-01-01T00:00:05Z"), record("1")))
    assert await lister.listed() == {"1": moment(5)}
    assert (await lister.close()).proven


@pytest.mark.parametrize("said", ["soon", "2026-99-01T00:00:00Z", "today", 7, None, {"a": 1}])
async def test_a_stamp_that_cannot_be_read_is_none(lister: Reconciler, said: object) -> None:
    await lister.commit(
        make_page(record("1", updated_at=said), record("2", updated_at="2026-01-01T00:00:05Z"))
    )
    assert await lister.listed() == {"1": None, "2": moment(5)}
    assert (await lister.close()).proven


async def test_the_stamp_of_an_entity_that_does_not_keep_it_is_none(database: Database, org: OrgId) -> None:
    """It would look newer than what is stored, for ever."""
    lister = await Reconciler.begin(database, CAMPUS, org=org)
    await lister.commit(make_page(campus("1", updated_at="2026-01-01T00:00:05Z")))
    assert await lister.listed() == {"1": None}


NAMELESS = [
    b'{"type": "Member", "attributes": {}}',
    b'{"type": "Member", "id": null}',
    b'{"type": "Member", "id": ""}',
    b'{"type": "Member", "id": true}',
    b'{"type": "Member", "id": ["1"]}',
    b'{"type": "Member", "id": "[1"}',
    b'{"type": "Member", "id": NaN}',
    b'{"type": "Campus", "id": null}',
    b'{"type": "Campus", "id": "a\\u0000b"}',
    b'{"id": "\\ud800"}',
    b'"7"',
    b"null",
    b"[]",
    b"{",
]
STRANGE = [
    json.dumps({"type": "Member", "id": "x" * 2001}).encode(),
    json.dumps({"type": "Member", "id": "\u00fc" * 1001}).encode(),
    b'{"type": "Member", "id": ' + b"9" * 201 + b', "attributes": {"name": "\\u0000"}}',
    b'{"type": "Member", "id": 1.5, "attributes": {"name": "\\u0000"}}',
    b'{"type": "Campus", "id": "7"}',
    b'{"id": "7"}',
]
PAST_ALL_TABLES = [
    b'{"type": "Member", "id": "a\\u0000b"}',
    b'{"type": "Member", "id": "\\ud800"}',
    b'{"type": "Member", "id": "\\udc00x", "attributes": {"updated_at": "2026-01-01T00:00:05Z"}}',
    b'{"type": "Member", "id": "\xc3\x28"}',
]


@pytest.mark.parametrize("body", [*NAMELESS, *STRANGE])
async def test_where_nobody_knows_who_a_record_is_the_listing_proves_nothing(
    lister: Reconciler, body: bytes
) -> None:
    await lister.commit(make_page(record("1", updated_at="2026-01-01T00:00:05Z"), body))
    assert await lister.listed() == {"1": moment(5)}
    closed = await lister.close()
    assert (closed.proven, closed.doubts) == (False, ["1 records had no usable id"])


@pytest.mark.parametrize("body", PAST_ALL_TABLES)
async def test_a_record_whose_id_no_table_can_hold_is_none_that_could_be_missed(
    lister: Reconciler, body: bytes
) -> None:
    await store(lister.reader, ["1", "gone"])
    await lister.commit(make_page(record("1", updated_at="2026-01-01T00:00:50Z"), body))
    assert await lister.listed() == {"1": moment(50)}
    assert (await lister.close(shown=2)).proven
    assert (await lister.compare()).suspects == 1


@pytest.mark.parametrize("body", [*NAMELESS, *PAST_ALL_TABLES])
async def test_what_no_program_can_ever_store_is_set_aside_with_its_body_and_told(
    lister: Reconciler, body: bytes
) -> None:
    def tell(part: PartCommitted) -> list[Event]:
        about = Subject(org_id=lister.reader.org_id, entity=part.entity)
        return [RecordsSetAside(about=about, records=part.counts.dead_letters, reasons=part.reasons)]

    place, page = make_place(lister.reader.held), make_page(record("1"), body)
    committed = await ListingWriter(lister.database, MANIFEST, MEMBER).commit(page, place, tell)
    [letter] = await lister.reader.letters()
    assert bytes(letter["body"]) == body
    assert (letter["api_version"], letter["page_token"]) == ("2026-01-01", "page=1")
    assert committed.counts.dead_letters == 1
    assert (await lister.reader.entity_run())["dead_letters"] == 1
    assert [line["dead_letters"] for line in await lister.reader.ledger()] == [1]
    assert [event.reasons for event in committed.events if isinstance(event, RecordsSetAside)] == [
        (letter["reason"],)
    ]
    told = await fetch(
        lister.database, "SELECT name FROM openfaith.event WHERE org_id = %s", lister.reader.org_id
    )
    assert [event["name"] for event in told] == ["RecordsSetAside"]


@pytest.mark.parametrize("body", STRANGE)
async def test_what_another_program_may_know_is_not_kept_without_what_was_not_asked_for(
    lister: Reconciler, body: bytes
) -> None:
    """Replayed, a copy of ids and stamps would empty the row."""
    committed = await lister.commit(make_page(record("1"), body))
    assert await lister.reader.letters() == []
    assert (committed.counts.dead_letters, committed.events) == (0, ())


UNSTORABLE_BESIDE = [
    record("2", updated_at="2026-01-01T00:00:05Z", name="a\0b"),
    record("2", updated_at="2026-01-01T00:00:05Z", name="\ud83d"),
    record("2", updated_at="2026-01-01T00:00:05Z", n=0).replace(b": 0", b": 1e999999"),
    record("2", updated_at="2026-01-01T00:00:05Z", n=0).replace(b": 0", b": " + b"9" * 200_000),
    record("2", updated_at="2026-01-01T00:00:05Z", n=0).replace(b": 0", b": NaN"),
    record("2", updated_at="2026-01-01T00:00:05Z", n=0).replace(b": 0", b': "\xc3\x28"'),
    b'{"type": "Member", "id": 2, "attributes": {"name": "\\u0000", "updated_at": "2026-01-01T00:00:05Z"}}',
]


@pytest.mark.parametrize("body", UNSTORABLE_BESIDE)
async def test_a_record_that_cannot_be_stored_is_listed_all_the_same(lister: Reconciler, body: bytes) -> None:
    """It is there: who it is, and when it changed, can be read whatever else it holds."""
    committed = await lister.commit(make_page(record("1"), body))
    assert await lister.listed() == {"1": None, "2": moment(5)}
    assert (committed.counts.dead_letters, (await lister.close()).proven) == (0, True)


@pytest.mark.parametrize(
    "stamp",
    [b'"\\u0000"', b'"\\ud800"', b"1e999999", b"[7]", b'"2026-99-01T00:00:00Z"', b'"infinity"', b"20260101"],
)
async def test_whatever_a_record_says_of_its_time_it_is_listed(lister: Reconciler, stamp: bytes) -> None:
    body = b'{"type": "Member", "id": "2", "attributes": {"updated_at": ' + stamp + b', "name": "\\u0000"}}'
    await lister.commit(make_page(record("1", updated_at="2026-01-01T00:00:05Z"), body))
    assert await lister.listed() == {"1": moment(5), "2": None}
    assert (await lister.close()).proven


async def test_numbers_are_ids_too(lister: Reconciler) -> None:
    await lister.commit(make_page(b'{"type": "Member", "id": 12}'))
    assert set(await lister.listed()) == {"12"}


async def test_an_empty_page_is_a_page(lister: Reconciler) -> None:
    await lister.commit(make_page())
    closed = await lister.close()
    assert (closed.proven, closed.rows) == (True, 0)


# Who may write


async def test_a_superseded_token_writes_nothing(lister: Reconciler) -> None:
    await lister.show("1")
    await take(lister.database, lister.reader.run_id)
    with pytest.raises(LeaseLostError):
        await lister.show("2")
    with pytest.raises(LeaseLostError):
        await lister.commit(make_page(b"[]"))
    with pytest.raises(LeaseLostError):
        await lister.close()
    with pytest.raises(LeaseLostError):
        await open_listing(lister.database, lister.reader.held, started_at=moment(0))
    with pytest.raises(LeaseLostError):
        await lister.compare()
    assert set(await lister.listed()) == {"1"}
    assert (await lister.reader.entity_run())["pages"] == 1


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_page_that_is_not_the_next_writes_nothing(lister: Reconciler, number: int) -> None:
    await lister.show("1")
    lister.reader.held = replace(lister.reader.held, pages=number - 1)
    with pytest.raises(LeaseLostError):
        await lister.show("2")
    assert set(await lister.listed()) == {"1"}


async def test_without_a_listing_that_is_open_there_are_no_pages(reader: Reader) -> None:
    with pytest.raises(LeaseLostError):
        await Reconciler(reader).show("1")
    lister = await Reconciler.of(reader)
    await lister.close()
    with pytest.raises(LeaseLostError):
        await lister.show("1")
    assert await lister.listed() == {}


async def test_a_page_that_waited_while_its_token_was_superseded_writes_nothing(lister: Reconciler) -> None:
    async with lister.database.transaction() as connection:
        await connection.execute(
            "UPDATE openfaith.entity_run SET fence = fence + 1 WHERE entity_run_id = %s",
            (lister.reader.held.entity_run_id,),
        )
        waiting = asyncio.create_task(lister.show("1"))
        await wait_until_blocked(lister.database)
    with pytest.raises(LeaseLostError):
        await waiting
    assert await lister.listed() == {}


async def test_a_cancellation_is_seen_by_the_next_page(lister: Reconciler) -> None:
    assert not (await lister.show("1")).cancel_requested
    await cancel_run(lister.database, lister.reader.run_id)
    assert (await lister.show("2")).cancel_requested


async def test_pages_that_store_records_follow_those_that_list(lister: Reconciler) -> None:
    await lister.show("1")
    await store(lister.reader, ["1"])
    assert [line["page"] for line in await lister.reader.ledger()] == [1, 2]
    assert list(await lister.reader.rows()) == ["1"]


async def test_a_page_clears_the_parent_that_it_is_the_last_of(lister: Reconciler) -> None:
    held = lister.reader.held
    await execute(
        lister.database,
        "INSERT INTO openfaith.parent_failure (entity_run_id, parent_id, reason) VALUES (%s, '7', 'x'), (%s, '8', 'x')",
        held.entity_run_id,
        held.entity_run_id,
    )
    await ListingWriter(lister.database, MANIFEST, MEMBER).commit(
        make_page(record("1")), replace(make_place(held), read_below="7")
    )
    left = await fetch(
        lister.database,
        "SELECT parent_id FROM openfaith.parent_failure WHERE entity_run_id = %s",
        held.entity_run_id,
    )
    assert left == [{"parent_id": "8"}]


# Riders


async def riding(database: Database, org: OrgId) -> Reconciler:
    """Members are listed, and their campuses come along."""
    run_id = await start_run(database, org)
    await plan_entity_runs(
        database,
        run_id,
        [
            PlannedReading(entity=MEMBER.name, reading="top", path="/"),
            PlannedReading(
                entity=CAMPUS.name, reading="include", path="/", carrier=MEMBER.name, include="campus"
            ),
        ],
    )
    reader = Reader(database, MEMBER, org, run_id, await take(database, run_id))
    lister = await Reconciler.of(reader)
    lister.riders = ((CAMPUS, "campus"),)
    found = await list_riders(database, run_id, MEMBER.name)
    lister.rider_runs = {rider.entity: rider.entity_run_id for rider in found}
    return lister


async def test_what_rides_is_listed_in_its_own_entity_run(database: Database, org: OrgId) -> None:
    lister = await riding(database, org)
    page = make_page(record("1"))
    included = {"Campus": (campus("7"), campus("8"), campus("7"), b'{"type": "Campus"}'), "Other": (b"x",)}
    committed = await lister.commit(replace(page, included=included))
    assert [(p.entity, p.records, p.counts.dead_letters) for p in committed.parts] == [
        (MEMBER.name, 1, 0),
        (CAMPUS.name, 4, 1),
    ]
    of_riders = replace(lister.reader, entity=CAMPUS, held=await take(database, lister.reader.run_id, CAMPUS))
    assert set(await Reconciler(of_riders).listed()) == {"7", "8"}
    closed = await Reconciler(of_riders).close()
    assert (closed.rows, closed.counted, closed.unusable, closed.proven) == (2, 2, 1, False)
    assert closed.started_at == moment(100)


@pytest.mark.parametrize(("shown", "proven"), [(None, True), (2, True), (3, False)])
async def test_a_listing_that_was_shown_more_than_it_holds_is_doubted(
    database: Database, org: OrgId, shown: int | None, proven: bool
) -> None:
    lister = await Reconciler.begin(database, org=org)
    await lister.show("1", "2")
    closed = await lister.close(shown=shown)
    assert closed.proven is proven
    assert closed.doubts == ([] if proven else ["3 records were shown, and only 2 different ones"])


async def test_a_page_and_what_rides_on_it_are_listed_together_or_not_at_all(
    database: Database, org: OrgId
) -> None:
    lister = await riding(database, org)
    of_riders = await take(database, lister.reader.run_id, CAMPUS)
    await close_listing(database, of_riders, [])
    with pytest.raises(LeaseLostError):
        await lister.commit(replace(make_page(record("1")), included={"Campus": (campus("7"),)}))
    assert await lister.listed() == {}
    assert (await lister.reader.entity_run())["pages"] == 0


async def test_a_rider_that_no_page_brought_is_listed_as_nothing(database: Database, org: OrgId) -> None:
    lister = await riding(database, org)
    await lister.show("1")
    of_riders = await take(database, lister.reader.run_id, CAMPUS)
    closed = await close_listing(database, of_riders, [])
    assert (closed.proven, closed.rows) == (True, 0)


async def test_what_speaks_against_a_listing_speaks_against_what_came_along(
    database: Database, org: OrgId
) -> None:
    """Also what its walk did not know of."""
    lister = await riding(database, org)
    await lister.show("1")
    await note_doubts(database, lister.reader.held, [])
    await lister.close("what it is below was not listed")
    await lister.reader.finish()
    of_riders = await take(database, lister.reader.run_id, CAMPUS)
    assert of_riders.carrier_doubts == ["what it is below was not listed"]


# The proof


async def test_a_listing_without_a_doubt_is_proven(lister: Reconciler) -> None:
    await lister.show("1", "2")
    closed = await lister.close()
    assert (closed.proven, closed.doubts, closed.rows, closed.counted) == (True, [], 2, 2)
    assert closed.closed_at is not None


async def test_a_doubt_is_kept_and_proves_nothing(lister: Reconciler) -> None:
    await lister.show("1")
    closed = await lister.close("the source counted nothing", "1 records had no usable id")
    assert (closed.proven, closed.doubts) == (
        False,
        ["the source counted nothing", "1 records had no usable id"],
    )


async def test_the_same_doubt_is_kept_once(lister: Reconciler) -> None:
    await lister.commit(make_page(b"null"))
    assert (await lister.close("1 records had no usable id")).doubts == ["1 records had no usable id"]


async def test_a_closed_listing_stays_as_it_is(lister: Reconciler) -> None:
    first = await lister.close("a doubt")
    assert await lister.close() == first


@pytest.mark.parametrize("lost", ["true", "id = '1'"])
async def test_a_listing_that_lost_rows_proves_nothing(lister: Reconciler, lost: str) -> None:
    """As it would where the table was emptied by PostgreSQL's recovery from a crash."""
    await lister.show("1", "2")
    statement = sql.SQL("DELETE FROM openfaith.listing_row WHERE entity_run_id = {} AND {}").format(
        sql.Literal(lister.reader.held.entity_run_id),
        sql.SQL(lost),
    )
    await execute(lister.database, statement.as_string())
    closed = await lister.close()
    assert not closed.proven
    assert closed.doubts == [f"2 ids were written, and {closed.rows} are there"]


async def test_a_resumed_listing_is_as_old_as_its_first_page(lister: Reconciler) -> None:
    await lister.show("1")
    await finish_run(lister.database, lister.reader.run_id)
    await retry_run(lister.database, lister.reader.run_id)
    await begin_run(lister.database, lister.reader.run_id)
    await note_permissions(lister.database, lister.reader.run_id, "other", attempt=2)
    lister.reader.held = await take(lister.database, lister.reader.run_id)
    await open_listing(lister.database, lister.reader.held, started_at=moment(900))
    await lister.show("2")
    closed = await lister.close()
    assert (closed.started_at, closed.permissions, closed.proven, closed.rows) == (moment(100), None, True, 2)


async def test_a_listing_without_a_page_begins_when_its_first_page_was_asked_for(lister: Reconciler) -> None:
    """Who began it before, and had no page, may have had no clock but his own."""
    await note_permissions(lister.database, lister.reader.run_id, "other", attempt=1)
    await open_listing(lister.database, lister.reader.held, started_at=moment(50))
    await lister.show("1")
    closed = await lister.close()
    assert (closed.started_at, closed.permissions) == (moment(50), "other")


@pytest.mark.parametrize(
    "broken",
    [
        "proven = true, doubts = '{}', rows = 0, counted = 1, closed_at = now()",
        "proven = true, doubts = '{x}', rows = 0, closed_at = now()",
        "proven = true",
        "closed_at = now(), rows = 0",
        "rows = 0",
        "suspects = 1",
        "guard = 'allowed'",
        "guard = 'stopped', closed_at = now(), rows = 0, doubts = '{x}', compared_at = now()",
        "side = 'stored'",
        "compared_at = now()",
    ],
)
async def test_a_proof_that_is_none_cannot_be_written(lister: Reconciler, broken: str) -> None:
    statement = (
        f"UPDATE openfaith.listing SET {broken} WHERE entity_run_id = {lister.reader.held.entity_run_id}"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        await execute(lister.database, sql.SQL(statement).as_string())


async def test_listings_and_what_they_found_are_never_unlogged(database: Database) -> None:
    """PostgreSQL empties an unlogged table when it recovers from a crash."""
    kinds = await fetch(
        database,
        "SELECT DISTINCT relpersistence::text FROM pg_class WHERE relnamespace = 'openfaith'::regnamespace AND relkind = 'r'",
    )
    assert kinds == [{"relpersistence": "p"}]


# Retention


async def complete(lister: Reconciler) -> None:
    await lister.compare()
    await lister.reader.complete()


async def kept(lister: Reconciler) -> tuple[int, int]:
    return len(await lister.listed()), len(await lister.differences())


async def test_rows_are_forgotten_after_the_run_and_what_came_of_them_is_not(lister: Reconciler) -> None:
    await lister.show("1", "2", "3", "4", "5")
    await lister.close()
    await forget_old_listings(lister.database)
    assert await kept(lister) == (5, 0)
    await complete(lister)
    assert await kept(lister) == (0, 0)
    [report] = await list_reconciliations(lister.database, lister.reader.run_id)
    assert (report.listed, report.missing, report.proven) == (5, 5, True)


A_WEEK_LATER: LiteralString = "UPDATE openfaith.entity_run SET finished_at = finished_at - interval '8 days'"


async def failed_a_week_ago(own_database: Database, lister: Reconciler) -> None:
    await finish_entity_run(own_database, lister.reader.run_id, MEMBER.name, status=EntityStatus.FAILED)
    await finish_run(own_database, lister.reader.run_id)
    await execute(own_database, A_WEEK_LATER)


async def retry(lister: Reconciler) -> None:
    await retry_run(lister.database, lister.reader.run_id)
    lister.reader.held = await take(lister.database, lister.reader.run_id)


async def compared(own_database: Database) -> Reconciler:
    """A proven listing that was compared, and allowed to delete one suspect, when its entity run failed a week ago."""
    reader = await Reader.begin(own_database, org="grace")
    await store(reader, ["1", "2"])
    await note_doubts(own_database, reader.held, [])
    await execute(own_database, "UPDATE openfaith.sync_run SET kind = 'reconciliation'")
    lister = await Reconciler.of(reader)
    await lister.reconcile("1", "3")
    assert await lister.differences() == {"2": "suspect", "3": "missing"}
    await failed_a_week_ago(own_database, lister)
    return lister


async def test_rows_of_a_run_that_may_be_retried_are_kept_for_a_week(own_database: Database) -> None:
    lister = await Reconciler.begin(own_database, org="grace")
    await lister.show("1")
    await finish_entity_run(own_database, lister.reader.run_id, MEMBER.name, status=EntityStatus.FAILED)
    await finish_run(own_database, lister.reader.run_id)
    await forget_old_listings(own_database)
    assert await kept(lister) == (1, 0)
    await execute(own_database, A_WEEK_LATER)
    await forget_old_listings(own_database)
    assert await kept(lister) == (0, 0)


async def test_every_listing_that_nobody_needs_is_forgotten_at_once(own_database: Database) -> None:
    for org in ("grace", "hope", "joy"):
        lister = await Reconciler.begin(own_database, org=org)
        await lister.show("1")
        await finish_entity_run(own_database, lister.reader.run_id, MEMBER.name, status=EntityStatus.FAILED)
    await execute(own_database, A_WEEK_LATER)
    await asyncio.gather(forget_old_listings(own_database), forget_old_listings(own_database))
    assert await fetch(own_database, "SELECT FROM openfaith.listing_row") == []
    assert await fetch(own_database, "SELECT FROM openfaith.listing WHERE forgotten_at IS NULL") == []


async def test_a_run_that_is_retried_after_its_rows_were_forgotten_proves_nothing(
    own_database: Database,
) -> None:
    lister = await Reconciler.begin(own_database, org="grace")
    await lister.show("1")
    await failed_a_week_ago(own_database, lister)
    await forget_old_listings(own_database)
    await retry(lister)
    await lister.show("2")
    assert not (await lister.close()).proven
    await complete(lister)
    await forget_old_listings(own_database)
    assert await kept(lister) == (0, 0)


async def test_an_open_listing_that_was_forgotten_is_not_closed_with_a_proof(own_database: Database) -> None:
    """Also where it had nothing to lose."""
    lister = await Reconciler.begin(own_database, org="grace")
    await failed_a_week_ago(own_database, lister)
    await forget_old_listings(own_database)
    await retry(lister)
    closed = await lister.close()
    assert (closed.proven, closed.doubts) == (
        False,
        ["what it listed was removed before the run was retried"],
    )


async def test_a_listing_that_was_compared_and_forgotten_proves_nothing_any_more(
    own_database: Database,
) -> None:
    """Its differences are gone, and not because they were dealt with."""
    lister = await compared(own_database)
    await forget_old_listings(own_database)
    await retry(lister)
    for _ in range(2):
        assert (await lister.close()).closed_at is not None
        assert await lister.compare() == Compared(done=True)
    report = await lister.report()
    assert (report.proven, report.suspects, report.guard) == (False, 0, None)
    assert report.doubts == ["what it listed was removed before the run was retried"]
    assert await lister.suspects() == {}
    assert (await lister.delete("2")).deleted == 0
    await hold_suspects(own_database, lister.reader.held, "it is not proven")


async def test_a_run_that_is_retried_after_its_rows_were_forgotten_moves_neither_watermark_nor_proof(
    own_database: Database,
) -> None:
    lister = await compared(own_database)
    await forget_old_listings(own_database)
    await retry(lister)
    await lister.compare()
    await lister.reader.complete()
    [state] = await list_sync_state(own_database)
    assert (state.last_status, state.watermark, state.proven_at) == (EntityStatus.COMPLETED, None, None)
    assert state.doubts == ["what it listed was removed before the run was retried"]


async def test_what_is_being_retried_is_passed_over(own_database: Database) -> None:
    lister = await compared(own_database)
    async with own_database.transaction() as connection:
        await connection.execute("UPDATE openfaith.entity_run SET status = 'waiting', finished_at = NULL")
        await connection.execute("SELECT FROM openfaith.listing FOR UPDATE")
        async with asyncio.timeout(60):  # whoever waited for this transaction would wait for ever
            await forget_old_listings(own_database)
    assert await kept(lister) == (2, 2)
    lister.reader.held = await take(own_database, lister.reader.run_id)
    await lister.compare()
    assert (await lister.report()).proven


async def test_who_retries_after_rows_began_to_be_forgotten_waits_and_finds_it_out(
    own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lister = await compared(own_database)
    retrying: list[asyncio.Task[None]] = []

    def statement(file: str, name: str) -> LiteralString:
        if name == "forget_rows":
            retrying.append(asyncio.create_task(retry(lister)))
        return query(file, name)

    monkeypatch.setattr("openfaith.store.listings.query", statement)
    async with own_database.transaction() as connection:
        # Whoever removes rows waits here, between what says so and what does it.
        await connection.execute("SELECT FROM openfaith.listing_row FOR UPDATE")
        forgetting = asyncio.create_task(forget_old_listings(own_database))
        await wait_until_blocked(own_database, 2)
    await asyncio.gather(forgetting, *retrying)
    await lister.compare()
    assert not (await lister.report()).proven


async def test_old_tombstones_go_after_ninety_days(own_database: Database) -> None:
    lister = await Reconciler.begin(own_database, org="grace")
    for days in (89, 91):
        await execute(
            own_database,
            "INSERT INTO openfaith.removal (org_id, adapter, entity, id, deleted_at, noted_at)"
            " VALUES ('grace', 'sample', 'church.Member', %s, now(), now() - %s * interval '1 day')",
            str(days),
            days,
        )
        await execute(
            own_database,
            "INSERT INTO openfaith.suspect (org_id, adapter, entity, id, state, listing_started_at, confirmed_at)"
            " VALUES ('grace', 'sample', 'church.Member', %s, 'confirmed', now(), now() - %s * interval '1 day')",
            str(days),
            days,
        )
    await forget_old_listings(own_database)
    assert set(await lister.suspects()) == {"89"}
    assert await fetch(own_database, "SELECT id FROM openfaith.removal") == [{"id": "89"}]


async def test_what_a_run_listed_goes_with_the_run(lister: Reconciler) -> None:
    await lister.show("1")
    await execute(lister.database, "DELETE FROM openfaith.sync_run WHERE run_id = %s", lister.reader.run_id)
    assert await lister.listed() == {}
