"""A manifest in plain members, ready for JSON: what `openfaith entities --json` prints."""

from __future__ import annotations

from openfaith.manifest.capabilities import (
    DeltaWay,
    EntityCapabilities,
    ProductTotals,
    analyse_manifest,
    get_entity_capabilities,
    get_entity_delta_fields,
    get_entity_orderable_fields,
    get_entity_relationships,
)
from openfaith.manifest.entity import Manifest, Reading, Relationship
from openfaith.manifest.naming import table_name
from openfaith.records import EntityName


def describe_manifest(manifest: Manifest) -> dict[str, object]:
    """`{"entities": [...], "totals": {...}, "remarks": [...]}`, entities in the manifest's order."""
    analysis = analyse_manifest(manifest)
    return {
        "entities": [describe_entity(manifest, name) for name in manifest.entities],
        "totals": _all_totals(analysis.products)
        | {"products": {totals.product: _totals(totals) for totals in analysis.products}},
        "remarks": [{"entity": remark.entity, "text": remark.text} for remark in analysis.remarks],
    }


def describe_entity(manifest: Manifest, name: str) -> dict[str, object]:
    """One entity, by any name that `resolve_entity` takes.

    Raises:
        UnknownNameError: no entity is called so.
    """
    capabilities = get_entity_capabilities(manifest, name)
    delta = get_entity_delta_fields(manifest, capabilities.name)
    entity = manifest.entities[capabilities.name]
    return {
        "name": entity.name,
        "table": f"{manifest.adapter}.{table_name(entity)}",
        "product": entity.product,
        "type": entity.type,
        "reading": capabilities.reading,
        "delta": delta.way,
        "delta_field": delta.field,
        "capabilities": _capabilities(capabilities),
        "relationships": [_relationship(r) for r in entity.relationships.values()],
        "referenced_by": _referenced_by(manifest, entity.name),
        "attributes": {attribute.name: attribute.type for attribute in entity.attributes.values()},
        "only_when_asked": [a.name for a in entity.attributes.values() if a.only_when_asked],
        "orderable": _orderable(manifest, entity.name),
        "queryable": list(entity.collection.query_by) if entity.collection is not None else [],
        "same_as": entity.same_as,
        "note": entity.note,
    }


def _capabilities(capabilities: EntityCapabilities) -> dict[str, object]:
    return {
        "list": capabilities.listable,
        "get": capabilities.readable,
        "create": capabilities.creatable,
        "update": capabilities.updatable,
        "delete": capabilities.deletable,
        "max_page_size": capabilities.max_page_size,
        "includes": list(capabilities.includes),
        "included_by": [f"{carrier.entity}?include={carrier.include}" for carrier in capabilities.carriers],
    }


def _relationship(relationship: Relationship) -> dict[str, object]:
    return {
        "name": relationship.name,
        "to": relationship.to,
        "many": relationship.many,
        "polymorphic": relationship.polymorphic,
    }


def _referenced_by(manifest: Manifest, name: EntityName) -> list[str]:
    return [
        f"{inbound.entity}.{inbound.name}" for inbound in get_entity_relationships(manifest, name).incoming
    ]


def _orderable(manifest: Manifest, name: EntityName) -> list[str]:
    fields = get_entity_orderable_fields(manifest, name)
    return [*fields.attributes, *fields.computed]


def _all_totals(products: tuple[ProductTotals, ...]) -> dict[str, object]:
    return {
        "entities": sum(totals.entities for totals in products),
        "reading": {way: sum(totals.by_reading[way] for totals in products) for way in Reading},
        "delta": {way: sum(totals.by_delta[way] for totals in products) for way in DeltaWay},
        "delta_by_created_at_only": sum(totals.created_only for totals in products),
    }


def _totals(totals: ProductTotals) -> dict[str, object]:
    return {
        "entities": totals.entities,
        "reading": dict(totals.by_reading),
        "delta": dict(totals.by_delta),
        "delta_by_created_at_only": totals.created_only,
    }
