"""What rides on another entity's pages: stored with the page or not at all, and as if it had been asked for itself."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from openfaith.errors import DatabaseUnavailableError, LeaseLostError
from openfaith.manifest import Entity, table_name
from openfaith.records import EntityName, EntityRunId, EntityStatus, OrgId, Page, PageCounts, RunId, SyncKind
from openfaith.store import (
    Committed,
    Database,
    DeadLetterChoice,
    HeldEntityRun,
    PageCommit,
    PageWriter,
    PlannedReading,
    RetryOutcome,
    begin_run,
    cancel_run,
    close_product,
    connection,
    finish_entity_run,
    finish_run,
    list_entity_runs,
    list_riders,
    open_database,
    plan_entity_runs,
    request_run,
    retry_dead_letters,
    retry_run,
    settle_closed_products,
)
from support.mirror import (
    Row,
    ask,
    connect_org,
    fetch,
    fetch_one,
    make_page,
    make_place,
    moment,
    open_sample,
    planned,
    record,
    stamp,
    take,
    to_one,
    wait_until_blocked,
)
from unit.manifest.samples import listed, load, nested, owned

MANIFEST = replace(
    load(
        {
            "Person": listed(
                "people", includes={"emails": "Email", "notes": "Note", "portrait": "Portrait", "phones": "Phone"}
            ),
            "Email": owned(
                "emails",
                "people/{person_id}/emails",
                attributes={"address": "string", "rank": "integer", "secret": "string", "updated_at": "date_time"},
                only_when_asked=["secret"],
                relationships={"person": {"to": "Person"}},
            ),
            "Note": nested(
                "people/{person_id}/notes",
                attributes={"text": "string", "updated_at": "date_time"},
                relationships={"person": {"to": "Person"}},
            ),
            "Portrait": nested("people/{person_id}/portrait", attributes={"url": "string"}),
            "Plan": nested("people/{person_id}/plans", includes={"items": "Item"}),
            "Item": nested("people/{person_id}/plans/{plan_id}/items"),
            "Phone": owned(
                "phones", "people/{person_id}/phones", attributes={"number": "string", "updated_at": "date_time"}
            ),
        }
    ),
    adapter="riding",
)  # fmt: skip
PERSON, EMAIL, NOTE, PORTRAIT, PLAN, ITEM, PHONE = MANIFEST.entities.values()
INCLUDES = {
    EMAIL.name: "emails",
    NOTE.name: "notes",
    PORTRAIT.name: "portrait",
    ITEM.name: "items",
    PHONE.name: "phones",
}


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_sample(shared_url, manifest=MANIFEST) as opened:
        yield opened


@pytest.fixture
async def own_database(database_url: str) -> AsyncIterator[Database]:
    async with open_sample(database_url, manifest=MANIFEST) as opened:
        yield opened


def riding(entity: Entity, carrier: Entity) -> PlannedReading:
    return PlannedReading(
        entity=entity.name, reading="include", path="/", carrier=carrier.name, include=INCLUDES[entity.name]
    )


@dataclass
class Carriage:
    """Whoever holds the carrier's entity run, and commits its pages with what rides on them."""

    database: Database
    carrier: Entity
    riders: tuple[Entity, ...]
    org_id: OrgId
    run_id: RunId
    held: HeldEntityRun
    entity_runs: dict[EntityName, EntityRunId] = field(default_factory=dict)

    @classmethod
    async def begin(
        cls, database: Database, *riders: Entity, carrier: Entity = PERSON, org: str | None = None
    ) -> Carriage:
        org_id = await connect_org(database, org or f"riding-{secrets.token_hex(6)}")
        run_id, _ = await request_run(
            database, org_id=org_id, adapter="riding", kind=SyncKind.FULL, entities=None, requested_by="test"
        )
        assert await begin_run(database, run_id)
        readings = [planned(carrier), *(riding(rider, carrier) for rider in riders)]
        await plan_entity_runs(database, run_id, readings)
        held = await take(database, run_id, carrier)
        found = await list_riders(database, run_id, carrier.name)
        runs = {rider.entity: rider.entity_run_id for rider in found}
        return cls(database, carrier, riders, org_id, run_id, held, runs)

    async def store(
        self,
        *records: bytes,
        at: float = 0,
        parents: str | None = None,
        **included: Sequence[bytes],
    ) -> Committed:
        """Commit the next page; what is included stands under its type."""
        page = replace(make_page(*records, at=at), included={k: tuple(v) for k, v in included.items()})
        place = replace(make_place(self.held, self.held.pages + 1), parents=parents)
        committed = await self.commit(page, place)
        self.held = replace(self.held, pages=place.number)
        return committed

    async def commit(self, page: Page, place: PageCommit) -> Committed:
        with_includes = [(rider, INCLUDES[rider.name]) for rider in self.riders]
        writer = PageWriter(self.database, MANIFEST, self.carrier, with_includes)
        return await writer.commit(page, place, self.entity_runs)

    async def rows(self, entity: Entity) -> dict[str, Row]:
        statement = sql.SQL("SELECT xmin::text, * FROM {} WHERE org_id = {} ORDER BY id").format(
            sql.Identifier("riding", table_name(entity)), sql.Literal(self.org_id)
        )
        return {row["id"]: row for row in await fetch(self.database, statement.as_string())}

    async def entity_run(self, entity: Entity) -> Row:
        return await fetch_one(
            self.database,
            "SELECT * FROM openfaith.entity_run WHERE run_id = %s AND entity = %s",
            self.run_id,
            entity.name,
        )

    async def letters(self) -> list[Row]:
        return await fetch(
            self.database,
            "SELECT * FROM openfaith.dead_letter WHERE org_id = %s ORDER BY entity",
            self.org_id,
        )

    async def everything(self) -> list[object]:
        """All that a page writes to."""
        entities = (self.carrier, *self.riders)
        return [
            *[await self.rows(entity) for entity in entities],
            *[await self.entity_run(entity) for entity in entities],
            await self.letters(),
        ]


