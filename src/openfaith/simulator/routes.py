"""Which path means what: read once from the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from openfaith.manifest import Endpoint, Entity, Method
from openfaith.simulator.data import Church
from openfaith.simulator.paths import ANY, BASE_PARTS, Path, pattern_of
from openfaith.simulator.places import Places
from openfaith.simulator.rows import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One path that can be read."""

    path: Path

    @property
    def entity(self) -> Entity:
        """Of the records in the answer."""
        return self.path.entity

    @property
    def type(self) -> str:
        """What the church calls them."""
        return self.path.type

    @property
    def endpoint(self) -> Endpoint:
        return self.path.endpoint

    @property
    def edge(self) -> str:
        """The path's last part, where it leads on from a record; empty elsewhere."""
        return self.path.edges[-1] if self.path.leads_on else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A route, and the ids that the path has in its places."""

    route: Route
    ids: tuple[str, ...]
    is_me: bool = False
    """Whether the path names no one, and means whoever holds the token."""


class Routes:
    """All paths of a church, and the way back: where a record is found."""

    def __init__(self, church: Church) -> None:
        self.bases = {
            name: product.base_path.strip("/") for name, product in church.manifest.products.items()
        }
        self._places = Places(church)
        self._tree: dict[str, Any] = {}
        self._edges: dict[str, dict[str, Route]] = {}
        for path in (path for found in church.paths.values() for path in found):
            self._add(path)
        for entity in church.served.values():
            for endpoint in (one for one in entity.endpoints if one.method is not Method.GET):
                self._node(pattern_of(endpoint.path))[_leaf(endpoint.method)] = None

    def _node(self, pattern: tuple[str, ...]) -> dict[str, Any]:
        """The place of a pattern in the tree of paths."""
        node = self._tree
        for part in pattern:
            node = node.setdefault(part, {})
        return node

    def _add(self, path: Path) -> None:
        """Let a path be found, by its parts and by the record that it leads on from; the first one of its kind counts."""
        route = self._node(path.pattern).setdefault(_leaf("GET"), Route(path=path))
        if path.leads_on:
            self._edges.setdefault(path.owners[-1], {}).setdefault(path.edges[-1], route)

    def product_of(self, path: str) -> str | None:
        """The product whose base path a path begins with."""
        parts = "/".join(path.strip("/").split("/")[:BASE_PARTS])
        return next((product for product, base in self.bases.items() if base == parts), None)

    def match(self, path: str) -> Match | None:
        """What a path reads; None for one that the router does not know. A word counts before an id."""
        return _walk(self._tree, _parts(path), _leaf("GET"))

    def allows(self, method: str, path: str) -> bool:
        """Whether the router knows the method for this path."""
        return _walk(self._tree, _parts(path), _leaf(method)) is not None

    def path_of(self, entity_type: str, record: Record) -> str:
        """Where a record is read by its id, below those that it belongs to."""
        return self._places.path_of(entity_type, record)

    def edges(self, entity_type: str) -> Iterable[Route]:
        """What can be read on from a record of this type."""
        return self._edges.get(entity_type, {}).values()

    def is_collection(self, entity_type: str, edge: str) -> bool | None:
        """Whether a path leads to a list; None where there is no such path."""
        route = self._edges.get(entity_type, {}).get(edge)
        return route.endpoint.collection if route is not None else None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _leaf(method: str) -> str:
    """Where the tree of paths keeps what a method does: no part of a path has a slash."""
    return f"/{method}"


def _walk(
    node: Mapping[str, Any], parts: tuple[str, ...], leaf: str, ids: tuple[str, ...] = ()
) -> Match | None:
    """What is at the end of the parts, and those of them that stand for ids."""
    if not parts:
        return Match(route=node[leaf], ids=ids) if leaf in node else None
    found = _walk(node[parts[0]], parts[1:], leaf, ids) if parts[0] in node else None
    if found is None and ANY in node:
        found = _walk(node[ANY], parts[1:], leaf, (*ids, parts[0]))
    return found


def ids_of(texts: Iterable[str]) -> list[int] | None:
    """The ids of a path as numbers; None where one cannot be an id."""
    texts = list(texts)
    return (
        [int(text) for text in texts]
        if all(text.isdecimal() and text.isascii() and len(text) < 19 for text in texts)
        else None
    )
