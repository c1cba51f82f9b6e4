"""Write an adapter's manifest data from a folder of parsed reference pages.

    .venv/bin/python scripts/import_catalog.py CATALOG_FOLDER [--products people ...]

For maintainers. CATALOG_FOLDER holds `<product>.json` (facts of one product's reference pages); beside the folder
`newer.json` may stand, with what later documentation of the same API version adds. Only facts are taken: names,
types, paths and targets. What a later documentation takes away is not taken over, and what it adds without a path
is left out; both are printed.

Overrules are ours, not the source's: those in the file that is being replaced are kept.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

DATA = Path(__file__).parent.parent / "src/openfaith/adapters/planning_center/entities"

PRODUCTS = [
    "people",
    "groups",
    "giving",
    "check-ins",
    "services",
    "calendar",
    "registrations",
    "publishing",
    "webhooks",
    "api",
]

OURS = ("overrules", "merges")
"""Members of a product that stand in our files by hand."""

TYPES = {
    "string": "string",
    "integer": "integer",
    "float": "float",
    "boolean": "boolean",
    "date": "date",
    "date_time": "date_time",
    "json": "json",
    "array": "array",
    # An id. Text, as every id of this API is, though some attributes send it as a number.
    "primary_key": "string",
    # Nested structures without a documented shape.
    "hash": "json",
    "object": "json",
    "repeatable_schedule": "json",
    # Three letters, such as USD.
    "currency_abbreviation": "string",
    # Documented without a type. JSON takes every value.
    "unknown": "json",
}
"""Every type that the reference pages use, and ours for it. One that is missing here stops the import."""

GUESSES = (
    (re.compile(r"_at$"), "date_time"),
    (re.compile(r"_count$"), "integer"),
    (re.compile(r"^can_"), "boolean"),
    (re.compile(r"_(meta|urls)$"), "json"),
)
"""For the additions, which come without types; whatever matches none is a string."""

MANY = {"options"}
"""Relationships that the pages describe as leading to one record, though the include of the same name lists several."""

POLYMORPHIC = re.compile(r"able$")
"""`customizable`, `fieldable`, `optionable`: the pages' name for "a record of one of several types"."""


SHARED = {"Person", "Campus"}
"""What other products show of People's own records, under the same ids. For Person that is how clients of the API use
it; for Campus it is our inference, which so far decides nothing but the preferred order of a sync."""

SHARED_UNDER_ANOTHER_NAME = {("groups", "Owner"): "people.Person"}
"""Likewise: who wrote a note. It has a person's names, and its own path ends at a person's id."""

NOTES = {
    (
        "registrations",
        "Person",
    ): "One record below each attendee or registration, and no list of them: people.Person"
    " has those of the same ids.",
}
"""By hand, where the rules of `note` say too little."""


class Relationship(msgspec.Struct):
    to: str | None
    many: bool
    entity: str | None
    polymorphic: bool = False


class Request(msgspec.Struct):
    name: str
    method: str
    path: str


class Edge(msgspec.Struct):
    direction: str
    name: str
    path: str
    origin: str | None = msgspec.field(default=None, name="from")


class Parent(msgspec.Struct):
    path: str


class CatalogEntity(msgspec.Struct):
    type: str
    attributes: dict[str, str]
    relationships: dict[str, Relationship]
    endpoints: list[Request]
    edges: list[Edge]
    can_include: list[str]
    include_targets: dict[str, str]
    can_order: list[str]
    can_query: dict[str, str]
    creatable: list[str]
    updatable: list[str]
    per_page: dict[str, int]
    only_with_fields_param: list[str] = []
    collection_paths: list[str] = []
    parents: list[Parent] = []
    singular_paths: list[str] = []
    top_evidence: str = ""


class Catalog(msgspec.Struct):
    product: str
    base_path: str
    version: str
    entities: dict[str, CatalogEntity]


class Change(msgspec.Struct):
    attributes_added: list[str] = []
    relationships_added: list[str] = []
    can_include_added: list[str] = []
    can_order_added: list[str] = []
    can_query_added: list[str] = []
    outbound_edges_added: list[str] = []
    attributes_removed: list[str] = []
    relationships_removed: list[str] = []
    outbound_edges_removed: list[str] = []
    permissions: dict[str, dict[str, bool]] = {}


class ProductChanges(msgspec.Struct):
    version: str
    entities_added: dict[str, object]
    entities_missing: list[str]
    changes: dict[str, Change]


class Newer(msgspec.Struct):
    documentation_2026_05: dict[str, ProductChanges]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("catalog", type=Path, help="the folder with <product>.json")
    parser.add_argument("--products", nargs="+", default=PRODUCTS)
    parser.add_argument("--into", type=Path, default=DATA, help="the folder to write to")
    arguments = parser.parse_args()
    newer = read_newer(arguments.catalog.parent / "newer.json")
    for product in arguments.products:
        write_product(arguments.catalog / f"{product}.json", newer.get(product), arguments.into)


