"""What can be done with an entity, derived from its manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from openfaith.manifest.entity import Entity, Manifest, Method, Reading, Relationship
from openfaith.manifest.naming import columns, resolve_entity
from openfaith.manifest.ways import whole_includes
from openfaith.records import EntityName


class DeltaWay(StrEnum):
    """How the records that changed since a time can be read, the cheapest first."""

    KEYSET = "keyset"
    """Filtered and ordered by the time: each page continues after the last record of the one before."""
    WINDOW = "window"
    """Filtered only: the pages of one window by offset."""
    NEWEST_FIRST = "newest_first"
    """Ordered only: newest first, until a record is older than the mark."""
    NONE = "none"
    """Neither: every record has to be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Carrier:
    """A listing that brings records of an entity along."""

    entity: EntityName
    include: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityCapabilities:
    """What the API documents that one can do."""

    name: EntityName
    reading: Reading
    listable: bool
    """By a collection of its own that needs no id."""
    readable: bool
    """One record by its id."""
    creatable: bool
    updatable: bool
    deletable: bool
    max_page_size: int
    """Records a page."""
    includes: tuple[str, ...]
    """What its own requests can bring along."""
    carriers: tuple[Carrier, ...]
    """The listings without an id that can bring records of it along."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundRelationship:
    """A relationship of another entity (or of the same) that leads to this one."""

    entity: EntityName
    name: str
    many: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityRelationships:
    name: EntityName
    outgoing: tuple[Relationship, ...]
    """Its own, in the manifest's order."""
    incoming: tuple[InboundRelationship, ...]
    """Those of others, by entity and name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityDeltaFields:
    """By which times its collection can be narrowed, and what follows for a delta."""

    name: EntityName
    query: tuple[str, ...]
    """Of `updated_at` and `created_at`, those that `where[...]` accepts."""
    order: tuple[str, ...]
    """Likewise for `order=`."""
    way: DeltaWay
    field: str | None
    """The time that the way uses; `created_at` where only that can be used: new records are found, changes are not."""

    @property
    def created_only(self) -> bool:
        return self.field == "created_at"


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderableFields:
    name: EntityName
    attributes: tuple[str, ...]
    computed: tuple[str, ...]
    """Keys that no attribute has the name of: a record does not show where it stands in this order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductTotals:
    product: str
    entities: int
    by_reading: Mapping[Reading, int]
    by_delta: Mapping[DeltaWay, int]
    """By `updated_at`; an entity that has only `created_at` counts as `none` here."""
    created_only: int
    """Those that have a way by `created_at` only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something in the manifest that is allowed, but worth a person's eye."""

    entity: EntityName
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    products: tuple[ProductTotals, ...]
    remarks: tuple[Remark, ...]


def get_entity_capabilities(manifest: Manifest, name: str) -> EntityCapabilities:
    """Raises `UnknownNameError`, like its three siblings."""
    entity = _entity(manifest, name)
    methods = {endpoint.method for endpoint in entity.endpoints}
    return EntityCapabilities(
        name=entity.name,
        reading=effective_reading(manifest, entity),
        listable=entity.listing is not None,
        readable=any(endpoint.name == "get" for endpoint in entity.endpoints),
        creatable=Method.POST in methods,
        updatable=Method.PATCH in methods,
        deletable=Method.DELETE in methods,
        max_page_size=manifest.products[entity.product].max_page_size,
        includes=tuple(entity.include_targets),
        carriers=carriers(manifest, entity.name),
    )


def get_entity_relationships(manifest: Manifest, name: str) -> EntityRelationships:
    entity = _entity(manifest, name)
    incoming = (
        InboundRelationship(entity=other.name, name=relationship.name, many=relationship.many)
        for other in manifest.entities.values()
        for relationship in other.relationships.values()
        if relationship.to == entity.name
    )
    return EntityRelationships(
        name=entity.name,
        outgoing=tuple(entity.relationships.values()),
        incoming=tuple(sorted(incoming, key=lambda r: (r.entity, r.name))),
    )


def get_entity_delta_fields(manifest: Manifest, name: str) -> EntityDeltaFields:
    return _delta_fields(_entity(manifest, name))


def get_entity_orderable_fields(manifest: Manifest, name: str) -> OrderableFields:
    entity = _entity(manifest, name)
    keys = entity.collection.order_by if entity.collection is not None else ()
    return OrderableFields(
        name=entity.name,
        attributes=tuple(key for key in keys if key in entity.attributes),
        computed=tuple(key for key in keys if key not in entity.attributes),
    )


