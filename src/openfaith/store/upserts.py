"""The one statement by which a page enters the database.

A page is not decoded in Python. Its records go to PostgreSQL as they came, and a single statement,
composed here from the manifest, does everything that must be atomic:

    holder     the entity run, locked, if the caller still holds its fencing token and this is its next page;
               else no row, and everything below finds nothing to do
    page       the records as rows: id, attributes, relationships, and the texts that are needed twice
    written    insert, or update where the incoming version is newer and differs (the guard)
    ledger     the page's line in openfaith.page_commit
    progress   the entity run's checkpoint and counts

One statement is one transaction and one round trip. A page is stored with its checkpoint or not at all, and
a process that lost its lease cannot write. What rode on the page is stored by the same statement, as further parts like
`page` and `written`, and counted for its own entity runs (`ridden`). Where a rider's rows tell whose they are in columns
of their own, all that rides is stored in the same transaction, by statements of their own that follow the page's. A dead letter that is
replayed goes the same way: its holder is the letter, locked, if it is still open, and instead of a checkpoint the letter
is resolved.

What becomes of a single record, and the guard, stand in `writing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from openfaith.manifest import Entity, Manifest, columns
from openfaith.store.composing import identifier, literal
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.readings import CarefulReading, PlainReading
from openfaith.store.writing import Written, has_owner

_STATEMENT = """
WITH holder AS MATERIALIZED (
    SELECT entity_run_id, run_id, org_id, cancel_requested
    FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running' AND pages = %(page)s - 1{same_run}
    FOR UPDATE
{write}{ridden}{read_below}), ledger AS (
    INSERT INTO openfaith.page_commit
        (entity_run_id, page, fence, token, requested_at, records, inserted, updated, dead_letters)
    SELECT holder.entity_run_id, %(page)s, %(fence)s, %(token)s, %(requested_at)s, %(size)s,
           counts.inserted, counts.updated, %(dead_letters)s
    FROM holder CROSS JOIN counts
)
UPDATE openfaith.entity_run AS e
SET checkpoint = %(checkpoint)s::jsonb,
    pages = %(page)s,
    requests = e.requests + %(requests)s,
    records = e.records + %(size)s,
    inserted = e.inserted + counts.inserted,
    updated = e.updated + counts.updated,
    unchanged = e.unchanged + %(size)s - %(dead_letters)s - counts.inserted - counts.updated,
    dead_letters = e.dead_letters + %(dead_letters)s,
    total_count = COALESCE(%(total_count)s, e.total_count),
    progressed_at = now()
