"""What every adapter's manifest must keep, and how Planning Center's compares with the pages it was parsed from."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from openfaith.adapters.planning_center import load_planning_center
from openfaith.adapters.planning_center.manifest import documents
from openfaith.manifest import (
    AttributeType,
    DeltaWay,
    Entity,
    Manifest,
    Reading,
    describe_manifest,
    get_entity_capabilities,
    get_entity_delta_fields,
    merge_log_of,
    resolve_entity,
    table_name,
)
from openfaith.manifest.entity_documents import ENTITY_MEMBERS
from openfaith.manifest.loading import PRODUCT_MEMBERS
from openfaith.planning import Rule, derive_graph, make_plan, order
from openfaith.records import EntityName

ROOT = Path(__file__).parents[2]
CATALOG = ROOT.parent / "shared/pco/catalog"

ADAPTERS: tuple[Callable[[], Manifest], ...] = (load_planning_center,)

needs_catalog = pytest.mark.skipif(
    not (CATALOG / "people.json").exists(),
    reason="the parsed reference pages (../shared/pco/catalog) are not here",
)

PRODUCTS = {
    "people": 62,
    "groups": 16,
    "giving": 19,
    "check-ins": 24,
    "services": 64,
    "calendar": 23,
    "registrations": 11,
    "publishing": 13,
    "webhooks": 5,
    "api": 7,
}
"""How many entities each has."""

DELTA_DIFFERENCES = {
    "people.FormSubmission": "later documentation of the same version adds updated_at, and filters by both times",
    "groups.Group": "later documentation of the same version orders by created_at",
    "services.PlanPersonTime": "later documentation of the same version orders by updated_at",
}
INCLUDE_DIFFERENCES = {
    ("people.BackgroundCheck", "created_by"): "later documentation of the same version adds it",
    ("people.ListResult", "person"): "later documentation of the same version adds it",
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
    listed = {e.name for e in manifest.entities.values() if e.reading is not Reading.NONE}
    riding = {e.name for e in plan.entities if e.way.reading is Reading.INCLUDE}
    assert {*plan.order} == listed | riding
    assert plan.notes == ()


def test_a_run_of_everything_reads_as_the_manifest_says_or_better(manifest: Manifest) -> None:
    """What has a list may ride where that is cheaper; what could ride cannot where it carries others itself."""
    plan = make_plan(manifest)
    ways = {e.name: e.way.reading for e in plan.entities}
    carriers = {e.way.carrier for e in plan.entities}
    for name in manifest.entities:
        reading = get_entity_capabilities(manifest, name).reading
        way = ways.get(name, Reading.NONE)
        rides = reading is Reading.TOP and way is Reading.INCLUDE
        carries = reading is Reading.INCLUDE and way is Reading.NESTED and name in carriers
        assert way is reading or rides or carries, name


def test_every_nested_entity_waits_for_the_parent_its_path_names(manifest: Manifest) -> None:
    found = {d.entity for d in derive_graph(manifest).dependencies if d.rule is Rule.NESTED}
    assert {e.name for e in manifest.entities.values() if e.reading is Reading.NESTED} <= found


def test_a_manifest_describes_itself_in_json(manifest: Manifest) -> None:
    assert json.loads(json.dumps(describe_manifest(manifest)))["entities"]


def test_what_cannot_be_read_says_why(manifest: Manifest) -> None:
    silent = [
        entity.name
        for entity in manifest.entities.values()
        if get_entity_capabilities(manifest, entity.name).reading is Reading.NONE and not entity.note
    ]
    assert silent == []


def test_the_order_has_every_entity_and_needs_no_cut(manifest: Manifest) -> None:
    """A cycle may be cut; that none is left shows that the rules and the overrules name what comes first."""
    ordering = order(derive_graph(manifest))
    assert {*ordering.order} == {*manifest.entities}
    assert ordering.cuts == ()


def test_no_hard_dependency_leads_out_of_a_product(manifest: Manifest) -> None:
    """A token may have no access to the other one."""
    product = {entity.name: entity.product for entity in manifest.entities.values()}
    across = [d for d in derive_graph(manifest).dependencies if product[d.entity] != product[d.on]]
    assert [d for d in across if d.hard] == []


def test_planning_center_is_the_adapter_pco_with_ten_products() -> None:
    manifest = load_planning_center()
    people = manifest.products["people"]
    assert (manifest.adapter, manifest.default_product) == ("pco", "people")
    assert (people.base_path, people.version, people.max_page_size) == ("/people/v2", "2025-03-20", 100)
    sizes = dict.fromkeys(manifest.products, 0)
    for entity in manifest.entities.values():
        sizes[entity.product] += 1
    assert sizes == PRODUCTS


def test_planning_center_tells_of_merged_people() -> None:
    """`GET /people/v2/person_mergers?where[person_to_remove_id]=ID` (the guide of Planning Center's documentation)."""
    manifest = load_planning_center()
    found = merge_log_of(manifest, EntityName("people.Person"))
    assert found is not None
    assert (found.log, found.removed, found.kept) == (
        "people.PersonMerger",
        "person_to_remove_id",
        "person_to_keep_id",
    )
    assert manifest.merges == (found,)


def test_the_data_names_no_one() -> None:
    """Facts only: names, types, paths. Prose is limited to the notes and reasons, which are ours."""
    for file in (resources.files("openfaith.adapters.planning_center") / "entities").iterdir():
        text = file.read_text()
        assert "@" not in text
        assert "http" not in text


def test_every_member_of_the_format_is_explained() -> None:
    reference = (ROOT / "docs/reference/manifest.md").read_text()
    own = {
        "to",
        "many",
        "polymorphic",
        "name",
        "method",
        "path",
        "collection",
        "entity",
        "on",
        "kind",
        "why",
        "log",
        "removed",
        "kept",
    }
    members = {
        *PRODUCT_MEMBERS,
        *ENTITY_MEMBERS,
        *AttributeType,
        "attributes",
        "endpoints",
        "merges",
        "overrules",
        *own,
    }
    assert [member for member in sorted(members) if f"| `{member}` |" not in reference] == []


# Compared with the parsed reference pages


@cache
def catalog() -> dict[EntityName, dict[str, Any]]:
    """What the pages of all products say, with the hints that were derived beside them."""
    read = (json.loads((CATALOG / f"{product}.json").read_bytes()) for product in PRODUCTS)
    return {
        EntityName(f"{page['product']}.{name}"): entity
        for page in read
        for name, entity in page["entities"].items()
    }


@needs_catalog
def test_the_manifest_has_the_entities_of_the_pages() -> None:
    assert {*catalog()} == {*load_planning_center().entities}


@needs_catalog
def test_reading_is_derived_as_the_pages_hint() -> None:
    manifest = load_planning_center()
    ours = {name: manifest.entities[name].reading for name in catalog()}
    assert ours == {name: hints["listable"] for name, hints in catalog().items()}


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def below_parents(entity: Entity) -> set[str]:
    return {shape(e.path) for e in entity.endpoints if e.collection and e.placeholders}


@needs_catalog
def test_the_collections_below_parents_are_those_of_the_pages() -> None:
    manifest = load_planning_center()
    for name, hints in catalog().items():
        hinted = {shape(parent["path"]) for parent in hints.get("parents", ())}
        assert below_parents(manifest.entities[name]) == hinted, name


@needs_catalog
def test_includes_are_those_of_the_pages_but_for_the_listed_differences() -> None:
    ours = {
        (target, other.name, include)
        for other in load_planning_center().entities.values()
        for include, target in other.include_targets.items()
        if target is not None
    }
    theirs = {
        (name, f"{name.partition('.')[0]}.{way['entity']}", way["include"])
        for name, hints in catalog().items()
        for way in hints.get("includable_from") or ()
    }
    assert {(entity, include) for _, entity, include in ours ^ theirs} == INCLUDE_DIFFERENCES.keys()


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
        by_name = {e.name: e for e in manifest.entities[name].endpoints}
        assert ("delete" in by_name) == hints["deletable"]
        for method, member in (("create", "creatable"), ("update", "updatable")):
            assert list(by_name[method].fields if method in by_name else ()) == hints[member], name


LATER = {
    "can_order_added": "order_by",
    "can_query_added": "query_by",
    "can_include_added": "includes",
    "attributes_added": "attributes",
    "relationships_added": "relationships",
}
"""What later documentation of the same version can add, and where that stands in our data."""


@needs_catalog
@pytest.mark.parametrize("product", PRODUCTS)
def test_what_later_documentation_of_the_same_version_adds_is_there(product: str) -> None:
    newer = json.loads((CATALOG.parent / "newer.json").read_bytes())["documentation_2026_05"][product]
    data = documents()[data_file(product).name]
    assert isinstance(data, dict)
    assert data["version"] == newer["version"]
    for name, change in newer["changes"].items():
        for member, ours in LATER.items():
            added = {key.removeprefix("where[").removesuffix("]") for key in change.get(member, ())}
            assert added <= {*data["entities"][name].get(ours, ())}, (name, member)


def data_file(product: str) -> Path:
    folder = ROOT / "src/openfaith/adapters/planning_center/entities"
    return folder / f"{product.replace('-', '_')}.json"


@needs_catalog
def test_the_data_is_what_the_importer_writes(tmp_path: Path) -> None:
    for product in PRODUCTS:
        shutil.copy(data_file(product), tmp_path)  # the importer keeps the overrules that it finds
    script = [sys.executable, str(ROOT / "scripts/import_catalog.py"), str(CATALOG)]
    subprocess.run([*script, "--into", str(tmp_path)], check=True, capture_output=True)
    for product in PRODUCTS:
        assert (tmp_path / data_file(product).name).read_text() == data_file(product).read_text()
