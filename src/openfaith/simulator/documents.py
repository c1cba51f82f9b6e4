"""What an answer says around its records: a JSON:API document with links and meta."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from openfaith.simulator.query import Query, Window
from openfaith.simulator.rendering import Rendered, Shape, encode
from openfaith.simulator.routes import Route
from openfaith.simulator.rows import Reference, bare

Parameters = Sequence[tuple[str, str]]
"""Of a query, decoded, in the order in which they were sent."""


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
        """The document as JSON; `included` is there when it holds something, and else as told."""
        data = b"[" + b",".join(self.data) + b"]" if isinstance(self.data, list) else self.data
        members = [b'"links":' + encode(self.links)] if self.links else []
        members.append(b'"data":' + data)
        if self.included or included_when_empty:
            members.append(b'"included":[' + b",".join(self.included) + b"]")
        members.append(b'"meta":' + encode(self.meta))
        return b"{" + b",".join(members) + b"}"


def brought_along(records: Iterable[Rendered]) -> list[Reference]:
    """What all includes of a page bring, each record once, in the order in which they are met."""
    return list(dict.fromkeys(reference for record in records for reference in record.brought))


def shapes(query: Query, entity_type: str) -> dict[str, Shape]:
    """Type → shape, for the records asked for."""
    return {**included_shapes(query), entity_type: Shape(query.fields.get(bare(entity_type)), query.includes)}


def included_shapes(query: Query) -> dict[str, Shape]:
    """The same for records that come along, by type as the API writes it: they show no includes of their own."""
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
    pairs = sorted(dict(parameters).items())
    query = "&".join(f"{quote(name, safe='[]')}={quote_plus(value)}" for name, value in pairs)
    return f"{origin}{path}?{query}" if query else f"{origin}{path}"


def collection_meta(
    route: Route, total: int, count: int, part: Window, *, parent: Reference
) -> dict[str, Any]:
    """Counts, pages, what can be asked for here, and whose records these are.

    What would be empty is left out (recorded).
    """
    meta: dict[str, Any] = {"total_count": total, "count": count + part.lost}
    for name, offset in (("prev", part.prev_offset), ("next", part.next_offset)):
        if offset is not None:
            meta[name] = {"offset": offset}
    endpoint = route.endpoint
    can = {"order_by": endpoint.order_by, "query_by": endpoint.query_by, "include": endpoint.includes}
    abilities = {f"can_{name}": keys for name, keys in can.items() if keys}
    return {**meta, **abilities, "parent": _parent(parent)}


def single_meta(route: Route, *, parent: Reference) -> dict[str, Any]:
    """What can be included, and whose record it is."""
    includes = route.endpoint.includes
    return {**({"can_include": includes} if includes else {}), "parent": _parent(parent)}


def _parent(reference: Reference) -> dict[str, str]:
    return {"id": str(reference.id), "type": bare(reference.type)}
