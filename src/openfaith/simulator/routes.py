"""Which path means what: read once from the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from openfaith.manifest import Endpoint, Entity, Manifest, Method
from openfaith.simulator.data import PRODUCT
from openfaith.simulator.rows import Record

_ANY = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One path that can be read."""

    entity: Entity
    """Of the records in the answer."""
    endpoint: Endpoint
    parent: Entity | None = None
    """Of the record that the last id but one names, where the path leads on from a record."""
    edge: str = ""
    """The path's last part, where it leads on from `parent`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A route, and the ids that the path has in its places."""

    route: Route
    ids: tuple[str, ...]


class Routes:
    """All paths of one product, and the way back: where a record is found."""

    def __init__(self, manifest: Manifest) -> None:
        self.base_path = manifest.products[PRODUCT].base_path
        entities = [entity for entity in manifest.entities.values() if entity.product == PRODUCT]
        readable = [
            (_pattern(endpoint.path), entity, endpoint)
            for entity in entities
            for endpoint in _reading(entity)
        ]
        records = {pattern: entity for pattern, entity, endpoint in readable if endpoint.name == "get"}
        self._routes = {
            pattern: _route(pattern, entity, endpoint, records) for pattern, entity, endpoint in readable
        }
        self._methods: dict[tuple[str, ...], set[str]] = {}
        for entity in entities:
            for endpoint in entity.endpoints:
                self._methods.setdefault(_pattern(endpoint.path), set()).add(endpoint.method)
        self._templates = {entity.type: _template(entity) for entity in entities}
        self._edges = {entity.type: tuple(self._edges_of(entity)) for entity in entities}

    def match(self, path: str) -> Match | None:
        """What a path reads; None for one that the router does not know."""
        parts = tuple(path.strip("/").split("/"))
        for pattern in _patterns(parts):
            route = self._routes.get(pattern)
            if route is not None:
                return Match(
                    route=route,
                    ids=tuple(part for part, place in zip(parts, pattern, strict=True) if place == _ANY),
                )
        return None

    def allows(self, method: str, path: str) -> bool:
        """Whether the router knows the method for this path."""
        parts = tuple(path.strip("/").split("/"))
        return any(method in self._methods.get(pattern, ()) for pattern in _patterns(parts))

    def path_of(self, entity_type: str, record: Record) -> str:
        """Where a record is read by its id; below its owner where it has no path of its own."""
        before, _, after = self._templates[entity_type].partition("{id}")
        if "{" in before:
            for name, target in record.links.items():
                before = before.replace(f"{{{name}_id}}", str(target.id) if target else "")
        return f"{before}{record.id}{after}" if before.endswith("/") else before

    def edges(self, entity_type: str) -> tuple[Route, ...]:
        """What can be read on from a record of this type."""
        return self._edges.get(entity_type, ())

    def is_collection(self, entity_type: str, edge: str) -> bool:
        """Whether an edge of a record leads to a list."""
        return any(route.endpoint.collection for route in self.edges(entity_type) if route.edge == edge)

    def _edges_of(self, entity: Entity) -> Iterator[Route]:
        seen = set()
        for route in self._routes.values():
            if route.parent is entity and route.edge not in seen:
                seen.add(route.edge)
                yield route


def _reading(entity: Entity) -> Iterator[Endpoint]:
    return (endpoint for endpoint in entity.endpoints if endpoint.method is Method.GET)


def _pattern(path: str) -> tuple[str, ...]:
    return tuple(_ANY if part.startswith("{") else part for part in path.strip("/").split("/"))


def _patterns(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Ids stand behind a word, so a path can mean one of two things: with or without an id at its end.

    `/people/v2/emails/12/person` is tried as written, then as `/people/v2/emails/*/person`.
    """
    yield parts
    yield tuple(_ANY if place > 1 and place % 2 else part for place, part in enumerate(parts))


def _route(
    pattern: tuple[str, ...], entity: Entity, endpoint: Endpoint, records: dict[tuple[str, ...], Entity]
) -> Route:
    if _ANY not in pattern or pattern[-1] == _ANY:
        return Route(entity=entity, endpoint=endpoint)
    return Route(entity=entity, endpoint=endpoint, parent=records.get(pattern[:-1]), edge=pattern[-1])


def _template(entity: Entity) -> str:
    """`/people/v2/people/{id}`, or for the only one of its kind the path without an id.

    A collection without single reads links to a path made the same way (an assumption).
    """
    endpoints = {endpoint.name: endpoint for endpoint in _reading(entity)}
    listing = endpoints.get("list")
    if listing is not None and not listing.collection and not listing.placeholders:
        return listing.path
    if "get" in endpoints:
        return endpoints["get"].path
    return f"{listing.path}/{{id}}" if listing is not None else "/{id}"


def owners_agree(match: Match, record: Record) -> bool:
    """Whether the ids before the last one name the record's owners."""
    for placeholder, given in zip(match.route.endpoint.placeholders, match.ids[:-1], strict=False):
        link = placeholder.removesuffix("_id")
        if link in record.links:
            target = record.links[link]
            if target is None or str(target.id) != given:
                return False
    return True


def ids_of(texts: Iterable[str]) -> list[int] | None:
    """The ids of a path as numbers; None where one cannot be an id."""
    texts = list(texts)
    return (
        [int(text) for text in texts]
        if all(text.isdecimal() and text.isascii() and len(text) < 19 for text in texts)
        else None
    )
