"""From a path that is known to the document behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
from openfaith.simulator.query import Query, Window, read_query, window
from openfaith.simulator.rendering import Rendered, Renderer
from openfaith.simulator.routes import Match, Route, Routes, ids_of
from openfaith.simulator.rows import DEFAULT_PRODUCT, Reference
from openfaith.simulator.selection import select
from openfaith.simulator.sight import WHOLE_SIGHT, with_less_permission

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
    pages: Sequence[Callable[[Window], Window]] = ()
    """What faults make of the page of a collection."""


class Reader:
    """Everything of one church that can be read."""

    def __init__(self, church: Church, routes: Routes, renderer: Renderer) -> None:
        self._church = church
        self._routes = routes
        self._renderer = renderer
        self.sight = WHOLE_SIGHT
        """What the token's user may see."""

    def match(self, path: str) -> Match | None:
        """What a path reads; None for one that the router does not know."""
        base, _, last = path.rpartition("/")
        if (
            last == ME
            and (product := self._routes.product_of(path))
            and base == f"/{self._routes.bases[product]}"
        ):
            return self._match_me(base, product)
        return self._routes.match(path)

    def _match_me(self, base: str, product: str) -> Match | None:
        """The first person that a product knows stands for whoever holds a token."""
        person = "Person" if product == DEFAULT_PRODUCT else f"{product}.Person"
        people = self._church.tables[person].ids if person in self._church.tables else ()
        me = next((one for one in people if self.sight.is_readable(Reference(person, one))), None)
        match = self._routes.match(f"{base}/people/{me}") if me is not None else None
        return replace(match, is_me=True) if match is not None else None

    def read(self, match: Match, address: Address) -> Document | None:
        """The document of a matched path; None where there is no such record, or nothing below it."""
        ids, route = ids_of(match.ids), match.route
        if ids is None:
            return None
        query = read_query(address.parameters, route.entity, route.endpoint)
        named = [Reference(owner, one) for owner, one in zip(route.path.owners, ids, strict=True)]
        if not self._hang_together(named, route.path.edges):
            return None
        if route.path.leads_on:
            return self._edge(route, named[-1], query, address)
        parent = self._church.world.organization
        if route.endpoint.collection:
            return self._collection(route, query, address, parent=parent)
        found = named[-1] if named else self._only_one(route.type)
        above = named[-2] if len(named) > 1 else parent
        document = self._single(route, found, query, address, parent=above) if found else None
        if document is None or not match.is_me or not self.sight.is_weaker:
            return document
        assert isinstance(document.data, bytes), "one person"
        return replace(document, data=with_less_permission(document.data))

    def _hang_together(self, named: Sequence[Reference], edges: Sequence[str]) -> bool:
        """Whether the records that a path names are there, each below the one before it."""
        if not all(self._church.has(one) and self.sight.is_readable(one) for one in named):
            return False
        for above, name, below in zip(named, edges, named[1:], strict=False):
            known = self._church.relations.edge(above.type, name)
            if known is None or not self._church.connects(above, known, below):
                return False
        return True

    def _only_one(self, entity_type: str) -> Reference | None:
        """The record of an entity that has one for the whole church."""
        ids = self._church.tables[entity_type].ids
        return self._seen([Reference(entity_type, ids[0])]) if ids else None

    def _seen(self, found: Sequence[Reference]) -> Reference | None:
        """The first of the records, if it may be read."""
        return found[0] if found and self.sight.is_readable(found[0]) else None

    def _edge(self, route: Route, parent: Reference, query: Query, address: Address) -> Document | None:
        """What lies below a record. An unset to-one is not there."""
        known = self._church.relations.edge(parent.type, route.edge)
        found = self._church.reach(parent, known) if known is not None else ()
        if route.endpoint.collection:
            return self._collection(route, query, address, parent=parent, within=[one.id for one in found])
        only = self._seen(found)
        return self._single(route, only, query, address, parent=parent) if only else None

    def _collection(
        self,
        route: Route,
        query: Query,
        address: Address,
        *,
        parent: Reference,
        within: Sequence[int] | None = None,
    ) -> Document:
        """A page of a collection."""
        ids = self.sight.counted(route.type, select(self._church.tables[route.type], query, within))
        part = window(query, len(ids))
        for spoil in address.pages:
            part = spoil(part)
        shown = self.sight.listed(route.type, ids[part.start : part.stop])
        chosen = [Reference(route.type, one) for one in shown]
        records = self._renderer.render(chosen, shapes(query, route.type), address.origin)
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
