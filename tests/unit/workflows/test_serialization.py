"""What the durable engine stores: plain JSON, and errors as data."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import RunConflictError, UnknownNameError
from openfaith.records import EntityName, EntityStatus
from openfaith.workflows.serialization import ForeignError, JsonSerializer

SERIALIZER = JsonSerializer()

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def stored(value: object) -> object:
    return SERIALIZER.deserialize(SERIALIZER.serialize(value))


@given(value=plain)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    assert stored(value) == value


def test_what_is_stored_is_json_and_ascii() -> None:
    """PostgreSQL keeps it as text, which must not hold U+0000 nor halves of surrogate pairs."""
    text = SERIALIZER.serialize(["\x00", "\ud83d", "ü"])
    assert text.isascii()
    assert "\x00" not in text
    assert json.loads(text) == ["\x00", "\ud83d", "ü"]
    assert SERIALIZER.name() == "openfaith_json"


def test_names_and_states_are_texts() -> None:
    assert stored({"entity": EntityName("people.Person"), "status": EntityStatus.COMPLETED}) == {
        "entity": "people.Person",
        "status": "completed",
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", datetime(2026, 1, 1, tzinfo=UTC)])
def test_anything_else_is_refused_when_it_is_stored(value: object) -> None:
    with pytest.raises(TypeError, match="is no plain JSON value"):
        SERIALIZER.serialize({"deep": [value]})


def test_an_error_comes_back_as_itself_wherever_it_stands() -> None:
    error = UnknownNameError("entity", "x", ("A", "B"), "hint")
    found = stored({"errors": [error]})
    assert isinstance(found, dict)
    [back] = found["errors"]
    assert (type(back), back.args, back.near) == (UnknownNameError, error.args, ("A", "B"))


def test_a_foreign_error_comes_back_as_its_class_and_text() -> None:
    back = stored(ZeroDivisionError("division by zero"))
    assert isinstance(back, ForeignError)
    assert (back.kind, str(back)) == ("ZeroDivisionError", "ZeroDivisionError: division by zero")
    assert str(stored(KeyboardInterrupt())) == "KeyboardInterrupt: "


def test_storing_again_changes_nothing() -> None:
    once = stored(ZeroDivisionError("x"))
    twice = stored(once)
    assert (type(twice), str(twice)) == (ForeignError, str(once))
    assert isinstance(pickle.loads(pickle.dumps(once)), ForeignError)


def test_an_error_of_another_version_comes_back_as_its_text() -> None:
    """Old and new programs share the engine's tables while one replaces the other."""
    for written in (
        {"$error": "NewError", "args": ["people.Person", 3, None], "text": "people.Person: something new"},
        {"$error": "RunConflictError", "args": ["7"], "text": "people.Person: something new"},
    ):
        back = SERIALIZER.deserialize(json.dumps(written))
        assert isinstance(back, ForeignError)
        assert str(back) == f"{written['$error']}: people.Person: something new"
    assert isinstance(stored(RunConflictError("7", "is over", "stop")), RunConflictError)


@pytest.mark.parametrize(
    "written",
    [
        {"$error": "RunConflictError"},
        {"$error": "RunConflictError", "args": 7, "text": "x"},
        {"$error": ["RunConflictError"], "args": [], "text": None},
        {"$error": "RateLimitedError", "args": ["GET /", "soon"], "text": "x"},
        {"$error": "ManifestError", "args": ["people.json", "a", "b", [1]], "text": "x"},
    ],
)
def test_an_error_with_members_of_another_kind_can_still_be_told(written: dict[str, object]) -> None:
    back = SERIALIZER.deserialize(json.dumps(written))
    assert isinstance(back, ForeignError)
    assert str(stored(back)) == str(back)


def test_what_is_stored_runs_no_code() -> None:
    """Whoever can write to the engine's tables can name our errors, and nothing else."""
    back = SERIALIZER.deserialize(json.dumps({"$error": "system", "args": ["true"], "text": "x"}))
    assert isinstance(back, ForeignError)
