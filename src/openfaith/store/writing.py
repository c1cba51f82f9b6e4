"""How a record becomes a row, and whether that is written: what the statements of `upserts` have in common.

The guard compares (updated_at of the source, start of the request by the source's clock). Equal content
(`_hash`) is not written again. A tombstone gives way to whatever was requested after the proof of its deletion,
whose time its `_requested_at` is: a record that is listed later lives again, whatever its stamp.

What cannot be a record of this entity gets no hash. The table refuses that, and so the whole page, which is
then taken apart (`examination`). How records are read, and what is looked for in them, `readings` say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns
from openfaith.store.composing import identifier, joined, literal, number
from openfaith.store.mirror import beside_parameters, column_type, table
from openfaith.store.readings import CHECKS, Reading, read_text

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


def has_owner(entity: Entity) -> bool:
    """Whether each of its records belongs to one of the carrier's, in columns of its own."""
    return entity.below is not None and not entity.below.shared


@dataclass(frozen=True)
class Written:
    """The part of a statement that stores records of one entity and counts what came of them."""

    manifest: Manifest
    reading: Reading
    _: KW_ONLY
    parents: Mapping[str, sql.Composable] = field(default_factory=dict)
    """What fills the parents' columns where the record does not say it."""
    joins: sql.Composable = field(default_factory=lambda: sql.Composed([]))
    """What is joined to each record."""

    @property
    def entity(self) -> Entity:
        """Whose records are stored."""
        return self.reading.entity

    def composed(self) -> sql.Composed:
        values = self._values()
        names = [identifier(name) for name in values]
        own = beside_parameters(table(self.manifest, self.entity))
        return sql.SQL(_WRITE).format(
            of=sql.SQL(self.reading.suffix),
            table=own,
            seen=sql.SQL(_SEEN).format(table=own) if self.reading.suffix else sql.SQL(""),
            source=self.reading.source,
            joins=self.joins,
            where=self.reading.stored_where(),
            read=joined(self._read()),
            names=joined(names),
            excluded=joined(sql.SQL("excluded.{}").format(name) for name in names),
            values=joined(values.values()),
        )

    def _read(self) -> Iterator[sql.Composable]:
        """Each text that the statement needs more than once is read once, under the name of its column."""
        yield sql.SQL("id")
        yield sql.SQL("attributes AS _attributes")
        yield _stamp(self.entity)
        yield from self.reading.read()
        for column in columns(self.entity):
            if column.type in CHECKS:
                yield sql.SQL("attributes ->> {} AS {}").format(
                    literal(column.source), identifier(column.name)
                )

    def _values(self) -> dict[str, sql.Composable]:
        """What fills each column but the key."""
        own = columns(self.entity)
        texts = {c.name: self._id(c) for c in own if c.kind != "attribute"}
        values = {c.name: texts[c.name] if c.name in texts else _value(c) for c in own}
        values |= {"updated_at": sql.SQL("_stamp")} if is_versioned(self.entity) else {}
        return values | {
            "_extra": self.reading.extra(),
            "_source_updated_at": sql.SQL("_stamp"),
            "_requested_at": sql.SQL("%(requested_at)s"),
            "_hash": self._hash(own, texts),
            "_run_id": sql.SQL("holder.run_id"),
        }

    def _id(self, column: Column) -> sql.Composable:
        """An id: the record's own word goes before the path by which it was read, and that before what is stored."""
        said = [] if column.kind == "parent_id" else [read_text(column)]
        by_path = [self.parents[column.name]] if column.name in self.parents else []
        return sql.SQL("COALESCE({})").format(joined([*said, *by_path, *self.reading.kept(column)]))

    def _hash(self, own: tuple[Column, ...], ids: Mapping[str, sql.Composable]) -> sql.Composable:
        """Hash of the content, misfits included; null, and so refused by the table, for what must not be stored so.

        The columns are part of it: where the manifest holds a value otherwise than before, content is written again.
        """
        ends = [
            sql.SQL("NOT openfaith.is_id({})").format(read_text(c))
            for c in own
            if c.kind == "relationship_id"
        ]
        is_record = [sql.SQL("openfaith.is_id(page.id)"), *self.reading.is_record()]
        hashes = [
            sql.SQL("jsonb_hash_extended({}, {})").format(sql.SQL(self.reading.content), number(_seed(own))),
            *(_hash_of_text(text, seed) for seed, text in enumerate(ids.values(), start=1)),
            *self.reading.hashes(),
        ]
        return sql.SQL("CASE WHEN {is_record} THEN CASE WHEN {unfit} THEN NULL ELSE {hash} END END").format(
            is_record=sql.SQL(" AND ").join(is_record),
            unfit=sql.SQL(" OR ").join([sql.SQL("false"), *ends, *self.reading.unfit()]),
            hash=sql.SQL(" # ").join(hashes),
        )


def is_versioned(entity: Entity) -> bool:
    """Whether its records say when they changed last, in the way the guard can use."""
    attribute = entity.attributes.get("updated_at")
    return attribute is not None and attribute.type is AttributeType.DATE_TIME


def _value(column: Column) -> sql.Composable:
    """What fills the column of an attribute."""
    if column.type in CHECKS:
        return sql.SQL("{}::{}").format(read_text(column), sql.SQL(column_type(column)))
    if column.type in {AttributeType.JSON, AttributeType.ARRAY}:
        return sql.SQL("NULLIF(_attributes -> {}, 'null'::jsonb)").format(literal(column.source))
    if column.type is AttributeType.STRING:
        return sql.SQL("_attributes ->> {}").format(literal(column.source))
    return sql.SQL("(_attributes ->> {})::{}").format(literal(column.source), sql.SQL(column_type(column)))


def _stamp(entity: Entity) -> sql.Composable:
    """The first part of a record's version."""
    text = "(attributes ->> 'updated_at')" if is_versioned(entity) else "NULL"
    return sql.SQL("{}::timestamptz AS _stamp").format(sql.SQL(text))


def _hash_of_text(text: sql.Composable, seed: int) -> sql.Composable:
    return sql.SQL("COALESCE(hashtextextended({}, {}), 0)").format(text, number(seed))


def _seed(own: tuple[Column, ...]) -> int:
    described = "\n".join(f"{c.name} {c.kind} {c.source} {column_type(c)}" for c in own)
    return int.from_bytes(hashlib.sha256(described.encode()).digest()[:8], "big", signed=True)
