"""`openfaith graph`: in what order entities are synced, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from typer import Option

from openfaith.cli.options import AsJson
from openfaith.cli.output import print_text


class Form(StrEnum):
    """How the graph is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def graph(
    form: Annotated[Form, Option("--format", help="How to write it.")] = Form.TEXT, as_json: AsJson = False
) -> None:
    """Show who waits for whom, and the order of a sync."""
    from openfaith.adapters import find_adapter  # noqa: PLC0415  # reading the manifest is not for `--help`
    from openfaith.planning import derive_graph, render  # noqa: PLC0415  # the same

    derived = derive_graph(find_adapter("pco").load_manifest())
    print_text(render(derived, Form.JSON if as_json else form))
