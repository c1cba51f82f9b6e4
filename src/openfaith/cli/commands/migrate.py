"""`openfaith migrate`: make the tables, or bring them up to date."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from openfaith.cli.options import AsJson
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.words import listed

if TYPE_CHECKING:
    from openfaith.engine import Engine


def migrate(as_json: AsJson = False) -> None:
    """Make the tables, or bring them up to date.

    Every other command that needs them does so by itself.
    """
    with_engine(partial(_migrate, output=Output(as_json=as_json)))


async def _migrate(engine: Engine, *, output: Output) -> None:
    await engine.prepare_working()
    applied = list(engine.migrated)
    output.data({"database": engine.database_name, "applied": applied})
    if applied:
        output.say(f"{engine.database_name}: applied {listed(applied)}.")
    else:
        output.say(f"{engine.database_name}: everything is up to date.")
