"""What was raised, as one line for a person, one object for a machine, and one exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from openfaith.cli.output import make_console, print_json
from openfaith.errors import SyncError

RUN_FAILED = 1
WRONG_USAGE = 2
_OURS = Path(__file__).parents[1]
_SAY_NO_DATA = (SyncError, AttributeError, ImportError, NameError, OSError, TypeError)


class UsageError(typer.TyperException):
    """The options contradict each other, or something is missing that no single option can tell."""

    exit_code = WRONG_USAGE


class InterruptedBySignalError(Exception):
    """The command was stopped by Ctrl-C or SIGTERM, and has cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """As shells report it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One failure, ready to be told."""

    kind: str
    """The error's class; `UsageError` for every command line that cannot be understood."""
    message: str
    exit_code: int
    is_told: bool = False
    """People have read it already; machines have not."""


def describe(error: BaseException) -> Failure:
    """The failure that an exception comes to.

    What was raised on purpose says itself. Anything else is named by its type and place only: foreign texts can
    quote a record, and so a person's data.
    """
    if isinstance(error, SyncError):
        return Failure(kind=type(error).__name__, message=str(error), exit_code=WRONG_USAGE)
    if isinstance(error, typer.TyperException):
        return Failure(kind="UsageError", message=_usage(error), exit_code=error.exit_code)
    if isinstance(error, typer.Abort | EOFError):
        return Failure(kind="Aborted", message="nothing was entered", exit_code=WRONG_USAGE)
    if isinstance(error, InterruptedBySignalError):
        text = "stopped by a signal; everything committed is kept"
        return Failure(kind="Interrupted", message=text, exit_code=error.exit_code, is_told=True)
    text = (
        f"{type(error).__name__} at {_place(error)}, which should not happen; "
        "run again with OPENFAITH_LOG_LEVEL=debug and report what is logged"
    )
    return Failure(kind="UnexpectedError", message=text, exit_code=RUN_FAILED)


def _usage(error: typer.TyperException) -> str:
    message = error.format_message().rstrip(".")
    path = getattr(getattr(error, "ctx", None), "command_path", "openfaith")
    return f"{message}; see `{path} --help`"


def _place(error: BaseException) -> str:
    """The last of our own lines that the exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_OURS)]
    if not ours:
        return "a library"
    return f"{Path(ours[-1].filename).relative_to(_OURS.parent)}:{ours[-1].lineno}"


def tell(failure: Failure, *, as_json: bool) -> int:
    """Say it, and return the exit code."""
    if not failure.is_told:
        make_console(stderr=True).print(f"error: {failure.message}", soft_wrap=True)
    if as_json:
        print_json({"error": {"kind": failure.kind, "message": failure.message}})
    return failure.exit_code


def trace(error: BaseException) -> str:
    """The whole way of an exception and of its causes, for the log. Texts are left out where they can quote data."""
    parts = []
    link: BaseException | None = error
    while link is not None:
        text = f": {link}" if isinstance(link, _SAY_NO_DATA) else ""
        parts.append("".join(traceback.format_tb(link.__traceback__)) + f"{type(link).__qualname__}{text}")
        link = link.__cause__ or link.__context__
    return "\ncaused by:\n".join(parts)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for JSON, however little of it can be understood."""
    words = list(arguments)
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def silence_standard_output() -> None:
    """Nobody reads it: nothing more may be written there, not even by the interpreter's own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
