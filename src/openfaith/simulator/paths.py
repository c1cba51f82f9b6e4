"""What the paths of an API mean: which records their ids name, and over which edges they lead.

`/songs/{song_id}/arrangements/{arrangement_id}/keys` begins at a song and leads over `arrangements` and `keys`. The
manifest says only of a path as a whole what it returns, so shorter paths explain the longer ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from openfaith.manifest import Endpoint, Entity, Manifest, Method
from openfaith.simulator.rows import DEFAULT_PRODUCT, bare

ANY = "*"
"""Stands in a pattern for an id."""

BASE_PARTS = 2
"""A product's base path has two parts: `/people/v2`."""

ORGANIZATION = "Organization"
"""The entity that a product's base path itself returns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """One path that can be read."""

    entity: Entity
    """Of the records in the answer."""
    type: str
    """What the church calls them."""
    endpoint: Endpoint
    pattern: tuple[str, ...]
    owners: tuple[str, ...] = ()
    """The types of the records that the ids name, in order; the last one is the record asked for where no edge follows."""
    edges: tuple[str, ...] = ()
    """What leads from each of them to the next, and from the last to what is asked for; several with a slash."""

    @property
    def leads_on(self) -> bool:
        """Whether it returns what lies below a record."""
        return bool(self.owners) and len(self.edges) == len(self.owners)


def type_of(entity: Entity) -> str:
    """What the church calls an entity's records: `Person` for People, `groups.Person` for every other product."""
    return entity.type if entity.product == DEFAULT_PRODUCT else str(entity.name)


def product_of(entity_type: str) -> str:
    """The product of what `type_of` returned."""
    return entity_type.rpartition(".")[0] or DEFAULT_PRODUCT


def read_paths(manifest: Manifest, product: str) -> tuple[Path, ...]:
    """The paths of one product, shorter ones first. Those whose meaning cannot be told are left out."""
    entities = [entity for entity in manifest.entities.values() if entity.product == product]
    readable = [
        (pattern_of(endpoint.path), entity, endpoint)
        for entity in entities
        for endpoint in entity.endpoints
        if endpoint.method is Method.GET
    ]
    readable.sort(key=lambda one: (len(one[0]), one[2].name == "get"))
    return tuple(_Meanings(manifest.products[product].base_path).read(readable))


def pattern_of(path: str) -> tuple[str, ...]:
    return tuple(ANY if part.startswith("{") else part for part in path.strip("/").split("/"))


class _Meanings:
    """What is known so far: where paths begin, and where edges lead."""

    def __init__(self, base_path: str) -> None:
        self._base = pattern_of(base_path)
        self._tops: dict[str, str] = {}
        self._edges: dict[tuple[str, str], str] = {}

    def read(self, readable: Iterable[tuple[tuple[str, ...], Entity, Endpoint]]) -> Iterator[Path]:
        for pattern, entity, endpoint in readable:
            path = self._path(pattern, entity, endpoint)
            if path is not None:
                yield path

    def _path(self, pattern: tuple[str, ...], entity: Entity, endpoint: Endpoint) -> Path | None:
        entity_type, parts = type_of(entity), pattern[BASE_PARTS:]
        if pattern[:BASE_PARTS] != self._base or parts[:1] == (ANY,):
            return None
        if not parts:
            path = Path(entity=entity, type=entity_type, endpoint=endpoint, pattern=pattern)
            return path if bare(entity_type) == ORGANIZATION else None
        if len(parts) <= 2:
            self._tops.setdefault(parts[0], entity_type)
        owners, edges = self._follow(parts)
        if owners is None:
            return None
        path = Path(
            entity=entity, type=entity_type, endpoint=endpoint, pattern=pattern, owners=owners, edges=edges
        )
        if path.leads_on:
            near = self._through(owners[-1], edges[-1].split("/")[:-1])
            if near is None:
                return None
            self._edges.setdefault((near, parts[-1]), entity_type)
        return path

    def _follow(self, parts: tuple[str, ...]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """The types that the ids name, or None where one is not known; and what leads from one to the next."""
        owners: list[str] = []
        edges: list[str] = []
        words: list[str] = []
        for part in parts:
            if part != ANY:
                words.append(part)
                continue
            found = self._through(owners[-1], words) if owners else self._tops.get("/".join(words))
            if found is None:
                return None, ()
            edges += ["/".join(words)] if owners else []
            owners.append(found)
            words = []
        if words and owners:
            edges.append("/".join(words))
        return tuple(owners), tuple(edges)

    def _through(self, entity_type: str, words: Iterable[str]) -> str | None:
        """The type behind some edges, taken one after the other."""
        found: str | None = entity_type
        for word in words:
            found = self._edges.get((found, word)) if found is not None else None
        return found
