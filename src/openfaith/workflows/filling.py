"""Looking after the mirror tables while a process works: new columns are filled from what `_extra` holds for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from openfaith.errors import SyncError
from openfaith.store import Database, fill_mirror_tables
from openfaith.telemetry import get_logger

LOOK_AGAIN = timedelta(minutes=5)
"""How soon a table is noticed that became due, or was put down by another process. A look is one small query."""

_log = get_logger("openfaith.filling")


async def keep_filling(database: Database) -> None:
    """Fill what is due, until cancelled. What is half-way then goes on in whatever process works next."""
    while True:
        try:
            await fill_mirror_tables(database)
        except SyncError as exc:
            _log.warning("filling new columns was interrupted", reason=str(exc))
        except Exception as exc:  # noqa: BLE001  # the watch must outlive any fault; foreign texts can quote what they were given
            _log.error("filling new columns was interrupted", reason=type(exc).__name__)
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
