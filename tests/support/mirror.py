"""A small manifest of a made-up API, and a church whose records are being written into its mirror tables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from openfaith.manifest import (
    Attribute,
    AttributeType,
    Endpoint,
    Entity,
    Manifest,
    Method,
    Product,
    Relationship,
    table_name,
)
from openfaith.records import EntityName, EntityStatus, OrgId, Page, RunId, SyncKind
from openfaith.source import Rows
from openfaith.store import (
    Committed,
    Database,
    HeldEntityRun,
    PageCommit,
    PageWriter,
    PlannedReading,
    begin_run,
    ensure_mirror_tables,
    finish_entity_run,
    finish_run,
    note_permissions,
    note_source_start,
    open_database,
    plan_entity_runs,
    request_run,
    take_entity_run,
)

ADAPTER = "sample"
START = datetime(2026, 1, 1, tzinfo=UTC)
"""When the source's clock stood at 0 seconds."""

Row = dict[str, Any]
T = TypeVar("T")


def make_entity(
    name: str, attributes: dict[str, AttributeType], *relationships: Relationship, kind: str | None = None
) -> Entity:
    """An entity of the product `church`, with a collection of its own."""
    listing = Endpoint(name="list", method=Method.GET, path=f"/church/v1/{name.lower()}s", collection=True)
    return Entity(
        name=EntityName(f"church.{name}"),
        type=kind or name,
        product="church",
        attributes={key: Attribute(name=key, type=of) for key, of in attributes.items()},
        relationships={r.name: r for r in relationships},
        endpoints=(listing,),
    )


def make_manifest(*entities: Entity, adapter: str = ADAPTER) -> Manifest:
    return Manifest(
        adapter=adapter,
        products={"church": Product(name="church", base_path="/church/v1", version="2026-01-01")},
        entities={entity.name: entity for entity in entities},
        default_product="church",
    )


CAMPUS = make_entity("Campus", {"name": AttributeType.STRING, "seats": AttributeType.INTEGER})
"""Does not say when a record changed."""

MEMBER = make_entity(
    "Member",
    {
        "name": AttributeType.STRING,
        "age": AttributeType.INTEGER,
        "height": AttributeType.FLOAT,
        "active": AttributeType.BOOLEAN,
        "born": AttributeType.DATE,
        "joined_at": AttributeType.DATE_TIME,
        "settings": AttributeType.JSON,
        "tags": AttributeType.ARRAY,
        "updated_at": AttributeType.DATE_TIME,
    },
    Relationship(name="campus", to=CAMPUS.name),
    Relationship(name="owner", to=None, polymorphic=True),
    Relationship(name="teams", to=None, many=True),
)
"""Has an attribute of every type, and a relationship of every kind."""

MANIFEST = make_manifest(CAMPUS, MEMBER)


def moment(seconds: float) -> datetime:
    """The source's clock."""
    return START + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """The same as the source writes it."""
    return moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(key: str, kind: str = MEMBER.type, *, relationships: object = None, **attributes: object) -> bytes:
    """A record's JSON text."""
    document: Row = {"type": kind, "id": key, "attributes": attributes}
    if relationships is not None:
        document["relationships"] = relationships
    return json.dumps(document).encode()


def campus(key: str, **attributes: object) -> bytes:
    return record(key, CAMPUS.type, **attributes)


def to_one(key: object, kind: str = "Campus") -> Row:
    """A relationship that points to one record."""
    return {"data": {"type": kind, "id": key}}


def make_page(*records: bytes, at: float = 0, total: int | None = None, requests: int = 1) -> Page:
    """A page that was requested `at` so many seconds."""
    return Page(
        records=records,
        rows=Rows(records),
        included={},
        total_count=total,
        has_next=False,
        can_query_by=None,
        can_order_by=None,
        can_include=None,
        requested_at=moment(at),
        size_bytes=sum(map(len, records)),
        requests=requests,
    )


@asynccontextmanager
async def open_sample(
    url: str, *, manifest: Manifest = MANIFEST, connections: int = 4
) -> AsyncIterator[Database]:
    """A migrated database, with the manifest's mirror tables."""
    async with open_database(url, connections=connections) as database:
        await ensure_mirror_tables(database, manifest)
        yield database


async def fetch(database: Database, statement: LiteralString, *parameters: object) -> list[Row]:
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(statement, parameters or None)
        return await cursor.fetchall()


async def fetch_one(database: Database, statement: LiteralString, *parameters: object) -> Row:
    [row] = await fetch(database, statement, *parameters)
    return row


async def execute(database: Database, statement: LiteralString, *parameters: object) -> None:
    async with database.connection() as connection:
        await connection.execute(statement, parameters)


