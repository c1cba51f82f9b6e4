"""Splitting an envelope loses nothing and accepts nothing that was cut off."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import BrokenResponseError
from openfaith.source.documents import read_page
from openfaith.source.exchanges import Exchange, Request

NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)
ASKED = Request.read("/p", {}, None)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
"""Any text, unpaired surrogates included."""
RECORDS = st.lists(st.dictionaries(st.text(), VALUES, max_size=3), max_size=4)
TYPED = st.lists(
    st.builds(
        lambda kind, members: members | {"type": kind},
        st.sampled_from(["Email", "Person", "Plan"]),
        st.dictionaries(st.text(), VALUES, max_size=2),
    ),
    max_size=4,
)


def answer(body: bytes) -> Exchange:
    return Exchange(sent_at=0, ended_at=1, status=200, headers={}, body=body)


@given(RECORDS, TYPED, VALUES, st.booleans())
def test_every_record_comes_back(
    data: list[dict[str, object]], included: list[dict[str, object]], meta: object, ascii_only: bool
) -> None:
    """However the server writes its text, and whatever stands beside it."""
    text = json.dumps({"meta": meta, "data": data, "included": included}, ensure_ascii=ascii_only)
    page = read_page(ASKED, answer(text.encode("utf-8", "surrogatepass" if ascii_only else "replace")), NOON)
    assert len(page.records) == len(data)
    kinds = [record["type"] for record in included]
    assert {kind: len(records) for kind, records in page.included.items()} == Counter(kinds)
    if ascii_only:
        assert [json.loads(record) for record in page.records] == data
        for kind, records in page.included.items():
            assert [json.loads(r) for r in records] == [r for r in included if r["type"] == kind]


@given(RECORDS, st.floats(0, 1, exclude_max=True))
def test_no_part_of_a_listing_is_a_listing(data: list[dict[str, object]], share: float) -> None:
    body = json.dumps({"data": data, "meta": {}}).encode()
    with pytest.raises(BrokenResponseError):
        read_page(ASKED, answer(body[: int(len(body) * share)]), NOON)


@given(st.binary())
def test_no_body_is_too_strange(body: bytes) -> None:
    with pytest.raises(BrokenResponseError):
        read_page(ASKED, answer(body), NOON)
