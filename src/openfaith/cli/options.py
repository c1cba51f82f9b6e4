"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

LARGEST_RUN_ID = 2**63 - 1

AsJson = Annotated[bool, Option("--json", help="Print JSON, and nothing else, on standard output.")]
Org = Annotated[str, Argument(metavar="ORG", help="The organization's name, as given to `openfaith connect`.")]
OrgOrAll = Annotated[str | None, Argument(metavar="[ORG]", help="One organization; all where it is left out.")]
RunNumber = Annotated[
    int, Argument(metavar="ID", min=1, max=LARGEST_RUN_ID, help="The run's number (`openfaith runs list`).")
]