FROM holder CROSS JOIN counts{riders}
WHERE e.entity_run_id = holder.entity_run_id
RETURNING holder.cancel_requested, counts.inserted, counts.updated{of_riders}
"""

_READ_BELOW = """), read_below AS (
    DELETE FROM openfaith.parent_failure AS f USING holder
    WHERE f.entity_run_id = holder.entity_run_id AND f.parent_id = %(read_below)s
"""
"""A parent that was left behind, and could be read below this time."""

_SAME_RUN = """
      AND (%(rider_run_id{of})s = 0 OR EXISTS (
          SELECT FROM openfaith.entity_run AS rider
          WHERE rider.entity_run_id = %(rider_run_id{of})s AND rider.run_id = entity_run.run_id))"""
"""Whoever mixes up runs is wrong about everything: then the page is not stored either."""

_COUNTED = """SELECT %(rider_run_id{of})s::bigint AS entity_run_id, %(size{of})s::bigint AS size, inserted, updated
        FROM counts{of}"""
"""What there is to count for one rider."""

_RIDDEN = """), ridden AS (
    UPDATE openfaith.entity_run AS e
    SET records = e.records + rider.size,
        inserted = e.inserted + rider.inserted,
        updated = e.updated + rider.updated,
        unchanged = e.unchanged + rider.size - rider.inserted - rider.updated,
        progressed_at = now()
    FROM holder CROSS JOIN ({riders}) AS rider
    WHERE e.entity_run_id = rider.entity_run_id
"""
"""What rode on a page that is stored by one statement with it, of which nothing has to be set aside."""

_RIDER = """
WITH holder AS MATERIALIZED (
    SELECT entity_run_id, run_id, org_id
    FROM openfaith.entity_run
    WHERE entity_run_id = %(entity_run_id)s AND fence = %(fence)s AND status = 'running' AND pages = %(page)s
{write})
UPDATE openfaith.entity_run AS e
SET records = e.records + %(size)s,
    inserted = e.inserted + counts.inserted,
    updated = e.updated + counts.updated,
    unchanged = e.unchanged + %(size)s - %(dead_letters)s - counts.inserted - counts.updated,
    dead_letters = e.dead_letters + %(dead_letters)s,
    progressed_at = now()
FROM holder CROSS JOIN counts
WHERE e.entity_run_id = %(rider_run_id)s AND e.run_id = holder.run_id
RETURNING false, counts.inserted, counts.updated
"""

_REPLAY = """
WITH holder AS MATERIALIZED (
    SELECT dead_letter_id, COALESCE(run_id, 0) AS run_id, org_id, parents, owner_id
    FROM openfaith.dead_letter
    WHERE dead_letter_id = %(dead_letter_id)s AND status = 'open'
    FOR UPDATE
{write})
UPDATE openfaith.dead_letter AS d
SET status = 'resolved',
    attempts = d.attempts + 1,
    last_attempt_at = now(),
    last_outcome = CASE WHEN counts.inserted + counts.updated > 0 THEN 'stored' ELSE 'superseded' END
FROM holder CROSS JOIN counts
WHERE d.dead_letter_id = holder.dead_letter_id
RETURNING d.last_outcome
"""

_OWNERS = """LEFT JOIN (
        SELECT child ->> 'id' AS id, min(carrier.id) AS owner
        FROM jsonb_to_recordset(%(carriers)b::jsonb) AS carrier (id text, relationships jsonb)
        CROSS JOIN LATERAL jsonb_path_query(
            carrier.relationships -> {include}, '$.data[*] ? (@.type() == "object")'
        ) AS child
        GROUP BY 1
    ) AS owned USING (id)"""
"""Whose each record that rides is, by what the carrier's records say under the include."""

_KNOWN_OWNER = "CROSS JOIN (SELECT owner_id AS owner FROM holder) AS owned"
"""The same of a dead letter, which knows it from then."""


def page_statement(
    manifest: Manifest,
    entity: Entity,
    includes: Sequence[str] = (),
    riders: Sequence[Entity] = (),
    *,
    plain: bool = False,
) -> sql.Composed:
    """Compose the statement that commits a page of `entity`, with which `includes` came along.

    Args:
        riders: of what came along, the entities that are stored by the same statement, as they came: one round trip
            instead of one each and two more. None of them may have an owner (`has_owner`). Their rows are refused with
            SQLSTATE 40001 where the statement would write over one that is newer than what it saw: nothing was stored,
            and a statement for each sees it.
        plain: for records that are all known to be plain (`plain_records`).

    Its parameters: entity_run_id, fence, records (a JSON array, as bytes), requested_at, page (its number in
    the entity run, from 1), token, size (records in the page, set-aside ones included), dead_letters,
    requests, checkpoint (JSON), total_count, parents (JSON; the ids of the path the page was asked by, by placeholder;
    null for a list of its own), read_below (the parent, where this page is its last; else null), and misfits (JSON; what
    was taken out of the records because no column can hold it: by id, then `attributes` and `relationships`; null for a
    page as it came). Of the first rider records_1, and as bigint size_1 and rider_run_id_1 (0 where it is not on this
    page), and so on. Where they are plain, the parameters of `plain_source` take the place of records and misfits. It
    returns one row (cancel_requested, then inserted and updated of the page and of each rider), or
    none when the token is no longer the newest, or the page is not the next one.
    """
    suffixes = [f"_{number}" for number in range(1, len(riders) + 1)]
    parents = _ids_by_path(entity, "%(parents)s::jsonb ->> {}")
    own = PlainReading(entity) if plain else CarefulReading(manifest, entity, includes=includes)
    written = [Written(manifest, own, parents=parents)]
    for rider, of in zip(riders, suffixes, strict=True):
        ridden = PlainReading(rider, of) if plain else CarefulReading(manifest, rider, rides=True, suffix=of)
        written.append(Written(manifest, ridden))
    return sql.SQL(_STATEMENT).format(
        same_run=sql.SQL("").join(sql.SQL(_SAME_RUN).format(of=sql.SQL(of)) for of in suffixes),
        write=sql.SQL("").join(part.composed() for part in written),
        ridden=_ridden(suffixes),
        read_below=sql.SQL(_READ_BELOW if entity.below is not None else ""),
        riders=sql.SQL("").join(sql.SQL(f" CROSS JOIN counts{of}") for of in suffixes),
        of_riders=sql.SQL("").join(sql.SQL(f", counts{of}.inserted, counts{of}.updated") for of in suffixes),
    )


def _ridden(suffixes: Sequence[str]) -> sql.Composable:
    if not suffixes:
        return sql.SQL("")
    counted = (sql.SQL(_COUNTED).format(of=sql.SQL(of)) for of in suffixes)
    return sql.SQL(_RIDDEN).format(riders=sql.SQL(" UNION ALL ").join(counted))


def rider_statement(manifest: Manifest, entity: Entity, carrier: Entity, include: str) -> sql.Composed:
    """Compose the statement that stores what rode on a page of `carrier`, after that page's own statement, in the
    same transaction.

    Its parameters: those of the page (entity_run_id, fence, page, requested_at), records, size, dead_letters and
    misfits of the rider, rider_run_id (its own entity run), and carriers (the page's own records, as bytes) where
    the rider's place is below the carrier. It returns one row (false, inserted, updated), or none when the page was
    not the caller's to commit.

    A thin copy, one that lacks attributes which the stored row has, is stored only where nothing is yet; a
    relationship that it does not speak of stays as it was.
    """
    owners = sql.SQL(_OWNERS).format(include=literal(include)) if has_owner(entity) else None
    written = _ridden_apart(manifest, entity, carrier, owners)
    return sql.SQL(_RIDER).format(write=written.composed())


def replay_statement(manifest: Manifest, entity: Entity, carrier: Entity | None) -> sql.Composed:
    """Compose the statement that stores the record of a dead letter, as its page would have, and resolves the letter.

    Its parameters: dead_letter_id, records (that one, as bytes), misfits, and requested_at, which must be the letter's
    own: so the guard compares what was known then with what is stored by now. It returns one row (outcome), or none
    when the letter is not open any more.

    Args:
        carrier: on whose page it rode; None for a page of its own.
    """
    if carrier is None:
        parents = _ids_by_path(entity, "holder.parents ->> {}")
        written = Written(manifest, CarefulReading(manifest, entity), parents=parents)
    else:
        owner = sql.SQL(_KNOWN_OWNER) if has_owner(entity) else None
        written = _ridden_apart(manifest, entity, carrier, owner)
    return sql.SQL(_REPLAY).format(write=written.composed())


def _ridden_apart(
    manifest: Manifest, entity: Entity, carrier: Entity, owners: sql.Composable | None
) -> Written:
    """What came along, where a statement of its own stores it."""
    parents, joins = _ids_by_carrier(manifest, entity, carrier)
    reading = CarefulReading(manifest, entity, rides=True, owners=owners)
    return Written(manifest, reading, parents=parents, joins=joins)


def _ids_by_path(entity: Entity, given: LiteralString) -> dict[str, sql.Composable]:
    """What fills the parents' columns of what was asked for by a path: the ids of that, by placeholder."""
    return {
        column.name: sql.SQL(given).format(literal(column.placeholder))
        for column in columns(entity)
        if column.placeholder is not None
    }


def _ids_by_carrier(
    manifest: Manifest, entity: Entity, carrier: Entity
) -> tuple[dict[str, sql.Composable], sql.Composed]:
    """What fills the parents' columns of a rider that has an owner: the carrier's id, and the columns of the carrier's
    row, which is joined for them.
    """
    if entity.below is None or not has_owner(entity):
        return {}, sql.Composed([])
    ids = {i.name: i.column for i in entity.below.ids}
    parents: dict[str, sql.Composable] = {
        column.name: sql.SQL("page._owner")
        if ids[column.placeholder] == "id"
        else sql.SQL("carrier.{}").format(identifier(ids[column.placeholder]))
        for column in columns(entity)
        if column.placeholder is not None
    }
    if all(column == "id" for column in ids.values()):
        return parents, sql.Composed([])
    joins = sql.SQL(
        " LEFT JOIN {table} AS carrier ON carrier.org_id = holder.org_id AND carrier.id = page._owner"
    )
    return parents, joins.format(table=beside_parameters(table(manifest, carrier)))
