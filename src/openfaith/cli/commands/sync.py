"""`openfaith sync`: request a run, do it where nobody else does, and show it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from typer import Option

from openfaith.cli.following import announcement, has_worker, see_through, tell_notes
from openfaith.cli.options import AsJson, Entities, Org, Products
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.records import RunStatus, Strategy, SyncKind

if TYPE_CHECKING:
    from openfaith.engine import Engine, RunOptions
    from openfaith.store import RunRecord

Kind = Annotated[
    SyncKind,
    Option(
        "--type",
        help="Which records to read: `full` all; `delta` what changed; `reconciliation` the ids of all, to find what is "
        "gone; `sweep` a share of all.",
    ),
]
How = Annotated[
    Strategy,
    Option(
        "--strategy",
        help="How entities wait for each other: `sequential` one at a time; `parallel` each for all it depends on; "
        "`hybrid` each for what it cannot do without.",
    ),
]
DryRun = Annotated[
    bool, Option("--dry-run", help="Write nothing: count what would be inserted, updated and deleted.")
]
Detach = Annotated[bool, Option("--detach", help="Only request the run: a worker (`openfaith up`) does it.")]


def sync(
    org: Org,
    *,
    entity: Entities = None,
    product: Products = None,
    kind: Kind = SyncKind.FULL,
    strategy: How = Strategy.HYBRID,
    dry_run: DryRun = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> int:
    """Bring an organization's tables up to date.

    The work is done by a worker where one is alive on this database, else here. After a crash, or after Ctrl-C, the
    same command goes on at the last committed page.

    With `--dry-run` nothing is written: a copy of the organization's rows is brought up to date, counted, and dropped.
    """
    chosen = [
        *(("--entity", name) for name in entity or ()),
        *(("--product", name) for name in product or ()),
    ]
    if kind is not SyncKind.FULL:
        chosen.append(("--type", kind))
    dry = ["--dry-run"] if dry_run else []
    go_on = ["openfaith", "sync", org, *(word for words in chosen for word in words), *dry]
    options: RunOptions = {
        "kind": kind,
        "strategy": strategy,
        "dry_run": dry_run,
        "entities": entity,
        "products": product,
        "requested_by": "command",
    }
    work = _detach if detach else partial(_sync, go_on=go_on)
    return with_engine(partial(work, output=Output(as_json=as_json), org=org, options=options))


async def _sync(engine: Engine, *, output: Output, org: str, options: RunOptions, go_on: list[str]) -> int:
    executors = await engine.executors()
    run, is_new = await engine.request(org, **options)
    view = await engine.run(run.run_id)
    pages = sum(e.pages for e in view.entities)
    output.say(announcement(run, is_new=is_new, executors=executors, pages=pages))
    for line in (*_otherwise(run, options["strategy"]), *await _ahead(engine, run)):
        output.say(line)
    return await see_through(engine, run.run_id, output, go_on=go_on)


def _otherwise(run: RunRecord, strategy: Strategy | str) -> list[str]:
    """How a run that was joined differs from what was asked for."""
    if run.strategy == strategy:
        return []
    return [f"Its strategy stays {run.strategy}, as it was first asked for; {strategy} brings the same rows."]


async def _ahead(engine: Engine, run: RunRecord) -> list[str]:
    """The organization's other runs that come first, since it has one place."""
    others = await engine.runs(run.org_id)
    if run.status is not RunStatus.QUEUED:
        return []
    return [
        f"It waits for run {other.run_id} of {other.org_id}, which is {other.status}."
        for other in reversed(others)
        if not other.is_final and other.run_id < run.run_id
    ]


async def _detach(engine: Engine, *, output: Output, org: str, options: RunOptions) -> int:
    run, is_new = await engine.request(org, **options)
    output.say(f"{'Requested' if is_new else 'Joined'} run {run.run_id}, which is {run.status}.")
    for line in _otherwise(run, options["strategy"]):
        output.say(line)
    if await has_worker(engine):
        output.say(f"`openfaith runs watch {run.run_id}` follows it.")
    else:
        output.say(
            "No worker is alive to do it: start one with `openfaith up`, or do it here with "
            f"`openfaith sync {org}{' --dry-run' if options['dry_run'] else ''}`."
        )
    notes = await tell_notes(engine, run.run_id, output)
    output.data({**(await engine.run(run.run_id)).to_json(), "notes": list(notes)})
    return 0
