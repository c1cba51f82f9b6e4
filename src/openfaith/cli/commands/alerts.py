"""`openfaith alerts`: what a person shall know, and that one does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option, Typer

from openfaith.cli.commands.suspects import who
from openfaith.cli.failures import UsageError
from openfaith.cli.options import AsJson, OrgOrAll, help_without_command
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.words import ago, counted, duration

if TYPE_CHECKING:
    from openfaith.alerting import Alert, AlertId, Delivery
    from openfaith.engine import Engine

alerts = Typer(
    help="List and acknowledge what a person shall know.",
    callback=help_without_command,
    invoke_without_command=True,
)

_LARGEST_ID = 2**63 - 1
_STYLES = {"error": "bold red", "warning": "yellow"}


def _alert_numbers(numbers: list[int] | None) -> list[int] | None:
    """What no alert can have is wrong usage, and no question to the database."""
    for number in numbers or ():
        if not 0 < number <= _LARGEST_ID:
            raise typer.BadParameter(f"{number} is no alert's number")
    return numbers


Ids = Annotated[
    list[int] | None,
    Argument(
        metavar="[ID]...", callback=_alert_numbers, help="The alerts' numbers (`openfaith alerts list`)."
    ),
]
AllThatAreOpen = Annotated[bool, Option("--all", help="All that are open now, of every organization.")]
Resolved = Annotated[bool, Option("--all", help="Also those that are resolved.")]


# Looking


@alerts.command("list")
def list_(org: OrgOrAll = None, *, resolved: Resolved = False, as_json: AsJson = False) -> None:
    """List alerts: what is wrong enough for a person to know, and what to do.

    Says of each since when it holds, who knows of it, and whether somebody could be told.
    """
    with_engine(partial(_list, output=Output(as_json=as_json), org=org, resolved=resolved))


async def _list(engine: Engine, *, output: Output, org: str | None, resolved: bool) -> None:
    found = await engine.alerts.list(org, resolved=resolved)
    deliveries = await engine.alerts.deliveries(found)
    output.data({"alerts": [_document(alert, deliveries.get(alert.alert_id, ())) for alert in found]})
    if output.as_json:
        return
    if not found:
        output.say("There are no alerts.")
        return
    for text, style in alert_lines(found, deliveries, now=datetime.now(UTC)):
        output.say(text, style=style)
    if any(alert.state == "open" for alert in found):
        output.say(
            "`openfaith alerts ack ID` says that you know: nobody is told of it again, as long as it holds."
        )


def _document(alert: Alert, deliveries: Sequence[Delivery]) -> dict[str, object]:
    return {
        "id": str(alert.alert_id),
        "org": alert.org_id,
        "adapter": alert.adapter,
        "entity": alert.entity,
        "aspect": alert.aspect,
        "rule": alert.rule,
        "severity": alert.severity,
        "state": alert.state,
        "message": alert.message,
        "opened_at": alert.opened_at,
        "last_seen_at": alert.last_seen_at,
        "times_seen": alert.times_seen,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": alert.acknowledged_by,
        "resolved_at": alert.resolved_at,
        "deliveries": [
            {
                "channel": each.channel,
                "occasion": each.occasion,
                "attempts": each.attempts,
                "error": each.error,
                "next_attempt_at": each.next_attempt_at,
                "delivered_at": each.delivered_at,
                "given_up_at": each.given_up_at,
            }
            for each in deliveries
        ],
    }


def alert_lines(
    found: Sequence[Alert], deliveries: Mapping[AlertId, Sequence[Delivery]], *, now: datetime
) -> Iterator[tuple[str, str]]:
    """What is known of each alert; each line with its style."""
    for alert in found:
        yield (
            f"{alert.alert_id}  {alert.org_id}  {alert.rule} ({alert.severity}, {_standing(alert, now)})",
            _STYLES.get(alert.severity, "") if alert.state == "open" else "",
        )
        yield f"  {alert.message}", ""
        for delivery in deliveries.get(alert.alert_id, ()):
            # What is known to a person, or over, need not be told as new.
            is_due = alert.state == ("open" if delivery.occasion == "opened" else "resolved")
            if delivery.delivered_at is None and (is_due or delivery.attempts):
                yield f"  {_undelivered(delivery, now, is_due=is_due)}", "yellow" if is_due else ""


def _standing(alert: Alert, now: datetime) -> str:
    opened = f"opened {_since(alert.opened_at, now)}"
    if alert.resolved_at is not None:
        return f"{opened}, resolved {_since(alert.resolved_at, now)}"
    if alert.acknowledged_at is None:
        return opened
    return f"{opened}, acknowledged by {alert.acknowledged_by} {_since(alert.acknowledged_at, now)}"


def _undelivered(delivery: Delivery, now: datetime, *, is_due: bool) -> str:
    told = "" if delivery.occasion == "opened" else " that it is resolved"
    if not delivery.attempts:
        return f"Not yet told{told} by {delivery.channel}."
    tried = f"Not told{told} by {delivery.channel} after {counted(delivery.attempts, 'attempt')}"
    why = f": {delivery.error}" if delivery.error else ""
    if delivery.given_up_at is not None:
        return f"{tried}{why}; given up {_since(delivery.given_up_at, now)}."
    if not is_due:
        return f"{tried}{why}; there is no need any more."
    wait = max((delivery.next_attempt_at - now).total_seconds(), 0)
    return f"{tried}{why}; to be tried again {f'in {duration(wait)}' if wait else 'now'}."


def _since(at: datetime, now: datetime) -> str:
    return ago((now - at).total_seconds())


# Knowing


@alerts.command()
def ack(ids: Ids = None, *, everything: AllThatAreOpen = False, as_json: AsJson = False) -> None:
    """Acknowledge alerts: say that you know.

    Nobody is told of them again as long as they hold. What is resolved and comes back is a new alert.
    """
    if bool(ids) == everything:
        raise UsageError(
            f"{'both ids and --all are given' if ids else 'no alerts are named'}: name their ids, or all that are open with "
            "`openfaith alerts ack --all`; `openfaith alerts list` shows them"
        )
    with_engine(partial(_ack, output=Output(as_json=as_json), ids=None if everything else ids))


async def _ack(engine: Engine, *, output: Output, ids: list[int] | None) -> None:
    by = who()
    number = await engine.alerts.acknowledge(ids, by=by)
    output.data({"acknowledged": number, "by": by})
    if number:
        output.say(f"Acknowledged {counted(number, 'alert')}: nobody is told of what you know.")
    else:
        output.say(
            "None of them was open: nothing was changed." if ids else "No alert is open: nothing was changed."
        )
