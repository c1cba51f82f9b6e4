"""What the package offers is written down, sorted, and there."""

from __future__ import annotations

from openfaith import source


def test_exported_names_are_sorted_and_there() -> None:
    assert source.__all__ == sorted(source.__all__)
    assert all(hasattr(source, name) for name in source.__all__)
