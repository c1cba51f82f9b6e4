"""`openfaith dead-letters`: records that could not be stored, runs that failed, and what is done about them."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option, Typer

from openfaith.cli.commands.runs import retry_run
from openfaith.cli.commands.suspects import OneEntity, who
from openfaith.cli.failures import RUN_FAILED, UsageError
from openfaith.cli.options import AsJson, Org, help_without_command
from openfaith.cli.output import Output, add_rows, make_table
from openfaith.cli.session import with_engine
from openfaith.cli.words import ago, counted, size
from openfaith.errors import UnknownNameError
from openfaith.records import RunId

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.store import (
        DeadLetter,
        DeadLetterStatus,
        DeadLetterSummary,
        FailedRun,
        FailedRunStatus,
        Retried,
    )

dead_letters = Typer(
    help="Decide about what could not be stored, or failed.",
    callback=help_without_command,
    invoke_without_command=True,
)

_SHOWN = 20
"""Letters that people are shown; `--json` has all."""

_LARGEST_NUMBER = 2**63 - 1

Reason = Annotated[
    str | None,
    Option(
        "--reason",
        metavar="REASON",
        help="Only these: `json`, `shape`, `value`, `refused`, `place`, or a reason in full.",
    ),
]
EveryStatus = Annotated[bool, Option("--all", help="Also those that were resolved or discarded.")]
Number = Annotated[
    int, Argument(metavar="ID", min=1, max=_LARGEST_NUMBER, help="Its number, as `list` shows it.")
]
Numbers = Annotated[
    list[int] | None,
    Argument(metavar="[ID]...", min=1, max=_LARGEST_NUMBER, help="Their numbers, as `list` shows them."),
]
FailedRunNumber = Annotated[
    int | None,
    Option("--run", metavar="RUN", min=1, max=_LARGEST_NUMBER, help="Instead: what failed of this run."),
]
AllThatAreOpen = Annotated[bool, Option("--all", help="All that are open.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chosen:
    """Which letters a command is about."""

    org: str
    entity: str | None
    reason: str | None
    ids: list[int] | None = None
    """None for all that are open."""
    run: int | None = None
    """Not letters, but what failed of this run."""


# Looking


@dead_letters.command("list")
def list_(
    org: Org,
    entity: OneEntity = None,
    reason: Reason = None,
    *,
    every_status: EveryStatus = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters: records that could not be stored, and runs that failed.

    Says of each entity how many there are, why, since when and how large they are. Never shows a record itself. A run is
    listed until another has made up for it.
    """
    chosen = _Chosen(org=org, entity=entity, reason=reason)
    with_engine(partial(_list, output=Output(as_json=as_json), chosen=chosen, every_status=every_status))


async def _list(engine: Engine, *, output: Output, chosen: _Chosen, every_status: bool) -> None:
    statuses = _statuses(every_status=every_status)
    runs = await engine.dead_letters.runs(
        chosen.org,
        entity=chosen.entity,
        reason=chosen.reason,
        statuses=_run_statuses(every_status=every_status),
    )
    of_records = chosen.entity != "*"
    summaries = (
        await engine.dead_letters.count(
            chosen.org, entity=chosen.entity, reason=chosen.reason, statuses=statuses
        )
        if of_records
        else []
    )
    if output.as_json:
        letters = await _read_all(engine, chosen, statuses) if of_records else []
        output.data(
            {
                "org": chosen.org,
                "bytes": sum(summary.bytes for summary in summaries),
                "reasons": [_summary_document(summary) for summary in summaries],
                "dead_letters": [document(letter) for letter in letters],
                "runs": [run_document(run) for run in runs],
            }
        )
        return
    if not summaries and not runs:
        output.say(_none(chosen))
    if summaries:
        await _show_letters(engine, output, chosen, summaries, statuses)
    for line in run_lines(chosen.org, runs):
        output.say(line)


async def _show_letters(
    engine: Engine,
    output: Output,
    chosen: _Chosen,
    summaries: Sequence[DeadLetterSummary],
    statuses: Sequence[DeadLetterStatus],
) -> None:
    for line in summary_lines(summaries):
        output.say(line)
    first = await engine.dead_letters.list(
        chosen.org, entity=chosen.entity, reason=chosen.reason, statuses=statuses, limit=_SHOWN
    )
    _show_table(output, first)
    for line in next_moves(chosen.org, summaries, shown=len(first)):
        output.say(line)


