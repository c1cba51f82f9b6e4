"""`openfaith suspects`: records that may be gone at the source, and what is decided about them."""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from openfaith.cli.failures import UsageError
from openfaith.cli.options import AsJson, Org, help_without_command
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.words import ago, counted

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.records import EntityName
    from openfaith.store import DeletionPolicy, Suspect, SuspectState, SuspectSummary

suspects = Typer(
    help="List, approve and reject what may be gone at the source.",
    callback=help_without_command,
    invoke_without_command=True,
)

_SHOWN = 20
"""Ids of an entity that people are shown; `--json` has all."""

OneEntity = Annotated[
    str | None,
    Option("--entity", metavar="NAME", help="Only this entity, as in `Person`; all where left out."),
]
TheEntity = Annotated[str, Option("--entity", metavar="NAME", help="The entity, as in `Person`.")]
Ids = Annotated[
    list[str] | None, Argument(metavar="[ID]...", help="The records, by their ids at the source.")
]
AllThatWait = Annotated[bool, Option("--all", help="All of the entity that wait now.")]
EveryState = Annotated[
    bool, Option("--all", help="Also those that were rejected, or were confirmed and deleted.")
]
Policy = Annotated[
    str | None,
    Argument(
        metavar="[soft|hard|archive]",
        help="soft: the row stays, with the time in `_deleted_at`; hard: it is removed; archive: it is moved.",
    ),
]


# Looking


@suspects.command("list")
def list_(
    org: Org, entity: OneEntity = None, *, every_state: EveryState = False, as_json: AsJson = False
) -> None:
    """List suspects: stored records that a proven listing did not show.

    Says of each entity how many wait for a decision, why, since when, and what to do.
    """
    with_engine(
        partial(_list, output=Output(as_json=as_json), org=org, entity=entity, every_state=every_state)
    )


async def _list(engine: Engine, *, output: Output, org: str, entity: str | None, every_state: bool) -> None:
    states = _states(every_state=every_state)
    summaries = await engine.suspects.count(org, entity=entity, states=states)
    if output.as_json:
        records = await _read_all(engine, org, entity, states)
        output.data({"org": org, "entities": _documents(summaries, records)})
        return
    if not summaries:
        of = "" if entity is None else f" of {_resolved(engine, entity)}"
        output.say(f"There are no suspects{of}: nothing that is stored was missed by a proven listing.")
        return
    for summary in summaries:
        ids = await engine.suspects.list(org, entity=summary.entity, states=[summary.state], limit=_SHOWN)
        for text, style in summary_lines(summary, [each.id for each in ids]):
            output.say(text, style=style)
    for text in next_moves(org, summaries):
        output.say(text)


def _states(*, every_state: bool) -> list[SuspectState]:
    from openfaith.store import OPEN_SUSPECTS, SuspectState  # noqa: PLC0415  # the driver is not for `--help`

    if every_state:
        return list(SuspectState)
    return [state for state in SuspectState if state in OPEN_SUSPECTS - {SuspectState.REJECTED}]


async def _read_all(
    engine: Engine, org: str, entity: str | None, states: Collection[SuspectState]
) -> list[Suspect]:
    found: list[Suspect] = []
    while part := await engine.suspects.list(
        org, entity=entity, states=states, after=found[-1] if found else None
    ):
        found += part
    return found


def _documents(summaries: Sequence[SuspectSummary], records: Sequence[Suspect]) -> list[dict[str, object]]:
    own: dict[tuple[str, EntityName], list[SuspectSummary]] = {}
    for summary in summaries:
        own.setdefault((summary.adapter, summary.entity), []).append(summary)
    kept: dict[tuple[str, EntityName], list[Suspect]] = {place: [] for place in own}
    for record in records:  # found meanwhile, if it is of no entity that was counted
        kept.setdefault((record.adapter, record.entity), []).append(record)
    return [_document(place, own.get(place, ()), found) for place, found in kept.items()]


def _document(
    place: tuple[str, EntityName], summaries: Sequence[SuspectSummary], records: Sequence[Suspect]
) -> dict[str, object]:
    adapter, name = place
    return {
        "name": name,
        "adapter": adapter,
        "held": sum(record.state == "held" for record in records),
        "since": min((summary.since for summary in summaries), default=None),
        "reasons": sorted({reason for summary in summaries for reason in summary.reasons}),
        "ids": [record.id for record in records if record.state == "held"],
        "suspects": [
            {
                "id": record.id,
                "state": record.state,
                "reason": record.reason,
                "found_at": record.found_at,
                "times_missed": record.times_missed,
                "listing_started_at": record.listing_started_at,
                "decided_by": record.decided_by,
                "decided_at": record.decided_at,
                "confirmed_at": record.confirmed_at,
            }
            for record in records
        ],
    }


_SAID: Mapping[str, tuple[str, str, str]] = {
    "suspect": ("is to be asked about by the next reconciliation", "are to be asked about by the next reconciliation", ""),
    "held": ("waits for your decision", "wait for your decision", "bold yellow"),
    "approved": (
        "is approved: the next reconciliation deletes it if the source confirms that it is gone",
        "are approved: the next reconciliation deletes those of which the source confirms that they are gone",
        "",
    ),
    "rejected": ("was rejected and stays", "were rejected and stay", ""),
    "unlisted": ("exists, though it is not listed: each reconciliation asks the source for it", "exist, though they are not listed: each reconciliation asks the source for them", ""),
    "confirmed": ("was gone at the source, and is deleted", "were gone at the source, and are deleted", ""),
}  # fmt: skip


