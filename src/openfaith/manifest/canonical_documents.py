"""From parsed JSON to a checked `CanonicalMapping`, or one error that names every fault.

`docs/reference/canonical-model.md` explains the format. Everything a mapping names must be there: entities and their
columns in the manifest, canonical entities in the mapping, and the types must be those of the columns. What was loaded
can therefore be made into views without asking again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from openfaith.manifest.canonical import (
    OWN_VIEWS,
    CanonicalColumn,
    CanonicalEntity,
    CanonicalMapping,
    Join,
    ValueType,
)
from openfaith.manifest.canonical_columns import (
    NAME,
    NAME_EXPECTED,
    ColumnReader,
    MirrorColumn,
    mirror_columns,
    read_meaning,
)
from openfaith.manifest.capabilities import effective_reading
from openfaith.manifest.entity import Manifest, Reading
from openfaith.manifest.problems import Place, Problem, raise_problems
from openfaith.records import EntityName


def load_canonical_mapping(documents: Mapping[str, object], manifest: Manifest) -> CanonicalMapping:
    """Read an adapter's mapping from its parsed files, one a domain, and check it against the adapter's manifest.

    Args:
        documents: file name → parsed JSON; the names are for messages only.
        manifest: of the same adapter.

    Raises:
        ManifestError: with every fault that was found, each with its place, what was seen and what was expected.
    """
    problems: list[Problem] = []
    readers = [
        reader
        for file, document in documents.items()
        for reader in _entity_readers(Place(problems, file), document, manifest)
    ]
    _check_apart(Place(problems, "entities"), readers)
    sources = {reader.name: reader.source for reader in readers}
    entities = {reader.name: reader.entity(sources) for reader in readers}
    raise_problems(problems)
    return CanonicalMapping(adapter=manifest.adapter, entities=entities)


def _entity_readers(place: Place, document: object, manifest: Manifest) -> list[_EntityReader]:
    members = place.members(document, required=("domain", "entities"), optional=())
    domain = (place / "domain").text(members.get("domain", ""))
    if "domain" in members and not NAME.fullmatch(domain):
        (place / "domain").wrong(repr(domain), NAME_EXPECTED)
    entities = (place / "entities").mapping(members.get("entities", {}))
    return [_EntityReader(place / name, name, value, domain, manifest) for name, value in entities.items()]


def _check_apart(place: Place, readers: list[_EntityReader]) -> None:
    for name, times in Counter(reader.name for reader in readers).items():
        if times > 1:
            place.wrong(f"{name!r} more than once", "each canonical entity once")
    for source, times in Counter(reader.source for reader in readers if reader.source).items():
        if times > 1:
            place.wrong(f"the source {source!r} more than once", "one canonical entity for each")


class _EntityReader:
    """Reads one entity of a mapping."""

    def __init__(self, place: Place, name: str, value: object, domain: str, manifest: Manifest) -> None:
        self.place = place
        self.name = name
        self._domain = domain
        self._manifest = manifest
        self._members = place.members(
            value, required=("source", "meaning", "columns"), optional=("joins", "merges", "deleted_at")
        )
        self.source = (place / "source").text(self._members.get("source", ""))

    def entity(self, sources: Mapping[str, str]) -> CanonicalEntity:
        """``sources`` has the source of every canonical entity of the mapping, for references."""
        if not NAME.fullmatch(self.name) or self.name in OWN_VIEWS:
            self.place.wrong(
                f"the name {self.name!r}", f"{NAME_EXPECTED}, and none of {', '.join(OWN_VIEWS)}"
            )
        own = self._columns_of(self.place / "source", self.source) if "source" in self._members else {}
        joins = self._joins(own)
        tables = {None: own} | {
            join.name: self._columns_of(self.place / "joins" / join.name / "entity", join.entity)
            for join in joins.values()
        }
        return CanonicalEntity(
            name=self.name,
            domain=self._domain,
            meaning=read_meaning(self.place, self._members),
            source=EntityName(self.source),
            columns=self._columns(tables, sources) if own else {},
            joins=joins,
            merges=(self.place / "merges").truth(self._members.get("merges", False)),
            deleted_at=self._deleted_at(own),
        )

    def _columns_of(self, place: Place, name: str) -> dict[str, MirrorColumn]:
        """What the mirror table of that entity has; nothing where the name is wrong, which is then a problem."""
        if not place.known(name, self._manifest.entities, "no entity"):
            return {}
        entity = self._manifest.entities[EntityName(name)]
        if effective_reading(self._manifest, entity) is Reading.NONE:
            place.wrong(f"{name}, which cannot be read", "an entity with a collection")
        return mirror_columns(entity)

    def _joins(self, own: Mapping[str, MirrorColumn]) -> dict[str, Join]:
        place = self.place / "joins"
        joins = {}
        for name, value in place.mapping(self._members.get("joins", {})).items():
            members = (place / name).members(value, required=("entity", "by"), optional=())
            texts = {key: (place / name / key).text(member) for key, member in members.items()}
            if not NAME.fullmatch(name):
                (place / name).wrong(f"the name {name!r}", NAME_EXPECTED)
            join = Join(name=name, entity=EntityName(texts.get("entity", "")), by=texts.get("by", ""))
            self._check_join(place / name / "by", join, own)
            joins[name] = join
        return joins

    def _check_join(self, place: Place, join: Join, own: Mapping[str, MirrorColumn]) -> None:
        if not own or not join.by or not place.known(join.by, own, f"{self.source} has no column"):
            return
        target = own[join.by].target
        if target is not None and target != join.entity:
            place.wrong(f"{join.by}, which leads to {target}", f"a column that leads to {join.entity}")

    def _deleted_at(self, own: Mapping[str, MirrorColumn]) -> str | None:
        value = self._members.get("deleted_at")
        if value is None:
            return None
        place = self.place / "deleted_at"
        name = place.text(value)
        known = not own or place.known(name, own, f"{self.source} has no column")
        if own and known and own[name].type is not ValueType.TIME:
            place.wrong(f"{name}, which holds {own[name].type}", f"a column that holds {ValueType.TIME}")
        return name

    def _columns(
        self, tables: Mapping[str | None, Mapping[str, MirrorColumn]], sources: Mapping[str, str]
    ) -> dict[str, CanonicalColumn]:
        place = self.place / "columns"
        if "columns" not in self._members:
            return {}
        read = (
            ColumnReader(place / name, tables, self._manifest, sources).column(name, value)
            for name, value in place.mapping(self._members["columns"]).items()
        )
        return {column.name: column for column in read if column is not None}
