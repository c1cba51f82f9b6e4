"""What every adapter's manifest must keep, and how Planning Center's compares with the pages it was parsed from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.manifest import (
    AttributeType,
    DeltaWay,
    Manifest,
    Reading,
    describe_manifest,
    get_entity_delta_fields,
    load_manifest,
    parse_document,
    resolve_entity,
    table_name,
)
from openfaith.manifest.entity_documents import ENTITY_MEMBERS
from openfaith.manifest.loading import PRODUCT_MEMBERS
from openfaith.planning import Rule, derive_graph, make_plan, order

ROOT = Path(__file__).parents[2]
CATALOG = ROOT.parent / "shared/pco/catalog"

ADAPTERS: tuple[Callable[[], Manifest], ...] = (load_planning_center,)

needs_catalog = pytest.mark.skipif(
    not (CATALOG / "people.json").exists(),
    reason="the parsed reference pages (../shared/pco/catalog) are not here",
)

DELTA_DIFFERENCES = {
    "FormSubmission": "later documentation of the same version adds updated_at, and filters by both times",
}
"""Where our derivation differs from the hints that stand beside the parsed pages, and why it may."""


@pytest.fixture(params=ADAPTERS, ids=lambda load: load.__name__)
def manifest(request: pytest.FixtureRequest) -> Manifest:
    load = request.param
    assert callable(load)
    loaded = load()
    assert isinstance(loaded, Manifest)
    return loaded


def test_a_manifest_is_read_once(manifest: Manifest) -> None:
    assert any(load() is manifest for load in ADAPTERS)


def test_every_entity_belongs_to_a_product_and_is_found_by_its_names(manifest: Manifest) -> None:
    for name, entity in manifest.entities.items():
        assert name == entity.name
        assert entity.product in manifest.products
        assert resolve_entity(manifest, entity.name) == name
        assert resolve_entity(manifest, table_name(entity)) == name


def test_everything_that_can_be_read_is_planned_without_a_note(manifest: Manifest) -> None:
    plan = make_plan(manifest)
    assert {*plan.order} == {e.name for e in manifest.entities.values() if e.reading is Reading.TOP}
    assert plan.notes == ()


def test_every_nested_entity_waits_for_the_parent_its_path_names(manifest: Manifest) -> None:
    found = {d.entity for d in derive_graph(manifest).dependencies if d.rule is Rule.NESTED}
    assert {e.name for e in manifest.entities.values() if e.reading is Reading.NESTED} <= found


def test_a_manifest_describes_itself_in_json(manifest: Manifest) -> None:
    assert json.loads(json.dumps(describe_manifest(manifest)))["entities"]


def test_planning_center_is_the_adapter_pco_with_the_people_product() -> None:
    manifest = load_planning_center()
    people = manifest.products["people"]
    assert (manifest.adapter, manifest.default_product) == ("pco", "people")
    assert (people.base_path, people.version, people.max_page_size) == ("/people/v2", "2025-03-20", 100)
    assert len(manifest.entities) == 62


def test_the_data_names_no_one() -> None:
    """Facts only: names, types, paths. Prose is limited to the notes, which are ours."""
    text = (resources.files("openfaith.adapters.planning_center") / "entities" / "people.json").read_text()
    assert "@" not in text
    assert "http" not in text


def test_every_member_of_the_format_is_explained() -> None:
    reference = (ROOT / "docs/reference/manifest.md").read_text()
    own = {"to", "many", "polymorphic", "name", "method", "path", "collection", "entity", "on", "kind", "why"}
    members = {
        *PRODUCT_MEMBERS,
        *ENTITY_MEMBERS,
        *AttributeType,
        "attributes",
        "endpoints",
        "overrules",
        *own,
    }
    assert [member for member in sorted(members) if f"| `{member}` |" not in reference] == []


# Compared with the parsed reference pages


@cache
def catalog() -> dict[str, dict[str, object]]:
    entities = json.loads((CATALOG / "people.json").read_bytes())["entities"]
    assert isinstance(entities, dict)
    return entities


@needs_catalog
def test_the_manifest_has_the_entities_of_the_pages() -> None:
    assert [f"people.{name}" for name in sorted(catalog())] == list(load_planning_center().entities)


@needs_catalog
def test_reading_is_derived_as_the_pages_hint() -> None:
    manifest = load_planning_center()
    ours = {name: manifest.entities[resolve_entity(manifest, name)].reading for name in catalog()}
    assert ours == {name: hints["listable"] for name, hints in catalog().items()}


@needs_catalog
def test_delta_is_derived_as_the_pages_hint_but_for_the_listed_differences() -> None:
    hint = {
        DeltaWay.KEYSET: "where_gte",
        DeltaWay.WINDOW: "where_gte",
        DeltaWay.NEWEST_FIRST: "order_only",
        DeltaWay.NONE: "none",
    }
    manifest = load_planning_center()
    fields = {name: get_entity_delta_fields(manifest, name) for name in catalog()}
    ours = {n: (hint[f.way], {"query": list(f.query), "order": list(f.order)}) for n, f in fields.items()}
    theirs = {name: (hints["delta"], hints["delta_fields"]) for name, hints in catalog().items()}
    assert {name for name in ours if ours[name] != theirs[name]} == DELTA_DIFFERENCES.keys()


@needs_catalog
def test_what_can_be_written_is_what_the_pages_say() -> None:
    manifest = load_planning_center()
    for name, hints in catalog().items():
        by_name = {e.name: e for e in manifest.entities[resolve_entity(manifest, name)].endpoints}
        assert ("delete" in by_name) == hints["deletable"]
        for method, member in (("create", "creatable"), ("update", "updatable")):
            assert list(by_name[method].fields if method in by_name else ()) == hints[member]


def imported(into: Path, *products: str) -> None:
    script = [sys.executable, str(ROOT / "scripts/import_catalog.py"), str(CATALOG)]
    subprocess.run([*script, "--into", str(into), "--products", *products], check=True, capture_output=True)


@needs_catalog
def test_the_data_is_what_the_importer_writes(tmp_path: Path) -> None:
    data = ROOT / "src/openfaith/adapters/planning_center/entities/people.json"
    shutil.copy(data, tmp_path)  # the importer keeps the overrules that it finds
    imported(tmp_path, "people")
    assert (tmp_path / "people.json").read_text() == data.read_text()


@needs_catalog
def test_the_format_and_the_rules_hold_for_every_product(tmp_path: Path) -> None:
    """244 entities of ten products load together, and no hard dependencies form a cycle."""
    products = sorted(path.stem for path in CATALOG.glob("*.json"))
    imported(tmp_path, *products)
    documents = {
        path.name: parse_document(path.name, path.read_bytes()) for path in sorted(tmp_path.glob("*.json"))
    }
    manifest = load_manifest(documents, adapter="pco", default_product="people")
    assert len(manifest.entities) == 244
    assert len(order(derive_graph(manifest)).order) == 244
