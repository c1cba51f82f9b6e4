"""What must hold between the parts of an entity, and between entities, once each part is well formed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from openfaith.manifest.entity import Endpoint, Entity, MergeLog, Method, Product
from openfaith.manifest.naming import MAX_IDENTIFIER_BYTES, RESERVED_COLUMNS, columns, table_name
from openfaith.manifest.problems import Place

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ENDPOINT = re.compile(r"([a-z][a-z0-9-]*\.)?([A-Z][A-Za-z0-9]*\.)?[a-z][a-z0-9_]*")
_SEGMENT = re.compile(r"[a-z0-9_-]+|\{[a-z][a-z0-9_]*\}")

_METHODS = {
    "list": Method.GET,
    "get": Method.GET,
    "create": Method.POST,
    "update": Method.PATCH,
    "delete": Method.DELETE,
}


def check_entity(place: Place, entity: Entity, product: Product) -> None:
    """Everything that one entity can show to be wrong by itself."""
    if not _TYPE.fullmatch(entity.type):
        (place / "type").wrong(repr(entity.type), "the JSON:API type of its records, as PhoneNumber")
    _check_names(place, entity)
    _check_columns(place, entity)
    _check_keys(place, entity)
    _check_endpoints(place / "endpoints", entity.endpoints, product)


def check_between(place: Place, entities: Collection[Entity]) -> None:
    """No two entities share a mirror table or list at one path, and PostgreSQL takes each table's name whole."""
    for entity in entities:
        _check_length(place, table_name(entity))
    _check_apart(place, "the table", ((table_name(entity), entity.name) for entity in entities))
    listings = ((e.listing.path, e.name) for e in entities if e.listing is not None)
    _check_apart(place, "the listing", listings)


def check_merge_log(place: Place, merge: MergeLog, log: Entity) -> None:
    """The log can be asked who took the place of one record."""
    for member, name in (("removed", merge.removed), ("kept", merge.kept)):
        (place / member).known(name, log.attributes, f"no attribute of {log.name}")
    if log.listing is None:
        (place / "log").wrong(f"{log.name}, which has no list of its own", "one that has")
    elif merge.removed in log.attributes:
        (place / "removed").known(merge.removed, log.listing.query_by, f"{log.name} is not filtered by")


def _check_apart(place: Place, what: str, owned: Iterable[tuple[str, str]]) -> None:
    owners: dict[str, str] = {}
    for thing, owner in owned:
        first = owners.setdefault(thing, owner)
        if first != owner:
            place.wrong(f"{first} and {owner} both have {what} {thing!r}", "one for each")


def _check_names(place: Place, entity: Entity) -> None:
    members: dict[str, Iterable[str]] = {
        "attributes": entity.attributes,
        "relationships": entity.relationships,
        "includes": entity.include_targets,
    }
    for member, names in members.items():
        for name in names:
            if not _NAME.fullmatch(name):
                (place / member).wrong(
                    f"the name {name!r}", "small letters, digits and _, beginning with a letter"
                )
    for name in sorted(RESERVED_COLUMNS & entity.attributes.keys()):
        (place / "attributes" / name).wrong(
            "a reserved name", "another: this column is the mirror table's key"
        )


def _check_columns(place: Place, entity: Entity) -> None:
    sources: dict[str, str] = {}
    for column in columns(entity):
        _check_length(place, column.name)
        kind = "attribute" if column.kind == "attribute" else "relationship"
        source = f"the {kind} {column.source!r}"
        first = sources.setdefault(column.name, source)
        if first != source:
            place.wrong(f"{first} and {source} both have the column {column.name!r}", "one for each")


def _check_length(place: Place, identifier: str) -> None:
    size = len(identifier.encode(errors="backslashreplace"))
    if size > MAX_IDENTIFIER_BYTES:
        place.wrong(
            f"the name {identifier!r} of {size} bytes", f"at most {MAX_IDENTIFIER_BYTES}, as PostgreSQL keeps"
        )


def _check_keys(place: Place, entity: Entity) -> None:
    """A key or field that nothing stands for is a misspelling, unless `computed_keys` owns up to it."""
    readable = {"id", *entity.attributes, *entity.relationships, *_id_names(entity)}
    keys = readable | {*entity.computed_keys}
    _check_known(place / "order_by", (key for e in entity.endpoints for key in e.order_by), keys)
    _check_known(place / "query_by", (key for e in entity.endpoints for key in e.query_by), keys)
    _check_known(place / "fields", (field for e in entity.endpoints for field in e.fields), readable)
    for name in sorted(readable & {*entity.computed_keys}):
        (place / "computed_keys").wrong(
            f"{name!r}, which is known anyway", "keys that nothing else has the name of"
        )


def _id_names(entity: Entity) -> Iterator[str]:
    """How a relationship is filtered on and written: `person` as `person_id`, many `options` as `option_ids`."""
    for relationship in entity.relationships.values():
        yield f"{relationship.name}_id"
        if relationship.many:
            yield f"{relationship.name.removesuffix('s')}_ids"


def _check_known(place: Place, names: Iterable[str], known: set[str]) -> None:
    for name in dict.fromkeys(names):
        place.known(name, known, "no attribute, relationship or computed key")


def _check_endpoints(place: Place, endpoints: tuple[Endpoint, ...], product: Product) -> None:
    for name, times in Counter(endpoint.name for endpoint in endpoints).items():
        if times > 1:
            place.wrong(f"{name!r} more than once", "a name for each endpoint")
    for number, endpoint in enumerate(endpoints):
        _check_name(place / number, endpoint)
        _check_path(place / number / "path", endpoint, product)


def _check_name(place: Place, endpoint: Endpoint) -> None:
    if not _ENDPOINT.fullmatch(endpoint.name):
        (place / "name").wrong(
            repr(endpoint.name), "list, get, create, update, delete, or an edge, as Person.emails"
        )
    method = _METHODS.get(endpoint.name, endpoint.method)
    if endpoint.method is not method:
        (place / "method").wrong(f"{endpoint.method} to {endpoint.name}", method)


def _check_path(place: Place, endpoint: Endpoint, product: Product) -> None:
    within = endpoint.path == product.base_path or endpoint.path.startswith(f"{product.base_path}/")
    if not within:
        place.wrong(repr(endpoint.path), f"a path below {product.base_path}")
        return
    for segment in endpoint.path.split("/")[1:]:
        if not _SEGMENT.fullmatch(segment):
            place.wrong(
                f"{segment!r} in {endpoint.path!r}", "small words, or {one_id}, between single slashes"
            )
    for name, times in Counter(endpoint.placeholders).items():
        if times > 1:
            place.wrong(f"{name!r} {times} times in {endpoint.path!r}", "a name for each id")