def person(key: str, **brought: Sequence[str] | str | None) -> bytes:
    """A person, with the ids of what an include brings."""
    return record(
        key,
        "Person",
        relationships={name: linkage(ids) for name, ids in brought.items()},
        name=f"person {key}",
    )


def linkage(ids: Sequence[str] | str | None) -> Row:
    if ids is None or isinstance(ids, str):
        return {"data": None if ids is None else {"type": "Thing", "id": ids}}
    return {"data": [{"type": "Thing", "id": key} for key in ids]}


def email(key: str, of: str | None = None, **attributes: object) -> bytes:
    """A whole one, unless an attribute is taken from it by an Ellipsis."""
    whole = {"address": f"{key}@example.org", "rank": 1, "updated_at": stamp(0)} | attributes
    sent: dict[str, Any] = {name: value for name, value in whole.items() if value is not ...}
    return record(key, "Email", relationships={"person": to_one(of, "Person")} if of else None, **sent)


def pointing_nowhere(key: str) -> bytes:
    """An e-mail address that is said to be nobody's."""
    relationships = {"person": {"data": None}}
    return record(
        key, "Email", relationships=relationships, address="x@example.org", rank=1, updated_at=stamp(5)
    )


def note(key: str, of: str | None = None, **attributes: object) -> bytes:
    sent: dict[str, Any] = {"text": f"note {key}", "updated_at": stamp(0)} | attributes
    return record(key, "Note", relationships={"person": to_one(of, "Person")} if of else None, **sent)


def phone(key: str, **attributes: object) -> bytes:
    return record(key, "Phone", **({"number": f"555-010{key}", "updated_at": stamp(0)} | attributes))


# With the page


async def test_what_rides_is_stored_in_its_own_table_and_counted_for_its_own_run(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL, NOTE)
    emails, notes = [email("1", "7"), email("2", "7")], [note("1", "8")]
    committed = await carriage.store(person("7"), person("8"), Email=emails, Note=notes)
    assert [(p.entity, p.records, p.counts) for p in committed.parts] == [
        (PERSON.name, 2, PageCounts(inserted=2)),
        (EMAIL.name, 2, PageCounts(inserted=2)),
        (NOTE.name, 1, PageCounts(inserted=1)),
    ]
    assert committed.counts == PageCounts(inserted=2)
    assert list(await carriage.rows(EMAIL)) == ["1", "2"]
    counted = ("status", "pages", "requests", "records", "inserted", "updated", "unchanged")
    run = await carriage.entity_run(EMAIL)
    assert [run[name] for name in counted] == ["waiting", 0, 0, 2, 2, 0, 0]
    assert (await carriage.entity_run(PERSON))["records"] == 2


async def test_several_that_ride_are_told_apart(database: Database) -> None:
    """Whether or not each of them is on the page."""
    carriage = await Carriage.begin(database, EMAIL, PHONE)
    first = await carriage.store(person("7"), Email=[email("1"), email("2")], Phone=[phone("1")])
    second = await carriage.store(person("7"), at=1, Phone=[phone("1"), phone("2"), phone("3")])
    newer = email("1", rank=2, updated_at=stamp(2))
    third = await carriage.store(person("8"), at=2, Email=[newer, email("3")])
    assert [[(p.entity, p.counts) for p in page.parts[1:]] for page in (first, second, third)] == [
        [(EMAIL.name, PageCounts(inserted=2)), (PHONE.name, PageCounts(inserted=1))],
        [(PHONE.name, PageCounts(inserted=2, unchanged=1))],
        [(EMAIL.name, PageCounts(inserted=1, updated=1))],
    ]
    counted = ("records", "inserted", "updated", "unchanged")
    runs = [await carriage.entity_run(entity) for entity in (PERSON, EMAIL, PHONE)]
    assert [[run[name] for name in counted] for run in runs] == [[3, 2, 0, 1], [4, 3, 1, 0], [4, 3, 0, 1]]


async def test_a_page_is_one_prepared_statement_whatever_rides_on_it(own_database: Database) -> None:
    writer = PageWriter(own_database, MANIFEST, PERSON, [(EMAIL, "emails"), (PHONE, "phones")])
    carriage = await Carriage.begin(own_database, EMAIL, PHONE)
    brought: list[dict[str, tuple[bytes, ...]]] = [
        {},
        {"Email": (email("1", "7"),)},
        {"Phone": (phone("1"),)},
        {"Email": (email("1", "7"),), "Phone": (phone("1"),)},
    ]
    for number, included in enumerate(brought, start=1):
        page = replace(make_page(person("7"), at=number), included=included)
        await writer.commit(page, make_place(carriage.held, number), carriage.entity_runs)
    prepared = await fetch(
        own_database, "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%church_phone%'"
    )
    assert len(prepared) == 1


