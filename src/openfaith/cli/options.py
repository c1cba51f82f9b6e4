"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Argument, Context, Option

from openfaith.cli.failures import WRONG_USAGE
from openfaith.cli.output import print_text

_LARGEST_RUN_ID = 2**63 - 1


def _run_number(number: int) -> int:
    """What no run can have is wrong usage, and no question to the database."""
    if not 0 < number <= _LARGEST_RUN_ID:
        raise typer.BadParameter(f"{number} is no run's number")
    return number


AsJson = Annotated[bool, Option("--json", help="Print JSON, and nothing else, on standard output.")]
Org = Annotated[
    str, Argument(metavar="ORG", help="The organization's name, as given to `openfaith connect`.")
]
OrgOrAll = Annotated[str | None, Argument(metavar="ORG", help="One organization; all where it is left out.")]
RunNumber = Annotated[
    int, Argument(metavar="ID", callback=_run_number, help="The run's number (`openfaith runs list`).")
]
Products = Annotated[
    list[str] | None,
    Option(
        "--product", metavar="NAME", help="Only this product, as in `giving`; may be given several times."
    ),
]
Entities = Annotated[
    list[str] | None,
    Option("--entity", metavar="NAME", help="Only this entity, as in `Person`; may be given several times."),
]
People = Annotated[
    int, Option("--people", metavar="N", min=0, help="How many people the simulated church has.")
]
Seed = Annotated[int, Option("--seed", metavar="S", help="Another seed is another church.")]


def help_without_command(context: Context) -> None:
    """What a group of commands does where none of them is named."""
    if context.invoked_subcommand is None:
        print_text(f"{context.get_help()}\n")
        raise typer.Exit(WRONG_USAGE)
