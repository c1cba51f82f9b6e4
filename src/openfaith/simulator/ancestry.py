"""Below which records the records of a nested collection are found: the truth behind a path's ids."""

from __future__ import annotations

from collections.abc import Sequence

from openfaith.errors import UnknownNameError
from openfaith.simulator.data import Church
from openfaith.simulator.paths import Path
from openfaith.simulator.rows import Reference

Ancestors = dict[int, list[dict[str, str]]]
"""Id of a record → the ids of a path under which it is found, by placeholder; several where it is at several places."""


def usual_path(church: Church, entity_type: str) -> Path | None:
    """The path below others by which the manifest reads an entity; None for what needs none, or has none."""
    below = church.entities[entity_type].below
    return path_named(church, entity_type, below.endpoint.path) if below is not None else None


def path_named(church: Church, entity_type: str, template: str) -> Path:
    """The path of an entity that is written so in the manifest.

    Raises:
        UnknownNameError: it has none.
    """
    paths = [path for path in church.paths[church.entities[entity_type].product] if path.type == entity_type]
    found = next((path for path in paths if path.endpoint.path == template and path.leads_on), None)
    if found is None:
        near = tuple(path.endpoint.path for path in paths if path.leads_on)
        raise UnknownNameError("path", template, near[:3], f"for {entity_type}")
    return found


def ancestors(church: Church, path: Path) -> Ancestors:
    """Every record that the path reaches, with the ids that it has in its places then."""
    found: Ancestors = {}
    names = path.endpoint.placeholders
    walks: list[tuple[Reference, ...]] = [
        (Reference(path.owners[0], one),) for one in church.tables[path.owners[0]].ids
    ]
    most = None if path.endpoint.collection else 1
    for name in path.edges:
        last = most if name is path.edges[-1] else None
        walks = [(*walk, below) for walk in walks for below in _below(church, walk[-1], name)[:last]]
    for walk in walks:
        ids = dict(zip(names, (str(one.id) for one in walk), strict=False))
        found.setdefault(walk[-1].id, []).append(ids)
    return found


def _below(church: Church, reference: Reference, name: str) -> Sequence[Reference]:
    edge = church.relations.edge(reference.type, name)
    return church.reach(reference, edge) if edge is not None else ()
