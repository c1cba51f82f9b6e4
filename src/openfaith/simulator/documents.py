"""What an answer says: JSON:API documents, put together from records that are rendered once and kept as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from openfaith.manifest import Entity
from openfaith.simulator.data import Church
from openfaith.simulator.query import Query, Window
from openfaith.simulator.relations import ToOne, edge
from openfaith.simulator.routes import Route, Routes
from openfaith.simulator.rows import Record, Reference

Parameters = Sequence[tuple[str, str]]

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of one type appear in one answer."""

    fields: frozenset[str] | None = None
    """The only attributes and relationships to show; None: all that are shown without asking."""
    includes: tuple[str, ...] = ()
    """Relationships to show as well."""

    @property
    def is_kept(self) -> bool:
        """Records with nested includes show what is two steps away, so that no change tells when they are stale."""
        return not any("." in include for include in self.includes)


@dataclass(kw_only=True)
class Document:
    """One answer's document, before it is written."""

    data: list[bytes] | bytes
    """Records as JSON texts; one text for a single record."""
    included: list[bytes] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.data) if isinstance(self.data, list) else 1

    def write(self, *, included_when_empty: bool) -> bytes:
        data = b"[" + b",".join(self.data) + b"]" if isinstance(self.data, list) else self.data
        members = [b'"links":' + encode(self.links)] if self.links else []
        members.append(b'"data":' + data)
        if self.included or included_when_empty:
            members.append(b'"included":[' + b",".join(self.included) + b"]")
        members.append(b'"meta":' + encode(self.meta))
        return b"{" + b",".join(members) + b"}"


