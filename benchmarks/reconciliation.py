"""What it costs to compare a listing with a table, beside a bare anti-join, in one run on this machine.

    python benchmarks/reconciliation.py                     1,000,000 ids
    python benchmarks/reconciliation.py --ids 100000 1000000

For each number of ids, in a fresh database of one embedded PostgreSQL: a table of people is filled with that many
rows, and a listing, by COPY, with as many ids. One in a thousand of each is not in the other, and one in a thousand is
listed as newer. Then the listing is closed and compared, a range of ids after the other, as a reconciliation does it.
Beside it stands the bare anti-join: one statement for each direction that counts what is not in the other table, and
writes nothing.

Peak memory is that of this process, the client, after the comparison; with several sizes it shows that it does not
grow with the number of ids. The bare listing that a comparison follows takes a request for every hundred ids: at
five requests a second, 2,000 seconds for a million.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from openfaith.adapters import find_adapter
from openfaith.records import EntityName, EntityRunId, OrgId, SyncKind
from openfaith.store import (
    IDS_AT_ONCE,
    Compared,
    Database,
    HeldEntityRun,
    PlannedReading,
    begin_run,
    close_listing,
    compare_next,
    ensure_mirror_tables,
    migrate,
    open_database,
    open_listing,
    plan_entity_runs,
    request_run,
    take_entity_run,
)
from openfaith.store.embedded import EmbeddedServer

MANIFEST = find_adapter("pco").load_manifest()
PERSON = MANIFEST.entities[EntityName("people.Person")]
ORG = OrgId("benchmark")
START = datetime(2026, 1, 1, tzinfo=UTC)
CHANGED = START - timedelta(days=30)
"""When the records were changed last: well before they were read, so that one answer tells it."""
ONE_IN = 1000

STORED = """
INSERT INTO pco.people_person (org_id, id, updated_at, _source_updated_at, _requested_at, _hash, _run_id)
SELECT %s, (100000000 + n)::text, %s, %s, %s, n, 1 FROM generate_series(1, %s) AS n
"""

BARE = (
    """SELECT count(*) FROM pco.people_person AS t WHERE t.org_id = %s AND t._deleted_at IS NULL AND NOT EXISTS (
       SELECT FROM openfaith.listing_row AS r WHERE r.entity_run_id = %s AND r.id = t.id COLLATE "C")""",
    """SELECT count(*) FROM openfaith.listing_row AS r WHERE %s <> '' AND r.entity_run_id = %s AND NOT EXISTS (
       SELECT FROM pco.people_person AS t
       WHERE t.org_id = 'benchmark' AND t.id = r.id COLLATE "default" AND t._deleted_at IS NULL)""",
)


def listed(entity_run_id: EntityRunId, ids: int) -> Iterator[tuple[int, str, datetime]]:
    """What COPY writes: all but some, some that are not stored, and some that are newer."""
    for n in range(1, ids + 1):
        key = 100_000_000 + n + (ids if n % ONE_IN == 0 else 0)
        yield entity_run_id, str(key), CHANGED + timedelta(days=n % ONE_IN == 1)


async def begin(database: Database) -> HeldEntityRun:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO openfaith.organization (org_id) VALUES (%s)", (ORG,))
    run_id, _ = await request_run(
        database, org_id=ORG, adapter="pco", kind=SyncKind.FULL, entities=None, requested_by="benchmark"
    )
    await begin_run(database, run_id)
    await plan_entity_runs(database, run_id, [PlannedReading(entity=PERSON.name, reading="top", path="/")])
    held = await take_entity_run(database, run_id, PERSON.name)
    assert held is not None
    await open_listing(database, held, started_at=START)
    return held


async def fill(database: Database, held: HeldEntityRun, ids: int) -> None:
    async with database.transaction() as connection:
        await connection.execute(STORED, (ORG, CHANGED, CHANGED, START, ids))
        cursor = connection.cursor()
        async with cursor.copy(
            "COPY openfaith.listing_row (entity_run_id, id, updated_at) FROM STDIN"
        ) as copy:
            for row in listed(held.entity_run_id, ids):
                await copy.write_row(row)
        await connection.execute("UPDATE openfaith.listing SET counted = %s", (ids,))
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE")


async def compare(database: Database, held: HeldEntityRun) -> Compared:
    total = Compared(done=False)
    while not total.done:
        part = await compare_next(database, MANIFEST, PERSON, held)
        total = Compared(
            done=part.done,
            missing=total.missing + part.missing,
            stale=total.stale + part.stale,
            suspects=total.suspects + part.suspects,
        )
    return total


def bare(url: str, held: HeldEntityRun) -> float:
    """Seconds, on a connection that plans as PostgreSQL likes."""
    with psycopg.connect(url, autocommit=True) as connection:
        start = time.perf_counter()
        for statement in BARE:
            connection.execute(statement, (ORG, held.entity_run_id))
        return time.perf_counter() - start


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(url: str, ids: int) -> None:
    await migrate(url)
    async with open_database(url, connections=2) as database:
        await ensure_mirror_tables(database, MANIFEST)
        held = await begin(database)
        await fill(database, held, ids)
        before = peak_megabytes()
        start = time.perf_counter()
        closed = await close_listing(database, held, [])
        found = await compare(database, held)
        seconds = time.perf_counter() - start
    assert closed.proven, closed
    assert (found.missing, found.stale, found.suspects) == (ids // ONE_IN,) * 3, found
    anti_join = bare(url, held)
    print(
        f"{ids:>9,} ids  compared in {seconds:6.2f} s ({ids / IDS_AT_ONCE:g} ranges a side)"
        f"  bare anti-join {anti_join:6.2f} s  ratio {seconds / anti_join:4.1f}"
        f"  client's peak {peak_megabytes():.0f} MB (before it {before:.0f} MB)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--ids", type=int, nargs="+", default=[1_000_000], help="how many, a multiple of 1,000"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, EmbeddedServer.start(Path(home)) as server:
        for ids in arguments.ids:
            name = f"ids_{ids}"
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            asyncio.run(measure(server.url.replace("/openfaith?", f"/{name}?"), ids))


if __name__ == "__main__":
    main()
