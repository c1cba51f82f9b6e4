"""`openfaith runs`: what was synced, what is under way, and how to stop or repeat it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from rich.text import Text
from typer import Option, Typer

from openfaith.cli.following import conclude, look_on, plan_notes, see_through
from openfaith.cli.options import AsJson, OrgOrAll, RunNumber, help_without_command
from openfaith.cli.output import Output, add_rows, make_table
from openfaith.cli.reconciliations import report_document, report_lines, report_table
from openfaith.cli.session import with_engine
from openfaith.cli.standing import Standing, attend
from openfaith.cli.troubles import trouble_document, trouble_lines
from openfaith.cli.words import counted, duration, kind_of
from openfaith.records import RunId, RunStatus

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.store import StoredEvent

runs = Typer(
    help="List, show, watch, cancel and retry runs.",
    callback=help_without_command,
    invoke_without_command=True,
)

_STYLES = {
    "completed": "green",
    "partial": "yellow",
    "failed": "red",
    "cancelled": "yellow",
    "interrupted": "bold yellow",
}
_SEVERITIES = {"warning": "yellow", "error": "red"}

Limit = Annotated[int, Option("--limit", metavar="N", min=1, max=1000, help="How many, the newest first.")]
Events = Annotated[
    int, Option("--events", metavar="N", min=0, max=1000, help="How many of its events, the newest.")
]


@runs.command("list")
def list_(org: OrgOrAll = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List runs, the newest first."""
    with_engine(partial(_list, output=Output(as_json=as_json), org=org, limit=limit))


async def _list(engine: Engine, *, output: Output, org: str | None, limit: int) -> None:
    found = attend(await engine.runs(org, limit=limit), await engine.executors())
    output.data({"runs": [standing.to_json() for standing in found]})
    if not found:
        output.say("There are no runs yet: `openfaith sync ORG` starts one.")
        return
    headings = ("run", "organization", "kind", "entities", "status", "requested", "took", "by")
    output.show(add_rows(make_table(*headings, right=["run", "took"]), map(_row, found)))


def _row(standing: Standing) -> tuple[str | Text, ...]:
    run = standing.run
    took = ""
    if run.started_at is not None and run.finished_at is not None:
        took = duration((run.finished_at - run.started_at).total_seconds())
    return (
        str(run.run_id),
        run.org_id,
        f"{run.kind}, dry run" if run.dry_run else run.kind,
        "all" if run.entities is None else str(len(run.entities)),
        Text(standing.status, style=_STYLES.get(standing.status, "")),
        f"{run.requested_at:%Y-%m-%d %H:%M:%S} UTC",
        took,
        run.requested_by,
    )


@runs.command()
def show(run_id: RunNumber, events: Events = 200, as_json: AsJson = False) -> None:
    """Show a run, its entities and its events.

    Also what went wrong, by kind, and what helps. Of a reconciliation also what it found: how many records were missing,
    stale or gone, and what is proven.
    """
    with_engine(partial(_show, output=Output(as_json=as_json), run_id=RunId(run_id), events=events))


async def _show(engine: Engine, *, output: Output, run_id: RunId, events: int) -> None:
    view = await engine.run(run_id)
    found = await engine.events(run_id, limit=events) if events else []
    standing = attend([view.run], await engine.executors())[0]
    notes = await plan_notes(engine, run_id)
    report = await engine.reconciliations(run_id)
    troubles = await engine.troubles(run_id)
    output.data(
        {
            **standing.to_json(),
            **view.to_json(),
            "notes": list(notes),
            "events": [_event_document(e) for e in found],
            "troubles": [trouble_document(view.run, each) for each in troubles],
            "reconciliation": [report_document(each) for each in report],
        }
    )
    if output.as_json:
        return
    output.say(
        f"Run {run_id} is {kind_of(view.run)} of {view.run.org_id}; its strategy is {view.run.strategy}."
    )
    for event in found:
        output.say(f"{event.at:%H:%M:%S}  {event.message}", style=_SEVERITIES.get(event.severity, ""))
    if report:
        output.show(report_table(report))
    for line in report_lines(report, view.run.org_id, dry_run=view.run.dry_run):
        output.say(line, style="yellow")
    for text, style in trouble_lines(view.run, troubles):
        output.say(text, style=style)
    conclude(view, output, notes)
    if not view.run.is_final:
        output.say(standing.sentence())


def _event_document(event: StoredEvent) -> dict[str, object]:
    return {
        "at": event.at,
        "name": event.name,
        "severity": event.severity,
        "entity": event.entity,
        "message": event.message,
        "details": event.details,
    }


@runs.command()
def watch(run_id: RunNumber, as_json: AsJson = False) -> int:
    """Follow a run until it is over.

    Whoever does its work; the exit code is that of `openfaith sync`.
    """
    return with_engine(partial(_watch, output=Output(as_json=as_json), run_id=RunId(run_id)))


async def _watch(engine: Engine, *, output: Output, run_id: RunId) -> int:
    standing = attend([(await engine.run(run_id)).run], await engine.executors())[0]
    if not standing.run.is_final:
        output.say(standing.sentence())
    return await look_on(engine, run_id, output)


@runs.command()
def cancel(run_id: RunNumber, as_json: AsJson = False) -> None:
    """Stop a run after the pages in flight.

    What was committed stays, and `openfaith runs retry` goes on from there.
    """
    with_engine(partial(_cancel, output=Output(as_json=as_json), run_id=RunId(run_id)))


async def _cancel(engine: Engine, *, output: Output, run_id: RunId) -> None:
    run = await engine.cancel(run_id)
    standing = attend([run], await engine.executors())[0]
    output.data(standing.to_json())
    output.say(f"Run {run_id} is cancelled." if run.is_final else standing.sentence())


@runs.command()
def retry(run_id: RunNumber, as_json: AsJson = False) -> int:
    """Go on with what a run did not complete.

    A run that was merely interrupted is continued.
    """
    return with_engine(partial(retry_run, output=Output(as_json=as_json), run_id=RunId(run_id)))


async def retry_run(engine: Engine, *, output: Output, run_id: RunId) -> int:
    """Let a run go on, and wait for it. Returns the exit code."""
    run = (await engine.run(run_id)).run
    if run.status in {RunStatus.QUEUED, RunStatus.RUNNING} and not await engine.executors():
        output.say(f"Continuing run {run_id}, which nobody was working on.")
    else:
        run = await engine.retry(run_id)
        planned = (await engine.run(run_id)).entities
        left = sum(e.finished_at is None for e in planned)
        to_go = f": {left} of {counted(len(planned), 'entity')} to go" if planned else ""
        output.say(f"Attempt {run.attempt} of run {run_id}{to_go}.")
    return await see_through(engine, run_id, output, go_on=["openfaith", "runs", "retry", str(run_id)])