@pytest.mark.parametrize(
    "known", [[], [email("1", "7", rank=2)], [email("1", "6", rank=..., updated_at=stamp(-5))]]
)
@pytest.mark.parametrize(
    "came",
    [
        email("1"),
        email("1", "8"),
        email("1", "8", rank=3, updated_at=stamp(5), secret="x"),
        pointing_nowhere("1"),
    ],
)
async def test_what_rides_is_stored_alike_whether_or_not_all_of_the_page_is_plain(
    database: Database, known: list[bytes], came: bytes
) -> None:
    found = []
    for beside in (email("2", "7"), email("2", "7", shoe_size=41)):
        carriage = await Carriage.begin(database, EMAIL)
        await carriage.store(person("7"), Email=known)
        committed = await carriage.store(person("7"), at=1, Email=[came, beside])
        row = (await carriage.rows(EMAIL))["1"]
        own = {name: row[name] for name in row.keys() - {"xmin", "org_id", "_run_id", "_synced_at"}}
        found.append((own, committed.parts[1].counts))
    assert found[0] == found[1]


# What is stored of a rider rests on what was stored before: whoever makes a page wait may change that.


@asynccontextmanager
async def changing(database: Database, carriage: Carriage) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction of whoever keeps the pages of a run waiting, as a replay does and a merge."""
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT FROM openfaith.entity_run WHERE run_id = %s ORDER BY position FOR UPDATE",
            (carriage.run_id,),
        )
        yield connection


async def test_a_thin_copy_does_not_replace_a_whole_one_that_was_stored_while_it_waited(
    own_database: Database,
) -> None:
    carriage = await Carriage.begin(own_database, EMAIL)
    thin = email("1", rank=..., updated_at=stamp(5))
    async with changing(own_database, carriage) as connection:
        page = asyncio.create_task(carriage.store(person("7"), at=10, Email=[thin]))
        await wait_until_blocked(own_database)
        await connection.execute(
            "INSERT INTO riding.church_email (org_id, id, rank, _requested_at, _hash, _run_id) VALUES (%s, '1', 5, %s, 1, %s)",
            (carriage.org_id, moment(0), carriage.run_id),
        )
    committed = await page
    assert committed.parts[1].counts == PageCounts(unchanged=1)
    assert (await carriage.rows(EMAIL))["1"]["rank"] == 5
    assert list(await carriage.rows(PERSON)) == ["7"]


@pytest.mark.parametrize(("stored_at", "rank"), [(9, 5), (1, 1)])
async def test_of_a_plain_copy_that_waited_and_what_was_stored_meanwhile_the_newer_stays(
    own_database: Database, stored_at: int, rank: int
) -> None:
    """The page is stored again, by statements that look, and ends the same."""
    carriage = await Carriage.begin(own_database, EMAIL)
    plain = email("1", "7", updated_at=stamp(5))
    async with changing(own_database, carriage) as connection:
        page = asyncio.create_task(carriage.store(person("7"), at=10, Email=[plain]))
        await wait_until_blocked(own_database)
        await connection.execute(
            "INSERT INTO riding.church_email (org_id, id, rank, _source_updated_at, _requested_at, _hash, _run_id)"
            " VALUES (%s, '1', 5, %s, %s, 1, %s)",
            (carriage.org_id, moment(stored_at), moment(0), carriage.run_id),
        )
    await page
    assert (await carriage.rows(EMAIL))["1"]["rank"] == rank
    again = await carriage.store(person("7"), at=11, Email=[plain])
    assert again.parts[1].counts == PageCounts(unchanged=1)


async def test_an_id_that_was_set_while_a_rider_waited_stays_where_the_rider_does_not_say_it(
    own_database: Database,
) -> None:
    carriage = await Carriage.begin(own_database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7")])
    silent = email("1", rank=2, updated_at=stamp(5))
    async with changing(own_database, carriage) as connection:
        page = asyncio.create_task(carriage.store(person("8"), at=10, Email=[silent]))
        await wait_until_blocked(own_database)
        await connection.execute("UPDATE riding.church_email SET person_id = '8', _hash = _hash + 1")
    committed = await page
    row = (await carriage.rows(EMAIL))["1"]
    assert (committed.parts[1].counts, row["rank"], row["person_id"]) == (PageCounts(updated=1), 2, "8")


async def test_what_rides_is_seen_again_like_anything_else(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    first = await carriage.store(person("7"), Email=[email("1", "7"), email("2", "7")])
    before = await carriage.rows(EMAIL)
    newer = email("2", "7", rank=5, updated_at=stamp(9))
    again = await carriage.store(person("7"), at=10, Email=[email("1", "7"), newer])
    after = await carriage.rows(EMAIL)
    assert first.parts[1].counts == PageCounts(inserted=2)
    assert again.parts[1].counts == PageCounts(updated=1, unchanged=1)
    assert (after["1"], after["2"]["rank"]) == (before["1"], 5)


async def test_an_older_copy_that_rides_replaces_nothing(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7", updated_at=stamp(9))])
    stale = await carriage.store(person("7"), at=10, Email=[email("1", "7", rank=5, updated_at=stamp(8))])
    assert stale.parts[1].counts == PageCounts(unchanged=1)
    assert (await carriage.rows(EMAIL))["1"]["rank"] == 1


async def test_by_whom_something_rides_is_kept_beside_the_carrier_only_where_no_table_says_it(
    database: Database,
) -> None:
    """An e-mail address names its person. That a person has just this one is said by the person alone."""
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7", emails=["1"]), person("8", emails="2"), Email=[email("1"), email("2")])
    rows = await carriage.rows(PERSON)
    assert rows["7"]["_extra"] is None
    assert rows["8"]["_extra"] == {"relationships": {"emails": {"type": "Thing", "id": "2"}}}


async def test_a_page_that_brings_nothing_along_is_a_page(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL, NOTE)
    committed = await carriage.store(person("7"))
    assert [part.entity for part in committed.parts] == [PERSON.name]
    committed = await carriage.store(person("7"), at=1, Note=[note("1", "7")])
    assert [part.entity for part in committed.parts] == [PERSON.name, NOTE.name]


async def test_what_nobody_asked_for_is_left_out(database: Database) -> None:
    """Another type, or an entity that has no run, since it ended before."""
    carriage = await Carriage.begin(database, EMAIL, NOTE)
    del carriage.entity_runs[NOTE.name]
    committed = await carriage.store(person("7"), Email=[email("1")], Note=[note("1")], Thing=[b"{}"])
    assert [part.entity for part in committed.parts] == [PERSON.name, EMAIL.name]
    assert await carriage.rows(NOTE) == {}


async def test_riders_are_listed_with_their_counts_of_all_pages(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL, NOTE)
    await carriage.store(person("7"), Email=[email("1", "7"), b"bad"])
    await carriage.store(person("8"), at=1, Email=[email("2", "8")])
    found = await list_riders(database, carriage.run_id, PERSON.name)
    assert [(r.entity, r.include, r.records, r.dead_letters) for r in found] == [
        (EMAIL.name, "emails", 3, 1),
        (NOTE.name, "notes", 0, 0),
    ]
    assert await list_riders(database, carriage.run_id, EMAIL.name) == ()


@pytest.mark.parametrize("status", [EntityStatus.SKIPPED, EntityStatus.FAILED, EntityStatus.NOT_ACCESSIBLE])
async def test_what_is_settled_before_its_carrier_rides_on(database: Database, status: EntityStatus) -> None:
    """Skipped, since something else that it needs failed. A retried run finds none of its records missing."""
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7")])
    await finish_entity_run(database, carriage.run_id, EMAIL.name, status=status)
    [rider] = await list_riders(database, carriage.run_id, PERSON.name)
    carriage.entity_runs = {rider.entity: rider.entity_run_id}
    await carriage.store(person("8"), at=1, Email=[email("2", "8")])
    assert list(await carriage.rows(EMAIL)) == ["1", "2"]
    assert (await carriage.entity_run(EMAIL))["status"] == status


async def test_nothing_comes_to_ride_on_a_run_that_was_planned_without_it(database: Database) -> None:
    """It would lack what was on the pages that are committed: also where these are the carrier's of a retried run."""
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7")], Note=[note("1", "7")])
    await finish_run(database, carriage.run_id, reason="its process is gone")
    await retry_run(database, carriage.run_id)
    more = [planned(PERSON), riding(EMAIL, PERSON), riding(NOTE, PERSON)]
    await plan_entity_runs(database, carriage.run_id, more)
    assert [e.entity for e in await list_entity_runs(database, carriage.run_id)] == [PERSON.name, EMAIL.name]


