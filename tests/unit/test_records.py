"""The names that dry runs have in the place of an adapter's."""

from __future__ import annotations

import pytest

from openfaith.records import RunId, base_adapter, copy_name, is_copy


def test_a_copy_is_named_for_its_run_and_known_by_that() -> None:
    name = copy_name("pco", RunId(7))
    assert name == "pco_dry_7"
    assert (base_adapter(name), is_copy(name)) == ("pco", True)


@pytest.mark.parametrize("name", ["pco", "pco_dry", "pco_dry_", "_dry_7", "pco_dry_7_archive", "dry_7"])
def test_no_other_name_is_a_copy(name: str) -> None:
    assert (base_adapter(name), is_copy(name)) == (name, False)
