"""From parsed JSON to a checked `Manifest`, or one error that names every fault.

`docs/reference/manifest.md` explains the format. Two passes: the documents are read member by member (each with
its place, so that a fault can be found), then what was read is checked as a whole (`checks.py`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping

from openfaith.errors import ManifestError
from openfaith.manifest.checks import check_between, check_entity, check_merge_log
from openfaith.manifest.entity import DependencyRule, Entity, Manifest, MergeLog, Product
from openfaith.manifest.entity_documents import EntityReader, entity_reference
from openfaith.manifest.problems import Place, Problem, raise_problems, shown
from openfaith.manifest.ways import with_places
from openfaith.records import EntityName
from openfaith.retries import RetryPolicy

_PRODUCT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ENTITY = re.compile(r"[A-Z][A-Za-z0-9]*")
_ADAPTER = re.compile(r"[a-z][a-z0-9_]*")
_BASE_PATH = re.compile(r"(/[a-z0-9_-]+)+")
_VERSION = re.compile(r"[!-~]+")
"""It goes into a header."""

_OWN_SCHEMAS = frozenset({"openfaith", "canonical", "dbos", "public", "information_schema"})
"""An adapter's name becomes a schema, so it cannot be one of these (nor begin with `pg_`)."""

PRODUCT_MEMBERS = ("product", "base_path", "version", "max_page_size", "entities")
_KINDS = ("hard", "soft", "none")


def parse_document(name: str, text: bytes) -> object:
    """The JSON of one manifest file. Unlike plain JSON, a member that stands there twice is a fault.

    Raises:
        ManifestError: it is not JSON, or has a member twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repetition)
    except _RepeatedMemberError as error:
        raise ManifestError(
            name, f"the member {error.args[0]!r} stands there twice", "each member once"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(name, f"text that is not JSON ({error})", "one JSON object") from error


class _RepeatedMemberError(Exception):
    """Never leaves `parse_document`."""


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise _RepeatedMemberError(name)
        members[name] = value
    return members


def load_manifest(
    documents: Mapping[str, object],
    *,
    adapter: str,
    default_product: str,
    retries: RetryPolicy | None = None,
) -> Manifest:
    """Read an adapter's manifest from its parsed files, one a product.

    Args:
        documents: file name → parsed JSON; the names are for messages only.
        adapter: also the name of the mirror tables' schema.
        default_product: whose entities may be named without their product when a bare name is ambiguous.
        retries: how patient to be with the API, where an entity does not say otherwise; None as with any.

    Raises:
        ManifestError: with every fault that was found.
    """
    problems: list[Problem] = []
    names = frozenset(name for document in documents.values() for name in _entity_names(document))
    readers = [
        _ProductReader(Place(problems, file), document, names, retries)
        for file, document in documents.items()
    ]
    manifest = _assembled(readers, adapter, default_product, problems)
    raise_problems(problems)
    return with_places(manifest)


def _assembled(
    readers: list[_ProductReader], adapter: str, default_product: str, problems: list[Problem]
) -> Manifest:
    products: dict[str, Product] = {}
    entities: dict[EntityName, Entity] = {}
    overrules: list[DependencyRule] = []
    for reader in readers:
        if reader.product.name and reader.product.name in products:
            (reader.place / "product").wrong(f"{reader.product.name!r} again", "one file for each product")
        products[reader.product.name] = reader.product
        entities |= {entity.name: entity for entity in reader.entities()}
        overrules += reader.overrules()
    _check_adapter(Place(problems, "adapter"), adapter)
    if "" not in products:
        Place(problems, "default_product").known(default_product, products, "no product")
    check_between(Place(problems, "entities"), entities.values())
    merges = [merge for reader in readers for merge in reader.merges(entities)]
    for name, times in Counter(merge.entity for merge in merges).items():
        if times > 1:
            Place(problems, "merges").wrong(f"{name} more than once", "one log for each entity")
    return Manifest(
        adapter=adapter,
        products=products,
        entities=entities,
        overrules=tuple(overrules),
        merges=tuple(merges),
        default_product=default_product,
    )


def _entity_names(document: object) -> list[EntityName]:
    """The names of a document's entities, before anything of it is known to be right."""
    if not isinstance(document, Mapping):
        return []
    entities = document.get("entities")
    if not isinstance(entities, Mapping):
        return []
    product = document.get("product")
    prefix = product if isinstance(product, str) and _PRODUCT.fullmatch(product) else ""
    return [EntityName(f"{prefix}.{name}") for name in entities if isinstance(name, str)]


def _check_adapter(place: Place, adapter: str) -> None:
    if not _ADAPTER.fullmatch(adapter) or adapter in _OWN_SCHEMAS or adapter.startswith("pg_"):
        place.wrong(repr(adapter), "a name of small letters, digits and _ that is free as a schema's name")


