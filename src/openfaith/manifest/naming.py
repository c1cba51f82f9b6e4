"""Names: of mirror tables and their columns, and of entities as a person types them.

A column is named after what it holds: an attribute keeps its name, a to-one relationship becomes
`<relationship>_id`, and `<relationship>_type` beside it where the target's type differs from record to record.
An attribute can have that name already (Planning Center documents `Note.person_id` beside the relationship
`person`); then the attribute keeps the column and the relationship's become `<relationship>_relationship_id` and
`_type`, so that neither hides the other.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from openfaith.errors import UnknownNameError
from openfaith.manifest.entity import AttributeType, Entity, Manifest, Relationship
from openfaith.records import EntityName

ColumnKind = Literal["attribute", "relationship_id", "relationship_type", "parent_id"]

RESERVED_COLUMNS = frozenset({"org_id", "id"})
"""The key of every mirror table. Names that begin with `_` are the store's too."""

MAX_IDENTIFIER_BYTES = 63
"""PostgreSQL cuts longer names, silently."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a mirror table that holds something of the record."""

    name: str
    kind: ColumnKind
    source: str
    """The attribute or relationship that fills it; for a parent's id the placeholder in the path."""
    type: AttributeType | None
    """The attribute's type; None for an id, whose columns are text."""
    placeholder: str | None = None
    """The placeholder in the path that fills it where the record itself does not."""


def snake_case(name: str) -> str:
    """`PhoneNumber` → `phone_number`, `RSVPList` → `rsvp_list`, `check-ins` → `check_ins`."""
    return _WORD_START.sub("_", name).replace("-", "_").lower()


def table_name(entity: Entity) -> str:
    """The mirror table's name below the adapter's schema: `people_phone_number`."""
    return f"{snake_case(entity.product)}_{snake_case(entity.name.rpartition('.')[2])}"


def columns(entity: Entity) -> tuple[Column, ...]:
    """What the mirror table has beside its key and the store's own columns: attributes first, in the manifest's order."""
    belongs = entity.below is not None and not entity.below.shared
    ids = (
        {parent_column(entity, i.name): i.name for i in entity.below.ids} if entity.below and belongs else {}
    )
    own = (*_attribute_columns(entity), *_relationship_columns(entity))
    named = {column.name for column in own}
    return (
        *(replace(c, placeholder=ids[c.name]) if c.name in ids else c for c in own),
        *(
            Column(name=name, kind="parent_id", source=placeholder, type=None, placeholder=placeholder)
            for name, placeholder in ids.items()
            if name not in named
        ),
    )


def parent_column(entity: Entity, placeholder: str) -> str:
    """The column that holds an id of the path the entity is read by: `group_id`.

    It is the relationship's where the record names its parent itself. Where an attribute has the name already, the
    column becomes `<stem>_parent_id`.
    """
    plain = placeholder in entity.attributes or placeholder in RESERVED_COLUMNS
    return f"{placeholder.removesuffix('_id')}_parent_id" if plain else placeholder


def _attribute_columns(entity: Entity) -> Iterator[Column]:
    for attribute in entity.attributes.values():
        yield Column(name=attribute.name, kind="attribute", source=attribute.name, type=attribute.type)


def _relationship_columns(entity: Entity) -> Iterator[Column]:
    taken = RESERVED_COLUMNS | entity.attributes.keys()
    for relationship in entity.to_one:
        stem = _column_stem(relationship, taken)
        yield Column(name=f"{stem}_id", kind="relationship_id", source=relationship.name, type=None)
        if relationship.polymorphic:
            yield Column(name=f"{stem}_type", kind="relationship_type", source=relationship.name, type=None)


def _column_stem(relationship: Relationship, taken: Iterable[str]) -> str:
    """Both columns move together, so that a person finds the type beside the id."""
    plain = {f"{relationship.name}_id"} | (
        {f"{relationship.name}_type"} if relationship.polymorphic else set()
    )
    return relationship.name if plain.isdisjoint(taken) else f"{relationship.name}_relationship"


def resolve_entity(manifest: Manifest, name: str) -> EntityName:
    """The entity that a person means by `people.Person`, `Person`, `person`, `people_person` or `pco.people_person`.

    Case does not matter. A name without its product counts where one entity has it, or one of the default product.

    Raises:
        UnknownNameError: no entity is called so, or several are and none is of the default product.
    """
    if name in manifest.entities:
        return EntityName(name)
    spelt = _folded(name)
    found = [entity for entity in manifest.entities.values() if spelt in _spellings(manifest, entity)]
    if len(found) > 1:
        found = [entity for entity in found if entity.product == manifest.default_product] or found
    if len(found) == 1:
        return found[0].name
    raise UnknownNameError(
        "entity", name, _alternatives(manifest, name, found), "`openfaith entities` lists them"
    )


def resolve_product(manifest: Manifest, name: str) -> str:
    """The product that a person means by `check-ins`, `Check-Ins` or `check_ins`.

    Raises:
        UnknownNameError: there is no such product.
    """
    found = [product for product in manifest.products if _folded(product) == _folded(name)]
    if found:
        return found[0]
    near = near_names(name, manifest.products) or tuple(manifest.products)
    raise UnknownNameError("product", name, near)


def _spellings(manifest: Manifest, entity: Entity) -> set[str]:
    bare, table = entity.name.rpartition(".")[2], table_name(entity)
    spellings = (
        entity.name,
        f"{entity.product}.{snake_case(bare)}",
        bare,
        snake_case(bare),
        table,
        f"{manifest.adapter}.{table}",
    )
    return {_folded(spelling) for spelling in spellings}


def _folded(name: str) -> str:
    return name.strip().replace("-", "_").casefold()


def _alternatives(manifest: Manifest, name: str, found: Iterable[Entity]) -> tuple[str, ...]:
    """The entities that share the name, else those that are spelt much like it."""
    return tuple(entity.name for entity in found) or near_names(
        name, manifest.entities, default_product=manifest.default_product
    )


def near_names(
    name: str, known: Iterable[str], *, most: int = 3, default_product: str = ""
) -> tuple[str, ...]:
    """The known names that `name` may be a misspelling of, best first; the product may be left out.

    Where several products have a name, the one of the product that was typed stands for them, else of the default one.
    """
    typed, _, wanted = name.rpartition(".")
    products = [_folded(typed), _folded(default_product)]

    def preference(full: str) -> tuple[list[bool], str]:
        product = _folded(full.rpartition(".")[0])
        return [product != preferred for preferred in products], full

    bare = {full.rpartition(".")[2].casefold(): full for full in sorted(known, key=preference, reverse=True)}
    close = difflib.get_close_matches(wanted.strip().casefold(), sorted(bare), n=most, cutoff=0.6)
    return tuple(bare[match] for match in close)
