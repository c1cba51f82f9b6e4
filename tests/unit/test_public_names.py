"""What `import openfaith` offers."""

from __future__ import annotations

import pytest

import openfaith


def test_every_public_name_can_be_had() -> None:
    assert openfaith.__all__ == sorted(openfaith._HOMES)
    for name in openfaith.__all__:
        assert getattr(openfaith, name).__name__ == name


def test_a_name_that_is_not_there_is_said_as_python_says_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = openfaith.nonsense
