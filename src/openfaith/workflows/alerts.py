"""Looking after alerts while a process works: what the rules find is kept, and told to those who shall know.

Beside the looking after runs and not in it, so that a receiver that hangs keeps no run waiting. The organizations are looked
at a few at a time, each few in a transaction of their own: the loop that reads pages goes on in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from functools import partial

from openfaith.alerting import Targets, decide, wait_after
from openfaith.delivery import Sender
from openfaith.errors import DeliveryFailedError, SyncError
from openfaith.records import OrgId
from openfaith.store import (
    Database,
    begin_alert_look,
    claim_deliveries,
    enlist_deliveries,
    forget_old_alerts,
    list_next_org_ids,
    note_delivered,
    note_undelivered,
    update_alerts,
)
from openfaith.telemetry import get_logger, log_event

LOOK_AGAIN = timedelta(minutes=1)
"""How soon what goes wrong is noticed, by all processes together: one of them looks."""

LONGEST_LAST_LOOK = timedelta(seconds=60)
"""How long a command that is done looks and tells at most: longer than any channel waits for its answer, so that one that
gives none is noted as such, and left alone for a while by the next command."""

_ORGANIZATIONS_AT_ONCE = 20
_ALERTS_IN_A_MESSAGE = 100

_PATIENCE = timedelta(minutes=2)
"""When an attempt counts as lost: several times as long as a channel waits for its answer."""

_log = get_logger("openfaith.alerts")


async def keep_alerting(database: Database, targets: Targets, senders: Sequence[Sender]) -> None:
    """Look and tell, until cancelled. A process that has only just begun has nothing to tell of yet."""
    while True:
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
        await _unharmed(look_for_alerts(database, targets), "looking for alerts failed")
        await _unharmed(tell_of_alerts(database, senders), "telling of alerts failed")


async def look_once(database: Database, targets: Targets, senders: Sequence[Sender]) -> None:
    """Look and tell at the end of a command: where no worker is alive nobody else does."""
    try:
        async with asyncio.timeout(LONGEST_LAST_LOOK.total_seconds()):
            await _unharmed(
                look_for_alerts(database, targets, apart=timedelta()), "looking for alerts failed"
            )
            await _unharmed(tell_of_alerts(database, senders), "telling of alerts failed")
    except TimeoutError:
        _log.warning(
            "looking for alerts, or telling of them, took too long", seconds=LONGEST_LAST_LOOK.total_seconds()
        )


async def _unharmed(work: Awaitable[object], failure: str) -> None:
    try:
        await work
    except SyncError as exc:
        _log.warning(failure, reason=str(exc))
    except Exception as exc:  # noqa: BLE001  # the watch must outlive any fault; foreign texts can quote what they were given
        _log.error(failure, reason=type(exc).__name__)


async def look_for_alerts(database: Database, targets: Targets, *, apart: timedelta = LOOK_AGAIN / 2) -> bool:
    """Make all alerts what the rules find now, unless another process has begun to within `apart`.

    Returns whether it was done here.
    """
    if not await begin_alert_look(database, apart=apart):
        return False
    last = ""
    while org_ids := await list_next_org_ids(database, after=last, limit=_ORGANIZATIONS_AT_ONCE):
        # What goes wrong with some keeps nobody from looking at those that follow.
        await _unharmed(_update(database, targets, org_ids), "looking for alerts failed")
        last = org_ids[-1]
    await forget_old_alerts(database)
    return True


async def _update(database: Database, targets: Targets, org_ids: Sequence[OrgId]) -> None:
    for event in await update_alerts(database, org_ids, partial(decide, targets=targets)):
        log_event(event)


async def tell_of_alerts(database: Database, senders: Sequence[Sender]) -> None:
    """Send by every channel what it owes. One that fails is left alone until the next look, and keeps no other waiting."""
    await enlist_deliveries(database, [sender.channel for sender in senders])
    await asyncio.gather(*(_tell_by(database, sender) for sender in senders))


async def _tell_by(database: Database, sender: Sender) -> None:
    while notices := await claim_deliveries(
        database, sender.channel, limit=_ALERTS_IN_A_MESSAGE, patience=_PATIENCE
    ):
        try:
            await sender.send(notices)
        except DeliveryFailedError as exc:
            _log.warning("alerts were not delivered", reason=str(exc), alerts=len(notices))
            await note_undelivered(database, sender.channel, notices, error=exc.seen, wait_after=wait_after)
            return
        await note_delivered(database, sender.channel, notices)