class _ProductReader:
    """Reads one file."""

    def __init__(
        self, place: Place, document: object, names: Collection[EntityName], retries: RetryPolicy | None
    ) -> None:
        """``names`` are the entities of all files, for references between them; ``retries`` the adapter's."""
        self.place = place
        self._names = names
        self._retries = retries
        self._members = place.members(document, required=PRODUCT_MEMBERS, optional=("overrules", "merges"))
        self.product = self._product()

    def _product(self) -> Product:
        return Product(
            name=self._matching("product", _PRODUCT, "small letters, digits and single dashes"),
            base_path=self._base_path(),
            version=self._matching("version", _VERSION, "the API's version, as 2025-03-20"),
            max_page_size=self._max_page_size(),
        )

    def _matching(self, member: str, pattern: re.Pattern[str], expected: str) -> str:
        """A member's text, empty where it is wrong: what follows from it is then not checked, and not blamed."""
        if member not in self._members:
            return ""
        value = self._members[member]
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        (self.place / member).wrong(shown(value), expected)
        return ""

    def _base_path(self) -> str:
        return self._matching("base_path", _BASE_PATH, "a path, as /people/v2")

    def _max_page_size(self) -> int:
        size = self._members.get("max_page_size", 1)
        if isinstance(size, int) and not isinstance(size, bool) and size >= 1:
            return size
        (self.place / "max_page_size").wrong(shown(size), "a whole number above 0")
        return 1

    def entities(self) -> list[Entity]:
        """Every entity that could be read; a faulty one is left out of the later checks."""
        if "entities" not in self._members:
            return []
        entities = (self.place / "entities").mapping(self._members["entities"])
        read = [self._entity(self.place / name, name, value) for name, value in entities.items()]
        return [entity for entity in read if entity is not None]

    def _entity(self, place: Place, name: str, value: object) -> Entity | None:
        before = len(place.problems)
        if not _ENTITY.fullmatch(name):
            place.wrong(f"the entity name {name!r}", "capitalized words without spaces, as PhoneNumber")
        entity = EntityReader(place, value, self.product, self._names, self._retries).entity(name)
        if len(place.problems) > before:
            return None
        check_entity(place, entity, self.product)
        return entity

    def overrules(self) -> list[DependencyRule]:
        place = self.place / "overrules"
        rules = [self._overrule(row, value) for row, value in place.rows(self._members.get("overrules", []))]
        pairs = [(rule.entity, rule.on) for rule in rules]
        for pair in dict.fromkeys(pair for pair in pairs if pairs.count(pair) > 1):
            place.wrong(f"{pair[0]} on {pair[1]} more than once", "one rule for each pair")
        return rules

    def _overrule(self, place: Place, value: object) -> DependencyRule:
        members = place.members(value, required=("entity", "on", "kind", "why"), optional=())
        texts = {name: (place / name).text(member) for name, member in members.items()}
        rule = DependencyRule(
            entity=self._reference(place / "entity", texts.get("entity", "")),
            on=self._reference(place / "on", texts.get("on", "")),
            kind=texts.get("kind", ""),
            why=texts.get("why", "").strip(),
        )
        (place / "kind").known(rule.kind, _KINDS, "the kind")
        if not rule.why:
            (place / "why").wrong("no reason", "why this adapter knows better than the rules")
        if rule.entity == rule.on:
            place.wrong(f"{rule.entity} on itself", "two entities")
        return rule

    def merges(self, entities: Mapping[EntityName, Entity]) -> list[MergeLog]:
        """The logs of merges; ``entities`` are those of all files that could be read."""
        rows = (self.place / "merges").rows(self._members.get("merges", []))
        return [self._merge(place, value, entities) for place, value in rows]

    def _merge(self, place: Place, value: object, entities: Mapping[EntityName, Entity]) -> MergeLog:
        members = place.members(value, required=("entity", "log", "removed", "kept"), optional=())
        texts = {name: (place / name).text(member) for name, member in members.items()}
        merge = MergeLog(
            entity=self._reference(place / "entity", texts.get("entity", "")),
            log=self._reference(place / "log", texts.get("log", "")),
            removed=texts.get("removed", ""),
            kept=texts.get("kept", ""),
        )
        if merge.entity == merge.log:
            place.wrong(f"{merge.log} as its own log", "two entities")
        if merge.removed == merge.kept:
            place.wrong(f"{merge.kept!r} for both ids", "two attributes")
        if merge.log in entities:
            check_merge_log(place, merge, entities[merge.log])
        return merge

    def _reference(self, place: Place, name: str) -> EntityName:
        return entity_reference(place, name, self.product, self._names)
