"""`openfaith status`: how fresh every entity is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from openfaith.cli.commands.demo import is_simulated
from openfaith.cli.options import AsJson, OrgOrAll
from openfaith.cli.output import Output, add_rows, make_table
from openfaith.cli.progress import STYLES
from openfaith.cli.session import with_engine
from openfaith.cli.standing import Standing, open_runs
from openfaith.cli.words import ago, counted, listed, said
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
        show(one, output)


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


def show(one: OrgStatus, output: Output) -> None:
    """What is known of one organization, for people."""
    output.say(f"{one.org_id} ({one.adapter} at {one.base_url})", style="bold")
    for standing in one.runs:
        output.say(standing.sentence(), style="" if standing.is_attended else "yellow")
    synced = [state for state in one.states if not _was_never_seen(state)]
    if synced:
        output.show(state_table(synced))
    if closed := list(not_accessible(one.states)):
        output.say(f"Not accessible to the token's user: {'; '.join(closed)}.", style="yellow")
    if one.never:
        output.say(_never_line(one), style="yellow")
    output.say()


def _never_line(one: OrgStatus) -> str:
    if one.states and is_simulated(one.org_id, one.base_url):
        return f"The demo reads no more than that: it leaves {counted(len(one.never), 'entity')} out."
    names = "every entity" if not one.states else listed(one.never, most=8)
    return f"NEVER SYNCED: {names}. `openfaith sync {one.org_id}` reads them."


def _was_never_seen(state: EntityState) -> bool:
    """Whether the token may not see it, and never could."""
    return state.last_status == EntityStatus.NOT_ACCESSIBLE and state.last_completed_at is None


def not_accessible(states: Iterable[EntityState]) -> Iterator[str]:
    """What the token may not see: a product once where that is all of it that was asked for, else its entities."""
    products: dict[str, list[EntityState]] = {}
    for state in states:
        products.setdefault(state.entity.partition(".")[0], []).append(state)
    for product, own in products.items():
        closed = [s.entity for s in own if s.last_status == EntityStatus.NOT_ACCESSIBLE]
        if len(closed) == len(own) > 1:
            yield f"{product} ({counted(len(closed), 'entity')})"
        elif closed:
            yield ", ".join(closed)


def state_table(states: Sequence[EntityState]) -> Table:
    """One row for each entity that a run has met."""
    rows = [
        (
            state.entity,
            freshness(state),
            f"{state.live_rows:,}",
            Text(said(state.last_status), style=STYLES.get(EntityStatus(state.last_status), "")),
            Text(f"{state.dead_letters:,}", style="red" if state.dead_letters else ""),
        )
        for state in states
    ]
    headings = ("entity", "true as of", "rows", "last run", "dead letters")
    return add_rows(make_table(*headings, right=["rows", "dead letters"]), rows)


def freshness(state: EntityState) -> Text:
    """How old the picture is: since the source's clock before the last run that completed.

    What is read below parents of whom there are none completes without asking anything, and so without a clock.
    """
    if state.last_completed_at is None:
        return Text("NEVER SYNCED", style="bold red")
    if state.behind_seconds is None:
        return Text("no parents yet", style="dim")
    return Text(ago(state.behind_seconds))
