"""`openfaith status`: how fresh and how true every entity is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated

from rich.table import Table
from rich.text import Text
from typer import Option

from openfaith.cli.breakers import breaker_document, breaker_line
from openfaith.cli.commands.demo import is_simulated
from openfaith.cli.failures import UsageError
from openfaith.cli.options import AsJson, OrgOrAll
from openfaith.cli.output import Output, add_rows, make_table, print_text
from openfaith.cli.session import with_engine
from openfaith.cli.standing import Standing, open_runs
from openfaith.cli.states import Known, not_accessible, remarks, state_table
from openfaith.cli.summaries import Cell, fitting, needed_width
from openfaith.cli.words import ago, counted, listed
from openfaith.records import EntityName, EntityStatus, OrgId, RunId, RunStatus

if TYPE_CHECKING:
    from openfaith.engine import Engine, RunView
    from openfaith.store import AlertCount, EntityRunRecord, EntityState, OpenBreaker, SyncOutcome

_GIVEN_UP_FIRST = ("entities", "dead letters", "never synced", "not proven")
"""The columns that a narrow terminal goes without where there are many organizations to show."""


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
    outcomes: Mapping[EntityName, Sequence[SyncOutcome]] = field(default_factory=dict)
    """Of the last run of each kind."""
    under_way: Mapping[EntityName, EntityRunRecord] = field(default_factory=dict)
    """What a run has begun, or is about to."""
    alerts: tuple[AlertCount, ...] = ()
    """Those that hold."""
    breaker: OpenBreaker | None = None
    """What keeps it from its source; of several the one that concerns all who read it."""

    @property
    def is_attended(self) -> bool:
        return all(standing.is_attended for standing in self.runs)

    @property
    def known(self) -> list[Known]:
        """What is shown of its entities; not those that the token may not see, and never could."""
        return [
            Known(
                state=state,
                outcomes=self.outcomes.get(state.entity, ()),
                under_way=self.under_way.get(state.entity),
                is_attended=self.is_attended,
            )
            for state in self.states
            if not _was_never_seen(state)
        ]


AsMetrics = Annotated[
    bool, Option("--prometheus", help="Print metrics in Prometheus' text format, and nothing else.")
]


def status(org: OrgOrAll = None, as_json: AsJson = False, as_metrics: AsMetrics = False) -> None:
    """Show how fresh and how true every entity is.

    Says when each was last true, how many rows it has and how many the source had, whether that is proven, and what is
    under way. Without ORG one line for each organization.
    """
    if as_json and as_metrics:
        raise UsageError("--json and --prometheus are two forms of the same: give one of them")
    if as_metrics:
        with_engine(partial(_expose, org=org))
    else:
        with_engine(partial(_status, output=Output(as_json=as_json), org=org))


async def _expose(engine: Engine, *, org: str | None) -> None:
    from openfaith.cli.measures import (  # noqa: PLC0415  # structlog is not for `--help`
        alert_measures,
        breaker_measures,
        measures,
    )
    from openfaith.telemetry import exposition  # noqa: PLC0415  # likewise

    everything = await _everything(engine, org)
    entities = [measured for one in everything for measured in measures(one)]
    alerts = [counted for one in everything for counted in alert_measures(one)]
    print_text(exposition(entities, alerts, breaker_measures(await engine.open_breakers(org))))


async def _status(engine: Engine, *, output: Output, org: str | None) -> None:
    everything = await _everything(engine, org)
    output.data({"organizations": [_document(one) for one in everything]})
    if output.as_json:
        return
    if not everything:
        output.say(
            "No organization is connected yet: `openfaith connect pco --org ORG`, or try `openfaith demo`."
        )
    elif org is None:
        show_overview(everything, output)
    else:
        for one in everything:
            show(one, output)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What is known of all organizations."""

    states: Sequence[EntityState]
    outcomes: Sequence[SyncOutcome]
    runs: Sequence[Standing]
    views: Sequence[RunView]
    """Of the runs that were begun."""
    alerts: Sequence[AlertCount]
    """Of those that hold."""
    breakers: Sequence[OpenBreaker]
    """Those of all who read a source first."""


async def _everything(engine: Engine, org: str | None) -> list[OrgStatus]:
    states, outcomes = await engine.status(org), await engine.sync_outcomes(org)
    runs = await open_runs(engine, org)
    views = [await engine.run(s.run.run_id) for s in runs if s.run.status is RunStatus.RUNNING]
    alerts = await engine.alerts.count(org)
    breakers = await engine.open_breakers(org)
    found = _Found(states=states, outcomes=outcomes, runs=runs, views=views, alerts=alerts, breakers=breakers)
    connections = [c for c in await engine.organizations() if org in {None, c[0]}]
    return [_org_status(engine, connection, found) for connection in connections]


