"""The rules: what is wrong enough for a person to be told, and what that person can do.

Each yields a finding for every subject of which it holds. No text has a record's value in it: names of organizations and
entities, numbers, times. None has the time that goes by either, so that the text of an alert that goes on stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from openfaith.alerting.facts import BreakerFacts, EntityFacts, Facts, RunFacts, Targets
from openfaith.records import EntityName, OrgId

_NAMED = 6
"""Entities in a text."""

_SHORT_TROUBLE = timedelta(minutes=5)
"""A source in trouble for no longer than this is nobody's concern: it is asked again by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule holds of a subject."""

    rule: str
    org_id: OrgId
    adapter: str
    entity: EntityName | None = None
    """None where it is about all of the organization."""
    aspect: str | None = None
    """What of it, where the rule tells several apart: each is an alert of its own."""
    severity: Literal["warning", "error"]
    message: str
    """What is wrong and the next move, in one sentence."""


Rule = Callable[[Facts, Targets], Iterator[Finding]]


def run_failed(facts: Facts, _targets: Targets) -> Iterator[Finding]:
    """Something of a run failed, and nothing has made up for it yet. Each kind for itself: an hourly delta that completes
    does not make good what the nightly reconciliation has failed to do.
    """
    for run in facts.runs:
        yield Finding(
            rule="run_failed",
            org_id=run.org_id,
            adapter=run.adapter,
            aspect=run.kind,
            severity="warning" if run.is_partial else "error",
            message=f"the last {run.kind} run of {run.org_id} {_outcome(run)}; `openfaith runs show {run.run_id}` says why, "
            f"`openfaith runs retry {run.run_id}` goes on with what is missing",
        )


def _outcome(run: RunFacts) -> str:
    outcome = "is partial" if run.is_partial else "failed"
    return f"{outcome}: {_listed(run.entities)} did not complete" if run.entities else outcome


def stale(facts: Facts, targets: Targets) -> Iterator[Finding]:
    """What was true once is so no more, for longer than it may be. What was never synced is not stale."""
    for known in facts.entities:
        if known.is_synced and known.watermark and facts.at - known.watermark > targets.fresh_within:
            yield _of(
                known,
                rule="stale",
                severity="error",
                message=f"{known.entity} was last true at {_moment(known.watermark)}, which is longer ago than "
                f"{_span(targets.fresh_within)}; `openfaith status {known.org_id}` says why, "
                f"`openfaith sync {known.org_id} --type delta --entity {known.entity}` reads what changed",
            )


def guard_stopped(facts: Facts, _targets: Targets) -> Iterator[Finding]:
    """Deletions wait for a person."""
    for known in facts.entities:
        if known.held:
            waits = "record waits" if known.held == 1 else "records wait"
            yield _of(
                known,
                rule="guard_stopped",
                severity="warning",
                message=f"{known.held:,} {waits} for a person who says whether they may be deleted from {known.entity}; "
                f"`openfaith suspects list {known.org_id} --entity {known.entity}` shows them and what to do",
            )


def dead_letters(facts: Facts, targets: Targets) -> Iterator[Finding]:
    """More records are set aside than may be. How many there are and not how they grow: growth ends when nobody syncs,
    and the records would still be missing.
    """
    for known in facts.entities:
        if known.dead_letters > targets.most_dead_letters:
            are = "record is" if known.dead_letters == 1 else "records are"
            yield _of(
                known,
                rule="dead_letters",
                severity="warning",
                message=f"{known.dead_letters:,} {are} set aside that {known.entity} cannot hold, and no more than "
                f"{targets.most_dead_letters:,} may be; `openfaith dead-letters list {known.org_id} --entity {known.entity}` has the "
                "reasons and what to do",
            )


def parity_lost(facts: Facts, targets: Targets) -> Iterator[Finding]:
    """The table may not be what the source has: a sample differed, or nobody has proven for too long that it is."""
    for known in facts.entities:
        if known.sampled_different:
            yield _of(
                known,
                rule="parity_lost",
                aspect="sample",
                severity="warning",
                message=f"{known.sampled_different:,} of {known.sampled:,} sampled records of {known.entity} differed from the "
                f"source under the same updated_at; `openfaith sync {known.org_id} --type sweep` finds what else does",
            )
        if _is_unproven(known, facts.at - targets.proven_within):
            proven = (
                f"last proven complete at {_moment(known.proven_at)}" if known.proven_at else "never proven"
            )
            yield _of(
                known,
                rule="parity_lost",
                aspect="proof",
                severity="warning",
                message=f"{known.entity} was {proven}, and {_span(targets.proven_within)} are over; "
                f"`openfaith sync {known.org_id} --type reconciliation --entity {known.entity}` lists everything again, "
                f"`openfaith status {known.org_id}` names what speaks against it",
            )


def _is_unproven(known: EntityFacts, since: datetime) -> bool:
    """Whether nothing proved it `since` then. What the token may not see, or was never read whole, cannot be proven."""
    if not (known.is_synced and known.is_accessible):
        return False
    if known.proven_at is not None:
        return known.proven_at < since
    return known.is_doubted and known.connected_at < since


def breaker_open(facts: Facts, _targets: Targets) -> Iterator[Finding]:
    """A source is left alone: the credentials are rejected, which only a person mends, or its trouble goes on."""
    for breaker in facts.breakers:
        if breaker.is_rejected or facts.at - breaker.opened_at > _SHORT_TROUBLE:
            yield Finding(
                rule="breaker_open",
                org_id=breaker.org_id,
                adapter=breaker.adapter,
                aspect="rejected" if breaker.is_rejected else "outage",
                severity="error" if breaker.is_rejected else "warning",
                message=_left_alone(breaker),
            )


def _left_alone(breaker: BreakerFacts) -> str:
    source, since = f"{breaker.adapter} of {breaker.org_id}", _moment(breaker.opened_at)
    if breaker.is_rejected:
        return (
            f"{source} rejects the credentials since {since}; "
            f"`openfaith connect {breaker.adapter} --org {breaker.org_id}` with others, and what was stopped goes on"
        )
    return (
        f"{source} is in trouble since {since} and left alone; what waits for it goes on by itself, "
        f"`openfaith status {breaker.org_id}` says what was seen"
    )


RULES: Mapping[str, Rule] = {
    "run_failed": run_failed,
    "stale": stale,
    "guard_stopped": guard_stopped,
    "dead_letters": dead_letters,
    "parity_lost": parity_lost,
    "breaker_open": breaker_open,
}
"""Every rule there is, by its name."""


def decide(facts: Facts, targets: Targets) -> list[Finding]:
    """Everything that a person shall be told of. No two findings have the same rule, subject and aspect."""
    return [finding for rule in RULES.values() for finding in rule(facts, targets)]


def _of(
    known: EntityFacts,
    *,
    rule: str,
    severity: Literal["warning", "error"],
    message: str,
    aspect: str | None = None,
) -> Finding:
    return Finding(
        rule=rule,
        org_id=known.org_id,
        adapter=known.adapter,
        entity=known.entity,
        aspect=aspect,
        severity=severity,
        message=message,
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _span(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):g} hours"
