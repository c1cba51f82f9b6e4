"""From a path that is known to the document behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openfaith.simulator.data import Church
from openfaith.simulator.documents import (
    Document,
    Parameters,
    brought_along,
    collection_links,
    collection_meta,
    included_shapes,
    shapes,
    single_meta,
)
from openfaith.simulator.query import Query, read_query, window
from openfaith.simulator.relations import ToOne, edge
from openfaith.simulator.rendering import Rendered, Renderer
from openfaith.simulator.routes import Match, Route, Routes, ids_of, owners_agree
from openfaith.simulator.rows import Reference
from openfaith.simulator.selection import select

ME = "me"
"""Below the product's base path: the person whose token it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a request went; links in the answer are made of it."""

    origin: str
    """Scheme and host as the client named them, as in `http://127.0.0.1:8080`."""
    path: str
    """Decoded."""
    parameters: Parameters
    """Decoded, in the order in which they were sent."""


class Reader:
    """Everything of one church that can be read."""

    def __init__(self, church: Church, routes: Routes, renderer: Renderer) -> None:
        self._church = church
        self._routes = routes
        self._renderer = renderer

    def match(self, path: str) -> Match | None:
        """What a path reads; None for one that the router does not know."""
        people = self._church.tables["Person"].ids
        if path == f"{self._routes.base_path}/{ME}" and people:
            # The church's first person stands for whoever holds a token.
            return self._routes.match(f"{self._routes.base_path}/people/{people[0]}")
        return self._routes.match(path)

    def read(self, match: Match, address: Address) -> Document | None:
        """The document of a matched path; None where there is no such record, or nothing below it."""
        ids, route = ids_of(match.ids), match.route
        query = read_query(address.parameters, route.entity, route.endpoint)
        organization = self._church.world.organization
        if ids is None or (route.edge and route.parent is None):
            return None
        if route.parent is not None:
            return self._edge(route, Reference(route.parent.type, ids[-1]), query, address)
        if route.endpoint.collection:
            return self._collection(route, query, address, parent=organization)
        reference = Reference(route.entity.type, ids[-1]) if ids else organization
        record = self._church.find(reference)
        if record is None or reference.type != route.entity.type or not owners_agree(match, record):
            return None
        return self._single(route, reference, query, address, parent=organization)

    def _edge(self, route: Route, parent: Reference, query: Query, address: Address) -> Document | None:
        """What lies below a record; nothing below one that is not there. An unset to-one is not there either."""
        if self._church.find(parent) is None:
            return None
        known = edge(parent.type, route.edge)
        found = self._church.reach(parent, known) if known is not None else ()
        if route.endpoint.collection:
            return self._collection(route, query, address, parent=parent, within=[one.id for one in found])
        if not isinstance(known, ToOne) or not found:
            return None
        return self._single(route, found[0], query, address, parent=parent)

    def _collection(
        self,
        route: Route,
        query: Query,
        address: Address,
        *,
        parent: Reference,
        within: Sequence[int] | None = None,
    ) -> Document:
        """A page of a collection; entities of which the church has nothing are empty collections."""
        table = self._church.tables.get(route.entity.type)
        ids = select(table, query, within) if table is not None else ()
        part = window(query, len(ids))
        chosen = [Reference(route.entity.type, one) for one in ids[part.start : part.stop]]
        records = self._renderer.render(chosen, shapes(query, route.entity.type), address.origin)
        return Document(
            data=[record.text for record in records],
            included=self._included(records, query, address.origin),
            links=collection_links(address.origin, address.path, address.parameters, part),
            meta=collection_meta(route, len(ids), len(chosen), part, parent=parent),
        )

    def _single(
        self, route: Route, reference: Reference, query: Query, address: Address, *, parent: Reference
    ) -> Document:
        record = self._renderer.full(reference, shapes(query, reference.type)[reference.type], address.origin)
        return Document(
            data=record.text,
            included=self._included([record], query, address.origin),
            meta=single_meta(route, parent=parent),
        )

    def _included(self, records: Sequence[Rendered], query: Query, origin: str) -> list[bytes]:
        brought = self._renderer.render(brought_along(records), included_shapes(query), origin)
        return [record.text for record in brought]
