"""Every package says what it offers: sorted, complete, and there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

import openfaith

PACKAGES = [
    "openfaith.adapters",
    "openfaith.alerting",
    "openfaith.delivery",
    "openfaith.manifest",
    "openfaith.planning",
    "openfaith.source",
    "openfaith.store",
    "openfaith.store.embedded",
    "openfaith.strategies",
    "openfaith.telemetry",
    "openfaith.workflows",
]


def imported_names(package: ModuleType) -> set[str]:
    """What the package's `__init__` takes from its own modules to hand it on."""
    assert package.__file__ is not None
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package.__name__}.")
        for alias in node.names
    }


def as_the_linter_sorts(name: str) -> tuple[bool, bool, str]:
    """Constants first, then classes, then functions."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("name", PACKAGES)
def test_exported_names_are_sorted_and_there(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__all__ == sorted(package.__all__, key=as_the_linter_sorts)
    assert len(package.__all__) == len(set(package.__all__))
    assert all(hasattr(package, exported) for exported in package.__all__)


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "openfaith.adapters"])
def test_exported_names_are_complete(name: str) -> None:
    package = importlib.import_module(name)
    assert imported_names(package) == set(package.__all__)


def test_no_package_is_left_out() -> None:
    root = Path(next(iter(openfaith.__path__)))
    libraries = {
        "adapters",
        "alerting",
        "delivery",
        "manifest",
        "planning",
        "source",
        "store",
        "strategies",
        "telemetry",
        "workflows",
    }
    assert libraries <= {path.parent.name for path in root.glob("*/__init__.py")}
    assert {f"openfaith.{name}" for name in libraries} <= set(PACKAGES)
