"""What can be synced: an adapter's manifest, as data.

A manifest says of every entity what its API documents: attributes and their types, relationships, the endpoints
that reach it, and what those can include, order by and filter on. Nothing in it is code and nothing in it is
derived: which columns a table gets (`naming`), how an entity can be read and kept fresh (`capabilities`), and in
what order entities are synced (the package `planning`) all follow from these facts by pure functions.

A manifest is trusted once it is loaded. `loading` therefore checks all that the rest relies on and reports every
fault in one error, each with its place in the file, what was seen and what was expected.
"""

from __future__ import annotations

from openfaith.manifest.canonical import (
    Amount,
    CanonicalColumn,
    CanonicalEntity,
    CanonicalMapping,
    CanonicalReference,
    Choice,
    ColumnSource,
    Expression,
    First,
    Join,
    Joined,
    Lowered,
    PhoneE164,
    Plain,
    Reference,
    ValueType,
    canonical_id,
    linked_entities,
)
from openfaith.manifest.canonical_documents import load_canonical_mapping
from openfaith.manifest.capabilities import (
    Analysis,
    Carrier,
    DeltaWay,
    EntityCapabilities,
    EntityDeltaFields,
    EntityRelationships,
    InboundRelationship,
    OrderableFields,
    ProductTotals,
    Remark,
    analyse_manifest,
    carriers,
    get_entity_capabilities,
    get_entity_delta_fields,
    get_entity_orderable_fields,
    get_entity_relationships,
)
from openfaith.manifest.description import describe_entity, describe_manifest
from openfaith.manifest.drift import Drift, find_drift, missing_collection
from openfaith.manifest.entity import (
    Attribute,
    AttributeType,
    Below,
    DependencyRule,
    Endpoint,
    Entity,
    Manifest,
    MergeLog,
    Method,
    PathId,
    Product,
    Reading,
    Relationship,
    merge_log_of,
)
from openfaith.manifest.loading import load_manifest, parse_document
from openfaith.manifest.naming import (
    Column,
    columns,
    near_names,
    resolve_entity,
    resolve_product,
    table_name,
)
from openfaith.manifest.ways import whole_includes

__all__ = [
    "Amount",
    "Analysis",
    "Attribute",
    "AttributeType",
    "Below",
    "CanonicalColumn",
    "CanonicalEntity",
    "CanonicalMapping",
    "CanonicalReference",
    "Carrier",
    "Choice",
    "Column",
    "ColumnSource",
    "DeltaWay",
    "DependencyRule",
    "Drift",
    "Endpoint",
    "Entity",
    "EntityCapabilities",
    "EntityDeltaFields",
    "EntityRelationships",
    "Expression",
    "First",
    "InboundRelationship",
    "Join",
    "Joined",
    "Lowered",
    "Manifest",
    "MergeLog",
    "Method",
    "OrderableFields",
    "PathId",
    "PhoneE164",
    "Plain",
    "Product",
    "ProductTotals",
    "Reading",
    "Reference",
    "Relationship",
    "Remark",
    "ValueType",
    "analyse_manifest",
    "canonical_id",
    "carriers",
    "columns",
    "describe_entity",
    "describe_manifest",
    "find_drift",
    "get_entity_capabilities",
    "get_entity_delta_fields",
    "get_entity_orderable_fields",
    "get_entity_relationships",
    "linked_entities",
    "load_canonical_mapping",
    "load_manifest",
    "merge_log_of",
    "missing_collection",
    "near_names",
    "parse_document",
    "resolve_entity",
    "resolve_product",
    "table_name",
    "whole_includes",
]
