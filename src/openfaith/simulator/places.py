"""Where a record is found: the path that its own link names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openfaith.simulator.data import Church
from openfaith.simulator.paths import ANY, BASE_PARTS, Path
from openfaith.simulator.relations import Children, Only
from openfaith.simulator.rows import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """How the path of a type's records is written: words, and behind each the id of a record."""

    words: tuple[str, ...]
    """The first begins with the base path; the record's own id stands behind the last one."""
    upward: tuple[tuple[str, str], ...] = ()
    """The links by which a record finds those above it, nearest first: whose link, and its name."""


class Places:
    """The places of all types."""

    def __init__(self, church: Church) -> None:
        self._church = church
        paths: dict[str, list[Path]] = {}
        for found in church.paths.values():
            for path in found:
                paths.setdefault(path.type, []).append(path)
        self._places = {entity_type: self._place(found) for entity_type, found in paths.items()}

    def path_of(self, entity_type: str, record: Record) -> str:
        """Where a record is read by its id, below those that it belongs to."""
        place = self._places[entity_type]
        if not place.words:
            return self._base(entity_type)
        ids = [str(record.id), *self._above(record, place)]
        pairs = zip(place.words, reversed(ids), strict=True)
        return "".join(f"/{word}/{record_id}" for word, record_id in pairs)

    def _above(self, record: Record, place: Place) -> list[str]:
        """The ids of those above it, nearest first; empty where one is not there."""
        ids: list[str] = []
        above: int | None = None
        for number, (entity_type, link) in enumerate(place.upward):
            if number == 0:
                target = record.links.get(link)
                above = target.id if target else None
            else:
                found = self._church.tables[entity_type].column(f"{link}_id").get(above or 0)
                above = found if isinstance(found, int) else None
            ids.append(str(above or ""))
        return ids

    def _base(self, entity_type: str) -> str:
        product = self._church.entities[entity_type].product
        return self._church.manifest.products[product].base_path

    def _place(self, paths: Sequence[Path]) -> Place:
        """The first path by which a record can say where it is; its own come before those from elsewhere.

        A collection without single reads links to a path made the same way (an assumption).
        """
        base = self._base(paths[0].type).strip("/")
        if any(len(path.pattern) == BASE_PARTS for path in paths):
            return Place(words=())
        for path in sorted(paths, key=lambda path: path.endpoint.name not in {"get", "list"}):
            upward = self._upward(path)
            if upward is not None:
                words = [part for part in path.pattern[BASE_PARTS:] if part != ANY]
                return Place(words=(f"{base}/{words[0]}", *words[1:]), upward=upward)
        return Place(words=(f"{base}/{paths[0].pattern[-1]}",))

    def _upward(self, path: Path) -> tuple[tuple[str, str], ...] | None:
        """The links from a record to those above it; None where one has no such link."""
        steps: list[tuple[str, str]] = []
        for owner, name in reversed(list(zip(path.owners, path.edges, strict=False))):
            edge = self._church.relations.edge(owner, name)
            if not isinstance(edge, Children | Only):
                return None
            steps.append((edge.type, edge.link))
        return tuple(steps)
