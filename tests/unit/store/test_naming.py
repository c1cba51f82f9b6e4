"""Who a record is can be told whatever else it holds; who could be anybody is never taken for nobody."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.store.naming import tell_apart
from openfaith.texts import storable_text
from support.mirror import MEMBER, record

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(["type", "id", "attributes", "n"])


@given(body=st.dictionaries(members, values | st.just(MEMBER.type)) | values)
def test_every_record_is_listed_or_unknown_or_has_an_id_that_no_table_can_hold(body: object) -> None:
    named = tell_apart(MEMBER, [json.dumps(body).encode()])
    past_all_tables = len(named.unstorable) - named.unknown > 0
    assert len(named.listable) + named.unknown + past_all_tables == 1
    if past_all_tables:
        assert isinstance(body, dict)
        assert body["type"] == MEMBER.type
        assert storable_text(body["id"]) != body["id"]


@given(key=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")), value=values)
def test_what_is_listed_is_the_id_as_it_came(key: str, value: object) -> None:
    named = tell_apart(MEMBER, [record(key, name=value, updated_at="2026-01-01T00:00:00Z")])
    if key[:1] in {"", "[", "{"} or key in {"true", "false"}:
        assert (named.listable, named.unknown) == ([], 1)
    else:
        [listed] = named.listable
        assert json.loads(listed)["id"] == key
        assert json.loads(listed)["attributes"] == {"updated_at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(("number", "key"), [(b"12", "12"), (b"-0", "0"), (b"9" * 200, "9" * 200)])
def test_a_number_is_an_id_as_postgresql_writes_it(number: bytes, key: str) -> None:
    [listed] = tell_apart(MEMBER, [b'{"type": "Member", "id": ' + number + b"}"]).listable
    assert json.loads(listed)["id"] == key


def test_a_record_that_is_nested_more_deeply_than_can_be_read_could_be_anybody() -> None:
    """And the next program may read it: so it is not kept as what none ever can."""
    deep = b'{"type": "Member", "id": "7", "n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    named = tell_apart(MEMBER, [deep])
    assert (named.listable, named.unstorable, named.unknown) == ([], [], 1)
