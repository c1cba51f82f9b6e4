"""What has to be done to a mirror table so that it is as the manifest wants it. Pure: catalog in, decisions out.

Tables only ever grow. A column that is missing is added; one whose type differs takes the new type (`conversions`);
one that the manifest no longer has stays, with what it holds, and its comment says so. Somebody's own columns are left
alone: they are told apart by having no comment of ours.

A program may be older than the tables. Whoever meets tables that were once made for its own manifest therefore adds
what is missing, and changes nothing: a newer program has been there since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from psycopg import sql

from openfaith.errors import ManifestError
from openfaith.store.conversions import as_json, comes_back, converted, is_wide_enough, spelled
from openfaith.store.mirror import WantedColumn, WantedTable

RETIRED = " No longer in the manifest: keeps what it had."
"""How the comment of a column ends that the manifest no longer has."""

_OURS = ("Attribute ", "Relationship ", "Parent ")
"""How the comments begin of columns that hold something of a record."""

_IN_EXTRA = frozenset({"attribute", "relationship_id", "relationship_type"})
"""The kinds of content that `_extra` keeps while no column does. A parent's id stands in the path only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PresentColumn:
    """A column as the catalog has it."""

    type: str
    """As PostgreSQL spells it, but for `timestamptz`."""
    comment: str | None = None

    @property
    def is_retired(self) -> bool:
        return self.comment is not None and self.comment.endswith(RETIRED)


@dataclass(frozen=True, kw_only=True, slots=True)
class PresentTable:
    """A table as the catalog has it."""

    comment: str | None = None
    columns: Mapping[str, PresentColumn] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """A column that takes another type."""

    column: WantedColumn
    present: str
    """Its type so far."""

    def __str__(self) -> str:
        return f"{self.column.name}: {self.present} → {self.column.type}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TableChange:
    """What is to be done to one table."""

    wanted: WantedTable
    creates: bool = False
    adds: tuple[WantedColumn, ...] = ()
    converts: tuple[Conversion, ...] = ()
    keeps: tuple[Conversion, ...] = ()
    """Columns whose type differs and is left as it is, since it holds all that the wanted one does."""
    fills: tuple[WantedColumn, ...] = ()
    """Columns for which `_extra` may hold values."""
    table_comment: str | None = None
    comments: Mapping[str, str] = field(default_factory=dict)
    """By column; only those that differ."""

    @property
    def is_needed(self) -> bool:
        return self.reshapes or self.table_comment is not None or bool(self.comments)

    @property
    def reshapes(self) -> bool:
        """Whether there is more to do than to say something else of it."""
        return self.creates or bool(self.adds or self.converts or self.fills)


def decide(wanted: WantedTable, present: PresentTable | None, *, known: bool = False) -> TableChange:
    """Compare a table with what the manifest wants.

    Args:
        present: as the catalog has it; None where there is none.
        known: the tables were made for this very manifest before, so a difference is another program's doing.

    Raises:
        ManifestError: one of the engine's own columns has another type than it must have.
    """
    if present is None:
        comments = {c.name: c.comment for c in wanted.columns}
        return TableChange(wanted=wanted, creates=True, table_comment=wanted.comment, comments=comments)
    adds = tuple(c for c in wanted.columns if c.name not in present.columns)
    if known:
        return TableChange(
            wanted=wanted,
            adds=adds,
            fills=tuple(_fillable(adds)),
            comments={c.name: c.comment for c in adds},
        )
    differing = tuple(_differing(wanted, present))
    keeps = tuple(c for c in differing if is_wide_enough(c.present, c.column.type))
    converts = tuple(c for c in differing if c not in keeps)
    revived = (c for c in wanted.columns if c.name in present.columns and present.columns[c.name].is_retired)
    return TableChange(
        wanted=wanted,
        adds=adds,
        converts=converts,
        keeps=keeps,
        fills=tuple(_fillable(chain(adds, revived, (c.column for c in converts)))),
        table_comment=wanted.comment if present.comment != wanted.comment else None,
        comments=dict(_comments(wanted, present, keeps)),
    )