async def test_of_two_plans_at_the_same_time_one_counts(database: Database) -> None:
    for _ in range(5):
        org_id = await connect_org(database, f"riding-{secrets.token_hex(6)}")
        run_id, _ = await request_run(
            database, org_id=org_id, adapter="riding", kind=SyncKind.FULL, entities=None, requested_by="test"
        )
        plans = [[planned(PERSON)], [planned(PERSON), riding(EMAIL, PERSON), riding(NOTE, PERSON)]]
        await asyncio.gather(*(plan_entity_runs(database, run_id, plan) for plan in plans))
        made = {e.entity for e in await list_entity_runs(database, run_id)}
        assert made in ({PERSON.name}, {PERSON.name, EMAIL.name, NOTE.name})


async def test_whoever_takes_a_rider_learns_how_far_its_carrier_is(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    before = await take(database, carriage.run_id, EMAIL)
    await finish_entity_run(database, carriage.run_id, PERSON.name, status=EntityStatus.COMPLETED)
    after = await take(database, carriage.run_id, EMAIL)
    assert (before.carrier, before.carrier_status) == (PERSON.name, EntityStatus.RUNNING)
    assert after.carrier_status is EntityStatus.COMPLETED
    assert (carriage.held.carrier, carriage.held.carrier_status) == (None, None)


async def test_a_cancellation_is_seen_with_what_rides(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await cancel_run(database, carriage.run_id)
    assert (await carriage.store(person("7"), Email=[email("1")])).cancel_requested
    assert (await carriage.store(person("7"), Email=[b"bad"])).cancel_requested


# All or nothing

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("beside", [[], [b"a bad record"]])
@pytest.mark.parametrize("table", ["riding.church_person", "riding.church_email", "riding.church_{other}", "openfaith.page_commit"])  # fmt: skip
@pytest.mark.parametrize("other", [NOTE, PHONE], ids=["by several statements", "by one"])
async def test_where_one_table_refuses_nothing_of_the_page_is_written(
    own_database: Database, *, database_url: str, other: Entity, table: str, beside: list[bytes]
) -> None:
    carriage = await Carriage.begin(own_database, EMAIL, other)
    before = await carriage.everything()
    emails, notes, phones = [email("1"), *beside], [note("1")], [phone("1")]
    ask(database_url, REFUSE.format(table.format(other=other.type.lower())))
    with pytest.raises(psycopg.errors.RaiseException, match="refused"):
        await carriage.store(person("7"), Email=emails, Note=notes, Phone=phones)
    assert await carriage.everything() == before
    ask(database_url, "DROP FUNCTION refuse CASCADE")
    await carriage.store(person("7"), Email=emails, Note=notes, Phone=phones)
    assert [list(await carriage.rows(entity)) for entity in (PERSON, EMAIL, other)] == [["7"], ["1"], ["1"]]


@pytest.mark.parametrize("beside", [[], [b"a bad record"]])
async def test_a_superseded_token_stores_nothing_that_rides(database: Database, beside: list[bytes]) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1")])
    await take(database, carriage.run_id, PERSON)
    before = await carriage.everything()
    with pytest.raises(LeaseLostError):
        await carriage.store(person("8"), at=1, Email=[email("1", rank=9), email("2"), *beside])
    assert await carriage.everything() == before


@pytest.mark.parametrize("beside", [[], [b"a bad record"]])
async def test_a_page_with_riders_is_not_committed_twice(database: Database, beside: list[bytes]) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1"), *beside])
    before = await carriage.everything()
    page = replace(make_page(person("7"), at=5), included={"Email": (email("1", rank=9), *beside)})
    for number in (1, 3):
        with pytest.raises(LeaseLostError):
            await carriage.commit(page, make_place(carriage.held, number))
    assert await carriage.everything() == before


async def test_a_page_of_a_former_attempt_stores_nothing_that_rides(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await finish_run(database, carriage.run_id, reason="its process is gone")
    await retry_run(database, carriage.run_id)
    with pytest.raises(LeaseLostError):
        await carriage.store(person("7"), Email=[email("1")])
    assert await carriage.rows(EMAIL) == {}


async def test_what_rides_for_another_run_is_not_stored(database: Database) -> None:
    """The page, too, is refused: whoever mixes up runs is wrong about everything."""
    carriage, other = [await Carriage.begin(database, EMAIL) for _ in range(2)]
    carriage.entity_runs = other.entity_runs
    with pytest.raises(LeaseLostError):
        await carriage.store(person("7"), Email=[email("1")])
    assert [await c.rows(e) for c in (carriage, other) for e in (PERSON, EMAIL)] == [{}] * 4


async def test_what_rides_waits_with_its_page_for_whoever_takes_the_run(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT 1 FROM openfaith.entity_run WHERE entity_run_id = %s FOR UPDATE",
            (carriage.held.entity_run_id,),
        )
        waiting = asyncio.create_task(carriage.store(person("7"), Email=[email("1")]))
        await wait_until_blocked(database)
        await connection.execute(
            "UPDATE openfaith.entity_run SET fence = fence + 1 WHERE entity_run_id = %s",
            (carriage.held.entity_run_id,),
        )
    with pytest.raises(LeaseLostError):
        await waiting
    assert await carriage.rows(EMAIL) == {}


# Locks


@asynccontextmanager
async def storing(
    database: Database, carriage: Carriage, entity: Entity, *, at: float = 100
) -> AsyncIterator[None]:
    """Somebody else stores the record 1, and commits when the block is left: whoever wants to store it waits.

    It is of that time: the page writes over it where it is before the page's.
    """
    statement = sql.SQL(
        "INSERT INTO {} (org_id, id, _source_updated_at, _requested_at, _hash, _run_id) VALUES (%s, '1', %s, %s, 0, 1)"
    ).format(sql.Identifier("riding", table_name(entity)))
    async with database.transaction() as connection:
        await connection.execute(statement, (carriage.org_id, moment(at), moment(at)))
        yield


async def cancel(database: Database, run_id: RunId) -> object:
    return await cancel_run(database, run_id)


async def end(database: Database, run_id: RunId) -> object:
    return await finish_run(database, run_id, reason="its process is gone")


async def close(database: Database, run_id: RunId) -> object:
    return await settle_closed_products(database, run_id, [PERSON.name])


@pytest.mark.parametrize("stop", [cancel, end, close])
@pytest.mark.parametrize(
    "riders",
    [(PORTRAIT, NOTE), (NOTE, PORTRAIT), (EMAIL, PHONE), (PHONE, EMAIL)],
    ids=lambda riders: "-".join(rider.type for rider in riders),
)
async def test_who_stops_a_run_and_who_commits_its_page_with_riders_never_wait_for_each_other(
    own_database: Database,
    riders: tuple[Entity, Entity],
    stop: Callable[[Database, RunId], Coroutine[object, object, object]],
) -> None:
    """Both lock carrier, then riders, in the plan's order. The page is held up between its first rider and its second.

    The run was retried: its rows stand in the table in another order than in the plan. What has an owner is stored by
    statements of its own; the rest by the page's own.
    """
    carriage = await Carriage.begin(own_database, *riders)
    await finish_entity_run(own_database, carriage.run_id, riders[1].name, status=EntityStatus.FAILED)
    await finish_run(own_database, carriage.run_id, reason="its process is gone")
    await retry_run(own_database, carriage.run_id)
    assert await begin_run(own_database, carriage.run_id)
    carriage.held = await take(own_database, carriage.run_id, PERSON)
    await close_product(own_database, carriage.run_id, "church", "402")
    records = {
        "Portrait": record("1", "Portrait", url="x"),
        "Note": note("1"),
        "Email": email("1"),
        "Phone": phone("1"),
    }
    brought = {rider.type: (records[rider.type],) for rider in riders}
    page = replace(make_page(person("7")), included=brought)
    async with storing(own_database, carriage, riders[1]):
        committing = asyncio.create_task(carriage.commit(page, make_place(carriage.held)))
        await wait_until_blocked(own_database)
        stopping = asyncio.create_task(stop(own_database, carriage.run_id))
        await wait_until_blocked(own_database, 2, unless=stopping)
    await asyncio.gather(committing, stopping)
    assert [list(await carriage.rows(rider)) for rider in riders] == [["1"], ["1"]]


@pytest.mark.parametrize(("stop", "stored"), [(cancel, ["1"]), (close, ["1"]), (end, [])])
async def test_who_stops_a_run_may_go_before_a_page_that_has_to_look_again_at_what_rides(
    own_database: Database,
    stop: Callable[[Database, RunId], Coroutine[object, object, object]],
    stored: list[str],
) -> None:
    """The page would write over a row that it has not seen, gives its locks back, and begins anew: whole or not at all."""
    carriage = await Carriage.begin(own_database, EMAIL, PHONE)
    await close_product(own_database, carriage.run_id, "church", "402")
    async with storing(own_database, carriage, PHONE, at=-100):
        page = asyncio.create_task(carriage.store(person("7"), Email=[email("1")], Phone=[phone("1")]))
        await wait_until_blocked(own_database)
        stopping = asyncio.create_task(stop(own_database, carriage.run_id))
        await wait_until_blocked(own_database, 2, unless=stopping)
    committed, _ = await asyncio.gather(page, stopping, return_exceptions=True)
    assert isinstance(committed, Committed if stored else LeaseLostError)
    assert list(await carriage.rows(EMAIL)) == stored
    assert (await carriage.rows(PHONE))["1"]["number"] == ("555-0101" if stored else None)


# Bad values and bad records


async def test_a_value_that_does_not_fit_goes_to_extra_while_the_page_is_stored(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL, NOTE)
    committed = await carriage.store(
        person("7"), Email=[email("1", "7", rank="first"), email("2", "7")], Note=[note("1", "7")]
    )
    own, emails, notes = committed.parts
    assert [part.counts.inserted for part in committed.parts] == [1, 2, 1]
    assert (own.misfits, emails.misfits, notes.misfits) == ({}, {"rank": 1}, {})
    row = (await carriage.rows(EMAIL))["1"]
    assert (row["rank"], row["person_id"], row["_extra"]) == (None, "7", {"rank": "first"})


@pytest.mark.parametrize(
    "poison", [b"{", b"5", b'{"type": "Email"}', email("9", address="a\x00b"), note("9")]
)
async def test_a_bad_record_that_rides_is_a_dead_letter_of_its_own_entity(
    database: Database, poison: bytes
) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    committed = await carriage.store(person("7"), Email=[email("1", "7"), poison, email("2", "7")])
    own, emails = committed.parts
    assert (own.counts, emails.counts) == (
        PageCounts(inserted=1),
        PageCounts(inserted=2, dead_letters=1),
    )
    [letter] = await carriage.letters()
    assert (letter["entity"], letter["body"], letter["run_id"]) == (EMAIL.name, poison, carriage.run_id)
    assert emails.reasons == (letter["reason"],)
    runs = [await carriage.entity_run(entity) for entity in (PERSON, EMAIL)]
    assert [(run["records"], run["dead_letters"]) for run in runs] == [(1, 0), (3, 1)]


async def replayed(carriage: Carriage, entity: Entity, kind: str) -> list[RetryOutcome]:
    """The outcomes of a replay by a program that calls the entity's records so."""
    manifest = replace(MANIFEST, entities={**MANIFEST.entities, entity.name: replace(entity, type=kind)})
    choice = DeadLetterChoice(org_id=carriage.org_id, adapter="riding")
    return [each.outcome for each in await retry_dead_letters(carriage.database, manifest, choice)]


async def test_a_dead_letter_that_rode_is_replayed_as_its_owners(database: Database) -> None:
    """What it does not say of itself: below whom it stands."""
    carriage = await Carriage.begin(database, NOTE)
    await carriage.store(
        person("7", notes=["1"]), person("8", notes=["9"]), Note=[record("9", "Memo", text="x")]
    )
    [letter] = await carriage.letters()
    assert (letter["carrier"], letter["owner_id"], letter["path"]) == (PERSON.name, "8", f"/{PERSON.name}")
    assert await replayed(carriage, NOTE, "Memo") == [RetryOutcome.STORED]
    row = (await carriage.rows(NOTE))["9"]
    assert (row["text"], row["person_id"]) == ("x", "8")


async def test_a_replay_finds_the_other_parents_in_its_owners_row(database: Database) -> None:
    carriage = await Carriage.begin(database, ITEM, carrier=PLAN)
    plan = record("3", "Plan", relationships={"items": {"data": [{"type": "Item", "id": "9"}]}})
    await carriage.store(plan, parents='{"person_id": "7"}', Item=[record("9", "Thing")])
    assert await replayed(carriage, ITEM, "Thing") == [RetryOutcome.STORED]
    row = (await carriage.rows(ITEM))["9"]
    assert (row["plan_id"], row["person_id"]) == ("3", "7")


async def test_a_replay_of_a_thin_copy_leaves_a_thick_row_alone(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[record("9", "Mail", address="b")], at=10)
    await carriage.store(person("7"), Email=[email("9", "7", address="a", rank=1)], at=5)
    before = await carriage.rows(EMAIL)
    assert await replayed(carriage, EMAIL, "Mail") == [RetryOutcome.SUPERSEDED]
    assert await carriage.rows(EMAIL) == before


@pytest.mark.parametrize(
    "poison",
    [b"{", b"5", b"null", b'{"type": "Person"}', record("9", "Person", name="a\x00b"), record("9", "Note")],
)
async def test_a_bad_record_of_the_page_costs_nothing_that_rides(database: Database, poison: bytes) -> None:
    """Whose the riders are is read from the page's good records."""
    carriage = await Carriage.begin(database, NOTE, PORTRAIT)
    committed = await carriage.store(
        person("7", notes=["1", "2"], portrait="1"),
        poison,
        Note=[note("1"), note("2")],
        Portrait=[record("1", "Portrait", url="x")],
    )
    assert [part.counts for part in committed.parts] == [
        PageCounts(inserted=1, dead_letters=1),
        PageCounts(inserted=2),
        PageCounts(inserted=1),
    ]
    owners = {
        row["person_id"] for entity in (NOTE, PORTRAIT) for row in (await carriage.rows(entity)).values()
    }
    assert owners == {"7"}
    assert [letter["entity"] for letter in await carriage.letters()] == [PERSON.name]


async def test_what_belongs_to_a_bad_record_is_stored_without_knowing_whose_it_is(database: Database) -> None:
    """Until the record is good again, and says so."""
    carriage = await Carriage.begin(database, NOTE)
    bad = person("7", notes=["1"]).replace(b"person 7", b"a\\u0000b")
    await carriage.store(bad, Note=[note("1")])
    assert (await carriage.rows(NOTE))["1"]["person_id"] is None
    await carriage.store(person("7", notes=["1"]), at=1, Note=[note("1")])
    assert (await carriage.rows(NOTE))["1"]["person_id"] == "7"


async def test_a_record_that_rides_twice_counts_once(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    older, newer = email("1", rank=1), email("1", rank=2, updated_at=stamp(5))
    committed = await carriage.store(person("7"), Email=[newer, older])
    assert committed.parts[1].counts == PageCounts(inserted=1, unchanged=1)
    assert (await carriage.rows(EMAIL))["1"]["rank"] == 2


# Thin copies


async def test_a_thin_copy_never_replaces_a_thick_one(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7", address="thick@example.org")])
    before = await carriage.rows(EMAIL)
    thin = email("1", "7", address="thin@example.org", rank=..., updated_at=stamp(99))
    committed = await carriage.store(person("7"), at=100, Email=[thin])
    assert committed.parts[1].counts == PageCounts(unchanged=1)
    assert await carriage.rows(EMAIL) == before


async def test_a_thin_copy_is_better_than_none(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    committed = await carriage.store(person("7"), Email=[email("1", "7", rank=...), email("2", "7")])
    assert committed.parts[1].counts == PageCounts(inserted=2)
    row = (await carriage.rows(EMAIL))["1"]
    assert (row["address"], row["rank"], row["person_id"]) == ("1@example.org", None, "7")


async def test_a_thick_copy_replaces_a_thin_one(database: Database) -> None:
    """Also where it is no newer: it says more."""
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7", rank=...)])
    committed = await carriage.store(person("7"), at=1, Email=[email("1", "7", rank=3)])
    assert committed.parts[1].counts == PageCounts(updated=1)
    assert (await carriage.rows(EMAIL))["1"]["rank"] == 3


async def test_a_copy_without_what_is_only_sent_when_asked_for_is_not_thin(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", secret="s")])
    committed = await carriage.store(person("7"), at=1, Email=[email("1", rank=2, updated_at=stamp(1))])
    assert committed.parts[1].counts == PageCounts(updated=1)


async def test_a_copy_that_lacks_only_what_the_row_lacks_too_is_not_thin(database: Database) -> None:
    """An older version of the API may never send an attribute: the record changes all the same."""
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", rank=...)])
    moved = email("1", rank=..., address="new@example.org", updated_at=stamp(5))
    committed = await carriage.store(person("7"), at=6, Email=[moved])
    assert committed.parts[1].counts == PageCounts(updated=1)
    assert (await carriage.rows(EMAIL))["1"]["address"] == "new@example.org"


async def test_a_null_is_no_lack(database: Database) -> None:
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", rank=7)])
    committed = await carriage.store(person("7"), at=6, Email=[email("1", rank=None, updated_at=stamp(5))])
    assert committed.parts[1].counts == PageCounts(updated=1)
    assert (await carriage.rows(EMAIL))["1"]["rank"] is None


async def test_another_organizations_copy_makes_none_thin(database: Database) -> None:
    first, second = [await Carriage.begin(database, EMAIL) for _ in range(2)]
    await first.store(person("7"), Email=[email("1")])
    committed = await second.store(person("7"), Email=[email("1", rank=...)])
    assert committed.parts[1].counts == PageCounts(inserted=1)


# Whose it is


async def test_the_carriers_relationships_say_whose_a_rider_is(database: Database) -> None:
    carriage = await Carriage.begin(database, NOTE, PORTRAIT)
    await carriage.store(
        person("7", notes=["1", "2"], portrait=None),
        person("8", notes=[], portrait="1"),
        person("9", notes=["3"]),
        Note=[note("3"), note("2"), note("1"), note("4")],
        Portrait=[record("1", "Portrait", url="x")],
    )
    notes = await carriage.rows(NOTE)
    assert {key: row["person_id"] for key, row in notes.items()} == {"1": "7", "2": "7", "3": "9", "4": None}
    assert (await carriage.rows(PORTRAIT))["1"]["person_id"] == "8"


@pytest.mark.parametrize(
    "later", [person("7"), person("7", notes=[]), person("8", notes=["2"]), record("7", "Person")]
)
async def test_whose_a_rider_is_stays_where_a_later_answer_does_not_say(
    database: Database, later: bytes
) -> None:
    carriage = await Carriage.begin(database, NOTE)
    await carriage.store(person("7", notes=["1"]), Note=[note("1")])
    committed = await carriage.store(later, at=6, Note=[note("1", text="new", updated_at=stamp(5))])
    row = (await carriage.rows(NOTE))["1"]
    assert committed.parts[1].counts == PageCounts(updated=1)
    assert (row["text"], row["person_id"]) == ("new", "7")


async def test_the_outer_ids_stay_where_a_later_answer_does_not_say_whose_it_is(database: Database) -> None:
    carriage = await Carriage.begin(database, ITEM, carrier=PLAN)
    plan = record("5", "Plan", relationships={"items": linkage(["1"])}, name="plan")
    item = record("1", "Item", name="item")
    await carriage.store(plan, parents='{"person_id": "7"}', Item=[item])
    silent = record("5", "Plan", name="plan")
    committed = await carriage.store(silent, at=6, parents='{"person_id": "7"}', Item=[item])
    row = (await carriage.rows(ITEM))["1"]
    assert committed.parts[1].counts == PageCounts(unchanged=1)
    assert (row["person_id"], row["plan_id"]) == ("7", "5")


async def test_the_riders_own_word_goes_before_its_carriers(database: Database) -> None:
    carriage = await Carriage.begin(database, NOTE)
    await carriage.store(person("7", notes=["1"]), Note=[note("1", of="8")])
    assert (await carriage.rows(NOTE))["1"]["person_id"] == "8"


async def test_what_a_rider_does_not_say_stays_and_what_it_says_counts(database: Database) -> None:
    """A record may come along without the relationships that its own list has; null is a word, too."""
    carriage = await Carriage.begin(database, EMAIL)
    await carriage.store(person("7"), Email=[email("1", "7"), email("2", "7")])
    nobodys = record(
        "2", "Email", relationships={"person": {"data": None}}, address="x", rank=1, updated_at=stamp(5)
    )
    await carriage.store(person("7"), at=6, Email=[email("1", rank=2, updated_at=stamp(5)), nobodys])
    emails = await carriage.rows(EMAIL)
    assert [(row["rank"], row["person_id"]) for row in emails.values()] == [(2, "7"), (1, None)]


@pytest.mark.parametrize(
    "strange", [5, "x", [], {}, {"data": 5}, {"data": ["x", 5, None, {}]}, {"data": {"id": None}}]
)
async def test_a_strange_relationship_of_the_carrier_says_nothing(
    database: Database, strange: object
) -> None:
    carriage = await Carriage.begin(database, NOTE)
    people = [
        record("7", "Person", relationships={"notes": strange}),
        record("8", "Person"),
        person("9", notes=["1"]),
    ]
    await carriage.store(*people, Note=[note("1"), note("2")])
    assert {key: row["person_id"] for key, row in (await carriage.rows(NOTE)).items()} == {
        "1": "9",
        "2": None,
    }


async def test_two_levels_deep_the_outer_id_is_the_carriers_own(database: Database) -> None:
    """The carrier is read below a person itself; its row has that person's id."""
    carriage = await Carriage.begin(database, ITEM, carrier=PLAN)
    plan = record("5", "Plan", relationships={"items": linkage(["1"])}, name="plan")
    await carriage.store(plan, parents='{"person_id": "7"}', Item=[record("1", "Item", name="item")])
    assert (await carriage.rows(PLAN))["5"]["person_id"] == "7"
    row = (await carriage.rows(ITEM))["1"]
    assert (row["person_id"], row["plan_id"]) == ("7", "5")


async def test_a_record_that_was_read_below_its_parent_rides_unchanged(database: Database) -> None:
    """The way by which it is read is no part of its content."""
    nested_walk = await Carriage.begin(database, carrier=NOTE)
    await nested_walk.store(note("1"), parents='{"person_id": "7"}')
    before = await nested_walk.rows(NOTE)
    await finish_run(database, nested_walk.run_id, reason="enough")
    carriage = await Carriage.begin(database, NOTE, org=nested_walk.org_id)
    committed = await carriage.store(person("7", notes=["1"]), at=1, Note=[note("1")])
    assert committed.parts[1].counts == PageCounts(unchanged=1)
    assert await carriage.rows(NOTE) == before


async def test_whoever_takes_over_need_not_wait_for_a_process_that_froze_between_a_pages_statements(
    database: Database, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the transaction of one that says nothing more: so its statements must not be a pipeline."""
    sent, woken = asyncio.Event(), asyncio.Event()

    class FreezingCursor(psycopg.AsyncRawCursor):
        """Its second statement is the last thing that the process does."""

        statements = 0

        async def execute(self, *args: Any, **kwargs: Any) -> Self:
            done = await super().execute(*args, **kwargs)
            FreezingCursor.statements += 1
            if FreezingCursor.statements == 2:
                sent.set()
                await woken.wait()
            return done

    carriage = await Carriage.begin(database, EMAIL, NOTE)
    monkeypatch.setitem(connection._SESSION, "idle_in_transaction_session_timeout", "200ms")
    monkeypatch.setattr(psycopg, "AsyncRawCursor", FreezingCursor)
    async with open_database(shared_url) as of_the_sleeper:
        sleeper = replace(carriage, database=of_the_sleeper)
        page = asyncio.create_task(sleeper.store(person("7"), Email=[email("1", "7")], Note=[note("1", "7")]))
        await sent.wait()
        async with asyncio.timeout(60):  # for ever, if it were one
            taken = await take(database, carriage.run_id, PERSON)
        woken.set()
        with pytest.raises(DatabaseUnavailableError):
            await page
    assert taken.fence == carriage.held.fence + 1
    assert [await carriage.rows(entity) for entity in (PERSON, EMAIL, NOTE)] == [{}, {}, {}]
