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
from dataclasses import dataclass
from typing import Literal

from openfaith.errors import UnknownNameError
from openfaith.manifest.entity import AttributeType, Entity, Manifest, Relationship
from openfaith.records import EntityName

ColumnKind = Literal["attribute", "relationship_id", "relationship_type"]

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
    """The attribute or relationship that fills it."""
    type: AttributeType | None
    """The attribute's type; None for a relationship, whose columns are text."""


def snake_case(name: str) -> str:
    """`PhoneNumber` → `phone_number`, `RSVPList` → `rsvp_list`, `check-ins` → `check_ins`."""
    return _WORD_START.sub("_", name).replace("-", "_").lower()


def table_name(entity: Entity) -> str:
    """The mirror table's name below the adapter's schema: `people_phone_number`."""
    return f"{snake_case(entity.product)}_{snake_case(entity.name.rpartition('.')[2])}"


def columns(entity: Entity) -> tuple[Column, ...]:
    """What the mirror table has beside its key and the store's own columns: attributes first, in the manifest's order."""
    return (*_attribute_columns(entity), *_relationship_columns(entity))


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
    spelt = _folded(name)
    found = [entity for entity in manifest.entities.values() if spelt in _spellings(manifest, entity)]
    if len(found) > 1:
        found = [entity for entity in found if entity.product == manifest.default_product] or found
    if len(found) == 1:
        return found[0].name
    raise UnknownNameError(
        "entity", name, _alternatives(manifest, name, found), "`openfaith entities` lists them"
    )


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
    return tuple(entity.name for entity in found) or near_names(name, manifest.entities)


def near_names(name: str, known: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """The known names that `name` may be a misspelling of, best first; the product may be left out."""
    bare = {k.rpartition(".")[2].casefold(): k for k in sorted(known, reverse=True)}
    close = difflib.get_close_matches(name.rpartition(".")[2].casefold(), sorted(bare), n=most, cutoff=0.6)
    return tuple(bare[match] for match in close)
