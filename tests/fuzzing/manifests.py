"""Manifests and mappings: files that whoever adds an API writes."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from fuzzing.mutating import FRAGMENTS, varied_bytes, varied_tree
from fuzzing.target import Target
from openfaith.adapters.planning_center import load_planning_center
from openfaith.adapters.planning_center.mapping import mapping_documents
from openfaith.errors import DependencyCycleError, ManifestError
from openfaith.manifest import (
    Manifest,
    columns,
    describe_manifest,
    load_canonical_mapping,
    load_manifest,
    parse_document,
    table_name,
)
from openfaith.planning import make_plan
from openfaith.store.canonical_views import canonical_views
from openfaith.store.plain_records import PlainRecords
from openfaith.store.upserts import page_statement
from unit.manifest.samples import church, document

PCO = load_planning_center()
VALUES: Sequence[object] = (
    *(None, True, False, 0, 1, -1, 100, 2**64, 1.5, float("nan"), float("inf")),
    *("", " ", "Person", "church.Person", "people.Person", "Address", "id", "org_id", "updated_at", "_extra"),
    *("list", "get", "GET", "POST", "string", "date_time", "column", "reference", "first", "enum", "money", "e164"),
    *("/church/v1/people", "/church/v1/people/{id}", "/church/v1/{a}/{a}", "{}", "person", "household_id", "text"),
    *([], {}, [[]], {"": ""}, ["name", "name"], {"to": None, "polymorphic": True}, {"kind": "column"}),
    *FRAGMENTS[:60:7],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file, or two."""

    parsed: object

    def __len__(self) -> int:
        return len(repr(self.parsed))


def manifest_document(chance: Random, kept: Sequence[Document]) -> Document:
    if kept and chance.random() < 0.2:
        return Document(varied_tree(chance, chance.choice(kept).parsed, VALUES))
    overrules = [{"entity": "Address", "on": "Person", "kind": "soft", "why": "it is so"}]
    merges = [{"entity": "Person", "log": "Merge", "removed": "removed_id", "kept": "kept_id"}]
    whole = document(
        church(), **({"overrules": overrules, "merges": merges} if chance.random() < 0.3 else {})
    )
    return Document(varied_tree(chance, whole, VALUES))


def check_manifest(made: Document) -> Hashable:
    """What is loaded can be planned, described, and made into tables and statements; whatever else is refused with its place."""
    try:
        manifest = load_manifest({"church.json": made.parsed}, adapter="sample", default_product="church")
    except ManifestError as error:
        return refused(error)
    _use(manifest)
    return len(manifest.entities), len(manifest.overrules), len(manifest.merges)


def refused(error: ManifestError) -> Hashable:
    """A fault is named with the place it has, in words that can be printed."""
    text = str(error)
    assert all(letter.isprintable() or letter == "\n" for letter in text), ascii(text)
    assert ".json" in error.where or error.where in {"adapter", "default_product", "entities", "merges"}
    assert len(error.more) <= 20
    return error.seen[:12], error.expected[:12], len(error.more) > 0


def _use(manifest: Manifest) -> None:
    tables = [table_name(entity) for entity in manifest.entities.values()]
    assert len({*tables}) == len(tables)
    for product in manifest.products.values():
        assert product.version.isascii()
        assert product.version.isprintable(), "no header could carry it"
    for entity in manifest.entities.values():
        names = [column.name for column in columns(entity)]
        assert len({*names}) == len(names)
        assert all(0 < len(name.encode()) <= 63 for name in [*names, *tables])
        assert page_statement(manifest, entity).as_string()
        assert page_statement(manifest, entity, plain=True).as_string()
        assert PlainRecords(entity, rides=True).read([]) is not None
    json.dumps(describe_manifest(manifest))
    try:
        planned = {*make_plan(manifest).order}
    except DependencyCycleError:
        return
    except ManifestError as error:
        refused(error)
    else:
        assert planned <= manifest.entities.keys()


def file_bytes(chance: Random, kept: Sequence[bytes]) -> bytes:
    base = chance.choice(kept) if kept and chance.random() < 0.5 else _file()
    return varied_bytes(chance, base)


@cache
def _file() -> bytes:
    return json.dumps(document(church())).encode()


def check_file(made: bytes) -> Hashable:
    """Bytes become one document, or are refused; a member that stands there twice is never overlooked."""
    try:
        parsed = parse_document("church.json", made)
    except ManifestError as error:
        return refused(error)
    try:
        load_manifest({"church.json": parsed}, adapter="sample", default_product="church")
    except ManifestError as error:
        return refused(error)
    return "loaded"


@cache
def _mapping() -> dict[str, Any]:
    """A domain of five entities is enough: the kinds of columns are all there."""
    found = mapping_documents()
    return {name: found[name] for name in ("directory.json",)}


def mapping_document(chance: Random, kept: Sequence[Document]) -> Document:
    base = chance.choice(kept).parsed if kept and chance.random() < 0.2 else _mapping()["directory.json"]
    return Document(varied_tree(chance, base, VALUES))


def check_mapping(made: Document) -> Hashable:
    """What is loaded can be made into views."""
    try:
        mapping = load_canonical_mapping({"directory.json": made.parsed}, PCO)
    except ManifestError as error:
        return refused(error)
    for view in canonical_views(PCO, mapping, {}):
        assert view.name
    return len(mapping.entities)


TARGETS: tuple[Target[Any], ...] = (
    Target(name="manifest", weight=3, make=manifest_document, steps=200_000, check=check_manifest),
    Target(name="manifest-file", weight=3, make=file_bytes, steps=200_000, check=check_file),
    Target(name="mapping", weight=1, make=mapping_document, steps=500_000, check=check_mapping),
)
