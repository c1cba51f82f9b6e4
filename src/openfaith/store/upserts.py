"""The one statement by which a page enters the database.

A page is not decoded in Python. Its records go to PostgreSQL as one JSON array, and a single statement,
composed here from the manifest, does everything that must be atomic:

    holder     the entity run, locked, if the caller still holds its fencing token and this is its next page;
               else no row, and everything below finds nothing to do
    page       the array as rows: id, attributes, relationships, and the texts that are looked at twice
    written    insert, or update where the incoming version is newer and differs (the guard)
    ledger     the page's line in openfaith.page_commit
    progress   the entity run's checkpoint and counts

One statement is one transaction and one round trip. A page is stored with its checkpoint or not at all, and
a process that lost its lease cannot write. What rode on the page is stored by the same statement, as further parts like
`page` and `written`, and counted for its own entity runs (`ridden`). Where a rider's rows tell whose they are in columns
of their own, all that rides is stored in the same transaction, by statements of their own that follow the page's. A dead letter that is
replayed goes the same way: its holder is the letter, locked, if it is still open, and instead of a checkpoint the letter
is resolved.

The guard compares (updated_at of the source, start of the request by the source's clock). Equal content
(`_hash`) is not written again. A tombstone gives way to whatever was requested after the proof of its deletion,
whose time its `_requested_at` is: a record that is listed later lives again, whatever its stamp.

What is not plainly a record of this entity gets no hash. The table refuses that, and so the whole page, which is
then taken apart (`examination`). Such are values that PostgreSQL would cast to something that the source did
not say: it takes `today` for a date, cuts the time off where a date is wanted, and takes `of` for false.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns
from openfaith.store.mirror import beside_parameters, column_type, table

_WRITE = """), page{of} AS (
    SELECT {read}
    FROM {source}
    OFFSET 0
), written{of} AS (
    INSERT INTO {table} AS t (org_id, id, {names})
    SELECT holder.org_id, page.id, {values}
    FROM holder CROSS JOIN page{of} AS page{beside}
    ON CONFLICT (org_id, id) DO UPDATE
    SET ({names}, _synced_at, _deleted_at, _merged_into) = ({excluded}, now(), NULL, NULL)
    WHERE CASE
        WHEN t._deleted_at IS NOT NULL THEN excluded._requested_at >= t._requested_at
        ELSE t._hash <> excluded._hash
             AND (COALESCE(excluded._source_updated_at, '-infinity'), excluded._requested_at)
              >= (COALESCE(t._source_updated_at, '-infinity'), t._requested_at)
    END{seen}
    RETURNING (t.xmax = 0) AS inserted
), counts{of} AS (
    SELECT count(*) FILTER (WHERE inserted) AS inserted, count(*) FILTER (WHERE NOT inserted) AS updated
    FROM written{of}
"""

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

_SEEN = """
      AND CASE WHEN EXISTS (
          SELECT FROM {table} AS seen WHERE seen.org_id = t.org_id AND seen.id = t.id AND seen.ctid = t.ctid
      ) THEN true ELSE openfaith.refuse_unseen() END"""
"""That the row which is written over is the one that was seen: what is stored of a rider depends on it, and the statement
may have waited for its page's turn since it looked.
"""

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

_RECORDS = """jsonb_to_recordset(%(records{of})b::jsonb)
      AS record (type text, id text, attributes jsonb, relationships jsonb)"""

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

_READ = (
    sql.SQL("id"),
    sql.SQL("type AS _type"),
    sql.SQL("attributes AS _attributes"),
    sql.SQL("relationships AS _relationships"),
)

_CHECKS = {
    AttributeType.BOOLEAN: sql.SQL("NOT openfaith.is_flag({})"),
    AttributeType.DATE: sql.SQL("NOT openfaith.is_date({})"),
    AttributeType.DATE_TIME: sql.SQL("NOT openfaith.is_time({})"),
}
"""What a text of this type must not be, although PostgreSQL would cast it."""


def page_statement(
    manifest: Manifest, entity: Entity, includes: Sequence[str] = (), riders: Sequence[Entity] = ()
) -> sql.Composed:
    """Compose the statement that commits a page of `entity`, with which `includes` came along.

    Args:
        riders: of what came along, the entities that are stored by the same statement, as they came: one round trip
            instead of one each and two more. None of them may have an owner (`has_owner`). Their rows are refused with
            SQLSTATE 40001 where the statement would write over one that is newer than what it saw: nothing was stored,
            and a statement for each sees it.

    Its parameters: entity_run_id, fence, records (a JSON array, as bytes), requested_at, page (its number in
    the entity run, from 1), token, size (records in the page, set-aside ones included), dead_letters,
    requests, checkpoint (JSON), total_count, parents (JSON; the ids of the path the page was asked by, by placeholder;
    null for a list of its own), read_below (the parent, where this page is its last; else null), and misfits (JSON; what
    was taken out of the records because no column can hold it: by id, then `attributes` and `relationships`; null for a
    page as it came). Of the first rider records_1, and as bigint size_1 and rider_run_id_1 (0 where it is not on this
    page), and so on. It returns one row (cancel_requested, then inserted and updated of the page and of each rider), or
    none when the token is no longer the newest, or the page is not the next one.
    """
    parents = {
        column.name: sql.SQL("%(parents)s::jsonb ->> {}").format(_literal(column.placeholder))
        for column in columns(entity)
        if column.placeholder is not None
    }
    suffixes = [f"_{number}" for number in range(1, len(riders) + 1)]
    own = _Written(manifest, entity, source=_records(), parents=parents, includes=includes)
    written = [
        own.composed(),
        *(
            _Written(
                manifest,
                rider,
                suffix=suffix,
                source=_records(suffix),
                beside=_thick(manifest, rider),
                rides=True,
            ).composed()
            for rider, suffix in zip(riders, suffixes, strict=True)
        ),
    ]
    return sql.SQL(_STATEMENT).format(
        same_run=sql.SQL("").join(sql.SQL(_SAME_RUN).format(of=sql.SQL(of)) for of in suffixes),
        write=sql.SQL("").join(written),
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
    source, parents, beside = _records(), dict[str, sql.Composable](), _thick(manifest, entity)
    if has_owner(entity):
        source = sql.SQL("{} {}").format(source, sql.SQL(_OWNERS).format(include=_literal(include)))
        parents, joined = _ids_by_carrier(manifest, entity, carrier)
        beside = joined + beside
    written = _Written(manifest, entity, source=source, parents=parents, beside=beside, rides=True)
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
        parents: dict[str, sql.Composable] = {
            column.name: sql.SQL("holder.parents ->> {}").format(_literal(column.placeholder))
            for column in columns(entity)
            if column.placeholder is not None
        }
        written = _Written(manifest, entity, source=_records(), parents=parents)
        return sql.SQL(_REPLAY).format(write=written.composed())
    parents, beside = {}, _thick(manifest, entity)
    if has_owner(entity):
        parents, joined = _ids_by_carrier(manifest, entity, carrier)
        beside = joined + beside
    source = sql.SQL("{} {}").format(_records(), sql.SQL(_KNOWN_OWNER))
    written = _Written(manifest, entity, source=source, parents=parents, beside=beside, rides=True)
    return sql.SQL(_REPLAY).format(write=written.composed())


def _records(of: str = "") -> sql.Composed:
    return sql.SQL(_RECORDS).format(of=sql.SQL(of))


def has_owner(entity: Entity) -> bool:
    """Whether each of its records belongs to one of the carrier's, in columns of its own."""
    return entity.below is not None and not entity.below.shared


def _ids_by_carrier(
    manifest: Manifest, entity: Entity, carrier: Entity
) -> tuple[dict[str, sql.Composable], sql.Composed]:
    """What fills the parents' columns of a rider: the carrier's id, and the columns of the carrier's row."""
    assert entity.below is not None, "only what has a place below the carrier gets ids from it"
    ids = {i.name: i.column for i in entity.below.ids}
    parents: dict[str, sql.Composable] = {
        column.name: sql.SQL("page._owner")
        if ids[column.placeholder] == "id"
        else sql.SQL("carrier.{}").format(_name(ids[column.placeholder]))
        for column in columns(entity)
        if column.placeholder is not None
    }
    if all(column == "id" for column in ids.values()):
        return parents, sql.Composed([])
    joined = sql.SQL(
        " LEFT JOIN {table} AS carrier ON carrier.org_id = holder.org_id AND carrier.id = page._owner"
    )
    return parents, joined.format(table=beside_parameters(table(manifest, carrier)))


def _thick(manifest: Manifest, entity: Entity) -> sql.Composed:
    """Whether a record lacks nothing that the stored row has; or there is no row yet."""
    sent = [a.name for a in entity.attributes.values() if not a.only_when_asked]
    return sql.SQL(
        " WHERE page._attributes ?& {sent} IS NOT FALSE OR NOT EXISTS ("
        "SELECT FROM {known} AND jsonb_strip_nulls(to_jsonb(known)) ?| ARRAY("
        "SELECT unnest({sent}) EXCEPT SELECT jsonb_object_keys(page._attributes)))"
    ).format(sent=_array(sent), known=_known(manifest, entity))


def _known(manifest: Manifest, entity: Entity) -> sql.Composed:
    """The stored row of a record."""
    return sql.SQL("{} AS known WHERE known.org_id = holder.org_id AND known.id = page.id").format(
        beside_parameters(table(manifest, entity))
    )


def _kept(manifest: Manifest, entity: Entity, column: Column) -> sql.Composed:
    """The stored id, where a record that rides does not speak of it: it may be thinner than its own list's."""
    stored = sql.SQL("(SELECT known.{} FROM {})").format(_name(column.name), _known(manifest, entity))
    if column.kind == "parent_id":
        return stored
    told = sql.SQL("COALESCE(_relationships ? {}, false)").format(_literal(column.source))
    return sql.SQL("CASE WHEN NOT {} THEN {} END").format(told, stored)


@dataclass(frozen=True)
class _Written:
    """The part of a statement that stores records of one entity and counts what came of them."""

    manifest: Manifest
    entity: Entity
    """Whose records are stored."""
    _: KW_ONLY
    source: sql.Composable
    """The records as rows."""
    parents: Mapping[str, sql.Composable] = field(default_factory=dict)
    """What fills the parents' columns where the record does not say it."""
    beside: sql.Composable = field(default_factory=lambda: sql.Composed([]))
    """What is joined to each record, and which of them are stored."""
    rides: bool = False
    """Whether they came along with others, and so may be thinner than what is stored."""
    includes: Sequence[str] = ()
    """What was asked to come along with them."""
    suffix: str = ""
    """By which its names and parameters differ from those of the page that is stored by the same statement."""

    @property
    def with_page(self) -> bool:
        """Whether it is stored by the statement of a page that it rides on: as it came, or not by that."""
        return self.suffix != ""

    def composed(self) -> sql.Composed:
        values = self._values()
        names = [_name(name) for name in values]
        own = beside_parameters(table(self.manifest, self.entity))
        return sql.SQL(_WRITE).format(
            of=sql.SQL(self.suffix),
            table=own,
            seen=sql.SQL(_SEEN).format(table=own) if self.with_page else sql.SQL(""),
            source=self.source,
            beside=self.beside,
            read=_joined(self._read()),
            names=_joined(names),
            excluded=_joined(sql.SQL("excluded.{}").format(name) for name in names),
            values=_joined(values.values()),
        )

    def _read(self) -> Iterator[sql.Composable]:
        yield from _READ
        misfits = "NULL::jsonb" if self.with_page else "%(misfits)s::jsonb -> id"
        yield sql.SQL(f"{misfits} AS _misfits")
        yield _stamp(self.entity)
        yield _others(self.entity, self.includes)
        if self.rides and has_owner(self.entity):
            yield sql.SQL("owned.owner AS _owner")
        yield from _texts(columns(self.entity))

    def _values(self) -> dict[str, sql.Composable]:
        """What fills each column but the key."""
        own = columns(self.entity)
        texts = {c.name: _id(c, self._otherwise(c)) for c in own if c.kind != "attribute"}
        values = {c.name: texts[c.name] if c.name in texts else _value(c) for c in own}
        values |= {"updated_at": sql.SQL("_stamp")} if is_versioned(self.entity) else {}
        return values | {
            "_extra": _extra(own),
            "_source_updated_at": sql.SQL("_stamp"),
            "_requested_at": sql.SQL("%(requested_at)s"),
            "_hash": _hash(self.entity, own, texts),
            "_run_id": sql.SQL("holder.run_id"),
        }

    def _otherwise(self, column: Column) -> Iterator[sql.Composable]:
        """The id of a column where the record itself does not say it."""
        if column.name in self.parents:
            yield self.parents[column.name]
        if self.rides:
            yield _kept(self.manifest, self.entity, column)


def _id(column: Column, otherwise: Iterable[sql.Composable]) -> sql.Composable:
    """An id: the record's own word goes before the path by which it was read, and that before what is stored."""
    own = [] if column.kind == "parent_id" else [_text(column)]
    return sql.SQL("COALESCE({})").format(_joined([*own, *otherwise]))


def is_versioned(entity: Entity) -> bool:
    """Whether its records say when they changed last, in the way the guard can use."""
    attribute = entity.attributes.get("updated_at")
    return attribute is not None and attribute.type is AttributeType.DATE_TIME


def _texts(own: Iterable[Column]) -> Iterator[sql.Composable]:
    """The texts that are looked at more than once, read once, under the names of their columns."""
    for column in own:
        if column.kind in {"relationship_id", "relationship_type"}:
            member = "id" if column.kind == "relationship_id" else "type"
            path = _array((column.source, "data", member))
            yield sql.SQL("relationships #>> {} AS {}").format(path, _name(column.name))
        elif column.type in _CHECKS:
            yield sql.SQL("attributes ->> {} AS {}").format(_literal(column.source), _name(column.name))


def _value(column: Column) -> sql.Composable:
    """What fills the column of an attribute."""
    if column.type in _CHECKS:
        return sql.SQL("{}::{}").format(_text(column), sql.SQL(column_type(column)))
    if column.type in {AttributeType.JSON, AttributeType.ARRAY}:
        return sql.SQL("NULLIF(_attributes -> {}, 'null'::jsonb)").format(_literal(column.source))
    if column.type is AttributeType.STRING:
        return sql.SQL("_attributes ->> {}").format(_literal(column.source))
    return sql.SQL("(_attributes ->> {})::{}").format(_literal(column.source), sql.SQL(column_type(column)))


def _others(entity: Entity, includes: Sequence[str]) -> sql.Composable:
    """The relationships that no column holds: unknown to-one relationships, and misfits.

    Unknown to-many relationships are left out: their ends say the same from the other side, and a nested
    include makes some up. What was asked to come along is mostly of that kind, and named in every record, so whether
    there is anything to look for is asked without it.
    """
    known = tuple(entity.relationships)
    asked = tuple(include for include in includes if include not in known)
    found = [
        sql.SQL("relationships - {} <> '{{}}'").format(_array([*known, *asked])),
        *(
            sql.SQL("jsonb_typeof(relationships #> {}) = 'object'").format(_array((include, "data")))
            for include in asked
        ),
    ]
    return sql.SQL(
        "CASE WHEN {found} THEN"
        " (SELECT jsonb_object_agg(key, value -> 'data') FROM jsonb_each(relationships - {known})"
        " WHERE jsonb_typeof(value -> 'data') = 'object') END AS _others"
    ).format(found=sql.SQL(" OR ").join(found), known=_array(known))


def _extra(own: Iterable[Column]) -> sql.Composable:
    """What no column holds: unknown attributes, values that do not fit, and `_others`. Null where there is nothing."""
    return sql.SQL(
        "CASE WHEN _others IS NULL AND _misfits IS NULL THEN NULLIF({unknown}, '{{}}')"
        " ELSE openfaith.extra({unknown}, _others, _misfits) END"
    ).format(
        unknown=sql.SQL("(_attributes - {})").format(_array(c.source for c in own if c.kind == "attribute"))
    )


def _stamp(entity: Entity) -> sql.Composable:
    """The first part of a record's version."""
    text = "(attributes ->> 'updated_at')" if is_versioned(entity) else "NULL"
    return sql.SQL("{}::timestamptz AS _stamp").format(sql.SQL(text))


def _hash(entity: Entity, own: tuple[Column, ...], ids: Mapping[str, sql.Composable]) -> sql.Composable:
    """Hash of the content, misfits included; null, and so refused by the table, for what must not be stored so.

    The columns are part of it: where the manifest holds a value otherwise than before, content is written again.
    """
    hashes = [
        sql.SQL(
            "jsonb_hash_extended(CASE WHEN _misfits IS NULL THEN _attributes"
            " ELSE _attributes || (_misfits -> 'attributes') END, {})"
        ).format(_number(_seed(own))),
        *(_hash_of_text(text, seed) for seed, text in enumerate(ids.values(), start=1)),
        sql.SQL("COALESCE(jsonb_hash_extended(_others, 0), 0)"),
        sql.SQL("COALESCE(jsonb_hash_extended(_misfits -> 'relationships', 1), 0)"),
    ]
    return sql.SQL(
        "CASE WHEN _type = {type} AND openfaith.is_id(page.id) AND jsonb_typeof(_attributes) = 'object' THEN"
        " CASE WHEN {unfit} THEN NULL ELSE {hash} END END"
    ).format(
        type=_literal(entity.type),
        unfit=sql.SQL(" OR ").join([sql.SQL("false"), *_unfit(own)]),
        hash=sql.SQL(" # ").join(hashes),
    )


def _unfit(own: Iterable[Column]) -> Iterator[sql.Composable]:
    """What makes a record one that PostgreSQL would store otherwise than the source meant it."""
    for column in own:
        if column.type in _CHECKS:
            yield _CHECKS[column.type].format(_text(column))
        elif column.kind == "relationship_id":
            yield sql.SQL(
                "CASE WHEN {text} IS NULL THEN NOT openfaith.is_unset(_relationships -> {name})"
                " ELSE NOT openfaith.is_id({text}) END"
            ).format(text=_text(column), name=_literal(column.source))


def _hash_of_text(text: sql.Composable, seed: int) -> sql.Composable:
    return sql.SQL("COALESCE(hashtextextended({}, {}), 0)").format(text, _number(seed))


def _seed(own: tuple[Column, ...]) -> int:
    described = "\n".join(f"{c.name} {c.kind} {c.source} {column_type(c)}" for c in own)
    return int.from_bytes(hashlib.sha256(described.encode()).digest()[:8], "big", signed=True)


def _text(column: Column) -> sql.Composable:
    """One of `_texts`, as the rest of the statement calls it."""
    return sql.SQL("page.{}").format(_name(column.name))


def _name(name: str) -> sql.Composable:
    return beside_parameters(sql.Identifier(name))


def _literal(text: str) -> sql.Composable:
    return beside_parameters(sql.Literal(text))


def _number(number: int) -> sql.Composable:
    return sql.Literal(number)


def _array(texts: Iterable[str]) -> sql.Composable:
    return sql.SQL("ARRAY[{}]::text[]").format(_joined(map(_literal, texts)))


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
