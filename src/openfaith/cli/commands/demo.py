"""`openfaith demo`: the whole of it, with no account, no server and no settings."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from openfaith.cli.following import announcement, see_through
from openfaith.cli.options import People, Seed
from openfaith.cli.output import Output, add_rows, make_table
from openfaith.cli.session import with_engine
from openfaith.cli.words import counted, duration
from openfaith.errors import ConfigurationError

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.simulator import RunningSimulator, SimulatorOptions
    from openfaith.store import SamplePerson

ORG = "demo"
_LOOPBACK = "http://127.0.0.1:"
_RATE_LIMIT = 100_000
_REAL_LIMIT = "100 per 20 s"
_PRODUCT = "people"


def demo(*, people: People = 5000, seed: Seed = 1) -> int:
    """Sync a simulated church into PostgreSQL.

    The database is embedded, unless OPENFAITH_DATABASE_URL names a server. A second demo reads everything again and finds that nothing has changed.
    """
    from openfaith.simulator import RunningSimulator, SimulatorOptions  # noqa: PLC0415  # starlette is not for `--help`

    began = time.monotonic()
    output = Output()
    options = SimulatorOptions(people=people, seed=seed, products=(_PRODUCT,), rate_limit=_RATE_LIMIT)
    output.say(
        f"A simulated church of {counted(people, 'person')}, read from an API like Planning Center's into PostgreSQL."
    )
    output.say("Of its people it reads all that takes one request for 100 records, or none.")
    output.say(
        f"The simulator allows {_RATE_LIMIT:,} requests per 20 s, so that you need not wait: Planning Center allows {_REAL_LIMIT}."
    )
    with RunningSimulator(options) as simulator:
        code = with_engine(partial(_demo, output=output, simulator=simulator), linger=True)
    output.say(f"All of this took {duration(time.monotonic() - began)}.")
    return code


async def _demo(engine: Engine, *, output: Output, simulator: RunningSimulator) -> int:
    await _refuse_to_replace(engine, _name_of(simulator.options))
    org = _name_of(simulator.options)
    await engine.connect(org, simulator.options.tokens[0], base_url=simulator.base_url, moved=True)
    executors = await engine.executors()
    quick = await _quick_entities(engine, org)
    run, is_new = await engine.request(org, entities=quick, requested_by="demo")
    pages = sum(e.pages for e in (await engine.run(run.run_id)).entities)
    output.say(announcement(run, is_new=is_new, executors=executors, pages=pages))
    code = await see_through(engine, run.run_id, output, go_on=_same_church(simulator.options))
    _show_people(await engine.sample_people(org), output)
    _tell_where(engine, org, output)
    return code


async def _quick_entities(engine: Engine, org: str) -> list[str]:
    """What takes a request for a hundred records, or none. What is read below each person would take one for each.

    What rides on something that is left out is left out with it.
    """
    from openfaith.manifest import Reading  # noqa: PLC0415  # not for `--help`

    plan = await engine.plan(org, products=[_PRODUCT])
    quick: list[str] = []
    for entity in plan.entities:
        way = entity.way
        if way.reading is not Reading.NESTED and (way.carrier is None or way.carrier in quick):
            quick.append(entity.name)
    return quick


def _name_of(options: SimulatorOptions) -> str:
    """Every simulated church has a name of its own, so that two are never mixed."""
    usual = type(options)()
    same = (options.people, options.seed) == (usual.people, usual.seed)
    return ORG if same else f"{ORG}-{options.people}-{options.seed}"


def is_simulated(org: str, base_url: str) -> bool:
    """Whether an organization is one that a demo made. Its source is only there while the demo runs."""
    return (org == ORG or org.startswith(f"{ORG}-")) and base_url.startswith(_LOOPBACK)


def _program() -> str:
    """How this program is called from here."""
    return "openfaith" if shutil.which("openfaith") else os.path.relpath(sys.argv[0])


def _same_church(options: SimulatorOptions) -> list[str]:
    return ["openfaith", "demo", "--people", str(options.people), "--seed", str(options.seed)]


async def _refuse_to_replace(engine: Engine, demo: str) -> None:
    """A real church that somebody happened to call `demo` keeps its token.

    Raises:
        ConfigurationError: there is one.
    """
    for org, _, base_url in await engine.organizations():
        if org == demo and not base_url.startswith(_LOOPBACK):
            raise ConfigurationError(
                f"organization {org}",
                f"it is connected to {base_url}, and the demo would replace its token",
                "another database for the demo (OPENFAITH_HOME or OPENFAITH_DATABASE_URL)",
            )


def _show_people(people: list[SamplePerson], output: Output) -> None:
    if people:
        rows = [(p.id, p.name or "", p.campus or "", p.household or "", p.email or "") for p in people]
        output.say("Some of the invented people, joined over four tables:")
        output.show(add_rows(make_table("id", "name", "campus", "household", "email"), rows))


def _tell_where(engine: Engine, org: str, output: Output) -> None:
    embedded = engine.settings.database_url is None
    # A password that somebody else chose is not for the terminal.
    where = shlex.quote(engine.database_url) if embedded else '"$OPENFAITH_DATABASE_URL"'
    output.say("Look further (tables are in the schema pco, as in pco.people_person):")
    output.say(f"  {shlex.quote(_psql())} {where}")
    output.say(f"  {_program()} status {org}")
    if embedded:
        output.say(
            f"The embedded PostgreSQL keeps running for that; `{_program()} database stop` ends it, and the data stay."
        )


def _psql() -> str:
    """On the PATH, or beside the server's programs."""
    from openfaith.store.embedded import find_binaries  # noqa: PLC0415  # not for `--help`

    found = shutil.which("psql")
    if found is not None:
        return "psql"
    try:
        bundled: Path = find_binaries() / "psql"
    except ConfigurationError:
        return "psql"
    return str(bundled) if bundled.exists() else "psql"
