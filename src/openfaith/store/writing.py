"""How a record becomes a row, and whether that is written: what the statements of `upserts` have in common.

The guard compares (updated_at of the source, start of the request by the source's clock). Equal content
(`_hash`) is not written again. A tombstone gives way to whatever was requested after the proof of its deletion,
whose time its `_requested_at` is: a record that is listed later lives again, whatever its stamp.

What cannot be a record of this entity gets no hash. The table refuses that, and so the whole page, which is
then taken apart (`examination`). Such are values that PostgreSQL would cast to something that the source did
not say: it takes `today` for a date, cuts the time off where a date is wanted, and takes `of` for false. Nor is what no
column holds lost: it goes to `_extra`. For records that are known to be plain (`plain_records`) a statement looks for
neither, and stores the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import LiteralString

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns
from openfaith.store.composing import array, identifier, joined, literal, number
from openfaith.store.mirror import beside_parameters, column_type, table

_WRITE = """), page{of} AS (
    SELECT {read}
    FROM {source}
    OFFSET 0
), written{of} AS (
    INSERT INTO {table} AS t (org_id, id, {names})
    SELECT holder.org_id, page.id, {values}
    FROM holder CROSS JOIN page{of} AS page{joins}{where}
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

_SEEN = """
      AND CASE WHEN EXISTS (
          SELECT FROM {table} AS seen WHERE seen.org_id = t.org_id AND seen.id = t.id AND seen.ctid = t.ctid
      ) THEN true ELSE openfaith.refuse_unseen() END"""
"""That the row which is written over is the one that was seen: what is stored of a rider depends on it, and the statement
may have waited for its page's turn since it looked.
"""

_READ = (sql.SQL("id"), sql.SQL("attributes AS _attributes"))
"""Of every record; of one that is looked at also this."""

_READ_TO_LOOK = (sql.SQL("type AS _type"), sql.SQL("relationships AS _relationships"))

_WHOLE_ATTRIBUTES: LiteralString = (
    "CASE WHEN _misfits IS NULL THEN _attributes ELSE _attributes || (_misfits -> 'attributes') END"
)

_CHECKS = {
    AttributeType.BOOLEAN: sql.SQL("NOT openfaith.is_flag({})"),
    AttributeType.DATE: sql.SQL("NOT openfaith.is_date({})"),
    AttributeType.DATE_TIME: sql.SQL("NOT openfaith.is_time({})"),
}
"""What a text of this type must not be, although PostgreSQL would cast it."""


def has_owner(entity: Entity) -> bool:
    """Whether each of its records belongs to one of the carrier's, in columns of its own."""
    return entity.below is not None and not entity.below.shared


@dataclass(frozen=True)
class Written:
    """The part of a statement that stores records of one entity and counts what came of them."""

    manifest: Manifest
    entity: Entity
    """Whose records are stored."""
    _: KW_ONLY
    source: sql.Composable
    """The records as rows: of plain ones as `plain_source` makes them."""
    parents: Mapping[str, sql.Composable] = field(default_factory=dict)
    """What fills the parents' columns where the record does not say it."""
    joins: sql.Composable = field(default_factory=lambda: sql.Composed([]))
    """What is joined to each record."""
    rides: bool = False
    """Whether they came along with others, and so may be thinner than what is stored."""
    plain: bool = False
    """Whether they are known to be plain, each of them."""
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
        names = [identifier(name) for name in values]
        own = beside_parameters(table(self.manifest, self.entity))
        return sql.SQL(_WRITE).format(
            of=sql.SQL(self.suffix),
            table=own,
            seen=sql.SQL(_SEEN).format(table=own) if self.with_page else sql.SQL(""),
            source=self.source,
            joins=self.joins,
            where=_thick(self.manifest, self.entity) if self.rides and not self.plain else sql.SQL(""),
            read=joined(self._read()),
            names=joined(names),
            excluded=joined(sql.SQL("excluded.{}").format(name) for name in names),
            values=joined(values.values()),
        )

    def _read(self) -> Iterator[sql.Composable]:
        yield from _READ
        yield _stamp(self.entity)
        if not self.plain:
            yield from _READ_TO_LOOK
            misfits = "NULL::jsonb" if self.with_page else "%(misfits)s::jsonb -> id"
            yield sql.SQL(f"{misfits} AS _misfits")
            yield _others(self.entity, self.includes)
        if self.rides and has_owner(self.entity):
            yield sql.SQL("owned.owner AS _owner")
        yield from _texts(columns(self.entity), plain=self.plain)

    def _values(self) -> dict[str, sql.Composable]:
        """What fills each column but the key."""
        own = columns(self.entity)
        texts = {c.name: _id(c, self._otherwise(c)) for c in own if c.kind != "attribute"}
        values = {c.name: texts[c.name] if c.name in texts else _value(c) for c in own}
        values |= {"updated_at": sql.SQL("_stamp")} if is_versioned(self.entity) else {}
        return values | {
            "_extra": sql.SQL("NULL::jsonb") if self.plain else _extra(own),
            "_source_updated_at": sql.SQL("_stamp"),
            "_requested_at": sql.SQL("%(requested_at)s"),
            "_hash": self._hash(own, texts),
            "_run_id": sql.SQL("holder.run_id"),
        }

    def _hash(self, own: tuple[Column, ...], ids: Mapping[str, sql.Composable]) -> sql.Composable:
        """Hash of the content, misfits included; null, and so refused by the table, for what must not be stored so.

        The columns are part of it: where the manifest holds a value otherwise than before, content is written again.
        """
        hashes = [
            _hash_of_json("_attributes" if self.plain else _WHOLE_ATTRIBUTES, _seed(own)),
            *(_hash_of_text(text, seed) for seed, text in enumerate(ids.values(), start=1)),
        ]
        if not self.plain:  # else both are null, and change no hash
            hashes += [_hash_if_any("_others", 0), _hash_if_any("(_misfits -> 'relationships')", 1)]
        is_record = sql.SQL(
            "openfaith.is_id(page.id)"
            if self.plain
            else "openfaith.is_id(page.id) AND _type = {type} AND jsonb_typeof(_attributes) = 'object'"
        ).format(type=literal(self.entity.type))
        return sql.SQL("CASE WHEN {is_record} THEN CASE WHEN {unfit} THEN NULL ELSE {hash} END END").format(
            is_record=is_record,
            unfit=sql.SQL(" OR ").join([sql.SQL("false"), *_unfit(own, plain=self.plain)]),
            hash=sql.SQL(" # ").join(hashes),
        )

    def _otherwise(self, column: Column) -> Iterator[sql.Composable]:
        """The id of a column where the record itself does not say it."""
        if column.name in self.parents:
            yield self.parents[column.name]
        if self.rides and not self.plain:
            yield _kept(self.manifest, self.entity, column)


def _id(column: Column, otherwise: Iterable[sql.Composable]) -> sql.Composable:
    """An id: the record's own word goes before the path by which it was read, and that before what is stored."""
    own = [] if column.kind == "parent_id" else [_text(column)]
    return sql.SQL("COALESCE({})").format(joined([*own, *otherwise]))


def is_versioned(entity: Entity) -> bool:
    """Whether its records say when they changed last, in the way the guard can use."""
    attribute = entity.attributes.get("updated_at")
    return attribute is not None and attribute.type is AttributeType.DATE_TIME


def _texts(own: Iterable[Column], *, plain: bool) -> Iterator[sql.Composable]:
    """The texts that are looked at more than once, read once, under the names of their columns."""
    for column in own:
        if column.kind in {"relationship_id", "relationship_type"} and plain:
            yield identifier(column.name)
        elif column.kind in {"relationship_id", "relationship_type"}:
            member = "id" if column.kind == "relationship_id" else "type"
            path = array((column.source, "data", member))
            yield sql.SQL("relationships #>> {} AS {}").format(path, identifier(column.name))
        elif column.type in _CHECKS:
            yield sql.SQL("attributes ->> {} AS {}").format(literal(column.source), identifier(column.name))


def _value(column: Column) -> sql.Composable:
    """What fills the column of an attribute."""
    if column.type in _CHECKS:
        return sql.SQL("{}::{}").format(_text(column), sql.SQL(column_type(column)))
    if column.type in {AttributeType.JSON, AttributeType.ARRAY}:
        return sql.SQL("NULLIF(_attributes -> {}, 'null'::jsonb)").format(literal(column.source))
    if column.type is AttributeType.STRING:
        return sql.SQL("_attributes ->> {}").format(literal(column.source))
    return sql.SQL("(_attributes ->> {})::{}").format(literal(column.source), sql.SQL(column_type(column)))


def _others(entity: Entity, includes: Sequence[str]) -> sql.Composable:
    """The relationships that no column holds: unknown to-one relationships, and misfits.

    Unknown to-many relationships are left out: their ends say the same from the other side, and a nested
    include makes some up. What was asked to come along is mostly of that kind, and named in every record, so whether
    there is anything to look for is asked without it.
    """
    known = tuple(entity.relationships)
    asked = tuple(include for include in includes if include not in known)
    found = [
        sql.SQL("relationships - {} <> '{{}}'").format(array([*known, *asked])),
        *(
            sql.SQL("jsonb_typeof(relationships #> {}) = 'object'").format(array((include, "data")))
            for include in asked
        ),
    ]
    return sql.SQL(
        "CASE WHEN {found} THEN"
        " (SELECT jsonb_object_agg(key, value -> 'data') FROM jsonb_each(relationships - {known})"
        " WHERE jsonb_typeof(value -> 'data') = 'object') END AS _others"
    ).format(found=sql.SQL(" OR ").join(found), known=array(known))


def _extra(own: Iterable[Column]) -> sql.Composable:
    """What no column holds: unknown attributes, values that do not fit, and `_others`. Null where there is nothing."""
    return sql.SQL(
        "CASE WHEN _others IS NULL AND _misfits IS NULL THEN NULLIF({unknown}, '{{}}')"
        " ELSE openfaith.extra({unknown}, _others, _misfits) END"
    ).format(
        unknown=sql.SQL("(_attributes - {})").format(array(c.source for c in own if c.kind == "attribute"))
    )


def _stamp(entity: Entity) -> sql.Composable:
    """The first part of a record's version."""
    text = "(attributes ->> 'updated_at')" if is_versioned(entity) else "NULL"
    return sql.SQL("{}::timestamptz AS _stamp").format(sql.SQL(text))


def _unfit(own: Iterable[Column], *, plain: bool) -> Iterator[sql.Composable]:
    """What makes a record one that PostgreSQL would store otherwise than the source meant it."""
    for column in own:
        if column.type in _CHECKS and not plain:
            yield _CHECKS[column.type].format(_text(column))
        elif column.kind == "relationship_id":
            points = sql.SQL("NOT openfaith.is_id({})").format(_text(column))
            yield (
                points
                if plain
                else sql.SQL(
                    "CASE WHEN {text} IS NULL THEN NOT openfaith.is_unset(_relationships -> {name}) ELSE {points} END"
                ).format(text=_text(column), name=literal(column.source), points=points)
            )


def _hash_of_json(json: LiteralString, seed: int) -> sql.Composable:
    return sql.SQL("jsonb_hash_extended({}, {})").format(sql.SQL(json), number(seed))


def _hash_if_any(json: LiteralString, seed: int) -> sql.Composable:
    return sql.SQL("COALESCE({}, 0)").format(_hash_of_json(json, seed))


def _hash_of_text(text: sql.Composable, seed: int) -> sql.Composable:
    return sql.SQL("COALESCE(hashtextextended({}, {}), 0)").format(text, number(seed))


def _seed(own: tuple[Column, ...]) -> int:
    described = "\n".join(f"{c.name} {c.kind} {c.source} {column_type(c)}" for c in own)
    return int.from_bytes(hashlib.sha256(described.encode()).digest()[:8], "big", signed=True)


def _text(column: Column) -> sql.Composable:
    """One of `_texts`, as the rest of the statement calls it."""
    return sql.SQL("page.{}").format(identifier(column.name))


def _thick(manifest: Manifest, entity: Entity) -> sql.Composed:
    """Whether a record lacks nothing that the stored row has; or there is no row yet."""
    sent = [a.name for a in entity.attributes.values() if not a.only_when_asked]
    return sql.SQL(
        " WHERE page._attributes ?& {sent} IS NOT FALSE OR NOT EXISTS ("
        "SELECT FROM {known} AND jsonb_strip_nulls(to_jsonb(known)) ?| ARRAY("
        "SELECT unnest({sent}) EXCEPT SELECT jsonb_object_keys(page._attributes)))"
    ).format(sent=array(sent), known=_known(manifest, entity))


def _known(manifest: Manifest, entity: Entity) -> sql.Composed:
    """The stored row of a record."""
    return sql.SQL("{} AS known WHERE known.org_id = holder.org_id AND known.id = page.id").format(
        beside_parameters(table(manifest, entity))
    )


def _kept(manifest: Manifest, entity: Entity, column: Column) -> sql.Composed:
    """The stored id, where a record that rides does not speak of it: it may be thinner than its own list's."""
    stored = sql.SQL("(SELECT known.{} FROM {})").format(identifier(column.name), _known(manifest, entity))
    if column.kind == "parent_id":
        return stored
    told = sql.SQL("COALESCE(_relationships ? {}, false)").format(literal(column.source))
    return sql.SQL("CASE WHEN NOT {} THEN {} END").format(told, stored)