def _none(chosen: _Chosen) -> str:
    if chosen.entity is None and chosen.reason is None:
        return "There are no dead letters: everything that was read could be stored, and no failed run waits for anybody."
    return "There are no such dead letters."


def _statuses(*, every_status: bool) -> list[DeadLetterStatus]:
    from openfaith.store import DeadLetterStatus  # noqa: PLC0415  # the driver is not for `--help`

    return list(DeadLetterStatus) if every_status else [DeadLetterStatus.OPEN]


def _run_statuses(*, every_status: bool) -> list[FailedRunStatus]:
    from openfaith.store import FailedRunStatus  # noqa: PLC0415  # the driver is not for `--help`

    return list(FailedRunStatus) if every_status else [FailedRunStatus.OPEN]


async def _read_all(
    engine: Engine, chosen: _Chosen, statuses: Sequence[DeadLetterStatus]
) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while part := await engine.dead_letters.list(
        chosen.org,
        entity=chosen.entity,
        reason=chosen.reason,
        statuses=statuses,
        after=found[-1] if found else None,
    ):
        found += part
    return found


def _summary_document(summary: DeadLetterSummary) -> dict[str, object]:
    return {
        "name": summary.entity,
        "adapter": summary.adapter,
        "class": summary.fault,
        "reason": summary.reason,
        "status": summary.status,
        "dead_letters": summary.letters,
        "bytes": summary.bytes,
        "since": summary.since,
        "attempts": summary.attempts,
    }


def document(letter: DeadLetter) -> dict[str, object]:
    """A letter for machines, without its record."""
    return {
        "id": letter.dead_letter_id,
        "name": letter.entity,
        "adapter": letter.adapter,
        "record": letter.record_key,
        "class": letter.fault,
        "reason": letter.reason,
        "status": letter.status,
        "bytes": letter.bytes,
        "requested_at": letter.requested_at,
        "first_seen_at": letter.first_seen_at,
        "last_seen_at": letter.last_seen_at,
        "times_seen": letter.times_seen,
        "run_id": None if letter.run_id is None else str(letter.run_id),
        "path": letter.path,
        "page_token": letter.page_token,
        "api_version": letter.api_version,
        "parents": letter.parents,
        "carrier": letter.carrier,
        "owner": letter.owner_id,
        "attempts": letter.attempts,
        "last_attempt_at": letter.last_attempt_at,
        "last_outcome": letter.last_outcome,
        "decided_by": letter.decided_by,
        "decided_at": letter.decided_at,
    }


def run_document(run: FailedRun) -> dict[str, object]:
    """What failed of a run, for machines."""
    return {
        "run_id": str(run.run_id),
        "name": run.entity,
        "adapter": run.adapter,
        "kind": run.kind,
        "reason": run.reason,
        "status": run.status,
        "times": run.times,
        "first_failed_at": run.first_failed_at,
        "last_failed_at": run.last_failed_at,
        "decided_by": run.decided_by,
        "decided_at": run.decided_at,
    }


def run_lines(org: str, runs: Sequence[FailedRun]) -> Iterator[str]:
    """What failed of which run, and what can be done about it."""
    for run in runs[:_SHOWN]:
        what = "everything" if run.entity == "*" else run.entity
        gone = "" if run.status == "open" else f" ({run.status} by {run.decided_by})"
        often = f"{counted(run.times, 'time')} since {ago(run.since_seconds)}, last"
        when = ago(run.since_seconds) if run.times == 1 else often
        yield f"The {run.kind} of {what} failed {when} in run {run.run_id}{gone}: {run.reason}."
    if len(runs) > _SHOWN:
        yield f"And {len(runs) - _SHOWN:,} more; `--json` shows all."
    numbers = sorted({run.run_id for run in runs if run.status == "open"})
    if numbers:
        yield f"`openfaith dead-letters retry {org} --run {numbers[-1]}` lets such a run go on where it stopped;"
        yield f"`openfaith dead-letters discard {org} --run {numbers[-1]}` gives it up; a later run makes up for it, too."


def summary_lines(summaries: Sequence[DeadLetterSummary]) -> Iterator[str]:
    """How many there are of each kind."""
    for summary in summaries:
        status = "" if summary.status == "open" else f" {summary.status}"
        yield (
            f"{summary.entity}: {counted(summary.letters, 'dead letter')}{status}, {size(summary.bytes)}: "
            f"{summary.reason} (since {ago(summary.since_seconds)})."
        )


