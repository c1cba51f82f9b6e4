"""The command line of a simulator says all that its options say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import ConfigurationError
from openfaith.simulator import SimulatorOptions
from openfaith.simulator.arguments import from_arguments, to_arguments
from openfaith.simulator.options import HINTS

tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)

options = st.builds(
    SimulatorOptions,
    people=st.integers(0, 10**6),
    seed=st.integers(-5, 10**9),
    rate_limit=st.integers(1, 10**9),
    rate_period_seconds=st.integers(1, 3600),
    rate_window=st.sampled_from(["fixed", "sliding"]),
    rate_period_text=st.sampled_from(["mixed", "number", "words"]),
    deep_offset_share=st.floats(0.01, 1),
    latency_seconds=st.floats(0, 100),
    clock_offset_seconds=st.floats(-1e6, 1e6),
    tokens=st.lists(tokens, min_size=1, max_size=3).map(tuple),
    refused_tokens=st.dictionaries(tokens, st.sampled_from(HINTS), max_size=3),
    included_when_empty=st.booleans(),
    products=st.lists(st.sampled_from(["people", "giving", "check-ins"]), unique=True).map(tuple),
    inaccessible_products=st.lists(st.sampled_from(["people", "api"]), unique=True).map(tuple),
    forbidden_entities=st.lists(st.sampled_from(["Note", "giving.Donation"]), unique=True).map(tuple),
    changes=st.sampled_from(["", "update=Person*3-90s:0.2,merge@3"]),
    faults=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)


@given(options)
def test_options_survive_the_command_line(given: SimulatorOptions) -> None:
    found, rest = from_arguments(to_arguments(given))
    assert found == given
    assert vars(rest) == {"host": "127.0.0.1", "port": 0, "stop_with_input": False}


def test_defaults_need_no_arguments() -> None:
    assert to_arguments(SimulatorOptions()) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"people": -1}, "people"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_period_seconds": 0}, "rate_period_seconds"),
        ({"rate_window": "round"}, "rate_window"),
        ({"rate_period_text": "romain"}, "rate_period_text"),
        ({"deep_offset_share": 0}, "deep_offset_share"),
        ({"latency_seconds": -1}, "latency_seconds"),
        ({"tokens": ("with space",)}, "tokens"),
        ({"tokens": ("",)}, "tokens"),
        ({"refused_tokens": {"a:b": "GIRAFFE"}}, "TRASH_PANDA"),
    ],
)
def test_impossible_options_are_refused_by_name(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SimulatorOptions(**wrong)  # type: ignore[arg-type]  # what is wrong may be the type too


def test_a_refused_token_without_its_hint_is_explained() -> None:
    with pytest.raises(ConfigurationError, match="CAPUCHIN=old:secret"):
        from_arguments(["--refused-token", "old:secret"])
