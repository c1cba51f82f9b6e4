"""The types that an entity manifest is made of. Pure data; `loading.py` reads and checks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from openfaith.records import EntityName
from openfaith.retries import RetryPolicy


class AttributeType(StrEnum):
    """The documented type of an attribute; the store derives the column's type from it."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    DATE_TIME = "date_time"
    JSON = "json"
    ARRAY = "array"


class Reading(StrEnum):
    """How an entity's records can be reached."""

    TOP = "top"
    """By a collection of its own that needs no id."""
    INCLUDE = "include"
    """Not by a collection of its own, but whole as an include of one that needs no id (see `capabilities`)."""
    NESTED = "nested"
    """Only below a parent record."""
    NONE = "none"
    """Not as a collection at all."""


class Method(StrEnum):
    """HTTP methods a manifest may name."""

    GET = "GET"
    POST = "POST"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """One attribute of an entity."""

    name: str
    type: AttributeType
    only_when_asked: bool = False
    """True where the source sends it only under an explicit `fields[Type]=`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Relationship:
    """One relationship of an entity, as the source names it."""

    name: str
    to: EntityName | None
    """The entity it points to; None where the manifest does not know, or it is polymorphic."""
    many: bool = False
    polymorphic: bool = False
    """True where the target's type differs from record to record, so that it needs a `_type` column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One way to request an entity."""

    name: str
    """`list`, `get`, `create`, `update`, `delete`, or the name of an edge."""
    method: Method
    path: str
    """Below the source's base URL, with `{placeholders}` for ids."""
    collection: bool
    """True: `data` is a list. False: one record."""
    includes: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    """Keys that `order=` accepts here: attributes, and the entity's `computed_keys`."""
    query_by: tuple[str, ...] = ()
    """Keys that `where[...]` accepts here, likewise; also `id` and `<relationship>_id`."""
    fields: tuple[str, ...] = ()
    """Attributes and relationships that may be written (create, update)."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The ids this path needs, in order: `/people/{person_id}/emails` → `("person_id",)`."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


@dataclass(frozen=True, kw_only=True, slots=True)
class PathId:
    """One id that a nested path needs."""

    name: str
    """The placeholder, as in `group_id`."""
    column: str
    """Of the parent's mirror row, that holds it: `id` for the parent's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Below:
    """The place below a parent where an entity is read."""

    endpoint: Endpoint
    parent: EntityName
    ids: tuple[PathId, ...]
    """Of the path, in order."""
    shared: bool = False
    """True where several parents can have the same record, so that it belongs to none of them: the person who attends."""


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One kind of record that an API offers."""

    name: EntityName
    type: str
    """The JSON:API `type` of its records, as in `Person`."""
    product: str
    attributes: dict[str, Attribute]
    relationships: dict[str, Relationship]
    endpoints: tuple[Endpoint, ...]
    include_targets: dict[str, EntityName | None] = field(default_factory=dict)
    """What each include of this entity's collection brings; None where unknown."""
    computed_keys: tuple[str, ...] = ()
    """Keys of `order_by` and `query_by` that no attribute or relationship has the name of, as `search_name`."""
    same_as: EntityName | None = None
    """The entity, usually of another product, whose records have the same ids and mean the same thing."""
    below: Below | None = None
    """Where it is read below a parent, for an entity without a list of its own; chosen when the manifest is loaded."""
    retries: RetryPolicy | None = None
    """How patient to be with a request for it; None where neither it nor the adapter says anything of that."""
    note: str = ""
    """Why it is not read, or what is peculiar, for a person to read."""

    @cached_property
    def listing(self) -> Endpoint | None:
        """The collection that needs no id, if there is one."""
        return next(
            (e for e in self.endpoints if e.name == "list" and e.collection and not e.placeholders), None
        )

    @cached_property
    def reading(self) -> Reading:
        """What its own endpoints allow; never `INCLUDE`, which other entities decide."""
        if self.listing is not None:
            return Reading.TOP
        nested = any(e.method is Method.GET and e.collection and e.placeholders for e in self.endpoints)
        return Reading.NESTED if nested else Reading.NONE

    @cached_property
    def collection(self) -> Endpoint | None:
        """The listing, else the first collection below a parent, if there is one."""
        nested = (e for e in self.endpoints if e.method is Method.GET and e.collection)
        return self.listing or next(nested, None)

    @property
    def asked(self) -> Endpoint | None:
        """The collection that is asked for its own records: its listing, else the one below its parent."""
        if self.listing is not None:
            return self.listing
        return self.below.endpoint if self.below is not None and self.below.endpoint.collection else None

    @property
    def to_one(self) -> tuple[Relationship, ...]:
        """The relationships that get a column, in the manifest's order."""
        return tuple(r for r in self.relationships.values() if not r.many)


@dataclass(frozen=True, kw_only=True, slots=True)
class DependencyRule:
    """An adapter's word on one dependency, against what the rules derive."""

    entity: EntityName
    on: EntityName
    kind: str
    """`hard`, `soft`, or `none` (there is no such dependency)."""
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeLog:
    """Where the source tells of one entity's records which other one took their place."""

    entity: EntityName
    """Whose records are merged."""
    log: EntityName
    """Each record of it is one merge; it has a list of its own."""
    removed: str
    """Attribute of the log: the id of the record that is gone. The list can be filtered by it."""
    kept: str
    """Attribute of the log: the id of the record that took its place."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product of an API: a base path and a version of its own."""

    name: str
    base_path: str
    version: str
    """The API version that the manifest describes; sent with every request."""
    max_page_size: int = 100
    """Records that one page of a collection can hold; the source cuts a larger wish silently."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything an adapter says about its API."""

    adapter: str
    """Also the name of the mirror tables' schema, as in `pco`."""
    products: dict[str, Product]
    entities: dict[EntityName, Entity]
    """In the manifest's order."""
    overrules: tuple[DependencyRule, ...] = ()
    merges: tuple[MergeLog, ...] = ()
    """At most one for each entity."""
    default_product: str = ""
    """Whose entities may be named without their product when a bare name is ambiguous."""


def merge_log_of(manifest: Manifest, entity_name: EntityName) -> MergeLog | None:
    """Where the source tells of an entity's merges, if it does."""
    return next((merge for merge in manifest.merges if merge.entity == entity_name), None)
