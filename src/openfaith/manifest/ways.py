"""Below which parent an entity is read, and where the ids of its path come from.

An entity without a collection of its own is read below a parent: `/groups/v2/groups/{group_id}/memberships`. Often
the API offers several such places; one is chosen here, once, when the manifest is loaded. Everything that asks
"whose is it?" (dependencies, parent columns, nested walks, riding along) asks `Entity.below`.

The ids in the path are taken from the parent's rows: the last one is the parent's own, those before it are the ids
that the parent was read by itself, or those of records that it points at. A place whose ids no row has is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from openfaith.manifest.entity import Below, Endpoint, Entity, Manifest, Method, PathId
from openfaith.manifest.naming import columns, parent_column
from openfaith.records import EntityName

_PLACEHOLDER = re.compile(r"\{[^}]*\}")


class Paths:
    """Which entity stands at which path."""

    def __init__(self, entities: Mapping[EntityName, Entity]) -> None:
        self._listed_at = _collections(entities)
        self._single_at = _single_records(entities)

    def parent(self, endpoint: Endpoint) -> EntityName | None:
        """Whose record the path lies below: `/lists/{list_id}/rules` → the entity listed at `/lists`.

        That may be the only one below a record, without an id: `/donations/{donation_id}/refund/designation_refunds`
        → the entity at `/donations/{}/refund`. The id of the record itself (`/rules/{id}`) is no parent's.
        """
        shape = path_shape(endpoint.path)
        listed, placeholder, own = shape.rpartition("/{}")
        if not placeholder or not own:
            return None
        return self.single(endpoint) or self._listed_at.get(listed)

    def single(self, endpoint: Endpoint) -> EntityName | None:
        """The entity that has one record at the place just above the path, without an id of its own."""
        return self._single_at.get(path_shape(endpoint.path).rpartition("/")[0])


def with_places(manifest: Manifest) -> Manifest:
    """The same manifest, each entity with the place below a parent where it is read, if it needs one."""
    places = _Places(manifest.entities)
    return replace(
        manifest,
        entities={name: replace(e, below=places.below(name)) for name, e in manifest.entities.items()},
    )


def whole_includes(entity: Entity, owner: Entity) -> Iterator[str]:
    """The includes of the owner's collection that bring along every record of the entity that belongs to it.

    Not those of which there are several and each brings some of them, as the next of a signup's times.
    """
    asked = owner.asked
    for include, target in owner.include_targets.items():
        whole = entity.below is None or entity.below.endpoint.path.endswith(f"/{include}")
        if target == entity.name and whole and asked is not None and include in asked.includes:
            yield include


class _Places:
    """Chooses, parents before children, each entity once."""

    def __init__(self, entities: Mapping[EntityName, Entity]) -> None:
        self._entities = entities
        self._paths = Paths(entities)
        self._known: dict[EntityName, Below | None] = {}

    def below(self, name: EntityName) -> Below | None:
        if name not in self._known:
            self._known[name] = None  # whoever asks while this is being decided asks in a circle
            self._known[name] = self._choose(self._entities[name])
        return self._known[name]

    def _choose(self, entity: Entity) -> Below | None:
        """The best of the places whose ids can be had. Collections first; else the one record below each parent.

        The fewest ids first. Then rather not below each person, since there are many; best below what every record
        belongs to, since it points at that or is created there (a tag hangs on songs, but belongs to its group); and
        by a path that goes on from the parent's own, whose ids the parent's row has for sure.
        """
        if entity.listing is not None:
            return None
        places = list(self._places(entity, collection=True)) or list(self._places(entity, collection=False))
        belongs_to = {r.to for r in entity.to_one} | {
            self._paths.parent(e) for e in entity.endpoints if e.method is Method.POST
        }

        def cost(place: Below) -> tuple[int, bool, bool, bool]:
            apart = not self._goes_on(place.endpoint, place.parent)
            return (
                len(place.ids),
                _bare(place.parent) == "Person",
                place.parent not in belongs_to,
                apart,
            )

        return min(places, key=cost, default=None)

    def _places(self, entity: Entity, *, collection: bool) -> Iterator[Below]:
        for endpoint in entity.endpoints:
            if endpoint.method is not Method.GET or endpoint.collection is not collection:
                continue
            if not collection and endpoint.name != "list":
                continue
            parent = self._paths.parent(endpoint)
            if parent is None or parent == entity.name:
                continue
            ids = self._ids(endpoint, self._entities[parent])
            if ids is not None:
                shared = not endpoint.collection and entity.same_as is not None
                yield Below(endpoint=endpoint, parent=parent, ids=ids, shared=shared)

    def _ids(self, endpoint: Endpoint, parent: Entity) -> tuple[PathId, ...] | None:
        """Which columns of the parent's row hold the ids of the path; None where one of them is held by none."""
        placed = replace(parent, below=self.below(parent.name))
        if not self._is_read(placed):
            return None
        own = [] if self._paths.single(endpoint) else ["id"]
        outer = endpoint.placeholders[: len(endpoint.placeholders) - len(own)]
        found = [self._column(endpoint, placed, at, name) for at, name in enumerate(outer)]
        named = zip(endpoint.placeholders, [*found, *own], strict=True)
        ids = tuple(PathId(name=name, column=column) for name, column in named if column is not None)
        return ids if len(ids) == len(endpoint.placeholders) else None

    def _is_read(self, entity: Entity) -> bool:
        """Whether there will be rows of it: it is listed, or read below something in turn."""
        return entity.listing is not None or entity.below is not None

    def _column(self, endpoint: Endpoint, parent: Entity, at: int, name: str) -> str | None:
        """By its place where the path goes on from the parent's own, since names vary; else by its name."""
        if parent.below is not None and _continues(endpoint, parent.below.endpoint):
            return parent_column(parent, parent.below.ids[at].name)
        held = {c.name for c in columns(parent) if c.kind != "attribute"}
        return name if name in held else None

    def _goes_on(self, endpoint: Endpoint, parent: EntityName) -> bool:
        below = self.below(parent)
        own = self._entities[parent].listing or (below.endpoint if below is not None else None)
        return own is not None and _continues(endpoint, own)


def _continues(endpoint: Endpoint, own: Endpoint) -> bool:
    return path_shape(endpoint.path).startswith(f"{path_shape(own.path)}/")


def _collections(entities: Mapping[EntityName, Entity]) -> dict[str, EntityName]:
    """Which entity a path lists. An entity's own `list` counts before the edges that others have to it."""
    lists = [
        (endpoint.name != "list", entity.name, path_shape(endpoint.path))
        for entity in entities.values()
        for endpoint in entity.endpoints
        if endpoint.method is Method.GET and endpoint.collection
    ]
    listed: dict[str, EntityName] = {}
    for _, name, shape in sorted(lists):
        listed.setdefault(shape, name)
    return listed


def _single_records(entities: Mapping[EntityName, Entity]) -> dict[str, EntityName]:
    """Which entity a path answers one record of, without an id of its own: `/donations/{}/refund`."""
    records = [
        (path_shape(endpoint.path), entity.name)
        for entity in entities.values()
        for endpoint in entity.endpoints
        if endpoint.method is Method.GET and endpoint.name == "list" and not endpoint.collection
    ]
    return dict(sorted(records))


@cache
def path_shape(path: str) -> str:
    """A path without its placeholders' names: two pages can spell the same place differently."""
    return _PLACEHOLDER.sub("{}", path)


def _bare(name: EntityName) -> str:
    return name.rpartition(".")[2]
