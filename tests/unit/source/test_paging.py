"""A link says where a listing goes on, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.source import offset_of_link

BASE = "https://api.planningcenteronline.com/people/v2/people"


@pytest.mark.parametrize(
    ("link", "offset"),
    [
        (f"{BASE}?offset=25&per_page=25", 25),
        (f"{BASE}?per_page=500&offset=100", 100),
        (f"{BASE}?offset=0", 0),
        (f"{BASE}?where%5Bfirst_name%5D=offset%3D7&offset=50", 50),
        (BASE, None),
        (f"{BASE}?offset=", None),
        (f"{BASE}?offset=-1", None),
        (f"{BASE}?offset=1e3", None),
        (f"{BASE}?offset=²", None),
        ("https://[", None),
        ("", None),
        (None, None),
        (25, None),
        ({"href": f"{BASE}?offset=25"}, None),
    ],
)
def test_the_offset_of_a_link(link: object, offset: int | None) -> None:
    assert offset_of_link(link) == offset


@given(st.text())
def test_no_text_is_too_strange(link: str) -> None:
    offset = offset_of_link(link)
    assert offset is None or offset >= 0