def ask(url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a statement on a connection of its own; its rows, where it has any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


async def connect_org(database: Database, org: str) -> OrgId:
    """Make an organization, without a credential."""
    await execute(
        database, "INSERT INTO openfaith.organization (org_id) VALUES (%s) ON CONFLICT DO NOTHING", org
    )
    return OrgId(org)


async def start_run(
    database: Database, org: OrgId, *entities: Entity, adapter: str = ADAPTER, named: bool = False
) -> RunId:
    """A running sync of these entities; of all there are, for those who ask, unless it is `named`."""
    names = [entity.name for entity in entities]
    run_id, _ = await request_run(
        database,
        org_id=org,
        adapter=adapter,
        kind=SyncKind.FULL,
        entities=names if named else None,
        requested_by="test",
    )
    assert await begin_run(database, run_id)
    await plan_entity_runs(database, run_id, [planned(entity) for entity in entities])
    return run_id


def planned(entity: Entity) -> PlannedReading:
    """To be read by itself, below its parent where it has one."""
    if entity.below is None:
        return PlannedReading(entity=entity.name, reading="top", path=f"/{entity.name}")
    path, parent = entity.below.endpoint.path, entity.below.parent
    return PlannedReading(entity=entity.name, reading="nested", path=path, parent=parent)


async def take(database: Database, run_id: RunId, entity: Entity = MEMBER) -> HeldEntityRun:
    held = await take_entity_run(database, run_id, entity.name)
    assert held is not None
    return held


def make_place(held: HeldEntityRun, number: int = 1, *, requests: int = 1) -> PageCommit:
    """Where the entity run's page of this number belongs."""
    return PageCommit(
        entity_run_id=held.entity_run_id,
        fence=held.fence,
        number=number,
        token=f"page={number}",
        checkpoint=json.dumps({"page": number}),
        requests=requests,
    )


@dataclass
class Reader:
    """Whoever holds an entity run, and commits its pages one after another."""

    database: Database
    entity: Entity
    org_id: OrgId
    run_id: RunId
    held: HeldEntityRun
    manifest: Manifest = MANIFEST

    @classmethod
    async def begin(
        cls,
        database: Database,
        entity: Entity = MEMBER,
        *,
        org: str,
        manifest: Manifest = MANIFEST,
        started_at: float = 0,
        permissions: str | None = None,
    ) -> Reader:
        """An organization with a run of this one entity, taken."""
        org_id = await connect_org(database, org)
        run_id = await start_run(database, org_id, entity, adapter=manifest.adapter)
        await note_permissions(database, run_id, permissions, attempt=1)
        held = await take(database, run_id, entity)
        await note_source_start(database, held, moment(started_at))
        return cls(database, entity, org_id, run_id, held, manifest)

    async def store(self, *records: bytes, at: float = 0, total: int | None = None) -> Committed:
        """Commit the next page."""
        return await self.commit(make_page(*records, at=at, total=total))

    async def commit(self, page: Page) -> Committed:
        place = make_place(self.held, self.held.pages + 1, requests=page.requests)
        committed = await PageWriter(self.database, self.manifest, self.entity).commit(page, place)
        self.held = replace(self.held, pages=place.number)
        return committed

    async def complete(self) -> None:
        """End the entity run, and with it the run."""
        await self.finish()
        await finish_run(self.database, self.run_id)

    async def finish(self, *, mark_lasts: timedelta | None = None) -> None:
        """End the entity run, and not the run."""
        await finish_entity_run(
            self.database,
            self.run_id,
            self.entity.name,
            status=EntityStatus.COMPLETED,
            table=self.table,
            mark_lasts=mark_lasts,
        )

    async def begin_again(self, *, started_at: float = 0, permissions: str | None = None) -> Reader:
        """The next run of the same, after this one was completed."""
        await self.complete()
        return await Reader.begin(
            self.database,
            self.entity,
            org=self.org_id,
            manifest=self.manifest,
            started_at=started_at,
            permissions=permissions,
        )

    @property
    def table(self) -> tuple[str, str]:
        return self.manifest.adapter, table_name(self.entity)

    async def rows(self) -> dict[str, Row]:
        """The organization's rows, by id, with PostgreSQL's `xmin`: which transaction wrote the row."""
        statement = sql.SQL("SELECT xmin::text, * FROM {} WHERE org_id = {} ORDER BY id").format(
            sql.Identifier(*self.table), sql.Literal(self.org_id)
        )
        found = await fetch(self.database, statement.as_string())
        return {row["id"]: row for row in found}

    async def row(self, key: str) -> Row:
        return (await self.rows())[key]

    async def entity_run(self) -> Row:
        return await fetch_one(
            self.database,
            "SELECT * FROM openfaith.entity_run WHERE entity_run_id = %s",
            self.held.entity_run_id,
        )

    async def ledger(self) -> list[Row]:
        return await fetch(
            self.database,
            "SELECT * FROM openfaith.page_commit WHERE entity_run_id = %s ORDER BY page",
            self.held.entity_run_id,
        )

    async def letters(self) -> list[Row]:
        return await fetch(
            self.database,
            "SELECT * FROM openfaith.dead_letter WHERE org_id = %s ORDER BY dead_letter_id",
            self.org_id,
        )


@asynccontextmanager
async def blocking(database: Database, reader: Reader) -> AsyncIterator[Any]:
    """A transaction that holds the entity run's row: its pages wait until the block is left."""
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT 1 FROM openfaith.entity_run WHERE entity_run_id = %s FOR UPDATE",
            (reader.held.entity_run_id,),
        )
        yield connection


async def wait_until_blocked(
    database: Database, connections: int = 1, *, unless: asyncio.Future[Any] | None = None
) -> None:
    """Until so many connections to this database wait for a lock; or `unless` is over, which may not have to."""
    waiting: LiteralString = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while (await fetch_one(database, waiting))["count"] < connections:
        if unless is not None and unless.done():
            return


@dataclass
class Examples:
    """One database and one event loop for all examples of a property."""

    runner: asyncio.Runner
    database: Database
    _numbers: Iterator[int] = field(default_factory=count)

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.runner.run(work)

    def new_org(self) -> str:
        """An organization that no other example has, nor any of another test."""
        return f"example-{id(self)}-{next(self._numbers)}"