def _org_status(engine: Engine, connection: tuple[OrgId, str, str], found: _Found) -> OrgStatus:
    from openfaith.planning import make_plan  # noqa: PLC0415  # not for `--help`

    org_id, adapter, base_url = connection
    place = (org_id, adapter)
    own = tuple(s for s in found.states if (s.org_id, s.adapter) == place)
    known = {state.entity for state in own}
    ended: dict[EntityName, list[SyncOutcome]] = {}
    for outcome in found.outcomes:
        if (outcome.org_id, outcome.adapter) == place:
            ended.setdefault(outcome.entity, []).append(outcome)
    return OrgStatus(
        org_id=org_id,
        adapter=adapter,
        base_url=base_url,
        runs=tuple(r for r in found.runs if (r.run.org_id, r.run.adapter) == place),
        states=own,
        never=tuple(name for name in make_plan(engine.manifest(adapter)).order if name not in known),
        outcomes=ended,
        under_way={
            entity.entity: entity
            for view in found.views
            if (view.run.org_id, view.run.adapter) == place and not view.run.dry_run
            for entity in view.entities
            if entity.finished_at is None
        },
        alerts=tuple(a for a in found.alerts if (a.org_id, a.adapter) == place),
        breaker=next((b for b in found.breakers if b.keeps(org_id, adapter, base_url)), None),
    )


# For machines


def _document(one: OrgStatus) -> dict[str, object]:
    return {
        "org": one.org_id,
        "adapter": one.adapter,
        "base_url": one.base_url,
        "runs": [standing.to_json() for standing in one.runs],
        "alerts": sum(count.alerts for count in one.alerts),
        "breaker": breaker_document(one.breaker),
        "entities": [
            *(_state_document(one, state) for state in one.states),
            *(_never_document(one, name) for name in one.never),
        ],
    }


def _state_document(one: OrgStatus, state: EntityState) -> dict[str, object]:
    known = Known(state=state, outcomes=one.outcomes.get(state.entity, ()))
    return {
        "name": state.entity,
        "status": state.last_status,
        "reason": known.reason,
        "never_synced": state.last_completed_at is None,
        "rows": state.live_rows,
        "behind_seconds": None if state.behind_seconds is None else round(state.behind_seconds, 1),
        "watermark": state.watermark,
        "newest": state.newest,
        "last_completed_at": state.last_completed_at,
        "last_run_id": _number(state.last_run_id),
        "dead_letters": state.dead_letters,
        "source_count": state.source_count,
        "counted_at": state.counted_at,
        "surplus": state.surplus,
        "proven": state.is_proven,
        "proven_at": state.proven_at,
        "doubts": None if state.doubts is None else list(state.doubts),
        "suspects": state.suspects,
        "held": state.held,
        "last_swept_at": state.last_swept_at,
        "blind_change_rate": state.blind_change_rate,
        "sampled": state.sampled,
        "sampled_different": state.sampled_different,
        "sampled_at": state.sampled_at,
        "kinds": [_outcome_document(outcome) for outcome in known.outcomes],
        "in_progress": _progress_document(one.under_way.get(state.entity)),
    }


def _never_document(one: OrgStatus, name: EntityName) -> dict[str, object]:
    return {
        "name": name,
        "status": "never",
        "reason": None,
        "never_synced": True,
        "rows": None,
        "behind_seconds": None,
        "watermark": None,
        "newest": None,
        "last_completed_at": None,
        "last_run_id": None,
        "dead_letters": 0,
        "source_count": None,
        "counted_at": None,
        "surplus": None,
        "proven": False,
        "proven_at": None,
        "doubts": None,
        "suspects": 0,
        "held": 0,
        "last_swept_at": None,
        "blind_change_rate": None,
        "sampled": None,
        "sampled_different": None,
        "sampled_at": None,
        "kinds": [],
        "in_progress": _progress_document(one.under_way.get(name)),
    }


def _outcome_document(outcome: SyncOutcome) -> dict[str, object]:
    return {
        "kind": outcome.kind,
        "run_id": _number(outcome.run_id),
        "status": outcome.status,
        "reason": outcome.reason,
        "finished_at": outcome.finished_at,
        "completed_at": outcome.completed_at,
    }


def _progress_document(entity: EntityRunRecord | None) -> dict[str, object] | None:
    if entity is None:
        return None
    return {
        "run_id": _number(entity.run_id),
        "status": entity.status,
        "pages": entity.pages,
        "records": entity.records,
    }


def _number(run_id: RunId | None) -> str | None:
    return None if run_id is None else str(run_id)


# For people


