"""The bare floor: what it costs to download every page and upsert it, and nothing else.

Uses no code of openfaith. For every entity: page after page, four entities at a time, each page one request, one
envelope split and one upsert statement of its own transaction, prepared, fed with the page as it came. Where the
specification lets entities ride along, their records are split off by type and upserted by one statement each, in the
page's transaction. A content hash tells whether a row changed. No checkpoint, no fencing, no ledger, no recovery, no
dead letters, no `_extra`, no run.

    python floor.py SPECIFICATION.json      (made by full_sync.py: where to ask, which tables, which columns)
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psycopg
import uvloop
from psycopg.types.json import Jsonb

IN_FLIGHT = 4
PAGE = 100


class Links(msgspec.Struct):
    next: str | None = None


class Typed(msgspec.Struct):
    type: str


class Envelope(msgspec.Struct):
    data: msgspec.Raw
    links: Links
    included: list[msgspec.Raw] = []


def statement(entity: dict[str, Any]) -> str:
    """One upsert for a page: columns by type, replaced where the content differs and the source's stamp is no older."""
    columns: dict[str, str] = entity["columns"]
    values = {"org_id": "'floor'", "id": "id"}
    for name, kind in columns.items():
        cast = f"a -> '{name}'" if kind == "jsonb" else f"(a ->> '{name}')::{kind}"
        values[f'"{name}"'] = cast
    for relationship in entity["relationships"]:
        values[f'"{relationship}_id"'] = f"r #>> '{{{relationship},data,id}}'"
    values["_hash"] = "jsonb_hash_extended(a, 0) # COALESCE(jsonb_hash_extended(r, 1), 0)"
    guard = "WHERE t._hash <> excluded._hash"
    if "updated_at" in columns:
        guard += ' AND t."updated_at" <= excluded."updated_at"'
    assignments = ", ".join(f"{name} = excluded.{name}" for name in list(values)[2:])
    return (
        f"INSERT INTO {entity['table']} AS t ({', '.join(values)}) SELECT {', '.join(values.values())} "
        "FROM (SELECT id, attributes AS a, relationships AS r FROM jsonb_to_recordset(%s::jsonb)"
        " AS record (id text, attributes jsonb, relationships jsonb) OFFSET 0) AS page "
        f"ON CONFLICT (org_id, id) DO UPDATE SET {assignments} {guard}"
    )


def definition(entity: dict[str, Any]) -> str:
    """The same columns that openfaith has for the record, without its own."""
    columns = [f'"{name}" {kind}' for name, kind in entity["columns"].items()]
    columns += [f'"{relationship}_id" text' for relationship in entity["relationships"]]
    return (
        f"CREATE TABLE IF NOT EXISTS {entity['table']} (org_id text NOT NULL, id text NOT NULL, "
        f"{', '.join(columns)}, _hash bigint, PRIMARY KEY (org_id, id))"
    )


TYPED = msgspec.json.Decoder(Typed)


def as_they_came(data: bytes) -> Jsonb:
    return Jsonb(data, dumps=lambda data: data)


def by_type(included: list[msgspec.Raw]) -> dict[str, bytes]:
    found: dict[str, list[msgspec.Raw]] = {}
    for record in included:
        found.setdefault(TYPED.decode(record).type, []).append(record)
    return {kind: b"[" + b",".join(records) + b"]" for kind, records in found.items()}


async def read(session: aiohttp.ClientSession, base_url: str, entity: dict[str, Any], url: str) -> None:
    decoder = msgspec.json.Decoder(Envelope)
    riders: list[dict[str, Any]] = entity["riders"]
    upsert, upserts = statement(entity), {rider["type"]: statement(rider) for rider in riders}
    include = "".join(f"&include={','.join(rider['include'] for rider in riders)}" for _ in riders[:1])
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for table in (entity, *riders):
            await connection.execute(definition(table))
        offset, more = 0, True
        while more:
            where = f"{base_url}{entity['path']}?per_page={PAGE}&offset={offset}{include}"
            async with session.get(where) as answer:
                answer.raise_for_status()
                page = decoder.decode(await answer.read())
            if riders:
                async with connection.transaction():
                    await connection.execute(upsert, (as_they_came(bytes(page.data)),), prepare=True)
                    for kind, records in by_type(page.included).items():
                        await connection.execute(upserts[kind], (as_they_came(records),), prepare=True)
            else:
                await connection.execute(upsert, (as_they_came(bytes(page.data)),), prepare=True)
            offset, more = offset + PAGE, page.links.next is not None


async def work(
    session: aiohttp.ClientSession, base_url: str, entities: Iterator[dict[str, Any]], url: str
) -> None:
    for entity in entities:
        await read(session, base_url, entity, url)


async def main(specification: dict[str, Any]) -> None:
    authorization = "Basic " + base64.b64encode(specification["token"].encode()).decode()
    entities = iter(specification["entities"])
    async with await psycopg.AsyncConnection.connect(specification["url"], autocommit=True) as connection:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS floor")
    async with (
        aiohttp.ClientSession(headers={"Authorization": authorization}) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(IN_FLIGHT):
            group.create_task(work(session, specification["base_url"], entities, specification["url"]))


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