class Renderer:
    """Records as JSON texts, kept up to a number of bytes."""

    def __init__(self, church: Church, routes: Routes, max_bytes: int) -> None:
        self._church = church
        self._routes = routes
        self._max_bytes = max_bytes
        self._kept: dict[tuple[str, Shape, str], dict[int, bytes]] = {}
        self._kept_bytes = 0
        self._plain_attributes = {entity.type: _plain_attributes(entity) for entity in church.entities.values()}
        self._to_one = {entity.type: tuple(relationship.name for relationship in entity.to_one) for entity in church.entities.values()}
        self.alter: Callable[[Reference, dict[str, Any]], dict[str, Any]] | None = None
        """What a fault makes of a record, if any is set. Call `forget_all` when setting it."""
        church.listeners.append(self.forget)

    def render(self, references: Iterable[Reference], shapes: Mapping[str, Shape], origin: str) -> list[bytes]:
        """Records in the shape of their type; ``origin`` begins their links, as in `http://127.0.0.1:8080`."""
        return [self._text(reference, shapes.get(reference.type, _PLAIN), origin) for reference in references]

    def full(self, reference: Reference, shape: Shape, origin: str) -> bytes:
        """A record read by its id: with a link for every edge, null for an unset to-one."""
        record = self._church.tables[reference.type].record(reference.id)
        document = self._record(reference, record, shape, origin)
        links = {route.edge: self._edge_link(route, reference, document["links"]["self"]) for route in self._routes.edges(reference.type)}
        document["links"] = {**dict(sorted(links.items())), **document["links"]}
        return encode(self._altered(reference, document))

    def truth(self, reference: Reference) -> bytes:
        """A record as a plain listing would send it if nothing went wrong, without links."""
        record = self._church.tables[reference.type].record(reference.id)
        return encode({name: value for name, value in self._record(reference, record, _PLAIN, "").items() if name != "links"})

    def forget(self, reference: Reference) -> None:
        """Render a record anew next time."""
        for (entity_type, _, _), texts in self._kept.items():
            if entity_type == reference.type:
                self._kept_bytes -= len(texts.pop(reference.id, b""))

    def forget_all(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def included(self, references: Iterable[Reference], includes: Sequence[str]) -> Iterable[Reference]:
        """What the includes bring along, each once, in the order in which it is met."""
        found: dict[Reference, None] = {}
        for reference in references:
            for include in includes:
                for step in self._steps(reference, include):
                    found.update(dict.fromkeys(step))
        return found

    def _text(self, reference: Reference, shape: Shape, origin: str) -> bytes:
        texts = self._kept.setdefault((reference.type, shape, origin), {})
        text = texts.get(reference.id)
        if text is None:
            record = self._church.tables[reference.type].record(reference.id)
            text = encode(self._altered(reference, self._record(reference, record, shape, origin)))
            if shape.is_kept:
                self._keep(texts, reference.id, text)
        return text

    def _keep(self, texts: dict[int, bytes], record_id: int, text: bytes) -> None:
        if self._kept_bytes + len(text) > self._max_bytes:
            self.forget_all()  # simple, and rare: the bound is larger than most churches
            return
        texts[record_id] = text
        self._kept_bytes += len(text)

    def _altered(self, reference: Reference, document: dict[str, Any]) -> dict[str, Any]:
        return self.alter(reference, document) if self.alter else document

    def _record(self, reference: Reference, record: Record, shape: Shape, origin: str) -> dict[str, Any]:
        names = self._plain_attributes[reference.type] if shape.fields is None else [name for name in record.attributes if name in shape.fields]
        relationships = {name: {"data": _identifier(record.links[name])} for name in self._to_one[reference.type] if name in record.links}
        for include in shape.includes:
            relationships.update(self._included_relationships(reference, include, origin + self._routes.path_of(reference.type, record)))
        if shape.fields is not None:
            relationships = {name: value for name, value in relationships.items() if name in shape.fields}
        document: dict[str, Any] = {"type": reference.type, "id": str(record.id), "attributes": {name: record.attributes[name] for name in names}}
        if relationships:
            document["relationships"] = relationships
        document["links"] = {"self": origin + self._routes.path_of(reference.type, record)}
        return document

    def _included_relationships(self, reference: Reference, include: str, own_link: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """A nested include also shows a made-up relationship of the outer record, which may name a record twice."""
        first, *others = self._steps(reference, include)
        name, _, nested = include.partition(".")
        yield name, {"links": {"related": f"{own_link}/{name}"}, "data": self._linkage(reference.type, name, first)}
        for step in others:
            yield nested, {"links": {"related": f"{own_link}/{nested}"}, "data": [_identifier(one) for one in step]}

    def _linkage(self, entity_type: str, name: str, targets: Sequence[Reference]) -> list[dict[str, str] | None] | dict[str, str] | None:
        known = edge(entity_type, name)
        is_list = self._routes.is_collection(entity_type, name) if known is None else not isinstance(known, ToOne)
        if is_list:
            return [_identifier(target) for target in targets]
        return _identifier(targets[0]) if targets else None

    def _steps(self, reference: Reference, include: str) -> list[Sequence[Reference]]:
        """The records that an include reaches: in one step, or with a dot in two."""
        name, _, nested = include.partition(".")
        near = self._reach(reference, name)
        return [near, [far for one in near for far in self._reach(one, nested)]] if nested else [near]

    def _reach(self, reference: Reference, name: str) -> Sequence[Reference]:
        known = edge(reference.type, name)
        return self._church.reach(reference, known) if known is not None else ()

    def _edge_link(self, route: Route, reference: Reference, own_link: str) -> str | None:
        is_unset = not route.endpoint.collection and not self._reach(reference, route.edge)
        return None if is_unset else f"{own_link}/{route.edge}"


_PLAIN = Shape()


def shapes(query: Query, entity_type: str) -> dict[str, Shape]:
    """Type → shape, for the records asked for and those that come along."""
    found = {name: Shape(fields) for name, fields in query.fields.items()}
    found[entity_type] = Shape(query.fields.get(entity_type), query.includes)
    return found


def included_shapes(query: Query) -> dict[str, Shape]:
    """The same for records that come along: they show no includes of their own."""
    return {name: Shape(fields) for name, fields in query.fields.items()}


def collection_links(origin: str, path: str, parameters: Parameters, part: Window) -> dict[str, str]:
    """This page and those beside it; each link repeats the whole query."""
    links = {"self": link(origin, path, parameters)}
    for name, offset in (("next", part.next_offset), ("prev", part.prev_offset)):
        if offset is not None:
            links[name] = link(origin, path, [*parameters, ("offset", str(offset))])
    return links


def link(origin: str, path: str, parameters: Parameters) -> str:
    """A URL as the API writes it (recorded): parameters in order of their names, brackets as they are."""
    query = "&".join(f"{quote(name, safe='[]')}={quote_plus(value)}" for name, value in sorted(dict(parameters).items()))
    return f"{origin}{path}?{query}" if query else f"{origin}{path}"


def collection_meta(route: Route, total: int, count: int, part: Window, parent: Reference) -> dict[str, Any]:
    """Counts, pages, what can be asked for here, and whose records these are. What would be empty is left out (recorded)."""
    meta: dict[str, Any] = {"total_count": total, "count": count}
    for name, offset in (("prev", part.prev_offset), ("next", part.next_offset)):
        if offset is not None:
            meta[name] = {"offset": offset}
    can = {"can_order_by": route.endpoint.order_by, "can_query_by": route.endpoint.query_by, "can_include": route.endpoint.includes}
    return {**meta, **{name: keys for name, keys in can.items() if keys}, "parent": _identifier(parent)}


def single_meta(route: Route, parent: Reference) -> dict[str, Any]:
    includes = route.endpoint.includes
    return {**({"can_include": includes} if includes else {}), "parent": _identifier(parent)}


def _identifier(reference: Reference | None) -> dict[str, str] | None:
    return {"type": reference.type, "id": str(reference.id)} if reference else None


def _plain_attributes(entity: Entity) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in entity.attributes.values() if not attribute.only_when_asked)