def show(one: OrgStatus, output: Output) -> None:
    """What is known of one organization."""
    output.say(f"{one.org_id} ({one.adapter} at {one.base_url})", style="bold")
    for standing in one.runs:
        output.say(standing.sentence(), style="" if standing.is_attended else "yellow")
    if one.breaker is not None:
        output.say(breaker_line(one.breaker), style="bold yellow")
    known = one.known
    if known:
        output.show(state_table(known, width=output.console.width))
    for text, style in remarks(known, one.org_id):
        output.say(text, style=style)
    if closed := list(not_accessible(one.states)):
        output.say(f"Not accessible to the token's user: {'; '.join(closed)}.", style="yellow")
    if one.never:
        output.say(_never_line(one), style="yellow")
    for text, style in alert_line(one.alerts, one.org_id):
        output.say(text, style=style)
    output.say()


def alert_line(counts: Sequence[AlertCount], org: str = "") -> Iterator[tuple[str, str]]:
    """How many alerts hold, and where to read them; nothing where none does."""
    held = sum(count.alerts for count in counts)
    if held:
        known = sum(count.alerts for count in counts if count.state == "acknowledged")
        hold = "holds" if held == 1 else "hold"
        of_these = f", {known:,} acknowledged" if known else ""
        where = f"openfaith alerts list {org}".strip()
        yield f"{counted(held, 'alert')} {hold}{of_these}: `{where}`.", "" if known == held else "bold yellow"


def _never_line(one: OrgStatus) -> str:
    if one.states and is_simulated(one.org_id, one.base_url):
        return f"The demo reads no more than that: it leaves {counted(len(one.never), 'entity')} out."
    names = "every entity" if not one.states else listed(one.never, most=8)
    if set(one.never) <= one.under_way.keys():
        return f"NEVER SYNCED: {names}. The run that is under way reads them."
    return f"NEVER SYNCED: {names}. `openfaith sync {one.org_id}` reads them."


def _was_never_seen(state: EntityState) -> bool:
    """Whether the token may not see it, and never could."""
    return state.last_status == EntityStatus.NOT_ACCESSIBLE and state.last_completed_at is None


def show_overview(everything: Sequence[OrgStatus], output: Output) -> None:
    """One line for each organization."""
    output.show(overview_table(everything, width=output.console.width))
    for one in everything:
        for standing in one.runs:
            style = "" if standing.is_attended else "yellow"
            output.say(f"{one.org_id}: {standing.sentence()}", style=style)
        if one.breaker is not None:
            output.say(f"{one.org_id}: {breaker_line(one.breaker)}", style="bold yellow")
    for text, style in alert_line([count for one in everything for count in one.alerts]):
        output.say(text, style=style)
    example = everything[0].org_id if len(everything) == 1 else "ORG"
    output.say(f"`openfaith status {example}` shows every entity.")


def overview_table(everything: Sequence[OrgStatus], *, width: int) -> Table:
    """One row for each organization; what is wrong nowhere has no column."""
    cells: dict[str, list[Cell]] = {"organization": [one.org_id for one in everything]}
    cells["true as of"] = [worst_freshness(one) for one in everything]
    cells["entities"] = [f"{len(one.known):,}" for one in everything]
    cells["proven"] = [f"{sum(k.state.is_proven for k in one.known):,}" for one in everything]
    for heading, numbers, style in (
        ("not proven", [_unproven(one) for one in everything], ""),
        ("failed", [_failed(one) for one in everything], "red"),
        ("never synced", [_never(one) for one in everything], "yellow"),
        ("suspects waiting", [sum(s.held for s in one.states) for one in everything], "bold yellow"),
        ("dead letters", [sum(s.dead_letters for s in one.states) for one in everything], "red"),
    ):
        if any(numbers):
            cells[heading] = [Text(f"{number:,}" if number else "", style=style) for number in numbers]
    needed = {heading: needed_width(heading, column) for heading, column in cells.items()}
    headings = fitting(needed, width, _GIVEN_UP_FIRST)
    rows = zip(*(cells[heading] for heading in headings), strict=True)
    table = make_table(*headings, right=[h for h in headings if h not in {"organization", "true as of"}])
    return add_rows(table, rows)


def worst_freshness(one: OrgStatus) -> Text:
    """The age of the oldest picture of all entities that were ever synced."""
    if all(known.state.last_completed_at is None for known in one.known):
        return Text("NEVER SYNCED", style="bold red")
    ages = [s.behind_seconds for s in one.states if s.behind_seconds is not None]
    return Text(ago(max(ages))) if ages else Text("no parents yet", style="dim")


def _unproven(one: OrgStatus) -> int:
    return sum(not k.state.is_proven for k in one.known if k.state.last_completed_at is not None)


def _failed(one: OrgStatus) -> int:
    return sum(k.state.last_status in {EntityStatus.FAILED, EntityStatus.SKIPPED} for k in one.known)


def _never(one: OrgStatus) -> int:
    """Where a demo leaves entities out, that is no fault."""
    unread = 0 if is_simulated(one.org_id, one.base_url) else len(one.never)
    return unread + sum(k.state.last_completed_at is None for k in one.known)
