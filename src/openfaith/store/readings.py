"""How a statement reads records: what it takes from them, and what it looks for in them. There are two ways.

`CarefulReading` takes records as they came, and trusts nothing. What would not be stored as the source meant it makes a
record unfit: PostgreSQL takes `today` for a date, cuts the time off where a date is wanted, and takes `of` for false. What
no column holds goes to `_extra`. A record that rides and is thinner than what is stored takes nothing away from it.

`PlainReading` takes records that are known to be plain (`plain_records`): there is nothing to look for. Both store the
same of them, with the same hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, LiteralString, Protocol

from psycopg import sql

from openfaith.manifest import AttributeType, Column, Entity, Manifest, columns
from openfaith.store.composing import array, identifier, literal
from openfaith.store.mirror import beside_parameters, table
from openfaith.store.plain_records import ends_of_relationships, plain_source

CHECKS = {
    AttributeType.BOOLEAN: sql.SQL("NOT openfaith.is_flag({})"),
    AttributeType.DATE: sql.SQL("NOT openfaith.is_date({})"),
    AttributeType.DATE_TIME: sql.SQL("NOT openfaith.is_time({})"),
}
"""What a text of this type must not be, although PostgreSQL would cast it."""

_RECORDS = """jsonb_to_recordset(%(records{of})b::jsonb)
      AS record (type text, id text, attributes jsonb, relationships jsonb)"""

_THICK = (
    " WHERE page._attributes ?& {sent} IS NOT FALSE OR NOT EXISTS ("
    "SELECT FROM {known} AND jsonb_strip_nulls(to_jsonb(known)) ?| ARRAY("
    "SELECT unnest({sent}) EXCEPT SELECT jsonb_object_keys(page._attributes)))"
)
"""Whether a record lacks nothing that the stored row has; or there is no row yet."""


class Reading(Protocol):
    """One way to read. Where it looks for nothing, it has nothing to say."""

    content: ClassVar[LiteralString]
    """The JSON that holds every attribute as the source said it."""

    @property
    def entity(self) -> Entity:
        """Whose records are read."""

    @property
    def suffix(self) -> str:
        """By which names and parameters differ from those of the page that is stored by the same statement; of that
        page's own records, nothing.
        """

    @property
    def source(self) -> sql.Composable:
        """The records as rows, with `id` and `attributes`."""

    def read(self) -> Iterator[sql.Composable]:
        """What is read of a record beside those two and its dates: the ends of relationships, by their columns' names."""

    def is_record(self) -> Iterator[sql.Composable]:
        """What must be true of a record of this entity, beside having an id."""

    def unfit(self) -> Iterator[sql.Composable]:
        """What must not be true of its values, beside pointing to what is no id."""

    def hashes(self) -> Iterator[sql.Composable]:
        """Of what it says beyond its attributes and the ends of known relationships."""

    def extra(self) -> sql.Composable:
        """What no column holds."""

    def kept(self, column: Column) -> Iterator[sql.Composable]:
        """The id that stays where neither the record nor the path by which it was read says one."""

    def stored_where(self) -> sql.Composable:
        """Which of the records are stored at all."""


@dataclass(frozen=True)
class PlainReading:
    """Takes plain records, column by column, and looks at no value."""

    content: ClassVar[LiteralString] = "_attributes"

    entity: Entity
    suffix: str = ""

    @property
    def source(self) -> sql.Composable:
        return plain_source(self.entity, self.suffix)

    def read(self) -> Iterator[sql.Composable]:
        return (identifier(column.name) for column in ends_of_relationships(columns(self.entity)))

    def is_record(self) -> Iterator[sql.Composable]:
        yield from ()

    def unfit(self) -> Iterator[sql.Composable]:
        yield from ()

    def hashes(self) -> Iterator[sql.Composable]:
        yield from ()

    def extra(self) -> sql.Composable:
        return sql.SQL("NULL::jsonb")

    def kept(self, column: Column) -> Iterator[sql.Composable]:  # noqa: ARG002 - a plain record speaks of each
        yield from ()

    def stored_where(self) -> sql.Composable:
        return sql.SQL("")


