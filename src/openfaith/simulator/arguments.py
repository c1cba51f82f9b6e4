"""The options of a simulator as arguments of a command line, and back."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from openfaith.errors import ConfigurationError
from openfaith.simulator.options import SimulatorOptions

_LISTS = {"tokens": "--token", "refused_tokens": "--refused-token"}
"""Options with several values are given by repeating an argument."""


_COMMAS = frozenset({"products", "inaccessible_products", "forbidden_entities"})
"""Options with several values in one argument."""


def to_arguments(options: SimulatorOptions) -> list[str]:
    """The arguments that say what differs from the defaults."""
    defaults = SimulatorOptions()
    arguments: list[str] = []
    for field in dataclasses.fields(SimulatorOptions):
        value = getattr(options, field.name)
        if value != getattr(defaults, field.name):
            arguments += _written(field.name, value)
    return arguments


def _written(name: str, value: object) -> list[str]:
    if name in _COMMAS:
        return [f"--{name.replace('_', '-')}={','.join(value)}"] if isinstance(value, tuple) else []
    if name == "tokens":
        return [f"--token={token}" for token in value] if isinstance(value, tuple) else []
    if name == "refused_tokens":
        return [f"--refused-token={hint}={token}" for token, hint in dict(value).items()]  # type: ignore[call-overload]  # a mapping, by its field
    return [f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"]


def from_arguments(arguments: Sequence[str]) -> tuple[SimulatorOptions, argparse.Namespace]:
    """The options, and what else was given: `host`, `port`, `stop_with_input`.

    Raises:
        ConfigurationError: an option's value is not possible.
        SystemExit: the arguments cannot be read; the reason was printed.
    """
    given = vars(_parser().parse_args(arguments))
    names = {field.name for field in dataclasses.fields(SimulatorOptions)}
    options = {name: value for name, value in given.items() if name in names and value is not None}
    if "tokens" in options:
        options["tokens"] = tuple(options["tokens"])
    if "refused_tokens" in options:
        options["refused_tokens"] = dict(map(_read_refused, options["refused_tokens"]))
    rest = {name: value for name, value in given.items() if name not in names}
    return SimulatorOptions(**options), argparse.Namespace(**rest)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m openfaith.simulator", description="A simulated Planning Center."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=0, help="0 takes a free one; it is printed when the server is ready"
    )
    parser.add_argument(
        "--stop-with-input",
        action="store_true",
        help="stop when standard input ends, as it does when the parent dies",
    )
    for field in dataclasses.fields(SimulatorOptions):
        if field.name in _LISTS:
            parser.add_argument(_LISTS[field.name], dest=field.name, action="append")
        else:
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=_reader(field.name), default=None)
    return parser


def _reader(name: str) -> Callable[[str], Any]:
    default = getattr(SimulatorOptions(), name)
    if name in _COMMAS:
        return _read_names
    reader: Callable[[str], Any] = _read_truth if isinstance(default, bool) else type(default)
    return reader


def _read_names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _read_truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def _read_refused(text: str) -> tuple[str, str]:
    hint, separator, token = text.partition("=")
    if not separator:
        raise ConfigurationError("--refused-token", text, "HINT=token, as in CAPUCHIN=old:secret")
    return token, hint