def _show_table(output: Output, letters: Sequence[DeadLetter]) -> None:
    """Their status is told where any is settled: else all of them are open."""
    settled = any(letter.status != "open" for letter in letters)
    headings = ["id", "entity", "record", *(["status"] if settled else []), "reason", "last seen", "attempts"]
    rows = [
        (
            str(letter.dead_letter_id),
            letter.entity,
            _printable(letter.record_key),
            *((str(letter.status),) if settled else ()),
            letter.reason,
            ago(letter.seen_seconds),
            str(letter.attempts),
        )
        for letter in letters
    ]
    output.show(add_rows(make_table(*headings, right=("id", "attempts")), rows))


def next_moves(org: str, summaries: Sequence[DeadLetterSummary], *, shown: int) -> Iterator[str]:
    """What can be done about those that are open."""
    more = sum(summary.letters for summary in summaries) - shown
    if more > 0:
        yield f"And {more:,} more; `--json` shows all."
    if any(summary.status == "open" for summary in summaries):
        yield f"`openfaith dead-letters show {org} ID` shows one with its record;"
        yield f"`openfaith dead-letters retry {org} --all` stores what can be stored by now, and asks the source nothing;"
        yield f"`openfaith dead-letters discard {org} ID` gives one up."


@dead_letters.command()
def show(org: Org, number: Number, *, as_json: AsJson = False) -> None:
    """Show one dead letter with its record, exactly as the source sent it.

    The record is personal data: mind where you print it. No other command shows it, and no log has it.
    """
    with_engine(partial(_show, output=Output(as_json=as_json), org=org, number=number))


async def _show(engine: Engine, *, output: Output, org: str, number: int) -> None:
    letter, body = await engine.dead_letters.show(org, number)
    output.data({"org": org, "dead_letter": document(letter) | body_members(body)})
    if output.as_json:
        return
    for line in letter_lines(letter):
        output.say(line)
    output.say()
    output.say(_printable(body.decode("utf-8", "backslashreplace")))


def body_members(body: bytes) -> dict[str, str | None]:
    """A record for machines: as a text where it is one, else in base 64."""
    try:
        return {"body": body.decode(), "body_base64": None}
    except UnicodeDecodeError:
        return {"body": None, "body_base64": base64.b64encode(body).decode()}


def letter_lines(letter: DeadLetter) -> Iterator[str]:
    """What is known of a letter beside its record."""
    yield f"{letter.entity} {_printable(letter.record_key)}: {letter.reason}."
    yield f"  Status: {letter.status}{'' if letter.decided_by is None else f' by {letter.decided_by}'}"
    yield f"  Requested at {letter.requested_at:%Y-%m-%d %H:%M:%S %Z}, met {counted(letter.times_seen, 'time')}, last {ago(letter.seen_seconds)}"
    if letter.path is not None:
        below = "".join(f", {name} {key}" for name, key in (letter.parents or {}).items())
        yield f"  Request: {letter.path}{below}, page {letter.page_token}, API version {letter.api_version}"
    if letter.carrier is not None:
        whose = "nobody knows whose" if letter.owner_id is None else letter.owner_id
        yield f"  Came with: {letter.carrier} {whose}"
    if letter.last_outcome is not None:
        yield f"  Replayed {counted(letter.attempts, 'time')}, at last: {letter.last_outcome}"


