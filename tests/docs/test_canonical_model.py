"""The page of the canonical model is what its script writes, and its example is what a mapping looks like."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from openfaith.adapters.planning_center import load_planning_center, load_planning_center_mapping
from openfaith.adapters.planning_center.mapping import mapping_documents
from openfaith.manifest.canonical_columns import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "canonical-model.md").read_text("utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "canonical_reference", ROOT / "scripts" / "canonical_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script: ModuleType) -> None:
    """Else: .venv/bin/python scripts/canonical_reference.py."""
    assert script.render(load_planning_center(), load_planning_center_mapping()) == PAGE


def test_every_kind_of_expression_is_explained() -> None:
    section = PAGE.partition("\n## The mapping\n")[2]
    for kind, described in KINDS.items():
        (row,) = re.findall(rf"^\| `{kind}` \|.*$", section, re.MULTILINE)
        for member in described.members:
            assert f"`{member}`" in row, (kind, member)


def test_the_example_is_a_part_of_the_mapping() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    shown = json.loads(example)["entities"]["pledge"]
    real = mapping_documents()["giving.json"]
    assert isinstance(real, dict)
    whole = real["entities"]["pledge"]
    assert {name: whole["columns"][name] for name in shown["columns"]} == shown["columns"]
    assert {name: whole[name] for name in ("source", "meaning", "joins")} == {
        name: shown[name] for name in ("source", "meaning", "joins")
    }