def read_newer(path: Path) -> Mapping[str, ProductChanges]:
    if not path.exists():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=Newer).documentation_2026_05


def write_product(source: Path, changes: ProductChanges | None, into: Path) -> None:
    catalog = msgspec.json.decode(source.read_bytes(), type=Catalog)
    if changes is not None and changes.version == catalog.version:
        for line in apply_changes(catalog, changes):
            print(f"{catalog.product}: {line}")
    target = into / f"{catalog.product.replace('-', '_')}.json"
    document = product_document(catalog, kept=kept_members(target))
    target.write_text(render(document), encoding="utf-8")
    print(f"{target}: {len(catalog.entities)} entities of version {catalog.version}")


def kept_members(target: Path) -> dict[str, object]:
    """What we say of a product and no page does."""
    document = json.loads(target.read_bytes()) if target.exists() else {}
    return {name: document[name] for name in OURS if document.get(name)}


# What later documentation adds


def apply_changes(catalog: Catalog, changes: ProductChanges) -> Iterator[str]:
    """Add to the catalog what holds for its version; yield a line for whatever is not taken over."""
    for added in sorted(changes.entities_added):
        yield f"left out: entity {added} (its path is not documented)"
    for missing in changes.entities_missing:
        yield f"kept: {missing}, though later documentation lacks it"
    for name, change in changes.changes.items():
        entity = catalog.entities[name]
        add_change(catalog, entity, change)
        yield from (f"{name}: {line}" for line in not_taken_over(change))


def add_change(catalog: Catalog, entity: CatalogEntity, change: Change) -> None:
    entity.attributes |= {a: guess_type(a) for a in change.attributes_added if a not in entity.attributes}
    entity.relationships |= {
        r: like_named(catalog, r) for r in change.relationships_added if r not in entity.relationships
    }
    entity.can_include = joined(entity.can_include, change.can_include_added)
    for include in change.can_include_added:
        relationship = entity.relationships.get(include)
        if relationship is not None and relationship.entity is not None:
            entity.include_targets[include] = relationship.entity
    entity.can_order = joined(entity.can_order, change.can_order_added)
    entity.can_query |= {key: "unknown" for key in change.can_query_added if key not in entity.can_query}
    if entity.type == "Organization":
        confirm_tops(catalog, change.outbound_edges_added)


def not_taken_over(change: Change) -> Iterator[str]:
    removed = [*change.attributes_removed, *change.relationships_removed, *change.outbound_edges_removed]
    yield from (f"kept: {name}, though later documentation lacks it" for name in removed)
    yield from (f"left out: edge {name} (its path is not documented)" for name in change.outbound_edges_added)
    for permission, seen in change.permissions.items():
        yield f"kept: {permission} documented {seen['docs']}, later {seen['newer']}"


def guess_type(attribute: str) -> str:
    return next((kind for pattern, kind in GUESSES if pattern.search(attribute)), "string")


def like_named(catalog: Catalog, name: str) -> Relationship:
    """What the same name means everywhere else in the product, where that is one thing."""
    seen = {
        (r.entity, r.many) for e in catalog.entities.values() for n, r in e.relationships.items() if n == name
    }
    target, many = seen.pop() if len(seen) == 1 else (None, False)
    return Relationship(to=target, many=many, entity=target)


def confirm_tops(catalog: Catalog, edges: Iterable[str]) -> None:
    """A collection that the Organization lists is there, and no longer rests on its own page alone."""
    paths = {f"{catalog.base_path}/{edge}" for edge in edges}
    for entity in catalog.entities.values():
        if paths & set(entity.collection_paths):
            entity.top_evidence = "organization_edge"


def joined(first: Iterable[str], more: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *more]))


# From a catalog to a manifest document


def product_document(catalog: Catalog, *, kept: dict[str, object]) -> dict[str, object]:
    (page_size,) = {entity.per_page["max"] for entity in catalog.entities.values()}
    entities = {name: entity_document(name, catalog) for name in sorted(catalog.entities)}
    document: dict[str, object] = {
        "product": catalog.product,
        "base_path": catalog.base_path,
        "version": catalog.version,
        "max_page_size": page_size,
    }
    return document | kept | {"entities": entities}


