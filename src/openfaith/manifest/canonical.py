"""The canonical model: what an adapter's records mean, in words that are no API's.

A mapping says, as data, which entity of the manifest each canonical entity shows and how each of its columns comes
about, in a small closed vocabulary of expressions. It moves no data: the store makes views of it. So a mapping can be
mended at any time without a request to the source.

A record's canonical id follows from its organization, adapter, entity and id at the source, and from nothing else.
Whoever knows a reference knows the id of what it refers to. Entities that the manifest calls the same (`same_as`:
`giving.Person` is `people.Person`) share their ids, so a donation leads to the person whichever product named it.

Types only; `canonical_documents` reads and checks them, and `store.canonical` installs the views.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from openfaith.manifest.capabilities import effective_reading
from openfaith.manifest.entity import Manifest, Reading
from openfaith.records import EntityName

ID_HEX_DIGITS = 26
"""104 bits: among a thousand million records of one kind, two share an id with a chance of 1 in 4 * 10**13."""

OWN_COLUMNS = {
    "id": "The record's canonical id: the same in every view and at every time.",
    "org_id": "The organization.",
    "external_id": "The record's id at the source.",
}
"""What every canonical entity begins with, and what it means."""

OWN_VIEWS = ("external_link", "edge")
"""Made of all entities together; no entity can have these names."""


class ValueType(StrEnum):
    """What a canonical column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    """An amount in units of its currency, as 12.50; never a float."""
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    """An instant, with its time zone."""
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnSource:
    """A column of the entity's mirror table, or of one that is joined to it."""

    column: str
    join: str | None = None
    """The join's name; None for the entity's own table."""

    def __str__(self) -> str:
        return self.column if self.join is None else f"{self.join}.{self.column}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plain:
    """The value as it is."""

    source: ColumnSource

    @property
    def sources(self) -> tuple[ColumnSource, ...]:
        return (self.source,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowered:
    """The text trimmed and in small letters; an empty one is null."""

    source: ColumnSource

    @property
    def sources(self) -> tuple[ColumnSource, ...]:
        return (self.source,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """The texts that are there, with a separator between them; null where none is."""

    sources: tuple[ColumnSource, ...]
    separator: str


@dataclass(frozen=True, kw_only=True, slots=True)
class First:
    """The first value that is not null."""

    sources: tuple[ColumnSource, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One word for each idea, whatever its spelling; a spelling that nobody foresaw comes in small letters."""

    source: ColumnSource
    values: Mapping[str, tuple[str, ...]]
    """The word → its other spellings. Case does not matter."""

    @property
    def sources(self) -> tuple[ColumnSource, ...]:
        return (self.source,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """A whole number of a currency's smallest units, as an amount in its units."""

    source: ColumnSource
    currency: ColumnSource
    """ISO 4217; decides how many decimals there are. Null counts as a currency with two."""

    @property
    def sources(self) -> tuple[ColumnSource, ...]:
        return (self.source, self.currency)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneE164:
    """A phone number as +12125550123, where it can be had without a guess; else null."""

    source: ColumnSource
    """What the source calls E.164; taken if it has that shape."""
    number: ColumnSource
    """As people typed it."""
    country: ColumnSource
    """ISO 3166, two letters."""

    @property
    def sources(self) -> tuple[ColumnSource, ...]:
        return (self.source, self.number, self.country)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The canonical id of another record; where that was merged away, the id of the one that took its place."""

    source: ColumnSource
    to: str
    """The canonical entity."""

    @property
    def sources(self) -> tuple[ColumnSource, ...]:
        return (self.source,)


Expression = Plain | Lowered | Joined | First | Choice | Amount | PhoneE164 | Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class CanonicalColumn:
    """One column of a canonical entity."""

    name: str
    type: ValueType
    meaning: str
    """One line, for the database's comment and the reference page."""
    expression: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Join:
    """Another entity's record, found by its id; at most one."""

    name: str
    entity: EntityName
    by: str
    """The column of the entity's own table that holds the id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CanonicalEntity:
    """One kind of record of the canonical model."""

    name: str
    """Also the view's name, and the first part of its records' ids."""
    domain: str
    """The part of the model it belongs to, as `giving`."""
    meaning: str
    source: EntityName
    """The manifest's entity whose records these are."""
    columns: Mapping[str, CanonicalColumn]
    """Beside `OWN_COLUMNS`, in the mapping's order."""
    joins: Mapping[str, Join]
    merges: bool = False
    """True where the source merges such records, so that a reference may lead to one that was merged away."""
    deleted_at: str | None = None
    """The column, if there is one, by which the source itself says since when a record counts as deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CanonicalReference:
    """One column by which records refer to others."""

    entity: str
    column: str
    to: str

    @property
    def kind(self) -> str:
        """What `edge` calls it: `donation.person`."""
        return f"{self.entity}.{self.column.removesuffix('_id')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CanonicalMapping:
    """All that one adapter says about the canonical model."""

    adapter: str
    entities: Mapping[str, CanonicalEntity]
    """By name, in the mapping's order."""

    @property
    def references(self) -> tuple[CanonicalReference, ...]:
        """Every reference between canonical entities, in the mapping's order."""
        return tuple(
            CanonicalReference(entity=entity.name, column=column.name, to=column.expression.to)
            for entity in self.entities.values()
            for column in entity.columns.values()
            if isinstance(column.expression, Reference)
        )


def same_entities(manifest: Manifest, name: EntityName) -> Iterator[EntityName]:
    """The entity and all that the manifest calls the same: their records share their ids."""
    yield name
    yield from (entity.name for entity in manifest.entities.values() if entity.same_as == name)


def linked_entities(manifest: Manifest, entity: CanonicalEntity) -> tuple[EntityName, ...]:
    """Those of `same_entities` that are read at all, so that `external_link` has something to say of them."""
    return tuple(
        name
        for name in same_entities(manifest, entity.source)
        if effective_reading(manifest, manifest.entities[name]) is not Reading.NONE
    )


def id_space(adapter: str, entity: CanonicalEntity) -> str:
    """Where a record's id at the source belongs, as `pco/people.Person`; a part of what its canonical id is made of."""
    return f"{adapter}/{entity.source}"


def canonical_id(adapter: str, entity: CanonicalEntity, org_id: str, external_id: str) -> str:
    """The canonical id of a record, as the views compute it.

    An organization's name has no line break, nor has an id space: the text that is hashed can be read in one way only.
    """
    text = "\n".join((org_id, id_space(adapter, entity), external_id))
    return f"{entity.name}_{hashlib.sha256(text.encode()).hexdigest()[:ID_HEX_DIGITS]}"
