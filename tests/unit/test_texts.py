"""Texts from elsewhere, made so that PostgreSQL can keep them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.texts import storable_json, storable_text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("plain ☃ \U0001f600\t\n", "plain ☃ \U0001f600\t\n"),
        ("a\x00b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("\ude00x\ud83d", "\ufffdx\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_only_what_cannot_be_kept_is_replaced(text: str, kept: str) -> None:
    assert storable_text(text) == kept


@given(text=st.text(alphabet=st.characters()))
def test_any_text_can_be_kept_and_keeping_it_again_changes_nothing(text: str) -> None:
    kept = storable_text(text)
    assert "\x00" not in kept
    assert kept.encode().decode() == kept
    assert storable_text(kept) == kept


def test_texts_inside_of_values_are_replaced_wherever_they_stand() -> None:
    value = {"a\x00": ["\ud83d", ("x", 1, None, True, 1.5)], "b": {"c": "\x00"}}
    kept = storable_json(value)
    assert kept == {"a\ufffd": ["\ufffd", ["x", 1, None, True, 1.5]], "b": {"c": "\ufffd"}}
    assert json.loads(json.dumps(kept)) == kept