def _printable(text: str) -> str:
    """A foreign text that does nothing to a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


# Deciding


@dead_letters.command()
def retry(
    org: Org,
    ids: Numbers = None,
    *,
    entity: OneEntity = None,
    reason: Reason = None,
    run: FailedRunNumber = None,
    everything: AllThatAreOpen = False,
    as_json: AsJson = False,
) -> None:
    """Store dead letters by what this program knows now, without asking the source. Or let a run go on that failed.

    A newer row, and what was deleted since, stays as it is. Exit code 1 where some still cannot be stored, or the run
    fails again.
    """
    chosen = _chosen("retry", org, ids, entity=entity, reason=reason, run=run, everything=everything)
    if run is not None:
        raise typer.Exit(
            with_engine(partial(_retry_run, output=Output(as_json=as_json), chosen=chosen, run=run))
        )
    if not with_engine(partial(_retry, output=Output(as_json=as_json), chosen=chosen)):
        raise typer.Exit(RUN_FAILED)


async def _retry_run(engine: Engine, *, output: Output, chosen: _Chosen, run: int) -> int:
    """All that did not complete of it."""
    failed = await engine.dead_letters.runs(chosen.org)
    if run not in {each.run_id for each in failed}:
        hint = f"`openfaith dead-letters list {chosen.org}` shows what failed and was not made up for since"
        raise UnknownNameError("failed run", str(run), hint=hint)
    return await retry_run(engine, output=output, run_id=RunId(run))


async def _retry(engine: Engine, *, output: Output, chosen: _Chosen) -> bool:
    """Whether everything can be stored."""
    done = await engine.dead_letters.retry(chosen.org, chosen.ids, entity=chosen.entity, reason=chosen.reason)
    counts = Counter(each.outcome.value for each in done)
    outcomes = {name: counts[name] for name in _SAID}
    letters = [
        {"id": each.dead_letter_id, "name": each.entity, "outcome": each.outcome, "reason": each.reason}
        for each in done
    ]
    output.data({"org": chosen.org, "outcomes": outcomes, "dead_letters": letters})
    for line in retry_lines(chosen.org, done):
        output.say(line)
    return outcomes["unstorable"] == 0


_SAID = {
    "stored": "stored",
    "superseded": "not needed any more: what is stored is newer, or it was deleted since",
    "unstorable": "still cannot be stored",
    "settled": "settled before",
}


def retry_lines(org: str, done: Sequence[Retried]) -> Iterator[str]:
    """What became of them."""
    if not done:
        yield "No dead letter is open: nothing was done."
        return
    counts = Counter(each.outcome.value for each in done)
    for name, words in _SAID.items():
        if counts[name]:
            yield f"{counted(counts[name], 'dead letter')}: {words}."
    reasons = Counter((each.entity, each.reason) for each in done if each.reason is not None)
    for (entity, reason), number in reasons.most_common():
        yield f"  {entity}: {number:,} because {reason}."
    if reasons:
        yield f"They stay open: `openfaith dead-letters show {org} ID` shows one with its record."


@dead_letters.command()
def discard(
    org: Org,
    ids: Numbers = None,
    *,
    entity: OneEntity = None,
    reason: Reason = None,
    run: FailedRunNumber = None,
    everything: AllThatAreOpen = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up. They are kept for ninety days, and cannot be retried.

    A record that comes again and still cannot be stored is another dead letter. What is given up of a run is told again if
    it fails again.
    """
    chosen = _chosen("discard", org, ids, entity=entity, reason=reason, run=run, everything=everything)
    with_engine(partial(_discard, output=Output(as_json=as_json), chosen=chosen))


async def _discard(engine: Engine, *, output: Output, chosen: _Chosen) -> None:
    by = who()
    if chosen.run is not None:
        number = await engine.dead_letters.discard_run(
            chosen.org, RunId(chosen.run), entity=chosen.entity, by=by
        )
        output.data({"org": chosen.org, "run_id": str(chosen.run), "discarded": number, "by": by})
        done = f"Discarded what failed of run {chosen.run}: {counted(number, 'entity')}."
        output.say(
            done if number else f"What failed of run {chosen.run} was given up before: nothing was changed."
        )
        return
    number = await engine.dead_letters.discard(
        chosen.org, chosen.ids, entity=chosen.entity, reason=chosen.reason, by=by
    )
    output.data({"org": chosen.org, "discarded": number, "by": by})
    if number:
        output.say(f"Discarded {counted(number, 'dead letter')}.")
    else:
        output.say("None of them is open: nothing was changed.")


def _chosen(
    verb: str,
    org: str,
    ids: list[int] | None,
    *,
    entity: str | None,
    reason: str | None,
    run: int | None,
    everything: bool,
) -> _Chosen:
    """Those that are named, or all that are open, or what failed of a run.

    Raises:
        UsageError: none of these was said, or more than one; or what does not go with a run.
    """
    if run is not None:
        beside = "ids" if ids else "--all" if everything else "--reason" if reason is not None else None
        beside = "--entity" if verb == "retry" and entity is not None else beside
        if beside is not None:
            raise UsageError(f"--run is given beside {beside}: leave one of them out")
        return _Chosen(org=org, entity=entity, reason=None, run=run)
    if bool(ids) == everything:
        raise UsageError(
            f"{'both ids and --all are given' if ids else 'no dead letters are named'}: name their ids, or all that "
            f"are open with `openfaith dead-letters {verb} {org} --all`; `openfaith dead-letters list {org}` shows them"
        )
    return _Chosen(org=org, entity=entity, reason=reason, ids=None if everything else ids)
