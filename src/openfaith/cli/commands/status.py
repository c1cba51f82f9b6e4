"""`openfaith status`: how fresh every entity is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from openfaith.cli.options import AsJson, OrgOrAll
from openfaith.cli.output import Output, add_rows, make_table
from openfaith.cli.progress import STYLES
from openfaith.cli.session import with_engine
from openfaith.cli.standing import Standing, open_runs
from openfaith.cli.words import ago, listed
from openfaith.records import EntityName, EntityStatus, OrgId

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.store import EntityState


@dataclass(frozen=True, kw_only=True, slots=True)
class OrgStatus:
    """What is known of one organization."""

    org_id: OrgId
    adapter: str
    base_url: str
    runs: tuple[Standing, ...]
    """Those that are not over, oldest first."""
    states: tuple[EntityState, ...]
    never: tuple[EntityName, ...]
    """Entities that could be synced and never were."""


def status(org: OrgOrAll = None, as_json: AsJson = False) -> None:
    """Show how fresh every entity is.

    Says when each was last true, how many rows it has, and what is under way.
    """
    with_engine(partial(_status, output=Output(as_json=as_json), org=org))


async def _status(engine: Engine, *, output: Output, org: str | None) -> None:
    states, running = await engine.status(org), await open_runs(engine, org)
    connections = [c for c in await engine.organizations() if org in {None, c[0]}]
    everything = [_org_status(engine, connection, states, running) for connection in connections]
    output.data({"organizations": [_document(one) for one in everything]})
    if not everything:
        output.say(
            "No organization is connected yet: `openfaith connect pco --org ORG`, or try `openfaith demo`."
        )
    for one in everything:
        _show(one, output)


def _org_status(
    engine: Engine,
    connection: tuple[OrgId, str, str],
    states: Iterable[EntityState],
    runs: Iterable[Standing],
) -> OrgStatus:
    from openfaith.planning import make_plan  # noqa: PLC0415  # not for `--help`

    org_id, adapter, base_url = connection
    own = tuple(s for s in states if (s.org_id, s.adapter) == (org_id, adapter))
    known = {state.entity for state in own}
    return OrgStatus(
        org_id=org_id,
        adapter=adapter,
        base_url=base_url,
        runs=tuple(r for r in runs if (r.run.org_id, r.run.adapter) == (org_id, adapter)),
        states=own,
        never=tuple(name for name in make_plan(engine.manifest(adapter)).order if name not in known),
    )


def _document(one: OrgStatus) -> dict[str, object]:
    return {
        "org": one.org_id,
        "adapter": one.adapter,
        "base_url": one.base_url,
        "runs": [standing.to_json() for standing in one.runs],
        "entities": [*map(_state_document, one.states), *map(_never_document, one.never)],
    }


def _state_document(state: EntityState) -> dict[str, object]:
    return {
        "name": state.entity,
        "status": state.last_status,
        "never_synced": state.last_completed_at is None,
        "rows": state.live_rows,
        "behind_seconds": None if state.behind_seconds is None else round(state.behind_seconds, 1),
        "watermark": state.watermark,
        "last_completed_at": state.last_completed_at,
        "last_run_id": None if state.last_run_id is None else str(state.last_run_id),
        "dead_letters": state.dead_letters,
    }


def _never_document(name: EntityName) -> dict[str, object]:
    return {
        "name": name,
        "status": "never",
        "never_synced": True,
        "rows": None,
        "behind_seconds": None,
        "watermark": None,
        "last_completed_at": None,
        "last_run_id": None,
        "dead_letters": 0,
    }


def _show(one: OrgStatus, output: Output) -> None:
    output.say(f"{one.org_id} ({one.adapter} at {one.base_url})", style="bold")
    for standing in one.runs:
        output.say(standing.sentence(), style="" if standing.is_attended else "yellow")
    if one.states:
        output.show(state_table(one.states))
    if one.never:
        names = "every entity" if not one.states else listed(one.never, most=8)
        output.say(f"NEVER SYNCED: {names}. `openfaith sync {one.org_id}` reads them.", style="yellow")
    output.say()


def state_table(states: Sequence[EntityState]) -> Table:
    """One row for each entity that a run has met."""
    rows = [
        (
            state.entity,
            freshness(state),
            f"{state.live_rows:,}",
            Text(state.last_status, style=STYLES.get(EntityStatus(state.last_status), "")),
            Text(f"{state.dead_letters:,}", style="red" if state.dead_letters else ""),
        )
        for state in states
    ]
    headings = ("entity", "true as of", "rows", "last run", "dead letters")
    return add_rows(make_table(*headings, right=["rows", "dead letters"]), rows)


def freshness(state: EntityState) -> Text:
    """How old the picture is: since the source's clock before the last run that completed."""
    if state.last_completed_at is None or state.behind_seconds is None:
        return Text("NEVER SYNCED", style="bold red")
    return Text(ago(state.behind_seconds))
