"""People with what is below them and what points at them, for tests of deletions and merges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from openfaith.manifest import Entity, table_name
from openfaith.store import Database
from support.mirror import Reader, Row, connect_org, fetch, moment, start_run, take
from unit.manifest.samples import listed, load, nested

MANIFEST = replace(
    load(
        {
            "Room": listed("rooms"),
            "Person": listed("people", relationships={"room": {"to": "Room"}}),
            "Gift": listed(
                "gifts",
                relationships={"person": {"to": "Person"}, "giver": {"to": "Person"}, "thing": {"to": None, "polymorphic": True}},
            ),
            "Membership": nested("people/{person_id}/memberships", attributes={"name": "string", "updated_at": "date_time"}),
            "Note": nested("people/{person_id}/memberships/{membership_id}/notes"),
            "Merger": listed(
                "mergers",
                attributes={"created_at": "date_time", "gone_id": "string", "left_id": "integer"},
                query_by=["gone_id"],
            ),
        },
        merges=[{"entity": "Person", "log": "Merger", "removed": "gone_id", "kept": "left_id"}],
    ),
    adapter="family",
)  # fmt: skip
ROOM, PERSON, GIFT, MEMBERSHIP, NOTE, MERGER = MANIFEST.entities.values()


async def begin(database: Database, org: str, *others: Entity) -> Reader:
    """A run of people, taken, and of others, waiting."""
    org_id = await connect_org(database, org)
    run_id = await start_run(database, org_id, PERSON, *others, adapter=MANIFEST.adapter)
    return Reader(database, PERSON, org_id, run_id, await take(database, run_id, PERSON), MANIFEST)


async def put(reader: Reader, entity: Entity, key: str, *, at: float = 0, **values: object) -> None:
    """A row, as if it had been requested `at`."""
    columns: dict[str, Any] = {
        "org_id": reader.org_id,
        "id": key,
        "_requested_at": moment(at),
        "_hash": 1,
        "_run_id": reader.run_id,
        **values,
    }
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(MANIFEST.adapter, table_name(entity)),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(map(sql.Literal, columns.values())),
    )
    async with reader.database.connection() as connection:
        await connection.execute(statement)


async def rows(reader: Reader, entity: Entity, *, schema: str = MANIFEST.adapter) -> dict[str, Row]:
    statement = sql.SQL("SELECT * FROM {} WHERE org_id = {} ORDER BY id").format(
        sql.Identifier(schema, table_name(entity)), sql.Literal(reader.org_id)
    )
    async with reader.database.connection() as connection:
        cursor = await connection.cursor(row_factory=dict_row).execute(statement)
        return {row["id"]: row for row in await cursor.fetchall()}


async def living(reader: Reader, entity: Entity) -> set[str]:
    return {key for key, row in (await rows(reader, entity)).items() if row["_deleted_at"] is None}


async def deleted_by_entity(reader: Reader) -> Mapping[str, int]:
    """What the run counted."""
    found = await fetch(
        reader.database,
        "SELECT entity, deleted FROM openfaith.entity_run WHERE run_id = %s AND deleted > 0",
        reader.run_id,
    )
    return {row["entity"]: row["deleted"] for row in found}
