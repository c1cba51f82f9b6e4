"""The outbox of alerts: what each channel owes, who is at it, and what came of it.

Nothing is sent in a transaction. A delivery is taken for a while and its attempt counted before it is sent, and what came
of that is noted afterwards. Who is killed in between loses nothing: the delivery is taken again when its time is over, so
that what had arrived already arrives twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from psycopg.rows import dict_row

from openfaith.alerting import Alert, Channel, Notice, Occasion
from openfaith.store.connection import Database
from openfaith.store.queries import query
from openfaith.texts import storable_text


async def enlist_deliveries(database: Database, channels: Collection[Channel]) -> None:
    """Have these channels owe word of what is open, and of the end of what they have told of."""
    async with database.connection() as connection:
        await connection.execute(query("alerts", "enlist"), {"channels": list(channels)})


async def claim_deliveries(
    database: Database, channel: Channel, *, limit: int, patience: timedelta
) -> list[Notice]:
    """Take the next deliveries of a channel that are due, the oldest alert first; empty where there are none.

    Args:
        patience: how long nobody else takes them. Longer than sending takes.
    """
    wanted = {"channel": channel, "limit": limit, "patience": patience}
    async with database.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(query("alerts", "claim"), wanted)
        taken = [_notice(row) for row in await cursor.fetchall()]
    return sorted(taken, key=lambda notice: (notice.alert.alert_id, notice.occasion))


def _notice(row: dict[str, object]) -> Notice:
    occasion, attempt = Occasion(str(row.pop("occasion"))), row.pop("attempt")
    assert isinstance(attempt, int)
    return Notice(alert=Alert(**row), occasion=occasion, attempt=attempt)  # type: ignore[arg-type]  # as `class_row` does


async def note_delivered(database: Database, channel: Channel, notices: Sequence[Notice]) -> None:
    """These have arrived."""
    async with database.connection() as connection:
        await connection.execute(query("alerts", "note_delivered"), _keys(channel, notices))


async def note_undelivered(
    database: Database,
    channel: Channel,
    notices: Sequence[Notice],
    *,
    error: str,
    wait_after: Callable[[int], timedelta | None],
) -> None:
    """These have not arrived, and are tried again.

    Args:
        error: why, for people.
        wait_after: how long after so many attempts; None for never.
    """
    outcome = {"error": storable_text(error), "waits": [wait_after(notice.attempt) for notice in notices]}
    async with database.connection() as connection:
        await connection.execute(query("alerts", "note_failed"), _keys(channel, notices) | outcome)


def _keys(channel: Channel, notices: Sequence[Notice]) -> dict[str, object]:
    return {
        "channel": channel,
        "alert_ids": [notice.alert.alert_id for notice in notices],
        "occasions": [notice.occasion for notice in notices],
    }