def _entity(manifest: Manifest, name: str) -> Entity:
    return manifest.entities[resolve_entity(manifest, name)]


def effective_reading(manifest: Manifest, entity: Entity) -> Reading:
    """How all of its records are had with the fewest requests: its own list, along with its parent's, below each parent.

    A run may do still better: what has a list of its own may yet ride on another's pages, and what could ride is read
    below its parents where it carries others itself. That is arithmetic, and `planning` does it.
    """
    if entity.listing is not None:
        return Reading.TOP
    if entity.below is not None and any(whole_includes(entity, manifest.entities[entity.below.parent])):
        return Reading.INCLUDE
    return Reading.NONE if entity.asked is None else Reading.NESTED


def carriers(manifest: Manifest, name: EntityName) -> tuple[Carrier, ...]:
    """The listings without an id that can bring records of the entity along, by name; not always all of them."""
    found = (
        Carrier(entity=other.name, include=include)
        for other in manifest.entities.values()
        if other.listing is not None and other.name != name
        for include, target in other.include_targets.items()
        if target == name
    )
    return tuple(sorted(found, key=lambda c: (c.entity, c.include)))


def _delta_fields(entity: Entity) -> EntityDeltaFields:
    collection = entity.collection
    query = times_in(collection.query_by) if collection is not None else ()
    order = times_in(collection.order_by) if collection is not None else ()
    way, field = best_delta_way(query, order)
    return EntityDeltaFields(name=entity.name, query=query, order=order, way=way, field=field)


def times_in(keys: Collection[str]) -> tuple[str, ...]:
    """The times among the keys of a filter or an order by which a delta can be read, the better one first."""
    return tuple(time for time in ("updated_at", "created_at") if time in keys)


def best_delta_way(query: Collection[str], order: Collection[str]) -> tuple[DeltaWay, str | None]:
    """Any way by `updated_at` is better than one by `created_at`, which misses changes."""
    for time in ("updated_at", "created_at"):
        match (time in query, time in order):
            case (True, True):
                return DeltaWay.KEYSET, time
            case (True, False):
                return DeltaWay.WINDOW, time
            case (False, True):
                return DeltaWay.NEWEST_FIRST, time
    return DeltaWay.NONE, None


# The manifest as a whole


def analyse_manifest(manifest: Manifest) -> Analysis:
    """Totals for each product, in the manifest's order, and what a person should look at."""
    remarks = (Remark(entity=e.name, text=text) for e in manifest.entities.values() for text in _remarks(e))
    return Analysis(
        products=tuple(_totals(manifest, product) for product in manifest.products),
        remarks=tuple(remarks),
    )


def _totals(manifest: Manifest, product: str) -> ProductTotals:
    entities = [entity for entity in manifest.entities.values() if entity.product == product]
    deltas = [_delta_fields(entity) for entity in entities]
    readings = Counter(effective_reading(manifest, entity) for entity in entities)
    ways = Counter(DeltaWay.NONE if delta.created_only else delta.way for delta in deltas)
    return ProductTotals(
        product=product,
        entities=len(entities),
        by_reading={reading: readings[reading] for reading in Reading},
        by_delta={way: ways[way] for way in DeltaWay},
        created_only=sum(delta.created_only for delta in deltas),
    )


def _remarks(entity: Entity) -> Iterator[str]:
    if entity.note:
        yield entity.note
    yield from _unknown_targets(entity)
    yield from _moved_columns(entity)
    yield from _times_out_of_reach(entity)


def _unknown_targets(entity: Entity) -> Iterator[str]:
    for relationship in entity.relationships.values():
        if relationship.to is None and not relationship.polymorphic:
            yield f"relationship {relationship.name}: nobody says which entity it leads to"
    for include, target in entity.include_targets.items():
        if target is None:
            yield f"include {include}: nobody says which entity it brings"


def _moved_columns(entity: Entity) -> Iterator[str]:
    for column in columns(entity):
        if column.kind == "relationship_id" and column.name != f"{column.source}_id":
            yield f"relationship {column.source}: its column is {column.name}, since an attribute has the plain name"


def _times_out_of_reach(entity: Entity) -> Iterator[str]:
    delta = _delta_fields(entity)
    for time in dict.fromkeys((*delta.query, *delta.order)):
        if time not in entity.attributes:
            yield f"{time}: can be asked for, but no record shows it, so no answer can be checked"
    if entity.collection is not None and "updated_at" in entity.attributes and delta.field != "updated_at":
        yield "updated_at: records show it, but the collection can neither filter nor order by it"
