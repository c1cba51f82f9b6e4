"""From where runs go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from openfaith.adapters import find_adapter
from openfaith.manifest import Reading
from openfaith.records import EntityName
from openfaith.strategies import OLDEST_MARK
from openfaith.workflows.beginnings import mark_lasts


@pytest.mark.parametrize(
    ("walked", "reading", "lasts"),
    [
        ("people.Person", Reading.TOP, OLDEST_MARK),
        ("people.App", Reading.TOP, timedelta()),
        ("people.WorkflowCard", Reading.NESTED, timedelta()),
    ],
)
def test_a_mark_lasts_only_where_deltas_go_by_it(walked: str, reading: Reading, lasts: timedelta) -> None:
    """Whose every delta reads everything must not be called behind because its listing is in doubt."""
    assert mark_lasts(find_adapter("pco").load_manifest().entities[EntityName(walked)], reading) == lasts
