"""How one record looks in an answer: JSON texts that are made once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from openfaith.manifest import Entity
from openfaith.simulator.data import Church
from openfaith.simulator.relations import Chain, Only, ToOne
from openfaith.simulator.routes import Route, Routes
from openfaith.simulator.rows import Record, Reference, bare
from openfaith.simulator.sight import WHOLE_SIGHT

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of one type appear in one answer."""

    fields: frozenset[str] | None = None
    """The only attributes and relationships to show; None: all that are shown without asking."""
    includes: tuple[str, ...] = ()
    """Relationships to show as well; two levels with a dot."""

    @property
    def is_kept(self) -> bool:
        """Records with nested includes show what is two steps away, so that no change tells when they are stale."""
        return not any("." in include for include in self.includes)


PLAIN = Shape()

Shapes = Mapping[str, Shape]
"""Type → shape, as the church calls the type or as the API writes it; types that are not named are plain."""


class Rendered(NamedTuple):
    """One record, ready to be sent."""

    text: bytes
    brought: tuple[Reference, ...]
    """The records that its includes bring along, in the order in which they are met; some may be named twice."""


class Renderer:
    """Records as JSON texts, kept up to a number of bytes."""

    def __init__(self, church: Church, routes: Routes, max_bytes: int) -> None:
        self._church = church
        self._routes = routes
        self._max_bytes = max_bytes
        self._kept: dict[tuple[str, Shape, str], dict[int, Rendered]] = {}
        self._kept_bytes = 0
        self.overflows = 0
        """How often there was more to keep than may be kept, so that all was forgotten."""
        entities = church.served.items()
        self._plain_attributes = {name: _plain_attributes(entity) for name, entity in entities}
        self._to_one = {name: tuple(one.name for one in entity.to_one) for name, entity in entities}
        self.alter: Callable[[Reference, dict[str, Any]], dict[str, Any]] | None = None
        """What a fault makes of a record, if any is set. Call `forget_all` when setting it."""
        self.sight = WHOLE_SIGHT
        """What the token's user may see. Call `forget_all` when setting it."""
        church.listeners.append(self.forget)

    def render(self, references: Iterable[Reference], shapes: Shapes, origin: str) -> list[Rendered]:
        """Records in the shape of their type; ``origin`` begins their links, as in `http://127.0.0.1:8080`."""
        kept: dict[str, dict[int, Rendered]] = {}
        found = []
        for reference in references:
            if reference.type not in kept:
                shape = _shape_of(reference.type, shapes)
                kept[reference.type] = self._kept.get((reference.type, shape, origin), {})
            found.append(
                kept[reference.type].get(reference.id)
                or self._render(reference, _shape_of(reference.type, shapes), origin)
            )
        return found

    def full(self, reference: Reference, shape: Shape, origin: str) -> Rendered:
        """A record read by its id: with a link for every edge, null for an unset to-one."""
        record = self._church.tables[reference.type].record(reference.id)
        document, brought = self._document(reference, record, shape, origin)
        own_link = document["links"]["self"]
        routes = sorted(self._routes.edges(reference.type), key=lambda route: route.edge)
        links = {route.edge: self._edge_link(route, reference, own_link) for route in routes}
        document["links"] = {**links, **document["links"]}
        return Rendered(encode(self._altered(reference, document)), brought)

    def truth(self, reference: Reference) -> bytes:
        """A record as a plain listing would send it if nothing went wrong, without links."""
        record = self._church.tables[reference.type].record(reference.id)
        document, _ = self._document(reference, record, PLAIN, "")
        del document["links"]
        return encode(document)

    def forget(self, reference: Reference) -> None:
        """Render a record anew next time."""
        for (entity_type, _, _), texts in self._kept.items():
            if entity_type == reference.type and reference.id in texts:
                self._kept_bytes -= len(texts.pop(reference.id).text)

    def forget_all(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def _render(self, reference: Reference, shape: Shape, origin: str) -> Rendered:
        record = self._church.tables[reference.type].record(reference.id)
        document, brought = self._document(reference, record, shape, origin)
        rendered = Rendered(encode(self._altered(reference, document)), brought)
        if shape.is_kept and not self._looks_far(reference.type, shape):
            self._keep((reference.type, shape, origin), reference.id, rendered)
        return rendered

    def _keep(self, key: tuple[str, Shape, str], record_id: int, rendered: Rendered) -> None:
        if self._kept_bytes + len(rendered.text) > self._max_bytes:
            self.forget_all()  # simple, and rare: the bound is larger than most churches
            self.overflows += 1
        self._kept.setdefault(key, {})[record_id] = rendered
        self._kept_bytes += len(rendered.text)

    def _altered(self, reference: Reference, document: dict[str, Any]) -> dict[str, Any]:
        return self.alter(reference, document) if self.alter else document

    def _document(
        self, reference: Reference, record: Record, shape: Shape, origin: str
    ) -> tuple[dict[str, Any], tuple[Reference, ...]]:
        """The record as JSON:API has it, and what its includes bring."""
        own_link = origin + self._routes.path_of(reference.type, record)
        shown: Iterable[str] = self._plain_attributes[reference.type]
        if shape.fields is not None:
            shown = [name for name in record.attributes if name in shape.fields]
        links = record.links
        brought: list[Reference] = []
        to_one = self._to_one[reference.type]
        relationships = {name: {"data": _identifier(links[name])} for name in to_one if name in links}
        for include in shape.includes:
            for name, relationship, targets in self._included(reference, include, own_link):
                relationships[name] = relationship
                brought += targets
        if shape.fields is not None:
            relationships = {name: value for name, value in relationships.items() if name in shape.fields}
        document: dict[str, Any] = {"type": bare(reference.type), "id": str(record.id)}
        document["attributes"] = {name: record.attributes[name] for name in shown}
        if relationships:
            document["relationships"] = relationships
        document["links"] = {"self": own_link}
        return document, tuple(brought)

    def _included(
        self, reference: Reference, include: str, own_link: str
    ) -> Iterable[tuple[str, dict[str, Any], Sequence[Reference]]]:
        """Name, content and targets of the relationships that one include shows.

        A nested one also shows a made-up relationship of the outer record, which may name a record twice.
        """
        name, _, nested = include.partition(".")
        near = self._reach(reference, name)
        yield name, self._relationship(own_link, name, self._linkage(reference.type, name, near)), near
        if nested:
            far = [target for one in near for target in self._reach(one, nested)]
            yield nested, self._relationship(own_link, nested, [_identifier(target) for target in far]), far

    def _relationship(self, own_link: str, name: str, data: object) -> dict[str, Any]:
        return {"links": {"related": f"{own_link}/{name}"}, "data": data}

    def _linkage(self, entity_type: str, name: str, targets: Sequence[Reference]) -> object:
        """A list for an edge to many; for an edge to one the target, or null."""
        if self._is_single(entity_type, name):
            return _identifier(targets[0]) if targets else None
        return [_identifier(target) for target in targets]

    def _is_single(self, entity_type: str, name: str) -> bool:
        """Whether an edge leads to one record: a reference does, and of others their path says it, if they have one."""
        if isinstance(self._church.relations.edge(entity_type, name), ToOne | Only):
            return True
        return self._routes.is_collection(entity_type, name) is False

    def _reach(self, reference: Reference, name: str) -> Sequence[Reference]:
        known = self._church.relations.edge(reference.type, name)
        found = self.sight.reached(self._church.reach(reference, known)) if known is not None else ()
        return found[:1] if self._is_single(reference.type, name) else found

    def _looks_far(self, entity_type: str, shape: Shape) -> bool:
        """Whether an include shows what is several steps away, so that no change tells when it is stale."""
        edges = (self._church.relations.edge(entity_type, include) for include in shape.includes)
        return any(isinstance(one, Chain) for one in edges)

    def _edge_link(self, route: Route, reference: Reference, own_link: str) -> str | None:
        is_unset = not route.endpoint.collection and not self._reach(reference, route.edge)
        return None if is_unset else f"{own_link}/{route.edge}"


def _shape_of(entity_type: str, shapes: Shapes) -> Shape:
    return shapes.get(entity_type) or shapes.get(bare(entity_type), PLAIN)


def _identifier(reference: Reference | None) -> dict[str, str] | None:
    return {"type": bare(reference.type), "id": str(reference.id)} if reference else None


def _plain_attributes(entity: Entity) -> tuple[str, ...]:
    return tuple(one.name for one in entity.attributes.values() if not one.only_when_asked)
