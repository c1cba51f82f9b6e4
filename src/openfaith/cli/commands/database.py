"""`openfaith database`: the embedded server, and how to reach the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typer import Typer

from openfaith.cli.options import AsJson, help_without_command
from openfaith.cli.output import Output
from openfaith.cli.session import prepare
from openfaith.errors import ConfigurationError

if TYPE_CHECKING:
    from openfaith.settings import Settings

database = Typer(
    help="The embedded PostgreSQL: its URL, start it, stop it.",
    callback=help_without_command,
    invoke_without_command=True,
)


@database.command()
def url(as_json: AsJson = False) -> None:
    """Print the database's URL, password included.

    For psql and other programs. An embedded server is started for them, and keeps running.
    """
    settings = prepare()
    text = settings.database_url.get_secret_value() if settings.database_url else _start(settings.home)
    output = Output(as_json=as_json)
    output.data({"url": text, "embedded": settings.database_url is None})
    if not as_json:
        output.say(text)


@database.command()
def start(as_json: AsJson = False) -> None:
    """Start the embedded server, and leave it running."""
    text = _start(_embedded_home(prepare()))
    output = Output(as_json=as_json)
    output.data({"url": text, "running": True})
    output.say("The embedded server is running. `openfaith database url` prints how to reach it.")


@database.command()
def stop(as_json: AsJson = False) -> int:
    """Stop the embedded server, unless a process is using it."""
    from openfaith.store.embedded import is_running  # noqa: PLC0415  # not for `--help`
    from openfaith.store.embedded import stop as stop_server  # noqa: PLC0415  # the same

    home = _embedded_home(prepare())
    stopped = stop_server(home)
    in_use = not stopped and is_running(home)
    output = Output(as_json=as_json)
    output.data({"stopped": stopped, "in_use": in_use})
    if in_use:
        output.say(
            "It is in use: another openfaith is working with it. End that one first (`openfaith doctor` names it)."
        )
        return 1
    output.say(
        "Stopped the embedded server; the data stay." if stopped else "The embedded server is not running."
    )
    return 0


def _start(home: Path) -> str:
    from openfaith.store.embedded import EmbeddedServer  # noqa: PLC0415  # not for `--help`

    with EmbeddedServer.start(home, linger=True) as server:
        return server.url


def _embedded_home(settings: Settings) -> Path:
    """The home of the embedded server.

    Raises:
        ConfigurationError: there is none, since a URL is set.
    """
    if settings.database_url is not None:
        raise ConfigurationError(
            "OPENFAITH_DATABASE_URL",
            "it names a server, which openfaith neither starts nor stops",
            "it unset",
        )
    return settings.home