def summary_lines(summary: SuspectSummary, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is known of an entity's suspects in one state; each line with its style.

    Args:
        ids: of the first of them.
    """
    one, many, style = _SAID[summary.state]
    said = one if summary.suspects == 1 else many
    found = "found" if summary.suspects == 1 else "the first found"
    number = counted(summary.suspects, "suspect")
    yield f"{summary.entity}: {number} {said} ({found} {ago(summary.since_seconds)}).", style
    if summary.state == "held":
        yield f"  Why: {'; '.join(summary.reasons)}.", ""
    more = summary.suspects - len(ids)
    yield f"  Ids: {', '.join(ids)}{f' and {more:,} more' if more > 0 else ''}", ""


def next_moves(org: str, summaries: Sequence[SuspectSummary]) -> Iterator[str]:
    """What can be done about those that wait."""
    waiting = [summary.entity for summary in summaries if summary.state == "held"]
    if not waiting:
        return
    where = f"{org} --entity {waiting[0] if len(waiting) == 1 else 'NAME'}"
    yield "Their rows stay as they are until you decide. Look some of them up at the source first."
    yield f"`openfaith suspects approve {where} --all` has them deleted once the source confirms that they are gone;"
    yield f"`openfaith suspects reject {where} --all` keeps them. Ids in the place of --all decide about these only."


# Deciding


@suspects.command()
def approve(
    org: Org, ids: Ids = None, *, entity: TheEntity, everything: AllThatWait = False, as_json: AsJson = False
) -> None:
    """Let suspects be deleted, once the source confirms that they are gone.

    Concerns those that wait for it, by their ids or `--all`; by their ids also those that were rejected. The others wait on.
    """
    decide(org, ids, entity=entity, everything=everything, as_json=as_json, approving=True)


@suspects.command()
def reject(
    org: Org, ids: Ids = None, *, entity: TheEntity, everything: AllThatWait = False, as_json: AsJson = False
) -> None:
    """Keep suspects, whatever a listing shows.

    By their ids also those that do not wait, or were approved. Nobody is asked about them again until they were listed
    again.
    """
    decide(org, ids, entity=entity, everything=everything, as_json=as_json, approving=False)


def decide(
    org: str, ids: list[str] | None, *, entity: str, everything: bool, as_json: bool, approving: bool
) -> None:
    """Decide about suspects: those that are named, or all that wait.

    Raises:
        UsageError: neither was said, or both.
    """
    if bool(ids) == everything:
        verb = "approve" if approving else "reject"
        raise UsageError(
            f"{'both ids and --all are given' if ids else 'no suspects are named'}: name their ids, or all that wait "
            f"with `openfaith suspects {verb} {org} --entity {entity} --all`; "
            f"`openfaith suspects list {org} --entity {entity}` shows them"
        )
    with_engine(
        partial(
            _decide,
            output=Output(as_json=as_json),
            org=org,
            entity=entity,
            ids=None if everything else ids,
            approving=approving,
        )
    )


async def _decide(
    engine: Engine, *, output: Output, org: str, entity: str, ids: list[str] | None, approving: bool
) -> None:
    verb = engine.suspects.approve if approving else engine.suspects.reject
    by = who()
    number = await verb(org, entity, ids, by=by)
    name = _resolved(engine, entity)
    decision = "approved" if approving else "rejected"
    output.data({"org": org, "entity": name, "decision": decision, "decided": number, "by": by})
    for line in decision_lines(org, name, number, approving=approving):
        output.say(line)


def decision_lines(org: str, name: EntityName, number: int, *, approving: bool) -> Iterator[str]:
    """What was decided, and what comes of it."""
    if number == 0:
        yield f"No suspect of {name} waits for a decision: nothing was changed."
    elif approving:
        yield f"Approved {counted(number, 'suspect')} of {name}."
        yield (
            f"The next `openfaith sync {org} --type reconciliation` asks the source for each, "
            "and deletes what it confirms to be gone."
        )
    else:
        yield f"Rejected {counted(number, 'suspect')} of {name}: the rows stay."
        yield "Nobody is asked about them again until the source has listed them again."


def who() -> str:
    """The operating system's name of whoever runs this; `cli` where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "cli"


def _resolved(engine: Engine, entity: str) -> EntityName:
    from openfaith.manifest import resolve_entity  # noqa: PLC0415  # not for `--help`

    return resolve_entity(engine.manifest(), entity)


# What becomes of the rows


@suspects.command("policy")
def policy_(org: Org, policy: Policy = None, *, entity: TheEntity, as_json: AsJson = False) -> None:
    """Show or set what becomes of an entity's rows that are deleted at the source.

    `soft` is the usual: the row stays, with the time in `_deleted_at`. A change concerns what is deleted from now on.
    """
    with_engine(partial(_policy, output=Output(as_json=as_json), org=org, entity=entity, policy=policy))


async def _policy(engine: Engine, *, output: Output, org: str, entity: str, policy: str | None) -> None:
    if policy is not None:
        await engine.suspects.set_policy(org, entity, policy)
    found, name = await engine.suspects.policy(org, entity), _resolved(engine, entity)
    output.data({"org": org, "entity": name, "policy": found})
    since = "" if policy is None else " from now on"
    output.say(f"{name}: {found}. When a record is deleted at the source, its row{since} {_becomes(found)}.")


def _becomes(policy: DeletionPolicy) -> str:
    return {
        "soft": "stays, with the time in _deleted_at",
        "hard": "is removed",
        "archive": "is moved to the table of the same name in the schema pco_archive",
    }[policy]