def entity_document(name: str, catalog: Catalog) -> dict[str, object]:
    entity = catalog.entities[name]
    members: dict[str, object] = {
        "type": entity.type if entity.type != name else None,
        "same_as": same_as(name, catalog),
        "note": NOTES.get((catalog.product, name)) or note(name, catalog),
        "attributes": {a: TYPES[kind] for a, kind in entity.attributes.items()},
        "only_when_asked": entity.only_with_fields_param,
        "relationships": {r: relationship_document(r, v) for r, v in entity.relationships.items()},
        "includes": {i: entity.include_targets.get(i) for i in entity.can_include},
        "order_by": entity.can_order,
        "query_by": [query_key(key) for key in entity.can_query],
        "computed_keys": computed_keys(entity),
        "create_fields": entity.creatable,
        "update_fields": entity.updatable,
        "endpoints": endpoint_documents(entity),
    }
    return {member: value for member, value in members.items() if value or member == "attributes"}


def note(name: str, catalog: Catalog) -> str:
    """What is doubtful about its collection, or why there is nothing to read."""
    entity = catalog.entities[name]
    if entity.top_evidence == "listing_only":
        return "Only its own page documents the collection: confirm it before trusting an empty answer."
    rides_along = name in carried(catalog) and entity.type != "Organization"
    if entity.collection_paths or entity.parents or rides_along:
        return ""
    path = next(request.path for request in entity.endpoints if request.name == "list")
    if path == catalog.base_path and entity.type != "Organization":
        return "It is never asked for by itself: it only comes inside another answer, or as the result of an action."
    if "{" in path:
        return f"One record at most below each parent, at {path}, and no list of them."
    return "One record for the whole organization, and no list."


def same_as(name: str, catalog: Catalog) -> str | None:
    shared = f"people.{name}" if name in SHARED and catalog.product != "people" else None
    return SHARED_UNDER_ANOTHER_NAME.get((catalog.product, name), shared)


def carried(catalog: Catalog) -> set[str]:
    """What rides along with some collection that needs no id."""
    tops = (entity for entity in catalog.entities.values() if entity.collection_paths)
    return {target for entity in tops for target in entity.include_targets.values()}


def relationship_document(name: str, relationship: Relationship) -> dict[str, object]:
    unknown = relationship.entity is None
    members: dict[str, object] = {"to": relationship.entity}
    if relationship.many or (name in MANY and not unknown):
        members["many"] = True
    if relationship.polymorphic or (unknown and POLYMORPHIC.search(name)):
        members |= {"to": None, "polymorphic": True}
    return members


def query_key(parameter: str) -> str:
    """`where[created_at]` → `created_at`."""
    return parameter.removeprefix("where[").removesuffix("]")


def computed_keys(entity: CatalogEntity) -> list[str]:
    known = {"id", *entity.attributes, *entity.relationships, *(f"{r}_id" for r in entity.relationships)}
    keys = joined(entity.can_order, map(query_key, entity.can_query))
    return sorted(key for key in keys if key not in known)


def endpoint_documents(entity: CatalogEntity) -> list[object]:
    """The page's own requests, then the edges of other entities that lead here by another path."""
    requests = [(r.name, r.method, r.path) for r in entity.endpoints]
    edges = [(f"{e.origin}.{e.name}", "GET", e.path) for e in entity.edges if e.direction == "inbound"]
    taken = {(method, shape(path)) for _, method, path in requests}
    requests += sorted(e for e in edges if (e[1], shape(e[2])) not in taken)
    several = {shape(path) for path in [*entity.collection_paths, *(p.path for p in entity.parents)]}
    return [
        {"name": name, "method": method, "path": path}
        # Not every page's "list" is one: the root of a product answers its organization, whatever a page calls it.
        | ({"collection": True} if method == "GET" and shape(path) in several else {})
        for name, method, path in requests
    ]


def shape(path: str) -> str:
    """A path without its placeholders' names: two pages can spell the same place differently."""
    return re.sub(r"\{\w+\}", "{}", path)


# Text


def render(document: Mapping[str, object]) -> str:
    """JSON with one member a line, entities as blocks, endpoints, overrules and merges one a line."""
    head = [
        f"  {line(key)}: {line(value)}," for key, value in document.items() if key not in {"entities", *OURS}
    ]
    for name in OURS:
        ours = document.get(name)
        if isinstance(ours, list):
            head.append(f"  {line(name)}: {rows(ours, '  ')},")
    entities = document["entities"]
    assert isinstance(entities, dict)
    blocks = ",\n\n".join(block(name, members) for name, members in entities.items())
    return "{\n" + "\n".join(head) + '\n  "entities": {\n' + blocks + "\n  }\n}\n"


def block(name: str, members: Mapping[str, object]) -> str:
    lines = [
        f"      {line(key)}: {rows(value, '      ') if key == 'endpoints' and isinstance(value, list) else line(value)}"
        for key, value in members.items()
    ]
    return f"    {line(name)}: {{\n" + ",\n".join(lines) + "\n    }"


def rows(values: Iterable[object], indent: str) -> str:
    return "[\n" + ",\n".join(f"{indent}  {line(value)}" for value in values) + f"\n{indent}]"


def line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
