"""Chains of merges, whatever their shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openfaith.store.merges import resolve_survivors

IDS = st.sampled_from("abcdefgh")
MERGES = st.dictionaries(IDS, IDS, max_size=8)


@given(MERGES, MERGES)
def test_every_chain_ends_with_one_that_is_left_or_not_at_all(
    told: dict[str, str], known: dict[str, str]
) -> None:
    ends, circular = resolve_survivors(told, known)
    assert sorted([*ends, *circular]) == sorted(told)
    following = {**known, **told}
    for key, end in ends.items():
        assert end not in following
        assert reaches(following, key, end)
    for key in circular:
        assert len(walk(following, key)) <= len(following)
        assert walk(following, key)[-1] in following


def walk(following: dict[str, str], key: str) -> list[str]:
    """The ids that a chain leads to, each once."""
    found: list[str] = []
    while key in following and following[key] not in found:
        key = following[key]
        found.append(key)
    return found


def reaches(following: dict[str, str], key: str, end: str) -> bool:
    return end in walk(following, key)


@given(MERGES)
def test_what_was_resolved_is_resolved(told: dict[str, str]) -> None:
    ends, _ = resolve_survivors(told, {})
    assert resolve_survivors(ends, {}) == (ends, ())
