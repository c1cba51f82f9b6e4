"""Where a command writes: people's text on one side, a machine's JSON on the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_UNBOUNDED_WIDTH = 200
"""Columns of text that no terminal shows: nothing in it shall be folded."""


class ReaderGoneError(Exception):
    """Whoever read our output went away: `openfaith entities | head -1`.

    No `OSError`, since Typer ends the process on a broken pipe, in the middle of everything.
    """


class OutputRefusedError(Exception):
    """What we write is not taken: `openfaith entities > /dev/full`.

    No `OSError` either: what a command was doing meanwhile is not to blame.
    """

    def __init__(self, stream: str, reason: str) -> None:
        super().__init__(stream, reason)
        self.stream = stream
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.stream} cannot be written ({self.reason})"


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raised as any other exception, so that a command that is working cleans up."""
        raise ReaderGoneError

    def print(self, *objects: Any, **options: Any) -> None:
        with _written("standard error" if self.stderr else "standard output"):
            super().print(*objects, **options)


@contextmanager
def _written(stream: str) -> Iterator[None]:
    """What is written inside may be of no use to anybody, and says so in our words."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as exc:
        raise OutputRefusedError(stream, exc.strerror or "no reason was given") from exc


def make_console(*, stderr: bool = False) -> Console:
    """A console that changes nothing in a text: no markup, no emoji, no colours of its own."""
    file = sys.stderr if stderr else sys.stdout
    width = None if file.isatty() else _UNBOUNDED_WIDTH
    return _Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


class Output:
    """A command's two sides. With `--json`, standard output holds JSON only and people read standard error."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = make_console(stderr=as_json)

    def say(self, text: str | Text = "", style: str = "") -> None:
        """A line for people, folded only by their terminal, so that it can be copied."""
        self.console.print(text, style=style, soft_wrap=True)

    def warn(self, text: str) -> None:
        """A line for people who should know, whoever reads the rest."""
        make_console(stderr=True).print(text, soft_wrap=True)

    def show(self, renderable: RenderableType) -> None:
        """A table for people; a machine has the same as data."""
        if not self.as_json:
            self.console.print(renderable)

    def data(self, document: object) -> None:
        """The document for machines; nothing where people read."""
        if self.as_json:
            print_json(document)


def print_json(document: object) -> None:
    """JSON on standard output, in ASCII, so that no terminal's encoding can spoil it."""
    print_text(json.dumps(document, indent=2, default=_plain) + "\n")


def print_text(text: str) -> None:
    """Text for standard output as it is.

    Raises:
        ReaderGoneError: nobody reads it.
        OutputRefusedError: it cannot be written.
    """
    with _written("standard output"):
        sys.stdout.write(text)
        sys.stdout.flush()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def make_table(*headings: str, right: Iterable[str] = ()) -> Table:
    """An open table; the columns in `right` hold numbers."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for heading in headings:
        justify = "right" if heading in set(right) else "left"
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]  # two of its literals
    return table


def add_rows(table: Table, rows: Iterable[Sequence[str | Text]]) -> Table:
    """Cells are plain text: foreign names with brackets in them are no markup."""
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