@dataclass(frozen=True)
class CarefulReading:
    """Takes records as they came, whatever they are."""

    content: ClassVar[LiteralString] = (
        "CASE WHEN _misfits IS NULL THEN _attributes ELSE _attributes || (_misfits -> 'attributes') END"
    )

    manifest: Manifest
    entity: Entity
    _: KW_ONLY
    includes: Sequence[str] = ()
    """What was asked to come along with them."""
    rides: bool = False
    """Whether they came along with others, and so may be thinner than what is stored."""
    suffix: str = ""
    owners: sql.Composable | None = None
    """What is joined to each record, to say as `owned.owner` whose it is; None where its row has no column for that."""

    @property
    def source(self) -> sql.Composable:
        records = sql.SQL(_RECORDS).format(of=sql.SQL(self.suffix))
        return records if self.owners is None else sql.SQL("{} {}").format(records, self.owners)

    def read(self) -> Iterator[sql.Composable]:
        yield sql.SQL("type AS _type")
        yield sql.SQL("relationships AS _relationships")
        # What rides is stored with its page as it came, or not by the page's statement.
        yield sql.SQL("NULL::jsonb AS _misfits" if self.suffix else "%(misfits)s::jsonb -> id AS _misfits")
        yield self._others()
        for column in ends_of_relationships(columns(self.entity)):
            member = "id" if column.kind == "relationship_id" else "type"
            path = array((column.source, "data", member))
            yield sql.SQL("relationships #>> {} AS {}").format(path, identifier(column.name))
        if self.owners is not None:
            yield sql.SQL("owned.owner AS _owner")

    def is_record(self) -> Iterator[sql.Composable]:
        yield sql.SQL("_type = {}").format(literal(self.entity.type))
        yield sql.SQL("jsonb_typeof(_attributes) = 'object'")

    def unfit(self) -> Iterator[sql.Composable]:
        for column in columns(self.entity):
            if column.type in CHECKS:
                yield CHECKS[column.type].format(read_text(column))
            elif column.kind == "relationship_id":
                yield sql.SQL("{} IS NULL AND NOT openfaith.is_unset(_relationships -> {})").format(
                    read_text(column), literal(column.source)
                )

    def hashes(self) -> Iterator[sql.Composable]:
        yield sql.SQL("COALESCE(jsonb_hash_extended(_others, 0), 0)")
        yield sql.SQL("COALESCE(jsonb_hash_extended(_misfits -> 'relationships', 1), 0)")

    def extra(self) -> sql.Composable:
        """Unknown attributes, values that do not fit, and `_others`. Null where there is nothing."""
        known = array(column.source for column in columns(self.entity) if column.kind == "attribute")
        return sql.SQL(
            "CASE WHEN _others IS NULL AND _misfits IS NULL THEN NULLIF({unknown}, '{{}}')"
            " ELSE openfaith.extra({unknown}, _others, _misfits) END"
        ).format(unknown=sql.SQL("(_attributes - {})").format(known))

    def kept(self, column: Column) -> Iterator[sql.Composable]:
        """The stored id, where a record that rides does not speak of it: it may be thinner than its own list's."""
        if not self.rides:
            return
        stored = sql.SQL("(SELECT known.{} FROM {})").format(identifier(column.name), self._known())
        if column.kind == "parent_id":
            yield stored
        else:
            told = sql.SQL("COALESCE(_relationships ? {}, false)").format(literal(column.source))
            yield sql.SQL("CASE WHEN NOT {} THEN {} END").format(told, stored)

    def stored_where(self) -> sql.Composable:
        sent = [a.name for a in self.entity.attributes.values() if not a.only_when_asked]
        return sql.SQL(_THICK if self.rides else "").format(sent=array(sent), known=self._known())

    def _others(self) -> sql.Composable:
        """The relationships that no column holds: unknown to-one relationships, and misfits.

        Unknown to-many relationships are left out: their ends say the same from the other side, and a nested
        include makes some up. What was asked to come along is mostly of that kind, and named in every record, so whether
        there is anything to look for is asked without it.
        """
        known = tuple(self.entity.relationships)
        asked = tuple(include for include in self.includes if include not in known)
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

    def _known(self) -> sql.Composed:
        """The stored row of a record."""
        return sql.SQL("{} AS known WHERE known.org_id = holder.org_id AND known.id = page.id").format(
            beside_parameters(table(self.manifest, self.entity))
        )


def read_text(column: Column) -> sql.Composable:
    """A text that was read of a record, as the rest of the statement calls it."""
    return sql.SQL("page.{}").format(identifier(column.name))
