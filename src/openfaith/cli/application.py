"""The commands, gathered."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer
from typer import Context, Option, Typer

from openfaith.cli.commands.alerts import alerts
from openfaith.cli.commands.connect import connect
from openfaith.cli.commands.database import database
from openfaith.cli.commands.dead_letters import dead_letters
from openfaith.cli.commands.demo import demo
from openfaith.cli.commands.doctor import doctor
from openfaith.cli.commands.entities import entities
from openfaith.cli.commands.graph import graph
from openfaith.cli.commands.manifest import manifest
from openfaith.cli.commands.migrate import migrate
from openfaith.cli.commands.plan import plan
from openfaith.cli.commands.runs import runs
from openfaith.cli.commands.simulate import simulate
from openfaith.cli.commands.status import status
from openfaith.cli.commands.suspects import suspects
from openfaith.cli.commands.sync import sync
from openfaith.cli.commands.up import up
from openfaith.cli.options import help_without_command
from openfaith.cli.output import print_text

application = Typer(
    name="openfaith",
    help="Keep a church's Planning Center data true in PostgreSQL.",
    add_completion=False,
    rich_markup_mode=None,
)
application.command()(demo)
application.command()(up)
application.command()(connect)
application.command()(sync)
application.command()(plan)
application.command()(status)
application.add_typer(runs, name="runs")
application.add_typer(suspects, name="suspects")
application.add_typer(dead_letters, name="dead-letters")
application.add_typer(alerts, name="alerts")
application.command()(entities)
application.command()(graph)
application.add_typer(manifest, name="manifest")
application.command()(simulate)
application.command()(migrate)
application.add_typer(database, name="database")
application.command()(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"openfaith {version('openfaith')}\n")
        raise typer.Exit


@application.callback(invoke_without_command=True)
def start(
    context: Context,
    version: Annotated[  # noqa: ARG001  # its callback does all there is to do
        bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep a church's Planning Center data true in PostgreSQL.

    Try it with no account at all: openfaith demo
    """
    help_without_command(context)