def _differing(wanted: WantedTable, present: PresentTable) -> Iterator[Conversion]:
    for column in wanted.columns:
        found = present.columns.get(column.name)
        if found is None or found.type == column.type:
            continue
        if column.content is None:
            raise ManifestError(
                f"{wanted.schema}.{wanted.name}.{column.name}",
                f"the column's type is {found.type}",
                f"{column.type}: it is openfaith's own; give it that type again",
            )
        yield Conversion(column=column, present=found.type)


def _fillable(candidates: Iterable[WantedColumn]) -> Iterator[WantedColumn]:
    found = {c.name: c for c in candidates if c.content is not None and c.content.kind in _IN_EXTRA}
    yield from found.values()


def _comments(
    wanted: WantedTable, present: PresentTable, keeps: tuple[Conversion, ...]
) -> Iterator[tuple[str, str]]:
    texts = {c.name: c.comment for c in wanted.columns}
    texts |= {kept.column.name: kept_comment(kept, f"which holds every {kept.column.type}") for kept in keeps}
    for name, found in present.columns.items():
        if name not in texts and found.comment is not None and found.comment.startswith(_OURS):
            texts[name] = found.comment if found.is_retired else found.comment + RETIRED
    for name, text in texts.items():
        if name not in present.columns or present.columns[name].comment != text:
            yield name, text


def kept_comment(kept: Conversion, why: str) -> str:
    """The comment of a column whose type stays another than the manifest's."""
    return f"{kept.column.comment} The column stays {kept.present}, {why}."


# As statements


def creation(change: TableChange) -> sql.Composed:
    """Make a table that is not there."""
    definitions = [_definition(column) for column in change.wanted.columns]
    return sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY (org_id, id))").format(
        change.wanted.identifier, sql.SQL(", ").join(definitions)
    )


def additions(change: TableChange) -> sql.Composed:
    """Add the columns that are missing. Null everywhere, so that no row is touched."""
    parts = [sql.SQL("ADD COLUMN {}").format(_definition(column)) for column in change.adds]
    return sql.SQL("ALTER TABLE {} {}").format(change.wanted.identifier, sql.SQL(", ").join(parts))


def _definition(column: WantedColumn) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.definition))


def setting_aside(change: TableChange, conversion: Conversion) -> sql.Composed:
    """Keep in `_extra` what a column's new type cannot hold."""
    assert conversion.column.content is not None, "the engine's own columns keep their type"
    name = sql.Identifier(conversion.column.name)
    return sql.SQL(
        "UPDATE {} SET _extra = COALESCE(_extra, '{{}}') || jsonb_build_object({}::text, {})"
        " WHERE {} IS NOT NULL AND NOT {}"
    ).format(
        change.wanted.identifier,
        sql.Literal(conversion.column.content.source),
        as_json(name, conversion.present),
        name,
        comes_back(spelled(name, conversion.present), conversion.column.type),
    )


def alteration(change: TableChange, conversion: Conversion) -> sql.Composed:
    """Give a column its new type. Rewrites the table."""
    name, kind = sql.Identifier(conversion.column.name), conversion.column.type
    return sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING {}").format(
        change.wanted.identifier, name, sql.SQL(kind), converted(name, conversion.present, kind)
    )


def commenting(change: TableChange) -> Iterator[sql.Composed]:
    """Say what the table and its columns are, where they do not say so yet."""
    if change.table_comment is not None:
        yield sql.SQL("COMMENT ON TABLE {} IS {}").format(
            change.wanted.identifier, sql.Literal(change.table_comment)
        )
    for name, text in change.comments.items():
        yield comment_on(change.wanted, name, text)


def comment_on(wanted: WantedTable, column: str, text: str) -> sql.Composed:
    return sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
        wanted.identifier, sql.Identifier(column), sql.Literal(text)
    )
